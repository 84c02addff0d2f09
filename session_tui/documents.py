"""The JSON documents that scripts rely on, made of the model's values. Schema version 1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from session_tui.model import (
    Attachment,
    Block,
    Capability,
    ContextItem,
    Hit,
    Image,
    Launch,
    Message,
    Problem,
    RedactedThinking,
    Refusal,
    Session,
    Summary,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Transcript,
)
from session_tui.query import Mistake
from session_tui.text import stamp

SCHEMA_VERSION = 1
Document = dict[str, object]


def session(value: Session, *, ref: str, capabilities: Sequence[Capability], resume: Launch | Refusal) -> Document:
    """A row of ``list --json``."""
    return {
        "ref": ref,
        "store": value.key.store,
        "id": value.key.id,
        "root": value.key.root,
        "title": value.title,
        "title_source": value.title_source,
        "project": value.project,
        "git_branch": value.git_branch,
        "model": value.model,
        "provider": value.provider,
        "vendor": value.vendor,
        "endpoint": value.endpoint,
        "skill": value.skill,
        "state": value.state,
        "kind": value.kind,
        "parent": value.parent,
        "scope": asdict(value.scope) if value.scope else None,
        "created_at": stamp(value.created_at),
        "updated_at": stamp(value.updated_at),
        "last_active_at": stamp(value.last_active_at),
        "compacted_at": stamp(value.compacted_at),
        "message_count": value.message_count,
        "archived_count": value.archived_count,
        "token_count": value.token_count,
        "token_source": value.token_source,
        "token_usage": asdict(value.token_usage) if value.token_usage else None,
        "context_window": value.context_window,
        "max_tokens": value.max_tokens,
        "compaction_count": value.compaction_count,
        "summary": value.summary,
        "summary_message_id": value.summary_message_id,
        "tags": list(value.tags),
        "pinned": value.pinned,
        "metadata": value.metadata,
        "custom_data": value.custom_data,
        "size_bytes": value.size_bytes,
        "path": value.path,
        "live": value.live,
        "health": value.health,
        "capabilities": list(capabilities),
        "resume": launch(resume),
    }


def launch(value: Launch | Refusal) -> Document:
    """How to resume, or the reason why not; the same keys either way."""
    if isinstance(value, Refusal):
        return {"argv": None, "cwd": None, "env": {}, "reason": value.reason}
    return {"argv": list(value.argv), "cwd": value.cwd, "env": dict(value.env), "reason": None}


def message(value: Message, index: int) -> Document:
    """A message of ``show --json``; ``index`` numbers all messages of the session."""
    document: Document = {
        "index": index,
        "id": value.id,
        "role": value.role,
        "text": value.text,
        "created_at": stamp(value.created_at),
        "model": value.model,
        "archived": value.archived,
        "is_summary": value.is_summary,
        "is_meta": value.is_meta,
        "blocks": [block(item) for item in value.blocks],
    }
    if value.lossy:
        document["lossy"] = True
    return document


def block(value: Block) -> Document:
    """One block of a message."""
    match value:
        case Text():
            return {"type": "text", "text": value.text}
        case Thinking():
            return {"type": "thinking", "text": value.text}
        case RedactedThinking():
            return {"type": "redacted_thinking", "bytes": len(value.data)}
        case ToolCall():
            return {"type": "tool_call", "id": value.id, "name": value.name, "input": value.input}
        case ToolResult():
            return _tool_result(value)
        case Image():
            return {"type": "image", "media_type": value.media_type, "bytes": value.size}
        case Attachment():
            return {
                "type": "attachment",
                "name": value.name,
                "media_type": value.media_type,
                "url": value.url,
                "bytes": value.size,
            }


def _tool_result(value: ToolResult) -> Document:
    document: Document = {
        "type": "tool_result",
        "call_id": value.call_id,
        "name": value.name,
        "text": value.text,
        "is_error": value.is_error,
    }
    if value.images:
        document["images"] = [block(image) for image in value.images]
    return document


def summary(value: Summary) -> Document:
    """A summary of ``show --json``."""
    return {
        "id": value.id,
        "message_range": value.message_range,
        "original_message_ids": list(value.original_ids),
        "content": value.content,
        "token_count": value.token_count,
        "provider": value.provider,
        "compacted_at": stamp(value.compacted_at),
    }


def context(value: ContextItem) -> Document:
    """A context item of ``show --json``."""
    return {"type": value.type, "key": value.key, "value": value.value}


def transcript(value: Transcript, row: Document, messages: Iterable[tuple[int, Message]]) -> Document:
    """The document of ``show --json`` for one session; ``messages`` are those chosen, with their indexes."""
    return {
        "session": row,
        "messages": [message(item, index) for index, item in messages],
        "summaries": [summary(item) for item in value.summaries],
        "context": [context(item) for item in value.context],
        "files_read": [item.path for item in value.files_read],
    }


def problem(value: Problem) -> Document:
    """A problem of ``doctor --json``."""
    return {"path": value.path, "line": value.line, "what": value.what, "hint": value.hint}


def page(rows: Sequence[Document], *, total: int, offset: int, limit: int | None) -> Document:
    """The document of ``list --json``."""
    after = offset + len(rows)
    return {
        "schema_version": SCHEMA_VERSION,
        "sessions": list(rows),
        "meta": {
            "total": total,
            "offset": offset,
            "limit": limit,
            "returned": len(rows),
            "next_offset": after if after < total else None,
        },
    }


def versioned(values: Mapping[str, object]) -> Document:
    """A document with the schema version in front."""
    return {"schema_version": SCHEMA_VERSION, **values}


def hit(value: Hit, *, ref: str) -> Document:
    """A hit of ``search --json``."""
    return {
        "ref": ref,
        "index": value.index,
        "message_id": value.message_id,
        "role": value.role,
        "part": value.part,
        "snippet": value.snippet,
        "spans": [list(span) for span in value.spans],
        "why": value.why,
        "created_at": stamp(value.created_at),
    }


def mistake(value: Mistake) -> Document:
    """A part of a query that cannot be read."""
    return {"start": value.start, "end": value.end, "what": value.what}
