"""Writing into other programs' directories without ever leaving something half-done there.

What is to be written is made in the item's own directory, brought to the disk and moved into place, so that a
kill leaves no stray file with the program. Only where the trash lies on another file system does a file
``.tmp-<name>`` stand beside the target for a moment; it always has that name, so that a repetition clears it.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from session_tui.adapters import files
from session_tui.trash import removing

_NAME: Final = "staged"


def replace(path: Path, parts: Iterable[bytes], folder: Path, *, mode: int, mtime_ns: int | None = None) -> None:
    """Put a file that holds ``parts`` in the place of ``path``, made in the item ``folder``.

    Raises:
        StoreError: it cannot be written; what was there stays.
    """
    try:
        staged = _free(folder)
        with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, files.PRIVATE_FILE), "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        if mtime_ns is not None:
            os.utime(staged, ns=(mtime_ns, mtime_ns))
        _move(staged, path)
    except OSError as error:
        raise files.failure(error, path) from error


def link(path: Path, target: str, folder: Path) -> None:
    """Put a symbolic link in the place of ``path``.

    Raises:
        StoreError: it cannot be made; what was there stays.
    """
    try:
        staged = _free(folder)
        staged.symlink_to(target)
        _move(staged, path)
    except OSError as error:
        raise files.failure(error, path) from error


def mode_of(path: Path) -> int:
    """The permissions of ``path``, those of a private file where there is none."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return files.PRIVATE_FILE


def _free(folder: Path) -> Path:
    """A free place in the item, where a restoration that was cut off may have left something."""
    staged = folder / _NAME
    if os.path.lexists(staged):
        removing.file(staged)
    return staged


def _move(staged: Path, path: Path) -> None:
    try:
        staged.replace(path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = path.with_name(f".tmp-{path.name}")
        if os.path.lexists(beside):
            removing.file(beside)
        shutil.copy2(staged, beside, follow_symlinks=False)
        if not beside.is_symlink():
            with files.opened(beside) as descriptor:
                os.fsync(descriptor)
        beside.replace(path)
    files.sync_directory(path.parent)
