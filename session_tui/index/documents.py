"""What is in the index: sessions, where their text lies, and what is known to be gone.

Everything here may be thrown away at any time. Readers see what was committed last; only whoever holds the
refresh lock writes.
"""

from __future__ import annotations

import logging
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from session_tui.adapters.base import Source
from session_tui.adapters.files import private_directory
from session_tui.index import schema
from session_tui.index.segments import TALK, WORK, Segment
from session_tui.model import SessionKey
from session_tui.query import Features

log = logging.getLogger(__name__)

_FILE: Final = "index.db"
_TIMEOUT: Final = 5
_encode = msgspec.json.Encoder().encode
_features = msgspec.json.Decoder(Features).decode
_COLUMNS: Final = "store, root, session, stamp, path, updated, read_to, proof, work, features"
Identity = tuple[str, str, str]
"""Store, root and id of a session."""


class Place(msgspec.Struct, gc=False, array_like=True):
    """Where a piece of text lies: its segment, start, length, checksum and packed marks."""

    segment: int
    start: int
    length: int
    checksum: int
    marks: bytes


class Document(msgspec.Struct, gc=False, array_like=True):
    """A session in the index. ``read_to`` is the byte up to which a growing file was read, ``proof`` a hash of what
    stands before it; ``work`` tells whether tool text is in as well."""

    store: str
    root: str
    session: str
    stamp: str
    path: str
    updated: float = 0.0
    read_to: int = 0
    proof: bytes = b""
    work: bool = True
    features: bytes = b""

    @property
    def occurring(self) -> Features:
        """What occurs in its messages."""
        return _features(self.features) if self.features else Features()

    def with_features(self, features: Features) -> Document:
        """The document with other features."""
        return msgspec.structs.replace(self, features=_encode(features))

    @property
    def identity(self) -> Identity:
        """Which session it is."""
        return self.store, self.root, self.session

    @property
    def key(self) -> SessionKey:
        """The session's key."""
        return SessionKey(self.store, self.session, self.root)


def identity_of(source: Source) -> Identity:
    """Which session a source is of."""
    return source.key.store, source.key.root, source.key.id


class Gathered(msgspec.Struct, gc=False, array_like=True):
    """What reading one session gave. With ``added`` the places stand beside those it had; a session that could not
    be read has a ``failure`` and keeps what it had; it is ``hopeless`` where no text can be written at all."""

    document: Document
    places: list[Place]
    added: bool = False
    failure: str = ""
    hopeless: bool = False


class State(msgspec.Struct, frozen=True):
    """How large the index is, when it was last added to, and what is wrong with it, if anything."""

    sessions: int = 0
    size_bytes: int = 0
    updated_at: datetime | None = None
    problem: str | None = None


