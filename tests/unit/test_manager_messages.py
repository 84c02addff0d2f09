from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from session_tui.errors import StoreError, UnknownSession, UsageError
from session_tui.manager import SessionManager
from session_tui.model import (
    Cost,
    Image,
    Message,
    MetricRecord,
    Role,
    SessionKey,
    SessionState,
    Summary,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    TunnelEvent,
    Usage,
    UsageRecord,
)
from tests.unit.managing import NOON, STORES, Clock, Store, said, talk, texts, world


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made: Store = request.param(world(tmp_path))
    return made


@pytest.fixture
def manager(store: Store, clock: Clock) -> SessionManager:
    return SessionManager(store, clock=clock)


def ten(manager: SessionManager) -> SessionKey:
    return talk(manager, *"abcdefghij")


# ── adding and reading ────────────────────────────────────────────────────────────────────────────────


def test_messages_come_back_in_order_with_id_and_time(manager: SessionManager, clock: Clock) -> None:
    key = manager.create().key
    first = manager.add_message(key, "user", "hello")
    clock.forward(seconds=5)
    second = manager.add_message(key, Role.ASSISTANT, "hi", model="m-1")

    assert (first, second) == manager.messages(key)
    assert first.id and second.id and first.id != second.id
    assert (NOON, NOON + timedelta(seconds=5), "m-1") == (first.created_at, second.created_at, second.model)


def test_a_role_nobody_knows_is_a_mistake(manager: SessionManager) -> None:
    with pytest.raises(ValueError, match="wizard"):
        manager.add_message(manager.create().key, "wizard", "hello")


def test_calls_results_and_their_ids_come_back(manager: SessionManager) -> None:
    key = talk(manager, "list the files")
    call = Message(
        id="m1",
        role=Role.ASSISTANT,
        blocks=(Thinking("look", "sig"), Text("Reading."), ToolCall("call_7", "ls", {"path": "a/ä"})),
        created_at=NOON,
    )
    result = Message(
        id="m2",
        role=Role.TOOL,
        blocks=(ToolResult("call_7", "ls", "a.py", is_error=True), Image("image/png", 3)),
        created_at=NOON,
    )

    manager.add_full_message(key, call)
    manager.add_full_message(key, result)

    assert (call, result) == manager.messages(key, last=2)


def test_a_message_cannot_be_added_twice(manager: SessionManager) -> None:
    key = talk(manager, "hello")
    manager.add_full_message(key, said("one", id="1"))
    with pytest.raises(StoreError, match="message 1 is there already"):
        manager.add_messages(key, [said("two"), said("again", id="1")])

    assert ["hello", "one"] == texts(manager.messages(key))


def test_the_oldest_or_the_newest_are_asked_for(manager: SessionManager) -> None:
    key = ten(manager)

    assert list("abc") == texts(manager.messages(key, limit=3))
    assert list("hij") == texts(manager.messages(key, last=3))
    assert list("abcdefghij") == texts(manager.messages(key, last=99))
    assert ([], []) == (texts(manager.messages(key, limit=0)), texts(manager.messages(key, last=0)))
    assert list("gh") == texts(manager.messages(key, last=4, limit=2))
    last = manager.last_message(key)
    assert last and "j" == last.text


def test_archived_messages_are_said_and_counted_but_not_active(manager: SessionManager) -> None:
    key = ten(manager)
    ids = [message.id for message in manager.messages(key, limit=4)]

    assert 4 == manager.archive_messages(key, ids)
    assert (0, 0) == (manager.archive_messages(key, ids), manager.archive_messages(key, []))
    assert (list("efghij"), list("ij")) == (
        texts(manager.active_messages(key)),
        texts(manager.active_messages(key, last=2)),
    )
    assert (list("abcdefghij"), 10) == (texts(manager.messages(key)), manager.count(key))


def test_messages_after_a_time_are_strictly_later(manager: SessionManager, clock: Clock) -> None:
    key = talk(manager, "at noon")
    clock.forward(microseconds=1)
    manager.add_message(key, Role.ASSISTANT, "later")

    assert ["later"] == texts(manager.messages_after(key, NOON))
    assert ["at noon", "later"] == texts(manager.messages_after(key, NOON - timedelta(seconds=1)))
    assert () == manager.messages_after(key, clock.now)


