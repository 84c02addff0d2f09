"""SQLite databases of other programs: opened so that reading leaves no trace, asked for what they have.

How a database is opened depends on its write-ahead log. None or an empty one: ``immutable=1``, since
``mode=ro`` would leave ``-wal`` and ``-shm`` files beside a cleanly closed database. A log with content:
``immutable=1`` would hide its rows, so database and log are copied to a private temporary directory and the
copy is opened; above `SNAPSHOT_LIMIT` bytes, where ``-shm`` exists, ``mode=ro`` on the original.
Text that is no UTF-8 arrives with surrogate escapes, so that the bytes can be had back; `text` makes it safe.
"""

from __future__ import annotations

import re
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote

from session_tui.adapters import files
from session_tui.errors import StoreDamaged, StoreError, StoreLocked, StoreMissing
from session_tui.text import REPLACEMENT

if TYPE_CHECKING:
    import tempfile

T = TypeVar("T")
Row = dict[str, object]

SNAPSHOT_LIMIT: Final = 512 * 1024 * 1024
BUSY_SECONDS: Final = 5.0
_MAGIC: Final = b"SQLite format 3\0"
_ATTEMPTS: Final = 8
_PAUSE: Final = 0.01
"""Seconds by which each attempt waits longer than the one before, so that a busy writer leaves a gap."""
_SNAPSHOTS_KEPT: Final = 4
_ESCAPED = re.compile("[\udc80-\udcff]+")

_snapshots: OrderedDict[str, tempfile.TemporaryDirectory[str]] = OrderedDict()


def side(path: Path, suffix: str) -> Path:
    """The file SQLite keeps beside a database: ``-wal``, ``-shm`` or ``-journal``."""
    return path.with_name(path.name + suffix)


def stamp(path: Path) -> str:
    """A text that differs whenever the database or its log was changed."""
    return files.stamp(path, side(path, "-wal"))


def is_database(path: Path) -> bool:
    """Whether ``path`` is a file that starts as SQLite databases do."""
    try:
        return path.is_file() and files.head(path, len(_MAGIC)) == _MAGIC
    except StoreError:
        return False


def read(path: Path, ask: Callable[[sqlite3.Connection], T]) -> T:
    """What ``ask`` makes of the database, opened for reading as the module's text says.

    ``ask`` runs again when the database was changed while it read.

    Raises:
        StoreMissing: there is no such file.
        StoreLocked: another program holds it.
        StoreDamaged: it is no database, or too damaged to be read.
        StoreError: it cannot be read.
    """
    before, answer = "", None
    for attempt in range(_ATTEMPTS):
        sleep(attempt * _PAUSE)
        before = stamp(path)
        try:
            with _translated(path), _opened(path) as database:
                answer = ask(database)
        except StoreError:
            if stamp(path) == before:
                raise
            continue
        if stamp(path) == before:
            return answer
    with _translated(path), closing(_connect(_snapshot(path), "mode=rw")) as database:
        return ask(database)


def read_own(path: Path, ask: Callable[[sqlite3.Connection], T]) -> T:
    """As `read`, for a store of our own: one that is written without a pause is read beside its writers, which
    SQLite coordinates by the files it keeps there anyway.

    Raises:
        StoreError: as for `read`.
    """
    try:
        return read(path, ask)
    except StoreLocked:
        with _translated(path), closing(_connect(path, "mode=rw")) as database:
            database.execute("BEGIN")
            return ask(database)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    log = _size(side(path, "-wal"))
    if not log:
        database = _connect(path, "mode=ro&immutable=1")
    elif log + _size(path) > SNAPSHOT_LIMIT and side(path, "-shm").exists():
        database = _connect(path, "mode=ro")
    else:
        database = _connect(_snapshot(path), "mode=rw")
    with closing(database):
        yield database


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _connect(path: Path, options: str) -> sqlite3.Connection:
    database = sqlite3.connect(
        f"file:{quote(str(path))}?{options}", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )
    database.text_factory = _decoded
    database.row_factory = _as_dict
    return database


