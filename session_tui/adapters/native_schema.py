"""The database of our own store: its tables, how it grows, and how it is opened for a change.

Times are RFC 3339 in UTC with six decimals, lists and objects are JSON, flags 0 or 1. ``PRAGMA user_version``
is the number of steps the schema has gone through, ``PRAGMA application_id`` says that the file is ours.
``messages.weight``, ``tokens`` and ``size`` are the characters it shows, an estimate, and the bytes of its
blocks; triggers add them up in ``sessions``, so that a list asks that table alone and counts cannot drift.
A database that exists is copied to ``backups/`` beside it before a step changes it.

Each change opens a connection of its own and closes it, at which SQLite folds the log into the file. So any
number of threads and processes may write, and between two changes the store is one whole file.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Final

from session_tui.adapters import files, rows
from session_tui.errors import StoreDamaged, StoreError

if TYPE_CHECKING:
    from sqlite_utils import Database, Migrations

NAME: Final = "native"
FILE_NAME: Final = "sessions.db"
APPLICATION_ID: Final = 0x5354_5549
BACKUPS: Final = "backups"
_ATTEMPTS: Final = 50

_SESSIONS: Final = """
CREATE TABLE sessions (
  id TEXT PRIMARY KEY, revision INTEGER NOT NULL DEFAULT 0,
  title TEXT NOT NULL DEFAULT '', title_source TEXT NOT NULL DEFAULT 'none', first_prompt TEXT NOT NULL DEFAULT '',
  project TEXT, git_branch TEXT, model TEXT, provider TEXT, vendor TEXT, endpoint TEXT, skill TEXT,
  state TEXT NOT NULL DEFAULT 'active', kind TEXT NOT NULL DEFAULT 'main', parent TEXT,
  agent TEXT, channel TEXT, peer TEXT, thread TEXT,
  created_at TEXT, updated_at TEXT, last_active_at TEXT, compacted_at TEXT,
  message_count INTEGER NOT NULL DEFAULT 0, archived_count INTEGER NOT NULL DEFAULT 0,
  estimated_tokens INTEGER NOT NULL DEFAULT 0, size_bytes INTEGER NOT NULL DEFAULT 0,
  token_count INTEGER, token_usage TEXT, context_window INTEGER, max_tokens INTEGER, compaction_count INTEGER,
  summary TEXT, summary_message_id TEXT, pinned INTEGER NOT NULL DEFAULT 0,
  tags TEXT NOT NULL DEFAULT '[]', metadata TEXT NOT NULL DEFAULT '{}', custom_data TEXT NOT NULL DEFAULT '{}',
  extra TEXT NOT NULL DEFAULT '{}'
)"""

_MESSAGES: Final = """
CREATE TABLE messages (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  session TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
  position INTEGER NOT NULL, id TEXT NOT NULL, role TEXT NOT NULL, created_at TEXT, model TEXT,
  archived INTEGER NOT NULL DEFAULT 0, is_summary INTEGER NOT NULL DEFAULT 0, is_meta INTEGER NOT NULL DEFAULT 0,
  lossy INTEGER NOT NULL DEFAULT 0, weight INTEGER NOT NULL DEFAULT 0, tokens INTEGER NOT NULL DEFAULT 0,
  size INTEGER NOT NULL DEFAULT 0, extra TEXT NOT NULL DEFAULT '{}', blocks TEXT NOT NULL DEFAULT '[]',
  UNIQUE (session, id)
)"""

_PARTS: Final = (
    """
CREATE TABLE summaries (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  session TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
  id TEXT NOT NULL, message_id TEXT, content TEXT NOT NULL, message_range TEXT NOT NULL DEFAULT '',
  original_ids TEXT NOT NULL DEFAULT '[]', token_count INTEGER, provider TEXT NOT NULL DEFAULT '',
  compacted_at TEXT, extra TEXT NOT NULL DEFAULT '{}', UNIQUE (session, id)
)""",
    """
CREATE TABLE context (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  session TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
  type TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL
)""",
    """
CREATE TABLE read_files (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  session TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE, path TEXT NOT NULL, read_at TEXT
)""",
    "CREATE INDEX messages_by_position ON messages(session, position, seq)",
    "CREATE INDEX context_by_session ON context(session)",
    "CREATE INDEX read_files_by_session ON read_files(session)",
)

_RECORDS: Final = (
    """