def test_nothing_was_said_last_in_an_empty_session(manager: SessionManager) -> None:
    key = manager.create().key

    assert (None, (), 0) == (manager.last_message(key), manager.messages(key), manager.count(key))


def test_a_message_wakes_an_idle_session_but_no_other(manager: SessionManager) -> None:
    for state, woken in ((SessionState.IDLE, SessionState.ACTIVE), (SessionState.SUSPENDED, SessionState.SUSPENDED)):
        key = talk(manager, "hello")
        manager.set_state(key, state)

        manager.add_message(key, Role.USER, "again")

        assert woken is manager.require(key).state


# ── replacing and taking away ─────────────────────────────────────────────────────────────────────────


def test_a_new_history_replaces_messages_and_flags(manager: SessionManager) -> None:
    key = ten(manager)
    manager.archive_messages(key, [message.id for message in manager.messages(key, limit=6)])

    new = manager.set_history(key, [said("one"), said("two", Role.ASSISTANT)])

    assert (new, new) == (manager.messages(key), manager.active_messages(key))
    assert (["one", "two"], 2, "one") == (texts(new), manager.count(key), manager.require(key).first_prompt)
    assert all(message.created_at == NOON for message in new)


def test_a_new_history_may_hold_old_messages_in_another_order(manager: SessionManager) -> None:
    key = ten(manager)
    a, b, c = manager.messages(key, limit=3)

    manager.set_history(key, [c, replace(b, blocks=(Text("B"),)), said("new"), a])

    assert ["c", "B", "new", "a"] == texts(manager.messages(key))
    assert [c.id, b.id, a.id] == [one.id for one in manager.messages(key) if one.text != "new"]


@pytest.mark.parametrize(("last", "rest"), [(4, "ghij"), (0, ""), (-1, ""), (10, "abcdefghij"), (99, "abcdefghij")])
def test_truncating_keeps_the_newest(manager: SessionManager, last: int, rest: str) -> None:
    key = ten(manager)

    gone = manager.truncate(key, last=last)

    assert (10 - len(rest), list(rest)) == (gone, texts(manager.messages(key)))
    assert "a" == manager.require(key).first_prompt


def test_truncating_keeps_the_system_prompt_and_what_a_summary_stands_for(manager: SessionManager) -> None:
    key = talk(manager, *"abcd", system_prompt="Be brief.")
    first = [message.id for message in manager.messages(key)[1:3]]
    manager.store_summary(key, Summary(id="s", content="A and b.", original_ids=tuple(first)))
    manager.archive_messages(key, first)

    manager.truncate(key, last=1)

    kept = manager.transcript(key).messages
    assert ["Be brief.", "a", "b", "A and b.", "d"] == texts(kept)


def test_messages_are_deleted_by_id_or_all(manager: SessionManager) -> None:
    key = ten(manager)
    second, third = manager.messages(key)[1:3]
    manager.store_summary(key, Summary(id="s", content="B.", original_ids=(second.id,)))

    assert 1 == manager.delete_messages(key, [third.id, "nobody"])
    assert 0 == manager.delete_messages(key, [])
    assert (9, 1) == (manager.count(key), len(manager.summaries(key)))
    assert 10 == manager.delete_messages(key)
    assert ((), (), True) == (manager.messages(key), manager.summaries(key), manager.get(key) is not None)


def test_space_is_reclaimed_from_what_is_archived_alone(manager: SessionManager) -> None:
    key = ten(manager)
    manager.archive_messages(key, [message.id for message in manager.messages(key, limit=7)])
    before = manager.active_messages(key)

    assert (7, before, 3) == (manager.reclaim(key), manager.messages(key), manager.count(key))
    assert 0 == manager.reclaim(key)
    manager.add_message(key, Role.USER, "k")
    assert list("hijk") == texts(manager.messages(key))


# ── summaries ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_summary_is_empty_then_set_then_replaced(manager: SessionManager) -> None:
    key = talk(manager, "one", "two", system_prompt="Be brief.")
    assert "" == manager.summary(key)

    manager.set_summary(key, "First.")
    first = manager.summary(key)
    manager.set_summary(key, "Second.")

    assert ("First.", "Second.", 3) == (first, manager.summary(key), manager.count(key))
    assert ["Be brief.", "Second.", "one", "two"] == texts(manager.compacted(key))
    assert ["Second."] == [summary.content for summary in manager.summaries(key)]
    manager.set_summary(key, "")
    assert ("", ["Be brief.", "one", "two"]) == (manager.summary(key), texts(manager.compacted(key)))


