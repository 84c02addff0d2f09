"""The lines of a JSON Lines file decoded many at a time, which takes a third of the time they take one by one.

Where a stretch of the file holds anything unusual (a blank, bad, torn or very long line) its lines are looked at one
by one, as `jsonl.lines` yields them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice, takewhile
from typing import Final, Generic, TypeVar

import msgspec

from session_tui.adapters import files, jsonl
from session_tui.adapters.jsonl import Line

T = TypeVar("T")
_BUFFER: Final = 1 << 18
"""Bytes decoded at once: little enough to stay in a processor's cache between being read and being decoded."""
_LONG_BUFFER: Final = 1 << 22
"""Bytes looked through for the end of a line that is longer."""


class Batch(Generic[T]):
    """Lines that follow each other: their values, and for each where it begins (``starts``) and where it ends
    (``ends``) in the file, line end included. ``index`` is that of the first line. What the values hold undecoded,
    and the lines themselves, hold good until the next batch is asked for."""

    __slots__ = ("_line", "ends", "index", "starts", "values")

    def __init__(
        self, values: list[T], starts: list[int], ends: list[int], index: int, line: Callable[[int], Line]
    ) -> None:
        self.values = values
        self.starts = starts
        self.ends = ends
        self.index = index
        self._line = line

    def line(self, position: int) -> Line:
        """The line at ``position`` of the batch."""
        return self._line(position)


def batches(
    records: jsonl.Records, decoder: msgspec.json.Decoder[T], otherwise: Callable[[Line], T]
) -> Iterator[Batch[T]]:
    """All non-blank lines of a file, or of its tail, with the values that ``decoder`` finds in them; lines that it does
    not take are given to ``otherwise``.

    Raises:
        StoreError: the file cannot be read to its end.
    """
    descriptor, buffer = records.descriptor, bytearray(_BUFFER)
    offset = records.start
    index = number = held = 0
    try:
        while read := os.preadv(descriptor, [memoryview(buffer)[held:]], offset + held):
            held, found = held + read, buffer.rfind(b"\n", held, held + read) + 1
            if not found and held < _LONG_BUFFER:
                buffer = buffer if held < len(buffer) else _grown(buffer)
                continue
            batch = _at_once(buffer, found, decoder, (offset, index, number))
            lines = [] if batch else _one_by_one(descriptor, offset, found, index, number)
            if lines:
                batch = _looked_at(lines, decoder, otherwise)
            if batch is not None:
                yield batch
                index += len(batch.values)
            if found:
                number += buffer.count(b"\n", 0, found) if lines or batch is None else len(batch.values)
                buffer[: held - found] = buffer[found:held]
                offset, held = offset + found, held - found
            elif not lines or lines[-1].torn:
                return
            else:
                offset, number, held = lines[-1].offset + lines[-1].length, lines[-1].number, 0
        if held and (lines := _one_by_one(descriptor, offset, held, index, number)):
            yield _looked_at(lines, decoder, otherwise)
    except OSError as error:
        raise files.failure(error, records.path) from error


def _grown(buffer: bytearray) -> bytearray:
    grown = bytearray(2 * len(buffer))
    grown[: len(buffer)] = buffer
    return grown


def _at_once(
    buffer: bytearray, length: int, decoder: msgspec.json.Decoder[T], place: tuple[int, int, int]
) -> Batch[T] | None:
    """The batch of all lines in the first ``length`` bytes, which stand at ``place``: a byte of the file, and how many
    lines there are before it, non-blank ones and all; ``None`` where a line is blank or not taken, or there is
    none."""
    try:
        values = decoder.decode_lines(memoryview(buffer)[:length])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    offset, index, number = place
    ends: list[int] = []
    find, note, end = buffer.find, ends.append, 0
    while end := find(b"\n", end, length) + 1:
        note(offset + end)
    if not values or len(values) != len(ends):
        return None
    starts = [offset, *ends[:-1]]

    def line(position: int) -> Line:
        start, end = starts[position], ends[position]
        raw = bytes(memoryview(buffer)[start - offset : end - offset]).rstrip(b"\r\n")
        return Line(index + position, number + position + 1, start, end - start, raw)

    return Batch(values, starts, ends, index, line)


def _one_by_one(descriptor: int, offset: int, length: int, index: int, number: int) -> list[Line]:
    """The lines within ``length`` bytes at ``offset``; the first line that ends behind them where there is none."""
    lines = jsonl.lines(descriptor, start=offset)
    chosen = takewhile(lambda line: line.offset < offset + length, lines) if length else islice(lines, 1)
    return [
        Line(index + line.index, number + line.number, line.offset, line.length, line.raw, line.torn) for line in chosen
    ]


def _looked_at(found: list[Line], decoder: msgspec.json.Decoder[T], otherwise: Callable[[Line], T]) -> Batch[T]:
    values = []
    for line in found:
        try:
            values.append(decoder.decode(line.raw))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            values.append(otherwise(line))
    starts = [line.offset for line in found]
    ends = [line.offset + line.length for line in found]
    return Batch(values, starts, ends, found[0].index, found.__getitem__)
