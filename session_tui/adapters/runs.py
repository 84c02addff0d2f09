"""Runs of whole lines decoded at once, which takes a fraction of the time of decoding them one by one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol, TypeVar

import msgspec

from session_tui.adapters import files
from session_tui.adapters.jsonl import BOM, MAX_LINE

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
_BUFFER: Final = 1 << 20
_FAILURES: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Decoding(Protocol[T_co]):
    """What decodes one line, or many; a `msgspec.json.Decoder` does."""

    def decode(self, buf: bytes, /) -> T_co:
        """The record of a line."""
        ...

    def decode_lines(self, buf: memoryview, /) -> Sequence[T_co]:
        """The records of some lines."""
        ...


def records(
    path: Path, start: int, end: int, decoder: Decoding[T], lenient: Callable[[bytes], T]
) -> Iterator[tuple[int, T]]:
    """The records of the non-blank lines that begin between two offsets, where lines begin, each with its line's
    offset; `msgspec.Raw` values hold good until the next record is asked for.

    Args:
        lenient: makes a record of a line that ``decoder`` does not take.

    Raises:
        StoreError: it cannot be read.
    """
    with files.opened(path) as descriptor:
        for offset, buffer, length in _runs(descriptor, start, end):
            yield from _decoded(offset, buffer, length, decoder, lenient)


def _runs(descriptor: int, start: int, end: int) -> Iterator[tuple[int, bytearray, int]]:
    """Runs of whole lines, the last one perhaps torn, that begin between two offsets: where each begins, a buffer
    that is used again, and how many of its bytes count. A line longer than `MAX_LINE` is left out."""
    buffer = bytearray(min(_BUFFER, max(end - start, 1) + 1))
    offset, held = start, 0
    while offset < end:
        read = os.preadv(descriptor, [memoryview(buffer)[held:]], offset + held)
        if not read:
            break
        before, held = held, held + read
        enough = end - offset
        # The line that begins last before the end belongs to the run.
        last = buffer.find(b"\n", enough - 1, held) if held >= enough else buffer.rfind(b"\n", before, held)
        whole = last + 1
        if whole:
            yield offset, buffer, whole
            offset += whole
            held -= whole
            buffer[:held] = buffer[whole : whole + held]
        elif held == len(buffer):
            if held >= MAX_LINE:
                offset, held = _next_line(descriptor, offset + held), 0
            else:
                buffer = _longer(buffer)
    if held and offset < end:
        yield offset, buffer, held


def _next_line(descriptor: int, position: int) -> int:
    """Where the line after the one at ``position`` begins."""
    while chunk := os.pread(descriptor, _BUFFER, position):
        newline = chunk.find(b"\n")
        if newline >= 0:
            return position + newline + 1
        position += len(chunk)
    return position


def _decoded(
    offset: int, buffer: bytearray, length: int, decoder: Decoding[T], lenient: Callable[[bytes], T]
) -> Iterator[tuple[int, T]]:
    starts, at, find = [0], 0, buffer.find
    while at := find(b"\n", at, length) + 1:
        starts.append(at)
    if starts[-1] == length:
        starts.pop()
    found: Sequence[T] = ()
    # Where some line is bad, it is told from the others below.
    with suppress(*_FAILURES):
        found = decoder.decode_lines(memoryview(buffer)[:length])
    if len(found) == len(starts):
        yield from zip([offset + begin for begin in starts] if offset else starts, found, strict=True)
        return
    for begin, end in zip(starts, [*starts[1:], length], strict=True):
        line = bytes(memoryview(buffer)[begin:end])
        if begin + offset == 0:
            line = line.removeprefix(BOM)
        if not line.isspace():
            yield offset + begin, _one(line, decoder, lenient)


def _one(line: bytes, decoder: Decoding[T], lenient: Callable[[bytes], T]) -> T:
    try:
        return decoder.decode(line)
    except _FAILURES:
        return lenient(line)


def _longer(buffer: bytearray) -> bytearray:
    """A buffer of twice the size with the same beginning; records may still look at the old one."""
    longer = bytearray(2 * len(buffer))
    longer[: len(buffer)] = buffer
    return longer
