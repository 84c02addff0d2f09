"""Whole files and directories in the trash: copied before a change, taken away, put back.

Symbolic links are kept as links and never followed. A file is put back byte for byte; what was written behind
the state the change left is kept behind the restored part.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

from session_tui.adapters import files
from session_tui.errors import StoreError, StoreLocked
from session_tui.trash import removing, staging
from session_tui.trash.manifest import ABSENT, FileState, KeptFile

COPIES: Final = "files"
_CHUNK: Final = 1 << 20
_ATTEMPTS: Final = 5


# ── looking ───────────────────────────────────────────────────────────────────────────────────────────


def tree(path: Path) -> Iterator[Path]:
    """``path`` under its real directory, and all below it where it is a directory itself, parents first."""
    path = path.parent.resolve() / path.name
    yield path
    if path.is_dir() and not path.is_symlink():
        for entry in files.entries(path):
            yield from tree(Path(entry.path))


def state(path: Path) -> FileState:
    """What ``path`` holds now.

    Raises:
        StoreError: it cannot be read, or is neither file, link nor directory.
    """
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return _state_of(path, status)
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    except OSError as error:
        raise files.failure(error, path) from error
    return _state_of(path, status, digest=digest(path))


def _state_of(path: Path, status: os.stat_result, *, digest: str = "") -> FileState:
    mode, mtime = stat.S_IMODE(status.st_mode), status.st_mtime_ns
    if stat.S_ISLNK(status.st_mode):
        return FileState(kind="link", target=os.fspath(path.readlink()), mtime_ns=mtime)
    if stat.S_ISDIR(status.st_mode):
        return FileState(kind="directory", mode=mode, mtime_ns=mtime)
    if stat.S_ISREG(status.st_mode):
        return FileState(kind="file", size=status.st_size, digest=digest, mode=mode, mtime_ns=mtime)
    raise StoreError("neither a file nor a directory", where=str(path), hint="it is left alone; move it away first")


def digest(path: Path, length: int | None = None) -> str:
    """The SHA-256 of the file, or of its first ``length`` bytes, in hex."""
    sum = hashlib.sha256()
    with files.opened(path) as descriptor:
        for part in _parts(descriptor, 0, length):
            sum.update(part)
    return sum.hexdigest()


def _parts(descriptor: int, offset: int, length: int | None = None) -> Iterator[bytes]:
    left = length if length is not None else -1
    while left and (part := files.pread(descriptor, offset, _CHUNK if left < 0 else min(left, _CHUNK))):
        yield part
        offset += len(part)
        left -= len(part) if left > 0 else 0


# ── keeping ───────────────────────────────────────────────────────────────────────────────────────────


def keep(paths: Iterable[Path], folder: Path) -> list[KeptFile]:
    """Copy what ``paths`` hold, directories with all below, into the item ``folder``.

    Raises:
        StoreLocked: a file keeps changing while it is copied.
        StoreError: something cannot be read or copied.
    """
    kept: dict[Path, KeptFile] = {}
    for path in chain.from_iterable(map(tree, paths)):
        if path in kept:
            continue
        name = f"{COPIES}/{len(kept):04d}"
        before = state_copied(path, folder / name)
        kept[path] = KeptFile(path=str(path), before=before, copy=name if before.kind == "file" else "")
    return list(kept.values())


def state_copied(path: Path, copy: Path) -> FileState:
    """What ``path`` holds, a file's bytes written to ``copy`` and safe on the disk."""
    for _ in range(_ATTEMPTS):
        try:
            status = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return ABSENT
        except OSError as error:
            raise files.failure(error, path) from error
        if not stat.S_ISREG(status.st_mode):
            return _state_of(path, status)
        with files.opened(path) as descriptor:
            written = _copied(descriptor, copy)
            after = os.fstat(descriptor)
        if files.stamp_of(status) == files.stamp_of(after):
            return _state_of(path, after, digest=written)
    raise StoreLocked("it keeps changing", where=str(path), hint="close the program that writes it and try again")


def _copied(source: int, copy: Path) -> str:
    sum = hashlib.sha256()
    try:
        files.private_directory(copy.parent)
        descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, files.PRIVATE_FILE)
        with os.fdopen(descriptor, "wb") as target:
            for part in _parts(source, 0):
                sum.update(part)
                target.write(part)
            target.flush()
            os.fsync(target.fileno())
    except OSError as error:
        raise files.failure(error, copy) from error
    return sum.hexdigest()


# ── taking away ───────────────────────────────────────────────────────────────────────────────────────


def unchanged(kept: Iterable[KeptFile]) -> bool:
    """Whether every path still looks as it did when it was kept, told by size and time."""
    return all(_looks(Path(each.path)) == _remembered(each.before) for each in kept)


def _looks(path: Path) -> tuple[object, ...]:
    try:
        return _remembered(_state_of(path, path.lstat()))
    except (FileNotFoundError, NotADirectoryError):
        return _remembered(ABSENT)


def _remembered(state: FileState) -> tuple[object, ...]:
    if state.kind == "directory":
        return (state.kind,)
    return (state.kind, state.size, state.target, state.mtime_ns if state.kind == "file" else 0)


