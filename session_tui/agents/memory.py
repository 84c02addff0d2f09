"""Sessions kept in memory alone, for tests and for agents that want no disk. They end with the process."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import ClassVar, Final

from session_tui import tokens
from session_tui.adapters import prompts
from session_tui.adapters.base import Adapter, Root, Source, World
from session_tui.adapters.writing import identified, message_of, new_id, outdated, summary_message
from session_tui.errors import StoreError, StoreMissing, UnknownSession
from session_tui.model import (
    ContextItem,
    Cost,
    Message,
    MetricRecord,
    ReadFile,
    Refusal,
    Session,
    SessionKey,
    SessionState,
    Summary,
    TitleSource,
    TokenSource,
    Transcript,
    TunnelEvent,
    UsageRecord,
)
from session_tui.text import title_from_prompt

NAME: Final = "memory"
ROOT: Final = Path("/memory")
"""A place that no file is at; it only tells these sessions from those of other roots."""


class Memory(Adapter):
    """A store of this process, read and written from any of its threads."""

    name: ClassVar[str] = NAME
    label: ClassVar[str] = "memory"
    is_stored: ClassVar[bool] = False
    mark: ClassVar[str] = "□"
    color: ClassVar[str] = "#9aa5b1"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._lock = RLock()
        self._kept: dict[str, Transcript] = {}
        self._revisions: dict[str, int] = {}

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────

    def roots(self) -> Sequence[Root]:
        """One place once a session was put in, else none."""
        return [Root(ROOT)] if self._kept else []

    def scan(self, root: Root) -> Iterator[Source]:
        """Every session as it is now."""
        with self._lock:
            found = [self._source(id) for id in self._kept]
        yield from found

    def head(self, source: Source) -> Session:
        """The session with its counts."""
        return self.read(source).session

    def read(self, source: Source) -> Transcript:
        """The session as it is now; later changes do not show in it."""
        with self._lock:
            found = self._kept.get(source.key.id)
        if found is None:
            raise StoreMissing(f"no session {source.key.id}", where=NAME)
        return replace(found, session=_counted(found))

    def resume(self, session: Session) -> Refusal:
        """Always a refusal: no terminal program stands behind this store."""
        return Refusal(
            "conversations kept in memory continue in the program that holds them",
            "hand this one off to an agent, or export it",
        )

    # ── whole sessions ────────────────────────────────────────────────────────────────────────────────

    def key(self, id: str = "") -> SessionKey:
        """The key that a new session gets; see `Appendable`."""
        return SessionKey(NAME, id or new_id(), str(ROOT))

    def source(self, key: SessionKey) -> Source:
        """Where to `read` the session."""
        with self._lock:
            self._found(key)
            return self._source(key.id)

    def create_session(self, session: Session) -> Session:
        """Begin a session without messages; see `Appendable`."""
        return replace(session, key=self.create(Transcript(session=session)))

    def create(self, transcript: Transcript) -> SessionKey:
        """Keep a whole conversation as a new session; see `Appendable`."""
        key = self.key(transcript.session.key.id)
        messages = identified(transcript.messages)
        first = transcript.session.first_prompt or prompts.first_prompt(messages)
        session = replace(transcript.session, key=key, path="", first_prompt=first)
        with self._lock:
            if key.id in self._kept:
                raise StoreError(f"session {key.id} is there already", where=NAME)
            self._kept[key.id] = replace(transcript, session=session, messages=messages)
            self._revisions[key.id] = 1
        return key

    def update_session(self, session: Session) -> None:
        """Replace all that is known of the session; see `Appendable`."""

        def update(kept: Transcript) -> Transcript:
            first = session.first_prompt or kept.session.first_prompt
            return replace(kept, session=replace(session, key=kept.session.key, first_prompt=first))

        self._change(session.key, update)

    def change_session(self, key: SessionKey, change: Callable[[Session], Session]) -> Session:
        """Replace what is known of the session by what ``change`` makes of it; see `Appendable`."""
        _, after = self._change(key, lambda kept: replace(kept, session=_altered(kept, change(_counted(kept)))))
        return _counted(after)

    def rename(self, session: Session, title: str) -> None:
        """Give the session a title; the time of its last change stays."""

        def rename(kept: Transcript) -> Transcript:
            return replace(kept, session=replace(kept.session, title=title, title_source=TitleSource.CUSTOM))

        self._change(session.key, rename)

    def delete_session(self, key: SessionKey, *, before: Callable[[Transcript], None] | None = None) -> None:
        """Forget the session; see `Appendable`."""
        with self._lock:
            found = self._found(key)
            if before:
                before(replace(found, session=_counted(found)))
            del self._kept[key.id], self._revisions[key.id]

    # ── messages ──────────────────────────────────────────────────────────────────────────────────────

    def add_message(self, key: SessionKey, message: Message) -> Message:
        """Append a message; see `Appendable`."""
        return self.add_messages(key, (message,))[0]

    def add_messages(self, key: SessionKey, messages: Sequence[Message]) -> tuple[Message, ...]:
        """Append several messages, all or none."""
        added = identified(messages)

        def add(kept: Transcript) -> Transcript:
            taken = {message.id for message in kept.messages}
            if twice := next((message.id for message in added if message.id in taken), None):
                raise StoreError(f"message {twice} is there already", where=NAME)
            return _with_messages(kept, (*kept.messages, *added))

        self._change(key, add)
        return added

    def replace_messages(self, key: SessionKey, messages: Sequence[Message]) -> tuple[Message, ...]:
        """Put ``messages`` in the place of all others; see `Appendable`."""
        new = identified(messages)
        self._change(key, lambda kept: _with_messages(kept, new))
        return new

    def revise(self, key: SessionKey, change: Callable[[Transcript], Transcript]) -> Transcript:
        """Replace session, messages and summaries by what ``change`` makes of them; see `Appendable`."""

        def revise(kept: Transcript) -> Transcript:
            after = change(replace(kept, session=_counted(kept)))
            changed = replace(kept, session=_altered(kept, after.session), summaries=after.summaries)
            return _with_messages(changed, identified(after.messages))

        _, after = self._change(key, revise)
        return replace(after, session=_counted(after))

    def archive_messages(self, key: SessionKey, ids: Collection[str]) -> int:
        """Flag messages as archived; see `Appendable`."""
        before, after = self._change(key, lambda kept: _archived(kept, ids))
        return sum(new.archived and not old.archived for old, new in zip(before.messages, after.messages, strict=True))

    def delete_messages(self, key: SessionKey, ids: Collection[str] | None = None) -> int:
        """Remove messages; see `Appendable`."""

        def delete(kept: Transcript) -> Transcript:
            if ids is None:
                return replace(_with_messages(kept, ()), summaries=())
            return _with_messages(kept, tuple(message for message in kept.messages if message.id not in ids))

        before, after = self._change(key, delete)
        return len(before.messages) - len(after.messages)

    def store_summary(self, key: SessionKey, summary: Summary) -> Summary:
        """Keep a summary and its message; see `Appendable`."""
        kept = replace(summary, id=summary.id or new_id())
        self._change(key, lambda found: _summarized(found, kept))
        return kept

    def compact(self, key: SessionKey, summary: Summary, *, archive: Collection[str] = ()) -> Summary:
        """Keep a summary, archive what it stands for, count the compaction; see `Appendable`."""
        kept = replace(summary, id=summary.id or new_id(), compacted_at=summary.compacted_at or datetime.now(UTC))

        def compact(found: Transcript) -> Transcript:
            if set(kept.original_ids) - {message.id for message in found.messages if not message.archived}:
                raise outdated()
            changed = _summarized(_archived(found, (*kept.original_ids, *archive)), kept)
            session = replace(
                changed.session,
                summary=kept.content,
                summary_message_id=kept.id,
                compacted_at=kept.compacted_at,
                compaction_count=(changed.session.compaction_count or 0) + 1,
            )
            return replace(changed, session=session)

        self._change(key, compact)
        return kept

    # ── what belongs to a session besides ─────────────────────────────────────────────────────────────

    def add_context(self, key: SessionKey, item: ContextItem) -> None:
        """Append a piece of context."""
        self._change(key, lambda kept: replace(kept, context=(*kept.context, item)))

    def delete_context(self, key: SessionKey) -> None:
        """Remove all context of the session."""
        self._change(key, lambda kept: replace(kept, context=()))

    def track_read_file(self, key: SessionKey, file: ReadFile) -> None:
        """Note that a file was read; one noted before gets the new time."""

        def track(kept: Transcript) -> Transcript:
            if all(known.path != file.path for known in kept.files_read):
                return replace(kept, files_read=(*kept.files_read, file))
            return replace(
                kept, files_read=tuple(file if known.path == file.path else known for known in kept.files_read)
            )

        self._change(key, track)

    def append_tunnel_event(self, key: SessionKey, event: TunnelEvent) -> None:
        """Append an event of the session's live stream."""
        self._change(key, lambda kept: replace(kept, tunnel_events=(*kept.tunnel_events, event)))

    def append_cost(self, key: SessionKey, cost: Cost) -> None:
        """Append a cost record."""
        self._change(key, lambda kept: replace(kept, costs=(*kept.costs, cost)))

    def append_usage(self, key: SessionKey, record: UsageRecord) -> None:
        """Append the token usage of one model call."""
        self._change(key, lambda kept: replace(kept, usage=(*kept.usage, record)))

    def append_metric(self, key: SessionKey, record: MetricRecord) -> None:
        """Append the measurements of one call."""
        self._change(key, lambda kept: replace(kept, metrics=(*kept.metrics, record)))

    def _change(self, key: SessionKey, change: Callable[[Transcript], Transcript]) -> tuple[Transcript, Transcript]:
        """Put what ``change`` makes of the session in its place; the session before and after."""
        with self._lock:
            before = self._found(key)
            after = change(before)
            self._kept[key.id] = after
            self._revisions[key.id] += 1
        return before, after

    def _found(self, key: SessionKey) -> Transcript:
        found = self._kept.get(key.id)
        if found is None:
            raise UnknownSession(f"no such session: {key.ref}")
        return found

    def _source(self, id: str) -> Source:
        session = self._kept[id].session
        return Source(session.key, "", str(self._revisions[id]), session.updated_at)


