"""How kept rows come back into a database that went on meanwhile.

A row that is gone is added. One that is as it was stays. Of one the change altered, each column goes back
unless something wrote it since; where both did, times, counters named volatile and columns that triggers
moved keep their newest value, and anything else is a conflict. What the change added goes. Rows go back in the
order they were removed in, parts before what they are parts of, with foreign keys checked at the end, so that
triggers which keep counts find nothing to count.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from session_tui.trash import kept_rows, tables
from session_tui.trash.cells import Cell, all_same, is_time, quoted, same, thawed
from session_tui.trash.effects import After
from session_tui.trash.kept_rows import KeptRow
from session_tui.trash.manifest import KeptDatabase, KeptTable
from session_tui.trash.tables import Values


class Conflict(Exception):
    """Something stands where a row belongs; the message says what. ``final`` where replacing it is no way out."""

    def __init__(self, what: str, *, final: bool = False) -> None:
        super().__init__(what)
        self.final = final


class Restoring:
    """One restoration of an item's rows; everything happens within the caller's transaction.

    ``after`` is what the change did, ``None`` where that is not known; ``replace`` puts rows back over those written
    since.
    """

    def __init__(
        self, database: sqlite3.Connection, kept: KeptDatabase, folder: Path, *, after: After | None, replace: bool
    ) -> None:
        self._database = database
        self._kept = kept
        self._folder = folder
        self._settled = after is not None
        self._replace = replace
        self._after = after or After()
        self._at_first: dict[tuple[int, Values], Values | None] = {}

    def run(self) -> None:
        """Put all rows back.

        Raises:
            Conflict: something else stands where one belongs; the transaction is to be taken back.
            sqlite3.Error: the database refuses.
        """
        self._database.execute("PRAGMA defer_foreign_keys = ON")
        self._check_columns()
        for place in self._after.altered:
            self._at_first[place] = self._find(place)
        for place, values in reversed(self._after.added.items()):
            self._take_back(place, values)
        for row in kept_rows.kept_rows(self._folder):
            self._put_back(row)

    def _check_columns(self) -> None:
        for table in self._kept.tables:
            if not tables.table_exists(self._database, table.name):
                raise Conflict(f"the table {table.name} is gone", final=True)
            missing = set(table.columns) - set(tables.describe(self._database, table.name).columns)
            if missing:
                raise Conflict(f"the table {table.name} has no column {min(missing)} any more", final=True)

    def _find(self, place: tuple[int, Values]) -> Values | None:
        return tables.find(self._database, self._kept.tables[place[0]], place[1])

    def _take_back(self, place: tuple[int, Values], values: Values) -> None:
        now = self._find(place)
        if now is None:
            return
        table = self._kept.tables[place[0]]
        if not all_same(now, values) and not self._replace:
            raise Conflict(f"{_named(table, place[1])} was written again since")
        tables.delete(self._database, table, place[1])

    def _put_back(self, row: KeptRow) -> None:
        table = self._kept.tables[row.table]
        place = (row.table, tables.key_of(table, row.rowid, row.values))
        now = self._find(place)
        if now is None:
            tables.insert(self._database, table, row.rowid, row.values)
        elif all_same(now, row.values):
            return
        elif place in self._after.altered:
            self._merge(table, place, row.values, now)
        elif self._settled and not self._after.took(place):
            return
        elif not table.key:
            self._add_once(table, row)
        else:
            self._overwrite(table, place[1], row.values)

    def _overwrite(self, table: KeptTable, key: Values, values: Values) -> None:
        if not self._is_ours(table, key):
            raise Conflict(f"{_named(table, key)} belongs to something else now", final=True)
        if not self._replace:
            raise Conflict(f"{_named(table, key)} is there again with other content")
        tables.update(self._database, table, key, dict(zip(table.columns, values, strict=True)))

    def _is_ours(self, table: KeptTable, key: Values) -> bool:
        where, bound = tables.at_key(table, key)
        for query in self._kept.queries:
            if query.table == table.name:
                found = f"SELECT 1 FROM {quoted(table.name)} WHERE {where} AND ({query.where})"
                if self._database.execute(found, [*bound, *map(thawed, query.values)]).fetchone():
                    return True
        return False

    def _add_once(self, table: KeptTable, row: KeptRow) -> None:
        """Add a row that nothing identifies and whose place was taken since, unless it was added before."""
        where, bound = tables.at_key(_by_all_columns(table), row.values)
        counted = f"SELECT count(*) FROM {quoted(table.name)} WHERE {where}"
        there = int(self._database.execute(counted, bound).fetchone()[0])
        wanted = sum(
            other.table == row.table and all_same(other.values, row.values)
            for other in kept_rows.kept_rows(self._folder)
        )
        if there < wanted:
            tables.insert(self._database, table, row.rowid, row.values)

    def _merge(self, table: KeptTable, place: tuple[int, Values], before: Values, now: Values) -> None:
        changes: dict[str, Cell] = {}
        at_first = self._at_first[place] or now
        for column, after in self._after.altered[place].items():
            at = table.columns.index(column)
            moved = not same(at_first[at], now[at])  # by this restoration itself, so a trigger keeps the column
            if same(now[at], before[at]):
                continue
            if same(at_first[at], after) or (self._replace and not moved):
                changes[column] = before[at]
            elif not moved and not self._newest_stands(table, column, (before[at], after, now[at])):
                raise Conflict(f"{column} of {_named(table, place[1])} was written again since")
        tables.update(self._database, table, place[1], changes)

    def _newest_stands(self, table: KeptTable, column: str, seen: tuple[Cell, ...]) -> bool:
        if any(query.table == table.name and column in query.volatile for query in self._kept.queries):
            return True
        return all(is_time(value) for value in seen if value is not None)


def _by_all_columns(table: KeptTable) -> KeptTable:
    return KeptTable(name=table.name, columns=table.columns, key=table.columns, rowid=table.rowid)


def _named(table: KeptTable, key: Values) -> str:
    text = ", ".join(value.hex() if isinstance(value, bytes) else str(value) for value in key)
    return f"row {text:.80} of {table.name}"
