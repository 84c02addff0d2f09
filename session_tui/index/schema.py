"""The tables of the index: which sessions are in it, and where their text lies.

``documents`` has a row a session: the stamp it was read under; for files that only grow the byte up to which they
were read and a hash of what stands before it; and what occurs in it. ``pieces`` says where its text lies:
segment, start, length, checksum and the marks of its passages, packed (a row a passage would be a million rows
and a second for two gigabytes of sessions). ``segments`` are the files of text, as long and as last modified as
they were when they were last appended to. ``tombstones`` are sessions thrown away, with the stamp they had, so
that a refresh that had begun before does not bring them back.
"""

from __future__ import annotations

import sqlite3
from typing import Final

VERSION: Final = 1
"""Raised whenever the text would be made differently; an index of another version is made anew."""


def create(database: sqlite3.Connection) -> None:
    """Make the tables in an empty database.

    Raises:
        sqlite3.Error: it cannot be written.
    """
    from sqlite_utils import Database

    tables = Database(database)
    tables.create_table(
        "documents",
        {
            "id": int,
            "store": str,
            "root": str,
            "session": str,
            "stamp": str,
            "path": str,
            "updated": float,
            "read_to": int,
            "proof": bytes,
            "work": int,
            "features": bytes,
        },
        pk="id",
        not_null={"store", "root", "session", "stamp", "path"},
    )
    tables.table("documents").create_index(["store", "root", "session"], unique=True)
    # A number is never given twice, so that what came after a piece can be told by it.
    tables.execute(
        "CREATE TABLE pieces (id INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL, "
        "segment INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL, checksum INTEGER, marks BLOB)"
    )
    tables.table("pieces").create_index(["document"])
    tables.create_table("segments", {"id": int, "kind": str, "name": str, "length": int, "modified": int}, pk="id")
    tables.create_table(
        "tombstones", {"store": str, "root": str, "session": str, "stamp": str}, pk=("store", "root", "session")
    )
    database.execute(f"PRAGMA user_version={VERSION}")
    database.commit()
