from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from session_tui.compaction.compactor import Compactor, Stage, Status
from session_tui.compaction.memory_store import InMemory
from session_tui.compaction.settings import CompactionSettings, Strategy
from session_tui.compaction.summarizers.base import Purpose, SummaryRequest, SummaryText
from session_tui.errors import Cancelled, StoreError, SummaryError, UsageError
from session_tui.manager import SessionManager
from session_tui.model import Message, Role, SessionKey, SessionState, Text, ToolCall, ToolResult
from session_tui.progress import Progress
from tests.unit.managing import STORES, Store, said, talk, texts, world


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made: Store = request.param(world(tmp_path))
    return made


class Writer:
    """A summarizer that numbers its summaries, and does something else on the way if told to."""

    name = "writer"

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.meanwhile = meanwhile
        self.asked: list[SummaryRequest] = []

    def summarize(self, request: SummaryRequest, progress: Progress) -> SummaryText:
        self.asked.append(request)
        if request.purpose is Purpose.MEMORY:
            return SummaryText(text="- Ana prefers rye", provider="writer")
        self.meanwhile()
        progress.check()
        return SummaryText(text=f"Summary {len(self.asked)} of {len(request.messages)}.", provider="writer")


class Broken:
    name = "broken"

    def summarize(self, request: SummaryRequest, progress: Progress) -> SummaryText:
        raise SummaryError("the model is away")


# The settings of the system whose worked values these tests use: full at fifty messages.
FIFTY = CompactionSettings(max_messages=50, refresh_memory=False)


def managing(store: Store, settings: CompactionSettings = FIFTY, **parts: object) -> SessionManager:
    given = {"summarizer": Writer(), **parts}
    return SessionManager(store, compactor=Compactor(settings=settings, **given))  # type: ignore[arg-type]


def numbered(store: Store, number: int) -> SessionKey:
    manager = SessionManager(store)
    key = manager.create().key
    manager.add_messages(key, [said(f"m{index}", id=str(index)) for index in range(1, number + 1)])
    return key


# ── when ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("count", "gone"), [(30, 0), (37, 14), (38, 15), (45, 18), (50, 20)])
def test_the_oldest_go_once_the_conversation_is_full_enough(store: Store, count: int, gone: int) -> None:
    manager = managing(store)
    key = numbered(store, count)

    plan = manager.plan(key)

    assert [str(number) for number in range(1, gone + 1)] == list(plan.compact)
    assert bool(gone) == manager.is_compaction_due(key)
    if gone:
        assert f"Reached 75% capacity ({count}/50 messages)" == plan.reason


def test_recent_messages_are_preserved(store: Store) -> None:
    manager = managing(store, replace(FIFTY, max_messages=30, compact_ratio=0.8, preserve_recent=20))

    assert 5 == len(manager.plan(numbered(store, 25)).compact)


def filled(store: Store, ratio: float) -> tuple[SessionManager, SessionKey]:
    """A manager with thresholds 0.6 and 0.8, and a session filled to ``ratio`` of a window of 10,000 tokens."""
    manager = managing(store, CompactionSettings(trigger_threshold=0.8))
    key = talk(manager, "x" * round(36_000 * ratio))
    manager.update(key, lambda session: replace(session, context_window=10_000))
    return manager, key


@pytest.mark.parametrize(
    ("ratio", "refresh", "compact"), [(0.5, False, False), (0.61, True, False), (0.79, True, False), (0.8, False, True)]
)
def test_memory_is_refreshed_between_the_thresholds(store: Store, ratio: float, refresh: bool, compact: bool) -> None:
    manager, key = filled(store, ratio)

    assert refresh == manager.is_refresh_due(key)
    assert compact == manager.has_compaction_become_due(key, 0.5)


def test_on_a_transition_the_threshold_was_not_reached_before(store: Store) -> None:
    manager, key = filled(store, 0.9)
    assert (True, False) == (manager.has_compaction_become_due(key, 0.6), manager.has_compaction_become_due(key, 0.85))

    manager, key = filled(store, 0.7)
    assert [True, False, True] == [manager.has_refresh_become_due(key, before) for before in (0.5, 0.65, 0.9)]


def test_without_a_compactor_nothing_is_ever_due(store: Store) -> None:
    manager = SessionManager(store, compactor=None)
    key = numbered(store, 60)

    assert [False] * 4 == [
        manager.is_compaction_due(key),
        manager.is_refresh_due(key),
        manager.has_compaction_become_due(key, 0.0),
        manager.has_refresh_become_due(key, 0.0),
    ]
    assert 60 == len(manager.compacted(key))
    for act in (manager.compact, manager.refresh_memory):
        with pytest.raises(UsageError, match="compactor not configured"):
            act(key)


