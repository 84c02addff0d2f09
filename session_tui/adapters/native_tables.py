"""Questions to the tables of our own store, and the changes they allow, each within an open connection.

The questions take a connection of `adapters.rows`, whose rows are mappings; the changes one of
`native_schema.changing`.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from session_tui.adapters import native_schema, prompts, rows, times
from session_tui.adapters.base import Source
from session_tui.adapters.blocks import dumps
from session_tui.adapters.native_rows import (
    COUNTED,
    KIND_OF,
    MESSAGE,
    SESSION,
    SUMMARY,
    Reader,
    from_message,
    from_session,
    from_summary,
)
from session_tui.adapters.writing import message_of, outdated, summary_message
from session_tui.errors import StoreDamaged, StoreError, StoreMissing
from session_tui.model import (
    Cost,
    Message,
    Messages,
    MetricRecord,
    Role,
    Session,
    SessionKey,
    SessionState,
    Summary,
    Transcript,
    TunnelEvent,
    UsageRecord,
)
from session_tui.text import scrub, stamp

EAGER_BYTES: Final = 4 * 1024 * 1024
"""Up to this size a session's messages are fetched with it, beyond it in pages when they are asked for."""
PARTS: Final = ("messages", "summaries", "context", "read_files", "records")
"""The tables whose rows belong to a session, in the order to remove them."""
COMPACTED: Final = ("messages", "summaries")
"""Those of them that a compaction changes."""
STAMP: Final = ("id", "revision", "updated_at", *COUNTED)
_PAGE: Final = 128
_PAGES_KEPT: Final = 4
_IN_ORDER: Final = "WHERE session = ? ORDER BY position, seq"
_BY_AGE: Final = "WHERE session = ? ORDER BY seq"
_AMONG: Final = "WHERE session = ? AND id IN (SELECT value FROM json_each(?))"


# ── questions ─────────────────────────────────────────────────────────────────────────────────────────


def sessions(path: Path, wanted: Sequence[str], id: str | None = None) -> tuple[list[rows.Row], str]:
    """The ``wanted`` columns of all sessions or of one, and what stopped the reading. A database that nothing
    was written to yet has none.

    Raises:
        StoreError: the database cannot be read, or a newer program wrote it.
    """

    def ask(database: sqlite3.Connection) -> tuple[list[rows.Row], str]:
        examine(database, path)
        if not rows.columns(database, "sessions"):
            return [], ""
        return rows.select(database, "sessions", wanted, *(("WHERE id = ?", (id,)) if id is not None else ()))

    return rows.read_own(path, ask)


def examine(database: sqlite3.Connection, path: Path) -> None:
    """Do nothing for a database of this store, or one that nothing was written to yet.

    Raises:
        StoreDamaged: another program wrote it.
        StoreError: a newer version of this program wrote it.
    """
    begun = bool(rows.columns(database, "sessions"))
    mark, found = (
        rows.integer(database.execute(f"PRAGMA {name}").fetchone()[name]) or 0
        for name in ("application_id", "user_version")
    )
    if begun and mark != native_schema.APPLICATION_ID:
        raise StoreDamaged("the database of another program", where=str(path))
    native_schema.refuse_newer(found, path)


def source(key: SessionKey, row: rows.Row) -> Source:
    """The source of a session from its `STAMP` columns."""
    stamped = "|".join(rows.text(row[name]) for name in STAMP[1:])
    return Source(key, key.root, stamped, times.parse(row["updated_at"]))


def transcript(path: Path, key: SessionKey) -> Transcript:
    """A session with all it holds; messages in pages where it is larger than `EAGER_BYTES`.

    Raises:
        StoreMissing: there is no such session.
        StoreError: the database cannot be read, or a newer program wrote it.
    """
    return rows.read_own(path, lambda database: _transcript(database, path, key))


def current(database: sqlite3.Connection, path: Path, id: str) -> Transcript:
    """The session with all it holds as it is within a change."""
    with rows.asking(database):
        return _transcript(database, path, SessionKey(native_schema.NAME, id, str(path)))


def current_session(database: sqlite3.Connection, path: Path, id: str) -> Session:
    """The session as it is within a change."""
    with rows.asking(database):
        found, _ = rows.select(database, "sessions", SESSION, "WHERE id = ?", (id,))
    return Reader(SessionKey(native_schema.NAME, id, str(path)), str(path)).session(found[0])


