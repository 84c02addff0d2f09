"""`Appendable` for stores whose sessions are changed as wholes: everything follows from a few acts on one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from session_tui.adapters.base import Adapter, Belongings, Source
from session_tui.adapters.writing import identified, message_of, new_id, outdated, summary_message
from session_tui.errors import StoreError
from session_tui.model import (
    ContextItem,
    Cost,
    Message,
    MetricRecord,
    ReadFile,
    Session,
    SessionKey,
    SessionState,
    Summary,
    Transcript,
    TunnelEvent,
    UsageRecord,
)


class Revised(Adapter):
    """A store whose sessions are changed as wholes; see `Appendable` for what each method promises."""

    @abstractmethod
    def put(self, key: SessionKey, change: Callable[[Transcript], Transcript]) -> tuple[Transcript, Transcript]:
        """Write what ``change`` makes of the session, all of it or nothing, while nobody else writes; the session
        before, and what was made of it.

        Raises:
            UnknownSession: there is no such session.
            StoreError: it could not be written; the store is as it was.
        """

    @abstractmethod
    def key(self, id: str = "") -> SessionKey:
        """The key that a new session with this id gets; an empty id is filled in."""

    @abstractmethod
    def delete_session(self, key: SessionKey, *, before: Callable[[Transcript], None] | None = None) -> None:
        """Take the session away, after ``before`` was given what goes."""

    @abstractmethod
    def source(self, key: SessionKey) -> Source:
        """Where to `read` the session."""

    @abstractmethod
    def create(self, transcript: Transcript) -> SessionKey:
        """Write a whole conversation as a new session and return its key."""

    @abstractmethod
    def add_messages(self, key: SessionKey, messages: Sequence[Message]) -> tuple[Message, ...]:
        """Append several messages, all or none."""

    # ── whole sessions ────────────────────────────────────────────────────────────────────────────────

    def create_session(self, session: Session) -> Session:
        """Begin a session without messages and return it as it is kept."""
        key = self.create(Transcript(session=session))
        return self.read(self.source(key)).session

    def update_session(self, session: Session) -> None:
        """Replace all that is known of the session; see `Appendable`."""

        def update(kept: Transcript) -> Transcript:
            first = session.first_prompt or kept.session.first_prompt
            return replace(kept, session=replace(session, first_prompt=first))

        self.put(session.key, update)

    def change_session(self, key: SessionKey, change: Callable[[Session], Session]) -> Session:
        """Replace what is known of the session by what ``change`` makes of it, and return that."""
        return self.put(key, lambda kept: replace(kept, session=change(kept.session)))[1].session

    # ── messages ──────────────────────────────────────────────────────────────────────────────────────

    def add_message(self, key: SessionKey, message: Message) -> Message:
        """Append a message and return it."""
        return self.add_messages(key, (message,))[0]

    def replace_messages(self, key: SessionKey, messages: Sequence[Message]) -> tuple[Message, ...]:
        """Put ``messages`` in the place of all others; summaries go with their messages."""
        new = identified(messages)
        return tuple(self.put(key, lambda kept: with_messages(kept, new))[1].messages)

    def revise(self, key: SessionKey, change: Callable[[Transcript], Transcript]) -> Transcript:
        """Replace session, messages and summaries by what ``change`` makes of them, and return that."""

        def revised(kept: Transcript) -> Transcript:
            after = change(kept)
            changed = with_messages(replace(kept, session=after.session), identified(after.messages))
            return replace(changed, summaries=_of(after.summaries, kept, changed.messages))

        return self.put(key, revised)[1]

    def archive_messages(self, key: SessionKey, ids: Collection[str]) -> int:
        """Flag messages as archived and say how many were not so before."""
        before, _ = self.put(key, lambda kept: archived(kept, ids))
        return sum(message.id in ids and not message.archived for message in before.messages)

    def delete_messages(self, key: SessionKey, ids: Collection[str] | None = None) -> int:
        """Remove the messages with these ids, without ids all and every summary, and say how many."""

        def delete(kept: Transcript) -> Transcript:
            if ids is None:
                return replace(with_messages(kept, ()), summaries=())
            return with_messages(kept, [message for message in kept.messages if message.id not in ids])

        before, after = self.put(key, delete)
        return len(before.messages) - len(after.messages)

    def store_summary(self, key: SessionKey, summary: Summary) -> Summary:
        """Keep a summary and its message."""
        kept = replace(summary, id=summary.id or new_id())
        self.put(key, lambda found: summarized(found, kept))
        return kept

    def compact(self, key: SessionKey, summary: Summary, *, archive: Collection[str] = ()) -> Summary:
        """`store_summary`, archive what it stands for, and count the compaction, as one change."""
        kept = replace(summary, id=summary.id or new_id(), compacted_at=summary.compacted_at or datetime.now(UTC))

        def compact(found: Transcript) -> Transcript:
            if set(kept.original_ids) - {message.id for message in found.messages if not message.archived}:
                raise outdated()
            changed = summarized(archived(found, (*kept.original_ids, *archive)), kept)
            count = (found.session.compaction_count or 0) + 1
            session = replace(changed.session, compacted_at=kept.compacted_at, compaction_count=count)
            return replace(changed, session=session)

        self.put(key, compact)
        return kept

    # ── what belongs to a session besides ─────────────────────────────────────────────────────────────

    def add_context(self, key: SessionKey, item: ContextItem) -> None:
        """Append a piece of context."""
        self.put(key, lambda kept: replace(kept, context=(*kept.context, item)))

    def delete_context(self, key: SessionKey) -> None:
        """Remove all context of the session."""
        self.put(key, lambda kept: replace(kept, context=()))

    def track_read_file(self, key: SessionKey, file: ReadFile) -> None:
        """Note that a file was read; one noted before gets the new time."""

        def track(kept: Transcript) -> Transcript:
            if all(known.path != file.path for known in kept.files_read):
                return replace(kept, files_read=(*kept.files_read, file))
            noted = tuple(file if known.path == file.path else known for known in kept.files_read)
            return replace(kept, files_read=noted)

        self.put(key, track)

    def append_tunnel_event(self, key: SessionKey, event: TunnelEvent) -> None:
        """Append an event of the session's live stream."""
        self.put(key, lambda kept: replace(kept, tunnel_events=(*kept.tunnel_events, event)))

    def append_cost(self, key: SessionKey, cost: Cost) -> None:
        """Append a cost record."""
        self.put(key, lambda kept: replace(kept, costs=(*kept.costs, cost)))

    def append_usage(self, key: SessionKey, record: UsageRecord) -> None:
        """Append the token usage of one model call."""
        self.put(key, lambda kept: replace(kept, usage=(*kept.usage, record)))

    def append_metric(self, key: SessionKey, record: MetricRecord) -> None:
        """Append the measurements of one call."""
        self.put(key, lambda kept: replace(kept, metrics=(*kept.metrics, record)))


class Revising(Revised):
    """Such a store in the files of a program's own format, which only the trash takes away."""

    remover: Callable[[Session, Belongings], object] | None = None
    """What takes the files of a session away, which only the trash does; who has the trash sets this."""

    @abstractmethod
    def belongings(self, session: Session) -> Belongings:
        """All that belongs to ``session`` alone."""

    def taken_away(self, session: Session) -> None:
        """Have the session taken away by the trash.

        Raises:
            StoreError: there is no trash to do it, or it could not; the store is as it was.
        """
        if self.remover is None:
            raise StoreError(
                "only the trash takes sessions away", where=session.path, hint="delete it through the trash"
            )
        self.remover(session, self.belongings(session))


def with_messages(kept: Transcript, messages: Sequence[Message]) -> Transcript:
    """``kept``, changed now, with other messages; summaries go with theirs."""
    now = datetime.now(UTC)
    idle = kept.session.state is SessionState.IDLE
    state = SessionState.ACTIVE if idle else kept.session.state
    session = replace(kept.session, updated_at=now, last_active_at=now, state=state)
    return replace(kept, session=session, messages=messages, summaries=_of(kept.summaries, kept, messages))


def _of(summaries: Iterable[Summary], kept: Transcript, messages: Sequence[Message]) -> tuple[Summary, ...]:
    gone = [each for each in summaries if message_of(each, kept.messages) and not message_of(each, messages)]
    return tuple(each for each in summaries if each not in gone)


def archived(kept: Transcript, ids: Collection[str]) -> Transcript:
    """``kept`` with these messages archived."""
    wanted = set(ids)
    return with_messages(kept, [replace(each, archived=True) if each.id in wanted else each for each in kept.messages])


def summarized(kept: Transcript, summary: Summary) -> Transcript:
    """``kept`` with ``summary`` and its message, right after the last message it stands for.

    Raises:
        StoreError: a message that is no summary has its id.
    """
    messages = [message for message in kept.messages if not (message.is_summary and message.id == summary.id)]
    if any(message.id == summary.id for message in messages):
        raise StoreError(f"message {summary.id} is there already")
    covered = [number for number, message in enumerate(messages) if message.id in set(summary.original_ids)]
    messages.insert(covered[-1] + 1 if covered else len(messages), summary_message(summary))
    others = tuple(other for other in kept.summaries if other.id != summary.id)
    return replace(with_messages(kept, messages), summaries=(*others, summary))