CREATE TABLE records (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  session TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
  kind TEXT NOT NULL, value TEXT NOT NULL
)""",
    "CREATE INDEX records_by_session ON records(session)",
    "ALTER TABLE sessions ADD COLUMN unknown_records TEXT NOT NULL DEFAULT '{}'",
)

_COUNTED: Final = (
    ("message_count", "(1 - {row}.is_summary)"),
    ("archived_count", "{row}.archived * (1 - {row}.is_summary)"),
    ("estimated_tokens", "{row}.tokens * (1 - {row}.archived)"),
    ("size_bytes", "{row}.size"),
)


def _trigger(event: str, *, added: bool, removed: bool) -> str:
    """A trigger that keeps the sums in ``sessions`` when a message comes, goes or is changed."""
    sums = [
        name
        + f" = {name}"
        + (f" + {term.format(row='new')}" if added else "")
        + (f" - {term.format(row='old')}" if removed else "")
        for name, term in _COUNTED
    ]
    row, name = ("new" if added else "old"), event.partition(" ")[0].lower()
    return (
        f"CREATE TRIGGER messages_{name} AFTER {event} ON messages BEGIN "
        f"UPDATE sessions SET {', '.join(sums)} WHERE id = {row}.session; END"
    )


_TRIGGERS: Final = (
    _trigger("INSERT", added=True, removed=False),
    _trigger("DELETE", added=False, removed=True),
    _trigger("UPDATE OF archived, is_summary, tokens, size", added=True, removed=True),
)


def _conversations(database: Database) -> None:
    """Sessions, their messages and summaries, context and the files read."""
    for statement in (_SESSIONS, _MESSAGES, *_PARTS, *_TRIGGERS):
        database.execute(statement)


def _telemetry(database: Database) -> None:
    """Tunnel events, costs, token usage and measurements, and how many records nobody understood."""
    for statement in _RECORDS:
        database.execute(statement)


STEPS: Final[tuple[tuple[str, Callable[[Database], None]], ...]] = (
    ("conversations", _conversations),
    ("telemetry", _telemetry),
)
VERSION: Final = len(STEPS)


def _migrations() -> Migrations:
    from sqlite_utils import Migrations

    migrations = Migrations("session-tui")
    for name, step in STEPS:
        migrations(name=name)(step)
    return migrations


# ── opening ───────────────────────────────────────────────────────────────────────────────────────────


def is_ours(path: Path) -> bool:
    """Whether the file is a database of this store, told by its header alone. A file of the store's own name
    that is no database counts as well: it is empty yet, or damaged."""
    if not rows.is_database(path):
        return path.name == FILE_NAME and path.is_file()
    return files.head(path, 72)[68:] == APPLICATION_ID.to_bytes(4)


def refuse_newer(found: int, path: Path) -> None:
    """Do nothing for a schema of ``found`` steps that this program knows.

    Raises:
        StoreError: it has more.
    """
    if found > VERSION:
        what = f"written by a newer session-tui (schema {found}, this one knows {VERSION})"
        raise StoreError(what, where=str(path), hint="update session-tui")


@contextmanager
def changing(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection within a transaction that is committed at the end and taken back on any error. The database
    is made where there is none, and grown where it is older than this program.

    Raises:
        StoreLocked: another process held the store for longer than `rows.BUSY_SECONDS`.
        StoreError: it cannot be written, or a newer program wrote it.
    """
    try:
        with closing(_opened(path)) as database, _transaction(database):
            yield database
    except sqlite3.Error as error:
        raise rows.failure(error, path) from error


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


def _opened(path: Path) -> sqlite3.Connection:
    _begin(path)
    database = sqlite3.connect(path, timeout=rows.BUSY_SECONDS, isolation_level=None)
    try:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("PRAGMA synchronous = NORMAL")
        found = _number(database, "user_version")
        refuse_newer(found, path)
        if found < VERSION or _number(database, "application_id") != APPLICATION_ID:
            _grow(database, path)
    except BaseException:
        database.close()
        raise
    return database


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


def _grow(database: sqlite3.Connection, path: Path) -> None:
    """Take the steps that the database has not gone through yet, as one change."""
    _insist(lambda: _make_ours(database, path))
    with _transaction(database):
        found = _number(database, "user_version")
        refuse_newer(found, path)
        if found == VERSION:
            return
        if found:
            back_up(path, found)
        from sqlite_utils import Database

        _migrations().apply(Database(database, execute_plugins=False))
        database.execute(f"PRAGMA user_version = {VERSION}")


def _make_ours(database: sqlite3.Connection, path: Path) -> None:
    """Mark an empty database as ours, before its log can hide that, and let it write to a log.

    Raises:
        StoreDamaged: it is the database of another program.
    """
    # In this order: who makes the first tables at the same moment has set the mark before.
    empty = not database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    mark = _number(database, "application_id")
    if mark != APPLICATION_ID and not (mark == 0 and empty):
        raise StoreDamaged("the database of another program", where=str(path))
    if mark != APPLICATION_ID:
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    database.execute("PRAGMA journal_mode = WAL")


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
    """Copy the database with all its log holds to ``backups/`` beside it and return the copy.

    Raises:
        StoreError: it cannot be written.
    """
    folder = files.private_directory(path.parent / BACKUPS)
    copy = folder / f"{path.stem}-schema{found}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}{path.suffix}"
    try:
        os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, files.PRIVATE_FILE))
    except OSError as error:
        raise files.failure(error, copy) from error
    with closing(sqlite3.connect(path, timeout=rows.BUSY_SECONDS)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy
