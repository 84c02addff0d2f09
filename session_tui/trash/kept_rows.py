"""Database rows in the trash: kept with the exact storage class of every value, and taken away.

``rows.jsonl`` holds a line ``[table, rowid, values]`` for each kept row, in the order of removal. A table is its index
in the manifest.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from session_tui.adapters.base import Rows
from session_tui.errors import AdapterError, StoreError
from session_tui.trash import tables
from session_tui.trash.cells import all_same, frozen_all, quoted, thawed_all
from session_tui.trash.lines import Lines, records
from session_tui.trash.manifest import KeptDatabase, KeptQuery
from session_tui.trash.tables import Values

ROWS: Final = "rows.jsonl"


class KeptRow(NamedTuple):
    """A kept row; ``table`` is the table's index in the manifest."""

    table: int
    rowid: int | None
    values: Values


# ── keeping ───────────────────────────────────────────────────────────────────────────────────────────


def keep(database: sqlite3.Connection, path: Path, queries: Sequence[Rows], folder: Path) -> KeptDatabase:
    """Write the rows that ``queries`` find, each once, into the item ``folder``; within a transaction.

    Raises:
        StoreError: they cannot be written.
        sqlite3.Error: they cannot be read.
    """
    named = [query for query in queries if tables.table_exists(database, query.table)]
    following = tables.dependents(database, named)
    wanted = following + named
    names = list(dict.fromkeys(query.table for query in wanted))
    described = [tables.describe(database, name) for name in names]
    seen: set[tuple[int, Values]] = set()
    with Lines(folder / ROWS) as file:
        for query in wanted:
            at = names.index(query.table)
            table = described[at]
            for rowid, values in tables.select(database, table, query.where, bindable(query.values)):
                place = (at, tables.key_of(table, rowid, values))
                if place not in seen:
                    seen.add(place)
                    file.add([at, rowid, frozen_all(values)])
    return KeptDatabase(
        path=str(path),
        queries=tuple(
            KeptQuery(
                table=query.table,
                where=query.where,
                values=tuple(frozen_all(bindable(query.values))),
                volatile=query.volatile,
                follows=at < len(following),
            )
            for at, query in enumerate(wanted)
        ),
        tables=tuple(described),
        rows=len(seen),
    )


def bindable(values: Sequence[object]) -> Values:
    """``values`` as they are bound to a statement."""
    plain = (int, float, str, bytes, type(None))
    return tuple(value if isinstance(value, plain) else str(value) for value in values)


def kept_rows(folder: Path) -> Iterator[KeptRow]:
    """The rows of the item in ``folder``, in the order of removal."""
    for at, rowid, values in records(folder / ROWS):
        yield KeptRow(at, rowid, thawed_all(values))


# ── taking away ───────────────────────────────────────────────────────────────────────────────────────


def take(database: sqlite3.Connection, kept: KeptDatabase) -> None:
    """Remove the rows that were kept, in their order, and leave those that follow to the foreign keys; within a
    transaction.

    Raises:
        sqlite3.Error: the database refuses.
    """
    for query in kept.queries:
        if not query.follows:
            statement = f"DELETE FROM {quoted(query.table)} WHERE {query.where}"
            database.execute(statement, thawed_all(query.values))


def take_some(database: sqlite3.Connection, kept: KeptDatabase, folder: Path, query: Rows) -> int:
    """Remove the rows that ``query`` finds, each of which must be in the item as it is now; within a transaction.
    Returns how many there were.

    Raises:
        StoreError: one is not in the item, or was written since.
        sqlite3.Error: the database refuses.
    """
    at = next((at for at, table in enumerate(kept.tables) if table.name.lower() == query.table.lower()), None)
    if at is None:
        raise AdapterError(f"rows of {query.table} are to go that were not kept", where=kept.path)
    table = kept.tables[at]
    found = tables.select(database, table, query.where, bindable(query.values))
    left = {tables.key_of(table, rowid, values): values for rowid, values in found}
    number = len(left)
    for row in kept_rows(folder):
        key = tables.key_of(table, row.rowid, row.values) if row.table == at else ()
        if key in left and all_same(left[key], row.values):
            tables.delete(database, table, key)
            del left[key]
    if left:
        raise StoreError("the session has changed meanwhile", where=kept.path, hint="plan it anew and look again")
    return number
