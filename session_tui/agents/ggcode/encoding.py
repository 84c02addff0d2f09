"""Records as the program writes them: compact, keys in the order of its own structure, ``<>&`` as they are.

Programs from v1.3.40 on write ``token_usage`` and ``timestamp`` on every record, set or not; what is not set is
zeros and the year 1. Other empty values are left out.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final
from uuid import uuid4

import msgspec

from session_tui.adapters import times
from session_tui.adapters.conversation import Record
from session_tui.agents.ggcode.reading import META_DETAILS, SUMMARY_MARK
from session_tui.model import (
    Attachment,
    Block,
    Image,
    Message,
    MetricRecord,
    RedactedThinking,
    Role,
    Session,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    TunnelEvent,
    Usage,
    UsageRecord,
)
from session_tui.text import scrub

UNSET: Final = "0001-01-01T00:00:00Z"
ZEROS: Final = {"input_tokens": 0, "output_tokens": 0, "cache_read_tokens": 0, "cache_write_tokens": 0}
_ORDER: Final = (
    "type",
    "session_id",
    "title",
    "preview",
    "workspace",
    "vendor",
    "endpoint",
    "model",
    "token_usage",
    "created_at",
    "updated_at",
    "tunnel_events_complete",
    "message",
    "timestamp",
    "tunnel_event",
    "cost",
    "usage_entry",
    "metric_event",
    "permission_mode",
    "sidebar_visible",
    "context_window",
    "max_tokens",
    "checkpoint_summary_msg_id",
    "checkpoint_last_msg_id",
    "checkpoint_tokens",
    "checkpoint_messages",
)
_ALWAYS: Final = ("token_usage", "created_at", "updated_at", "timestamp", "sidebar_visible", "message", "cost")


def line(record: Record) -> bytes:
    """``record`` as a line of the file."""
    try:
        data = msgspec.json.encode(record)
    except UnicodeEncodeError:
        data = scrub(json.dumps(record, ensure_ascii=False, separators=(",", ":"))).encode()
    return data.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029") + b"\n"


def record(kind: str, id: str, values: Record, *, newest: bool) -> Record:
    """A record of session ``id``, with all that the program puts on every one."""
    usual: dict[str, object] = {"type": kind, "session_id": id, "created_at": UNSET, "updated_at": UNSET}
    if newest:
        usual |= {"token_usage": ZEROS, "timestamp": UNSET}
    told = {**usual, **values}
    ordered = {name: told[name] for name in _ORDER if name in told and (told[name] or name in _ALWAYS)}
    return ordered | {name: told[name] for name in told if name not in _ORDER}


def new_session_id() -> str:
    """An id as the program makes them: local time and sixteen hex digits."""
    return f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(8)}"


def new_message_id() -> str:
    """An id as the program makes them."""
    return f"msg_{uuid4()}"


def time(moment: datetime | None) -> str:
    """``moment`` as the program writes it."""
    return times.rfc3339_local(moment) if moment else UNSET


# ── messages ──────────────────────────────────────────────────────────────────────────────────────────


def message_record(id: str, message: Message, *, newest: bool) -> Record:
    """The record of ``message`` in session ``id``; old programs keep neither its id nor its time."""
    role = Role.USER if message.role is Role.TOOL else message.role
    content = list(_parts(message.blocks))
    if message.is_summary and not message.text.startswith(SUMMARY_MARK):
        content.insert(0, {"type": "text", "text": f"{SUMMARY_MARK}\n{message.text}"})
        content = [content[0], *(part for part in content[1:] if part["type"] != "text")]
    told: dict[str, object] = {"role": role.value, "content": content or None}
    if not newest:
        return record("message", id, {"message": told}, newest=False)
    values = {"message": {"id": message.id, **told}, "timestamp": time(message.created_at)}
    return record("message", id, values, newest=True)


def _parts(blocks: Iterable[Block]) -> Iterator[dict[str, object]]:
    for block in blocks:
        match block:
            case Text():
                yield _part("text", text=block.text, **block.extra)
            case Thinking() if block.signature:
                yield _part("thinking", reasoning_content=block.text, thinking_signature=block.signature)
            case Thinking():
                yield _part("text", reasoning_content=block.text)
            case RedactedThinking():
                yield _part("redacted_thinking", thinking_data=block.data)
            case Image():
                yield _part("image", image_mime=block.media_type, image_data=_base64(block))
            case ToolCall():
                given = block.input if isinstance(block.input, Mapping) else {"input": block.input}
                called = {} if block.input is None else {"input": given}
                yield _part("tool_use", tool_name=block.name, tool_id=block.id) | called
            case ToolResult():
                yield _result(block)
            case Attachment() if "type" in block.extra:
                yield dict(block.extra)
            case Attachment():
                yield _part("text", text=f"[Attached: {block.name or block.url}]")


def _part(kind: str, **values: object) -> dict[str, object]:
    return {"type": kind} | {name: value for name, value in values.items() if value}


def _result(block: ToolResult) -> dict[str, object]:
    images = [{"mime": image.media_type, "base64": _base64(image)} for image in block.images]
    return _part(
        "tool_result",
        tool_name=block.name,
        tool_id=block.call_id,
        output=block.text,
        is_error=block.is_error,
        images=images,
    )


def _base64(image: Image) -> str:
    return base64.b64encode(image.load()).decode() if image.load else ""


# ── what stands beside messages ───────────────────────────────────────────────────────────────────────


def meta_values(session: Session) -> dict[str, object]:
    """What a ``meta`` record says of ``session``."""
    values: dict[str, object] = {
        "title": session.title,
        "workspace": session.project or "",
        "vendor": session.vendor or session.provider or "",
        "endpoint": session.endpoint or "",
        "model": session.model or "",
        "created_at": time(session.created_at),
        "updated_at": time(session.updated_at),
        "context_window": session.context_window or 0,
        "max_tokens": session.max_tokens or 0,
    }
    if session.token_usage:
        values["token_usage"] = _usage(session.token_usage)
    return values | {name: session.metadata[name] for name in META_DETAILS if name in session.metadata}


def _usage(usage: Usage) -> dict[str, object]:
    counts: dict[str, object] = {name: getattr(usage, name) for name in ZEROS}
    return counts | ({"prompt_tokens_total": usage.prompt_tokens_total} if usage.prompt_tokens_total else {})


def usage_values(record: UsageRecord) -> Record:
    """What a ``usage`` record says."""
    names = {"model": record.model, "vendor": record.vendor, "endpoint": record.endpoint, "source": record.source}
    entry: dict[str, object] = {"timestamp": time(record.at), "turn_index": record.turn}
    entry |= {name: value for name, value in names.items() if value}
    return {"usage_entry": entry | {"usage": _usage(record.usage)}}


def metric_values(record: MetricRecord) -> Record:
    """What a ``metric`` record says."""
    told = {"timestamp": time(record.at), "turn_index": record.turn, "type": record.type}
    return {"metric_event": {**told, **record.values}}


def event_values(event: TunnelEvent) -> Record:
    """What a ``tunnel_event`` record says."""
    told: dict[str, object] = {"event_id": event.id}
    told |= {"stream_id": event.stream_id} if event.stream_id else {}
    told |= {"type": event.type}
    return {"tunnel_event": told | ({} if event.data is None else {"data": event.data})}
