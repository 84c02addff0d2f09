"""The index kept up to date: only what changed is read, grown files from where they ended, whatever goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from session_tui.adapters.base import Source
from session_tui.adapters.passages import Indexable, Passage
from session_tui.config import Config, IndexSection
from session_tui.errors import Cancelled, StoreError
from session_tui.index import refresh as refreshing
from session_tui.manager import SessionManager, native_store
from session_tui.model import Role
from session_tui.progress import Progress
from tests.unit.searching import Desk, gave, lines, said, session_id, write


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    for number in range(3):
        write(tmp_path, number, said("user", f"question {number}"), said("assistant", f"the answer{number} is cookie"))
    return Desk(tmp_path)


def grow(path: Path, *records: dict[str, object]) -> None:
    with path.open("ab") as file:
        file.write(lines(records))


def test_everything_is_read_once_and_nothing_twice(desk: Desk) -> None:
    assert (3, 0, 0) == desk.refresh()
    assert (0, 3, 0) == desk.refresh()
    assert {0, 1, 2} == set(desk.find("cookie"))


def test_a_grown_file_is_read_from_its_old_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.refresh()
    path = write(desk.home, 7, *(said("user", f"padding {number}") for number in range(50)))
    desk.refresh()
    old_end = path.stat().st_size
    grow(path, said("user", "the elephant"))

    begins: list[int] = []
    adapter = desk.library.adapter_of("claude")
    assert isinstance(adapter, Indexable)
    passages = adapter.passages

    def noted(source: Source, start: int, end: int, *, work: bool = True) -> Iterator[Passage]:
        begins.append(start)
        return passages(source, start, end, work=work)

    monkeypatch.setattr(adapter, "passages", noted)

    assert (1, 3, 0) == desk.refresh()
    assert [old_end] == begins
    assert [7] == desk.find("elephant")
    assert [7] == desk.find('"padding 49"')


def test_a_torn_last_line_is_read_when_it_is_whole(desk: Desk) -> None:
    whole = lines([said("user", "the elephant")])
    path = write(desk.home, 7, said("user", "hello"))
    with path.open("ab") as file:
        file.write(whole[:40])
    desk.refresh()
    assert [] == desk.find("elephant")

    with path.open("ab") as file:
        file.write(whole[40:])
    desk.refresh()
    assert [7] == desk.find("elephant")


@pytest.mark.parametrize("change", ["rewritten", "shrunk"])
def test_a_file_that_is_not_what_it_was_is_read_anew(desk: Desk, change: str) -> None:
    path = write(desk.home, 7, *(said("user", f"elephant {number}") for number in range(100)))
    desk.refresh()
    records = [said("user", "giraffe")] * (200 if change == "rewritten" else 1)
    path.write_bytes(lines(records))
    desk.refresh()

    assert [] == desk.find("elephant")
    assert [7] == desk.find("giraffe")


def test_what_is_gone_is_dropped_only_when_the_store_was_listed_whole(desk: Desk) -> None:
    desk.refresh()
    found = desk.found
    (desk.home / ".claude/projects/-srv-mill" / f"{session_id(1)}.jsonl").unlink()
    gone = [hit for hit in desk.found if hit.store == "claude"]
    assert found
    partial = [type(hit)(hit.store, hit.root, hit.sources, complete=False) for hit in gone]

    assert 0 == desk.searches.refresh(partial, Progress()).dropped
    assert 1 == desk.searches.refresh(gone, Progress()).dropped
    assert {0, 2} == set(desk.find("cookie"))


def test_a_session_that_cannot_be_read_keeps_what_was_known(desk: Desk) -> None:
    path = write(desk.home, 7, said("user", "elephant"))
    desk.refresh()
    sources = desk.found
    path.rename(path.with_suffix(".gone"))
    changed = [
        type(hit)(hit.store, hit.root, tuple(type(one)(one.key, one.path, f"{one.stamp}!") for one in hit.sources))
        for hit in sources
    ]

    outcome = desk.searches.refresh(changed, Progress())

    assert [str(path)] == [where for where, _ in outcome.failures]
    assert [7] == desk.find("elephant")


def test_a_session_thrown_away_does_not_come_back_with_a_refresh_that_had_begun(desk: Desk) -> None:
    desk.refresh()
    found = desk.found
    victim = next(source for hit in found for source in hit.sources if source.key.id == session_id(1))

    desk.searches.documents.bury([victim])
    desk.searches.refresh(found, Progress())
    assert {0, 2} == set(desk.find("cookie"))

    grow(Path(victim.path), said("user", "it goes on"))
    desk.refresh()
    assert {0, 1, 2} == set(desk.find("cookie"))


def test_many_are_shared_out_to_processes_and_come_out_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        write(tmp_path, number, said("user", f"word{number} everywhere"), gave(f"output{number}"))
    monkeypatch.setattr(refreshing, "_INLINE_BYTES", 0)
    monkeypatch.setattr(refreshing, "_BATCH_SESSIONS", 3)
    desk = Desk(tmp_path)
    commits: list[int] = []

    assert (40, 0, 0) == desk.refresh(committed=lambda: commits.append(1))
    assert 40 == len(desk.find("everywhere"))
    assert [[17], [17]] == [desk.find("word17"), desk.find("output17")]
    assert commits
    assert 0 == desk.refresh()[0]


def test_a_process_that_dies_costs_only_its_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        write(tmp_path, number, said("user", "everywhere"))
    monkeypatch.setattr(refreshing, "_INLINE_BYTES", 0)
    monkeypatch.setattr(sys, "executable", "/bin/true")
    desk = Desk(tmp_path)

    outcome = desk.searches.refresh(desk.found, Progress())

    assert outcome.failures
    assert all("ended" in failure for _, failure in outcome.failures)
    monkeypatch.undo()
    assert 6 == desk.refresh()[0]
    assert 6 == len(desk.find("everywhere"))


def test_a_refresh_can_be_stopped_and_keeps_what_it_has(tmp_path: Path) -> None:
    for number in range(20):
        write(tmp_path, number, said("user", "hello"), said("assistant", "everywhere"))
    desk = Desk(tmp_path)
    progress = Progress()
    progress.report = lambda step: progress.cancel() if step.done == 10 else None

    with pytest.raises(Cancelled):
        desk.searches.refresh(desk.found, progress)

    assert 10 == len(desk.find("everywhere"))
    assert (10, 10, 0) == desk.refresh()


def test_only_one_refreshes_at_a_time_and_a_crashed_one_blocks_nobody(desk: Desk) -> None:
    folder = desk.searches.documents.folder
    folder.mkdir(parents=True)
    holding = (
        "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX);"
        "print(1, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(folder / "refresh.lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert desk.searches.refresh(desk.found, Progress()).busy
        other.kill()

    assert 3 == desk.refresh()[0]


@pytest.mark.parametrize("what", ["database", "talk", "cut", "gone", "version"])
def test_a_damaged_index_is_made_anew_and_answers_rightly(desk: Desk, what: str) -> None:
    desk.refresh()
    folder = desk.searches.documents.folder
    desk.searches.searcher.close()
    match what:
        case "database":
            (folder / "index.db").write_bytes(os.urandom(20_000))
        case "talk":
            path = folder / "talk-0.txt"
            path.write_bytes(b"z" * path.stat().st_size)
        case "cut":
            os.truncate(folder / "talk-0.txt", 5)
        case "gone":
            (folder / "talk-0.txt").unlink()
        case "version":
            import sqlite3
            from contextlib import closing

            with closing(sqlite3.connect(folder / "index.db")) as database:
                database.execute("PRAGMA user_version=99")
    for leftover in folder.glob("index.db-*"):
        leftover.unlink()

    assert 3 == desk.refresh()[0]
    assert {0, 1, 2} == set(desk.find("cookie"))


def test_an_index_that_cannot_be_written_says_so(desk: Desk) -> None:
    folder = desk.searches.documents.folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file stands in the way")

    with pytest.raises(StoreError):
        desk.refresh()
    assert [] == desk.find("cookie")


def test_tool_text_beyond_the_quota_is_left_out_the_oldest_first(tmp_path: Path) -> None:
    for number in range(4):
        path = write(tmp_path, number, said("user", "everywhere"), gave(f"output{number} " * 100_000))
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))
    desk = Desk(tmp_path, Config(index=IndexSection(tool_text_mb=1)))
    desk.refresh()

    assert 4 == len(desk.find("everywhere"))
    assert [3] == desk.find("output3")
    assert [] == desk.find("output0")


def test_databases_are_indexed_like_files(tmp_path: Path) -> None:
    with SessionManager(native_store(tmp_path / ".data")) as manager:
        session = manager.create(project="/srv/mill")
        manager.add_message(session.key, Role.USER, "the elephant remembers")
    desk = Desk(tmp_path)

    assert 1 == desk.refresh()[0]
    assert 1 == len(desk.find("elephant"))


def test_reading_for_the_index_leaves_every_store_as_it_was(desk: Desk) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in desk.home.rglob("*.jsonl")}
    desk.refresh()
    assert before == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in desk.home.rglob("*.jsonl")}


def test_a_line_is_never_cut_in_two(desk: Desk) -> None:
    path = write(desk.home, 7, said("user", "ä" * 200_000 + " elephant"))
    desk.refresh()
    grow(path, said("user", "giraffe"))
    desk.refresh()
    assert [[7], [7]] == [desk.find("elephant"), desk.find("giraffe")]
