"""The lines of a file as views into one buffer: nothing is copied, so that a file of a gigabyte costs what its
decoding costs. `jsonl.lines` yields the same lines as bytes of their own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from session_tui.adapters import files
from session_tui.adapters.jsonl import BOM, MAX_LINE, Line

_BUFFER: Final = 1 << 20
_BLANK: Final = frozenset(b" \t\r\n\v\f")


class Span(msgspec.Struct, gc=False):
    """A non-blank line, told as `jsonl.Line` tells it. ``raw`` holds good until the next one is asked for; what is
    to be kept of it must be copied, `msgspec.Raw` values decoded from it too."""

    index: int
    number: int
    offset: int
    length: int
    raw: memoryview
    torn: bool = False

    def line(self) -> Line:
        """The line with bytes of its own."""
        return Line(self.index, self.number, self.offset, self.length, bytes(self.raw), self.torn)


def opened(path: Path, *, start: int = 0) -> Iterator[Span]:
    """The non-blank lines of the file from byte ``start``, where a line must begin.

    Raises:
        StoreError: it cannot be read.
    """
    with files.opened(path) as descriptor:
        yield from spans(descriptor, start=start)


def spans(descriptor: int, *, start: int = 0) -> Iterator[Span]:
    """The non-blank lines of an open file from byte ``start``, where a line must begin; ``index`` and ``number``
    count from there. The file may grow or shrink meanwhile. A line longer than `jsonl.MAX_LINE` has no bytes."""
    buffer = bytearray(_BUFFER)
    view = memoryview(buffer)
    index = number = held = dropped = 0
    offset = position = start
    while read := os.preadv(descriptor, [view[held:]], position):
        position += read
        end, begin = held + read, 0
        while (at := buffer.find(b"\n", begin, end)) >= 0:
            number += 1
            length = dropped + at + 1 - begin
            raw = view[begin:at] if not dropped else view[:0]
            if offset == 0 or (at > begin and buffer[at - 1] == 0x0D) or dropped:
                raw = _body(raw, offset)
            if dropped or (len(raw) and not (raw[0] in _BLANK and bytes(raw).isspace())):
                yield Span(index, number, offset, length, raw)
                index += 1
            offset += length
            begin, dropped = at + 1, 0
        held = end - begin
        if held == len(buffer):
            if held >= MAX_LINE:
                dropped, held = dropped + held, 0
                continue
            grown = bytearray(2 * held)
            grown[:held] = buffer
            buffer, view = grown, memoryview(grown)
        elif begin:
            buffer[:held] = buffer[begin:end]
    raw = _body(view[:held] if not dropped else view[:0], offset)
    if dropped or (len(raw) and not bytes(raw).isspace()):
        yield Span(index, number + 1, offset, dropped + held, raw, torn=True)


def _body(raw: memoryview, offset: int) -> memoryview:
    """``raw`` without its line end, and at the start of a file without a byte order mark."""
    while len(raw) and raw[-1] in b"\r\n":
        raw = raw[:-1]
    return raw[len(BOM) :] if offset == 0 and bytes(raw[: len(BOM)]) == BOM else raw