def _transcript(database: sqlite3.Connection, path: Path, key: SessionKey) -> Transcript:
    examine(database, path)
    reader = Reader(key, str(path))
    found = reader.of(rows.select(database, "sessions", SESSION, "WHERE id = ?", (key.id,)))
    if not found:
        raise StoreMissing(f"no session {key.id}", where=str(path))
    messages = _messages(database, reader, size=rows.integer(found[0]["size_bytes"]) or 0)

    def part(table: str, *wanted: str) -> list[rows.Row]:
        return reader.of(rows.select(database, table, wanted, _BY_AGE, (key.id,)))

    records = part("records", "kind", "value")
    return Transcript(
        messages=messages,
        summaries=tuple(map(reader.summary, part("summaries", *SUMMARY))),
        context=tuple(map(reader.context, part("context", "type", "key", "value"))),
        files_read=tuple(map(reader.file, part("read_files", "path", "read_at"))),
        tunnel_events=reader.records(records, TunnelEvent),
        costs=reader.records(records, Cost),
        usage=reader.records(records, UsageRecord),
        metrics=reader.records(records, MetricRecord),
        unknown_records=reader.counts(found[0]["unknown_records"]),
        session=reader.session(found[0]),
    )


def _messages(database: sqlite3.Connection, reader: Reader, *, size: int) -> Sequence[Message]:
    if size <= EAGER_BYTES:
        found = reader.of(rows.select(database, "messages", MESSAGE, _IN_ORDER, (reader.key.id,)))
        return tuple(map(reader.message, found))
    listed = _weights(database, reader)
    pages = Pages(reader.key, Path(reader.path), [seq for seq, _ in listed])
    return Messages([rows.integer(weight) or 0 for _, weight in listed], pages.message)


def _weights(database: sqlite3.Connection, reader: Reader) -> list[tuple[int, object]]:
    """The numbers of the session's messages in order, and their weights; as tuples, since there may be many."""
    cursor = database.cursor()
    cursor.row_factory = None
    try:
        return cursor.execute(f"SELECT seq, weight FROM messages {_IN_ORDER}", (reader.key.id,)).fetchall()
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise
        found = reader.of(rows.select(database, "messages", ("seq", "weight"), _IN_ORDER, (reader.key.id,)))
        return [(rows.integer(row["seq"]) or 0, row["weight"]) for row in found]


class Pages:
    """Messages of a large session, fetched some at a time. One that was removed meanwhile is empty."""

    def __init__(self, key: SessionKey, path: Path, sequence: Sequence[int]) -> None:
        self._reader = Reader(key, str(path))
        self._path = path
        self._sequence = sequence
        self._kept: OrderedDict[int, dict[int, Message]] = OrderedDict()

    def message(self, index: int) -> Message:
        """The message at ``index``.

        Raises:
            StoreError: the database cannot be read any more.
        """
        number, wanted = index // _PAGE, self._sequence[index]
        page = self._kept.get(number)
        if page is None:
            page = self._kept[number] = self._fetched(self._sequence[number * _PAGE : (number + 1) * _PAGE])
            if len(self._kept) > _PAGES_KEPT:
                self._kept.popitem(last=False)
        return page.get(wanted) or Message(id=str(wanted), role=Role.SYSTEM, archived=True, is_meta=True, lossy=True)

    def _fetched(self, wanted: Sequence[int]) -> dict[int, Message]:
        where = "WHERE seq IN (SELECT value FROM json_each(?))"
        found, _ = rows.read_own(
            self._path, lambda database: rows.select(database, "messages", MESSAGE, where, (dumps(wanted),))
        )
        return {rows.integer(row["seq"]) or 0: self._reader.message(row) for row in found}


def faults(path: Path) -> list[str]:
    """What SQLite's own checks say of the database: damaged pages, and rows whose session is not there.

    Raises:
        StoreError: the database cannot be read, or a newer program wrote it.
    """

    def ask(database: sqlite3.Connection) -> list[str]:
        examine(database, path)
        said = [rows.text(row["quick_check"]) for row in database.execute("PRAGMA quick_check")]
        orphans = database.execute("PRAGMA foreign_key_check").fetchall()
        lost = [f"{len(orphans)} rows belong to no session"] if orphans else []
        return [*(what for what in said if what != "ok"), *lost]

    return rows.read_own(path, ask)


