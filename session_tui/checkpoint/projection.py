"""A conversation as the fields of a checkpoint, which know less, and back as far as they say.

Only people, the assistant and the system speak in a checkpoint: a tool's result is said by the assistant. What must be
there and is not known is ``unknown``; a message of unknown time has its session's. A summary is left out where all
that it stands for is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from session_tui.adapters.prompts import first_prompt
from session_tui.adapters.times import parse
from session_tui.adapters.writing import message_of
from session_tui.checkpoint.schema import VERSION, Checkpoint, MessageFields
from session_tui.model import (
    ContextItem,
    Message,
    ReadFile,
    Role,
    Session,
    SessionKey,
    Text,
    TitleSource,
    TokenSource,
    ToolCall,
    ToolResult,
    Transcript,
)
from session_tui.text import stamp, title_from_prompt

UNKNOWN: Final = "unknown"
INSTRUCTIONS: Final = "project_instructions"
DIRECTORY: Final = "working_directory"
Document = dict[str, object]


class Moment(str):
    """A time as it is written, which YAML needs no quotes for."""

    __slots__ = ()


def project(transcript: Transcript, *, at: datetime, by: str, context: bool, metadata: bool) -> Document:
    """The document of a checkpoint that is exported ``at`` this time ``by`` this user of the system."""
    session = transcript.session
    created = session.created_at or session.updated_at or _first_time(transcript.messages) or at
    messages = [_message(message, created) for message in _told(transcript)]
    document: Document = {
        "version": VERSION,
        "exported_at": _moment(at),
        "exported_by": by,
        "session": _session(session, created, metadata=metadata),
        "messages": messages,
        "context": _context(transcript) if context else {},
        "statistics": _statistics(transcript, messages),
    }
    return {name: value for name, value in document.items() if value or name == "messages"}


def _moment(moment: datetime) -> Moment:
    return Moment(stamp(moment))


def _first_time(messages: Iterable[Message]) -> datetime | None:
    return next((message.created_at for message in messages if message.created_at), None)


def _session(session: Session, created: datetime, *, metadata: bool) -> Document:
    document: Document = {
        "name": session.title or title_from_prompt(session.first_prompt) or session.key.id or UNKNOWN,
        "provider": session.provider or UNKNOWN,
        "model": session.model or UNKNOWN,
    }
    if session.skill:
        document["skill"] = session.skill
    document["project_path"] = session.project or ""
    document["created_at"] = _moment(created)
    document["updated_at"] = _moment(session.updated_at or created)
    if metadata and session.metadata:
        document["metadata"] = dict(session.metadata)
    return document


def _told(transcript: Transcript) -> list[Message]:
    """The messages without the summaries of others that are all there."""
    there = {message.id for message in transcript.messages}
    whole = [each for each in transcript.summaries if each.original_ids and there.issuperset(each.original_ids)]
    said = [message for message in transcript.messages if message.is_summary] if whole else []
    spared = {message_of(summary, said) for summary in whole}
    return [message for message in transcript.messages if not (message.is_summary and message.id in spared)]


def _message(message: Message, created: datetime) -> Document:
    results = (block.text for block in message.blocks if isinstance(block, ToolResult))
    document: Document = {
        "role": (Role.ASSISTANT if message.role is Role.TOOL else message.role).value,
        "content": message.text or "\n\n".join(results),
        "created_at": _moment(message.created_at or created),
    }
    return {**document, "archived": True} if message.archived else document


def _context(transcript: Transcript) -> Document:
    values = {item.type: item.value for item in transcript.context}
    document: Document = {
        INSTRUCTIONS: values.get(INSTRUCTIONS, ""),
        "files_accessed": [file.path for file in transcript.files_read],
        DIRECTORY: values.get(DIRECTORY) or transcript.session.project or "",
    }
    return {name: value for name, value in document.items() if value}


def _statistics(transcript: Transcript, messages: list[Document]) -> Document:
    roles = [message["role"] for message in messages]
    calls = sum(isinstance(block, ToolCall) for message in transcript.messages for block in message.blocks)
    counts: Document = {
        "message_count": len(messages),
        "user_messages": roles.count(Role.USER.value),
        "assistant_messages": roles.count(Role.ASSISTANT.value),
    }
    optional = {"total_tokens": transcript.session.token_count, "tool_calls": calls}
    return counts | {name: value for name, value in optional.items() if value}


def restore(checkpoint: Checkpoint) -> Transcript:
    """The conversation that the fields of a checkpoint tell of, without an id."""
    told, tokens = checkpoint.session, checkpoint.statistics.total_tokens
    messages = tuple(_restored(message, str(number)) for number, message in enumerate(checkpoint.messages, 1))
    session = Session(
        key=SessionKey("", ""),
        title=told.name,
        title_source=TitleSource.AGENT,
        first_prompt=first_prompt(messages),
        project=told.project_path or None,
        provider=_said(told.provider),
        model=_said(told.model),
        skill=told.skill or None,
        created_at=parse(told.created_at),
        updated_at=parse(told.updated_at),
        message_count=len(messages),
        archived_count=sum(message.archived for message in messages),
        token_count=tokens or None,
        token_source=TokenSource.RECORDED if tokens else TokenSource.NONE,
        metadata=told.metadata,
    )
    context = {
        INSTRUCTIONS: checkpoint.context.project_instructions,
        DIRECTORY: checkpoint.context.working_directory,
    }
    return Transcript(
        session=session,
        messages=messages,
        context=_items(context),
        files_read=tuple(ReadFile(path) for path in checkpoint.context.files_accessed),
    )


def _restored(message: MessageFields, id: str) -> Message:
    return Message(
        id=id,
        role=Role(message.role),
        blocks=(Text(message.content),),
        created_at=parse(message.created_at),
        archived=message.archived,
    )


def _items(context: Mapping[str, str]) -> tuple[ContextItem, ...]:
    return tuple(ContextItem(name, "", value) for name, value in context.items() if value)


def _said(word: str) -> str | None:
    return None if word in ("", UNKNOWN) else word
