"""Text segments: append-only files of folded text, one passage a line, scanned for substrings in chunks.

Every piece of text is known by its segment, start and length; what lies between pieces is waste. Files only grow,
so that what a reader knows stays true while somebody appends.
"""

from __future__ import annotations

import os
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from session_tui.adapters.files import PRIVATE_FILE

try:
    from stringzilla import count as _count
    from stringzilla import find as _find
except ImportError:  # No wheel for this machine: the same answers, several times slower.

    def _find(haystack: bytes, needle: bytes, start: int = 0, end: int = 1 << 62) -> int:
        return haystack.find(needle, start, end)

    def _count(haystack: bytes, needle: bytes) -> int:
        return haystack.count(needle)


CHUNK: Final = 1 << 20
"""Bytes read at once: memory stays flat, and other threads get their turn between two chunks."""
TALK: Final = "talk"
"""The kind of segment that holds what was said, and summaries."""
WORK: Final = "work"
"""The kind of segment that holds thinking, tool calls and results, and injected context."""


class Segment:
    """One file of text, open for reading."""

    __slots__ = ("_descriptor", "path")

    def __init__(self, path: Path) -> None:
        """Open ``path``.

        Raises:
            OSError: it cannot be opened.
        """
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()

    def read(self, start: int, length: int) -> bytes:
        """The bytes at ``start``; fewer where the file ends.

        Raises:
            OSError: it cannot be read.
        """
        return os.pread(self._descriptor, length, start)

    def size(self) -> int:
        """How long the file is now."""
        return os.fstat(self._descriptor).st_size

    def first_in_each(
        self, needle: bytes, starts: Sequence[int], ends: Sequence[int], pause: Callable[[], None]
    ) -> Iterator[tuple[int, int]]:
        """The pieces that hold ``needle``, by their number among ``starts`` and ``ends`` (both ascending), each with
        the offset of its first occurrence. ``pause`` is called between chunks and may raise to stop.

        Raises:
            OSError: the file cannot be read.
        """
        overlap = len(needle) - 1
        position, end = (starts[0], ends[-1]) if starts else (0, 0)
        while position < end:
            pause()
            chunk = os.pread(self._descriptor, min(CHUNK + overlap, end - position), position)
            if len(chunk) <= overlap:
                return
            at = _find(chunk, needle)
            while at >= 0:
                offset = position + at
                piece = bisect_right(starts, offset) - 1
                if offset + len(needle) <= ends[piece]:
                    yield piece, offset
                    at = ends[piece] - position
                else:
                    at = starts[piece + 1] - position if piece + 1 < len(starts) else len(chunk)
                if at >= len(chunk):
                    break
                at = _find(chunk, needle, at)
            position = max(position + len(chunk) - overlap, position + at)


def find(text: bytes, needle: bytes, start: int = 0) -> int:
    """Where ``needle`` stands in ``text`` from ``start`` on; -1 nowhere."""
    return int(_find(text, needle, start))


def count(text: bytes, needle: bytes) -> int:
    """How often ``needle`` stands in ``text``."""
    return int(_count(text, needle))


class SegmentWriter:
    """Appends pieces to one file."""

    def __init__(self, path: Path) -> None:
        """Open or make ``path``.

        Raises:
            OSError: it cannot be opened.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        self._descriptor = os.open(path, flags, PRIVATE_FILE)
        self.end = os.fstat(self._descriptor).st_size

    def append(self, data: bytes) -> tuple[int, int]:
        """Write ``data`` at the end; returns where it starts and its checksum.

        Raises:
            OSError: it cannot be written; what was written of it is waste.
        """
        start, view = self.end, memoryview(data)
        while view:
            written = os.write(self._descriptor, view)
            self.end += written
            view = view[written:]
        return start, zlib.crc32(data)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)
