"""Changing sessions of techne, read back as the program does."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from session_tui.adapters import times
from session_tui.adapters.base import Compactable, Deletable, Reminded, Renamable
from session_tui.agents.techne import Techne
from session_tui.errors import StoreError, StoreLocked
from session_tui.model import CompactPlan
from session_tui.trash import Trash
from tests.unit.compactions import (
    AT,
    ID,
    TEXT,
    Dump,
    active,
    ask,
    carry_out,
    compact,
    dump,
    held,
    names,
    plan_for,
    read,
    refused,
    summary,
)
from tests.unit.tables import change, copied, fixture_home, listed, world

DATABASE = ".techne/techne.db"
TOOLS, EMPTY = (f"7e0d1c9a-44f3-4e0e-9a77-00000000000{number}" for number in (1, 5))
READABLE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,9})?[+-]\d\d:\d\d")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = fixture_home("techne", tmp_path / "home")
    for turn in range(14):
        add(home / "orchard" / DATABASE, turn)
    return home


@pytest.fixture
def database(home: Path) -> Path:
    return home / "orchard" / DATABASE


@pytest.fixture
def techne(home: Path) -> Techne:
    return Techne(world(home, cwd=home / "orchard"))


@pytest.fixture
def trash(tmp_path: Path) -> Trash:
    return Trash(tmp_path / "trash")


def add(database: Path, turn: int, *, role: str = "", at: str = "") -> None:
    content = json.dumps([{"type": "text", "text": f"Turn {turn}: how ripe are the pears?"}])
    role = role or ("assistant" if turn % 2 else "user")
    values = (f"m{turn}", EMPTY, role, content, at or f"2026-05-08 10:{turn:02}:00.5+02:00")
    change(database, "INSERT INTO messages VALUES (?, ?, ?, ?, '', ?)", values)


def messages(database: Path, id: str) -> list[tuple[object, ...]]:
    """The program's own question for a session's messages."""
    query = "SELECT id, role, content, created_at FROM messages WHERE session_id = ? ORDER BY created_at ASC"
    return ask(database, query, id)


def pointer(database: Path, id: str) -> tuple[object, ...]:
    return ask(database, "SELECT summary_message_id, updated_at FROM sessions WHERE id = ?", id)[0]


def known(found: Dump) -> Dump:
    """A dump without what tells the time of the writing."""
    sessions = [{name: cell for name, cell in row.items() if name != "updated_at"} for row in found["sessions"]]
    return found | {"sessions": sessions}


# ── compacting ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_program_finds_the_summary_behind_all_messages(techne: Techne, database: Path, trash: Trash) -> None:
    started = datetime.now(UTC)
    before = messages(database, EMPTY)

    compact(techne, EMPTY, trash)

    *earlier, (id, role, content, at) = messages(database, EMPTY)
    assert before == earlier
    assert (ID, "system") == (id, role)
    assert [{"type": "text", "text": TEXT}] == json.loads(str(content))
    assert not set("<>&\u2028") & set(str(content))
    assert UUID.fullmatch(str(id)) and READABLE.fullmatch(str(at))
    assert AT == times.parse(at)
    noted, updated = pointer(database, EMPTY)
    assert ID == noted
    assert READABLE.fullmatch(str(updated))
    assert started <= (times.parse(updated) or started - timedelta(1))


def test_we_read_it_back_as_it_was_planned(techne: Techne, trash: Trash) -> None:
    done = compact(techne, EMPTY, trash)

    after = read(techne, EMPTY)
    assert (8, 6) == (len(done.plan.compact), len(done.plan.keep))
    assert done.texts(done.plan.keep) == active(after)
    assert [TEXT] == active(after, summaries=True)
    assert [message.id for message in after.messages].index(ID) == 8
    assert (14, 8, 1) == (after.session.message_count, after.session.archived_count, after.session.compaction_count)
    assert TEXT == after.session.summary


def test_the_person_is_told_that_everything_is_still_sent(techne: Techne, trash: Trash) -> None:
    done = compact(techne, EMPTY, trash)

    assert () == done.applied.read_by
    assert "still sends the whole conversation" in done.applied.note
    assert {ID: done.plan.keep} == done.applied.kept


def test_nothing_else_changes(techne: Techne, database: Path, trash: Trash) -> None:
    before = dump(database)

    compact(techne, EMPTY, trash)

    after = dump(database)
    assert before["messages"] == after["messages"][:-1]
    assert (b"text", b"") == after["messages"][-1]["model"]
    untouched = [row for row in before["sessions"] if row["id"] != (b"text", EMPTY.encode())]
    assert untouched == [row for row in after["sessions"] if row["id"] != (b"text", EMPTY.encode())]
    assert before["read_files"] == after["read_files"]
    assert {database.name} == names(database.parent)


def test_undoing_gives_back_every_row(techne: Techne, database: Path, trash: Trash) -> None:
    before = dump(database)
    done = compact(techne, EMPTY, trash)

    assert trash.restore(done.item) == done.before.session.key

    assert before == dump(database)


def test_a_second_compaction_takes_the_first_summary_in(techne: Techne, database: Path, trash: Trash) -> None:
    first = compact(techne, EMPTY, trash)
    change(database, "UPDATE messages SET id = 'first' WHERE id = ?", (ID,))
    change(database, "UPDATE sessions SET summary_message_id = 'first' WHERE id = ?", (EMPTY,))
    for turn in range(14, 20):
        add(database, turn, at=f"2026-11-03 10:{turn}:00+00:00")
    before = dump(database)

    done = compact(techne, EMPTY, trash, "Both.")

    assert ("first",) == done.plan.carried
    assert first.plan.keep == done.plan.compact
    after = read(techne, EMPTY)
    assert done.texts(done.plan.keep) == active(after)
    assert ["Both."] == active(after, summaries=True)
    assert trash.restore(done.item) == done.before.session.key
    assert before == dump(database)


def test_what_our_record_says_stays_is_active(techne: Techne, database: Path, trash: Trash) -> None:
    before = read(techne, EMPTY)
    ids = tuple(message.id for message in before.messages)
    plan = CompactPlan(compact=ids[1:4], keep=(ids[0], *ids[4:]))

    _, applied = carry_out(techne, before, plan, trash)
    techne.kept = lambda key: applied.kept if key == before.session.key else {}

    after = read(techne, EMPTY)
    assert [ids[0], *ids[4:]] == [each.id for each in after.messages if not each.archived and not each.is_summary]
    assert (14, 3) == (after.session.message_count, after.session.archived_count)
    assert ids[1:4] == after.summaries[0].original_ids
    assert [message.id for message in after.messages].index(ID) == 4
    assert 3 == listed(techne)[EMPTY].archived_count


def test_a_summary_follows_messages_of_a_later_clock_and_another_zone(
    techne: Techne, database: Path, trash: Trash
) -> None:
    add(database, 20, at="2199-05-08 23:00:00+10:30")
    add(database, 21, at="2199-05-08 12:45:00+00:00")

    compact(techne, EMPTY, trash)

    last = messages(database, EMPTY)[-1]
    assert ID == last[0]
    assert datetime(2199, 5, 8, 12, 45, 0, 1000, UTC) == times.parse(last[3])
    assert ID == next(each.id for each in read(techne, EMPTY).messages if each.is_summary)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM messages WHERE session_id = ? AND id = 'm3'",
        "UPDATE messages SET session_id = 'elsewhere' WHERE session_id = ? AND id = 'm13'",
        "INSERT INTO messages SELECT 'new', id, 'user', '[]', '', '2026-05-09 08:00+02:00' FROM sessions WHERE id = ?",
        "DELETE FROM sessions WHERE id = ?",
    ],
)
def test_a_session_that_changed_meanwhile_is_refused(
    techne: Techne, database: Path, trash: Trash, statement: str
) -> None:
    before = read(techne, EMPTY)
    change(database, statement, (EMPTY,))

    refused(techne, before, plan_for(techne, before), database, trash)


def test_a_failure_in_the_middle_leaves_the_store_as_it_was(techne: Techne, database: Path, trash: Trash) -> None:
    change(database, "CREATE TRIGGER stop BEFORE UPDATE ON sessions BEGIN SELECT RAISE(ABORT, 'enough'); END")
    before = read(techne, EMPTY)

    error = refused(techne, before, plan_for(techne, before), database, trash)

    assert "enough" in error.what


def test_an_id_that_is_taken_is_refused(techne: Techne, database: Path, trash: Trash) -> None:
    before = read(techne, EMPTY)
    change(
        database,
        f"UPDATE messages SET id = '{ID}' WHERE id = (SELECT MIN(id) FROM messages WHERE session_id <> ?)",
        (EMPTY,),
    )

    refused(techne, before, plan_for(techne, before), database, trash)


def test_a_database_that_another_holds_is_refused(
    techne: Techne, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, stood = read(techne, EMPTY), dump(database)
    plan = plan_for(techne, before)

    with held(database, monkeypatch), pytest.raises(StoreLocked):
        techne.apply(before.session, plan, summary(plan))

    assert stood == dump(database)


def test_a_truncated_database_is_refused_and_left_alone(techne: Techne, database: Path) -> None:
    before = read(techne, EMPTY)
    plan = plan_for(techne, before)
    left = database.read_bytes()[: database.stat().st_size // 2]
    database.write_bytes(left)

    with pytest.raises(StoreError):
        techne.apply(before.session, plan, summary(plan))

    assert left == database.read_bytes()
    assert {database.name} == names(database.parent)


# ── renaming and deleting ─────────────────────────────────────────────────────────────────────────────────


def test_a_new_title_counts_as_the_latest_change(techne: Techne, database: Path) -> None:
    started = datetime.now(UTC)
    before = known(dump(database))

    techne.rename(listed(techne)[TOOLS], "Which <pears>?")

    session = listed(techne)[TOOLS]
    assert "Which <pears>?" == session.title
    assert session.updated_at and started <= session.updated_at
    assert READABLE.fullmatch(str(pointer(database, TOOLS)[1]))
    after = known(dump(database))
    assert [row | {"title": None} for row in before["sessions"]] == [row | {"title": None} for row in after["sessions"]]
    assert before["messages"] == after["messages"]


def test_a_deleted_session_takes_all_its_rows_along_and_brings_them_back(
    techne: Techne, database: Path, trash: Trash
) -> None:
    grant = (TOOLS, "bash", "run", "2026-05-08 10:00:00+02:00")
    change(database, "INSERT INTO permission_grants VALUES (?, ?, ?, ?)", grant)
    before = dump(database)
    session = listed(techne)[TOOLS]

    item = trash.delete(session.key, session.key.ref, session.title, techne.belongings(session))

    for table in ("messages", "read_files", "permission_grants"):
        assert [(0,)] == ask(database, f"SELECT COUNT(*) FROM {table} WHERE session_id = ?", TOOLS)
    assert TOOLS not in listed(techne)
    assert session.key == trash.restore(item.trash_id)
    assert before == dump(database)


def test_it_can_be_compacted_renamed_and_deleted(techne: Techne) -> None:
    assert isinstance(techne, Compactable) and isinstance(techne, Renamable) and isinstance(techne, Deletable)
    assert isinstance(techne, Reminded)
    assert techne.refuses_compaction(listed(techne)[EMPTY]) is None


# ── the real stores ───────────────────────────────────────────────────────────────────────────────────────


def test_real_sessions_are_compacted_and_given_back(tmp_path: Path, trash: Trash) -> None:
    real = copied("techne", tmp_path / "real")
    done = 0
    for database in sorted(real.rglob("techne.db")):
        techne, found = Techne(world(real, given={"techne": (database,)})), names(database.parent)
        for id in listed(techne):
            if plan_for(techne, read(techne, id)):
                compact_and_undo(techne, database, id, trash)
                done += 1
        assert names(database.parent) <= found
    assert done >= 5


def compact_and_undo(techne: Techne, database: Path, id: str, trash: Trash) -> None:
    before, earlier = dump(database), messages(database, id)

    done = compact(techne, id, trash)

    *others, newest = messages(database, id)
    assert earlier == others
    assert (ID, "system") == newest[:2]
    assert ID == pointer(database, id)[0]
    techne.kept = lambda key: done.applied.kept
    assert done.texts(done.plan.keep) == active(read(techne, id))
    assert [TEXT] == active(read(techne, id), summaries=True)
    techne.kept = lambda key: {}
    assert done.before.session.key == trash.restore(done.item)
    assert before == dump(database)
