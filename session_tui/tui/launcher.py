"""Hands the terminal to an agent and takes it back as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

from textual.app import App, SuspendNotSupported

from session_tui.errors import LaunchError
from session_tui.model import Launch

_RESET = b"\x1b[0m\x1b[?25h"
"""Plain attributes and a visible cursor; an agent that was killed leaves neither."""


def run(app: App[object], launch: Launch) -> int:
    """Suspend ``app``, run the agent in its directory until it ends, and return its exit code.

    Raises:
        LaunchError: it could not be started, or the app has no terminal to hand over.
    """
    try:
        with app.suspend(), _terminal_kept():
            return _wait(launch)
    except SuspendNotSupported as error:
        raise LaunchError("there is no terminal to hand over", hint="copy the command and run it in a shell") from error


def _wait(launch: Launch) -> int:
    environ = {**os.environ, **launch.env}
    if launch.cwd:
        environ["PWD"] = launch.cwd
    try:
        return subprocess.run(launch.argv, cwd=launch.cwd, env=environ, check=False).returncode
    except OSError as error:
        what = f"{launch.argv[0]} could not be started: {error.strerror}"
        raise LaunchError(what, where=launch.cwd or "", hint="check that the program runs by itself") from error


@contextmanager
def _terminal_kept() -> Iterator[None]:
    """Keep the terminal's settings, and keep signals meant for the agent from ending us."""
    descriptor = sys.__stdin__.fileno() if sys.__stdin__ else 0
    settings = termios.tcgetattr(descriptor)
    # A handler, not SIG_IGN: the agent would inherit that and could not be interrupted.
    names = (signal.SIGINT, signal.SIGQUIT)
    handlers = {name: signal.signal(name, lambda *_: None) for name in names}
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, settings)
        os.write(2, _RESET)
        for name, handler in handlers.items():
            signal.signal(name, handler)
