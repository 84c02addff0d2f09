"""Database rows in the trash: kept with the exact storage class of every value, taken away, put back.

``rows.jsonl`` holds a line ``[table, rowid, values]`` for each kept row, in the order of removal, and
``after.jsonl`` what the change did: ``["gone", table, key]``, ``["altered", table, key, {column: value}]`` and
``["added", table, key, values]``, or ``["all"]`` where every kept row went. A table is its index in the manifest.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from session_tui.adapters import files
from session_tui.adapters.base import Rows
from session_tui.errors import AdapterError, StoreError
from session_tui.trash import tables
from session_tui.trash.cells import Cell, all_same, frozen, frozen_all, line, quoted, same, thawed, thawed_all
from session_tui.trash.manifest import KeptDatabase, KeptQuery, KeptTable
from session_tui.trash.tables import Values

ROWS: Final = "rows.jsonl"
AFTER: Final = "after.jsonl"


class KeptRow(NamedTuple):
    """A kept row; ``table`` is the table's index in the manifest."""

    table: int
    rowid: int | None
    values: Values


@dataclass(frozen=True, slots=True)
class After:
    """What a change did to rows, each named by its table's index and its key: those that went, the columns it
    altered with their new values, and those it added. ``all_gone`` stands for every kept row."""

    gone: frozenset[tuple[int, Values]] = frozenset()
    altered: dict[tuple[int, Values], dict[str, Cell]] = field(default_factory=dict)
    added: dict[tuple[int, Values], Values] = field(default_factory=dict)
    all_gone: bool = False

    def __bool__(self) -> bool:
        """Whether it did anything."""
        return bool(self.gone or self.altered or self.added or self.all_gone)

    def took(self, place: tuple[int, Values]) -> bool:
        """Whether this row went."""
        return self.all_gone or place in self.gone


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
    with _Lines(folder / ROWS) as lines:
        for query in wanted:
            at = names.index(query.table)
            table = described[at]
            for rowid, values in tables.select(database, table, query.where, _bindable(query.values)):
                place = (at, tables.key_of(table, rowid, values))
                if place not in seen:
                    seen.add(place)
                    lines.add([at, rowid, frozen_all(values)])
    return KeptDatabase(
        path=str(path),
        queries=tuple(
            KeptQuery(
                table=query.table,
                where=query.where,
                values=tuple(frozen_all(_bindable(query.values))),
                volatile=query.volatile,
                follows=at < len(following),
            )
            for at, query in enumerate(wanted)
        ),
        tables=tuple(described),
        rows=len(seen),
    )


def _bindable(values: Sequence[object]) -> Values:
    plain = (int, float, str, bytes, type(None))
    return tuple(value if isinstance(value, plain) else str(value) for value in values)


class _Lines:
    """A file of JSON lines that is on the disk once it is closed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> _Lines:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        try:
            self._file = os.fdopen(os.open(self._path, flags, files.PRIVATE_FILE), "wb")
        except OSError as error:
            raise files.failure(error, self._path) from error
        return self

    def add(self, record: Sequence[object]) -> None:
        try:
            self._file.write(line(record))
        except OSError as error:
            raise files.failure(error, self._path) from error

    def __exit__(self, *_: object) -> None:
        try:
            with self._file:
                self._file.flush()
                os.fsync(self._file.fileno())
        except OSError as error:
            raise files.failure(error, self._path) from error


def kept_rows(folder: Path) -> Iterator[KeptRow]:
    """The rows of the item in ``folder``, in the order of removal."""
    for at, rowid, values in _records(folder / ROWS):
        yield KeptRow(at, rowid, thawed_all(values))


def _records(path: Path) -> Iterator[list[Any]]:
    if path.exists():
        with path.open("rb") as file:
            for text in file:
                yield json.loads(text)


# ── what a change did ─────────────────────────────────────────────────────────────────────────────────


def compared(
    database: sqlite3.Connection, kept: KeptDatabase, folder: Path, added: Sequence[Rows] | None = None
) -> After:
    """What became of the kept rows, and the rows that are new: those ``added`` names, else all that the kept
    queries find by now.

    Raises:
        AdapterError: ``added`` names a table that is not among the belongings.
    """
    gone: set[tuple[int, Values]] = set()
    altered: dict[tuple[int, Values], dict[str, Cell]] = {}
    known: set[tuple[int, Values]] = set()
    for row in kept_rows(folder):
        table = kept.tables[row.table]
        place = (row.table, tables.key_of(table, row.rowid, row.values))
        known.add(place)
        now = tables.find(database, table, place[1])
        if now is None:
            gone.add(place)
        elif changes := _changes(table, row.values, now):
            altered[place] = changes
    return After(frozenset(gone), altered, dict(_new(database, kept, known, added)))


def _changes(table: KeptTable, before: Values, now: Values) -> dict[str, Cell]:
    pairs = zip(table.columns, before, now, strict=True)
    return {name: new for name, old, new in pairs if not same(old, new)}


def _new(
    database: sqlite3.Connection, kept: KeptDatabase, known: set[tuple[int, Values]], added: Sequence[Rows] | None
) -> Iterator[tuple[tuple[int, Values], Values]]:
    names = [table.name.lower() for table in kept.tables]
    queries: list[tuple[str, str, Values]] = (
        [(query.table, query.where, thawed_all(query.values)) for query in kept.queries]
        if added is None
        else [(query.table, query.where, _bindable(query.values)) for query in added]
    )
    for name, where, values in queries:
        if name.lower() not in names:
            raise AdapterError(f"rows were added to {name}, which is not among the belongings", where=kept.path)
        at = names.index(name.lower())
        table = kept.tables[at]
        for rowid, found in tables.select(database, table, where, values):
            place = (at, tables.key_of(table, rowid, found))
            if place not in known:
                yield place, found


def note(after: After, folder: Path) -> None:
    """Write what a change did into the item ``folder``."""
    with _Lines(folder / AFTER) as lines:
        if after.all_gone:
            lines.add(["all"])
        for at, key in after.gone:
            lines.add(["gone", at, frozen_all(key)])
        for (at, key), changes in after.altered.items():
            columns = {name: frozen(value) for name, value in changes.items()}
            lines.add(["altered", at, frozen_all(key), columns])
        for (at, key), values in after.added.items():
            lines.add(["added", at, frozen_all(key), frozen_all(values)])


def noted(folder: Path) -> After:
    """What the change did, as `note` wrote it."""
    gone: set[tuple[int, Values]] = set()
    altered: dict[tuple[int, Values], dict[str, Cell]] = {}
    added: dict[tuple[int, Values], Values] = {}
    all_gone = False
    for record in _records(folder / AFTER):
        match record:
            case ["all"]:
                all_gone = True
            case ["gone", at, key]:
                gone.add((at, thawed_all(key)))
            case ["altered", at, key, columns]:
                altered[at, thawed_all(key)] = {name: thawed(value) for name, value in columns.items()}
            case ["added", at, key, values]:
                added[at, thawed_all(key)] = thawed_all(values)
    return After(frozenset(gone), altered, added, all_gone)


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
    found = tables.select(database, table, query.where, _bindable(query.values))
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
