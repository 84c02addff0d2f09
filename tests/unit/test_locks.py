"""Locks of other programs are seen without being taken; our own are held and let go."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from session_tui.adapters import locks
from session_tui.errors import StoreLocked

HOLDER = (
    "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); input()"
)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another process holds a lock on ``path``."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdin
        assert "held\n" == process.stdout.readline()
        try:
            yield
        finally:
            process.stdin.write("\n")
            process.stdin.close()
            process.wait()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "a.lock"
    path.write_text("4711")
    return path


def test_a_lock_of_another_process_is_seen(lock: Path) -> None:
    with held(lock):
        assert locks.is_held(lock) is True
    assert locks.is_held(lock) is False


def test_a_stale_file_or_none_is_not_held(lock: Path, tmp_path: Path) -> None:
    assert locks.is_held(lock) is False
    assert locks.is_held(tmp_path / "nowhere") is False


def test_a_lock_on_another_file_does_not_count(lock: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.lock"
    other.write_text("")

    with held(other):
        assert locks.is_held(lock) is False


def test_a_record_lock_is_no_flock(lock: Path) -> None:
    with lock.open("r+") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        assert locks.is_held(lock) is False


def test_looking_takes_no_lock_and_changes_nothing(lock: Path) -> None:
    before = lock.stat()

    locks.is_held(lock)

    with lock.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert ("4711", before.st_mtime_ns) == (lock.read_text(), lock.stat().st_mtime_ns)


def test_without_the_kernels_list_a_lock_is_tried(lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_PROC", tmp_path / "no proc")

    with held(lock):
        assert locks.is_held(lock) is True
    assert locks.is_held(lock) is False


def listing(lock: Path, device: str, inode: int) -> str:
    return f"1: FLOCK  ADVISORY  WRITE {os.getpid()} {device}:{inode} 0 EOF\n"


@pytest.mark.parametrize("opened", [True, False])
def test_on_stacked_file_systems_the_holders_open_files_decide(
    lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: bool
) -> None:
    fake = tmp_path / "proc"
    (fake / str(os.getpid()) / "fd").mkdir(parents=True)
    (fake / "locks").write_text(listing(lock, "ff:ff", lock.stat().st_ino))
    if opened:
        (fake / str(os.getpid()) / "fd" / "3").symlink_to(lock)
    monkeypatch.setattr(locks, "_PROC", fake)

    assert opened is locks.is_held(lock)


def test_open_files_of_other_processes_are_found(lock: Path, tmp_path: Path) -> None:
    other = tmp_path / "unopened"
    other.write_text("")

    with held(lock):
        assert frozenset({str(lock)}) == locks.open_elsewhere([str(lock), str(other)])
    assert frozenset() == locks.open_elsewhere([str(lock)])


def test_our_own_lock_is_held_and_let_go(lock: Path) -> None:
    with locks.holding(lock):
        assert locks.is_held(lock) is True
    assert locks.is_held(lock) is False


def test_a_busy_lock_is_not_waited_for_longer_than_asked(lock: Path) -> None:
    with held(lock), pytest.raises(StoreLocked), locks.holding(lock, seconds=0.01):
        pass
