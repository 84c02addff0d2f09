"""Changes to SQLite databases: each one short transaction, taken back whole on any error.

A database is opened in the journal mode it has. As after any other writer, SQLite takes its ``-wal`` and ``-shm``
files away when the last connection is closed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from session_tui.adapters import rows, witness
from session_tui.errors import StoreError, StoreMissing

_HINT: Final = "look at the session in its own program"


@contextmanager
def opened(path: Path, *, hint: str = _HINT) -> Iterator[sqlite3.Connection]:
    """A connection for changes to a database that is there, with foreign keys enforced and outside of a transaction.

    Raises:
        StoreMissing: there is no such file.
        StoreLocked: another program held the database for longer than `rows.BUSY_SECONDS`.
        StoreError: it cannot be written, or refuses the change, which ``hint`` says what to do about.
    """
    if not path.is_file():
        raise StoreMissing("the database is gone", where=str(path))
    with translated(path, hint=hint), closing(connected(path)) as database:
        yield database


def connected(path: Path) -> sqlite3.Connection:
    """A connection to a database that is there, with foreign keys enforced; to be closed by the caller."""
    place = f"file:{quote(str(path))}?mode=rw"
    database = sqlite3.connect(place, uri=True, timeout=rows.BUSY_SECONDS, isolation_level=None)
    try:
        database.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def translated(path: Path, *, hint: str = _HINT) -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise StoreError(f"the database refuses the change: {error}", where=str(path), hint=hint) from error
    except sqlite3.Error as error:
        raise rows.failure(error, path) from error


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """A transaction that holds off other writers, committed at the end and taken back on any error; whoever is to
    know of changes is told of it."""
    told = witness.present()
    with _within(database, "IMMEDIATE"):
        if told:
            told.begun(database)
        yield
        if told:
            told.ending(database)


@contextmanager
def snapshot(database: sqlite3.Connection) -> Iterator[None]:
    """A transaction in which the database stays as it is when it is first asked, for looking only."""
    with _within(database, "DEFERRED"):
        yield


@contextmanager
def _within(database: sqlite3.Connection, how: str) -> Iterator[None]:
    database.execute(f"BEGIN {how}")
    try:
        yield
        if database.in_transaction:
            database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
