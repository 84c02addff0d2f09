"""A conversation as one JSON value and back without loss.

``{"version": 1, "transcript": {…}}``, the transcript with the fields of its class in `session_tui.model`. Fields that
hold their default are left out, times are RFC 3339 in UTC, blocks as `session_tui.adapters.blocks` has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from math import isfinite
from typing import Final, TypeVar

import msgspec

from session_tui.adapters import blocks
from session_tui.adapters.times import parse
from session_tui.errors import CheckpointError, StoreDamaged
from session_tui.model import (
    Attachment,
    Block,
    ContextItem,
    Cost,
    Image,
    Message,
    MetricRecord,
    ReadFile,
    RedactedThinking,
    Role,
    Session,
    Summary,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Transcript,
    TunnelEvent,
    UsageRecord,
)
from session_tui.text import stamp

VERSION: Final = 1
_BLOCKS: Final = (Text, Thinking, RedactedThinking, ToolCall, ToolResult, Image, Attachment)
T = TypeVar("T")


def encode(transcript: Transcript) -> dict[str, object]:
    """The value that stands for ``transcript``."""
    return {"version": VERSION, "transcript": plain(transcript)}


def plain(value: object) -> object:
    """``value`` as JSON has it; what JSON has no word for as its text."""
    match value:
        case None | bool() | int():
            return value
        case Enum():
            return value.value
        case str():
            return value
        case float():
            return value if isfinite(value) else str(value)
        case datetime():
            return stamp(value)
        case Mapping():
            return {str(name): plain(item) for name, item in value.items()}
        case _ if isinstance(value, _BLOCKS):
            return plain(blocks.to_plain(value))
        case _ if is_dataclass(value):
            named = ((field, getattr(value, field.name)) for field in fields(value))
            return {field.name: plain(item) for field, item in named if not _is_default(field, item)}
        case Sequence() if not isinstance(value, bytes | bytearray):
            return [plain(item) for item in value]
        case _:
            return str(value)


def _is_default(field: Field[object], value: object) -> bool:
    if field.default_factory is not MISSING:
        return value == field.default_factory()
    return field.default is not MISSING and type(value) is type(field.default) and value == field.default


def decode(value: object) -> Transcript:
    """The transcript that a value of `encode` stands for.

    Raises:
        CheckpointError: it is no such value, or one of a later version.
    """
    try:
        whole = msgspec.convert(value, dict[str, object])
        if whole.get("version") != VERSION:
            raise CheckpointError(f"its version is {whole.get('version')}, not {VERSION}")
        return _transcript(msgspec.convert(whole.get("transcript"), dict[str, object]))
    except (msgspec.ValidationError, StoreDamaged) as error:
        raise CheckpointError(str(error)) from error


def _transcript(parts: Mapping[str, object]) -> Transcript:
    return Transcript(
        session=msgspec.convert(parts.get("session"), Session),
        messages=tuple(_message(item) for item in msgspec.convert(parts.get("messages", []), list[dict[str, object]])),
        summaries=_many(parts, "summaries", Summary),
        context=_many(parts, "context", ContextItem),
        files_read=_many(parts, "files_read", ReadFile),
        tunnel_events=_many(parts, "tunnel_events", TunnelEvent),
        costs=_many(parts, "costs", Cost),
        usage=_many(parts, "usage", UsageRecord),
        metrics=_many(parts, "metrics", MetricRecord),
        unknown_records=msgspec.convert(parts.get("unknown_records", {}), dict[str, int]),
    )


def _many(parts: Mapping[str, object], name: str, kind: type[T]) -> tuple[T, ...]:
    return tuple(msgspec.convert(item, kind) for item in msgspec.convert(parts.get(name, []), list[object]))


def _message(parts: Mapping[str, object]) -> Message:
    found = msgspec.convert(parts.get("blocks", []), list[dict[str, object]])
    model, extra = parts.get("model"), parts.get("extra", {})
    return Message(
        id=msgspec.convert(parts.get("id", ""), str),
        role=msgspec.convert(parts.get("role"), Role),
        blocks=tuple(_block(block) for block in found),
        created_at=parse(parts.get("created_at")),
        model=msgspec.convert(model, str | None),
        archived=parts.get("archived") is True,
        is_summary=parts.get("is_summary") is True,
        is_meta=parts.get("is_meta") is True,
        lossy=parts.get("lossy") is True,
        extra=msgspec.convert(extra, dict[str, object]),
    )


def _block(parts: Mapping[str, object]) -> Block:
    return blocks.from_plain(parts)
