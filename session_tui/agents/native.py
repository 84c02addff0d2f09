"""Our own store: one SQLite database that any agent can keep its sessions in through `Appendable`.

Reading goes by `adapters.rows` and so neither makes nor grows nor touches the database; `native_schema` does
both when something is written. Nothing is lost by a compaction: messages are flagged, summaries added.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from session_tui.adapters import native_tables, prompts, rows
from session_tui.adapters.base import Adapter, Applied, Belongings, Root, Rows, Source, places, unreadable
from session_tui.adapters.blocks import dumps
from session_tui.adapters.native_rows import KIND_OF, SESSION, Reader, from_session
from session_tui.adapters.native_schema import FILE_NAME, NAME, changing, is_ours
from session_tui.adapters.writing import identified, new_id
from session_tui.errors import StoreDamaged, StoreError, StoreMissing, UnknownSession
from session_tui.model import (
    CompactPlan,
    ContextItem,
    Cost,
    Message,
    MetricRecord,
    Problem,
    ReadFile,
    Refusal,
    Session,
    SessionKey,
    Summary,
    TitleSource,
    Transcript,
    TunnelEvent,
    UsageRecord,
)
from session_tui.text import scrub, stamp


class Native(Adapter):
    """The store of this package, read and written."""

    name: ClassVar[str] = NAME
    label: ClassVar[str] = "session-tui"
    mark: ClassVar[str] = "■"
    color: ClassVar[str] = "#5aa9e6"
    compaction: ClassVar[Mapping[str, object]] = {}

    @property
    def database(self) -> Path:
        """The file that new sessions are written to: the given root, else ``sessions.db`` of the data directory."""
        given = self.world.given.get(NAME, ())
        path = given[0] if given else self.world.data_dir
        return (path / FILE_NAME if path.is_dir() or not given else path).resolve()

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────

    def roots(self) -> Sequence[Root]:
        """The database of the data directory where there is one, and those given or configured."""
        return places(self.world, NAME, iter([(self.world.data_dir, "default")]), _below)

    def scan(self, root: Root) -> Iterator[Source]:
        """Every session by one query; none where the database is still empty."""
        found, stopped = native_tables.sessions(root.path, native_tables.STAMP)
        for row in found:
            yield native_tables.source(SessionKey(NAME, rows.text(row["id"]), str(root.path)), row)
        if stopped:
            raise StoreDamaged(f"not all sessions can be read: {stopped}", where=str(root.path))

    def head(self, source: Source) -> Session:
        """The session's row, which holds its counts as well."""
        found, _ = native_tables.sessions(Path(source.path), SESSION, source.key.id)
        if not found:
            raise _gone(source)
        return Reader(source.key, source.path).session(found[0])

    def heads(self, sources: Sequence[Source]) -> Iterator[Session]:
        """The sessions' rows, by one query for each database."""
        asked: dict[str, dict[str, rows.Row] | StoreError] = {}
        for source in sources:
            if source.path not in asked:
                asked[source.path] = _all_rows(Path(source.path))
            answer = asked[source.path]
            row = answer.get(source.key.id) if isinstance(answer, dict) else None
            if row is not None:
                yield Reader(source.key, source.path).session(row)
            else:
                yield unreadable(source, answer if isinstance(answer, StoreError) else _gone(source))

    def read(self, source: Source) -> Transcript:
        """The session with all it holds, messages in pages where they are many."""
        return native_tables.transcript(Path(source.path), source.key)

    def check(self, root: Root) -> Iterator[Problem]:
        """Damaged pages, rows without their session, and a schema this program does not know."""
        try:
            for what in native_tables.faults(root.path):
                yield Problem(str(root.path), what, f"recover what is there: sqlite3 '{root.path}' .recover")
        except StoreError as error:
            yield Problem(error.where or str(root.path), error.what, error.hint)

    def resume(self, session: Session) -> Refusal:
        """Always a refusal: no terminal program stands behind this store."""
        return Refusal(
            "conversations of the native store continue in the program that wrote them",
            "hand this one off to an agent, or export it",
        )

    # ── whole sessions ────────────────────────────────────────────────────────────────────────────────

    def key(self, id: str = "") -> SessionKey:
        """The key that a new session gets; see `Appendable`."""
        return SessionKey(NAME, id or new_id(), str(self.database))

    def source(self, key: SessionKey) -> Source:
        """Where to `read` the session."""
        path = self._path(key)
        found, _ = native_tables.sessions(path, native_tables.STAMP, key.id) if path.exists() else ([], "")
        if not found:
            raise _unknown(key)
        return native_tables.source(SessionKey(NAME, key.id, str(path)), found[0])

    def create_session(self, session: Session) -> Session:
        """Begin a session without messages; see `Appendable`."""
        return replace(session, key=self.create(Transcript(session=session)))

    def create(self, transcript: Transcript) -> SessionKey:
        """Write a whole conversation as a new session; see `Appendable`."""
        session = transcript.session
        key = self.key(session.key.id)
        messages = identified(transcript.messages)
        first = session.first_prompt or prompts.first_prompt(messages)
        values = from_session(replace(session, first_prompt=first))
        with changing(Path(key.root)) as database:
            if native_tables.has_session(database, key.id):
                raise StoreError(f"session {key.id} is there already", where=key.root)
            counted = {"id": key.id, "unknown_records": dumps(transcript.unknown_records)}
            native_tables.insert(database, "sessions", [values | counted])
            native_tables.append(database, key.id, messages)
            native_tables.insert_summaries(database, key.id, transcript.summaries, messages)
            native_tables.insert_parts(database, key.id, transcript)
        return key

    def update_session(self, session: Session) -> None:
        """Replace all that is known of the session; see `Appendable`."""
        values = from_session(session)
        if not session.first_prompt:
            del values["first_prompt"]
        with self._change(session.key) as database:
            native_tables.update_session(database, session.key.id, values)

    def change_session(self, key: SessionKey, change: Callable[[Session], Session]) -> Session:
        """Replace what is known of the session by what ``change`` makes of it; see `Appendable`."""
        with self._change(key) as database:
            before = native_tables.current_session(database, self._path(key), key.id)
            after = replace(change(before), key=before.key)
            native_tables.alter_session(database, before, after)
        return after

    def rename(self, session: Session, title: str) -> None:
        """Give the session a title; the time of its last change stays."""
        with self._change(session.key) as database:
            values = {"title": scrub(title), "title_source": TitleSource.CUSTOM.value}
            native_tables.update_session(database, session.key.id, values)

    def delete_session(self, key: SessionKey, *, before: Callable[[Transcript], None] | None = None) -> None:
        """Take the session away with all that belongs to it; see `Appendable`."""
        with self._change(key) as database:
            if before:
                before(native_tables.current(database, self._path(key), key.id))
            database.execute("DELETE FROM sessions WHERE id = ?", (key.id,))

    def belongings(self, session: Session) -> Belongings:
        """The session's rows in every table."""
        id = session.key.id
        parts = (Rows(table, "session = ?", (id,)) for table in native_tables.PARTS)
        own = Rows("sessions", "id = ?", (id,), volatile=("revision",))
        return Belongings(database=self._path(session.key), rows=(*parts, own))

    # ── compaction ────────────────────────────────────────────────────────────────────────────────────

    def refuses_compaction(self, session: Session) -> Refusal | None:
        """Never a refusal: nothing is lost."""
        return None

    def touched(self, session: Session, plan: CompactPlan) -> Belongings:
        """The session's row, its messages and its summaries."""
        id = session.key.id
        parts = (Rows(table, "session = ?", (id,)) for table in native_tables.COMPACTED)
        own = Rows("sessions", "id = ?", (id,), volatile=("revision",))
        return Belongings(database=self._path(session.key), rows=(*parts, own))

    def apply(self, session: Session, plan: CompactPlan, summary: Summary) -> Applied:
        """Archive what the summary stands for and takes in, and keep it; as `compact`."""
        self.compact(session.key, replace(summary, original_ids=plan.compact), archive=plan.carried)
        return Applied()

    # ── messages ──────────────────────────────────────────────────────────────────────────────────────

    def add_message(self, key: SessionKey, message: Message) -> Message:
        """Append a message; see `Appendable`."""
        return self.add_messages(key, (message,))[0]

    def add_messages(self, key: SessionKey, messages: Sequence[Message]) -> tuple[Message, ...]:
        """Append several messages, all or none."""
        added = identified(messages)
        with self._change(key, touches=True) as database:
            if twice := native_tables.taken(database, key.id, [message.id for message in added]):
                raise StoreError(f"message {twice} is there already", where=str(self._path(key)))
            native_tables.append(database, key.id, added)
        return added

    def replace_messages(self, key: SessionKey, messages: Sequence[Message]) -> tuple[Message, ...]:
        """Put ``messages`` in the place of all others; see `Appendable`."""
        new = identified(messages)
        with self._change(key, touches=True) as database:
            database.execute("DELETE FROM messages WHERE session = ?", (key.id,))
            native_tables.append(database, key.id, new)
            native_tables.drop_summaries(database, key.id)
        return new

    def revise(self, key: SessionKey, change: Callable[[Transcript], Transcript]) -> Transcript:
        """Replace session, messages and summaries by what ``change`` makes of them; see `Appendable`."""
        with self._change(key, touches=True) as database:
            before = native_tables.current(database, self._path(key), key.id)
            after = change(before)
            after = replace(
                after, session=replace(after.session, key=before.session.key), messages=identified(after.messages)
            )
            native_tables.rewrite(database, before, after)
        return after

    def archive_messages(self, key: SessionKey, ids: Collection[str]) -> int:
        """Flag messages as archived; see `Appendable`."""
        with self._change(key, touches=True) as database:
            return native_tables.archive(database, key.id, ids)

    def delete_messages(self, key: SessionKey, ids: Collection[str] | None = None) -> int:
        """Remove messages; see `Appendable`."""
        with self._change(key, touches=True) as database:
            return native_tables.drop_messages(database, key.id, ids)

    def store_summary(self, key: SessionKey, summary: Summary) -> Summary:
        """Keep a summary and its message; see `Appendable`."""
        kept = replace(summary, id=summary.id or new_id())
        with self._change(key, touches=True) as database:
            native_tables.place_summary(database, key.id, kept)
        return kept

    def compact(self, key: SessionKey, summary: Summary, *, archive: Collection[str] = ()) -> Summary:
        """Keep a summary, archive what it stands for, count the compaction; see `Appendable`."""
        kept = replace(summary, id=summary.id or new_id(), compacted_at=summary.compacted_at or datetime.now(UTC))
        with self._change(key, touches=True) as database:
            native_tables.refuse_outdated(database, key.id, kept)
            native_tables.archive(database, key.id, (*kept.original_ids, *archive))
            native_tables.place_summary(database, key.id, kept)
            native_tables.count_compaction(database, key.id, kept)
        return kept

    # ── what belongs to a session besides ─────────────────────────────────────────────────────────────

    def add_context(self, key: SessionKey, item: ContextItem) -> None:
        """Append a piece of context."""
        with self._change(key) as database:
            native_tables.insert_parts(database, key.id, Transcript(session=Session(key=key), context=(item,)))

    def delete_context(self, key: SessionKey) -> None:
        """Remove all context of the session."""
        with self._change(key) as database:
            database.execute("DELETE FROM context WHERE session = ?", (key.id,))

    def track_read_file(self, key: SessionKey, file: ReadFile) -> None:
        """Note that a file was read; one noted before gets the new time."""
        with self._change(key) as database:
            values = (stamp(file.read_at), key.id, file.path)
            known = database.execute("UPDATE read_files SET read_at = ? WHERE session = ? AND path = ?", values)
            if not known.rowcount:
                native_tables.insert_parts(database, key.id, Transcript(session=Session(key=key), files_read=(file,)))

    def append_tunnel_event(self, key: SessionKey, event: TunnelEvent) -> None:
        """Append an event of the session's live stream."""
        self._append_record(key, event)

    def append_cost(self, key: SessionKey, cost: Cost) -> None:
        """Append a cost record."""
        self._append_record(key, cost)

    def append_usage(self, key: SessionKey, record: UsageRecord) -> None:
        """Append the token usage of one model call."""
        self._append_record(key, record)

    def append_metric(self, key: SessionKey, record: MetricRecord) -> None:
        """Append the measurements of one call."""
        self._append_record(key, record)

    def _append_record(self, key: SessionKey, record: TunnelEvent | Cost | UsageRecord | MetricRecord) -> None:
        with self._change(key) as database:
            values = {"session": key.id, "kind": KIND_OF[type(record)], "value": dumps(record)}
            native_tables.insert(database, "records", [values])

    def _path(self, key: SessionKey) -> Path:
        return Path(key.root) if key.root else self.database

    @contextmanager
    def _change(self, key: SessionKey, *, touches: bool = False) -> Iterator[sqlite3.Connection]:
        """A change of one session that is there; ``touches`` when its conversation changes."""
        path = self._path(key)
        if not path.exists():
            raise _unknown(key)
        with changing(path) as database:
            if not native_tables.has_session(database, key.id):
                raise _unknown(key)
            yield database
            native_tables.touch(database, key.id, conversation=touches)


def _below(path: Path) -> Iterator[Path]:
    """The database at ``path`` itself, or the one of its name in the directory."""
    database = path / FILE_NAME if path.is_dir() else path
    if is_ours(database):
        yield database


def _all_rows(path: Path) -> dict[str, rows.Row] | StoreError:
    try:
        found, _ = native_tables.sessions(path, SESSION)
    except StoreError as error:
        return error
    return {rows.text(row["id"]): row for row in found}


def _gone(source: Source) -> StoreMissing:
    return StoreMissing(f"no session {source.key.id}", where=source.path)


def _unknown(key: SessionKey) -> UnknownSession:
    return UnknownSession(f"no such session: {key.ref}")