def _altered(kept: Transcript, wanted: Session) -> Session:
    """The session with what ``wanted`` has otherwise than it shows, so that nothing derived is taken for stored."""
    shown = _counted(kept)
    names = (field.name for field in fields(Session) if field.name != "key")
    changed = {name: getattr(wanted, name) for name in names if getattr(wanted, name) != getattr(shown, name)}
    return replace(kept.session, **changed)


def _with_messages(kept: Transcript, messages: Sequence[Message]) -> Transcript:
    """``kept`` with other messages; summaries go with theirs."""
    now = datetime.now(UTC)
    session = replace(
        kept.session,
        updated_at=now,
        last_active_at=now,
        state=SessionState.ACTIVE if kept.session.state is SessionState.IDLE else kept.session.state,
        token_count=None,
        token_source=TokenSource.NONE,
        first_prompt=kept.session.first_prompt or prompts.first_prompt(messages),
    )
    summaries = tuple(
        summary
        for summary in kept.summaries
        if message_of(summary, kept.messages) is None or message_of(summary, messages) is not None
    )
    return replace(kept, session=session, messages=tuple(messages), summaries=summaries)


def _archived(kept: Transcript, ids: Collection[str]) -> Transcript:
    wanted = set(ids)
    return _with_messages(
        kept,
        tuple(replace(message, archived=True) if message.id in wanted else message for message in kept.messages),
    )


