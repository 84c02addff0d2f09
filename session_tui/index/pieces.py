"""From passages to pieces of folded text, ready to be appended to the segments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from session_tui.adapters.passages import Passage
from session_tui.index.marks import Marks, code_of
from session_tui.index.segments import TALK, WORK
from session_tui.query import Features, fold

PIECE_BYTES: Final = 4 << 20
"""A piece is written when it has grown to this, so that memory stays bounded for the longest session."""
_SAID: Final = frozenset({"text", "summary", "title"})
_CLEANED: Final = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ\n\r\t\0", b"abcdefghijklmnopqrstuvwxyz   \n")
_MANY: Final = 512
"""How many tool names or files are kept of one session."""


class Piece(msgspec.Struct, gc=False):
    """Text of one kind from one session, one passage a line, and the packed marks of its passages."""

    kind: str
    text: bytes
    marks: bytes


class _Growing:
    """A piece in the making: the texts, and for each where it starts, its message's position and its code."""

    __slots__ = ("codes", "kind", "positions", "size", "starts", "texts")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.clear()

    def clear(self) -> None:
        self.texts: list[bytes] = []
        self.starts: list[int] = []
        self.positions: list[int] = []
        self.codes = bytearray()
        self.size = 0

    def taken(self) -> Piece:
        marks = Marks.of(self.starts, self.positions, self.codes)
        # A passage ends with a byte that no text keeps, so that all are cleaned in one go.
        text = b"\0".join([*self.texts, b""]).translate(_CLEANED)
        self.clear()
        return Piece(self.kind, text, marks.packed())


def folded(text: str) -> bytes:
    """``text`` as it lies in a segment: folded, on one line, so that a phrase is found across line ends."""
    return _encoded(text).translate(_CLEANED).replace(b"\n", b" ")


def _encoded(text: str) -> bytes:
    """``text`` folded but for what `_CLEANED` does."""
    return text.encode() if text.isascii() else fold(text).encode("utf-8", "replace")


class _Codes(dict[tuple[str, str], tuple[int, bool]]):
    """The code of a role and part, and whether such was said; the roles asked for are noted in ``roles``."""

    def __init__(self, roles: set[str]) -> None:
        super().__init__()
        self._roles = roles

    def __missing__(self, key: tuple[str, str]) -> tuple[int, bool]:
        self._roles.add(key[0])
        self[key] = known = (code_of(*key), key[1] in _SAID)
        return known


class Gathering:
    """The pieces of one session, made one after the other, and the features seen on the way."""

    def __init__(self, *, work: bool) -> None:
        """Start; without ``work`` only what was said is gathered."""
        self._work = work
        self._has: set[str] = set()
        self._tools: set[str] = set()
        self._files: set[str] = set()
        self._roles: set[str] = set()

    def pieces(self, passages: Iterable[Passage]) -> Iterator[Piece]:
        """The passages' text in pieces of at most about `PIECE_BYTES`."""
        talk, work = _Growing(TALK), _Growing(WORK)
        codes = _Codes(self._roles)
        for position, role, part, text, name, files, has in passages:
            if name or files or has:
                self._note(name, files, has)
            code, said = codes[role, part]
            if said:
                piece = talk
                if part == "text" and "```" in text:
                    self._has.add("code")
            elif self._work:
                piece = work
            else:
                continue
            if text:
                encoded = text.encode() if text.isascii() else _encoded(text)
                piece.starts.append(piece.size)
                piece.positions.append(position)
                piece.codes.append(code)
                piece.texts.append(encoded)
                piece.size += len(encoded) + 1
                if piece.size >= PIECE_BYTES:
                    yield piece.taken()
        for piece in (talk, work):
            if piece.texts:
                yield piece.taken()

    def _note(self, name: str, files: tuple[str, ...], has: frozenset[str]) -> None:
        if has:
            self._has |= has
        if name and len(self._tools) < _MANY:
            self._tools.add(name)
        if files and len(self._files) < _MANY:
            self._files.update(files)

    def features(self) -> Features:
        """What occurred in everything gathered so far."""
        return Features(
            frozenset(self._has),
            frozenset(fold(tool) for tool in self._tools),
            frozenset(fold(file) for file in self._files),
            frozenset(self._roles),
        )