def test_a_message_can_be_named_as_the_summary(manager: SessionManager) -> None:
    key = talk(manager, "one")
    message = manager.add_message(key, Role.SYSTEM, "All so far.")

    manager.set_summary_message(key, message.id)

    session = manager.require(key)
    assert (message.id, "All so far.") == (session.summary_message_id, session.summary)
    with pytest.raises(UsageError, match="no message nobody"):
        manager.set_summary_message(key, "nobody")


def test_summaries_are_listed_by_their_time(manager: SessionManager) -> None:
    key = talk(manager, "one", "two")
    manager.store_summary(key, Summary(id="b", content="Later.", compacted_at=NOON + timedelta(hours=1)))
    kept = manager.store_summary(key, Summary(id="", content="Earlier.", provider="own"))

    assert [kept.id, "b"] == [summary.id for summary in manager.summaries(key)]
    assert (NOON, "own", 0) == (kept.compacted_at, kept.provider, manager.require(key).archived_count)


# ── what belongs to a session besides ─────────────────────────────────────────────────────────────────


def test_context_is_appended_and_deleted_as_a_whole(manager: SessionManager) -> None:
    key = talk(manager, "hello")
    for item in (("stack_file", "vpc", "x"), ("own", "vpc", "y"), ("stack_file", "vpc", "x")):
        manager.add_context(key, *item)

    assert (3, ["x", "x"]) == (
        len(manager.context(key)),
        [item.value for item in manager.context(key, "stack_file")],
    )
    manager.delete_context(key)
    assert () == manager.context(key)


def test_a_file_is_tracked_once_with_its_last_time(manager: SessionManager, clock: Clock) -> None:
    key = talk(manager, "hello")
    assert not manager.has_read_file(key, "src/a.py")
    manager.track_read_file(key, "src/a.py")
    clock.forward(hours=1)
    manager.track_read_file(key, Path("src/a.py"))

    assert [("src/a.py", clock.now)] == [(file.path, file.read_at) for file in manager.read_files(key)]
    assert manager.has_read_file(key, "src/a.py")
    assert not manager.has_read_file(key, "a.py")


def test_events_costs_usage_and_metrics_are_kept(manager: SessionManager) -> None:
    key = talk(manager, "hello")
    event, cost, metric = TunnelEvent("ev-1", "text", "s", {"a": [1]}), Cost({"x": 1}, 0.25), MetricRecord("llm", NOON)
    manager.append_tunnel_event(key, event)
    manager.append_cost(key, cost)
    manager.append_cost(key, Cost("odd"))
    manager.append_usage(key, Usage(910, 44))
    manager.append_usage(key, UsageRecord(Usage(90, 6, 10), turn=2))
    manager.append_metric(key, metric)

    assert ((event,), (cost, Cost("odd")), (metric,)) == (
        manager.tunnel_events(key),
        manager.costs(key),
        manager.metrics(key),
    )
    assert (Usage(1000, 50, 10), [NOON, None]) == (
        manager.token_usage(key),
        [record.at for record in manager.usage(key)],
    )
    info = manager.info(key)
    assert info and (0.25, Usage(1000, 50, 10), 1) == (info.cost, info.usage, info.active_messages)


# ── a session that is not there ───────────────────────────────────────────────────────────────────────


def test_every_question_and_change_needs_its_session(manager: SessionManager) -> None:
    key = manager.key("nobody")
    for act in (
        lambda: manager.messages(key),
        lambda: manager.count(key),
        lambda: manager.summaries(key),
        lambda: manager.context(key),
        lambda: manager.add_message(key, Role.USER, "x"),
        lambda: manager.set_history(key, []),
        lambda: manager.truncate(key, last=1),
        lambda: manager.set_summary(key, "x"),
        lambda: manager.rename(key, "x"),
        lambda: manager.archive(key),
        lambda: manager.reset(key),
        lambda: manager.delete(key),
        lambda: manager.compact(key),
        lambda: manager.compacted(key),
    ):
        with pytest.raises(UnknownSession, match="nobody"):
            act()