def take(kept: Iterable[KeptFile], folder: Path) -> list[KeptFile]:
    """Remove what was kept and say what is in the item now: bytes written to a file in its last moment went
    into its copy. A directory that holds something new stays.

    Raises:
        StoreError: something cannot be removed.
    """
    taken = [_taken(each, folder) for each in reversed(list(kept))]
    for parent in {Path(each.path).parent for each in taken if each.before.kind != "absent"}:
        try:
            if parent.is_dir():
                files.sync_directory(parent)
        except OSError as error:
            raise files.failure(error, parent) from error
    return taken[::-1]


def _taken(kept: KeptFile, folder: Path) -> KeptFile:
    path, before = Path(kept.path), kept.before
    if before.kind == "directory":
        removing.empty_directory(path)
    elif before.kind == "link":
        removing.file(path)
    elif before.kind == "file":
        with files.opened(path) as descriptor:
            removing.file(path)
            last = os.fstat(descriptor)
            if (last.st_size, last.st_mtime_ns) != (before.size, before.mtime_ns):
                written = _copied(descriptor, folder / kept.copy)
                before = _state_of(path, os.fstat(descriptor), digest=written)
    return KeptFile(path=kept.path, before=before, copy=kept.copy, after=ABSENT)


# ── putting back ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done with one path: nothing, unless ``change``; ``tail`` is where in the file that is there
    now begins what stays behind the restored part. ``conflict`` says why it should not be done, ``barred``
    that it must not be."""

    kept: KeptFile
    now: FileState
    change: bool = True
    tail: int | None = None
    conflict: str = ""
    barred: bool = False


def plan(kept: KeptFile, folder: Path) -> Step:
    """How ``kept`` would be put back where it was."""
    path = Path(kept.path)
    if path.parent.resolve() != path.parent:
        return Step(kept, ABSENT, conflict=f"{path.parent} leads elsewhere now", barred=True)
    now, before, after = state(path), kept.before, kept.after
    if now.holds_same(before):
        return Step(kept, now, change=False)
    if now.kind == "absent" or (after is not None and now.holds_same(after)):
        return Step(kept, now)
    if before.kind == now.kind == "file":
        first = max(filter(None, (before, after)), key=lambda each: each.size)
        for each in (first, before, after):
            if each is not None and has_grown(each, now, path):
                return Step(kept, now, change=each is not before, tail=each.size)
        shortened = _shortened(kept, folder / kept.copy, path)
        if shortened is not None:
            return Step(kept, now, tail=shortened)
    return Step(kept, now, conflict=f"{path} was written again since")


def has_grown(state: FileState, now: FileState, path: Path) -> bool:
    """Whether the file ``path``, which is ``now`` so, begins with what it held before and goes on."""
    if state.kind != "file" or not 0 < state.size < now.size:
        return False
    return digest(path, state.size) == state.digest


def _shortened(kept: KeptFile, copy: Path, path: Path) -> int | None:
    """Where the new lines begin in a file that lost its first lines since and may have grown at its end; ``None``
    when that is not what happened. Only told of files the change left as they were."""
    if kept.after is None or not kept.after.holds_same(kept.before):
        return None
    with copy.open("rb") as old, path.open("rb") as new:
        first = new.readline()
        while first.endswith(b"\n") and (line := old.readline()):
            if line == first and (end := _common_end(old, new, len(first))) is not None:
                return end
            new.seek(len(first))
    return None


def _common_end(old: BinaryIO, new: BinaryIO, start: int) -> int | None:
    """Where ``new`` goes on after all the rest of ``old``; ``None`` when it does not hold that rest."""
    place, end = old.tell(), start
    while part := old.read(_CHUNK):
        if new.read(len(part)) != part:
            old.seek(place)
            return None
        end += len(part)
    return end


def put_back(step: Step, folder: Path) -> None:
    """Do what ``step`` says, in one atomic replacement.

    Raises:
        StoreLocked: the path was written while this went on.
        StoreError: it cannot be written.
    """
    path, before = Path(step.kept.path), step.kept.before
    if not step.change:
        return
    if _looks(path) != _remembered(step.now):
        raise StoreLocked("it keeps changing", where=str(path), hint="close the program that writes it and try again")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        match before.kind:
            case "absent":
                _away(path, step.now)
            case "directory":
                path.mkdir(exist_ok=True)
            case "link":
                staging.link(path, before.target, folder)
            case "file":
                mtime = before.mtime_ns if step.tail is None else None
                staging.replace(path, _whole(step, path, folder), folder, mode=before.mode, mtime_ns=mtime)
        files.sync_directory(path.parent)
    except OSError as error:
        raise files.failure(error, path) from error


def _away(path: Path, now: FileState) -> None:
    if now.kind == "directory":
        removing.empty_directory(path)
    elif now.kind != "absent":
        removing.file(path)


def _whole(step: Step, path: Path, folder: Path) -> Iterator[bytes]:
    """The kept bytes, then those that stay behind them."""
    with files.opened(folder / step.kept.copy) as descriptor:
        yield from _parts(descriptor, 0)
    if step.tail is not None:
        with files.opened(path) as descriptor:
            yield from _parts(descriptor, step.tail)


def settle(steps: Iterable[Step]) -> None:
    """Give directories that were removed their modes and times, after all is in them again.

    Raises:
        StoreError: they cannot be had.
    """
    for step in reversed(list(steps)):
        path, before = Path(step.kept.path), step.kept.before
        was_removed = step.kept.after is None or step.kept.after.kind == "absent"
        if was_removed and before.kind == "directory":
            try:
                path.chmod(before.mode)
                os.utime(path, ns=(before.mtime_ns, before.mtime_ns))
            except OSError as error:
                raise files.failure(error, path) from error
