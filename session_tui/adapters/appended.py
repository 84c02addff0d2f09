"""Lines added to the end of a file, all or none."""

from __future__ import annotations

import os
from pathlib import Path

from session_tui.adapters import files, witness


def append(path: Path, lines: bytes) -> int:
    """Add whole ``lines`` in one write and bring them to the disk; return how long the file was before.

    A last line that was cut off gets its end first, so that nothing runs into it.

    Raises:
        StoreError: they could not be written; the file is as it was.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except OSError as error:
        raise files.failure(error, path) from error
    try:
        return _append(descriptor, path, lines)
    finally:
        os.close(descriptor)


def _append(descriptor: int, path: Path, lines: bytes) -> int:
    size = os.fstat(descriptor).st_size
    if size and files.pread(descriptor, size - 1, 1) != b"\n":
        lines = b"\n" + lines
    if told := witness.present():
        told.writing(path, files.pread(descriptor, 0, size) + lines)
    try:
        if os.write(descriptor, lines) != len(lines):
            raise OSError(28, "No space left on device")
        os.fsync(descriptor)
    except OSError as error:
        os.ftruncate(descriptor, size)
        raise files.failure(error, path) from error
    return size


def cut(path: Path, size: int) -> None:
    """Take back what was appended behind ``size`` bytes.

    Raises:
        StoreError: it cannot be taken back.
    """
    try:
        os.truncate(path, size)
    except OSError as error:
        raise files.failure(error, path) from error