@contextmanager
def asking(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """``database``, which was opened for a change, answering as one that `read` opened."""
    factories = database.text_factory, database.row_factory
    database.text_factory, database.row_factory = _decoded, _as_dict
    try:
        yield database
    finally:
        database.text_factory, database.row_factory = factories


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _as_dict(cursor: sqlite3.Cursor, values: tuple[object, ...]) -> Row:
    return dict(zip([column[0] for column in cursor.description], values, strict=True))


def _snapshot(path: Path) -> Path:
    """A private copy of the database and its log, taken while neither changed; kept for the next reader."""
    import shutil
    import tempfile

    for attempt in range(_ATTEMPTS):
        sleep(attempt * _PAUSE)
        before = stamp(path)
        key = f"{path}|{before}"
        if key in _snapshots:
            _snapshots.move_to_end(key)
            return Path(_snapshots[key].name) / path.name
        folder = tempfile.TemporaryDirectory(prefix="session-tui-")
        copy = Path(folder.name) / path.name
        try:
            shutil.copyfile(path, copy)
            if side(path, "-wal").exists():
                shutil.copyfile(side(path, "-wal"), side(copy, "-wal"))
        except OSError as error:
            folder.cleanup()
            if stamp(path) != before:
                continue
            raise files.failure(error, path) from error
        if stamp(path) == before:
            _snapshots[key] = folder
            while len(_snapshots) > _SNAPSHOTS_KEPT:
                _snapshots.popitem(last=False)[1].cleanup()
            return copy
        folder.cleanup()
    raise StoreLocked("it keeps changing while it is read", where=str(path), hint="try again when its program is idle")


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise failure(error, path) from error
    except UnicodeError as error:
        # What SQLite says of a damaged schema quotes it, whatever its bytes are.
        raise failure(sqlite3.DatabaseError("its schema is no text"), path) from error


def failure(error: sqlite3.Error, path: Path) -> StoreError:
    """The error to raise for what SQLite said about ``path``."""
    said, where = str(error).lower(), str(path)
    if not path.exists():
        return StoreMissing("no such file or directory", where=where)
    if "locked" in said or "busy" in said:
        return StoreLocked("another program holds the database", where=where, hint="close it there and try again")
    if "unable to open" in said:
        return StoreError("the database cannot be opened", where=where, hint=f"make it readable: chmod u+r '{where}'")
    if "readonly" in said:
        return StoreError("the database is read-only", where=where)
    if "full" in said:
        return StoreError("no space left on device", where=where, hint="free some space and try again")
    return StoreDamaged(f"not a readable database: {said}", where=where, hint=f"check it: sqlite3 '{where}' .recover")


def columns(database: sqlite3.Connection, table: str) -> frozenset[str]:
    """The names of the table's columns; empty when there is no such table.

    A database shorter than its header says refuses every question; the schema is then trusted as it is,
    for this connection alone, so that the pages that are there can be read.
    """
    try:
        found = database.execute(f'PRAGMA table_info("{table}")').fetchall()
    except sqlite3.DatabaseError as error:
        if "malformed" not in str(error):
            raise
        database.execute("PRAGMA writable_schema=ON")
        found = database.execute(f'PRAGMA table_info("{table}")').fetchall()
        if not found:
            raise
    return frozenset(name for row in found if not _ESCAPED.search(name := str(row["name"])))


def select(
    database: sqlite3.Connection,
    table: str,
    wanted: Sequence[str],
    rest: str = "",
    values: Sequence[object] = (),
) -> tuple[list[Row], str]:
    """Rows of ``table`` with the ``wanted`` columns, ``NULL`` for those it does not have, and what stopped
    the reading ("" when nothing did). Rows behind damaged pages are looked for from the other end.

    ``rest`` is SQL that follows the table's name (``WHERE … ORDER BY …``) with ``values`` for its marks.
    """
    have = columns(database, table)
    if not have:
        return [], f"no table {table}"
    names = ", ".join(f'"{name}"' if name in have or name == "rowid" else f'NULL AS "{name}"' for name in wanted)
    found: list[Row] = []
    try:
        for row in database.execute(f'SELECT {names} FROM "{table}" {rest}', values):
            found.append(row)
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise
        return [*found, *_salvaged(database, f'SELECT {names} FROM "{table}"', rest, values, found)], str(error)
    return found, ""


def _salvaged(
    database: sqlite3.Connection, query: str, rest: str, values: Sequence[object], found: list[Row]
) -> list[Row]:
    condition = re.split(r"\b(?:ORDER|LIMIT|GROUP)\b", rest)[0]
    more: list[Row] = []
    try:
        for row in database.execute(f"{query} {condition} ORDER BY rowid DESC", values):
            if row in found:
                break
            more.append(row)
    except sqlite3.DatabaseError:
        return more[::-1]
    return more[::-1]


def text(value: object) -> str:
    """A column's value as text that can be shown: ``NULL`` is empty, bytes that are no UTF-8 are U+FFFD."""
    match value:
        case str():
            if value.isascii() or not _ESCAPED.search(value):
                return value
            return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        case None:
            return ""
        case bytes():
            return value.decode("utf-8", "replace")
        case _:
            return str(value)


def is_lossy(value: object) -> bool:
    """Whether `text` had to replace something in ``value``."""
    return text(value) != value and REPLACEMENT in text(value)


def integer(value: object) -> int | None:
    """A column's value as a whole number, ``None`` when it is none."""
    if type(value) is int:
        return value
    match value:
        case int():
            return int(value)
        case float() | str():
            try:
                return int(float(value))
            except (ValueError, OverflowError):
                return None
        case _:
            return None


def raw(value: object) -> bytes:
    """The bytes a text column holds, as stored."""
    match value:
        case None:
            return b""
        case bytes():
            return value
        case _:
            return str(value).encode("utf-8", "surrogateescape")


def mapping(value: object) -> Mapping[str, object]:
    """``value`` when it is a mapping, else an empty one; for JSON that may hold anything."""
    return value if type(value) is dict or isinstance(value, Mapping) else {}
