"""JSON Lines as other programs leave them: BOM, blank, bad, torn, overlong and invalid lines.

Lines end at ``\\n`` alone. A line is numbered among the non-blank ones, bad and skipped ones counted, so that
its number stays its identity. Records are decoded by msgspec where it can, and by the standard library where
a line holds what only that accepts (lone surrogates, ``NaN``); bytes that are no UTF-8 become U+FFFD.
"""

from __future__ import annotations

import json
import os
import re
import weakref
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from session_tui.adapters import files
from session_tui.errors import StoreDamaged
from session_tui.text import REPLACEMENT, scrub

BOM: Final = b"\xef\xbb\xbf"
MAX_LINE: Final = 64 * 1024 * 1024
"""A longer line is skipped: no program writes one on purpose, and decoding it would take seconds."""
_CHUNK: Final = 1 << 16
_decoder = msgspec.json.Decoder()


class Line(msgspec.Struct, frozen=True, gc=False):
    """A non-blank line: ``index`` among those, ``number`` among all from one, where it lies, and its bytes
    without the line end. ``raw`` is empty when the line is longer than `MAX_LINE`; ``torn`` marks a last line
    without a line end."""

    index: int
    number: int
    offset: int
    length: int
    raw: bytes
    torn: bool = False


@dataclass(frozen=True, slots=True)
class Decoded:
    """A line's value; ``lossy`` when invalid text in it was replaced."""

    value: object
    lossy: bool = False


