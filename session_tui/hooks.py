"""Who is told that a session ends: callables, plug-ins and configured commands, in this order.

Whatever one of them does, the others are told and the operation goes on; what went wrong stands in the log.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from importlib import metadata
from typing import IO, Final, TypeAlias

from session_tui import documents
from session_tui.config import HookSection
from session_tui.model import EndReason, Refusal, Session
from session_tui.text import clip, one_line

log = logging.getLogger(__name__)

GROUP: Final = "session_tui.hooks"
"""Entry-point group; each entry names an `EndHook`."""
EndHook: TypeAlias = Callable[[Session, EndReason], object]
"""Told of a session and why it ends, before anything changes."""
_OUTPUT_LIMIT: Final = 4_000


class Hooks:
    """Those to be told; ``sections`` are the configured commands. Safe for several threads."""

    def __init__(self, sections: Sequence[HookSection] = (), *, plugins: bool = True) -> None:
        self._sections = tuple(sections)
        self._with_plugins = plugins
        self._added: tuple[EndHook, ...] = ()

    def add(self, hook: EndHook) -> EndHook:
        """Tell ``hook`` too, after those added before it; returned, so that it can be used as a decorator."""
        self._added = (*self._added, hook)
        return hook

    def ended(self, session: Session, reason: EndReason) -> None:
        """Tell everyone that ``session`` ends; returns when all were told, and never raises.

        This is an `EndHook` itself.
        """
        for hook in (*self._added, *self._plugins):
            try:
                hook(session, reason)
            except Exception:  # foreign code: the session ends whatever it does
                log.exception("an end hook failed for %s (%s)", session.key.ref, reason.value)
        for section in self._sections:
            _tell(section, session, reason)

    @cached_property
    def _plugins(self) -> tuple[EndHook, ...]:
        """The hooks of installed packages; one that cannot be loaded is told of in the log and left out."""
        found: list[EndHook] = []
        for entry in metadata.entry_points(group=GROUP) if self._with_plugins else ():
            try:
                hook = entry.load()
            except Exception:  # foreign code: a broken package costs only itself
                log.exception("the hook %s could not be loaded", entry.value)
                continue
            if callable(hook):
                found.append(hook)
            else:
                log.error("the hook %s cannot be called", entry.value)
        return tuple(found)


def document(session: Session, reason: EndReason, *, event: str = "session_end") -> documents.Document:
    """What a command is told: the session as ``list --json`` shows it, but for what its store can do with it."""
    row = documents.session(session, ref=session.key.ref, capabilities=(), resume=Refusal(""))
    told = {name: value for name, value in row.items() if name not in {"capabilities", "resume"}}
    return documents.versioned({"event": event, "reason": reason.value, "session": told})


def _tell(section: HookSection, session: Session, reason: EndReason) -> None:
    """Run the section's command to its end, with the session on its standard input and its output to the log."""
    try:
        arguments = shlex.split(section.command) if isinstance(section.command, str) else list(section.command)
        if not arguments:
            raise ValueError("no command")
        arguments[0] = os.path.expanduser(arguments[0])  # noqa: PTH111 - a Path would make "./x" a name to search
        told = json.dumps(document(session, reason, event=section.event), default=_plain).encode("ascii")
        with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as said:
            asked.write(told + b"\n")
            asked.seek(0)
            code = _run(arguments, asked, said, section.timeout_seconds)
            said.seek(0)
            output = one_line(said.read(_OUTPUT_LIMIT).decode("utf-8", "replace"))
    except (OSError, ValueError) as error:
        log.error("the hook %s was not run: %s", _name(section), error)
        return
    how = f"was stopped after {section.timeout_seconds:g} s" if code is None else f"ended with {code}"
    log.log(logging.ERROR if code != 0 else logging.INFO, "the hook %s %s: %s", _name(section), how, output)


def _run(arguments: list[str], asked: IO[bytes], said: IO[bytes], seconds: float) -> int | None:
    """The command's exit code; ``None`` when it took too long and was stopped with all it had started.

    Files rather than pipes: a command that leaves something running, or never reads, cannot hold us up.
    """
    process = subprocess.Popen(arguments, stdin=asked, stdout=said, stderr=said, start_new_session=True)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _name(section: HookSection) -> str:
    command = section.command if isinstance(section.command, str) else shlex.join(section.command)
    return clip(one_line(command), 80) or "(empty)"
