"""Sessions kept in memory alone, for tests and for agents that want no disk. They end with the process."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from threading import RLock
from typing import ClassVar, Final

from session_tui import tokens
from session_tui.adapters import prompts
from session_tui.adapters.base import Root, Source, World
from session_tui.adapters.revising import Revised, with_messages
from session_tui.adapters.writing import identified, new_id
from session_tui.errors import StoreError, StoreMissing, UnknownSession
from session_tui.model import (
    Message,
    Refusal,
    Session,
    SessionKey,
    Summary,
    TitleSource,
    TokenSource,
    Transcript,
)
from session_tui.text import title_from_prompt

NAME: Final = "memory"
ROOT: Final = Path("/memory")
"""A place that no file is at; it only tells these sessions from those of other roots."""


class Memory(Revised):
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

    def change_session(self, key: SessionKey, change: Callable[[Session], Session]) -> Session:
        """Replace what is known of the session by what ``change`` makes of it; see `Appendable`."""

        def altered(kept: Transcript) -> Transcript:
            shown = _counted(kept)
            return replace(kept, session=_altered(kept.session, shown, change(shown)))

        return _counted(self.put(key, altered)[1])

    def rename(self, session: Session, title: str) -> None:
        """Give the session a title; the time of its last change stays."""

        def rename(kept: Transcript) -> Transcript:
            return replace(kept, session=replace(kept.session, title=title, title_source=TitleSource.CUSTOM))

        self.put(session.key, rename)

    def delete_session(self, key: SessionKey, *, before: Callable[[Transcript], None] | None = None) -> None:
        """Forget the session; see `Appendable`."""
        with self._lock:
            found = self._found(key)
            if before:
                before(replace(found, session=_counted(found)))
            del self._kept[key.id], self._revisions[key.id]

    # ── messages ──────────────────────────────────────────────────────────────────────────────────────

    def add_messages(self, key: SessionKey, messages: Sequence[Message]) -> tuple[Message, ...]:
        """Append several messages, all or none."""
        added = identified(messages)

        def add(kept: Transcript) -> Transcript:
            taken = {message.id for message in kept.messages}
            if twice := next((message.id for message in added if message.id in taken), None):
                raise StoreError(f"message {twice} is there already", where=NAME)
            return with_messages(kept, (*kept.messages, *added))

        self.put(key, add)
        return added

    def revise(self, key: SessionKey, change: Callable[[Transcript], Transcript]) -> Transcript:
        """Replace session, messages and summaries by what ``change`` makes of them; see `Appendable`."""

        def altered(kept: Transcript) -> Transcript:
            shown = _counted(kept)
            after = change(replace(kept, session=shown))
            return replace(after, session=_altered(kept.session, shown, after.session))

        after = super().revise(key, altered)
        return replace(after, session=_counted(after))

    def compact(self, key: SessionKey, summary: Summary, *, archive: Collection[str] = ()) -> Summary:
        """Keep a summary, archive what it stands for, count the compaction; see `Appendable`."""
        with self._lock:
            kept = super().compact(key, summary, archive=archive)
            self.change_session(key, lambda session: replace(session, summary=kept.content, summary_message_id=kept.id))
        return kept

    def put(self, key: SessionKey, change: Callable[[Transcript], Transcript]) -> tuple[Transcript, Transcript]:
        """Put what ``change`` makes of the session in its place, without what follows from its messages."""
        with self._lock:
            before = self._found(key)
            after = change(before)
            session = replace(after.session, key=before.session.key)
            if after.messages is not before.messages:
                first = session.first_prompt or prompts.first_prompt(after.messages)
                session = replace(session, token_count=None, token_source=TokenSource.NONE, first_prompt=first)
            self._kept[key.id] = replace(after, session=session, messages=tuple(after.messages))
            self._revisions[key.id] += 1
            return before, self._kept[key.id]

    def _found(self, key: SessionKey) -> Transcript:
        found = self._kept.get(key.id)
        if found is None:
            raise UnknownSession(f"no such session: {key.ref}")
        return found

    def _source(self, id: str) -> Source:
        session = self._kept[id].session
        return Source(session.key, "", str(self._revisions[id]), session.updated_at)


def _altered(kept: Session, shown: Session, wanted: Session) -> Session:
    """``kept`` with what ``wanted`` has otherwise than is ``shown``, so that nothing derived is taken for stored."""
    names = (field.name for field in fields(Session) if field.name != "key")
    changed = {name: getattr(wanted, name) for name in names if getattr(wanted, name) != getattr(shown, name)}
    return replace(kept, **changed)


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
