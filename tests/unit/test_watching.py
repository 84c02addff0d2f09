"""A watcher tells which stores were written to: soon, seldom, and of nothing else."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from threading import Condition
from time import monotonic, time

import pytest

from session_tui import watching
from session_tui.adapters import rows
from session_tui.adapters.base import Root, Source
from session_tui.catalog import Found
from session_tui.model import SessionKey
from session_tui.watching import Changed, Watcher

SECONDS = 20.0
LATER = 1e12
"""A moment after every write, so that nothing written before is told of."""


class Told:
    """What a watcher told, and when."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, Changed]] = []
        self._changed = Condition()

    def __call__(self, changed: Changed) -> None:
        with self._changed:
            self.calls.append((monotonic(), changed))
            self._changed.notify_all()

    @property
    def roots(self) -> set[Path]:
        """The paths of all roots told of."""
        return {root.path for _, roots in self.calls for root in roots}

    def wait(self, calls: int = 1) -> None:
        """Until that many calls came."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.calls) >= calls, SECONDS)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture(params=["told by the system", "comparing"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to learn of changes; comparing is what is left without the library."""
    if request.param == "comparing":
        monkeypatch.setitem(sys.modules, "watchfiles", None)
        monkeypatch.setattr(watching, "_SECONDS_BETWEEN_POLLS", 0.1)
        monkeypatch.setattr(watching, "_SECONDS_BETWEEN_CALLS", 0.05)
    return str(request.param)


@pytest.fixture
def watch(told: Told) -> Iterator[Callable[..., Watcher]]:
    """Starts watchers that are ready; each is stopped at the test's end."""
    started: list[Watcher] = []

    def start(*found: Found, since: float = LATER) -> Watcher:
        watcher = Watcher(found, told, since=since)
        started.append(watcher)
        watcher.start()
        assert watcher.ready.wait(SECONDS)
        return watcher

    yield start
    for watcher in started:
        watcher.stop()
        for thread in watcher.threads:
            thread.join(SECONDS)


