"""Whether a session is due is told by its store's rules, whatever of it a list knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec

from session_tui.config import CompactionSection, Config
from session_tui.model import Session, SessionKey
from session_tui.profiles import Dues
from session_tui.registry import discover
from tests.unit.tables import world


def due(tmp_path: Path, store: str, session: Session, **section: float) -> bool:
    config = Config(compaction=msgspec.convert(section, CompactionSection))
    told = Dues(config, lambda name: discover().adapters[name](world(tmp_path)))
    return told(replace(session, key=SessionKey(store, "x", "/r")))


FULL = Session(key=SessionKey("", "x", "/r"), token_count=85, context_window=100, message_count=12)


def test_each_store_has_its_own_threshold(tmp_path: Path) -> None:
    assert [True, True, False] == [due(tmp_path, store, FULL) for store in ("native", "zima", "techne")]


def test_many_messages_make_a_session_due_where_its_program_counts_them(tmp_path: Path) -> None:
    many = replace(FULL, token_count=5, message_count=40, archived_count=10)

    assert [False, True] == [due(tmp_path, store, many) for store in ("native", "picoclaw")]
    assert not due(tmp_path, "picoclaw", replace(many, archived_count=30))


def test_an_unknown_window_is_the_configured_one_as_the_gauge_has_it(tmp_path: Path) -> None:
    assert due(tmp_path, "native", replace(FULL, token_count=190_000, context_window=None, message_count=None))


def test_the_configuration_says_from_when_and_whether(tmp_path: Path) -> None:
    assert not due(tmp_path, "native", FULL, trigger_threshold=0.9)
    assert not due(tmp_path, "native", FULL, enabled=False)
