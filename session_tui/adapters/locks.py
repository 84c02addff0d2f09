"""Who else is using a file: advisory locks and open descriptors, looked at without taking or leaving any."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from session_tui.errors import StoreLocked

_PROC = Path("/proc")


def is_held(path: Path) -> bool:
    """Whether another process holds a ``flock`` on ``path``. A file that is not there is held by nobody.

    On Linux the kernel's own list is read, which takes no lock; elsewhere a shared lock is tried and let go.
    """
    try:
        status = path.stat()
    except OSError:
        return False
    listed = _listed_locks()
    if listed is not None:
        return (status.st_dev, status.st_ino) in listed
    return _try_lock(path)


def _listed_locks() -> set[tuple[int, int]] | None:
    try:
        lines = (_PROC / "locks").read_text().splitlines()
    except OSError:
        return None
    found = set()
    for line in lines:
        parts = line.split()
        if len(parts) < 6 or "->" in parts:
            continue
        major, minor, inode = parts[5].split(":")
        found.add((os.makedev(int(major, 16), int(minor, 16)), int(inode)))
    return found


def _try_lock(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def open_elsewhere(paths: Iterable[str]) -> frozenset[str] | None:
    """Those of ``paths`` that another process of this user has open; ``None`` where that cannot be known."""
    wanted = set(paths)
    own = str(os.getpid())
    found: set[str] = set()
    try:
        processes = [entry.name for entry in os.scandir(_PROC) if entry.name.isdigit() and entry.name != own]
    except OSError:
        return None
    for process in processes:
        found.update(target for target in _open_files(process) if target in wanted)
    return frozenset(found)


def _open_files(process: str) -> Iterator[str]:
    folder = _PROC / process / "fd"
    try:
        descriptors = os.listdir(folder)  # noqa: PTH208 - names alone, a Path for each would cost ten times that
    except OSError:
        return
    for descriptor in descriptors:
        try:
            yield os.readlink(f"{folder}/{descriptor}")  # noqa: PTH115 - as above
        except OSError:
            continue


@contextmanager
def holding(path: Path, *, seconds: float = 5.0, create: bool = True) -> Iterator[int]:
    """Hold an exclusive ``flock`` on ``path`` and yield its descriptor.

    Raises:
        StoreLocked: another process held it for longer than ``seconds``.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        _lock(descriptor, path, monotonic() + seconds)
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, deadline: float) -> None:
    pause = 0.005
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() >= deadline:
                raise StoreLocked(
                    "another program holds it", where=str(path), hint="close it there and try again"
                ) from None
            sleep(pause)
            pause = min(pause * 2, 0.1)
        else:
            return
