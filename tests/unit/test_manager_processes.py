"""Many threads and processes on one store, and processes that are killed on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import session_tui
from session_tui.agents.native import Native
from session_tui.errors import StoreError, UnknownSession
from session_tui.manager import SessionManager
from session_tui.model import Role, SessionState
from session_tui.trash import Trash
from tests.unit.managing import STORES, Store, said, talk, texts, world


def together(*acts: Callable[[], None]) -> list[BaseException]:
    """Run all at once and return what they raised."""
    failures: list[BaseException] = []

    def run(act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


# ── threads ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made: Store = request.param(world(tmp_path))
    return made


def test_ten_threads_lose_no_message(store: Store) -> None:
    manager = SessionManager(store)
    key = manager.create().key

    def add(name: str) -> None:
        for number in range(20):
            manager.add_message(key, Role.USER, f"{name}{number}")

    assert [] == together(*(lambda name=name: add(name) for name in "abcdefghij"))
    found = texts(manager.messages(key))
    assert (200, 200) == (manager.count(key), len(set(found)))
    assert [f"c{number}" for number in range(20)] == [text for text in found if text.startswith("c")]


def test_threads_ask_for_one_session_and_get_one(store: Store) -> None:
    manager = SessionManager(store)

    def say(name: str) -> None:
        manager.add_message(manager.get_or_create("main:web:ana").key, Role.USER, name)

    assert [] == together(*(lambda name=name: say(name) for name in "abcdefgh"))
    (session,) = manager.list_sessions()
    assert sorted("abcdefgh") == sorted(texts(manager.messages(session.key)))


def test_changes_of_different_fields_do_not_undo_each_other(store: Store) -> None:
    manager = SessionManager(store)
    key = talk(manager, "hello")

    def tag() -> None:
        for number in range(15):
            manager.tag(key, f"t{number}")

    def note() -> None:
        for number in range(15):
            manager.set_custom_data(key, **{f"n{number}": number})

    def add() -> None:
        for number in range(15):
            manager.add_message(key, Role.ASSISTANT, str(number))

    assert [] == together(tag, note, add)
    session = manager.require(key)
    assert (15, 15, 16) == (len(session.tags), len(session.custom_data), session.message_count)


def test_a_reset_among_writers_loses_only_what_is_in_the_copy(tmp_path: Path) -> None:
    manager = SessionManager(Native(world(tmp_path)))
    key = talk(manager, "first")
    trash = Trash(tmp_path / "data" / "trash")
    written: list[str] = []

    def add() -> None:
        for number in range(40):
            written.append(manager.add_message(key, Role.ASSISTANT, str(number)).id)

    def clear() -> None:
        for _ in range(3):
            try:
                manager.clear(key)
            except StoreError as error:
                assert "keeps writing" in str(error)

    assert [] == together(add, clear)
    there = {message.id for message in manager.messages(key)}
    kept = "".join((trash._shelf.path(item.trash_id) / "rows.jsonl").read_text() for item in trash.items())
    assert [] == [id for id in written if id not in there and id not in kept]


# ── processes ─────────────────────────────────────────────────────────────────────────────────────────

START = """
import sys
from dataclasses import replace
from pathlib import Path
from session_tui.manager import SessionManager, native_store
from session_tui.model import Message, Role, Text
place, name, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
manager = SessionManager(native_store(place / "data"))
key = manager.key("shared")
"""
ADDING = """
for i in range(number):
    manager.add_full_message(key, Message(id=f"{name}{i}", role=Role.USER, blocks=(Text("x" * 100),)))
    print(i, flush=True)