def _summarized(kept: Transcript, summary: Summary) -> Transcript:
    """``kept`` with ``summary`` and its message, right after the last message it stands for."""
    messages = [message for message in kept.messages if not (message.is_summary and message.id == summary.id)]
    if any(message.id == summary.id for message in messages):
        raise StoreError(f"message {summary.id} is there already", where=NAME)
    covered = [index for index, message in enumerate(messages) if message.id in set(summary.original_ids)]
    messages.insert(covered[-1] + 1 if covered else len(messages), summary_message(summary))
    others = tuple(other for other in kept.summaries if other.id != summary.id)
    return replace(_with_messages(kept, messages), summaries=(*others, summary))


def _counted(kept: Transcript) -> Session:
    """The session with what follows from its messages."""
    session, said = kept.session, [message for message in kept.messages if not message.is_summary]
    recorded = session.token_source is TokenSource.RECORDED
    title = session.title or title_from_prompt(session.first_prompt)
    return replace(
        session,
        title=title,
        title_source=session.title_source if session.title or not title else TitleSource.FIRST_PROMPT,
        message_count=len(said),
        archived_count=sum(message.archived for message in said),
        token_count=session.token_count if recorded else tokens.estimate_messages(kept.messages),
        token_source=TokenSource.RECORDED if recorded else TokenSource.ESTIMATED,
        context_window=session.context_window or tokens.window(session.model),
        size_bytes=sum(len(message.text.encode()) for message in kept.messages),
    )
