"""The tables of ``overlay.db``, and how it is opened for a change; see `session_tui.adapters.schemas`."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from session_tui.adapters.schemas import Schema

if TYPE_CHECKING:
    from sqlite_utils import Database

TABLES: Final = ("sessions", "tags", "bookmarks", "compactions")
"""Those with what is kept of one session."""
_KEY: Final = "store TEXT NOT NULL, root NOT NULL, id NOT NULL"


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


def _second(database: Database) -> None:
    """Saved searches."""
    database.execute("CREATE TABLE searches (name TEXT PRIMARY KEY, query TEXT NOT NULL, saved_at TEXT)")


SCHEMA: Final = Schema("session-tui-overlay", (("marks", _first), ("searches", _second)))
SEARCHES_SINCE: Final = 2
"""The number of steps after which there are saved searches."""


def version(database: sqlite3.Connection, file: Path) -> int:
    """How many steps the schema has gone through, 0 for a file in which nothing was written yet.

    Raises:
        StoreError: more than this program knows.
    """
    row = database.execute("PRAGMA user_version").fetchone()
    found = int(row["user_version"] if isinstance(row, dict) else row[0])
    SCHEMA.refuse_newer(found, file)
    return found


def changing(file: Path) -> AbstractContextManager[sqlite3.Connection]:
    """A connection to the overlay within a transaction; see `Schema.changing`."""
    return SCHEMA.changing(file)
