from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from session_tui.agents.native import Native
from session_tui.errors import UsageError
from session_tui.manager import Maintained, SessionManager, Statistics, Upkeep
from session_tui.model import EndReason, Role, SessionState
from session_tui.trash import Trash
from tests.unit.managing import NOON, STORES, Clock, Store, put, talk, world


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made: Store = request.param(world(tmp_path))
    return made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def manager(store: Store, clock: Clock) -> SessionManager:
    return SessionManager(store, clock=clock)


def ids(manager: SessionManager) -> list[str]:
    return sorted(session.key.id for session in manager.list_sessions())


def days(number: float) -> timedelta:
    return timedelta(days=number)


# ── figures and recovery ──────────────────────────────────────────────────────────────────────────────


def test_figures_count_what_is_written(manager: SessionManager, store: Store) -> None:
    assert Statistics() == manager.statistics()
    for id, state in (("a", "active"), ("b", "active"), ("c", "idle"), ("d", "archived"), ("e", "suspended")):
        put(store, id, state=SessionState(state))
    manager.add_message(manager.key("a"), Role.ASSISTANT, "word")
    manager.create()

    told = manager.statistics()

    assert (5, 2, 1, 1, 6) == (told.total, told.active, told.idle, told.archived, told.messages)
    assert told.tokens == sum(session.token_count or 0 for session in manager.list_sessions()) > 0


def test_active_sessions_are_recovered_the_last_changed_first(manager: SessionManager, store: Store) -> None:
    for number, state in enumerate(("active", "idle", "archived", "active", "compacting", "suspended")):
        put(store, str(number), at=NOON + days(number), state=SessionState(state))

    recovered = manager.recover()

    assert [("4", SessionState.ACTIVE), ("3", SessionState.ACTIVE), ("0", SessionState.ACTIVE)] == [
        (session.key.id, session.state) for session in recovered
    ]
    assert ["4"] == [session.key.id for session in manager.recover(1)]
    assert SessionState.IDLE is manager.require(manager.key("1")).state


# ── maintenance ───────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_maintained_unless_told(manager: SessionManager, store: Store) -> None:
    put(store, "old", at=NOON - days(9999))
    put(store, "aside", at=NOON - days(9999), state=SessionState.ARCHIVED)

    assert Maintained() == manager.maintain(NOON)
    assert (["aside", "old"], SessionState.ACTIVE) == (ids(manager), manager.require(manager.key("old")).state)


def test_sessions_become_idle_then_archived_then_deleted(store: Store, clock: Clock) -> None:
    told: list[tuple[str, EndReason]] = []
    manager = SessionManager(
        store,
        upkeep=Upkeep.usual(),
        clock=clock,
        hooks=[lambda session, reason: told.append((session.key.id, reason))],
    )
    key = put(store, "one")

    def state() -> SessionState:
        return manager.require(key).state

    clock.forward(minutes=30)
    assert (Maintained(), SessionState.ACTIVE) == (manager.maintain(), state())
    clock.forward(seconds=1)
    assert (Maintained(idle=1), SessionState.IDLE) == (manager.maintain(), state())
    assert Maintained() == manager.maintain()
    clock.forward(hours=168)
    assert (Maintained(archived=1), SessionState.ARCHIVED) == (manager.maintain(), state())
    clock.forward(hours=720)
    assert Maintained() == manager.maintain()
    clock.forward(seconds=1)
    assert (Maintained(deleted=1), None) == (manager.maintain(), manager.get(key))
    assert [("one", EndReason.TIMEOUT), ("one", EndReason.DELETE)] == told


def test_pinned_and_tagged_sessions_are_not_deleted(store: Store) -> None:
    manager = SessionManager(store, upkeep=Upkeep(delete_after=days(1)))
    put(store, "pinned", pinned=True, state=SessionState.ARCHIVED)
    put(store, "tagged", tags=("x",), state=SessionState.ARCHIVED)
    put(store, "plain", state=SessionState.ARCHIVED)

    assert Maintained(deleted=1) == manager.maintain(NOON + days(2))
    assert ["pinned", "tagged"] == ids(manager)


def test_a_session_used_meanwhile_is_left(store: Store) -> None:
    manager = SessionManager(store, upkeep=Upkeep.usual())
    key = put(store, "one")
    manager.add_message(key, Role.USER, "still here")

    assert Maintained() == manager.maintain(NOON + timedelta(hours=1))


# ── cleaning ──────────────────────────────────────────────────────────────────────────────────────────


def several(store: Store) -> None:
    for number in (0, 29, 31, 90):
        put(store, f"{number}d", at=NOON - days(number), project=f"/{number}")
    put(store, "pinned", at=NOON - days(90), pinned=True)
    put(store, "tagged", at=NOON - days(90), tags=("x",))


@pytest.mark.parametrize(("given", "rest"), [((), "0d 29d"), ((-7,), "0d 29d"), ((60,), "0d 29d 31d"), ((1,), "0d")])
def test_old_sessions_of_all_projects_are_cleaned_away(
    manager: SessionManager, store: Store, given: tuple[int, ...], rest: str
) -> None:
    several(store)

    gone = manager.clean(*given)

    assert [*rest.split(), "pinned", "tagged"] == ids(manager)
    assert 4 - len(rest.split()) == len(gone)


def test_zero_days_are_literal_but_must_be_meant(manager: SessionManager, store: Store, clock: Clock) -> None:
    several(store)
    clock.forward(seconds=1)
    with pytest.raises(UsageError, match="would delete every session"):
        manager.clean(0)
    assert 6 == len(ids(manager))

    assert 4 == len(manager.clean(0, everything=True))
    assert ["pinned", "tagged"] == ids(manager)


def test_sessions_before_a_moment_are_cleaned_away(manager: SessionManager, store: Store) -> None:
    key = put(store, "one")

    assert () == manager.clean_before(NOON)
    assert (key,) == manager.clean_before(NOON + days(1))


def test_sessions_beyond_a_number_are_cleaned_away_when_asked(manager: SessionManager, store: Store) -> None:
    for number in range(45):
        put(store, f"{number:02}", at=NOON + days(number))

    assert ["00", "01", "02", "03", "04"] == sorted(key.id for key in manager.clean_beyond())
    assert 38 == len(manager.clean_beyond(2))
    assert ["43", "44"] == ids(manager)


def test_what_is_cleaned_away_lies_in_the_trash(tmp_path: Path) -> None:
    store = Native(world(tmp_path))
    key = put(store, "old", at=NOON - days(99))
    trash = Trash(tmp_path / "data" / "trash")

    SessionManager(store).clean()

    (item,) = trash.items()
    assert (key, "delete", key) == (item.key, item.kind, trash.restore(item.trash_id))
    assert "prompt of old" == SessionManager(store).messages(key)[0].text


def test_a_session_that_cannot_be_read_is_never_cleaned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Native(world(tmp_path))
    talk(SessionManager(store), "hello")
    store.database.write_bytes(b"SQLite format 3\0" + b"\xff" * 4000)
    manager = SessionManager(store, upkeep=Upkeep.usual(), on_error="log")

    with caplog.at_level(logging.WARNING, "session_tui"):
        assert ((), Maintained()) == (manager.clean(1), manager.maintain(NOON + days(9999)))
    assert store.database.exists()
