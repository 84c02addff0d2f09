"""Compactions of sessions in our own store through what every store with a compaction offers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from session_tui.adapters.base import Compactable
from session_tui.agents.native import Native
from session_tui.errors import StoreLocked
from session_tui.model import Message, Role, Session, SessionKey, Text, Transcript
from session_tui.trash import Trash
from tests.unit.compactions import (
    ID,
    TEXT,
    Dump,
    active,
    ask,
    compact,
    dump,
    held,
    plan_for,
    read,
    refused,
    summary,
)
from tests.unit.tables import change, world

GARDEN = "garden"


@pytest.fixture
def native(tmp_path: Path) -> Native:
    native = Native(world(tmp_path / "home"))
    messages = [
        Message(
            id=f"m{turn}",
            role=Role.ASSISTANT if turn % 2 else Role.USER,
            blocks=(Text(f"Turn {turn}: do the beans climb?"),),
            created_at=datetime(2026, 4, 1, 9, turn, tzinfo=UTC),
        )
        for turn in range(25)
    ]
    native.create(Transcript(session=Session(key=SessionKey("native", GARDEN), title="Garden"), messages=messages))
    return native


@pytest.fixture
def database(native: Native) -> Path:
    return native.database


@pytest.fixture
def trash(tmp_path: Path) -> Trash:
    return Trash(tmp_path / "trash")


def known(found: Dump) -> Dump:
    """A dump without the numbers SQLite hands out, and what tells the time of the writing."""
    sessions = [
        {name: cell for name, cell in row.items() if name not in {"updated_at", "last_active_at"}}
        for row in found["sessions"]
    ]
    return {table: rows for table, rows in found.items() if table != "sqlite_sequence"} | {"sessions": sessions}


def without_numbers(found: Dump) -> Dump:
    return {table: rows for table, rows in found.items() if table != "sqlite_sequence"}


def test_what_was_planned_is_what_is_active(native: Native, database: Path, trash: Trash) -> None:
    done = compact(native, GARDEN, trash)

    after = read(native, GARDEN)
    assert (10, 15) == (len(done.plan.compact), len(done.plan.keep))
    assert done.texts(done.plan.keep) == active(after)
    assert [TEXT] == active(after, summaries=True)
    assert [message.id for message in after.messages].index(ID) == 10
    assert (25, 10, 1) == (after.session.message_count, after.session.archived_count, after.session.compaction_count)
    query = "SELECT COUNT(*) FROM messages WHERE session = ? AND archived = 1 AND NOT is_summary"
    assert [(10,)] == ask(database, query, GARDEN)


def test_undoing_gives_back_every_row(native: Native, database: Path, trash: Trash) -> None:
    before = without_numbers(dump(database))
    done = compact(native, GARDEN, trash)

    assert trash.restore(done.item) == done.before.session.key

    assert before == without_numbers(dump(database))


def test_a_second_compaction_takes_the_first_summary_in(native: Native, trash: Trash) -> None:
    compact(native, GARDEN, trash)
    before = read(native, GARDEN)
    plan = plan_for(native, before)
    assert (ID,) == plan.carried

    native.apply(before.session, plan, replace(summary(plan, "Both."), id="second"))

    after = read(native, GARDEN)
    assert ["Both."] == active(after, summaries=True)
    assert list(plan.keep) == [each.id for each in after.messages if not each.archived and not each.is_summary]


def test_a_session_that_changed_meanwhile_is_refused(native: Native, database: Path, trash: Trash) -> None:
    before = read(native, GARDEN)
    native.delete_messages(before.session.key, ["m3"])

    refused(native, before, plan_for(native, before), database, trash)


def test_a_failure_in_the_middle_leaves_the_store_as_it_was(native: Native, database: Path, trash: Trash) -> None:
    change(database, "CREATE TRIGGER stop BEFORE INSERT ON summaries BEGIN SELECT RAISE(ABORT, 'enough'); END")
    before = read(native, GARDEN)

    refused(native, before, plan_for(native, before), database, trash)


def test_a_database_that_another_holds_is_refused(
    native: Native, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read(native, GARDEN)
    plan = plan_for(native, before)

    with held(database, monkeypatch), pytest.raises(StoreLocked):
        native.apply(before.session, plan, summary(plan))

    assert [] == active(read(native, GARDEN), summaries=True)


def test_it_can_be_compacted_by_our_own_rules(native: Native) -> None:
    assert isinstance(native, Compactable)
    assert {} == native.compaction
    assert native.refuses_compaction(read(native, GARDEN).session) is None
