"""The tables of ``overlay.db``, and how it is opened for a change.

``PRAGMA user_version`` is the number of steps the schema has gone through; the database is copied to
``backups/`` beside it before a step changes it. Each change opens a connection of its own.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Final

from session_tui.adapters import files, rows
from session_tui.adapters.native_schema import back_up
from session_tui.errors import StoreError

if TYPE_CHECKING:
    from sqlite_utils import Database

TABLES: Final = ("sessions", "tags", "bookmarks", "compactions")
_KEY: Final = "store TEXT NOT NULL, root NOT NULL, id NOT NULL"
_ATTEMPTS: Final = 50


def _first(database: Database) -> None:
    """Marks, tags, bookmarks and compactions."""
    for statement in (
        f"CREATE TABLE sessions ({_KEY}, title TEXT, pinned INTEGER, archived INTEGER, note TEXT, "
        "PRIMARY KEY (store, root, id))",
        f"CREATE TABLE tags ({_KEY}, name TEXT NOT NULL, hidden INTEGER NOT NULL DEFAULT 0, "
        "PRIMARY KEY (store, root, id, name))",
        f"CREATE TABLE bookmarks ({_KEY}, message_id NOT NULL, message_index INTEGER NOT NULL, "
        "label TEXT NOT NULL DEFAULT '', created_at TEXT, PRIMARY KEY (store, root, id, message_id))",
        f"CREATE TABLE compactions ({_KEY}, summary_id NOT NULL, written_to TEXT NOT NULL, content TEXT NOT NULL, "
        "message_range TEXT NOT NULL, original_ids TEXT NOT NULL, compact_ids TEXT NOT NULL, keep_ids TEXT NOT NULL, "
        "carried_ids TEXT NOT NULL, estimated_savings INTEGER NOT NULL, reason TEXT NOT NULL, token_count INTEGER, "
        "provider TEXT NOT NULL, compacted_at TEXT, extra TEXT NOT NULL, PRIMARY KEY (store, root, id, summary_id))",
    ):
        database.execute(statement)


STEPS: Final[tuple[tuple[str, Callable[[Database], None]], ...]] = (("marks", _first),)
VERSION: Final = len(STEPS)


def version(database: sqlite3.Connection, file: Path) -> int:
    """How many steps the schema has gone through, 0 for a file in which nothing was written yet.

    Raises:
        StoreError: more than this program knows.
    """
    row = database.execute("PRAGMA user_version").fetchone()
    found = int(row["user_version"] if isinstance(row, dict) else row[0])
    if found > VERSION:
        what = f"written by a newer session-tui (schema {found}, this one knows {VERSION})"
        raise StoreError(what, where=str(file), hint="update session-tui")
    return found


@contextmanager
def changing(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection within a transaction that is committed at the end and taken back on any error; the file is
    made or brought up to date first.

    Raises:
        StoreLocked: another process held it for longer than `rows.BUSY_SECONDS`.
        StoreError: it cannot be written, or a newer program wrote it.
    """
    try:
        with closing(_opened(file)) as database, _transaction(database):
            yield database
    except sqlite3.Error as error:
        raise rows.failure(error, file) from error


def _opened(file: Path) -> sqlite3.Connection:
    if not file.exists():
        files.private_directory(file.parent)
        try:
            os.close(os.open(file, os.O_CREAT | os.O_WRONLY, files.PRIVATE_FILE))
        except OSError as error:
            raise files.failure(error, file) from error
    database = sqlite3.connect(file, timeout=rows.BUSY_SECONDS, isolation_level=None)
    try:
        if version(database, file) < VERSION:
            _grow(database, file)
    except BaseException:
        database.close()
        raise
    return database


def _grow(database: sqlite3.Connection, file: Path) -> None:
    """Take the steps that the schema has not gone through yet, as one change."""
    from sqlite_utils import Database, Migrations

    _let_it_log(database)
    with _transaction(database):
        found = version(database, file)
        if found == VERSION:
            return
        if found:
            back_up(file, found)
        migrations = Migrations("session-tui-overlay")
        for name, step in STEPS:
            migrations(name=name)(step)
        migrations.apply(Database(database, execute_plugins=False))
        database.execute(f"PRAGMA user_version = {VERSION}")


def _let_it_log(database: sqlite3.Connection) -> None:
    """Turn write-ahead logging on, again and again while another process is in the way: SQLite does not wait."""
    for attempt in range(_ATTEMPTS):
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or attempt == _ATTEMPTS - 1:
                raise
            sleep(rows.BUSY_SECONDS / _ATTEMPTS)
        else:
            return


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
