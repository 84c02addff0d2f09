"""Killed at any point, by any of several processes, with no room left: the trash loses nothing."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from session_tui.adapters import row_writes
from session_tui.adapters.base import Belongings, Entries, Rows
from session_tui.model import SessionKey
from session_tui.trash import Trash
from tests.unit.killing import Cut, Forker, forker

GARDEN = SessionKey("chats", "garden", "/root")


def compact(trash: Trash, folder: Path, id: str) -> None:
    kept = trash.around(SessionKey("chats", id, "/root"), f"chats:{id}", id, belongings(folder, id), "compact")
    with kept, row_writes.changing(folder / "chats.db") as database:
        database.execute("UPDATE messages SET archived = 1 WHERE session = ? AND n < 20", (id,))
        database.execute("INSERT INTO messages (session, text) VALUES (?, 'summary')", (id,))


def order(action: str, folder: Path, **more: object) -> dict[str, object]:
    return {"action": action, "folder": str(folder), **more}


def change(order: Mapping[str, object]) -> Callable[[], object]:
    """What a forked process does."""
    folder, id = Path(str(order["folder"])), str(order.get("id", "garden"))
    trash = Trash(folder.parent / "trash")
    if isinstance(limit := order.get("limit"), int):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    key = SessionKey("chats", id, "/root")
    acts: dict[object, Callable[[], object]] = {
        "delete": lambda: trash.delete(key, f"chats:{id}", id, belongings(folder, id)),
        "restore": lambda: trash.restore(str(order["item"])),
        "compact": lambda: compact(trash, folder, id),
    }
    return acts[order["action"]]


@pytest.fixture
def process() -> Iterator[Forker]:
    with forker(__name__) as process:
        yield process


@pytest.fixture
def template(tmp_path: Path) -> Path:
    folder = tmp_path / "template"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "chats.db")) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(
            """
            CREATE TABLE sessions (id TEXT PRIMARY KEY, title);
            CREATE TABLE messages (
              n INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT REFERENCES sessions(id) ON DELETE CASCADE,
              text, archived INTEGER DEFAULT 0
            );
            CREATE TABLE context (session TEXT REFERENCES sessions(id), value);
            """
        )
        for id in ("garden", "kitchen", "attic", "cellar"):
            database.execute("INSERT INTO sessions VALUES (?, ?)", (id, f"The {id}"))
            texts = [(id, f"{id} {number}") for number in range(30)]
            database.executemany("INSERT INTO messages (session, text) VALUES (?, ?)", texts)
            database.executemany("INSERT INTO context VALUES (?, ?)", [(id, b"\xff"), (id, None), (id, None)])
    for id in ("garden", "kitchen", "attic", "cellar"):
        (folder / f"{id}.jsonl").write_bytes(f'{{"{id}": 1}}\n'.encode() * 500)
        (folder / id).mkdir(mode=0o750)
        (folder / id / "notes.md").write_bytes(b"# notes\n")
    entries = [{"id": id, "title": f"The {id}"} for id in ("kitchen", "garden", "attic", "cellar")]
    (folder / "index.json").write_text(json.dumps(entries, indent=2))
    (folder / "index.lock").touch()
    return folder


def fresh(template: Path, name: str) -> Path:
    """A copy of the store in a place of its own, with room for a trash beside it."""
    folder = template.parent / name / "store"
    shutil.copytree(template, folder)
    return folder


def state(folder: Path) -> dict[str, object]:
    """Every row, and every file but the database's own."""
    found: dict[str, object] = {}
    with closing(sqlite3.connect(folder / "chats.db")) as database:
        assert [("ok",)] == database.execute("PRAGMA integrity_check").fetchall()
        for table in ("sessions", "messages", "context"):
            found[table] = database.execute(f"SELECT rowid, * FROM {table} ORDER BY rowid").fetchall()
    for path in sorted(folder.rglob("*")):
        if not path.name.startswith("chats.db"):
            data = path.read_bytes() if path.is_file() else b""
            found[os.fspath(path.relative_to(folder))] = (data, path.stat().st_mode)
    return found


def belongings(folder: Path, id: str = "garden") -> Belongings:
    parts = [Rows(table, "session = ?", (id,)) for table in ("messages", "context")]
    return Belongings(
        files=(folder / f"{id}.jsonl", folder / id),
        database=folder / "chats.db",
        rows=(*parts, Rows("sessions", "id = ?", (id,))),
        entries=(Entries(folder / "index.json", "id", id, lock=folder / "index.lock"),),
    )


