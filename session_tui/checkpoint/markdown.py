"""A conversation as Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from session_tui.model import (
    Attachment,
    Block,
    Image,
    Message,
    RedactedThinking,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Transcript,
)
from session_tui.text import drawable, one_line, size, stamp

_NAMES = {Role.USER: "User", Role.ASSISTANT: "Assistant", Role.SYSTEM: "System", Role.TOOL: "Tool"}
_GIST = 100


def render(
    transcript: Transcript, messages: Iterable[Message], *, tools: bool = False, thinking: bool = False
) -> Iterator[str]:
    """The pieces of a Markdown document, one for the head and one for each message, safe to print.

    Args:
        messages: those of the transcript to write, in order.
        tools: write tool calls and results whole instead of one line each.
        thinking: write the model's reasoning.
    """
    yield from _head(transcript)
    for message in messages:
        parts = [piece for block in message.blocks if (piece := _block(block, tools=tools, thinking=thinking))]
        yield "\n\n".join([_heading(message), *parts, ""])


def _head(transcript: Transcript) -> Iterator[str]:
    session = transcript.session
    facts = [
        ("Session", session.key.ref),
        ("Project", session.project),
        ("Model", session.model),
        ("Created", stamp(session.created_at)),
        ("Updated", stamp(session.updated_at)),
    ]
    lines = [f"- {name}: {one_line(value)}" for name, value in facts if value]
    yield "\n".join([f"# {one_line(session.title) or 'Untitled'}", "", *lines, ""])


def _heading(message: Message) -> str:
    name = "Summary" if message.is_summary else _NAMES[message.role]
    notes = [stamp(message.created_at), message.model and one_line(message.model), message.archived and "archived"]
    told = " · ".join(str(note) for note in notes if note)
    return f"## {name}{f' — {told}' if told else ''}"


def _block(block: Block, *, tools: bool, thinking: bool) -> str:
    match block:
        case Text():
            return drawable(block.text)
        case Thinking():
            return "\n".join(f"> {line}" for line in drawable(block.text).split("\n")) if thinking else ""
        case RedactedThinking():
            return "*(sealed reasoning)*" if thinking else ""
        case ToolCall():
            return _call(block) if tools else f"▸ `{one_line(block.name)}` {_gist(_input(block))}".rstrip()
        case ToolResult():
            return _result(block) if tools else f"◂ {'error: ' if block.is_error else ''}{_gist(block.text)}".rstrip()
        case Image():
            return f"*(image {one_line(block.media_type)}, {size(block.size)})*"
        case Attachment():
            return f"*(attachment {one_line(block.name or block.url)})*"


def _input(call: ToolCall) -> str:
    return call.input if isinstance(call.input, str) else json.dumps(call.input, ensure_ascii=False, default=str)


def _gist(text: str) -> str:
    line = one_line(text[: _GIST * 4])
    return line if len(line) <= _GIST else line[: _GIST - 1] + "…"


def _call(call: ToolCall) -> str:
    return f"**Tool call** `{one_line(call.name)}`\n\n{fenced(drawable(_input(call)), 'json')}"


def _result(result: ToolResult) -> str:
    state = " (error)" if result.is_error else ""
    return f"**Tool result** `{one_line(result.name)}`{state}\n\n{fenced(drawable(result.text))}"


def fenced(text: str, language: str = "") -> str:
    """``text`` as a code block whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