# ── changes ───────────────────────────────────────────────────────────────────────────────────────────


def has_session(database: sqlite3.Connection, id: str) -> bool:
    """Whether there is a session ``id``."""
    return bool(database.execute("SELECT 1 FROM sessions WHERE id = ?", (id,)).fetchone())


def taken(database: sqlite3.Connection, session: str, ids: Sequence[str]) -> str | None:
    """One of ``ids`` that a message of the session has already."""
    row = database.execute(f"SELECT id FROM messages {_AMONG} LIMIT 1", (session, dumps(ids))).fetchone()
    return str(row[0]) if row else None


def insert(database: sqlite3.Connection, table: str, values: Sequence[Mapping[str, object]]) -> None:
    """Add rows that all have the same columns."""
    if not values:
        return
    names, marks = ", ".join(values[0]), ", ".join("?" * len(values[0]))
    query = f"INSERT INTO {table} ({names}) VALUES ({marks})"
    database.executemany(query, (tuple(row.values()) for row in values))


def update_session(database: sqlite3.Connection, id: str, values: Mapping[str, object]) -> None:
    """Set columns of the session."""
    names = ", ".join(f"{name} = ?" for name in values)
    database.execute(f"UPDATE sessions SET {names} WHERE id = ?", (*values.values(), id))


def touch(database: sqlite3.Connection, id: str, *, conversation: bool) -> None:
    """Make the session's stamp another one; when its conversation changed, note the time, drop a recorded token
    count, and wake an idle session."""
    database.execute("UPDATE sessions SET revision = revision + 1 WHERE id = ?", (id,))
    if conversation:
        now = stamp(datetime.now(UTC))
        update_session(database, id, {"updated_at": now, "last_active_at": now, "token_count": None})
        woken = (SessionState.ACTIVE.value, id, SessionState.IDLE.value)
        database.execute("UPDATE sessions SET state = ? WHERE id = ? AND state = ?", woken)


def alter_session(database: sqlite3.Connection, before: Session, after: Session) -> None:
    """Set the columns in which ``after`` differs, so that what is derived is not taken for what is stored."""
    old, new = from_session(before), from_session(after)
    if changed := {name: value for name, value in new.items() if value != old[name]}:
        update_session(database, before.key.id, changed)


def rewrite(database: sqlite3.Connection, before: Transcript, after: Transcript) -> None:
    """Make session, messages and summaries of ``before`` those of ``after``; rows of messages that stay are kept
    as they are, whatever cannot be read in them."""
    session = before.session.key.id
    old = {message.id: message for message in before.messages}
    stay = {message.id for message in after.messages if message == old.get(message.id)}
    alter_session(database, before.session, after.session)
    _remove_messages(database, session, old.keys() - stay)
    append(database, session, [message for message in after.messages if message.id not in stay])
    places = [(index, session, message.id) for index, message in enumerate(after.messages)]
    database.executemany("UPDATE messages SET position = ? WHERE session = ? AND id = ?", places)
    if after.summaries == before.summaries:
        return drop_summaries(database, session)
    database.execute("DELETE FROM summaries WHERE session = ?", (session,))
    return insert_summaries(database, session, after.summaries, after.messages)


def insert_summaries(
    database: sqlite3.Connection, session: str, summaries: Sequence[Summary], messages: Sequence[Message]
) -> None:
    """Add summaries whose messages, where they have some, are among ``messages``."""
    of = [{"session": session, "message_id": message_of(summary, messages)} for summary in summaries]
    insert(database, "summaries", [part | from_summary(each) for part, each in zip(of, summaries, strict=True)])


def append(database: sqlite3.Connection, session: str, messages: Iterable[Message]) -> None:
    """Add messages at the end, and note the first prompt where none is known."""
    added = tuple(messages)
    last = database.execute("SELECT MAX(position) FROM messages WHERE session = ?", (session,)).fetchone()[0]
    start = 0 if last is None else last + 1
    of = [{"session": session, "position": start + index} for index in range(len(added))]
    insert(database, "messages", [place | from_message(message) for place, message in zip(of, added, strict=True)])
    if prompt := prompts.first_prompt(added):
        database.execute(
            "UPDATE sessions SET first_prompt = ? WHERE id = ? AND first_prompt = ''", (scrub(prompt), session)
        )


