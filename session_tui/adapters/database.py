"""What adapters share whose roots are SQLite databases with one row per session in a table ``sessions``.

An agent's own file says which columns tell its table, what a list needs of a row (`entries`, `details`), and how
a `Session` is made of that. Everything is asked for many sessions at once, so that ten thousand of them cost a
few queries. Rows are told apart by their rowid: an id may be no text that could be asked for.
"""

from __future__ import annotations

import hashlib
import sqlite3
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final, TypeAlias

from session_tui.adapters import rows, times
from session_tui.adapters.base import Adapter, Root, Source, unreadable
from session_tui.adapters.rows import Row
from session_tui.errors import SessionTuiError, StoreDamaged, StoreError, StoreMissing
from session_tui.model import Health, Problem, Session, SessionKey
from session_tui.text import scrub

_CHUNK: Final = 500
Ask: TypeAlias = Callable[[sqlite3.Connection, Sequence[int] | None], tuple[list[Row], str]]


class DatabaseAdapter(Adapter):
    """An adapter for such databases; everything but reading a whole session is done here."""

    columns: ClassVar[frozenset[str]]
    """Columns of ``sessions`` that no other program's table of that name has together."""
    beneath: ClassVar[tuple[str, ...]]
    """Where the database may lie relative to a directory that is given as a root."""
    belonging: ClassVar[tuple[str, ...]] = ()
    """Tables whose rows belong to a session by their ``session_id``."""

    @abstractmethod
    def entries(self, database: sqlite3.Connection, rowids: Sequence[int] | None) -> tuple[list[Row], str]:
        """A row per session (of those with ``rowids``, else of all) with its columns, ``rowid``, and whatever
        changes when its messages do; and what stopped the reading, or ""."""

    @abstractmethod
    def details(self, database: sqlite3.Connection, path: str, entries: Sequence[Row]) -> Mapping[int, Row]:
        """What else a list shows of the sessions, by rowid: columns that are added to their entries. ``path`` is
        where the database lies; the connection may be to a copy of it."""

    @abstractmethod
    def session(self, key: SessionKey, path: str, entry: Row) -> Session:
        """The session that an entry with its details describes."""

    def last_used(self, entry: Row) -> datetime | None:
        """When the session was last used, as far as its entry says."""
        return times.parse(entry["updated_at"])

    # ── places ────────────────────────────────────────────────────────────────────────────────────────

    def below(self, path: Path) -> Iterator[Path]:
        """The databases at ``path``: the file itself, those at the known places below it, other ``*.db`` in it."""
        if path.is_file():
            known, other = [path], []
        else:
            known, other = [path / place for place in self.beneath], sorted(path.glob("*.db"))
        for place in known:
            if place.is_file() and self._is_ours(place, unsure=True):
                yield place
        for place in other:
            if rows.is_database(place) and self._is_ours(place, unsure=False):
                yield place

    def _is_ours(self, path: Path, *, unsure: bool) -> bool:
        try:
            return self.columns <= rows.read(path, lambda database: rows.columns(database, "sessions"))
        except StoreError:
            return unsure

    # ── lists ─────────────────────────────────────────────────────────────────────────────────────────

    def scan(self, root: Root) -> Iterator[Source]:
        """The sessions in the database; their stamps are made of everything `entries` asks for.

        Raises:
            StoreError: it cannot be read, or not to its end.
        """
        entries, fault = rows.read(root.path, lambda database: self._all(database, root.path))
        for entry in entries:
            key = SessionKey(self.name, _id(entry), str(root.path))
            yield Source(key, str(root.path), _digest(entry), self.last_used(entry))
        if fault and not fault.startswith("no table"):
            raise rows.failure(sqlite3.DatabaseError(fault), root.path)

    def _all(self, database: sqlite3.Connection, path: Path) -> tuple[list[Row], str]:
        have = rows.columns(database, "sessions")
        if have and not self.columns <= have:
            raise StoreDamaged(f"the sessions in it are not those of {self.label}", where=str(path))
        return self.entries(database, None)

    def head(self, source: Source) -> Session:
        """The session as a list shows it.

        Raises:
            StoreError: the database cannot be read, or holds it no more.
        """
        return rows.read(Path(source.path), lambda database: self.entry(database, source)[1])

    def heads(self, sources: Sequence[Source]) -> Iterator[Session]:
        """The heads of many sources, asked for together."""
        by_path: dict[str, list[Source]] = {}
        for source in sources:
            by_path.setdefault(source.path, []).append(source)
        found: dict[SessionKey, Session] = {}
        for path, group in by_path.items():
            for start in range(0, len(group), _CHUNK):
                found |= self._described(Path(path), group[start : start + _CHUNK])
        for source in sources:
            yield found[source.key]

    def _described(self, path: Path, group: Sequence[Source]) -> dict[SessionKey, Session]:
        try:
            return rows.read(path, lambda database: self._together(database, group))
        except StoreError as error:
            return {source.key: unreadable(source, error) for source in group}

    def _together(self, database: sqlite3.Connection, group: Sequence[Source]) -> dict[SessionKey, Session]:
        try:
            found = self._sessions(database, group)
        except sqlite3.DatabaseError:
            # One damaged page must cost only the sessions on it.
            return {source.key: self._alone(database, source) for source in group}
        gone = StoreMissing("the session is no longer in its database", where=group[0].path)
        return {source.key: found.get(source.key) or unreadable(source, gone) for source in group}

    def _sessions(self, database: sqlite3.Connection, group: Sequence[Source]) -> dict[SessionKey, Session]:
        wanted = {source.key.id: source for source in group}
        entries, fault = self.entries(database, _rowids(database, list(wanted)))
        if fault:
            raise sqlite3.DatabaseError(fault)
        details = self.details(database, group[0].path, entries)
        sources = [wanted[_id(entry)] for entry in entries]
        return {
            source.key: self.session(source.key, source.path, entry | details.get(rowid(entry), {}))
            for source, entry in zip(sources, entries, strict=True)
        }

    def _alone(self, database: sqlite3.Connection, source: Source) -> Session:
        try:
            return self.entry(database, source)[1]
        except sqlite3.DatabaseError as error:
            return unreadable(source, rows.failure(error, Path(source.path)))
        except SessionTuiError as error:
            return unreadable(source, error)

    def entry(self, database: sqlite3.Connection, source: Source) -> tuple[Row, Session]:
        """The entry of one session with its details, and the session it describes.

        Raises:
            StoreMissing: the database holds it no more.
        """
        entry, fault = self.row(database, source)
        return entry, self.described(database, source, entry, fault)

    def described(self, database: sqlite3.Connection, source: Source, entry: Row, fault: str) -> Session:
        """The session that an entry describes once its details are added, which is done here; ``fault`` is what
        stopped the reading."""
        try:
            entry |= self.details(database, source.path, [entry]).get(rowid(entry), {})
        except sqlite3.DatabaseError as error:
            fault = fault or str(error)
        session = self.session(source.key, source.path, entry)
        return flawed(session, [damage(source.path, fault)] if fault else [])

    def row(self, database: sqlite3.Connection, source: Source, ask: Ask | None = None) -> tuple[Row, str]:
        """The entry of one session without details, and what stopped the reading, or "". ``ask`` is asked for it in
        place of `entries`.

        Raises:
            StoreMissing: the database holds it no more.
            StoreDamaged: its row lies on a damaged page.
        """
        rowids = _rowids(database, [source.key.id])
        entries, fault = (ask or self.entries)(database, rowids) if rowids else ([], "")
        if fault and not entries:
            raise rows.failure(sqlite3.DatabaseError(fault), Path(source.path))
        if not entries:
            raise StoreMissing("the session is no longer in its database", where=source.path)
        return entries[0], fault

    # ── the store as a whole ──────────────────────────────────────────────────────────────────────────

    def check(self, root: Root) -> Iterator[Problem]:
        """Damaged pages, and rows that belong to no session."""
        try:
            yield from rows.read(root.path, lambda database: list(self._check(database, root.path)))
        except StoreError as error:
            yield Problem(error.where or str(root.path), error.what, error.hint)

    def _check(self, database: sqlite3.Connection, path: Path) -> Iterator[Problem]:
        for row in database.execute("PRAGMA quick_check(20)"):
            said = " ".join(str(value) for value in row.values())
            if said != "ok":
                yield damage(str(path), said)
        for table in self.belonging:
            if "session_id" in rows.columns(database, table):
                query = f'SELECT COUNT(*) AS n FROM "{table}" WHERE session_id NOT IN (SELECT id FROM sessions)'
                count = database.execute(query).fetchone()["n"]
                if count:
                    yield Problem(str(path), f"{count:,} rows of {table} belong to no session", "they can be ignored")


