"""Message contents that are lists of typed parts: ``text``, ``thinking``, ``redacted_thinking``, ``image``,
``tool_use`` and ``tool_result``. Programs agree on the types and differ in the names of the fields: a `Spelling`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from session_tui.adapters.rows import mapping, text
from session_tui.model import (
    Attachment,
    Block,
    Image,
    RedactedThinking,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

Record = Mapping[str, object]


class Spelling(NamedTuple):
    """The names of a part's fields. Reasoning and sealed reasoning may ride along with any type of part."""

    reasoning: str
    signature: str
    sealed: str
    call_id: str
    tool: str
    output: str
    media_type: str
    data: str
    images: str
    image_type: str
    image_data: str


_SHARED: Final = ("type", "text", "input", "is_error")


def blocks(content: object, spelling: Spelling) -> tuple[Block, ...]:
    """The blocks of a message's content: a list of parts, or plain text. Empty parts say nothing."""
    if isinstance(content, str):
        return (Text(content),)
    items = content if isinstance(content, list) else []
    return tuple(block for item in items for block in _blocks(item, spelling))


def _blocks(item: object, spelling: Spelling) -> Iterator[Block]:
    if isinstance(item, str):
        yield Text(item)
    part = mapping(item)
    said, reasoning, sealed = (text(part.get(name)) for name in ("text", spelling.reasoning, spelling.sealed))
    if reasoning:
        yield Thinking(reasoning, text(part.get(spelling.signature)))
    if sealed:
        yield RedactedThinking(sealed)
    extra = {name: part[name] for name in part if name not in (*_SHARED, *spelling)}
    match part.get("type"):
        case "text" if said or extra:
            yield Text(said, extra)
        case "thinking" if said:
            yield Thinking(said, extra=extra)
        case "text" | "thinking" | "redacted_thinking":
            return
        case "image":
            yield picture(text(part.get(spelling.media_type)), text(part.get(spelling.data)), extra)
        case "tool_use":
            yield ToolCall(text(part.get(spelling.call_id)), text(part.get(spelling.tool)), part.get("input"), extra)
        case "tool_result":
            yield _result(part, spelling, extra)
        case kind if part:
            yield Attachment(text(kind), extra=dict(part))


def _result(part: Record, spelling: Spelling, extra: Record) -> ToolResult:
    call, tool, output = (text(part.get(name)) for name in (spelling.call_id, spelling.tool, spelling.output))
    shown = part.get(spelling.images)
    told = [mapping(image) for image in (shown if isinstance(shown, list) else ())]
    images = tuple(picture(text(i.get(spelling.image_type)), text(i.get(spelling.image_data)), {}) for i in told)
    return ToolResult(call, tool, output, part.get("is_error") is True, images, extra)


def picture(media_type: str, data: str, extra: Record) -> Image:
    """An image that stands in a record as base64."""
    size = len(data) * 3 // 4 - data[-2:].count("=")
    return Image(media_type, max(size, 0), lambda: base64.b64decode(data), extra)