"""
LIVING = """
for i in range(number):
    text = f"{name}{i}"
    own = manager.create(id=f"{name}-{i}").key
    manager.add_message(own, Role.USER, text)
    manager.add_full_message(key, Message(id=text, role=Role.USER, blocks=(Text("x" * 200),)))
    print(i, flush=True)
    manager.tag(key, f"t{i % 7}")
    manager.compact(key) if manager.count(key) % 20 == 0 else manager.set_summary(own, text)
    match i % 5:
        case 0: manager.reset(own)
        case 1: manager.delete(own)
        case 2: manager.truncate(own, last=0)
        case 3: manager.archive(own)
"""


def running(place: Path, name: str, number: int, what: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(session_tui.__file__).parents[1])}
    command = [sys.executable, "-c", START + what, str(place), name, str(number)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def shared(place: Path) -> SessionManager:
    manager = SessionManager(Native(world(place)))
    manager.add_full_message(manager.create(id="shared").key, said("begin", id="0"))
    return manager


def test_two_processes_lose_no_message(tmp_path: Path) -> None:
    manager, number = shared(tmp_path), 400
    writers = [running(tmp_path, name, number, ADDING) for name in "ab"]

    assert [("", 0), ("", 0)] == [(process.communicate()[1], process.returncode) for process in writers]
    found = [message.id for message in manager.messages(manager.key("shared"))]
    assert 2 * number + 1 == len(found)
    for name in "ab":
        assert [f"{name}{i}" for i in range(number)] == [id for id in found if id.startswith(name)]


def test_two_processes_live_on_one_store(tmp_path: Path) -> None:
    manager, number = shared(tmp_path), 60
    lives = [running(tmp_path, name, number, LIVING) for name in "ab"]
    errors = [process.communicate()[1] for process in lives]

    # both may want to compact the same messages: one of them is told that they are gone
    assert [] == [error for error in errors if error and "has changed since the compaction was planned" not in error]
    told = {message.id for message in manager.messages(manager.key("shared"))}
    for name, error in zip("ab", errors, strict=True):
        assert error or {f"{name}{i}" for i in range(number)} <= told


def test_a_killed_process_loses_no_message(tmp_path: Path) -> None:
    manager = shared(tmp_path)
    key, trash = manager.key("shared"), Trash(tmp_path / "data" / "trash")
    (root,) = manager._store.roots()
    told: set[str] = set()
    for number in range(30):
        process = running(tmp_path, f"r{number}.", 10_000, LIVING)
        assert process.stdout
        for _ in range(1 + number % 9):
            told.add(f"r{number}.{int(process.stdout.readline())}")
        process.send_signal(signal.SIGKILL)
        process.communicate()

        trash.recover()
        recovered = manager.recover()
        found = {message.id for message in manager.messages(key)}
        assert set() == told - found
        assert [] == list(Native(world(tmp_path)).check(root))
        assert "shared" in {session.key.id for session in recovered}
        assert all(session.state is not SessionState.COMPACTING for session in manager.list_sessions())
        session = manager.require(key)
        assert session.archived_count == sum(message.archived for message in manager.messages(key))
        covered = {id for summary in manager.summaries(key) for id in summary.original_ids}
        assert covered == {message.id for message in manager.messages(key) if message.archived}


def test_what_a_killed_process_took_away_lies_in_the_trash(tmp_path: Path) -> None:
    manager = shared(tmp_path)
    trash = Trash(tmp_path / "data" / "trash")
    said_there: dict[str, str] = {}
    for number in range(12):
        process = running(tmp_path, f"r{number}.", 10_000, LIVING)
        assert process.stdout
        for _ in range(2 + number % 5):
            text = f"r{number}.{int(process.stdout.readline())}"
            said_there[f"r{number}.-{text.rpartition('.')[2]}"] = text
        process.send_signal(signal.SIGKILL)
        process.communicate()
    trash.recover()
    kept = {item.key.id: trash._shelf.path(item.trash_id) / "rows.jsonl" for item in trash.items()}

    for id, text in said_there.items():
        try:
            there = text in texts(manager.messages(manager.key(id)))
        except UnknownSession:
            there = False
        assert there or text in kept[id].read_text()
