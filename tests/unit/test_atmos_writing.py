"""Changing sessions of atmos, read back as the program does."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from session_tui.adapters import rows
from session_tui.adapters.base import Compactable, Deletable, Renamable
from session_tui.agents.atmos import Atmos
from session_tui.errors import StoreError, StoreLocked, StoreMissing
from session_tui.model import CompactPlan
from session_tui.trash import Trash
from tests.unit.compactions import (
    AT,
    ID,
    TEXT,
    active,
    ask,
    compact,
    dump,
    held,
    names,
    plan_for,
    read,
    refused,
)
from tests.unit.compactions import carry_out as carried_out
from tests.unit.tables import change, copied, fixture_home, listed, world

DATABASE = ".atmos/sessions/sessions.db"
LAMPS = "5c1f0a2e-9b1d-4c55-8f10-000000000001"
OLD_TIDE, NEW_TIDE, EMPTY = (f"5c1f0a2e-9b1d-4c55-8f10-00000000000{number}" for number in (2, 3, 4))
# What the driver reads: Go's own spelling, an abbreviation of letters or two digits; else a numeric offset.
GO_STRING = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,9})? [+-]\d{4} ([A-Z]{3,5}|[+-]\d\d)"
READABLE = re.compile(
    rf"{GO_STRING}( m=[+-]\d+\.\d+)?|\d{{4}}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{{1,9}})?([+-]\d\d:\d\d|Z)?"
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = fixture_home("atmos", tmp_path / "home")
    with closing(sqlite3.connect(home / "harbour" / DATABASE)) as database, database:
        for turn in range(24):
            role = "assistant" if turn % 2 else "user"
            at = f"2026-03-05 08:{turn:02}:00.5 -0500 EST m=+{turn}.25"
            values = (EMPTY, role, f"Turn {turn}: how high is the tide?", at)
            database.execute("INSERT INTO messages (session_id, role, content, created_at) VALUES (?, ?, ?, ?)", values)
    return home


@pytest.fixture
def database(home: Path) -> Path:
    return home / "harbour" / DATABASE


@pytest.fixture
def atmos(home: Path) -> Atmos:
    return Atmos(world(home, cwd=home / "harbour"))


@pytest.fixture
def trash(tmp_path: Path) -> Trash:
    return Trash(tmp_path / "trash")


def active_rows(database: Path, id: str) -> list[str]:
    """The program's own question for what it goes on from."""
    query = "SELECT content FROM messages WHERE session_id = ? AND COALESCE(archived, 0) = 0 ORDER BY created_at ASC"
    return [str(content) for (content,) in ask(database, query, id)]


def summaries(database: Path, id: str) -> list[tuple[object, ...]]:
    columns = "id, provider, original_message_ids, message_range, summary_content, token_count, compacted_at"
    return ask(database, f"SELECT {columns} FROM message_summaries WHERE session_id = ? ORDER BY compacted_at ASC", id)


# ── compacting ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_program_finds_the_kept_messages_and_the_summary(atmos: Atmos, database: Path, trash: Trash) -> None:
    done = compact(atmos, EMPTY, trash)

    assert (9, 15) == (len(done.plan.compact), len(done.plan.keep))
    assert done.texts(done.plan.keep) == active_rows(database, EMPTY)
    ((id, provider, ids, span, content, tokens, at),) = summaries(database, EMPTY)
    gone = [int(each) for each in done.plan.compact]
    assert (ID, "", TEXT) == (id, provider, content)
    assert json.dumps(gone, separators=(",", ":")) == ids
    assert f"Messages {gone[0]}-{gone[-1]}" == span
    assert len(TEXT.encode()) // 4 == tokens
    assert READABLE.fullmatch(str(at))
    assert [(24,)] == ask(database, "SELECT COUNT(*) FROM messages WHERE session_id = ?", EMPTY)


def test_we_read_it_back_as_it_was_planned(atmos: Atmos, trash: Trash) -> None:
    done = compact(atmos, EMPTY, trash)

    after = read(atmos, EMPTY)
    assert done.texts(done.plan.keep) == active(after)
    assert [TEXT] == active(after, summaries=True)
    assert [message.id for message in after.messages].index(ID) == len(done.plan.compact)
    assert (24, 9, 1) == (after.session.message_count, after.session.archived_count, after.session.compaction_count)
    assert AT == after.session.compacted_at


