from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from session_tui.agents.memory import Memory
from session_tui.agents.native import Native
from session_tui.errors import StoreError, UnknownSession
from session_tui.manager import SessionManager, Statistics
from session_tui.manager.migration import ORIGIN
from session_tui.model import Message, Role, SessionKey, SessionState, Text, ToolCall, TunnelEvent, Usage
from tests.unit import diary
from tests.unit.diary import Diary
from tests.unit.managing import NOON, STORES, Store, said, talk, texts, world


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made: Store = request.param(world(tmp_path))
    return made


@contextmanager
def refusing(store: Native) -> Iterator[None]:
    """The store's database refuses every new message and session."""
    tables = ("messages", "sessions")
    with closing(sqlite3.connect(store.database)) as database, database:
        for table in tables:
            database.execute(
                f"CREATE TRIGGER no_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'is full'); END"
            )
    try:
        yield
    finally:
        with closing(sqlite3.connect(store.database)) as database, database:
            for table in tables:
                database.execute(f"DROP TRIGGER no_{table}")


# ── raising ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_first_message_that_cannot_be_written_was_not_said(tmp_path: Path) -> None:
    store = Native(world(tmp_path))
    manager = SessionManager(store)
    talk(manager, "elsewhere")
    key = manager.create(system_prompt="Be brief.").key

    with refusing(store), pytest.raises(StoreError):
        manager.add_message(key, Role.USER, "hello")

    assert ["Be brief."] == texts(manager.messages(key))
    manager.add_message(key, Role.USER, "hello")
    assert ["Be brief.", "hello"] == texts(SessionManager(store).messages(key))


def test_a_message_that_cannot_be_written_raises_and_changes_nothing(tmp_path: Path) -> None:
    store = Native(world(tmp_path))
    manager = SessionManager(store)
    key = talk(manager, "one", "two")

    with refusing(store):
        with pytest.raises(StoreError):
            manager.add_message(key, Role.USER, "three")
        with pytest.raises(StoreError):
            manager.set_history(key, [said("new")])

    assert ["one", "two"] == texts(manager.messages(key))


# ── logging ───────────────────────────────────────────────────────────────────────────────────────────