def decode(raw: bytes) -> Decoded:
    """The JSON value of a line.

    Raises:
        StoreDamaged: it is not JSON.
    """
    try:
        return Decoded(_decoder.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_leniently(raw)


def _decode_leniently(raw: bytes) -> Decoded:
    text = raw.decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else _reason(raw, str(error))
        raise StoreDamaged(what) from error
    clean = _scrubbed(value)
    return Decoded(clean, lossy=clean is not value or (REPLACEMENT.encode() not in raw and REPLACEMENT in text))


def _reason(raw: bytes, message: str) -> str:
    if raw[:64].strip(b"\0") == b"":
        return "NUL bytes instead of a record"
    return f"not JSON: {message.partition(':')[0].lower()}"


def _scrubbed(value: object) -> object:
    """``value`` itself when it can be encoded, else a copy without lone surrogates."""
    match value:
        case str():
            clean = scrub(value)
            return value if clean == value else clean
        case list():
            items = [_scrubbed(item) for item in value]
            return value if all(a is b for a, b in zip(items, value, strict=True)) else items
        case dict():
            pairs = {scrub(key): _scrubbed(item) for key, item in value.items()}
            same = all(key in pairs and pairs[key] is item for key, item in value.items())
            return value if same else pairs
        case _:
            return value


def lines(descriptor: int, *, start: int = 0) -> Iterator[Line]:
    """The non-blank lines of an open file from byte ``start``, read in chunks; the file may grow or shrink
    meanwhile. The descriptor's own position is neither used nor moved."""
    index = number = 0
    offset = position = start
    pieces: list[bytes] = []
    held = 0
    while chunk := os.pread(descriptor, _CHUNK, position):
        position += len(chunk)
        parts = chunk.split(b"\n")
        last = parts.pop()
        for part in parts:
            number += 1
            raw = part
            length = len(part) + 1
            if held:
                length += held
                raw = b"" if length > MAX_LINE else b"".join((*pieces, part))
                pieces, held = [], 0
            if offset == 0 or raw[-1:] == b"\r":
                raw = _body(raw, offset)
            if (raw and not raw.isspace()) or length > MAX_LINE:
                yield Line(index, number, offset, length, raw)
                index += 1
            offset += length
        held += len(last)
        pieces = [*pieces, last] if held <= MAX_LINE else []
    raw = _body(b"".join(pieces), offset)
    if (raw and not raw.isspace()) or held > MAX_LINE:
        yield Line(index, number + 1, offset, held, raw, torn=True)


def _body(raw: bytes, offset: int) -> bytes:
    """``raw`` without its line end, and at the start of a file without a byte order mark."""
    body = raw.rstrip(b"\r\n")
    return body.removeprefix(BOM) if offset == 0 else body


def tail(path: Path, length: int) -> list[bytes]:
    """The whole lines within the last ``length`` bytes, without line ends; a first, cut one is left out.

    Raises:
        StoreError: the file cannot be read.
    """
    return edges(path, length).last


class Edges(NamedTuple):
    """A file's state, and the non-blank lines at its start and at its end; the same lines where it is small."""

    status: os.stat_result
    first: list[bytes]
    last: list[bytes]


def edges(path: Path, length: int) -> Edges:
    """The whole lines within the first and the last ``length`` bytes, without line ends.

    A first line that is longer is read to its end, up to sixteen times ``length``.

    Raises:
        StoreError: the file cannot be read.
    """
    with files.opened(path) as descriptor:
        status = os.fstat(descriptor)
        size = status.st_size
        start = files.pread(descriptor, 0, length)
        end = files.pread(descriptor, size - length, length) if size > length else start
        if size > length and b"\n" not in start:
            start = files.pread(descriptor, 0, 16 * length)
    start = start.removeprefix(BOM)
    if size <= length:
        whole = _whole(start.split(b"\n"))
        return Edges(status, whole, whole)
    first = start.split(b"\n")
    return Edges(status, _whole(first[:-1] if len(start) < size else first), _whole(end.split(b"\n")[1:]))


def _whole(parts: list[bytes]) -> list[bytes]:
    return [part for part in parts if part and not part.isspace()]


def objects(lines: Iterable[bytes]) -> Iterator[Mapping[str, object]]:
    """The objects among ``lines``, decoded one by one; what cannot be decoded is left out."""
    for line in lines:
        try:
            value = decode(line).value
        except StoreDamaged:
            continue
        if isinstance(value, Mapping):
            yield value


def typed(lines: Iterable[bytes], *kinds: str) -> Iterator[Mapping[str, object]]:
    """The `objects` among ``lines`` whose ``type``, which stands near their start, is one of ``kinds``."""
    mark = _mark(kinds)
    found = objects(line for line in lines if mark(line, 0, 64))
    return (value for value in found if value.get("type") in kinds)


@lru_cache
def _mark(kinds: tuple[str, ...]) -> Callable[[bytes, int, int], re.Match[bytes] | None]:
    return re.compile(b'"type": ?"(%b)"' % "|".join(kinds).encode()).search


class Records:
    """Lines of one file to be read again on demand, by offset, while the file may change.

    The descriptor stays open as long as the object lives, so a replaced file can still be read to its end.
    """

    def __init__(self, path: Path, *, tail: int = 0) -> None:
        """Open ``path``; with ``tail`` only the lines that begin within so many bytes of its end are looked at.

        Raises:
            StoreError: it cannot be opened.
        """
        with files.opened(path) as descriptor:
            self.descriptor = os.dup(descriptor)
        weakref.finalize(self, os.close, self.descriptor)
        self.path = path
        self.status = os.fstat(self.descriptor)
        self.start = 0
        if tail and self.status.st_size > tail:
            cut = self.status.st_size - tail
            line_end = files.pread(self.descriptor, cut, tail).find(b"\n")
            self.start = cut + line_end + 1 if line_end >= 0 else self.status.st_size
        self._offsets = array("Q")
        self._lengths = array("Q")

    def lines(self) -> Iterator[Line]:
        """All lines, as `lines` yields them.

        Raises:
            StoreError: the file cannot be read to its end.
        """
        try:
            yield from lines(self.descriptor)
        except OSError as error:
            raise files.failure(error, self.path) from error

    def keep(self, line: Line) -> int:
        """Remember where ``line`` lies and return the number to ask `decoded` for it by."""
        self._offsets.append(line.offset)
        self._lengths.append(line.length)
        return len(self._offsets) - 1

    def decoded(self, position: int) -> Decoded:
        """The value of a kept line, read anew.

        Raises:
            StoreDamaged: it is not JSON (any more).
        """
        return self.at(self._offsets[position], self._lengths[position])

    def at(self, offset: int, length: int) -> Decoded:
        """The value of the line that lies there, read anew.

        Raises:
            StoreDamaged: it is not JSON (any more).
            StoreError: it cannot be read.
        """
        try:
            raw = files.pread(self.descriptor, offset, length)
        except OSError as error:
            raise files.failure(error, self.path) from error
        return decode(_body(raw, offset))