# ── rows ──────────────────────────────────────────────────────────────────────────────────────────────


def among(rowids: Sequence[int] | None) -> str:
    """The SQL condition for the rows of ``sessions`` with ``rowids``, for all of them without."""
    return "1" if rowids is None else f"rowid IN ({','.join(map(str, rowids))})"


def belonging(rowids: Sequence[int] | None) -> str:
    """The SQL condition for the rows of another table that belong to the sessions with ``rowids``."""
    if rowids is None:
        return "1"
    # With one value the index hands the rows out in the order of their rowids, without sorting them.
    return f"session_id {'=' if len(rowids) == 1 else 'IN'} (SELECT id FROM sessions WHERE {among(rowids)})"


def stored_length(database: sqlite3.Connection, table: str, column: str, number: int) -> int | None:
    """The bytes that a text takes in the row with the rowid ``number``, told without reading it; ``None`` where only
    a query can tell, as of what is no text."""
    try:
        with database.blobopen(table, column, number, readonly=True) as stored:
            return len(stored)
    except sqlite3.DatabaseError:
        return None


def stored_text(database: sqlite3.Connection, table: str, column: str, number: int) -> bytes | None:
    """The bytes of a text in the row with the rowid ``number``, in half the time that a query takes for many; ``None``
    where only a query can tell, as of what is no text."""
    cursor = database.cursor()
    cursor.row_factory = None
    if cursor.execute("PRAGMA encoding").fetchone()[0] not in ("UTF-8", b"UTF-8"):
        return None
    try:
        with database.blobopen(table, column, number, readonly=True) as stored:
            return stored.read()
    except sqlite3.DatabaseError:
        return None


