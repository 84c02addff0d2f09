"""The manager over the formats of other programs: what it keeps there their own readers find again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from session_tui.adapters.base import World
from session_tui.manager import SessionManager
from session_tui.manager.store import SessionStore
from session_tui.model import Role
from session_tui.registry import discover
from session_tui.trash import Trash


@pytest.fixture(params=["ggcode", "picoclaw"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SessionStore:
    world = World(home=tmp_path / "home", environ={}, cwd=tmp_path, data_dir=tmp_path / "own")
    (tmp_path / "home").mkdir()
    made: SessionStore = discover().adapters[str(request.param)](world)  # type: ignore[assignment]
    return made


@pytest.fixture
def manager(store: SessionStore) -> Iterator[SessionManager]:
    with SessionManager(store) as opened:
        yield opened


def test_a_conversation_is_kept_and_read_back(manager: SessionManager) -> None:
    key = manager.create("sourdough").key
    manager.add_message(key, Role.USER, "Why is my bread flat?")
    manager.add_message(key, Role.ASSISTANT, "Rye needs more time.")

    assert ["Why is my bread flat?", "Rye needs more time."] == [message.text for message in manager.messages(key)]
    assert 2 == manager.count(key)
    assert 1 == manager.statistics().total


def test_a_session_without_a_persons_words_is_not_written(manager: SessionManager, store: SessionStore) -> None:
    manager.create("silent")

    assert [] == [source for root in store.roots() for source in store.scan(root)]


def test_a_deleted_session_can_be_restored(manager: SessionManager, store: SessionStore, tmp_path: Path) -> None:
    key = manager.create("sourdough").key
    manager.add_message(key, Role.USER, "Why is my bread flat?")
    trash = Trash(tmp_path / "own" / "trash")

    manager.delete(key)
    gone = manager.get(key)
    trash.restore(trash.items()[0].trash_id)

    assert gone is None
    assert ["Why is my bread flat?"] == [message.text for message in manager.messages(key)]
