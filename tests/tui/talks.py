"""Conversations for the viewer's tests, and an app that shows nothing but the viewer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from textual.app import App, ComposeResult
from textual.message import Message as Event
from textual.pilot import Pilot

from session_tui.model import (
    Block,
    Message,
    Messages,
    Role,
    Session,
    SessionKey,
    Summary,
    Text,
    ToolCall,
    ToolResult,
    Transcript,
)
from session_tui.tui.theme_variables import variable_defaults
from session_tui.tui.viewer import MessageViewer

NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
MODEL = "harbour-2"


class Reading(App[None]):
    """Shows the viewer and keeps what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Event] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return variable_defaults(self.current_theme)

    def compose(self) -> ComposeResult:
        yield MessageViewer(id="viewer")

    @property
    def viewer(self) -> MessageViewer:
        return self.query_one(MessageViewer)

    def on_message_viewer_found(self, event: MessageViewer.Found) -> None:
        self.heard.append(event)

    def on_message_viewer_copy_requested(self, event: MessageViewer.CopyRequested) -> None:
        self.heard.append(event)

    def on_message_viewer_find_requested(self, event: MessageViewer.FindRequested) -> None:
        self.heard.append(event)

    def on_message_viewer_moved(self, event: MessageViewer.Moved) -> None:
        self.heard.append(event)


def say(
    role: str,
    *blocks: Block | str,
    minute: int = 0,
    day: int = 0,
    id: str = "",
    archived: bool = False,
    is_summary: bool = False,
    is_meta: bool = False,
) -> Message:
    """A message some minutes after noon; strings are texts."""
    return Message(
        id=id or f"{role}-{day}-{minute}",
        role=Role(role),
        blocks=tuple(Text(block) if isinstance(block, str) else block for block in blocks),
        created_at=NOON + timedelta(days=day, minutes=minute),
        model=MODEL if role == "assistant" else None,
        archived=archived,
        is_summary=is_summary,
        is_meta=is_meta,
    )


def call(name: str, id: str = "c", **arguments: object) -> ToolCall:
    return ToolCall(id, name, arguments)


def result(text: str, id: str = "c", *, is_error: bool = False) -> ToolResult:
    return ToolResult(id, "", text, is_error)


def transcript(
    messages: Sequence[Message], *, id: str = "one", archived: int | None = None, summaries: Sequence[Summary] = ()
) -> Transcript:
    kept = messages if isinstance(messages, Messages) else Messages.of(list(messages))
    session = Session(key=SessionKey("demo", id), project="/home/mara/boat", archived_count=archived)
    return Transcript(session=session, messages=kept, summaries=tuple(summaries))


def long_talk(count: int) -> list[Message]:
    """Prompts, answers with lists and code, tool calls and results, over and over."""
    kinds: list[Callable[[int], Message]] = [
        lambda i: say("user", f"prompt {i}: " + "please mend the sail " * (i % 7), minute=i),
        lambda i: say("assistant", _answer(i), call("read_file", path=f"/home/mara/boat/sail{i}.md"), minute=i),
        lambda i: say("tool", result(f"result {i}\n" * (1 + i % 5)), minute=i),
    ]
    return [kinds[i % 3](i) for i in range(count)]


def _answer(number: int) -> str:
    points = "\n".join(f"- point {n} of answer {number}: " + "wind and weather " * n for n in range(number % 6))
    return f"## Answer {number}\n\n{points}\n\n```python\ndef knot_{number}():\n    return {number}\n```"


def rows(app: Reading) -> list[str]:
    """What stands on the screen."""
    return [app.viewer.render_line(y).text.rstrip() for y in range(app.viewer.size.height)]


def said(app: Reading) -> str:
    return "\n".join(rows(app))


async def settled(pilot: Pilot[None]) -> None:
    """Until nothing moves: workers ended, what lies ahead laid out."""
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()
