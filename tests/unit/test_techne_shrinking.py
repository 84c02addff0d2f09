"""Shrinking sessions of techne: the program goes on from the summary, and the trash holds all that went."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from session_tui.adapters import times
from session_tui.adapters.shrinking import Shrinkable
from session_tui.agents.techne import Techne
from session_tui.compactions import CompactOptions, Target
from session_tui.demo.build import build_demo, demo_world
from session_tui.errors import StoreError, StoreLocked, UsageError
from session_tui.library import Library
from session_tui.model import CompactPlan, CompactResult, Transcript
from session_tui.progress import Progress
from session_tui.trash import Trash
from tests.unit.compactions import ID, TEXT, active, ask, compact, dump, held, names, plan_for, read, shown, summary
from tests.unit.tables import change, copied, fixture_home, listed, world
from tests.unit.test_cli import Capture, run

DATABASE = ".techne/techne.db"
EMPTY = "7e0d1c9a-44f3-4e0e-9a77-000000000005"
FRAMED = f"[Conversation Summary]\n{TEXT}\n[End of Summary — recent messages follow]"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = fixture_home("techne", tmp_path / "home")
    for turn in range(14):
        add(home / "orchard" / DATABASE, turn, f"2026-05-08 10:{turn:02}:00.5+02:00")
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


def add(database: Path, turn: int, at: str) -> None:
    content = json.dumps([{"type": "text", "text": f"Turn {turn}: how ripe are the pears?"}])
    role = "assistant" if turn % 2 else "user"
    change(database, "INSERT INTO messages VALUES (?, ?, ?, ?, '', ?)", (f"m{turn}", EMPTY, role, content, at))


def loaded(database: Path, id: str) -> list[tuple[object, object, str]]:
    """What the program sends of a session: every message in the order of the texts of their times, but those that
    the system says, which most clients drop."""
    query = "SELECT id, role, content FROM messages WHERE session_id = ? ORDER BY created_at ASC"
    return [(id, role, str(content)) for id, role, content in ask(database, query, id) if role != "system"]


def shrink(techne: Techne, before: Transcript, plan: CompactPlan, trash: Trash) -> str:
    """Shrink a session and return the id of the trash item."""
    session, said = before.session, summary(plan)
    touched = techne.touched_by_shrink(session, plan, said)
    with trash.around(session.key, session.key.ref, session.title, touched, "compact") as item:
        techne.shrink(session, plan, said, partial(trash.take, item))
    return item.trash_id


def shrunk(techne: Techne, id: str, trash: Trash) -> tuple[Transcript, CompactPlan, str]:
    before = read(techne, id)
    plan = plan_for(techne, before)
    return before, plan, shrink(techne, before, plan, trash)


def refused(techne: Techne, before: Transcript, database: Path, trash: Trash) -> StoreError:
    stood = dump(database)
    with pytest.raises(StoreError) as caught:
        shrink(techne, before, plan_for(techne, before), trash)
    assert stood == dump(database)
    assert () == trash.items()
    return caught.value


# ── what the program finds ────────────────────────────────────────────────────────────────────────────────


def test_the_program_loads_the_summary_as_a_person_s_message_and_then_what_was_kept(
    techne: Techne, database: Path, trash: Trash
) -> None:
    earlier = loaded(database, EMPTY)

    _, plan, _ = shrunk(techne, EMPTY, trash)

    first, *others = loaded(database, EMPTY)
    assert (ID, "user") == first[:2]
    assert [{"type": "text", "text": FRAMED}] == json.loads(first[2])
    assert earlier[-6:] == others
    assert list(plan.keep) == [id for id, _, _ in others]
    assert [(ID,)] == ask(database, "SELECT summary_message_id FROM sessions WHERE id = ?", EMPTY)


def test_nothing_of_other_sessions_changes(techne: Techne, database: Path, trash: Trash) -> None:
    before = dump(database)

    shrunk(techne, EMPTY, trash)

    after = dump(database)
    of_others = (b"text", EMPTY.encode())
    for table in ("messages", "read_files"):
        rest = [row for row in before[table] if row["session_id"] != of_others]
        assert rest == [row for row in after[table] if row["session_id"] != of_others]
    assert {database.name} == names(database.parent)


@pytest.mark.parametrize(
    "times_of_kept",
    [
        ("2026-05-08 10:08:00+10:30", "2026-05-08 09:00:00+00:00"),
        ("2026-05-08 10:08:00.000000001-05:00", "2026-05-08 23:00:00+02:00"),
        ("2026-05-08 10:08:00.1+02:00", "2026-05-08 10:08:00.12+02:00"),
    ],
)
def test_the_summary_stands_before_kept_messages_of_any_zone(
    techne: Techne, database: Path, trash: Trash, times_of_kept: tuple[str, str]
) -> None:
    before = read(techne, EMPTY)
    plan = plan_for(techne, before)
    for id, at in zip(plan.keep, times_of_kept, strict=False):
        change(database, "UPDATE messages SET created_at = ? WHERE id = ?", (at, id))

    shrink(techne, before, plan, trash)

    assert ID == loaded(database, EMPTY)[0][0]
    after = read(techne, EMPTY)
    assert ID == after.messages[0].id


# ── what we find ──────────────────────────────────────────────────────────────────────────────────────────


def test_we_read_the_shrunk_session_as_summary_and_kept(techne: Techne, trash: Trash) -> None:
    before, plan, _ = shrunk(techne, EMPTY, trash)

    after = read(techne, EMPTY)
    said = {message.id: shown(message) for message in before.messages}
    assert [said[id] for id in plan.keep] == active(after)
    assert [FRAMED] == active(after, summaries=True)
    assert (TEXT,) == tuple(each.content for each in after.summaries)
    assert (6, 0, 1) == (after.session.message_count, after.session.archived_count, after.session.compaction_count)
    assert TEXT == after.session.summary
    assert not after.session.problems


def test_the_summary_is_not_taken_for_the_first_prompt(techne: Techne, trash: Trash) -> None:
    shrunk(techne, EMPTY, trash)

    assert "Turn 8: how ripe are the pears?" == listed(techne)[EMPTY].first_prompt


def test_a_shrunk_session_can_be_compacted_and_shrunk_again(techne: Techne, database: Path, trash: Trash) -> None:
    shrunk(techne, EMPTY, trash)
    rename = "UPDATE messages SET id = 'first' WHERE id = ?"
    change(database, rename, (ID,))
    change(database, "UPDATE sessions SET summary_message_id = 'first' WHERE id = ?", (EMPTY,))
    for turn in range(14, 22):
        add(database, turn, f"2026-05-09 10:{turn}:00+02:00")
    middle = dump(database)

    done = compact(techne, EMPTY, trash)
    assert ("first",) == done.plan.carried
    assert [TEXT] == active(read(techne, EMPTY), summaries=True)
    trash.restore(done.item)
    assert middle == dump(database)

    _, plan, item = shrunk(techne, EMPTY, trash)
    assert [ID, *plan.keep] == [id for id, _, _ in loaded(database, EMPTY)]
    trash.restore(item)
    assert middle == dump(database)


def test_what_an_earlier_compaction_archived_goes_as_well(techne: Techne, database: Path, trash: Trash) -> None:
    compact(techne, EMPTY, trash)
    change(database, "UPDATE messages SET id = 'first' WHERE id = ?", (ID,))
    change(database, "UPDATE sessions SET summary_message_id = 'first' WHERE id = ?", (EMPTY,))
    for turn in range(14, 22):
        add(database, turn, f"2026-11-03 10:{turn}:00+02:00")
    middle = dump(database)

    _, plan, item = shrunk(techne, EMPTY, trash)

    assert [ID, *plan.keep] == [id for id, _, _ in loaded(database, EMPTY)]
    assert [(7,)] == ask(database, "SELECT COUNT(*) FROM messages WHERE session_id = ?", EMPTY)
    trash.restore(item)
    assert middle == dump(database)


# ── the way back, and failures ────────────────────────────────────────────────────────────────────────────


def test_undoing_gives_back_every_row(techne: Techne, database: Path, trash: Trash) -> None:
    stood = dump(database)
    before, _, item = shrunk(techne, EMPTY, trash)

    assert before.session.key == trash.restore(item)

    assert stood == dump(database)


def test_undoing_keeps_what_was_said_since(techne: Techne, database: Path, trash: Trash) -> None:
    earlier = loaded(database, EMPTY)
    _, _, item = shrunk(techne, EMPTY, trash)
    add(database, 30, "2026-12-01 10:00:00+02:00")
    since = loaded(database, EMPTY)[-1]

    trash.restore(item)

    assert [*earlier, since] == loaded(database, EMPTY)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM messages WHERE session_id = ? AND id = 'm3'",
        "INSERT INTO messages SELECT 'new', id, 'user', '[]', '', '2026-05-09 08:00+02:00' FROM sessions WHERE id = ?",
    ],
)
def test_a_session_that_changed_since_it_was_planned_is_refused(
    techne: Techne, database: Path, trash: Trash, statement: str
) -> None:
    before = read(techne, EMPTY)
    plan = plan_for(techne, before)
    change(database, statement, (EMPTY,))
    stood = dump(database)

    with pytest.raises(StoreError):
        shrink(techne, before, plan, trash)

    assert stood == dump(database)
    assert () == trash.items()


def test_only_what_the_trash_holds_as_it_is_goes(techne: Techne, database: Path, trash: Trash) -> None:
    before = read(techne, EMPTY)
    plan = plan_for(techne, before)
    session, said = before.session, summary(plan)
    touched = techne.touched_by_shrink(session, plan, said)

    with (
        pytest.raises(StoreError),
        trash.around(session.key, session.key.ref, session.title, touched, "compact") as item,
    ):
        change(database, "UPDATE messages SET content = '[]' WHERE id = 'm2'")
        stood = dump(database)
        techne.shrink(session, plan, said, partial(trash.take, item))

    assert stood == dump(database)


def test_a_failure_in_the_middle_leaves_the_store_as_it_was(techne: Techne, database: Path, trash: Trash) -> None:
    change(database, "CREATE TRIGGER stop BEFORE UPDATE ON sessions BEGIN SELECT RAISE(ABORT, 'enough'); END")

    assert "enough" in refused(techne, read(techne, EMPTY), database, trash).what


def test_a_kept_message_without_a_time_leaves_no_place(techne: Techne, database: Path, trash: Trash) -> None:
    change(database, "UPDATE messages SET created_at = '' WHERE id = 'm9'")
    before = read(techne, EMPTY)
    plan = plan_for(techne, before)
    ids = (*plan.compact, *plan.keep)
    stood = dump(database)

    with pytest.raises(StoreError) as caught:
        shrink(techne, before, CompactPlan(compact=ids[2:6], keep=(*ids[:2], *ids[6:])), trash)

    assert "no place before them" in caught.value.what
    assert stood == dump(database)


def test_a_database_that_another_holds_is_refused(
    techne: Techne, database: Path, trash: Trash, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, stood = read(techne, EMPTY), dump(database)

    with held(database, monkeypatch), pytest.raises(StoreLocked):
        shrink(techne, before, plan_for(techne, before), trash)

    assert stood == dump(database)
    assert () == trash.items()


def test_real_sessions_are_shrunk_and_given_back(tmp_path: Path, trash: Trash) -> None:
    real = copied("techne", tmp_path / "real")
    done = 0
    for database in sorted(real.rglob("techne.db")):
        techne = Techne(world(real, given={"techne": (database,)}))
        for id in listed(techne):
            if not plan_for(techne, read(techne, id)):
                continue
            stood = dump(database)
            _, plan, item = shrunk(techne, id, trash)
            first, *others = [message.id for message in read(techne, id).messages]
            assert ID == first == loaded(database, id)[0][0]
            assert sorted(plan.keep) == sorted(others)
            trash.restore(item)
            assert stood == dump(database)
            done += 1
    assert done >= 5


# ── from the front ends ───────────────────────────────────────────────────────────────────────────────────


def library_of(home: Path) -> Library:
    library = Library(world(home, cwd=home / "orchard"), stores=("techne",))
    library.refresh()
    return library


def carried_out(library: Library, options: CompactOptions) -> CompactResult:
    key = next(session.key for session in library.catalog.sessions if session.key.id == EMPTY)
    prepared = library.prepare_compaction(key, options)
    return library.write_compaction(prepared, prepared.run(Progress()))


def test_the_library_shrinks_into_one_item_that_stays_and_brings_everything_back(home: Path, database: Path) -> None:
    stood = dump(database)
    library = library_of(home)

    result = carried_out(library, CompactOptions(shrink=True, preserve_recent=4))

    (item,) = library.trash.items()
    assert ("compact", None) == (item.kind, item.expires_at)
    assert (("chat",), "store") == (result.read_by, result.written_to)
    assert "goes on from the summary" in result.note
    assert 5 == len(loaded(database, EMPTY))
    library.restore(item.trash_id)
    assert stood == dump(database)
    assert () == library.userdata.compactions(item.key)


def test_shrinking_from_the_command_line(
    home: Path, database: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture
) -> None:
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home / "orchard")

    answer = run(capfdbinary, "compact", EMPTY, "--shrink", "--yes", "--json")

    assert 0 == answer.code, answer.err
    done = answer.json["done"]
    assert isinstance(done, list)
    assert [*done[0]["plan"]["keep"]] == [id for id, _, _ in loaded(database, EMPTY)[1:]]


@pytest.mark.parametrize("target", ["overlay", "none"])
def test_shrinking_goes_with_no_other_place(home: Path, target: Target) -> None:
    with pytest.raises(UsageError, match="changes the store"):
        carried_out(library_of(home), CompactOptions(shrink=True, target=target))


def test_a_store_that_needs_no_shrinking_says_so(tmp_path: Path) -> None:
    library = Library(demo_world(build_demo(tmp_path / "demo", datetime(2026, 11, 21, 12, tzinfo=UTC))))
    library.refresh()
    session = library.resolve("Basket is empty after login")

    with pytest.raises(UsageError, match="need no shrinking"):
        library.prepare_compaction(session.key, CompactOptions(shrink=True))
    assert not isinstance(library.adapter(session.key), Shrinkable)


def test_the_summary_s_time_is_just_before_the_first_kept(techne: Techne, database: Path, trash: Trash) -> None:
    shrunk(techne, EMPTY, trash)

    query = "SELECT created_at FROM messages WHERE session_id = ? ORDER BY created_at"
    first, second = (times.parse(at) for (at,) in ask(database, query, EMPTY)[:2])
    assert first and second and 0.001 == (second - first).total_seconds()