def test_reads_of_nothing_are_empty_and_writes_are_logged(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    manager = SessionManager(store, on_error="log")
    key = manager.key("nobody")
    caplog.set_level(logging.WARNING, "session_tui")

    assert [(), (), (), (), (), (), ()] == [
        manager.messages(key),
        manager.compacted(key),
        manager.summaries(key),
        manager.context(key),
        manager.read_files(key),
        manager.costs(key),
        manager.messages_after(key, NOON),
    ]
    assert (0, "", "", False, None, Usage()) == (
        manager.count(key),
        manager.summary(key),
        manager.system_prompt(key),
        manager.has_user_text(key),
        manager.info(key),
        manager.token_usage(key),
    )
    caplog.clear()
    writes: list[Callable[[], object]] = [
        lambda: manager.add_message(key, Role.USER, "secret words"),
        lambda: manager.set_history(key, [said("secret words")]),
        lambda: manager.truncate(key, last=1),
        lambda: manager.set_summary(key, "secret words"),
        lambda: manager.add_context(key, "a", "b", "c"),
        lambda: manager.track_read_file(key, "a"),
        lambda: manager.append_tunnel_event(key, TunnelEvent("1", "t")),
        lambda: manager.rename(key, "x"),
        lambda: manager.set_system_prompt(key, "x"),
        lambda: manager.archive(key),
        lambda: manager.reset(key),
        lambda: manager.clear(key),
        lambda: manager.delete(key),
        lambda: manager.compact(key),
    ]
    for number, write in enumerate(writes, 1):
        write()
        assert number == len(caplog.records)
    assert "no such session" in caplog.text
    assert "secret" not in caplog.text


def test_what_is_required_is_raised_all_the_same(store: Store) -> None:
    with pytest.raises(UnknownSession):
        SessionManager(store, on_error="log").require(store.key("nobody"))


def test_an_agent_goes_on_while_the_store_is_broken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Native(world(tmp_path))
    talk(SessionManager(store), "elsewhere")
    manager = SessionManager(store, on_error="log")
    with refusing(store), caplog.at_level(logging.WARNING, "session_tui"):
        key = manager.get_or_create("main:cli:ana").key
        manager.add_message(key, Role.USER, "one")
        manager.add_message(key, Role.ASSISTANT, "two")
        during = texts(manager.messages(key))

    manager.close()

    assert (["one", "two"], ["one", "two"]) == (during, texts(SessionManager(store).messages(key)))
    assert "no space left" in caplog.text


def test_a_store_that_cannot_be_read_does_not_stop_an_agent(tmp_path: Path) -> None:
    store = Native(world(tmp_path))
    talk(SessionManager(store), "elsewhere")
    store.database.write_bytes(b"SQLite format 3\0" + b"\xff" * 4000)
    manager = SessionManager(store, on_error="log")

    key = manager.get_or_create("main:cli:ana").key
    manager.add_message(key, Role.USER, "one")

    assert (key, ["one"]) == (manager.get_or_create("main:cli:ana").key, texts(manager.messages(key)))
    assert ((), Statistics(), None, ()) == (
        manager.list_sessions(),
        manager.statistics(),
        manager.get_by_name("", "x"),
        manager.recover(),
    )


# ── bringing sessions from another store ──────────────────────────────────────────────────────────────


def test_sessions_of_another_store_are_brought_over_once(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "diary"
    diary.write(folder, "one", texts=["a", "b"])
    diary.write(folder, "two", texts=["c"])
    diary.write(folder, "empty", texts=[])
    (folder / "broken.diary").write_text("no header\n")
    manager = SessionManager(store)
    mine = talk(manager, "mine", id="two")

    first = manager.migrate(Diary(world(tmp_path)))
    again = manager.migrate(Diary(world(tmp_path)))

    assert (2, 1, ()) == (len(first.keys), len(first.problems), again.keys)
    assert "broken" in first.problems[0].path
    one = manager.require(manager.key("one"))
    assert ("Title of one", ["a", "b"]) == (one.title, texts(manager.messages(one.key)))
    assert str(one.extra[ORIGIN]).startswith("diary:one@")
    (moved,) = (key for key in first.keys if key.id != "one")
    assert (True, ["c"], ["mine"]) == (
        moved.id.startswith("two-"),
        texts(manager.messages(moved)),
        texts(manager.messages(mine)),
    )


def test_a_conversation_keeps_blocks_states_and_summaries_on_its_way(tmp_path: Path) -> None:
    memory = Memory(world(tmp_path))
    source = SessionManager(memory)
    key = talk(source, "one", system_prompt="Be brief.")
    call = Message(id="", role=Role.ASSISTANT, blocks=(Text("ok"), ToolCall("c", "ls", {"a": 1})))
    source.add_full_message(key, call)
    source.set_summary(key, "All so far.")
    source.archive(key)
    manager = SessionManager(Native(world(tmp_path)))

    (copy,) = manager.migrate(memory).keys

    before, after = source.transcript(key), manager.transcript(copy)
    assert (tuple(before.messages), before.summaries) == (tuple(after.messages), after.summaries)
    assert (SessionState.ARCHIVED, key.id) == (after.session.state, copy.id)


def test_nothing_is_brought_over_from_nothing(store: Store, tmp_path: Path) -> None:
    migrated = SessionManager(store).migrate(Diary(world(tmp_path)))

    assert ((), ()) == (migrated.keys, migrated.problems)


def test_keys_of_this_store_alone_are_accepted(store: Store) -> None:
    with pytest.raises(UnknownSession):
        SessionManager(store).messages(SessionKey("elsewhere", "one"))
