"""Whatever happens to stores, disk and index meanwhile: correct results afterwards, memory bounded, no crash."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from session_tui.adapters import runs
from session_tui.errors import SessionTuiError, StoreError
from session_tui.index import refresh as refreshing
from session_tui.index.documents import Gathered
from session_tui.index.gathering import Gatherer, Reading
from session_tui.progress import Progress
from tests.unit.searching import Desk, gave, lines, said, session_id, write

MEGABYTE = 1_000_000
_INDEXING = """
import resource, signal, sys
from pathlib import Path
from session_tui.errors import SessionTuiError
from session_tui.progress import Progress
from tests.unit.searching import Desk

desk = Desk(Path(sys.argv[1]))
{before}
try:
    outcome = desk.searches.refresh(desk.found, Progress())
except SessionTuiError as error:
    print("told:", error.what, "/", error.hint)
else:
    print("read:", outcome.read, len(outcome.failures), outcome.busy)
# What `getrusage` tells has the memory of the process that started this one as its least.
status = Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else []
peaks = [line.split()[1] for line in lines if line.startswith("VmHWM")]
print("peak:", int(peaks[0]) // 1024 if peaks else 0)
"""
_FULL_DISK = """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes}, {bytes}))
"""


def indexing(home: Path, before: str = "") -> subprocess.Popen[str]:
    """Another program that refreshes the index of ``home``."""
    command = [sys.executable, "-c", _INDEXING.replace("{before}", before), str(home)]
    folder = Path(__file__).parents[2]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder)


def told(process: subprocess.Popen[str]) -> str:
    """What such a program said until it ended, which must be without an error."""
    out, errors = process.communicate(timeout=60)
    assert (0, "") == (process.returncode, errors)
    return out


def meddling(monkeypatch: pytest.MonkeyPatch, meddle: Callable[[], None]) -> None:
    """Have something happen once in the middle of reading, after the first block of a file."""
    decoded, done = runs._decoded, list[bool]()

    def interrupted(*arguments: object) -> object:
        if not done:
            done.append(True)
            meddle()
        return decoded(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(runs, "_decoded", interrupted)


# ── files that change while they are read ─────────────────────────────────────────────────────────────


def test_a_file_that_grows_by_half_a_line_while_it_is_read_is_found_whole_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, 0, *(said("user", f"question {number}") for number in range(9)))
    late = lines([said("assistant", "the elephant")])

    def half() -> None:
        with path.open("ab") as file:
            file.write(late[:50])

    meddling(monkeypatch, half)
    desk = Desk(tmp_path)
    desk.refresh()
    assert [[0], []] == [desk.find('"question 8"'), desk.find("elephant")]

    with path.open("ab") as file:
        file.write(late[50:])
    desk.refresh()
    assert [[0], [0]] == [desk.find('"question 8"'), desk.find("elephant")]


@pytest.mark.parametrize("left", [0, 1, 4_000, 1_500_000])
def test_a_file_that_shrinks_while_it_is_read_is_read_anew_at_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    first = lines([said("assistant", "the zebra")])
    path = write(tmp_path, 0, said("assistant", "the zebra"), *(said("user", "word " * 500) for _ in range(900)))
    path.write_bytes(first + path.read_bytes()[len(first) :])
    meddling(monkeypatch, lambda: os.truncate(path, left))
    desk = Desk(tmp_path)
    desk.refresh()
    monkeypatch.undo()

    with path.open("ab") as file:
        file.write(b"\n" + lines([said("assistant", "the elephant")]))
    desk.refresh()

    assert [0] == desk.find("elephant")
    assert ([0] if left > len(first) else []) == desk.find("zebra")


def test_a_file_that_is_gone_or_no_file_any_more_costs_only_itself(tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path, number, said("assistant", "everywhere"))
    desk = Desk(tmp_path)
    found = desk.found
    folder = tmp_path / ".claude/projects/-srv-mill"
    (folder / f"{session_id(0)}.jsonl").unlink()
    (folder / f"{session_id(1)}.jsonl").unlink()
    (folder / f"{session_id(1)}.jsonl").mkdir()
    (folder / f"{session_id(2)}.jsonl").unlink()
    os.mkfifo(folder / f"{session_id(2)}.jsonl")

    outcome = desk.searches.refresh(found, Progress())

    assert 3 == len(outcome.failures)
    assert [3] == desk.find("everywhere")


# ── stores of strange shapes ──────────────────────────────────────────────────────────────────────────


def test_links_in_a_circle_end_somewhere(tmp_path: Path) -> None:
    path = write(tmp_path, 0, said("assistant", "everywhere"))
    (path.parent / "again").symlink_to(path.parent, target_is_directory=True)
    (path.parent / session_id(0)).mkdir()
    (path.parent / session_id(0) / "subagents").symlink_to(path.parent.parent, target_is_directory=True)
    (path.parent / f"{session_id(1)}.jsonl").symlink_to(path.parent / f"{session_id(1)}.jsonl")
    rollouts = tmp_path / ".codex/sessions/2026"
    rollouts.mkdir(parents=True)
    (rollouts / "07").symlink_to(rollouts, target_is_directory=True)
    desk = Desk(tmp_path)

    desk.refresh()

    assert 0 in desk.find("everywhere")
    assert 0 == desk.refresh()[0]


def test_very_many_tiny_sessions_are_all_found(tmp_path: Path) -> None:
    for number in range(2000):
        write(tmp_path, number, said("assistant", f"everywhere needle{number:05}"))
    desk = Desk(tmp_path)

    assert (2000, 0, 0) == desk.refresh()
    assert 2000 == len(desk.find("everywhere"))
    assert [150] == desk.find("needle00150")
    assert (0, 2000, 0) == desk.refresh()


@pytest.mark.parametrize("hole", ["before", "after"])
def test_a_sparse_file_takes_no_more_memory_than_any(tmp_path: Path, hole: str) -> None:
    record = lines([said("assistant", "the elephant")])
    path = write(tmp_path, 0, said("assistant", "the zebra"))
    with path.open("r+b") as file:
        file.seek(300 * MEGABYTE)
        file.write(b"\n" + record if hole == "before" else b"")
        file.truncate()

    out = told(indexing(tmp_path))

    assert "read: 1 0 False" in out
    assert int(out.split("peak:")[1]) < 300
    desk = Desk(tmp_path)
    assert 0 == desk.refresh()[0]
    assert [0] == desk.find("zebra")
    assert ([0] if hole == "before" else []) == desk.find("elephant")


def test_a_long_session_takes_no_more_memory_than_a_piece_of_it(tmp_path: Path) -> None:
    block = lines([gave("compiling the orchard " * 2000, number) for number in range(100)])
    path = write(tmp_path, 0, said("assistant", "the zebra"))
    with path.open("ab") as file:
        for _ in range(60):
            file.write(block)
        file.write(lines([said("assistant", "the elephant")]))

    out = told(indexing(tmp_path, "import session_tui.index.refresh as one; one._INLINE_BYTES = 1 << 40"))

    assert "read: 1 0 False" in out
    assert int(out.split("peak:")[1]) < 150
    desk = Desk(tmp_path)
    assert 0 == desk.refresh()[0]
    assert [[0], [0], [0]] == [desk.find("zebra"), desk.find("elephant"), desk.find('"the orchard compiling"')]


def test_one_endless_line_is_left_out_and_the_rest_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MAX_LINE", 1 << 20)
    path = write(tmp_path, 0, said("assistant", "the zebra"))
    with path.open("ab") as file:
        file.write(lines([said("assistant", "giraffe " * MEGABYTE)]))
        file.write(lines([said("assistant", "the elephant")]))
    desk = Desk(tmp_path)
    desk.refresh()

    assert [[0], [], [0]] == [desk.find("zebra"), desk.find("giraffe"), desk.find("elephant")]
    hit = desk.searches.hits(desk.library.parsed("elephant"), desk.sessions, limit=5).hits[0]
    assert "the elephant" == hit.snippet


@pytest.mark.parametrize(
    "junk",
    [
        b"\0" * 5000,
        b"\xff\xfe" * 900,
        b"{" * 5000,
        b"[" * 100_000,
        b'{"type":"user","message":7}',
        b"\xef\xbb\xbf",
        b"\r\n\r",
    ],
    ids=["zeros", "no UTF-8", "braces", "deep", "other types", "byte order mark", "blank"],
)
def test_junk_between_lines_costs_only_itself(tmp_path: Path, junk: bytes) -> None:
    path = write(tmp_path, 0, said("assistant", "the zebra"))
    with path.open("ab") as file:
        file.write(junk + b"\n" + lines([said("assistant", "the elephant")]))
    desk = Desk(tmp_path)
    desk.refresh()

    assert [[0], [0]] == [desk.find("zebra"), desk.find("elephant")]
    hits = desk.searches.hits(desk.library.parsed("elephant"), desk.sessions, limit=5).hits
    assert ["the elephant"] == [hit.snippet for hit in hits]


# ── a disk that is full ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("room", [0, 20_000, 400_000])
def test_a_full_disk_is_told_and_what_was_there_is_still_found(tmp_path: Path, room: int) -> None:
    write(tmp_path, 0, said("assistant", "everywhere zebra"))
    desk = Desk(tmp_path)
    desk.refresh()
    desk.searches.searcher.close()
    for number in range(1, 8):
        write(tmp_path, number, said("assistant", "everywhere"), gave(os.urandom(150_000).hex()))

    out = told(indexing(tmp_path, _FULL_DISK.format(bytes=room)))

    assert "told:" in out
    assert [0] == desk.find("zebra")
    desk.refresh()
    assert set(range(8)) == set(desk.find("everywhere"))
    assert 0 == desk.refresh()[0]


def test_a_full_disk_in_worker_processes_is_told_and_made_up_for(tmp_path: Path) -> None:
    for number in range(6):
        write(tmp_path, number, said("assistant", "everywhere"), gave(os.urandom(150_000).hex()))
    before = _FULL_DISK.format(bytes=200_000)

    out = told(indexing(tmp_path, f"import session_tui.index.refresh as one; one._INLINE_BYTES = 0\n{before}"))

    assert "told: file too large" in out
    desk = Desk(tmp_path)
    desk.refresh()
    assert set(range(6)) == set(desk.find("everywhere"))


# ── an index that is not what was written ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name", ["index.db", "index.db-wal", "talk-0.txt", "work-0.txt", "refresh.lock", "words-*.txt"]
)
@pytest.mark.parametrize("damage", ["garbage", "empty", "a folder"])
def test_garbage_in_place_of_any_file_is_made_good(tmp_path: Path, name: str, damage: str) -> None:
    for number in range(3):
        write(tmp_path, number, said("assistant", f"everywhere zebra{number}"), gave(f"output{number}"))
    desk = Desk(tmp_path)
    desk.refresh()
    desk.searches.searcher.update_vocabulary()
    desk.searches.searcher.close()
    path = next(desk.searches.documents.folder.glob(name), desk.searches.documents.folder / name)
    path.unlink(missing_ok=True)
    match damage:
        case "garbage":
            path.write_bytes(os.urandom(9000))
        case "empty":
            path.touch()
        case _:
            path.mkdir()

    again = Desk(tmp_path)
    try:
        again.refresh()
    except StoreError as error:
        assert damage == "a folder"
        assert "made anew" in error.hint
        path.rmdir()
        again.refresh()

    assert {0, 1, 2} == set(again.find("everywhere"))
    assert [[1], [2]] == [again.find("zebra1"), again.find("output2")]
    assert 0 == again.refresh()[0]


def test_garbage_under_a_search_that_has_the_index_open_is_no_crash(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path, number, said("assistant", "everywhere"), said("assistant", f"zebra{number}"))
    desk = Desk(tmp_path)
    desk.refresh()
    assert 3 == len(desk.find("everywhere"))
    (desk.searches.documents.folder / "talk-0.txt").write_bytes(b"")

    assert [] == desk.find("zebra1")
    desk.refresh()
    assert [1] == desk.find("zebra1")


# ── several programs ──────────────────────────────────────────────────────────────────────────────────


def test_two_programs_that_refresh_at_once_leave_one_right_index(tmp_path: Path) -> None:
    for number in range(60):
        write(tmp_path, number, said("assistant", f"everywhere needle{number:02}"), gave("output " * 9000))

    outs = [told(process) for process in [indexing(tmp_path) for _ in range(3)]]

    assert all("read: " in out for out in outs)
    desk = Desk(tmp_path)
    desk.refresh()
    assert set(range(60)) == set(desk.find("everywhere"))
    assert [[number] for number in range(60)] == [desk.find(f"needle{number:02}") for number in range(60)]
    assert 0 == desk.refresh()[0]


def test_a_search_goes_on_while_the_index_is_written_and_made_anew(tmp_path: Path) -> None:
    for number in range(40):
        write(tmp_path, number, said("assistant", f"everywhere {number}"))
    desk = Desk(tmp_path)
    desk.refresh()
    sessions, failed = desk.sessions, list[BaseException]()

    def search() -> None:
        try:
            for _ in range(40):
                desk.searches.sessions(desk.library.parsed("everywhere"), sessions)
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        desk.refresh(rebuild=True)
    for thread in threads:
        thread.join()

    assert [] == failed
    assert 40 == len(desk.find("everywhere"))


def test_a_program_killed_in_the_middle_leaves_an_index_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        write(tmp_path, number, said("assistant", "everywhere"), gave(f"output{number} " * 900))
    before = (
        "import os, session_tui.index.refresh as one\n"
        "one._SECONDS_BETWEEN_COMMITS, one._SHARE_OF_COMMITS = 0, 1e9\n"
        "commit, times = one.Refresher._commit, []\n"
        "def dying(*each):\n"
        "    commit(*each)\n"
        "    times.append(1)\n"
        "    if len(times) == 9: os.kill(os.getpid(), 9)\n"
        "one.Refresher._commit = dying"
    )
    process = indexing(tmp_path, before)
    process.communicate(timeout=60)
    assert -9 == process.returncode

    desk = Desk(tmp_path)
    assert (21, 9, 0) == desk.refresh()
    assert set(range(30)) == set(desk.find("everywhere"))


def test_a_reader_that_raises_something_of_ours_costs_only_its_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        write(tmp_path, number, said("assistant", "everywhere"))
    gather = Gatherer.gather

    def failing(self: Gatherer, reading: Reading) -> Gathered:
        if reading.number == 1:
            raise SessionTuiError("broken")
        return gather(self, reading)

    monkeypatch.setattr(Gatherer, "gather", failing)
    desk = Desk(tmp_path)
    with pytest.raises(SessionTuiError):
        desk.refresh()
    monkeypatch.undo()
    desk.refresh()

    assert {0, 1, 2} == set(desk.find("everywhere"))
    assert refreshing.Outcome().failures == []