# ── doing it ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_compaction_archives_what_its_summary_stands_for(store: Store) -> None:
    manager = managing(store)
    key = numbered(store, 50)

    result = manager.compact(key)

    session = manager.require(key)
    assert (30, 20, "store", "Summary 1 of 20.") == (
        result.preserved_messages,
        result.removed_messages,
        result.written_to,
        result.summary,
    )
    assert (50, 20, 1, SessionState.ACTIVE) == (
        session.message_count,
        session.archived_count,
        session.compaction_count,
        session.state,
    )
    (summary,) = manager.summaries(key)
    assert ("Messages 1-20", tuple(str(number) for number in range(1, 21))) == (
        summary.message_range,
        summary.original_ids,
    )
    assert (summary.id, "Summary 1 of 20.") == (session.summary_message_id, manager.summary(key))
    assert 50 == len(manager.messages(key))


def test_the_compacted_view_compacts_first_when_due(store: Store) -> None:
    manager = managing(store)
    key = numbered(store, 50)

    shown = manager.compacted(key)
    again = manager.compacted(key)

    assert ["Summary 1 of 20.", *(f"m{number}" for number in range(21, 51))] == texts(shown)
    assert (shown, True, 1) == (again, shown[0].is_summary, len(manager.summaries(key)))
    assert ["m49", "m50"] == texts(manager.compacted(key, last=2))
    assert 30 == len(manager.active_messages(key))


def test_the_compacted_view_leaves_a_short_conversation_alone(store: Store) -> None:
    manager = managing(store)

    assert [f"m{number}" for number in range(1, 31)] == texts(manager.compacted(numbered(store, 30)))


def test_summaries_are_framed_where_that_is_wanted(store: Store) -> None:
    manager = managing(store, replace(FIFTY, show_summary_markers=True))

    first = manager.compacted(numbered(store, 50))[0]

    assert "[SUMMARY: Messages 1-20]\n\nSummary 1 of 20.\n\n[END SUMMARY]" == first.text


def test_a_range_is_compacted_once_and_its_summary_carried_on(store: Store) -> None:
    writer = Writer()
    manager = managing(store, summarizer=writer)
    key = numbered(store, 50)
    manager.compact(key)

    manager.compact(key)

    assert ["21", "32"] == [writer.asked[1].messages[0].id, writer.asked[1].messages[-1].id]
    assert ("Summary 1 of 20.",) == writer.asked[1].previous
    active = [message for message in manager.transcript(key).messages if not message.archived]
    assert ("Summary 2 of 12.", 1 + 18) == (active[0].text, len(active))
    assert (2, 2) == (manager.require(key).compaction_count, len(manager.summaries(key)))


def test_a_call_is_not_parted_from_its_result(store: Store) -> None:
    manager = managing(store, CompactionSettings(compact_ratio=0.5, preserve_recent=1, refresh_memory=False))
    key = talk(manager, "list")
    manager.add_full_message(key, Message(id="call", role=Role.ASSISTANT, blocks=(ToolCall("c", "ls"),)))
    manager.add_full_message(key, Message(id="result", role=Role.TOOL, blocks=(ToolResult("c", "ls", "a"),)))
    manager.add_message(key, Role.ASSISTANT, "Done.")

    plan = manager.plan(key, manual=True)

    assert not ("call" in plan.compact and "result" in plan.keep)


def test_nothing_to_compact_is_told(store: Store) -> None:
    manager = managing(store)
    key = numbered(store, 3)

    with pytest.raises(UsageError, match="nothing to compact"):
        manager.compact(key)
    assert SessionState.ACTIVE is manager.require(key).state


def test_truncating_takes_messages_away_without_a_summary_and_loses_none(store: Store) -> None:
    manager = managing(store, replace(FIFTY, strategy=Strategy.TRUNCATE), summarizer=None)
    key = numbered(store, 50)

    result = manager.compact(key)

    assert ("", 20, 1) == (result.summary, result.removed_messages, manager.require(key).compaction_count)
    assert (50, 30, ()) == (manager.count(key), len(manager.compacted(key)), manager.summaries(key))