def test_nothing_else_changes(atmos: Atmos, database: Path, trash: Trash) -> None:
    before = dump(database)
    mode = ask(database, "PRAGMA journal_mode")

    done = compact(atmos, EMPTY, trash)

    after = dump(database)
    assert ("exec", "ask") == done.applied.read_by
    assert "chat" in done.applied.note
    assert before["sessions"] == after["sessions"]
    assert before["message_summaries"] == after["message_summaries"][:-1]
    assert [row | {"archived": None} for row in before["messages"]] == [
        row | {"archived": None} for row in after["messages"]
    ]
    assert {database.name} == names(database.parent)
    assert mode == ask(database, "PRAGMA journal_mode")


def test_undoing_gives_back_every_row(atmos: Atmos, database: Path, trash: Trash) -> None:
    before = dump(database)
    done = compact(atmos, EMPTY, trash)

    assert trash.restore(done.item) == done.before.session.key

    assert before == dump(database)


def test_a_second_compaction_leaves_the_first_summary_in_place(atmos: Atmos, database: Path, trash: Trash) -> None:
    compact(atmos, EMPTY, trash)
    change(database, "UPDATE message_summaries SET id = 'first' WHERE id = ?", (ID,))
    before = dump(database)

    done = compact(atmos, EMPTY, trash, "The second.")

    assert () == done.plan.carried
    assert [TEXT, "The second."] == active(read(atmos, EMPTY), summaries=True)
    assert done.texts(done.plan.keep) == active_rows(database, EMPTY)
    assert trash.restore(done.item) == done.before.session.key
    assert before == dump(database)


def test_a_summary_that_is_taken_in_goes_and_comes_back(atmos: Atmos, database: Path, trash: Trash) -> None:
    compact(atmos, EMPTY, trash)
    change(database, "UPDATE message_summaries SET id = 'first' WHERE id = ?", (ID,))
    before, transcript = dump(database), read(atmos, EMPTY)
    plan = CompactPlan(compact=plan_for(atmos, transcript).compact, carried=("first",))

    item, _ = carried_out(atmos, transcript, plan, trash, "Both.")

    (row,) = summaries(database, EMPTY)
    everything = [int(str(message.id)) for message in transcript.messages if message.archived]
    assert sorted([*everything, *map(int, plan.compact)]) == json.loads(str(row[2]))
    assert ["Both."] == active(read(atmos, EMPTY), summaries=True)
    assert trash.restore(item) == transcript.session.key
    assert before == dump(database)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE messages SET archived = 1 WHERE id = (SELECT MIN(id) FROM messages WHERE session_id = ?)",
        "DELETE FROM messages WHERE id = (SELECT MIN(id) FROM messages WHERE session_id = ?)",
        "DELETE FROM sessions WHERE id = ?",
    ],
)
def test_a_session_that_changed_meanwhile_is_refused(
    atmos: Atmos, database: Path, trash: Trash, statement: str
) -> None:
    before = read(atmos, EMPTY)
    change(database, statement, (EMPTY,))

    refused(atmos, before, plan_for(atmos, before), database, trash)


def test_a_message_that_came_meanwhile_stays_active(atmos: Atmos, database: Path, trash: Trash) -> None:
    before = read(atmos, EMPTY)
    values = (EMPTY, "And now?", "2026-03-05 09:00:00 -0500 EST")
    change(database, "INSERT INTO messages (session_id, role, content, created_at) VALUES (?, 'user', ?, ?)", values)

    carried_out(atmos, before, plan_for(atmos, before), trash)

    assert "And now?" == active_rows(database, EMPTY)[-1]


def test_a_failure_in_the_middle_leaves_the_store_as_it_was(atmos: Atmos, database: Path, trash: Trash) -> None:
    last = ask(database, "SELECT MAX(id) FROM messages WHERE session_id = ?", EMPTY)[0][0]
    stop = f"WHEN old.id = {int(str(last)) - 16} BEGIN SELECT RAISE(ABORT, 'enough'); END"
    change(database, f"CREATE TRIGGER stop BEFORE UPDATE ON messages {stop}")
    before = read(atmos, EMPTY)

    error = refused(atmos, before, plan_for(atmos, before), database, trash)

    assert "enough" in error.what


