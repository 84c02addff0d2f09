"""What ZimaOS-Blue has tests of its own for, with the values they give; the rest stands beside what it is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from session_tui.agents.native import Native
from session_tui.agents.zima import Zima
from session_tui.compaction.fitting import fitting
from session_tui.compaction.plan import is_due_on_transition
from session_tui.compaction.settings import CompactionSettings
from session_tui.manager import SessionFilter, SessionManager
from session_tui.model import Message, Role, SessionState, Text, ToolCall, ToolResult
from session_tui.tokens import estimate_message, estimate_messages
from tests.unit.managing import STORES, Store, said, talk, texts, world


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made: Store = request.param(world(tmp_path))
    return made


# ── what is kept ──────────────────────────────────────────────────────────────────────────────────────────


def test_three_messages_and_a_title_come_back_the_system_s_first(store: Store) -> None:
    with SessionManager(store) as manager:
        key = manager.get_or_create("main:web:mara", system_prompt="You keep a house.").key
        manager.add_message(key, Role.USER, "How warm is the attic?")
        manager.add_message(key, Role.ASSISTANT, "11 °C.")
        manager.rename(key, "Cold attic")

    loaded = SessionManager(store)
    assert [
        (Role.SYSTEM, "You keep a house."),
        (Role.USER, "How warm is the attic?"),
        (Role.ASSISTANT, "11 °C."),
    ] == [(message.role, message.text) for message in loaded.messages(key)]
    assert "Cold attic" == loaded.require(key).title


def test_sessions_are_listed_by_their_agent_and_an_archived_one_says_so(store: Store) -> None:
    manager = SessionManager(store)
    for scope in ("main:web:mara", "main:telegram:77", "pantry:web:mara"):
        manager.add_message(manager.get_or_create(scope).key, Role.USER, "hello")

    manager.archive(manager.key("main:web:mara"))

    found = manager.list_sessions(SessionFilter(agent="main"))
    assert {"main:web:mara": SessionState.ARCHIVED, "main:telegram:77": SessionState.ACTIVE} == {
        session.key.id: session.state for session in found
    }


def test_reading_goes_on_when_the_writer_is_closed(tmp_path: Path) -> None:
    writer, reader = SessionManager(Native(world(tmp_path))), Native(world(tmp_path))
    key = talk(writer, "hello")
    before = texts(reader.read(reader.source(key)).messages)

    writer.close()

    assert (["hello"], ["hello"]) == (before, texts(reader.read(reader.source(key)).messages))


# ── when ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_compaction_becomes_due_from_06_but_not_again_from_085() -> None:
    rules = CompactionSettings.of(Zima.compaction)

    assert 0.8 == rules.trigger_threshold
    assert (True, False) == (is_due_on_transition(0.6, 0.82, rules), is_due_on_transition(0.85, 0.9, rules))


# ── what a budget holds ───────────────────────────────────────────────────────────────────────────────────

ROOMS = [said(f"Room {number} is {number + 11} degrees warm and dry.") for number in range(20)]
PROMPT = said("You keep a house.", Role.SYSTEM)
COST = estimate_message(ROOMS[10])


@pytest.mark.parametrize("budget", [0, 1, COST, 5 * COST, 7 * COST + 1, 1_000_000])
def test_what_is_sent_costs_at_most_the_budget_and_is_the_newest(budget: int) -> None:
    sent = fitting(ROOMS, budget)

    assert estimate_messages(sent) <= budget
    assert texts(ROOMS[len(ROOMS) - len(sent) :]) == texts(sent)
    left = ROOMS[: len(ROOMS) - len(sent)]
    assert not left or estimate_messages(sent) + estimate_message(left[-1]) > budget


def test_the_system_prompt_stays_however_small_the_budget() -> None:
    budget = estimate_message(PROMPT) + 2 * COST

    assert texts([PROMPT, *ROOMS[-2:]]) == texts(fitting([PROMPT, *ROOMS], budget))
    assert texts([PROMPT]) == texts(fitting([PROMPT, *ROOMS], 0))


def test_a_summary_stays_as_long_as_there_is_room() -> None:
    summary = said("Room by room was measured.", Role.SYSTEM, is_summary=True)
    room = estimate_message(PROMPT) + estimate_message(summary)

    assert texts([PROMPT, summary, ROOMS[-1]]) == texts(fitting([PROMPT, summary, *ROOMS], room + COST))
    assert texts([PROMPT]) == texts(fitting([PROMPT, summary, *ROOMS], estimate_message(PROMPT)))


def test_no_result_is_sent_without_its_call() -> None:
    asked = ToolCall("c1", "sensor", {"room": 1})
    call = Message(id="c", role=Role.ASSISTANT, blocks=(Text("Measuring. " * 30), asked))
    result = Message(id="r", role=Role.TOOL, blocks=(ToolResult("c1", "sensor", "11 °C"),))
    messages = [ROOMS[0], call, result, ROOMS[1]]
    cut = estimate_messages([result, ROOMS[1]])

    assert (ROOMS[1],) == fitting(messages, cut)
    assert (call, result, ROOMS[1]) == fitting(messages, cut + estimate_message(call))


def test_archived_messages_are_neither_sent_nor_counted() -> None:
    archived = [said("long ago " * 900, archived=True)]

    assert texts(ROOMS) == texts(fitting([*archived, *ROOMS], estimate_messages(ROOMS)))


def test_a_manager_sends_what_the_budget_holds(store: Store) -> None:
    manager = SessionManager(store)
    key = talk(manager, *texts(ROOMS), system_prompt="You keep a house.")
    budget = estimate_message(PROMPT) + 3 * COST

    sent = manager.compacted(key, max_tokens=budget)

    assert estimate_messages(sent) <= budget
    assert ["You keep a house.", *texts(ROOMS[-3:])] == texts(sent)
    assert texts(sent)[-1:] == texts(manager.compacted(key, max_tokens=budget, last=1))
    assert 21 == manager.count(key)


def test_an_empty_conversation_fits_any_budget() -> None:
    assert () == fitting([], 0)
