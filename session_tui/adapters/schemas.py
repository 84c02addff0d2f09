"""Databases of our own: made where there is none, grown in steps, opened for a change.

``PRAGMA user_version`` is the number of steps a schema has gone through, ``PRAGMA application_id`` may say whose the
file is. A database that exists is copied to ``backups/`` beside it before a step changes it.

Each change opens a connection of its own and closes it, at which SQLite folds the log into the file. So any
number of threads and processes may write, and between two changes the store is one whole file.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Final

from session_tui.adapters import files, rows, transactions
from session_tui.errors import StoreDamaged, StoreError

if TYPE_CHECKING:
    from sqlite_utils import Database

BACKUPS: Final = "backups"
_ATTEMPTS: Final = 50


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of a database: ``name`` is that of the set of ``steps`` which make them, each named as well.
    A database with another ``application_id`` is not touched; 0 asks for none."""

    name: str
    steps: tuple[tuple[str, Callable[[Database], None]], ...]
    application_id: int = 0

    @property
    def version(self) -> int:
        """How many steps there are."""
        return len(self.steps)

    def refuse_newer(self, found: int, path: Path) -> None:
        """Do nothing for a schema of ``found`` steps that this program knows.

        Raises:
            StoreError: it has more.
        """
        if found > self.version:
            what = f"written by a newer session-tui (schema {found}, this one knows {self.version})"
            raise StoreError(what, where=str(path), hint="update session-tui")

    @contextmanager
    def changing(self, path: Path) -> Iterator[sqlite3.Connection]:
        """A connection within a transaction that is committed at the end and taken back on any error. The database
        is made where there is none, and grown where it is older than this program.

        Raises:
            StoreLocked: another process held it for longer than `rows.BUSY_SECONDS`.
            StoreError: it cannot be written, or a newer program wrote it.
        """
        try:
            with closing(self._opened(path)) as database, transactions.transaction(database):
                yield database
        except sqlite3.Error as error:
            raise rows.failure(error, path) from error

    def _opened(self, path: Path) -> sqlite3.Connection:
        _begin(path)
        database = transactions.connected(path)
        try:
            database.execute("PRAGMA synchronous = NORMAL")
            found = _number(database, "user_version")
            self.refuse_newer(found, path)
            if found < self.version or _number(database, "application_id") != self.application_id:
                self._grow(database, path)
        except BaseException:
            database.close()
            raise
        return database

    def _grow(self, database: sqlite3.Connection, path: Path) -> None:
        """Take the steps that the database has not gone through yet, as one change."""
        _insist(lambda: self._make_ours(database, path))
        with transactions.transaction(database):
            found = _number(database, "user_version")
            self.refuse_newer(found, path)
            if found == self.version:
                return
            if found:
                back_up(path, found)
            from sqlite_utils import Database, Migrations

            migrations = Migrations(self.name)
            for name, step in self.steps:
                migrations(name=name)(step)
            migrations.apply(Database(database, execute_plugins=False))
            database.execute(f"PRAGMA user_version = {self.version}")

    def _make_ours(self, database: sqlite3.Connection, path: Path) -> None:
        """Mark an empty database as ours, before its log can hide that, and let it write to a log.

        Raises:
            StoreDamaged: it is the database of another program.
        """
        # In this order: who makes the first tables at the same moment has set the mark before.
        empty = not database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        mark = _number(database, "application_id")
        if mark != self.application_id and not (mark == 0 and empty):
            raise StoreDamaged("the database of another program", where=str(path))
        if mark != self.application_id:
            database.execute(f"PRAGMA application_id = {self.application_id}")
        database.execute("PRAGMA journal_mode = WAL")


def _number(database: sqlite3.Connection, pragma: str) -> int:
    return int(database.execute(f"PRAGMA {pragma}").fetchone()[0])


def _begin(path: Path) -> None:
    """Make the file where there is none, readable by us alone before anything is in it."""
    if path.exists():
        return
    files.private_directory(path.parent)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, files.PRIVATE_FILE))
    except OSError as error:
        raise files.failure(error, path) from error


def _insist(change: Callable[[], None]) -> None:
    """Repeat ``change`` while another connection is in the way: SQLite does not wait before it alters how a
    database is journalled."""
    for _ in range(_ATTEMPTS):
        try:
            return change()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            sleep(rows.BUSY_SECONDS / _ATTEMPTS)
    return change()


def back_up(path: Path, found: int) -> Path:
    """Copy the database with all its log holds to ``backups/`` beside it and return the copy, which comes into sight
    once it is whole and on the disk; with the database held.

    Raises:
        StoreError: it cannot be written.
    """
    folder = files.private_directory(path.parent / BACKUPS)
    copy = folder / f"{path.stem}-schema{found}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}{path.suffix}"
    draft = folder / f".new-{path.name}"
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, files.PRIVATE_FILE))
        with closing(sqlite3.connect(path, timeout=rows.BUSY_SECONDS)) as source, closing(_unlogged(draft)) as target:
            source.backup(target)
        draft.rename(copy)
        files.sync_directory(folder)
    except OSError as error:
        raise files.failure(error, copy) from error
    return copy


def _unlogged(draft: Path) -> sqlite3.Connection:
    """A connection that leaves no file beside a database which nobody looks at before it is whole."""
    database = sqlite3.connect(draft)
    database.execute("PRAGMA journal_mode = OFF")
    return database
