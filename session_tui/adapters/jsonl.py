"""JSON Lines as other programs leave them: BOM, blank, bad, torn, overlong and invalid lines.

Lines end at ``\\n`` alone. A line is numbered among the non-blank ones, bad and skipped ones counted, so that
its number stays its identity. Records are decoded by msgspec where it can, and by the standard library where
a line holds what only that accepts (lone surrogates, ``NaN``); bytes that are no UTF-8 become U+FFFD.
"""

from __future__ import annotations

import json
import os
import weakref
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from session_tui.adapters import files
from session_tui.errors import StoreDamaged
from session_tui.text import REPLACEMENT, scrub

BOM: Final = b"\xef\xbb\xbf"
MAX_LINE: Final = 64 * 1024 * 1024
"""A longer line is skipped: no program writes one on purpose, and decoding it would take seconds."""
_CHUNK: Final = 1 << 20
_decoder = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Line:
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
    meanwhile."""
    with os.fdopen(os.dup(descriptor), "rb", buffering=_CHUNK) as file:
        file.seek(start)
        offset, index, number = start, 0, 0
        while raw := file.readline(MAX_LINE + 1):
            length, number = len(raw), number + 1
            while not raw.endswith(b"\n") and length > MAX_LINE and (more := file.readline(_CHUNK)):
                length += len(more)
                raw = more
            body = _body(raw, offset) if length <= MAX_LINE else b""
            if body or length > MAX_LINE:
                yield Line(index, number, offset, length, body, torn=not raw.endswith(b"\n"))
                index += 1
            offset += length


def _body(raw: bytes, offset: int) -> bytes:
    body = raw.rstrip(b"\r\n")
    if offset == 0 and body.startswith(BOM):
        body = body[len(BOM) :]
    return body if body.strip() else b""


def tail(path: Path, length: int) -> list[bytes]:
    """The whole lines within the last ``length`` bytes, without line ends; a first, cut one is left out.

    Raises:
        StoreError: the file cannot be read.
    """
    with files.opened(path) as descriptor:
        size = os.fstat(descriptor).st_size
        start = max(0, size - length)
        data = files.pread(descriptor, start, length)
    parts = data.split(b"\n")
    return [part for part in (parts[1:] if start else parts) if part.strip()]


class Records:
    """Lines of one file to be read again on demand, by offset, while the file may change.

    The descriptor stays open as long as the object lives, so a replaced file can still be read to its end.
    """

    def __init__(self, path: Path) -> None:
        """Open ``path``.

        Raises:
            StoreError: it cannot be opened.
        """
        with files.opened(path) as descriptor:
            self._descriptor = os.dup(descriptor)
        weakref.finalize(self, os.close, self._descriptor)
        self.path = path
        self.status = os.fstat(self._descriptor)
        self._offsets = array("Q")
        self._lengths = array("Q")

    def lines(self) -> Iterator[Line]:
        """All lines, as `lines` yields them."""
        return lines(self._descriptor)

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
        raw = files.pread(self._descriptor, self._offsets[position], self._lengths[position])
        return decode(_body(raw, self._offsets[position]))
