"""The end of a long conversation, read by itself: the same last messages as the whole has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from session_tui.adapters import message_rows, tails
from session_tui.adapters.base import World
from session_tui.adapters.tails import Tailed
from session_tui.errors import SessionTuiError
from session_tui.library import Library
from session_tui.manager import SessionManager, native_store
from session_tui.model import Role
from session_tui.registry import discover
from tests.fixture_homes import AGENTS, build, digest

ADAPTERS = discover().adapters
TAILED = [agent for agent in AGENTS if hasattr(ADAPTERS[agent], "tail")]


def test_several_stores_can_be_read_from_their_end() -> None:
    assert len(TAILED) >= 4


@pytest.mark.parametrize("agent", TAILED)
def test_a_short_session_is_read_whole(agent: str, tmp_path: Path) -> None:
    adapter = ADAPTERS[agent](build(agent, tmp_path).world)
    assert isinstance(adapter, Tailed)
    assert [] == [
        source.key for root in adapter.roots() for source in adapter.scan(root) if adapter.tail(source) is not None
    ]


@pytest.mark.parametrize("agent", TAILED)
def test_the_end_has_the_last_messages_of_the_whole(
    agent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tails, "_LONG", 0)
    monkeypatch.setattr(message_rows, "MANY_MESSAGES", 1)
    store = build(agent, tmp_path)
    before = digest(tmp_path)
    adapter = ADAPTERS[agent](store.world)
    assert isinstance(adapter, Tailed)
    compared = 0
    for source in (source for root in adapter.roots() for source in adapter.scan(root)):
        try:
            whole = {message.text for message in adapter.read(source).messages}
            tail = adapter.tail(source)
        except SessionTuiError:
            continue
        if tail:
            texts = [message.text for message in tail if not message.is_summary]
            assert [] == [text for text in texts if text not in whole]
            compared += len(texts)

    assert compared
    assert before == digest(tmp_path)


def test_the_library_gives_the_end_of_what_takes_long_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(home=tmp_path, environ={}, cwd=tmp_path, data_dir=tmp_path / "data")
    with SessionManager(native_store(world.data_dir)) as manager:
        manager.add_message(manager.create().key, Role.USER, "not a file of its own")
    folder = tmp_path / ".claude/projects/-srv-mill"
    folder.mkdir(parents=True)
    rows = [
        {
            "type": "user",
            "uuid": f"u{number}",
            "parentUuid": None,
            "message": {"role": "user", "content": f"line {number}"},
        }
        for number in range(40)
    ]
    path = folder / "0a0a0a0a-1111-4222-8333-444444444444.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    library = Library(world)
    library.refresh()
    keys = {session.key.store: session.key for session in library.catalog.sessions}

    assert None is library.tail(keys["native"])
    assert None is library.tail(keys["claude"])
    monkeypatch.setattr(tails, "_LONG", 100)
    end = library.tail(keys["claude"])
    assert end is not None
    assert "line 39" == end.messages[-1].text
    assert keys["claude"] == end.session.key
