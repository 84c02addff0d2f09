"""Who else is using a file: advisory locks and open descriptors, looked at without taking or leaving any."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from session_tui.adapters.files import failure
from session_tui.errors import StoreLocked

_PROC = Path("/proc")


def is_held(path: Path) -> bool:
    """Whether a process, this one too, holds a ``flock`` on ``path``. A file that is not there is held by nobody.

    On Linux the kernel's own list is read, which takes no lock; elsewhere a shared lock is tried and let go.
    """
    try:
        status = path.stat()
    except OSError:
        return False
    holders = _holders(status.st_ino)
    if holders is None:
        return _try_lock(path)
    identity = (status.st_dev, status.st_ino)
    return any(device == status.st_dev or identity in _opened(process) for device, process in holders)


def _holders(inode: int) -> list[tuple[int, str]] | None:
    """Device and process of every ``flock`` that the kernel lists for files of this number."""
    try:
        lines = (_PROC / "locks").read_text().splitlines()
    except OSError:
        return None
    found = []
    for line in lines:
        parts = line.split()
        if len(parts) < 6 or parts[1] != "FLOCK":
            continue
        major, minor, number = parts[5].split(":")
        if int(number) == inode:
            found.append((os.makedev(int(major, 16), int(minor, 16)), parts[4]))
    return found


def _opened(process: str) -> set[tuple[int, int]]:
    """The files that a process has open. Where file systems are stacked the kernel's list names another device
    than a file's own, so that only this tells one file from another of the same number."""
    found = set()
    for name in _descriptors(process):
        try:
            status = os.stat(name)  # noqa: PTH116 - a Path for each would cost ten times that
        except OSError:
            continue
        found.add((status.st_dev, status.st_ino))
    return found


def _descriptors(process: str) -> list[str]:
    folder = _PROC / process / "fd"
    try:
        return [f"{folder}/{name}" for name in os.listdir(folder)]  # noqa: PTH208 - names alone, as above
    except OSError:
        return []


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
    for name in _descriptors(process):
        try:
            yield os.readlink(name)  # noqa: PTH115 - as above
        except OSError:
            continue


@contextmanager
def holding(path: Path, *, seconds: float = 5.0, create: bool = True) -> Iterator[int]:
    """Hold an exclusive ``flock`` on ``path``, a file or a directory, and yield its descriptor.

    Raises:
        StoreLocked: another process held it for longer than ``seconds``.
    """
    access = os.O_RDONLY if path.is_dir() else os.O_RDWR | (os.O_CREAT if create else 0)
    descriptor = os.open(path, access | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor, path, monotonic() + seconds)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def owning(path: Path, *, seconds: float = 5.0) -> Iterator[None]:
    """Hold a lock file that is there only while it is held: it is made, locked with ``flock``, says the number of
    this process, and is removed before it is let go.

    Raises:
        StoreLocked: another process held it for longer than ``seconds``.
        StoreError: it cannot be made.
    """
    try:
        descriptor = _owned(path, monotonic() + seconds)
    except OSError as error:
        raise failure(error, path) from error
    try:
        _sign(descriptor, path)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _owned(path: Path, deadline: float) -> int:
    """The descriptor of the locked file that ``path`` names; a holder before may have removed the one opened."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(descriptor, path, deadline)
            if _names(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _sign(descriptor: int, path: Path) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        os.fsync(descriptor)
    except OSError as error:
        raise failure(error, path) from error


def _names(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


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