def test_stages_are_told(store: Store) -> None:
    told: list[Status] = []
    manager = managing(store, on_status=told.append)

    manager.compact(numbered(store, 50))

    assert [Stage.STARTING, Stage.SUMMARIZING, Stage.COMPLETED] == [status.stage for status in told]
    assert 20 == told[0].messages
    assert told[-1].result and "store" == told[-1].result.written_to


def test_a_session_is_marked_while_it_is_compacted(store: Store) -> None:
    seen: list[SessionState] = []
    key = numbered(store, 50)
    watching = SessionManager(store)
    manager = managing(store, summarizer=Writer(lambda: seen.append(watching.require(key).state)))
    manager.set_state(key, SessionState.SUSPENDED)

    manager.compact(key)

    assert ([SessionState.COMPACTING], SessionState.SUSPENDED) == (seen, manager.require(key).state)


# ── failures ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_failing_summarizer_changes_nothing(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    told: list[Status] = []
    manager = managing(store, summarizer=Broken(), on_status=told.append)
    key = numbered(store, 50)

    with pytest.raises(SummaryError, match="the model is away"):
        manager.compact(key)
    with caplog.at_level(logging.WARNING, "session_tui"):
        shown = manager.compacted(key)

    assert (50, 0, SessionState.ACTIVE) == (len(shown), manager.require(key).archived_count, manager.require(key).state)
    assert (Stage.FAILED, "the model is away") == (told[-1].stage, told[-1].error)
    assert "the model is away" in caplog.text
    assert "m50" not in caplog.text


def test_a_cancelled_compaction_changes_nothing(store: Store) -> None:
    progress = Progress()
    manager = managing(store, summarizer=Writer(progress.cancel))
    key = numbered(store, 50)

    for act in (manager.compact, manager.compacted):
        with pytest.raises(Cancelled):
            act(key, progress=progress)

    session = manager.require(key)
    assert (0, None, SessionState.ACTIVE) == (session.archived_count, session.compaction_count, session.state)


def test_two_compactions_at_once_do_not_stand_for_the_same(store: Store) -> None:
    key = numbered(store, 50)
    other = managing(store)
    told: list[Status] = []
    manager = managing(store, summarizer=Writer(lambda: other.compact(key)), on_status=told.append)

    with pytest.raises(StoreError, match="has changed since the compaction was planned"):
        manager.compact(key)

    assert [Stage.STARTING, Stage.SUMMARIZING, Stage.FAILED] == [status.stage for status in told]

    assert (1, 20) == (len(manager.summaries(key)), manager.require(key).archived_count)
    assert SessionState.ACTIVE is manager.require(key).state


def test_what_is_said_during_a_compaction_stays(store: Store) -> None:
    key = numbered(store, 50)
    watching = SessionManager(store)
    manager = managing(store, summarizer=Writer(lambda: watching.add_message(key, Role.USER, "late")))

    manager.compact(key)

    assert (51, "late") == (manager.count(key), manager.compacted(key)[-1].text)


# ── memory ────────────────────────────────────────────────────────────────────────────────────────────


def test_memory_is_refreshed_before_a_compaction(store: Store) -> None:
    memory, writer = InMemory(), Writer()
    manager = SessionManager(
        store, compactor=Compactor(settings=CompactionSettings()), summarizer=writer, memory=memory
    )
    key = numbered(store, 50)

    manager.compact(key)

    assert [Purpose.MEMORY, Purpose.SUMMARY] == [request.purpose for request in writer.asked]
    assert "- Ana prefers rye" == memory.get(manager.require(key).key)


def test_memory_can_be_refreshed_alone(store: Store) -> None:
    memory = InMemory()
    manager = SessionManager(store, summarizer=Writer(), memory=memory)
    key = numbered(store, 5)

    assert ("- Ana prefers rye", "- Ana prefers rye") == (manager.refresh_memory(key).extracted, memory.get(key))
    assert 0 == manager.require(key).archived_count
    assert "no memory store" in SessionManager(store).refresh_memory(key).note
    assert manager.refresh_memory(numbered(store, 2)).note


# ── the embedded summarizer ───────────────────────────────────────────────────────────────────────────


def test_out_of_the_box_a_compaction_needs_no_network(store: Store) -> None:
    manager = SessionManager(store)
    key = talk(manager, "We bake with rye because Ana is allergic to wheat. Decision: 450 g of rye flour.")
    for number in range(30):
        manager.add_full_message(key, Message(id="", role=Role.ASSISTANT, blocks=(Text(f"Step {number} is done."),)))

    result = manager.compact(key)

    assert (12, "store") == (result.removed_messages, result.written_to)
    assert "rye" in manager.compacted(key)[0].text