def archive(database: sqlite3.Connection, session: str, ids: Collection[str]) -> int:
    """Flag messages as archived and say how many were not so before."""
    values = (session, dumps(list(ids)))
    return database.execute(f"UPDATE messages SET archived = 1 {_AMONG} AND archived = 0", values).rowcount


def drop_messages(database: sqlite3.Connection, session: str, ids: Collection[str] | None) -> int:
    """Remove some messages, or all and every summary, and say how many; summaries go with their messages."""
    if ids is None:
        database.execute("DELETE FROM summaries WHERE session = ?", (session,))
        return database.execute("DELETE FROM messages WHERE session = ?", (session,)).rowcount
    removed = _remove_messages(database, session, ids)
    drop_summaries(database, session)
    return removed


def _remove_messages(database: sqlite3.Connection, session: str, ids: Collection[str]) -> int:
    return database.execute(f"DELETE FROM messages {_AMONG}", (session, dumps(list(ids)))).rowcount


def refuse_outdated(database: sqlite3.Connection, session: str, summary: Summary) -> None:
    """Do nothing where all that ``summary`` stands for is active.

    Raises:
        StoreError: something is archived, or gone.
    """
    ids = set(summary.original_ids)
    query = f"SELECT COUNT(*) FROM messages {_AMONG} AND archived = 0"
    if database.execute(query, (session, dumps(list(ids)))).fetchone()[0] < len(ids):
        raise outdated()


def drop_summaries(database: sqlite3.Connection, session: str) -> None:
    """Remove the summaries whose message is gone."""
    database.execute(
        "DELETE FROM summaries WHERE session = ?1 AND message_id IS NOT NULL"
        " AND message_id NOT IN (SELECT id FROM messages WHERE session = ?1)",
        (session,),
    )


def place_summary(database: sqlite3.Connection, session: str, summary: Summary) -> None:
    """Keep a summary, and its message right after the last one it stands for; one with its id is replaced.

    Raises:
        StoreError: a message that is no summary has its id.
    """
    database.execute("DELETE FROM summaries WHERE session = ? AND id = ?", (session, summary.id))
    database.execute("DELETE FROM messages WHERE session = ? AND id = ? AND is_summary", (session, summary.id))
    if taken(database, session, [summary.id]):
        raise StoreError(f"message {summary.id} is there already")
    covered = (session, dumps(summary.original_ids))
    last = database.execute(f"SELECT MAX(position) FROM messages {_AMONG}", covered).fetchone()[0]
    append(database, session, [summary_message(summary)])
    if last is not None:
        move = "UPDATE messages SET position = position + 1 WHERE session = ? AND position > ?"
        database.execute(move, (session, last))
        database.execute(
            "UPDATE messages SET position = ? WHERE session = ? AND id = ?", (last + 1, session, summary.id)
        )
    insert(database, "summaries", [{"session": session, "message_id": summary.id} | from_summary(summary)])


def count_compaction(database: sqlite3.Connection, session: str, summary: Summary) -> None:
    """Note in the session that ``summary`` now stands for its older part."""
    database.execute(
        "UPDATE sessions SET summary = ?, summary_message_id = ?, compacted_at = ?,"
        " compaction_count = COALESCE(compaction_count, 0) + 1 WHERE id = ?",
        (scrub(summary.content), summary.id, stamp(summary.compacted_at), session),
    )


def insert_parts(database: sqlite3.Connection, session: str, parts: Transcript) -> None:
    """Add context, read files and records to the session."""
    of = {"session": session}
    insert(
        database, "context", [of | {"type": item.type, "key": item.key, "value": item.value} for item in parts.context]
    )
    insert(
        database, "read_files", [of | {"path": file.path, "read_at": stamp(file.read_at)} for file in parts.files_read]
    )
    for records in (parts.tunnel_events, parts.costs, parts.usage, parts.metrics):
        insert(
            database, "records", [of | {"kind": KIND_OF[type(record)], "value": dumps(record)} for record in records]
        )
