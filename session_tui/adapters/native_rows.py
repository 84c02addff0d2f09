"""Sessions, messages and what belongs to them as rows of our own store, and back.

What a row cannot be read as costs only itself: a reader gets the value's unknown and a sentence on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from typing import Final, TypeVar

import msgspec

from session_tui import tokens
from session_tui.adapters import blocks, rows, times
from session_tui.adapters.blocks import dumps
from session_tui.errors import StoreDamaged
from session_tui.model import (
    Block,
    ContextItem,
    Cost,
    Health,
    Message,
    MetricRecord,
    Problem,
    ReadFile,
    Role,
    Scope,
    Session,
    SessionKey,
    SessionKind,
    SessionState,
    Summary,
    Text,
    TitleSource,
    TokenSource,
    TunnelEvent,
    Usage,
    UsageRecord,
)
from session_tui.text import scrub, stamp, title_from_prompt

T = TypeVar("T")
Kind = TypeVar("Kind", bound=Enum)
Values = dict[str, object]

RECORDS: Final[Mapping[str, type]] = {
    "tunnel_event": TunnelEvent,
    "cost": Cost,
    "usage": UsageRecord,
    "metric": MetricRecord,
}
KIND_OF: Final = {kind: name for name, kind in RECORDS.items()}
PLACEHOLDERS: Final = frozenset({"", "New Session", "New session", "Non-interactive"})
COUNTED: Final = ("message_count", "archived_count", "estimated_tokens", "size_bytes")
FOLDED: Final = 60
"""How many characters a block shows that is folded to one line."""
_TEXTS: Final = ("title", "title_source", "first_prompt", "state", "kind")
_NAMES: Final = (
    *("project", "git_branch", "model", "provider", "vendor", "endpoint", "skill", "parent"),
    *("summary", "summary_message_id"),
)
_TIMES: Final = ("created_at", "updated_at", "last_active_at", "compacted_at")
_NUMBERS: Final = ("context_window", "max_tokens", "compaction_count")
_OBJECTS: Final = ("metadata", "custom_data", "extra")
_SCOPE: Final = ("agent", "channel", "peer", "thread")
SESSION: Final = (
    *("id", "revision", *_TEXTS, *_NAMES, *_TIMES, *_NUMBERS, *_OBJECTS, *_SCOPE, *COUNTED),
    *("token_count", "token_usage", "pinned", "tags", "unknown_records"),
)
MESSAGE: Final = (
    *("seq", "session", "id", "role", "created_at", "model", "archived", "is_summary", "is_meta", "lossy", "weight"),
    *("extra", "blocks"),
)
SUMMARY: Final = (
    *("id", "message_id", "content", "message_range", "original_ids", "token_count", "provider", "compacted_at"),
    "extra",
)


# ── to rows ───────────────────────────────────────────────────────────────────────────────────────────


def from_session(session: Session) -> Values:
    """The columns of a session, without its id, its revision and what is counted."""
    scope = session.scope
    usage = session.token_usage
    recorded = session.token_source is TokenSource.RECORDED
    return {
        **{name: scrub(str(getattr(session, name))) for name in _TEXTS},
        **{name: _optional(getattr(session, name)) for name in _NAMES},
        **{name: stamp(getattr(session, name)) for name in _TIMES},
        **{name: getattr(session, name) for name in _NUMBERS},
        **{name: dumps(getattr(session, name)) for name in _OBJECTS},
        **{name: _optional(getattr(scope, name)) if scope else None for name in _SCOPE},
        "token_count": session.token_count if recorded else None,
        "token_usage": dumps(usage) if usage else None,
        "pinned": int(session.pinned),
        "tags": dumps(session.tags),
    }


def _optional(value: str | None) -> str | None:
    return None if value is None else scrub(value)


def from_message(message: Message) -> Values:
    """The columns of a message, without its session and position."""
    stored = blocks.encode(message.blocks)
    lost = any(scrub(block.text) != block.text for block in message.blocks if isinstance(block, Text))
    return {
        "id": scrub(message.id),
        "role": message.role.value,
        "created_at": stamp(message.created_at),
        "model": _optional(message.model),
        "archived": int(message.archived),
        "is_summary": int(message.is_summary),
        "is_meta": int(message.is_meta),
        "lossy": int(message.lossy or lost),
        "weight": sum(len(block.text) if isinstance(block, Text) else FOLDED for block in message.blocks),
        "tokens": tokens.estimate_message(message),
        "size": len(stored.encode()),
        "extra": dumps(message.extra),
        "blocks": stored,
    }


def from_summary(summary: Summary) -> Values:
    """The columns of a summary, without its session and message."""
    return {
        "id": scrub(summary.id),
        "content": scrub(summary.content),
        "message_range": scrub(summary.message_range),
        "original_ids": dumps(summary.original_ids),
        "token_count": summary.token_count,
        "provider": scrub(summary.provider),
        "compacted_at": stamp(summary.compacted_at),
        "extra": dumps(summary.extra),
    }


# ── from rows ─────────────────────────────────────────────────────────────────────────────────────────


class Reader:
    """Turns the rows of one session into values and remembers what could not be read."""

    def __init__(self, key: SessionKey, path: str) -> None:
        self.key = key
        self.path = path
        self.problems: list[Problem] = []

    def of(self, selected: tuple[list[rows.Row], str]) -> list[rows.Row]:
        """The rows of a `rows.select`; what stopped it is noted, unless an older schema lacks the table."""
        found, stopped = selected
        if stopped and not stopped.startswith("no table"):
            self._note(f"not all rows can be read: {stopped}")
        return found

    def session(self, row: rows.Row) -> Session:
        """The session of a row with the `SESSION` columns."""
        prompt, title, source = rows.text(row["first_prompt"]), rows.text(row["title"]), self._source(row)
        if title in PLACEHOLDERS and title_from_prompt(prompt):
            title, source = title_from_prompt(prompt), TitleSource.FIRST_PROMPT
        session = Session(
            key=self.key,
            title=title,
            title_source=source,
            first_prompt=prompt,
            project=_name(row["project"]),
            git_branch=_name(row["git_branch"]),
            model=_name(row["model"]),
            provider=_name(row["provider"]),
            vendor=_name(row["vendor"]),
            endpoint=_name(row["endpoint"]),
            skill=_name(row["skill"]),
            state=_member(SessionState, row["state"], SessionState.UNKNOWN),
            kind=_member(SessionKind, row["kind"], SessionKind.MAIN),
            parent=_name(row["parent"]),
            scope=_scope(row),
            created_at=times.parse(row["created_at"]),
            updated_at=times.parse(row["updated_at"]),
            last_active_at=times.parse(row["last_active_at"]),
            compacted_at=times.parse(row["compacted_at"]),
            max_tokens=rows.integer(row["max_tokens"]),
            compaction_count=rows.integer(row["compaction_count"]),
            summary=_name(row["summary"]),
            summary_message_id=_name(row["summary_message_id"]),
            tags=self._value(row["tags"], tuple[str, ...]) or (),
            pinned=bool(rows.integer(row["pinned"])),
            metadata=self._object(row["metadata"]),
            custom_data=self._object(row["custom_data"]),
            extra=self._object(row["extra"]),
            path=self.path,
        )
        return self._measured(session, row)

    def _measured(self, session: Session, row: rows.Row) -> Session:
        """``session`` with its counts, and what could not be read of it until now."""
        recorded = rows.integer(row["token_count"])
        return replace(
            session,
            message_count=rows.integer(row["message_count"]),
            archived_count=rows.integer(row["archived_count"]),
            token_count=rows.integer(row["estimated_tokens"]) if recorded is None else recorded,
            token_source=TokenSource.ESTIMATED if recorded is None else TokenSource.RECORDED,
            token_usage=self._value(row["token_usage"], Usage),
            context_window=rows.integer(row["context_window"]) or tokens.window(session.model),
            size_bytes=rows.integer(row["size_bytes"]),
            health=Health.PARTIAL if self.problems else Health.CLEAN,
            problems=tuple(self.problems),
        )

    def _source(self, row: rows.Row) -> TitleSource:
        return _member(TitleSource, row["title_source"], TitleSource.NONE)

    def message(self, row: rows.Row) -> Message:
        """The message of a row with the `MESSAGE` columns; blocks that cannot be read are shown as text."""
        found, lossy = self._blocks(row)
        return Message(
            id=rows.text(row["id"]),
            role=_member(Role, row["role"], Role.SYSTEM),
            blocks=found,
            created_at=times.parse(row["created_at"]),
            model=_name(row["model"]),
            archived=bool(rows.integer(row["archived"])),
            is_summary=bool(rows.integer(row["is_summary"])),
            is_meta=bool(rows.integer(row["is_meta"])),
            lossy=lossy or bool(rows.integer(row["lossy"])),
            extra=self._object(row["extra"]),
        )

    def _blocks(self, row: rows.Row) -> tuple[tuple[Block, ...], bool]:
        stored = rows.text(row["blocks"])
        try:
            return blocks.decode(stored), rows.is_lossy(row["blocks"])
        except StoreDamaged as error:
            self._note(f"message {rows.text(row['id'])}: {error.what}")
            return (Text(stored),) if stored else (), True

    def summary(self, row: rows.Row) -> Summary:
        """The summary of a row with the `SUMMARY` columns."""
        return Summary(
            id=rows.text(row["id"]),
            content=rows.text(row["content"]),
            message_range=rows.text(row["message_range"]),
            original_ids=self._value(row["original_ids"], tuple[str, ...]) or (),
            token_count=rows.integer(row["token_count"]),
            provider=rows.text(row["provider"]),
            compacted_at=times.parse(row["compacted_at"]),
            extra=self._object(row["extra"]),
        )

    def context(self, row: rows.Row) -> ContextItem:
        """The context of a row with ``type``, ``key`` and ``value``."""
        return ContextItem(rows.text(row["type"]), rows.text(row["key"]), rows.text(row["value"]))

    def file(self, row: rows.Row) -> ReadFile:
        """The file of a row with ``path`` and ``read_at``."""
        return ReadFile(rows.text(row["path"]), times.parse(row["read_at"]))

    def records(self, found: list[rows.Row], kind: type[T]) -> tuple[T, ...]:
        """The records of ``kind`` among rows with ``kind`` and ``value``."""
        values = (self._value(row["value"], kind) for row in found if RECORDS.get(rows.text(row["kind"])) is kind)
        return tuple(value for value in values if value is not None)

    def counts(self, value: object) -> Mapping[str, int]:
        """A JSON object of numbers."""
        return self._value(value, dict[str, int]) or {}

    def _object(self, value: object) -> Mapping[str, object]:
        return self._value(value, dict[str, object]) or {}

    def _value(self, value: object, kind: type[T]) -> T | None:
        """A JSON column as a value of ``kind``, ``None`` where it is empty or something else."""
        if value is None or value == "":
            return None
        try:
            return msgspec.convert(blocks.loads(rows.text(value)), kind)
        except (StoreDamaged, msgspec.ValidationError) as error:
            self._note(f"not what it should be: {error}")
            return None

    def _note(self, what: str) -> None:
        self.problems.append(Problem(self.path, what, "the rest of the session is whole"))


def _name(value: object) -> str | None:
    return None if value is None else rows.text(value)


def _scope(row: rows.Row) -> Scope | None:
    agent, channel, peer, thread = (_name(row[name]) for name in _SCOPE)
    if agent is None or channel is None or peer is None:
        return None
    return Scope(agent, channel, peer, thread)


def _member(kind: type[Kind], value: object, otherwise: Kind) -> Kind:
    try:
        return kind(rows.text(value))
    except ValueError:
        return otherwise
