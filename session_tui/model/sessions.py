"""A session, and a session with all it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime

from session_tui.model.blocks import Json
from session_tui.model.keys import Scope, SessionKey
from session_tui.model.lean import dataclass
from session_tui.model.messages import Message, Messages
from session_tui.model.records import (
    ContextItem,
    Cost,
    MetricRecord,
    ReadFile,
    Summary,
    TunnelEvent,
    Usage,
    UsageRecord,
)
from session_tui.model.words import Health, SessionKind, SessionState, TitleSource, TokenSource


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read: where, what, and what to do. ``line`` counts from one."""

    path: str
    what: str
    hint: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Everything known of a session without its messages. ``None`` means not known (or not yet counted)."""

    key: SessionKey
    title: str = ""
    title_source: TitleSource = TitleSource.NONE
    first_prompt: str = ""
    project: str | None = None
    git_branch: str | None = None
    model: str | None = None
    provider: str | None = None
    vendor: str | None = None
    endpoint: str | None = None
    skill: str | None = None
    state: SessionState = SessionState.ACTIVE
    kind: SessionKind = SessionKind.MAIN
    parent: str | None = None
    scope: Scope | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    last_active_at: datetime | None = None
    compacted_at: datetime | None = None
    message_count: int | None = None
    archived_count: int | None = None
    token_count: int | None = None
    token_source: TokenSource = TokenSource.NONE
    token_usage: Usage | None = None
    context_window: int | None = None
    max_tokens: int | None = None
    compaction_count: int | None = None
    summary: str | None = None
    summary_message_id: str | None = None
    tags: tuple[str, ...] = ()
    pinned: bool = False
    metadata: Json = field(default_factory=dict)
    custom_data: Json = field(default_factory=dict)
    size_bytes: int | None = None
    path: str = ""
    live: bool | None = None
    health: Health = Health.CLEAN
    problems: tuple[Problem, ...] = ()
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """A session with all it holds; ``messages`` is in conversation order, a summary after what it covers."""

    session: Session
    messages: Sequence[Message] = ()
    summaries: tuple[Summary, ...] = ()
    context: tuple[ContextItem, ...] = ()
    files_read: tuple[ReadFile, ...] = ()
    tunnel_events: tuple[TunnelEvent, ...] = ()
    costs: tuple[Cost, ...] = ()
    usage: tuple[UsageRecord, ...] = ()
    metrics: tuple[MetricRecord, ...] = ()
    unknown_records: Mapping[str, int] = field(default_factory=dict)

    def index_at(self, place: int) -> int | None:
        """The index of the message that stands at a place in its store: the byte where its line begins, or, in
        stores without lines, its index; ``None`` for none."""
        if place < 0:
            return None
        if isinstance(self.messages, Messages):
            return self.messages.index_at(place)
        return place if place < len(self.messages) else None
