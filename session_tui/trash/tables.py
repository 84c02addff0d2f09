"""Tables as the trash sees them: which rows belong to a session, what identifies a row, how one is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

from session_tui.adapters import transactions
from session_tui.adapters.base import Rows
from session_tui.errors import StoreError
from session_tui.trash.cells import Cell, marks, quoted
from session_tui.trash.manifest import KeptTable

Values: TypeAlias = "tuple[Cell, ...]"
_HINT: Final = "what it belongs to, or what belongs to it, is in the way: look at it in its own program"
_ROWIDS: Final = ("rowid", "_rowid_", "oid")
_FOLLOWING: Final = frozenset({"CASCADE", "SET NULL", "SET DEFAULT"})


# ── opening ───────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection for a change, with foreign keys enforced and text as `session_tui.adapters.rows` reads it.

    Raises:
        StoreError: the database is gone, held by another program, or refuses what was asked.
    """
    with transactions.opened(path, hint=_HINT) as database, answering(database):
        yield database


@contextmanager
def answering(database: sqlite3.Connection) -> Iterator[None]:
    """Have a connection answer with plain rows, and with text that any bytes come back from."""
    factories = database.text_factory, database.row_factory
    database.text_factory, database.row_factory = (lambda raw: raw.decode("utf-8", "surrogateescape")), None
    try:
        yield
    finally:
        database.text_factory, database.row_factory = factories


def path_of(database: sqlite3.Connection) -> Path:
    """The file that the connection is to, as a real path."""
    with answering(database):
        return Path(next(row[2] for row in database.execute("PRAGMA database_list") if row[1] == "main")).resolve()


def version(database: sqlite3.Connection) -> int:
    """A number that differs once another connection committed a change."""
    return int(database.execute("PRAGMA data_version").fetchone()[0])


# ── which rows ────────────────────────────────────────────────────────────────────────────────────────


def dependents(database: sqlite3.Connection, queries: Sequence[Rows]) -> list[Rows]:
    """Rows that a removal of those of ``queries`` would take along or empty by foreign keys, and that none of
    ``queries`` names; parts before what they are parts of."""
    found: list[Rows] = []
    waiting = list(queries)
    while waiting:
        parent = waiting.pop(0)
        for table, condition in _followers(database, parent):
            named = [query for query in (*found, *queries) if query.table.lower() == table.lower()]
            others = "".join(f" AND ({query.where}) IS NOT TRUE" for query in named)
            values = (*parent.values, *(value for query in named for value in query.values))
            more = f"SELECT 1 FROM {quoted(table)} WHERE ({condition}){others} LIMIT 1"
            if database.execute(more, values).fetchone():
                waiting.append(Rows(table, condition, parent.values))
                found.insert(0, waiting[-1])
    return found


def table_exists(database: sqlite3.Connection, table: str) -> bool:
    """Whether the database has the table."""
    return bool(database.execute(f"PRAGMA table_info({quoted(table)})").fetchone())


def _followers(database: sqlite3.Connection, parent: Rows) -> Iterator[tuple[str, str]]:
    """Tables whose rows follow when rows of ``parent`` go, with the condition that finds those rows."""
    names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (name,) in names:
        links: dict[int, list[tuple[str, str | None]]] = {}
        for row in database.execute(f"PRAGMA foreign_key_list({quoted(name)})"):
            if str(row[2]).lower() == parent.table.lower() and row[6] in _FOLLOWING:
                links.setdefault(row[0], []).append((row[3], row[4]))
        for pairs in links.values():
            key = _primary_key(database, parent.table)
            child = ", ".join(quoted(own) for own, _ in pairs)
            target = ", ".join(quoted(to or key[at]) for at, (_, to) in enumerate(pairs))
            inner = f"SELECT {target} FROM {quoted(parent.table)} WHERE {parent.where}"
            yield name, f"({child}) IN ({inner})" if len(pairs) > 1 else f"{child} IN ({inner})"


# ── what a table is ───────────────────────────────────────────────────────────────────────────────────