class Documents:
    """The index's tables in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / _FILE

    @contextmanager
    def connected(self, *, make: bool = False) -> Iterator[sqlite3.Connection]:
        """The database, made first where it is missing and ``make`` asks for it.

        Raises:
            sqlite3.Error: it is missing, damaged, or of another version.
        """
        if make:
            private_directory(self.folder)
        target = f"{self.file.absolute().as_uri()}?mode={'rwc' if make else 'rw'}"
        with closing(sqlite3.connect(target, uri=True, timeout=_TIMEOUT)) as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version == 0 and make:
                database.execute("PRAGMA journal_mode=WAL")
                schema.create(database)
                self.file.chmod(0o600)
            elif version != schema.VERSION:
                raise sqlite3.DatabaseError(f"version {version}")
            database.execute("PRAGMA synchronous=OFF")
            yield database

    def stamps(self, database: sqlite3.Connection) -> dict[Identity, tuple[int, str]]:
        """Number and stamp of every document by session."""
        rows = database.execute("SELECT store, root, session, id, stamp FROM documents")
        return {row[:3]: row[3:] for row in rows}

    def documents(self, database: sqlite3.Connection, numbers: Iterable[int] | None = None) -> dict[int, Document]:
        """The documents with these numbers, or all."""
        query = f"SELECT id, {_COLUMNS} FROM documents"
        if numbers is None:
            rows: Iterable[tuple[object, ...]] = database.execute(query)
        else:
            rows = (row for number in numbers for row in database.execute(f"{query} WHERE id = ?", (number,)))
        return {int(str(row[0])): _document(row[1:]) for row in rows}

    def buried(self, database: sqlite3.Connection) -> dict[Identity, str]:
        """The stamps that thrown away sessions had."""
        rows = database.execute("SELECT store, root, session, stamp FROM tombstones")
        return {(row[0], row[1], row[2]): row[3] for row in rows}

    def commit(self, database: sqlite3.Connection, gathered: Iterable[Gathered]) -> None:
        """Take in what was read, in one transaction.

        Raises:
            sqlite3.Error: it could not be written; nothing of it is in.
        """
        with database:
            for one in gathered:
                if not one.failure:
                    self._take_in(database, one)
            for id, name in database.execute("SELECT id, name FROM segments").fetchall():
                try:
                    status = (self.folder / name).stat()
                except FileNotFoundError:
                    continue  # Nobody has written to it yet.
                database.execute(
                    "UPDATE segments SET length = ?, modified = ? WHERE id = ?",
                    (status.st_size, status.st_mtime_ns, id),
                )

    @staticmethod
    def _take_in(database: sqlite3.Connection, one: Gathered) -> None:
        document = one.document
        row = database.execute(
            f"INSERT INTO documents ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (store, root, session) DO UPDATE SET "
            "stamp = excluded.stamp, path = excluded.path, updated = excluded.updated, read_to = excluded.read_to, "
            "proof = excluded.proof, work = excluded.work, features = excluded.features RETURNING id",
            msgspec.structs.astuple(document),
        ).fetchone()
        if not one.added:
            database.execute("DELETE FROM pieces WHERE document = ?", row)
        database.executemany(
            "INSERT INTO pieces (document, segment, start, length, checksum, marks) VALUES (?, ?, ?, ?, ?, ?)",
            [(row[0], place.segment, place.start, place.length, place.checksum, place.marks) for place in one.places],
        )

    def drop(self, database: sqlite3.Connection, numbers: Iterable[int]) -> None:
        """Take documents out."""
        rows = [(number,) for number in numbers]
        with database:
            database.executemany("DELETE FROM pieces WHERE document = ?", rows)
            database.executemany("DELETE FROM documents WHERE id = ?", rows)

    def bury(self, sources: Sequence[Source]) -> None:
        """Take sessions out for good: they come back only when their source has changed since."""
        if not self.file.exists():
            return
        rows = [(*identity_of(source), source.stamp) for source in sources]
        with self.connected() as database, database:
            database.executemany("INSERT OR REPLACE INTO tombstones VALUES (?, ?, ?, ?)", rows)
            for row in rows:
                found = database.execute(
                    "DELETE FROM documents WHERE store = ? AND root = ? AND session = ? RETURNING id", row[:3]
                ).fetchall()
                database.executemany("DELETE FROM pieces WHERE document = ?", found)

    def segments(self, database: sqlite3.Connection, writers: int) -> Mapping[int, tuple[str, str]]:
        """Kind and file name of at least ``writers`` segments of each kind, by number; missing ones are noted."""
        with database:
            for number in range(writers):
                for kind in (TALK, WORK):
                    id = 2 * number + (kind == WORK)
                    row = (id, kind, f"{kind}-{number}.txt")
                    database.execute("INSERT OR IGNORE INTO segments VALUES (?, ?, ?, 0, 0)", row)
        rows = database.execute("SELECT id, kind, name FROM segments")
        return {row[0]: (row[1], row[2]) for row in rows}

    def damaged(self, database: sqlite3.Connection) -> list[int]:
        """The documents whose text is not what was written, looked for in segments that were touched since."""
        found: set[int] = set()
        for id, name, length, modified in database.execute("SELECT id, name, length, modified FROM segments"):
            path = self.folder / name
            try:
                status = path.stat()
                sound = status.st_size == length and status.st_mtime_ns == modified
                if not sound:
                    found |= self._unsound(database, id, Segment(path))
            except OSError:
                if not length:
                    continue
                rows = database.execute("SELECT DISTINCT document FROM pieces WHERE segment = ?", (id,))
                found |= {row[0] for row in rows}
        return sorted(found)

    @staticmethod
    def _unsound(database: sqlite3.Connection, id: int, segment: Segment) -> set[int]:
        query = "SELECT document, start, length, checksum FROM pieces WHERE segment = ?"
        return {
            document
            for document, start, length, checksum in database.execute(query, (id,))
            if zlib.crc32(segment.read(start, length)) != checksum
        }

    def state(self) -> State:
        """What there is."""
        files = [path for path in self.folder.glob("*") if path.is_file()]
        used = sum(path.stat().st_size for path in files)
        if not self.file.exists():
            return State(size_bytes=used)
        updated = datetime.fromtimestamp(self.file.stat().st_mtime, UTC)
        try:
            with self.connected() as database:
                sessions = database.execute("SELECT count(*) FROM documents").fetchone()[0]
                damaged = len(self.damaged(database))
        except sqlite3.Error as error:
            return State(0, used, updated, f"cannot be read: {error}; `session-tui index` makes it anew")
        problem = f"the text of {damaged} sessions is damaged; `session-tui index` reads them anew" if damaged else None
        return State(sessions, used, updated, problem)

    def discard(self) -> None:
        """Throw everything away.

        Raises:
            OSError: a file cannot be removed.
        """
        for path in (*self.folder.glob(f"{_FILE}*"), *self.folder.glob("*.txt")):
            path.unlink(missing_ok=True)


def _document(row: tuple[object, ...]) -> Document:
    return msgspec.convert((*row[:8], bool(row[8]), row[9]), Document)
