"""Files of other programs: stamps that tell a change, capped reads, and atomic writes of our own."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from heapq import nlargest
from pathlib import Path

from session_tui.adapters import witness
from session_tui.errors import StoreDamaged, StoreError, StoreMissing, StoreReadOnly

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700


def stamp(*paths: Path) -> str:
    """A text that differs whenever one of the files was changed, replaced, added or taken away."""
    return ";".join(_stamp(path) for path in paths)


def _stamp(path: Path) -> str:
    try:
        return stamp_of(path.stat())
    except OSError:
        return "-"


def stamp_of(status: os.stat_result) -> str:
    """The stamp of one file from its stat: modification time, size and inode."""
    return f"{status.st_mtime_ns}:{status.st_size}:{status.st_ino}"


def modified_at(status: os.stat_result) -> datetime:
    """A file's modification time as an aware datetime."""
    return datetime.fromtimestamp(status.st_mtime, UTC)


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """The entries of ``folder`` by name; symbolic links are entries, never followed here.

    Raises:
        StoreError: it cannot be listed.
    """
    try:
        with os.scandir(folder) as listing:
            return sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        raise failure(error, folder) from error


def newest(folders: Iterable[Path], suffix: str, limit: int) -> list[tuple[str, os.stat_result]]:
    """At most ``limit`` regular files whose names end in ``suffix``, by path with their stats, the last modified
    first; what is gone meanwhile is left out.

    Raises:
        StoreError: a folder cannot be listed.
    """
    found: list[tuple[int, str, os.stat_result]] = []
    for folder in folders:
        try:
            with os.scandir(folder) as listing:
                for entry in listing:
                    if not entry.name.endswith(suffix):
                        continue
                    try:
                        status = entry.stat()
                    except FileNotFoundError:
                        continue
                    found.append((status.st_mtime_ns, entry.path, status))
        except OSError as error:
            raise failure(error, folder) from error
    last = nlargest(limit, found)
    return [(path, status) for _, path, status in last if stat.S_ISREG(status.st_mode)]


def read(path: Path, *, limit: int) -> bytes:
    """The whole file.

    Raises:
        StoreDamaged: it holds more than ``limit`` bytes.
        StoreError: it cannot be read.
    """
    data = head(path, limit + 1)
    if len(data) > limit:
        raise StoreDamaged(f"larger than {limit:,} bytes", where=str(path))
    return data


def head(path: Path, length: int) -> bytes:
    """The first ``length`` bytes of the file.

    Raises:
        StoreError: it cannot be read.
    """
    with opened(path) as descriptor:
        return pread(descriptor, 0, length)


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A descriptor for reading a regular file, never blocking on a pipe or device.

    Raises:
        StoreError: it cannot be opened, is no regular file, or fails while it is read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise failure(error, path) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise StoreDamaged("not a regular file", where=str(path))
        yield descriptor
    except OSError as error:
        raise failure(error, path) from error
    finally:
        os.close(descriptor)


def pread(descriptor: int, offset: int, length: int) -> bytes:
    """Up to ``length`` bytes at ``offset``; fewer where the file ends. The file position stays."""
    parts: list[bytes] = []
    while length > 0:
        part = os.pread(descriptor, min(length, 1 << 24), offset)
        if not part:
            break
        parts.append(part)
        offset += len(part)
        length -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def failure(error: OSError, path: Path | str) -> StoreError:
    """The error to raise for a file operation that failed, with what to do about it."""
    where = str(path)
    what = (error.strerror or str(error)).lower()
    match error:
        case FileNotFoundError():
            return StoreMissing("no such file or directory", where=where)
        case PermissionError():
            return StoreError("permission denied", where=where, hint=f"make it readable: chmod u+r '{where}'")
        case _ if error.errno == 28:
            return StoreError("no space left on device", where=where, hint="free some space and try again")
        case _ if error.errno == 30:
            return StoreReadOnly("read-only file system", where=where)
        case _:
            return StoreError(what, where=where)


def write_atomic(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Replace ``path`` by ``data`` in one step: temporary file, fsync, rename, fsync of the directory.

    An existing file keeps its permissions; a new one gets ``mode`` (default 0600).

    Raises:
        StoreError: it could not be written; the old file is as it was and nothing is left behind.
    """
    if told := witness.present():
        told.writing(path, data)
    import tempfile

    try:
        descriptor, name = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
    except OSError as error:
        raise failure(error, path) from error
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode(path, mode))
        temporary.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise failure(error, path) from error


def _mode(path: Path, wanted: int | None) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return PRIVATE_FILE if wanted is None else wanted


def sync_directory(folder: Path) -> None:
    """Make a rename or a new name in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_directory(folder: Path) -> Path:
    """Make ``folder`` and its parents, ours readable by us alone, and return it.

    Raises:
        StoreError: it cannot be made.
    """
    try:
        folder.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    except OSError as error:
        raise failure(error, folder) from error
    return folder