def describe(database: sqlite3.Connection, name: str) -> KeptTable:
    """The table's columns and what identifies a row of it.

    Raises:
        StoreError: nothing does.
    """
    found = database.execute(f"PRAGMA table_info({quoted(name)})").fetchall()
    columns = tuple(str(row[1]) for row in found)
    key = _primary_key(database, name)
    types = {str(row[1]): str(row[2]).upper() for row in found}
    rowid = _rowid(database, name, columns)
    if len(key) == 1 and types[key[0]] == "INTEGER":
        rowid = ""  # the key is the rowid under another name
    if not key and not rowid:
        raise StoreError(f"rows of the table {name} cannot be told apart")
    return KeptTable(name=name, columns=columns, key=key, rowid=rowid)


def _primary_key(database: sqlite3.Connection, name: str) -> tuple[str, ...]:
    found = database.execute(f"PRAGMA table_info({quoted(name)})").fetchall()
    return tuple(str(row[1]) for row in sorted((row for row in found if row[5]), key=lambda row: int(row[5])))


def _rowid(database: sqlite3.Connection, name: str, columns: Sequence[str]) -> str:
    """The name the rowid can be asked by, empty for a table without one."""
    taken = {column.lower() for column in columns}
    word = next((word for word in _ROWIDS if word not in taken), "")
    if not word:
        return ""
    try:
        database.execute(f"SELECT {word} FROM {quoted(name)} LIMIT 0")
    except sqlite3.OperationalError:
        return ""
    return word


# ── single rows ───────────────────────────────────────────────────────────────────────────────────────


def select(
    database: sqlite3.Connection, table: KeptTable, where: str, values: Sequence[Cell]
) -> Iterator[tuple[int | None, Values]]:
    """The rowid (``None`` where the table has none of its own) and the values of the rows that ``where`` finds."""
    names = ", ".join((table.rowid or "NULL", *map(quoted, table.columns)))
    for row in database.execute(f"SELECT {names} FROM {quoted(table.name)} WHERE {where}", values):
        yield row[0], row[1:]


def key_of(table: KeptTable, rowid: int | None, values: Values) -> Values:
    """What identifies the row within its table."""
    if not table.key:
        return (rowid,)
    return tuple(values[table.columns.index(name)] for name in table.key)


def at_key(table: KeptTable, key: Values) -> tuple[str, list[Cell]]:
    """The condition that finds the row with this key, and what to bind to it."""
    names = [quoted(name) for name in table.key] or [table.rowid]
    signs, bound = marks(key)
    return " AND ".join(f"{name} IS {sign}" for name, sign in zip(names, signs, strict=True)), bound


def find(database: sqlite3.Connection, table: KeptTable, key: Values) -> Values | None:
    """The values of the row with this key, ``None`` when there is none."""
    return next((values for _, values in select(database, table, *at_key(table, key))), None)


def insert(database: sqlite3.Connection, table: KeptTable, rowid: int | None, values: Values) -> None:
    """Add a row, under its rowid where that is free."""
    columns, cells = list(map(quoted, table.columns)), list(values)
    if rowid is not None and not _is_taken(database, table, rowid):
        columns.append(table.rowid)
        cells.append(rowid)
    signs, bound = marks(cells)
    statement = f"INSERT INTO {quoted(table.name)} ({', '.join(columns)}) VALUES ({', '.join(signs)})"
    database.execute(statement, bound)


def _is_taken(database: sqlite3.Connection, table: KeptTable, rowid: int) -> bool:
    query = f"SELECT 1 FROM {quoted(table.name)} WHERE {table.rowid} = ?"
    return bool(database.execute(query, (rowid,)).fetchone())


def update(database: sqlite3.Connection, table: KeptTable, key: Values, changes: dict[str, Cell]) -> None:
    """Set some columns of the row with this key."""
    if not changes:
        return
    signs, bound = marks(changes.values())
    sets = ", ".join(f"{quoted(name)} = {sign}" for name, sign in zip(changes, signs, strict=True))
    where, of = at_key(table, key)
    database.execute(f"UPDATE {quoted(table.name)} SET {sets} WHERE {where}", [*bound, *of])


def delete(database: sqlite3.Connection, table: KeptTable, key: Values) -> None:
    """Remove the row with this key."""
    where, bound = at_key(table, key)
    database.execute(f"DELETE FROM {quoted(table.name)} WHERE {where}", bound)