def kill_points(total: int, rounds: int, seed: int) -> list[int]:
    return sorted(random.Random(seed).sample(range(1, total), rounds))


def test_a_deletion_killed_anywhere_is_done_or_undone(process: Forker, template: Path) -> None:
    before = state(fresh(template, "whole"))
    total = process.run(order("delete", template.parent / "whole" / "store"), Cut.never()).moments
    without = state(template.parent / "whole" / "store")
    outcomes = []

    for kill_at in kill_points(total, 60, seed=1):
        folder = fresh(template, f"round-{kill_at}")
        answer = process.run(order("delete", folder), Cut(moment=kill_at))
        trash = Trash(folder.parent / "trash")
        recovered = trash.recover()
        found, items = state(folder), trash.items()
        if items:
            assert (without, GARDEN) == (found, trash.restore(items[0].trash_id))
        outcomes.append(("deleted" if items else "recovered" if recovered else "untouched", answer.killed))

        assert before == state(folder)
        assert {".lock"} >= {path.name for path in (folder.parent / "trash").glob("*")}

    assert {True} == {killed for _, killed in outcomes}
    assert {"untouched", "recovered"} <= {outcome for outcome, _ in outcomes}


def test_a_restoration_killed_anywhere_can_be_repeated(process: Forker, template: Path) -> None:
    folder = fresh(template, "whole")
    before = state(folder)
    item = Trash(folder.parent / "trash").delete(GARDEN, "chats:garden", "", belongings(folder))
    total = process.run(order("restore", folder, item=item.trash_id), Cut.never()).moments
    repeated = 0

    for kill_at in kill_points(total, 40, seed=2):
        folder = fresh(template, f"round-{kill_at}")
        trash = Trash(folder.parent / "trash")
        item = trash.delete(GARDEN, "chats:garden", "", belongings(folder))
        answer = process.run(order("restore", folder, item=item.trash_id), Cut(moment=kill_at))
        trash.recover()
        for each in trash.items():
            assert GARDEN == trash.restore(each.trash_id)
            repeated += 1

        assert answer.killed
        assert before == state(folder)

    assert repeated > 20


def test_a_change_killed_anywhere_can_be_undone(process: Forker, template: Path) -> None:
    before = state(fresh(template, "whole"))
    total = process.run(order("compact", template.parent / "whole" / "store"), Cut.never()).moments
    undone = 0

    for kill_at in kill_points(total, 30, seed=3):
        folder = fresh(template, f"round-{kill_at}")
        process.run(order("compact", folder), Cut(moment=kill_at))
        trash = Trash(folder.parent / "trash")
        trash.recover()
        items = trash.items()
        if items:
            assert GARDEN == trash.restore(items[0].trash_id)
            undone += 1

        assert before == state(folder)

    assert undone > 5


def test_without_room_nothing_is_changed(process: Forker, template: Path) -> None:
    folder = fresh(template, "full")
    before = state(folder)

    answer = process.run(order("delete", folder, limit=3000), Cut())

    assert "file too large" in answer.error
    assert before == state(folder)
    assert () == Trash(folder.parent / "trash").items()
    assert [".lock"] == [path.name for path in (folder.parent / "trash").iterdir()]


def test_several_processes_delete_from_one_store_at_once(template: Path) -> None:
    folder = fresh(template, "shared")
    before = state(folder)
    with forker(__name__) as one, forker(__name__) as other:
        for process, ids in ((one, ("garden", "attic")), (other, ("kitchen", "cellar"))):
            for id in ids:
                process.send(order("delete", folder, id=id), Cut())
        errors = [process.answer().error for process in (one, other) for _ in range(2)]
    trash = Trash(folder.parent / "trash")
    emptied = state(folder)
    restored = {trash.restore(item.trash_id) for item in trash.items()}

    assert ["", "", "", ""] == errors
    assert ([], [], []) == (emptied["sessions"], emptied["messages"], emptied["context"])
    assert {SessionKey("chats", id, "/root") for id in ("garden", "kitchen", "attic", "cellar")} == restored
    after = state(folder)
    assert sorted(json.loads(bytes_of(before)), key=str) == sorted(json.loads(bytes_of(after)), key=str)
    assert {name: held for name, held in before.items() if name not in {"index.json"}} == {
        name: held for name, held in after.items() if name not in {"index.json"}
    }


def bytes_of(found: dict[str, object]) -> bytes:
    held = found["index.json"]
    assert isinstance(held, tuple)
    data = held[0]
    assert isinstance(data, bytes)
    return data