def store(folder: Path, *names: str) -> Found:
    """A root with files of sessions in it."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / name for name in names]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}\n")
    return Found("harbour", Root(folder), tuple(Source(SessionKey("harbour", f.name), str(f), "1") for f in files))


def append(file: Path, text: str = "{}\n") -> None:
    with file.open("a") as stream:
        stream.write(text)


def database(file: Path) -> Found:
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file)) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("CREATE TABLE talks (said TEXT)")
        made.commit()
    return Found("ledger", Root(file), (Source(SessionKey("ledger", "1"), str(file), "1"),))


def test_a_line_added_tells_of_its_root_alone(
    tmp_path: Path, told: Told, watch: Callable[..., Watcher], way: str
) -> None:
    one, other = store(tmp_path / "one", "a.jsonl"), store(tmp_path / "two", "b.jsonl")
    watch(one, other)

    append(tmp_path / "one" / "a.jsonl")
    told.wait()

    assert {tmp_path / "one"} == told.roots


def test_a_file_that_comes_and_one_that_goes_are_told(
    tmp_path: Path, told: Told, watch: Callable[..., Watcher], way: str
) -> None:
    one, other = store(tmp_path / "one", "a.jsonl"), store(tmp_path / "two", "b.jsonl")
    watch(one, other)

    (tmp_path / "one" / "new.jsonl").write_text("{}\n")
    told.wait()
    (tmp_path / "two" / "b.jsonl").unlink()
    told.wait(2)

    assert [{Root(tmp_path / "one")}, {Root(tmp_path / "two")}] == [set(roots) for _, roots in told.calls[:2]]


def test_what_is_written_in_directories_made_later_is_told(
    tmp_path: Path, told: Told, watch: Callable[..., Watcher], way: str
) -> None:
    watch(store(tmp_path / "one", "year/a.jsonl"))

    (tmp_path / "one" / "next" / "month").mkdir(parents=True)
    (tmp_path / "one" / "next" / "month" / "b.jsonl").write_text("{}\n")
    told.wait()
    told.calls.clear()
    append(tmp_path / "one" / "next" / "month" / "b.jsonl", "{}\n{}\n")
    told.wait()

    assert {tmp_path / "one"} == told.roots


def test_rows_written_to_a_database_are_told_while_its_writer_keeps_it_open(
    tmp_path: Path, told: Told, watch: Callable[..., Watcher], way: str
) -> None:
    file = tmp_path / "ledger" / "talks.db"
    watch(database(file))

    with closing(sqlite3.connect(file)) as writer:
        writer.execute("INSERT INTO talks VALUES ('ahoy')")
        writer.commit()
        told.wait()

    assert {file} == told.roots


def test_reading_a_database_and_files_beside_it_are_not_told(
    tmp_path: Path, told: Told, watch: Callable[..., Watcher], way: str
) -> None:
    file, other = tmp_path / "ledger" / "talks.db", store(tmp_path / "other", "a.jsonl")
    watch(database(file), other)

    (tmp_path / "ledger" / "notes.txt").write_text("beside")
    rows.read(file, lambda opened: opened.execute("SELECT * FROM talks").fetchall())
    os.utime(file, ns=(0, file.stat().st_mtime_ns))
    append(tmp_path / "other" / "a.jsonl")
    told.wait()

    assert {tmp_path / "other"} == told.roots


def test_logs_beside_sessions_are_not_told(tmp_path: Path, told: Told, watch: Callable[..., Watcher], way: str) -> None:
    one, other = store(tmp_path / "one", "a.jsonl"), store(tmp_path / "two", "b.jsonl")
    watch(one, other)

    append(tmp_path / "one" / "program.log")
    append(tmp_path / "two" / "b.jsonl")
    told.wait()

    assert {tmp_path / "two"} == told.roots


def test_what_was_written_since_the_last_look_is_told_at_once(
    tmp_path: Path, told: Told, watch: Callable[..., Watcher], way: str
) -> None:
    old, new = store(tmp_path / "old", "a.jsonl"), store(tmp_path / "new", "b.jsonl")
    os.utime(tmp_path / "old" / "a.jsonl", (1, 1))

    watch(old, new, since=time())
    told.wait()

    assert {tmp_path / "new"} == told.roots


def test_a_burst_is_told_once_and_the_next_no_sooner_than_a_second_later(
    tmp_path: Path, told: Told, watch: Callable[..., Watcher]
) -> None:
    watch(store(tmp_path / "one", "a.jsonl"))
    for _ in range(50):
        append(tmp_path / "one" / "a.jsonl")
    told.wait()

    append(tmp_path / "one" / "a.jsonl")
    told.wait(2)

    first, second = (moment for moment, _ in told.calls)
    assert second - first >= 1.0


def test_links_that_lead_in_a_circle_are_watched_once(
    tmp_path: Path, told: Told, watch: Callable[..., Watcher], way: str
) -> None:
    one = store(tmp_path / "one", "inner/a.jsonl")
    (tmp_path / "one" / "inner" / "round").symlink_to(tmp_path / "one", target_is_directory=True)
    watch(one)

    append(tmp_path / "one" / "inner" / "a.jsonl")
    told.wait()

    assert {tmp_path / "one"} == told.roots


def test_where_the_system_has_no_watches_left_files_are_compared(
    tmp_path: Path, told: Told, watch: Callable[..., Watcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("watchfiles.watch", full)
    monkeypatch.setattr(watching, "_SECONDS_BETWEEN_POLLS", 0.1)
    watch(store(tmp_path / "one", "a.jsonl"))

    append(tmp_path / "one" / "a.jsonl")
    told.wait()

    assert {tmp_path / "one"} == told.roots


def test_network_file_systems_are_compared(
    tmp_path: Path, told: Told, watch: Callable[..., Watcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    far, mounts = tmp_path / "far away", tmp_path / "mounts"
    mounts.write_text("none / ext4 rw 0 0\nhost:/x " + str(far).replace(" ", r"\040") + " nfs4 rw 0 0\n")
    monkeypatch.setattr(watching, "_MOUNTS", mounts)
    monkeypatch.setattr(watching, "_SECONDS_BETWEEN_POLLS", 0.1)
    compared: list[str] = []
    compare = Watcher._compare

    def noting(watcher: Watcher, places: Sequence[watching._Place]) -> None:
        compared.extend(str(place.root.path) for place in places)
        compare(watcher, places)

    monkeypatch.setattr(Watcher, "_compare", noting)
    watch(store(far / "sessions", "a.jsonl"), store(tmp_path / "near", "b.jsonl"))

    assert [str(far / "sessions")] == compared


def test_stopping_ends_the_threads_within_half_a_second(
    tmp_path: Path, watch: Callable[..., Watcher], way: str
) -> None:
    watcher = watch(store(tmp_path / "one", "a.jsonl"))

    watcher.stop()
    for thread in watcher.threads:
        thread.join(0.5)

    assert [False] == [thread.is_alive() for thread in watcher.threads]


def test_nothing_is_told_after_a_stop(tmp_path: Path, told: Told, watch: Callable[..., Watcher], way: str) -> None:
    watcher = watch(store(tmp_path / "one", "a.jsonl"))

    watcher.stop()
    append(tmp_path / "one" / "a.jsonl")
    for thread in watcher.threads:
        thread.join(SECONDS)

    assert [] == told.calls


def test_a_watcher_that_nobody_stops_lets_the_program_end(tmp_path: Path) -> None:
    found = store(tmp_path / "one", "a.jsonl")
    code = (
        "import sys\nfrom pathlib import Path\nfrom session_tui.adapters.base import Root\n"
        "from session_tui.catalog import Found\nfrom session_tui.watching import Watcher\n"
        "watcher = Watcher([Found('harbour', Root(Path(sys.argv[1])))], print)\n"
        "watcher.start()\nassert watcher.ready.wait(20)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(found.root.path)], capture_output=True, text=True, timeout=SECONDS, check=False
    )

    assert (0, "") == (done.returncode, done.stderr)


def test_watching_changes_nothing(tmp_path: Path, told: Told, watch: Callable[..., Watcher], way: str) -> None:
    file = tmp_path / "ledger" / "talks.db"
    found = (store(tmp_path / "one", "a.jsonl"), database(file))
    before = contents(tmp_path)

    watch(*found)
    append(tmp_path / "one" / "a.jsonl", "more\n")
    told.wait()

    assert {**before, "one/a.jsonl": b"{}\nmore\n"} == contents(tmp_path)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
