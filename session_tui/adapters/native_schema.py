"""The database of our own store: its tables, and how it is opened for a change; see `session_tui.adapters.schemas`.

Times are RFC 3339 in UTC with six decimals, lists and objects are JSON, flags 0 or 1. ``messages.weight``,
``tokens`` and ``size`` are the characters it shows, an estimate, and the bytes of its blocks; triggers add them up
in ``sessions``, so that a list asks that table alone and counts cannot drift.
"""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from session_tui.adapters import files, rows
from session_tui.adapters.schemas import Schema

if TYPE_CHECKING:
    from sqlite_utils import Database

NAME: Final = "native"
FILE_NAME: Final = "sessions.db"
APPLICATION_ID: Final = 0x5354_5549

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


SCHEMA: Final = Schema(
    "session-tui", (("conversations", _conversations), ("telemetry", _telemetry)), application_id=APPLICATION_ID
)


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
    SCHEMA.refuse_newer(found, path)


def changing(path: Path) -> AbstractContextManager[sqlite3.Connection]:
    """A connection to the database within a transaction; see `Schema.changing`."""
    return SCHEMA.changing(path)
