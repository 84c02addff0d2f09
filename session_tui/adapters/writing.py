"""What a store must be able to do so that an agent can keep its sessions in it, and the rules all such share.

Every call is one change: it happens as a whole or not at all, and may come from any thread or process.
A message is archived rather than lost: a compaction flags what its summary stands for, and the summary is a
message of its own that stands right after it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable
from uuid import uuid4

from session_tui.adapters.base import Source
from session_tui.errors import StoreError
from session_tui.model import (
    ContextItem,
    Cost,
    Message,
    MetricRecord,
    ReadFile,
    Role,
    Session,
    SessionKey,
    Summary,
    Text,
    Transcript,
    TunnelEvent,
    UsageRecord,
)


@runtime_checkable
class Appendable(Protocol):
    """A store that sessions live in. Every method but `create_session` and `create` raises `UnknownSession`
    when there is no such session, and each raises `StoreError` when it could not be done; the store is then
    as it was.

    Whatever changes the messages sets the session's ``updated_at`` and ``last_active_at`` to now, drops a
    recorded ``token_count``, which no longer holds, and makes an idle session active; a first prompt is noted
    where none was.
    """

    def key(self, id: str = "") -> SessionKey:
        """The key that a new session with this id gets, whether there is one or not; an empty id is filled in."""

    def source(self, key: SessionKey) -> Source:
        """Where to `read` the session."""

    def create_session(self, session: Session) -> Session:
        """Begin a session without messages and return it; an empty id is filled in.

        Raises:
            StoreError: a session with this id is there already.
        """

    def update_session(self, session: Session) -> None:
        """Replace all that is known of the session. Counts follow from the messages and are left alone, an
        estimated ``token_count`` is not kept, and an empty ``first_prompt`` leaves the noted one."""

    def change_session(self, key: SessionKey, change: Callable[[Session], Session]) -> Session:
        """Replace what is known of the session by what ``change`` makes of it, and return that. Nobody else
        writes meanwhile; what ``change`` leaves alone stays as it is stored."""

    def delete_session(self, key: SessionKey, *, before: Callable[[Transcript], None] | None = None) -> None:
        """Take the session away with all that belongs to it. ``before`` is given what goes, and nobody else
        writes meanwhile; where it raises, the session stays."""

    def create(self, transcript: Transcript) -> SessionKey:
        """Write a whole conversation as a new session and return its key; an empty id is filled in.

        Raises:
            StoreError: a session with this id is there already.
        """

    def add_message(self, key: SessionKey, message: Message) -> Message:
        """Append a message and return it; an empty id is filled in.

        Raises:
            StoreError: a message with this id is there already.
        """

    def add_messages(self, key: SessionKey, messages: Sequence[Message]) -> tuple[Message, ...]:
        """Append several messages, all or none."""

    def replace_messages(self, key: SessionKey, messages: Sequence[Message]) -> tuple[Message, ...]:
        """Put ``messages`` in the place of all others; summaries go with their messages."""

    def revise(self, key: SessionKey, change: Callable[[Transcript], Transcript]) -> Transcript:
        """Replace session, messages and summaries by what ``change`` makes of them, and return that; the rest
        stays. Nobody else writes meanwhile, and where ``change`` raises, nothing changes."""

    def archive_messages(self, key: SessionKey, ids: Collection[str]) -> int:
        """Flag messages as archived and say how many were not so before; unknown ids are left out."""

    def delete_messages(self, key: SessionKey, ids: Collection[str] | None = None) -> int:
        """Remove the messages with these ids, without ids all and every summary, and say how many."""

    def store_summary(self, key: SessionKey, summary: Summary) -> Summary:
        """Keep a summary, and its text as a message right after the last one it stands for (at the end where
        none is known), and return it; an empty id is filled in. One with the same id is replaced."""

    def compact(self, key: SessionKey, summary: Summary, *, archive: Collection[str] = ()) -> Summary:
        """`store_summary`, archive what it stands for, and count the compaction, as one change; ``archive``
        names further messages, such as earlier summaries that the new one takes in.

        Raises:
            StoreError: something that it stands for is archived already, or gone.
        """

    def add_context(self, key: SessionKey, item: ContextItem) -> None:
        """Append a piece of context."""

    def delete_context(self, key: SessionKey) -> None:
        """Remove all context of the session."""

    def track_read_file(self, key: SessionKey, file: ReadFile) -> None:
        """Note that a file was read; one noted before gets the new time."""

    def append_tunnel_event(self, key: SessionKey, event: TunnelEvent) -> None:
        """Append an event of the session's live stream."""

    def append_cost(self, key: SessionKey, cost: Cost) -> None:
        """Append a cost record."""

    def append_usage(self, key: SessionKey, record: UsageRecord) -> None:
        """Append the token usage of one model call."""

    def append_metric(self, key: SessionKey, record: MetricRecord) -> None:
        """Append the measurements of one call."""


def new_id() -> str:
    """An id for a session, message or summary that has none."""
    return str(uuid4())


def identified(messages: Iterable[Message]) -> tuple[Message, ...]:
    """``messages`` with every empty id filled in and none twice: a later one gets ``#2``, ``#3`` … behind it."""
    taken: set[str] = set()
    result: list[Message] = []
    for message in messages:
        id = message.id or new_id()
        number = 1
        while id in taken:
            number += 1
            id = f"{message.id}#{number}"
        taken.add(id)
        result.append(message if id == message.id else replace(message, id=id))
    return tuple(result)


def outdated() -> StoreError:
    """The error to raise when a summary stands for messages that are archived already, or gone."""
    return StoreError("the session has changed since the compaction was planned", hint="plan it anew and look again")


def summary_message(summary: Summary) -> Message:
    """The message that says ``summary`` to the model."""
    return Message(
        id=summary.id,
        role=Role.SYSTEM,
        blocks=(Text(summary.content),),
        created_at=summary.compacted_at,
        is_summary=True,
    )


def message_of(summary: Summary, messages: Iterable[Message]) -> str | None:
    """The id of the message that says ``summary``: the one with its id, else the last with its text."""
    found = None
    for message in messages:
        if message.is_summary and message.id == summary.id:
            return message.id
        if message.is_summary and message.text == summary.content:
            found = message.id
    return found
