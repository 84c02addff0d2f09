"""What a person adds to sessions stays theirs: over restarts, processes, and sessions that come and go."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from session_tui.adapters import rows
from session_tui.errors import StoreDamaged, StoreError
from session_tui.model import CompactPlan, Session, SessionKey, SessionState, Summary, TitleSource
from session_tui.userdata import Bookmark, Compaction, Marks, UserData

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = SessionKey("chats", "a", "/root/one")
TWIN = SessionKey("chats", "a", "/root/two")


@pytest.fixture
def userdata(tmp_path: Path) -> UserData:
    return UserData(tmp_path / "data" / "overlay.db")


def session(
    key: SessionKey = KEY,
    *,
    tags: tuple[str, ...] = (),
    pinned: bool = False,
    state: SessionState = SessionState.ACTIVE,
) -> Session:
    return Session(key=key, title="Stored", title_source=TitleSource.AGENT, tags=tags, pinned=pinned, state=state)


def compaction(id: str = "s1", *, at: datetime = NOON) -> Compaction:
    summary = Summary(
        id=id,
        content="Sheds were \x00 discussed\n日本",
        message_range="Messages 1-2",
        original_ids=("1", "2"),
        token_count=12,
        provider="extractive",
        compacted_at=at,
        extra={"why": ["full"]},
    )
    return Compaction(summary, CompactPlan(compact=("1", "2"), keep=("3",), carried=("s0",), reason="full"), "store")


def test_nothing_is_marked_and_nothing_made_by_looking(userdata: UserData, tmp_path: Path) -> None:
    sessions = [session(), session(TWIN)]

    shown = userdata.overlay(sessions)
    found = (userdata.all(), userdata.marks(KEY), userdata.bookmarks(KEY), userdata.compactions(KEY))
    removed = (userdata.remove_bookmark(KEY, "1"), userdata.remove_compaction(KEY, "s1"))
    userdata.forget(KEY)

    assert sessions == shown
    assert ({}, Marks(), (), ()) == found
    assert (False, False) == removed
    assert {} == userdata.all_compactions()
    assert [] == list(tmp_path.iterdir())


def test_an_own_title_goes_before_the_stored_one(userdata: UserData) -> None:
    userdata.rename(KEY, "Mine \udce6")

    (shown, twin) = userdata.overlay([session(), session(TWIN)])

    assert ("Mine \ufffd", TitleSource.OWN) == (shown.title, shown.title_source)
    assert session(TWIN) == twin


def test_an_own_title_can_be_taken_away(userdata: UserData) -> None:
    userdata.rename(KEY, "Mine")
    userdata.rename(KEY, None)

    assert [session()] == userdata.overlay([session()])


def test_pins_and_archived_marks_stand_over_the_stores_own(userdata: UserData) -> None:
    userdata.pin(KEY)
    userdata.archive(KEY)
    userdata.pin(TWIN, False)
    userdata.archive(TWIN, False)

    shown, twin = userdata.overlay([session(), session(TWIN, pinned=True, state=SessionState.ARCHIVED)])

    assert (True, SessionState.ARCHIVED) == (shown.pinned, shown.state)
    assert (False, SessionState.ACTIVE) == (twin.pinned, twin.state)


def test_what_is_no_longer_marked_is_left_to_the_store(userdata: UserData) -> None:
    userdata.pin(KEY, False)
    userdata.archive(KEY, False)
    userdata.pin(KEY, None)
    userdata.archive(KEY, None)
    stored = session(pinned=True, state=SessionState.IDLE)

    assert [stored] == userdata.overlay([stored])


def test_an_active_mark_keeps_the_finer_state(userdata: UserData) -> None:
    userdata.archive(KEY, False)

    assert SessionState.IDLE == userdata.overlay([session(state=SessionState.IDLE)])[0].state


def test_tags_are_added_and_the_stores_own_hidden(userdata: UserData) -> None:
    userdata.tag(KEY, add=["zeta", "alpha", "stored"], remove=["old"])
    userdata.tag(KEY, remove=["zeta"])
    userdata.tag(KEY, add=["last"])

    (shown,) = userdata.overlay([session(tags=("old", "stored"))])

    assert ("stored", "alpha", "last") == shown.tags
    assert Marks(tags=("alpha", "stored", "last"), hidden_tags=("zeta", "old")) == userdata.marks(KEY)


def test_a_note_is_kept_and_taken_away(userdata: UserData) -> None:
    userdata.note(KEY, "look at\nthe roof")
    kept = userdata.marks(KEY).note
    userdata.note(KEY, "")

    assert ("look at\nthe roof", "") == (kept, userdata.marks(KEY).note)


def test_bookmarks_come_in_the_order_of_the_messages(userdata: UserData) -> None:
    userdata.bookmark(KEY, "m9", 9)
    userdata.bookmark(KEY, "m2", 2, "the plan")
    userdata.bookmark(KEY, "m9", 9, "the end")
    userdata.bookmark(TWIN, "m1", 1)

    found = userdata.bookmarks(KEY)

    assert [("m2", 2, "the plan"), ("m9", 9, "the end")] == [
        (each.message_id, each.index, each.label) for each in found
    ]
    assert all(isinstance(each, Bookmark) and each.created_at and each.created_at.tzinfo for each in found)


def test_a_bookmark_is_taken_away_once(userdata: UserData) -> None:
    userdata.bookmark(KEY, "m1", 1)

    assert (True, False) == (userdata.remove_bookmark(KEY, "m1"), userdata.remove_bookmark(KEY, "m1"))
    assert () == userdata.bookmarks(KEY)


def test_compactions_are_kept_with_all_they_say(userdata: UserData) -> None:
    later, earlier = compaction("s2"), compaction("s1", at=datetime(2026, 11, 20, tzinfo=UTC))
    userdata.keep_compaction(KEY, later)
    userdata.keep_compaction(KEY, earlier)
    userdata.keep_compaction(TWIN, later)

    assert (earlier, later) == userdata.compactions(KEY)
    assert {KEY: (earlier, later), TWIN: (later,)} == userdata.all_compactions()


def test_a_compaction_that_was_undone_is_forgotten(userdata: UserData) -> None:
    userdata.keep_compaction(KEY, compaction())
    userdata.keep_compaction(KEY, Compaction(Summary(id="s1", content="better")))
    kept = userdata.compactions(KEY)

    assert (Compaction(Summary(id="s1", content="better")),) == kept
    assert userdata.remove_compaction(KEY, "s1")
    assert () == userdata.compactions(KEY)


def test_what_stayed_active_is_told_of_summaries_in_the_store_alone(userdata: UserData) -> None:
    userdata.keep_compaction(KEY, compaction("s1"))
    userdata.keep_compaction(KEY, Compaction(Summary(id="s2", content="ours"), CompactPlan(keep=("9",))))

    assert {"s1": ("3",)} == userdata.kept(KEY)
    assert {} == userdata.kept(TWIN)


def test_names_that_are_no_text_are_told_apart(userdata: UserData) -> None:
    odd, other = SessionKey("chats", "caf\udce9", "/r\udcff"), SessionKey("chats", "caf\udce8", "/r\udcff")
    userdata.rename(odd, "one")
    userdata.rename(other, "two")
    userdata.bookmark(odd, "m\udc80", 1)

    assert {odd: Marks(title="one"), other: Marks(title="two")} == userdata.all()
    assert ["m\udc80"] == [each.message_id for each in userdata.bookmarks(odd)]


def test_marks_move_with_a_session(userdata: UserData) -> None:
    userdata.rename(KEY, "mine")
    userdata.tag(KEY, add=["x"])
    userdata.bookmark(KEY, "m", 0)
    userdata.keep_compaction(KEY, compaction())
    userdata.rename(TWIN, "to be replaced")

    userdata.move(KEY, TWIN)

    assert {TWIN: Marks(title="mine", tags=("x",))} == userdata.all()
    assert (1, 1) == (len(userdata.bookmarks(TWIN)), len(userdata.compactions(TWIN)))
    assert () == userdata.bookmarks(KEY)


def test_all_of_one_session_is_forgotten_when_told_so(userdata: UserData) -> None:
    for key in (KEY, TWIN):
        userdata.rename(key, "mine")
        userdata.tag(key, add=["x"])
        userdata.bookmark(key, "m", 0)
        userdata.keep_compaction(key, compaction())

    userdata.forget(KEY)

    assert {TWIN: Marks(title="mine", tags=("x",))} == userdata.all()
    assert [TWIN] == list(userdata.all_compactions())


def test_marks_outlive_the_session_and_the_process(userdata: UserData) -> None:
    userdata.rename(KEY, "mine")

    without, again = userdata.overlay([session(TWIN)]), UserData(userdata.file).overlay([session()])

    assert [session(TWIN)] == without
    assert ["mine"] == [each.title for each in again]


def test_ten_thousand_sessions_are_overlaid(userdata: UserData) -> None:
    sessions = [session(SessionKey("chats", str(number), "/root")) for number in range(10_000)]
    userdata.pin(sessions[0].key)
    with closing(sqlite3.connect(userdata.file)) as database, database:
        database.executemany(
            "INSERT INTO tags (store, root, id, name) VALUES ('chats', '/root', ?, 'even')",
            [(str(number),) for number in range(0, 10_000, 2)],
        )

    shown = userdata.overlay(sessions)

    assert [("even",) if number % 2 == 0 else () for number in range(10_000)] == [each.tags for each in shown]
    assert [0] == [number for number, each in enumerate(shown) if each.pinned]
    assert sessions[1] is shown[1]


def test_another_process_is_seen_at_once(userdata: UserData) -> None:
    other = UserData(userdata.file)
    seen = []

    for number in range(30):
        other.rename(KEY, str(number))
        seen.append(userdata.marks(KEY).title)

    assert [str(number) for number in range(30)] == seen


def test_several_processes_mark_at_once_from_the_first_moment(userdata: UserData) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom session_tui.model import SessionKey\n"
        "from session_tui.userdata import UserData\n"
        "userdata = UserData(Path(sys.argv[1]))\n"
        "sys.stdin.readline()\n"
        "for number in range(40):\n"
        "    userdata.tag(SessionKey('chats', 'a', '/root/one'), add=[f'{sys.argv[2]}{number}'])\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(userdata.file), name], stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for name in "xyz"
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()

    said = [process.communicate()[1] for process in processes]

    assert [b"", b"", b""] == said
    assert {f"{name}{number}" for name in "xyz" for number in range(40)} == set(userdata.marks(KEY).tags)


def test_only_the_owner_can_read_the_file(userdata: UserData) -> None:
    userdata.rename(KEY, "mine")

    modes = {oct(stat.S_IMODE(path.stat().st_mode)) for path in (userdata.file.parent, userdata.file)}

    assert {"0o700", "0o600"} == modes
    with closing(sqlite3.connect(userdata.file)) as database:
        assert ("wal",) == database.execute("PRAGMA journal_mode").fetchone()


def test_reading_while_another_program_writes_waits_for_nobody(userdata: UserData) -> None:
    userdata.rename(KEY, "mine")

    with closing(sqlite3.connect(userdata.file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE sessions SET title = 'theirs'")
        seen = UserData(userdata.file).marks(KEY).title
        writer.execute("ROLLBACK")

    assert "mine" == seen


def test_a_file_that_is_no_database_is_said_and_left_alone(userdata: UserData) -> None:
    userdata.file.parent.mkdir()
    userdata.file.write_bytes(b"not a database at all, but long enough to look at" * 100)
    before = userdata.file.read_bytes()

    assert [session()] == userdata.overlay([session()])
    assert [str(userdata.file)] == [problem.path for problem in userdata.problems]
    for read_or_write in (lambda: userdata.marks(KEY), lambda: userdata.rename(KEY, "mine")):
        with pytest.raises(StoreDamaged):
            read_or_write()

    assert before == userdata.file.read_bytes()


def test_a_newer_programs_file_is_left_alone(userdata: UserData) -> None:
    userdata.rename(KEY, "mine")
    with closing(sqlite3.connect(userdata.file)) as database:
        database.execute("PRAGMA user_version = 99")
    before = rows.stamp(userdata.file)

    for attempt in (lambda: userdata.rename(KEY, "x"), lambda: UserData(userdata.file).marks(KEY)):
        with pytest.raises(StoreError) as caught:
            attempt()
        assert "newer" in caught.value.what

    assert before == rows.stamp(userdata.file)


def test_reading_loads_nothing_heavy(userdata: UserData) -> None:
    userdata.rename(KEY, "mine")
    code = (
        "import sys\nfrom pathlib import Path\nfrom session_tui.userdata import UserData\n"
        "assert UserData(Path(sys.argv[1])).all()\nprint('sqlite_utils' in sys.modules)"
    )

    said = subprocess.run([sys.executable, "-c", code, str(userdata.file)], capture_output=True, text=True, check=True)

    assert "False" == said.stdout.strip()