def test_a_database_that_another_holds_is_refused(
    atmos: Atmos, database: Path, trash: Trash, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read(atmos, EMPTY)
    plan = plan_for(atmos, before)

    with held(database, monkeypatch), pytest.raises(StoreLocked):
        carried_out(atmos, before, plan, trash)

    assert () == trash.items()
    assert [] == summaries(database, EMPTY)


def test_a_program_that_has_the_store_open_sees_the_change_in_its_log(
    atmos: Atmos, database: Path, trash: Trash
) -> None:
    with closing(sqlite3.connect(database)) as program:
        program.execute("PRAGMA journal_mode = WAL")
        with program:
            program.execute("UPDATE sessions SET metadata = '{\"open\":true}' WHERE id = ?", (EMPTY,))
        logged = rows.side(database, "-wal").stat().st_size

        done = compact(atmos, EMPTY, trash)

        query = "SELECT COUNT(*) FROM messages WHERE session_id = ? AND archived = 1"
        assert (len(done.plan.compact),) == program.execute(query, (EMPTY,)).fetchone()
        assert 0 < logged < rows.side(database, "-wal").stat().st_size
        assert ("wal",) == program.execute("PRAGMA journal_mode").fetchone()
    assert {"open": True} == listed(atmos)[EMPTY].metadata
    assert {database.name} == names(database.parent)


def test_a_table_that_is_missing_is_told_and_not_made(atmos: Atmos, database: Path, trash: Trash) -> None:
    before = read(atmos, EMPTY)
    change(database, "DROP TABLE message_summaries")

    error = refused(atmos, before, plan_for(atmos, before), database, trash)

    assert "message_summaries" in error.what


# ── renaming and deleting ─────────────────────────────────────────────────────────────────────────────────


def test_a_new_name_leaves_the_time_of_the_last_change(atmos: Atmos, database: Path) -> None:
    before = dump(database)
    session = listed(atmos)[LAMPS]

    atmos.rename(session, "lamps & oil")

    named = listed(atmos)[LAMPS]
    assert ("lamps & oil", session.updated_at) == (named.title, named.updated_at)
    after = dump(database)
    assert [row | {"name": None} for row in before["sessions"]] == [row | {"name": None} for row in after["sessions"]]


@pytest.mark.parametrize("name", ["", "  ", "a\0b"])
def test_a_name_nobody_could_continue_by_is_refused(atmos: Atmos, name: str) -> None:
    with pytest.raises(StoreError, match="continued by its name"):
        atmos.rename(listed(atmos)[LAMPS], name)


def test_a_name_that_the_project_has_already_is_refused(atmos: Atmos, database: Path) -> None:
    taken = listed(atmos)[OLD_TIDE].title
    before = dump(database)

    with pytest.raises(StoreError, match="another session of this project"):
        atmos.rename(listed(atmos)[LAMPS], taken)

    assert before == dump(database)


def test_a_deleted_session_takes_all_its_rows_along_and_brings_them_back(
    atmos: Atmos, database: Path, trash: Trash
) -> None:
    before = dump(database)
    session = listed(atmos)[LAMPS]

    item = trash.delete(session.key, session.key.ref, session.title, atmos.belongings(session))

    assert LAMPS not in listed(atmos)
    for table in ("messages", "session_context", "message_summaries"):
        assert [(0,)] == ask(database, f"SELECT COUNT(*) FROM {table} WHERE session_id = ?", LAMPS)
    assert session.key == trash.restore(item.trash_id)
    assert before == dump(database)


def test_a_session_that_is_gone_has_no_belongings(atmos: Atmos, database: Path) -> None:
    session = listed(atmos)[LAMPS]
    change(database, "DELETE FROM sessions WHERE id = ?", (LAMPS,))

    with pytest.raises(StoreMissing):
        atmos.belongings(session)


def test_it_can_be_compacted_renamed_and_deleted(atmos: Atmos) -> None:
    assert isinstance(atmos, Compactable) and isinstance(atmos, Renamable) and isinstance(atmos, Deletable)
    assert atmos.refuses_compaction(listed(atmos)[EMPTY]) is None


# ── the real stores ───────────────────────────────────────────────────────────────────────────────────────


def test_real_sessions_are_compacted_and_given_back(tmp_path: Path, trash: Trash) -> None:
    real = copied("atmos", tmp_path / "real")
    done = 0
    for database in sorted(real.rglob("sessions.db")):
        atmos, found = Atmos(world(real, given={"atmos": (database,)})), names(database.parent)
        for id in listed(atmos):
            if plan_for(atmos, read(atmos, id)):
                compact_and_undo(atmos, database, id, trash)
                done += 1
        assert names(database.parent) <= found
    assert done >= 3


def compact_and_undo(atmos: Atmos, database: Path, id: str, trash: Trash) -> None:
    before, earlier = dump(database), summaries(database, id)

    done = compact(atmos, id, trash)

    newest = [row for row in summaries(database, id) if row not in earlier]
    assert [ID] == [row[0] for row in newest]
    assert READABLE.fullmatch(str(newest[0][-1]))
    assert sorted(done.texts(done.plan.keep)) == sorted(active_rows(database, id))
    assert done.texts(done.plan.keep) == active(read(atmos, id))
    assert done.before.session.key == trash.restore(done.item)
    assert before == dump(database)
