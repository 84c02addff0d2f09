"""Killed at any point, by any of several processes, with no room left: the trash loses nothing."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from session_tui.adapters.base import Belongings, Entries, Rows
from session_tui.model import SessionKey
from session_tui.trash import Trash

GARDEN = SessionKey("chats", "garden", "/root")

# A process that forks for each order, so that a round costs no start of Python. Its child counts the calls and
# returns it sees, kills itself at the given one, and otherwise answers how many there were.
FORKER = """
import json, os, resource, signal, sqlite3, sys
from pathlib import Path
from session_tui.adapters.base import Belongings, Entries, Rows
from session_tui.errors import SessionTuiError
from session_tui.model import SessionKey
from session_tui.trash import Trash

def belongings(folder, id):
    parts = [Rows(table, "session = ?", (id,)) for table in ("messages", "context")]
    index = Entries(folder / "index.json", "id", id, lock=folder / "index.lock")
    return Belongings(
        files=(folder / f"{id}.jsonl", folder / id),
        database=folder / "chats.db",
        rows=(*parts, Rows("sessions", "id = ?", (id,))),
        entries=(index,),
    )

def compact(trash, folder, id):
    with trash.around(SessionKey("chats", id, "/root"), f"chats:{id}", id, belongings(folder, id), "compact"):
        database = sqlite3.connect(folder / "chats.db")
        with database:
            database.execute("UPDATE messages SET archived = 1 WHERE session = ? AND n < 20", (id,))
            database.execute("INSERT INTO messages (session, text) VALUES (?, 'summary')", (id,))
        database.close()

def act(order):
    folder, id = Path(order["folder"]), order.get("id", "garden")
    trash = Trash(folder.parent / "trash")
    if order.get("limit"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["limit"], order["limit"]))
    match order["action"]:
        case "delete":
            trash.delete(SessionKey("chats", id, "/root"), f"chats:{id}", id, belongings(folder, id))
        case "restore":
            trash.restore(order["item"])
        case "compact":
            compact(trash, folder, id)

def child(order):
    seen, last = 0, order.get("kill_at", -1)
    def count(frame, event, argument):
        nonlocal seen
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)
    error = ""
    sys.setprofile(count)
    try:
        act(order)
    except SessionTuiError as caught:
        error = str(caught)
    finally:
        sys.setprofile(None)
    return {"events": seen, "error": error}

for line in sys.stdin:
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.write(writing, json.dumps(child(json.loads(line))).encode())
        os._exit(0)
    os.close(writing)
    answer = b"".join(iter(lambda: os.read(reading, 65536), b""))
    os.close(reading)
    os.waitpid(process, 0)
    print(answer.decode() or '{"killed": true}', flush=True)
"""


class Forker:
    def __init__(self) -> None:
        command = [sys.executable, "-c", FORKER]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(self, **order: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, object]:
        assert self._process.stdout is not None
        found = json.loads(self._process.stdout.readline())
        assert isinstance(found, dict)
        return found

    def run(self, **order: object) -> dict[str, object]:
        self.send(**order)
        return self.answer()

    def close(self) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()


@pytest.fixture
def forker() -> Iterator[Forker]:
    forker = Forker()
    yield forker
    forker.close()


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


def belongings(folder: Path) -> Belongings:
    parts = [Rows(table, "session = ?", ("garden",)) for table in ("messages", "context")]
    return Belongings(
        files=(folder / "garden.jsonl", folder / "garden"),
        database=folder / "chats.db",
        rows=(*parts, Rows("sessions", "id = ?", ("garden",))),
        entries=(Entries(folder / "index.json", "id", "garden", lock=folder / "index.lock"),),
    )


def kill_points(total: object, rounds: int, seed: int) -> list[int]:
    assert isinstance(total, int)
    return sorted(random.Random(seed).sample(range(1, total), rounds))


def test_a_deletion_killed_anywhere_is_done_or_undone(forker: Forker, template: Path) -> None:
    before = state(fresh(template, "whole"))
    total = forker.run(action="delete", folder=str(template.parent / "whole" / "store"))["events"]
    without = state(template.parent / "whole" / "store")
    outcomes = []

    for kill_at in kill_points(total, 60, seed=1):
        folder = fresh(template, f"round-{kill_at}")
        answer = forker.run(action="delete", folder=str(folder), kill_at=kill_at)
        trash = Trash(folder.parent / "trash")
        recovered = trash.recover()
        found, items = state(folder), trash.items()
        if items:
            assert (without, GARDEN) == (found, trash.restore(items[0].trash_id))
        outcomes.append(("deleted" if items else "recovered" if recovered else "untouched", answer.get("killed")))

        assert before == state(folder)
        assert {".lock"} >= {path.name for path in (folder.parent / "trash").glob("*")}

    assert {True} == {killed for _, killed in outcomes}
    assert {"untouched", "recovered"} <= {outcome for outcome, _ in outcomes}


def test_a_restoration_killed_anywhere_can_be_repeated(forker: Forker, template: Path) -> None:
    folder = fresh(template, "whole")
    before = state(folder)
    item = Trash(folder.parent / "trash").delete(GARDEN, "chats:garden", "", belongings(folder))
    total = forker.run(action="restore", folder=str(folder), item=item.trash_id)["events"]
    repeated = 0

    for kill_at in kill_points(total, 40, seed=2):
        folder = fresh(template, f"round-{kill_at}")
        trash = Trash(folder.parent / "trash")
        item = trash.delete(GARDEN, "chats:garden", "", belongings(folder))
        answer = forker.run(action="restore", folder=str(folder), item=item.trash_id, kill_at=kill_at)
        trash.recover()
        for each in trash.items():
            assert GARDEN == trash.restore(each.trash_id)
            repeated += 1

        assert {"killed": True} == answer
        assert before == state(folder)

    assert repeated > 20


def test_a_change_killed_anywhere_can_be_undone(forker: Forker, template: Path) -> None:
    before = state(fresh(template, "whole"))
    total = forker.run(action="compact", folder=str(template.parent / "whole" / "store"))["events"]
    undone = 0

    for kill_at in kill_points(total, 30, seed=3):
        folder = fresh(template, f"round-{kill_at}")
        forker.run(action="compact", folder=str(folder), kill_at=kill_at)
        trash = Trash(folder.parent / "trash")
        trash.recover()
        items = trash.items()
        if items:
            assert GARDEN == trash.restore(items[0].trash_id, replace=True)
            undone += 1
        with closing(sqlite3.connect(folder / "chats.db")) as database, database:
            # Without its end noted, nobody can tell the change's own row from one of the program's.
            database.execute("DELETE FROM messages WHERE text = 'summary'")

        assert before == state(folder)

    assert undone > 5


def test_without_room_nothing_is_changed(forker: Forker, template: Path) -> None:
    folder = fresh(template, "full")
    before = state(folder)

    answer = forker.run(action="delete", folder=str(folder), limit=3000)

    assert "file too large" in str(answer["error"])
    assert before == state(folder)
    assert () == Trash(folder.parent / "trash").items()
    assert [".lock"] == [path.name for path in (folder.parent / "trash").iterdir()]


def test_several_processes_delete_from_one_store_at_once(template: Path) -> None:
    folder = fresh(template, "shared")
    before = state(folder)
    forkers = [Forker(), Forker()]

    for forker, ids in zip(forkers, (("garden", "attic"), ("kitchen", "cellar")), strict=True):
        for id in ids:
            forker.send(action="delete", folder=str(folder), id=id)
    errors = [forker.answer()["error"] for forker in forkers for _ in range(2)]
    for forker in forkers:
        forker.close()
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
