"""Continue a session: the checks before its agent is started, the shell line that does the same, the start."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from session_tui.errors import LaunchError
from session_tui.model import Launch, Refusal, Session


def checked(
    launch: Launch, session: Session, environ: Mapping[str, str], directory: str | None = None
) -> Launch | Refusal:
    """``launch`` when it can be started now, else why not.

    ``directory`` replaces the session's own directory.
    """
    cwd = directory or launch.cwd
    if cwd is not None and not Path(cwd).is_dir():
        return Refusal(f"the folder {cwd} is gone", "name another one with --in DIR, or bring it back")
    if session.live:
        return Refusal("the session is open in another program", "close it there first")
    program = launch.argv[0]
    found = shutil.which(program, path=environ.get("PATH", ""))
    if found is None:
        return Refusal(f"{program} is not on the PATH", f"install {program}, or add its folder to PATH")
    return replace(launch, cwd=cwd)


def shell_line(launch: Launch) -> str:
    """The line that does the same in a POSIX shell, every word quoted where it must be."""
    words = [f"{name}={shlex.quote(value)}" for name, value in launch.env.items()]
    command = " ".join([*words, shlex.join(launch.argv)])
    return f"cd {shlex.quote(launch.cwd)} && {command}" if launch.cwd else command


def become(launch: Launch) -> NoReturn:
    """Replace this process by the agent, in the session's directory; its exit code becomes ours.

    Raises:
        LaunchError: the program cannot be started.
    """
    # Python ignores these two; a program started by exec would inherit that and never die of a closed pipe.
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    environ = {**os.environ, **launch.env}
    try:
        if launch.cwd:
            os.chdir(launch.cwd)
            environ["PWD"] = launch.cwd
        os.execvpe(launch.argv[0], list(launch.argv), environ)
    except OSError as error:
        what = f"{launch.argv[0]} could not be started: {error.strerror}"
        raise LaunchError(what, where=launch.cwd or "", hint="check that the program runs by itself") from error
