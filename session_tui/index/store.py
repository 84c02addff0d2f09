"""Sessions as they were last read, kept by the stamp of their source; safe to delete at any time."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from session_tui.adapters.base import Source
from session_tui.adapters.files import private_directory
from session_tui.errors import StoreError
from session_tui.model import Session, SessionKey

log = logging.getLogger(__name__)

VERSION = 1
"""Raised whenever a kept session would be read differently; another version's file is thrown away."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
  store TEXT NOT NULL, root TEXT NOT NULL, id TEXT NOT NULL,
  stamp TEXT NOT NULL, whole INTEGER NOT NULL, updated REAL, session BLOB NOT NULL,
  PRIMARY KEY (store, root, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_by_time ON sessions (updated DESC);
"""
_FEW = 100
"""Up to so many sessions are looked up one by one; beyond, all below their root are looked through."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Session).decode


class CacheFile:
    """One SQLite file of a cache, made with ``schema``; a file of another ``version`` is thrown away.

    Several processes may use it at once. Whatever is wrong with it (garbage, another version, a full disk, a
    read-only directory) costs only speed: it is logged and the cache answers as if it were empty.
    """

    def __init__(self, file: Path, schema: str, version: int) -> None:
        self.file = file
        self._schema = schema
        self._version = version
        self._sound = False

    def rows(self, query: str, values: Sequence[object]) -> Iterator[tuple[str, str, int, bytes]]:
        """What ``query`` finds; nothing where the file cannot be read."""
        try:
            if not self.file.exists():
                return
            self._prepare()
            with closing(sqlite3.connect(self.file, timeout=2)) as database:
                yield from database.execute(query, values)
        except (sqlite3.Error, msgspec.MsgspecError, StoreError) as error:
            self._failed("read", error)

    def write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Run ``statement`` for each of ``rows``, in one transaction."""
        if not rows:
            return
        try:
            self._prepare()
            with closing(sqlite3.connect(self.file, timeout=2)) as database:
                # Waiting for the disk takes 10 to 30 ms; what a power cut spoils is made anew.
                database.execute("PRAGMA synchronous=OFF")
                with database:
                    database.executemany(statement, rows)
        except (sqlite3.Error, StoreError, OSError) as error:
            self._failed("written", error)

    def _failed(self, what: str, error: Exception) -> None:
        """Tell of a failure, and throw a damaged file away."""
        log.warning("the cache %s was not %s: %s", self.file, what, error)
        if type(error) is sqlite3.DatabaseError:
            self._discard()

    def _prepare(self) -> None:
        """Make the file, or make it anew when it is not ours or of another version."""
        if self._sound and self.file.exists():
            return
        private_directory(self.file.parent)
        try:
            self._create()
        except sqlite3.DatabaseError as error:
            if "locked" in str(error):
                raise
            log.warning("the cache %s is made anew: %s", self.file, error)
            self._discard()
            self._create()
        self._sound = True

    def _create(self) -> None:
        with closing(sqlite3.connect(self.file, timeout=2)) as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, self._version):
                raise sqlite3.DatabaseError(f"version {version}")
            if version == 0:
                database.execute("PRAGMA journal_mode=WAL")
                database.executescript(f"{self._schema}PRAGMA user_version={self._version};")
        self.file.chmod(0o600)

    def _discard(self) -> None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)


class SessionCache:
    """Heads and whole readings of sessions in one `CacheFile`."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._cache = CacheFile(file, _SCHEMA, VERSION)

    def known(self, sources: Sequence[Source], *, whole: bool = False) -> dict[SessionKey, Session]:
        """The kept sessions whose stamps still hold; with ``whole`` only those that were read whole."""
        wanted = {(source.key.store, source.key.root, source.key.id): source.stamp for source in sources}
        found: dict[SessionKey, Session] = {}
        for root in {(store, root) for store, root, _ in wanted}:
            ids = [id for *place, id in wanted if tuple(place) == root]
            some = f" AND id IN ({', '.join('?' * len(ids))})" if len(ids) <= _FEW else ""
            query = f"SELECT id, stamp, whole, session FROM sessions WHERE store = ? AND root = ?{some}"
            for row in self._cache.rows(query, (*root, *ids) if some else root):
                if wanted.get((*root, row[0])) == row[1] and (row[2] or not whole):
                    found[SessionKey(root[0], row[0], root[1])] = _decode(row[3])
        return found

    def newest(self, limit: int) -> list[tuple[Source, Session]]:
        """The most recently updated sessions as last seen, whether or not their stamps still hold."""
        query = "SELECT id, stamp, whole, session FROM sessions ORDER BY updated DESC LIMIT ?"
        found = ((row[1], _decode(row[3])) for row in self._cache.rows(query, (limit,)))
        return [(Source(session.key, session.path, stamp, session.updated_at), session) for stamp, session in found]

    def keep(self, sessions: Iterable[tuple[Source, Session]], *, whole: bool = False) -> None:
        """Keep what was read of the sources."""
        rows = [row for source, session in sessions if (row := self._row(source, session, whole=whole))]
        self._cache.write("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def forget(self, root: tuple[str, str], present: Iterable[str]) -> None:
        """Drop what is kept of the ids that a complete scan of ``root`` (store and root path) did not find."""
        kept = {str(row[0]) for row in self._cache.rows("SELECT id FROM sessions WHERE store = ? AND root = ?", root)}
        gone = [(*root, id) for id in kept.difference(present)]
        self._cache.write("DELETE FROM sessions WHERE store = ? AND root = ? AND id = ?", gone)

    @staticmethod
    def _row(source: Source, session: Session, *, whole: bool) -> tuple[object, ...] | None:
        key, updated = source.key, session.updated_at or source.updated_at
        moment = updated.timestamp() if updated else None
        try:
            return (key.store, key.root, key.id, source.stamp, whole, moment, _encode(session))
        except UnicodeEncodeError:
            # A file name that is no UTF-8 cannot be kept as text; such a session is read anew each time.
            return None
