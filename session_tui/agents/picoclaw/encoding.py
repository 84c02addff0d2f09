"""Lines and meta files as the program writes them: keys in the order of its own structures, ``<>&`` escaped."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from session_tui.adapters import go_json, times
from session_tui.adapters.conversation import Record
from session_tui.model import Attachment, Image, Message, Role, Thinking, ToolCall, ToolResult
from session_tui.text import scrub

_META_ORDER: Final = ("key", "summary", "skip", "count", "created_at", "updated_at", "scope", "aliases")
_ESCAPES: Final = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"})


def line(record: Record) -> bytes:
    """``record`` as a line of the file."""
    return go_json.dumps(record).encode() + b"\n"


def meta(told: Record) -> bytes:
    """A meta file; keys that the program does not know come last."""
    ordered = {name: told[name] for name in _META_ORDER if name in told}
    whole = ordered | {name: told[name] for name in told if name not in _META_ORDER}
    return scrub(json.dumps(whole, indent=2, ensure_ascii=False)).translate(_ESCAPES).encode()


def split(messages: Iterable[Message]) -> Iterator[Message]:
    """``messages``, each tool result a message of its own, as the program keeps them."""
    for message in messages:
        results = [block for block in message.blocks if isinstance(block, ToolResult)]
        rest = tuple(block for block in message.blocks if not isinstance(block, ToolResult))
        if not results or (len(results) == 1 and not rest):
            yield replace(message, role=Role.TOOL) if results else message
            continue
        for number, block in enumerate(results):
            yield replace(message, id=message.id if not number and not rest else "", role=Role.TOOL, blocks=(block,))
        if rest:
            yield replace(message, blocks=rest)


def record_of(message: Message) -> Record:
    """The record of a message, which holds at most one tool result."""
    result = next((block for block in message.blocks if isinstance(block, ToolResult)), None)
    told: dict[str, object] = {"role": message.role.value, "content": result.text if result else message.text}
    if message.model:
        told["model_name"] = message.model
    if message.created_at:
        told["created_at"] = times.rfc3339_local(message.created_at)
    optional = {
        "media": list(_media(message)),
        "attachments": list(_attachments(message)),
        "reasoning_content": "\n\n".join(block.text for block in message.blocks if isinstance(block, Thinking)),
        "system_parts": message.extra.get("system_parts"),
        "tool_calls": [_call(block) for block in message.blocks if isinstance(block, ToolCall)],
        "tool_call_id": result.call_id if result else "",
    }
    return told | {name: value for name, value in optional.items() if value}


def _call(block: ToolCall) -> Record:
    arguments = block.input if isinstance(block.input, str) else go_json.dumps(block.input or {})
    function: dict[str, object] = {"name": block.name, "arguments": arguments}
    if "thought_signature" in block.extra:
        function["thought_signature"] = block.extra["thought_signature"]
    rest = {name: value for name, value in block.extra.items() if name != "thought_signature"}
    return {"id": block.id, "type": "function", "function": function, **rest}


def _media(message: Message) -> Iterator[str]:
    for block in message.blocks:
        match block:
            case Image() if block.load:
                yield f"data:{block.media_type};base64,{base64.b64encode(block.load()).decode()}"
            case Attachment(name="", media_type="", url=url) if url and not block.extra:
                yield url


def _attachments(message: Message) -> Iterator[Mapping[str, object]]:
    for block in message.blocks:
        if isinstance(block, Attachment) and (block.name or block.media_type or block.extra):
            known = {name: block.extra[name] for name in ("type", "ref") if name in block.extra}
            named = {"filename": block.name, "content_type": block.media_type}
            url = {} if block.url == block.extra.get("ref") else {"url": block.url}
            yield {name: value for name, value in {**known, **url, **named}.items() if value}
