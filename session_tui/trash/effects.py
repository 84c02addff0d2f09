"""What a change did to kept rows: seen by comparing, noted in the item, proved by looking.

``after.jsonl`` holds ``["gone", table, key]``, ``["altered", table, key, {column: value}]`` and
``["added", table, key, values]``, or ``["all"]`` where every kept row went. A table is its index in the manifest.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from session_tui.adapters import files
from session_tui.adapters.base import Rows
from session_tui.errors import AdapterError
from session_tui.trash import tables
from session_tui.trash.cells import Cell, all_same, frozen, frozen_all, is_time, line, same, thawed, thawed_all
from session_tui.trash.kept_rows import bindable, kept_rows
from session_tui.trash.lines import records
from session_tui.trash.manifest import KeptDatabase, KeptTable
from session_tui.trash.tables import Values

AFTER: Final = "after.jsonl"


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


def compared(
    database: sqlite3.Connection,
    kept: KeptDatabase,
    folder: Path,
    added: Sequence[Rows] | None = None,
    *,
    with_following: bool = False,
) -> After:
    """What became of the kept rows, and the rows that are new: those ``added`` names, else all that the belongings'
    own queries find by now, and ``with_following`` those of rows that follow them.

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
    return After(frozenset(gone), altered, dict(_new(database, kept, known, added, with_following)))


def part(earlier: After, before: After, now: After) -> After:
    """What the change did that made ``now`` of ``before``, both as `compared` tells them, and before that what is told
    by ``earlier``. Rows that somebody else added stay theirs."""
    altered = {
        place: {
            name: value
            for name, value in changes.items()
            if name in earlier.altered.get(place, {}) or not _has(before.altered.get(place, {}), name, value)
        }
        for place, changes in now.altered.items()
    }
    return After(
        gone=(now.gone - before.gone) | (now.gone & earlier.gone),
        altered={place: changes for place, changes in altered.items() if changes},
        added={
            place: values for place, values in now.added.items() if place in earlier.added or place not in before.added
        },
    )


def _has(changes: dict[str, Cell], name: str, value: Cell) -> bool:
    return name in changes and same(changes[name], value)


def is_done(database: sqlite3.Connection, kept: KeptDatabase, after: After) -> bool:
    """Whether a change was done that was to do this: the rows it was to add are there, exactly; where it was to add
    none, what was to go is gone, and every column has its new value but for times and volatile ones, which go on."""
    if after.added:
        found = {(at, key): tables.find(database, kept.tables[at], key) for at, key in after.added}
        return all(now is not None and all_same(now, after.added[place]) for place, now in found.items())
    if any(tables.find(database, kept.tables[at], key) is not None for at, key in after.gone):
        return False
    return all(_is_altered(database, kept, place, changes) for place, changes in after.altered.items())


def _is_altered(
    database: sqlite3.Connection, kept: KeptDatabase, place: tuple[int, Values], changes: dict[str, Cell]
) -> bool:
    table = kept.tables[place[0]]
    now = tables.find(database, table, place[1])
    if now is None:
        return False
    volatile = {name for query in kept.queries if query.table == table.name for name in query.volatile}
    for name, value in changes.items():
        found = now[table.columns.index(name)]
        if not (same(found, value) or name in volatile or (is_time(found) and is_time(value))):
            return False
    return True


def _changes(table: KeptTable, before: Values, now: Values) -> dict[str, Cell]:
    pairs = zip(table.columns, before, now, strict=True)
    return {name: new for name, old, new in pairs if not same(old, new)}


def _new(
    database: sqlite3.Connection,
    kept: KeptDatabase,
    known: set[tuple[int, Values]],
    added: Sequence[Rows] | None,
    with_following: bool,
) -> Iterator[tuple[tuple[int, Values], Values]]:
    names = [table.name.lower() for table in kept.tables]
    own = [query for query in kept.queries if with_following or not query.follows]
    queries: list[tuple[str, str, Values]] = (
        [(query.table, query.where, thawed_all(query.values)) for query in own]
        if added is None
        else [(query.table, query.where, bindable(query.values)) for query in added]
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
    """Write what a change did into the item ``folder``, in one step.

    Raises:
        StoreError: it cannot be written.
    """
    files.write_atomic(folder / AFTER, b"".join(map(line, _told(after))))


def _told(after: After) -> Iterator[list[object]]:
    if after.all_gone:
        yield ["all"]
    for at, key in after.gone:
        yield ["gone", at, frozen_all(key)]
    for (at, key), changes in after.altered.items():
        yield ["altered", at, frozen_all(key), {name: frozen(value) for name, value in changes.items()}]
    for (at, key), values in after.added.items():
        yield ["added", at, frozen_all(key), frozen_all(values)]


def is_noted(folder: Path) -> bool:
    """Whether anything is noted of the change."""
    return (folder / AFTER).exists()


def noted(folder: Path) -> After:
    """What the change did, as `note` wrote it."""
    gone: set[tuple[int, Values]] = set()
    altered: dict[tuple[int, Values], dict[str, Cell]] = {}
    added: dict[tuple[int, Values], Values] = {}
    all_gone = False
    for record in records(folder / AFTER):
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
