"""Messages in the chat-completions shape: ``role``, ``content`` as text, ``reasoning_content``, ``tool_calls`` whose
arguments are JSON in a text, ``tool_call_id`` on what a tool gave back, ``media`` and ``attachments``.

`HEAD` looks at one cheaply while a file is read; `blocks` makes it a message's blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from session_tui.adapters import jsonl
from session_tui.adapters.parts import Record, picture
from session_tui.adapters.rows import mapping, text
from session_tui.errors import StoreDamaged
from session_tui.model import Attachment, Block, Role, Text, Thinking, ToolCall, ToolResult

KEYS: Final = ("role", "content", "reasoning_content", "tool_calls", "tool_call_id", "media", "attachments")
"""The fields that `blocks` and a role say all of."""
_FOLDED: Final = 80
_ROLES: Final = {role.value: role for role in Role}
_INLINE = re.compile(r"data:([^;,]*);base64,")


class Function(msgspec.Struct, gc=False):
    """What a call asks for, by name."""

    name: str = ""


class Call(msgspec.Struct, gc=False):
    """A tool call as far as a head needs it."""

    id: str = ""
    function: Function | None = None


class Head(msgspec.Struct, gc=False):
    """What a message is, without its tools' arguments."""

    role: str = ""
    content: str = ""
    model_name: str = ""
    reasoning_content: str = ""
    tool_call_id: str = ""
    tool_calls: list[Call] | None = None
    media: list[msgspec.Raw] | None = None
    attachments: list[msgspec.Raw] | None = None

    @property
    def is_thought(self) -> bool:
        """Whether it is reasoning and nothing else."""
        rest = self.content.strip() or self.tool_calls or self.media or self.attachments or self.tool_call_id
        return self.role == Role.ASSISTANT and not rest and bool(self.reasoning_content.strip())

    @property
    def weight(self) -> int:
        """Roughly how many characters it shows with tools folded."""
        return _FOLDED if self.role == Role.TOOL else len(self.content) + _FOLDED * len(self.tool_calls or ())


HEAD: Final = msgspec.json.Decoder(Head)
"""Decodes the head of a line; raises `msgspec.MsgspecError` where a value is of another type than the shape has."""


def head_of(record: Record) -> Head:
    """The head of a decoded record, whatever types its values have."""
    role, content, model = (text(record.get(name)) for name in ("role", "content", "model_name"))
    return Head(
        role,
        content,
        model,
        text(record.get("reasoning_content")),
        text(record.get("tool_call_id")),
        [Call(text(call.get("id")), Function(text(_function(call).get("name")))) for call in _calls(record)],
        [msgspec.Raw()] if record.get("media") else None,
        [msgspec.Raw()] if record.get("attachments") else None,
    )


def role(name: str) -> Role:
    """The role of that name; one that is not known is the program's own."""
    return _ROLES.get(name, Role.SYSTEM)


def blocks(record: Record, tools: Mapping[str, str]) -> Iterator[Block]:
    """The blocks of a message; ``tools`` names the tool of each call, which a result leaves out."""
    content, call_id = text(record.get("content")), text(record.get("tool_call_id"))
    if reasoning := text(record.get("reasoning_content")):
        yield Thinking(reasoning)
    if record.get("role") == Role.TOOL:
        yield ToolResult(call_id, tools.get(call_id, ""), content)
    elif content:
        yield Text(content)
    for call in _calls(record):
        yield _tool_call(call)
    media = record.get("media")
    for reference in media if isinstance(media, list) else ():
        yield _medium(text(reference))
    for item in _objects(record.get("attachments")):
        extra = {name: item[name] for name in item if name not in ("filename", "content_type", "url")}
        url = text(item.get("url")) or text(item.get("ref"))
        yield Attachment(text(item.get("filename")), text(item.get("content_type")), url, extra=extra)


def _tool_call(record: Record) -> ToolCall:
    """A call; arguments that are no JSON are kept as they are."""
    function = _function(record)
    told = text(function.get("arguments"))
    try:
        arguments = jsonl.decode(told.encode()).value if told else None
    except StoreDamaged:
        arguments = told
    extra = {name: record[name] for name in record if name not in ("id", "type", "function")}
    extra |= {name: function[name] for name in function if name not in ("name", "arguments")}
    return ToolCall(text(record.get("id")), text(function.get("name")), arguments, extra)


def _medium(reference: str) -> Block:
    """A picture that stands in a ``data:`` address, or the address of anything else."""
    found = _INLINE.match(reference)
    return picture(found[1], reference[found.end() :], {}) if found else Attachment("", url=reference)


def _objects(value: object) -> list[Record]:
    return [mapping(item) for item in value] if isinstance(value, list) else []


def _calls(record: Record) -> list[Record]:
    return _objects(record.get("tool_calls"))


def _function(call: Record) -> Record:
    return mapping(call.get("function"))
