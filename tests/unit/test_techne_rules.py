"""What techne has tests of its own for, with the values they give; the rest of it stands beside what it is about."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from session_tui.agents.native import Native
from session_tui.agents.techne import Techne, estimate
from session_tui.compaction.compactor import Compactor
from session_tui.compaction.meter import context_window
from session_tui.compaction.plan import is_due
from session_tui.compaction.settings import CompactionSettings
from session_tui.compaction.summarizers.base import SummaryRequest, SummaryText
from session_tui.manager import SessionManager
from session_tui.model import Message, Meter, Role, Session, SessionKey, Text, TokenSource, Usage
from session_tui.progress import Progress
from tests.unit.compactions import ask
from tests.unit.managing import NOON, STORES, Clock, Store, put, said, talk, texts, world
from tests.unit.test_cli import Capture, run

RULES = CompactionSettings.of(Techne.compaction)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made: Store = request.param(world(tmp_path))
    return made


# ── the store ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_database_and_its_tables_are_there_once_a_session_is_written(tmp_path: Path) -> None:
    store = Native(world(tmp_path))

    talk(SessionManager(store), "hello")

    assert store.database.is_file()
    tables = {name for (name,) in ask(store.database, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"sessions", "messages", "summaries", "context", "read_files", "records"} <= tables


def test_of_several_sessions_the_newest_is_listed_first(store: Store) -> None:
    for id, hours in (("first", 1), ("third", 3), ("second", 2)):
        put(store, id, at=NOON + timedelta(hours=hours))

    assert ["third", "second", "first"] == [one.key.id for one in SessionManager(store).list_sessions()]


def test_a_title_and_a_summary_are_seen_at_once(store: Store) -> None:
    manager = SessionManager(store)
    key = talk(manager, "hello")
    message = manager.add_message(key, Role.SYSTEM, "All so far.")

    manager.rename(key, "Orchard")
    manager.set_summary_message(key, message.id)

    session = SessionManager(store).require(key)
    assert ("Orchard", message.id, "All so far.") == (session.title, session.summary_message_id, session.summary)


def test_deleting_all_messages_leaves_the_session(store: Store) -> None:
    manager = SessionManager(store)
    key = talk(manager, "one", "two", name="Orchard")

    assert 2 == manager.delete_messages(key)

    assert ("Orchard", 0, ()) == (manager.require(key).title, manager.count(key), manager.messages(key))


def test_a_file_that_is_read_twice_has_one_row(tmp_path: Path) -> None:
    store, clock = Native(world(tmp_path)), Clock()
    manager = SessionManager(store, clock=clock)
    key = talk(manager, "hello")

    for _ in range(2):
        manager.track_read_file(key, "/src/pear.go")
        clock.forward(hours=1)

    assert [(1,)] == ask(store.database, "SELECT COUNT(*) FROM read_files")
    assert (True, False) == (manager.has_read_file(key, "/src/pear.go"), manager.has_read_file(key, "/src/plum.go"))


# ── tokens ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2)])
def test_a_token_is_counted_for_every_four_bytes_begun(text: str, tokens: int) -> None:
    assert tokens == estimate((Text(text),)) - 4


def test_a_message_costs_the_sum_of_its_blocks_and_four_more() -> None:
    assert 1 + 2 + 0 + 4 == estimate((Text("abcd"), Text("abcde"), Text("")))
    assert 4 == estimate(())


@pytest.mark.parametrize(
    ("used", "window", "due"),
    [(180_000, 200_000, True), (90, 100, True), (89, 100, False), (50_000, 200_000, False), (90, 0, False)],
)
def test_a_conversation_is_due_from_nine_tenths_of_its_window_on(used: int, window: int, due: bool) -> None:
    assert due is is_due(Meter(used, window, TokenSource.RECORDED, 0.6, 0.9).ratio, RULES)


@pytest.mark.parametrize("model", ["bespoke-7b", "", None])
def test_a_model_nobody_lists_has_a_window_of_128000(model: str | None) -> None:
    assert 128_000 == context_window(Session(key=SessionKey("techne", "1"), model=model), RULES)


def test_an_empty_system_prompt_costs_nothing(store: Store) -> None:
    manager = SessionManager(store)
    bare, empty = talk(manager, "hello"), talk(manager, "hello", system_prompt="")
    prompted = talk(manager, "hello", system_prompt="Be brief.")

    costs = [manager.meter(key).tokens or 0 for key in (bare, empty, prompted)]

    assert 0 < costs[0] == costs[1] < costs[2]


# ── compaction ────────────────────────────────────────────────────────────────────────────────────────────


class Writer:
    """A summarizer that counts what it was given."""

    name = "writer"

    def summarize(self, request: SummaryRequest, progress: Progress) -> SummaryText:
        return SummaryText(text=f"Summary of {len(request.messages)}.", provider=self.name)


def compressed(store: Store, messages: Sequence[Message], window: int) -> tuple[Message, ...]:
    """What is sent of a conversation by the program's own rules."""
    manager = SessionManager(store, compactor=Compactor(settings=RULES, summarizer=Writer()))
    key = manager.create().key
    manager.add_messages(key, messages)
    manager.update(key, lambda session: replace(session, context_window=window))
    return manager.compacted(key)


REPORT = "the pears are ripe and the ladder is short. " * 40
LONG = [said(f"Row {number}: {REPORT}", (Role.USER, Role.ASSISTANT)[number % 2]) for number in range(20)]


def test_below_the_limit_a_conversation_is_left_as_it_is(store: Store) -> None:
    assert texts(LONG) == texts(compressed(store, LONG, 200_000))


def test_over_the_limit_twenty_long_messages_become_a_summary_and_the_last_six(store: Store) -> None:
    sent = compressed(store, LONG, 5_000)

    assert (Text("Summary of 14."),) == sent[0].blocks
    assert texts(LONG[-6:]) == texts(sent[1:])
    assert len(sent) < len(LONG)


def test_a_single_huge_message_is_left_as_it_is(store: Store) -> None:
    assert ["x" * 100_000] == texts(compressed(store, [said("x" * 100_000)], 1_000))


def test_usage_accumulates(store: Store) -> None:
    manager = SessionManager(store)
    key = talk(manager, "hello")

    for usage in (Usage(100, 50), Usage(200, 75)):
        manager.append_usage(key, usage)

    assert Usage(300, 125) == manager.token_usage(key)


# ── the list ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_list_of_no_sessions_is_empty_and_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    plain, document = run(capfdbinary, "list"), run(capfdbinary, "list", "--json")

    assert (0, "") == (plain.code, plain.out)
    assert [] == document.json["sessions"]
    assert 0 == json.loads(document.out)["meta"]["total"]
