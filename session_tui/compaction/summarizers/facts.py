"""The files a conversation read and wrote and the commands it ran, taken from its tool calls alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from session_tui.compaction.summarizers.conversation import CHECK_EVERY
from session_tui.compaction.summarizers.deeds import Kind, deeds
from session_tui.model import Message, ToolCall, ToolResult
from session_tui.progress import Progress


@dataclass(frozen=True, slots=True)
class Command:
    """A command, how often it was run, and whether its last run failed."""

    text: str
    times: int = 1
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Paths and commands in the order they first came up, each once."""

    written: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    commands: tuple[Command, ...] = ()
    errors: tuple[str, ...] = ()
    """The telling line of each failed call's output, each once."""

    def after(self, earlier: Facts) -> Facts:
        """These facts with ``earlier`` ones before them; what was written is no longer merely read."""
        commands = {command.text: command for command in earlier.commands}
        for command in self.commands:
            before = commands.get(command.text)
            commands[command.text] = replace(command, times=command.times + before.times) if before else command
        written = _once((*earlier.written, *self.written))
        return Facts(
            written=written,
            read=tuple(path for path in _once((*earlier.read, *self.read)) if path not in set(written)),
            commands=tuple(commands.values()),
            errors=_once((*earlier.errors, *self.errors)),
        )


def gather(messages: Iterable[Message], progress: Progress) -> Facts:
    """The facts of ``messages``. A file whose writing failed counts as neither written nor read.

    Raises:
        Cancelled: a stop was asked for.
    """
    calls: list[ToolCall] = []
    by_id: dict[str, int] = {}
    failures: dict[int, str] = {}
    for position, message in enumerate(messages):
        if position % CHECK_EVERY == 0:
            progress.check()
        for block in message.blocks:
            match block:
                case ToolCall(id=id):
                    by_id[id] = len(calls)
                    calls.append(block)
                case ToolResult(call_id=id, is_error=True, text=text) if id in by_id:
                    failures[by_id[id]] = telling_line(text)
                case _:
                    continue
    return _facts(calls, failures)


def _facts(calls: list[ToolCall], failures: dict[int, str]) -> Facts:
    written: list[str] = []
    read: list[str] = []
    commands: dict[str, Command] = {}
    for number, call in enumerate(calls):
        for deed in deeds(call):
            failed = number in failures
            if deed.kind is Kind.RUN:
                before = commands.get(deed.target)
                commands[deed.target] = Command(deed.target, before.times + 1 if before else 1, failed)
            elif not failed:
                (written if deed.kind is Kind.WRITE else read).append(deed.target)
    return Facts(
        written=_once(written),
        read=tuple(path for path in _once(read) if path not in set(written)),
        commands=tuple(commands.values()),
        errors=_once(line for line in failures.values() if line),
    )


def telling_line(output: str) -> str:
    """The line of a failed call's output that says most: the last that names an error, else the last."""
    lines = [line.strip() for line in output[-8_000:].splitlines() if line.strip()]
    named = [line for line in lines if "error" in line.lower() or "exception" in line.lower()]
    return (named or lines or [""])[-1]


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
