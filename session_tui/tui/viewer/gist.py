"""One line that tells what a block holds, and the words of blocks that are not prose."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from session_tui.model import Attachment, Image, Message, RedactedThinking, Role, Text, Thinking, ToolCall, ToolResult
from session_tui.text import clip, one_line, plural, size

_TELLING: Final = (
    "command",
    "cmd",
    "file_path",
    "path",
    "filename",
    "pattern",
    "query",
    "url",
    "description",
    "prompt",
    "name",
)
"""Arguments that say most about a call, the best first."""
_LONGEST: Final = 400


def call(block: ToolCall, project: str | None = None) -> str:
    """The argument of a tool call that says most about it; paths below ``project`` lose that part."""
    value = block.input
    if isinstance(value, Mapping):
        value = next((value[name] for name in _TELLING if value.get(name)), next(iter(value.values()), ""))
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        value = " ".join(value)
    told = value if isinstance(value, str) else "" if value is None else _json(value, None)
    if project and told.startswith(project.rstrip("/") + "/"):
        told = told[len(project.rstrip("/")) + 1 :]
    return clip(one_line(told[: 4 * _LONGEST]), _LONGEST)


def arguments(block: ToolCall) -> list[tuple[str, str]]:
    """The arguments of a tool call by name, each as text; unnamed where the input is no mapping."""
    match block.input:
        case None:
            return []
        case str() as value:
            return [("", value)] if value else []
        case Mapping() as values:
            return [(str(name), value if isinstance(value, str) else _json(value, 2)) for name, value in values.items()]
        case value:
            return [("", _json(value, 2))]


def first_line(text: str) -> str:
    """The first line of ``text`` that is not blank, on one safe line."""
    start = text[: 4 * _LONGEST].lstrip()
    return clip(one_line(start.split("\n", 1)[0]), _LONGEST)


def extent(text: str) -> str:
    """How much a text is: lines where there are several, and its size."""
    count = text.rstrip("\n").count("\n") + 1
    length = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return f"{plural(count, 'line')} · {size(length)}" if count > 1 else size(length)


def searched(block: Text | Thinking | RedactedThinking | ToolCall | ToolResult | Image | Attachment) -> str:
    """The words of a block that a search looks through."""
    match block:
        case Text(text=text) | Thinking(text=text) | ToolResult(text=text):
            return text
        case ToolCall(name=name):
            return "\n".join([name, *(f"{key}\n{value}" for key, value in arguments(block))])
        case Attachment(name=name, url=url):
            return f"{name}\n{url}"
        case _:
            return ""


def copied(message: Message) -> tuple[str, str]:
    """What copying a message gives: its text, or its tool blocks where it has none; and what that is called."""
    if message.text.strip():
        what = {Role.USER: "prompt", Role.ASSISTANT: "answer"}.get(message.role, "message")
        return message.text, "summary" if message.is_summary else what
    words = [searched(block) for block in message.blocks if isinstance(block, ToolCall | ToolResult)]
    words = words or [searched(block) for block in message.blocks]
    return "\n\n".join(text for text in words if text), "message" if message.role is Role.USER else "tool text"


def _json(value: object, indent: int | None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str)