def tally(
    database: sqlite3.Connection, table: str, fields: Sequence[str], rowids: Sequence[int] | None
) -> tuple[dict[object, Row], str]:
    """What ``fields`` (SQL aggregates with their names) make of the rows of each session, by ``session_id``;
    and what stopped the reading, or ""."""
    query = f'SELECT session_id, {", ".join(fields)} FROM "{table}" WHERE {belonging(rowids)} GROUP BY session_id'
    try:
        return {row["session_id"]: row for row in database.execute(query)}, ""
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise
        return {}, str(error)


def _rowids(database: sqlite3.Connection, ids: Sequence[str]) -> list[int]:
    """The rowids of the sessions with ``ids`` that are there."""
    marks = ",".join("?" * len(ids))
    found, _ = rows.select(database, "sessions", ("rowid", "id"), f"WHERE id IN ({marks})", [scrub(id) for id in ids])
    if len(found) < len(ids):
        # The index may be damaged where the table is not, and some ids are no text to ask for.
        every, _ = rows.select(database, "sessions", ("rowid", "id"), "NOT INDEXED")
        wanted = set(ids)
        found = [row for row in every if _id(row) in wanted]
    return [rowid(row) for row in found]


def rowid(entry: Row) -> int:
    """The rowid of an entry."""
    return rows.integer(entry["rowid"]) or 0


def _id(entry: Row) -> str:
    return rows.text(entry["id"]) or f"rowid-{entry['rowid']}"


def _digest(entry: Row) -> str:
    text = "\x1f".join(map(str, entry.values()))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def unnamed(row: Row, names: Iterable[str]) -> dict[str, object]:
    """Those of the columns ``names`` that hold something, for ``extra``."""
    return {name: row[name] for name in names if row[name] is not None}


# ── values ────────────────────────────────────────────────────────────────────────────────────────────


def damage(path: str, said: str) -> Problem:
    """The problem to report for what SQLite said about a database."""
    error = rows.failure(sqlite3.DatabaseError(said), Path(path))
    known = isinstance(error, StoreDamaged)
    return Problem(path, f"the database is damaged: {said}" if known else error.what, error.hint)


def flawed(session: Session, problems: Sequence[Problem]) -> Session:
    """``session`` with more problems; it is `partial` then."""
    if not problems:
        return session
    return replace(session, health=Health.PARTIAL, problems=(*session.problems, *problems))
