"""Databases of other programs are read without a trace, and damage costs only itself."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from session_tui.adapters import rows
from session_tui.errors import StoreDamaged, StoreError, StoreLocked, StoreMissing


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def fill(path: Path, *, count: int = 3, mode: str = "WAL") -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"PRAGMA journal_mode={mode}")
        database.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
        database.executemany("INSERT INTO notes (text) VALUES (?)", [(f"note {n} " + "x" * 500,) for n in range(count)])


@pytest.fixture
def hot(tmp_path: Path) -> Iterator[Path]:
    """A database whose newest row stands in its write-ahead log alone, as a killed program leaves it."""
    made, kept = tmp_path / "made", tmp_path / "kept"
    made.mkdir()
    kept.mkdir()
    fill(made / "db")
    with closing(sqlite3.connect(made / "db")) as database:
        database.execute("PRAGMA wal_autocheckpoint=0")
        database.execute("INSERT INTO notes (text) VALUES ('newest')")
        database.commit()
        for name in ("db", "db-wal"):
            shutil.copyfile(made / name, kept / name)
    yield kept / "db"


def notes(database: sqlite3.Connection) -> list[str]:
    return [rows.text(row["text"])[:6] for row in rows.select(database, "notes", ("text",), "ORDER BY id")[0]]


def test_rows_that_stand_in_the_log_alone_are_read(hot: Path) -> None:
    assert ["note 0", "note 1", "note 2", "newest"] == rows.read(hot, notes)


def test_reading_a_hot_database_changes_nothing(hot: Path) -> None:
    before = digest(hot.parent)

    rows.read(hot, notes)

    assert before == digest(hot.parent)


def test_reading_a_closed_database_leaves_no_file_behind(tmp_path: Path) -> None:
    fill(tmp_path / "db")
    before = digest(tmp_path)

    rows.read(tmp_path / "db", notes)

    assert before == digest(tmp_path)
    assert {"db"} == set(before)


def test_a_read_only_folder_can_be_read(hot: Path) -> None:
    hot.parent.chmod(0o500)

    found = rows.read(hot, notes)
    hot.parent.chmod(0o700)

    assert 4 == len(found)


def test_reading_goes_on_while_another_connection_holds_the_write_lock(hot: Path) -> None:
    with closing(sqlite3.connect(hot, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        found = rows.read(hot, notes)
        writer.execute("ROLLBACK")

    assert "newest" in found


def test_a_missing_column_reads_as_null(tmp_path: Path) -> None:
    fill(tmp_path / "db")

    found = rows.read(tmp_path / "db", lambda database: rows.select(database, "notes", ("id", "gone"))[0])

    assert [{"id": 1, "gone": None}, {"id": 2, "gone": None}, {"id": 3, "gone": None}] == found


def test_a_missing_table_is_said(tmp_path: Path) -> None:
    fill(tmp_path / "db")

    assert ([], "no table letters") == rows.read(tmp_path / "db", lambda db: rows.select(db, "letters", ("id",)))


def test_a_truncated_database_gives_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "db"
    fill(path, count=200, mode="DELETE")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 3 * 4096])

    found, stopped = rows.read(path, lambda database: rows.select(database, "notes", ("id", "text"), "ORDER BY id"))

    assert 100 < len(found) < 200
    assert stopped


def test_what_is_no_database_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"not a database at all" * 100)

    with pytest.raises(StoreDamaged) as caught:
        rows.read(tmp_path / "db", notes)

    assert str(tmp_path / "db") == caught.value.where
    assert caught.value.hint


def test_a_missing_database_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        rows.read(tmp_path / "db", notes)

    assert [] == list(tmp_path.iterdir())


def test_invalid_text_is_shown_and_its_bytes_are_kept(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "db")) as database, database:
        database.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
        database.execute("INSERT INTO notes (text) VALUES (CAST(x'61ff62' AS TEXT))")

    value = rows.read(tmp_path / "db", lambda database: rows.select(database, "notes", ("text",))[0][0]["text"])

    assert "a\ufffdb" == rows.text(value)
    assert b"a\xffb" == rows.raw(value)
    assert rows.is_lossy(value)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("database is locked", StoreLocked),
        ("database or disk is full", StoreError),
        ("unable to open database file", StoreError),
        ("database disk image is malformed", StoreDamaged),
    ],
)
def test_what_sqlite_says_is_translated(tmp_path: Path, said: str, kind: type[StoreError]) -> None:
    (tmp_path / "db").touch()

    assert kind is type(rows.failure(sqlite3.OperationalError(said), tmp_path / "db"))


@pytest.mark.parametrize(
    ("value", "number"), [(3, 3), ("7", 7), (2.9, 2), ("x", None), (None, None), (b"1", None), (True, 1), (1e999, None)]
)
def test_numbers_of_any_type_are_read(value: object, number: int | None) -> None:
    assert number == rows.integer(value)
