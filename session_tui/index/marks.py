"""Where the passages of a piece of text begin, and what each one is, packed for keeping."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from session_tui.query import PARTS

ROLES: Final = ("user", "assistant", "system", "tool")
_ROLE_CODES: Final = {role: code for code, role in enumerate(ROLES)}
_PART_CODES: Final = {part: code << 2 for code, part in enumerate(PARTS)}
_NO_POSITION: Final = (1 << 48) - 1


def code_of(role: str, part: str) -> int:
    """The byte that stands for a role and a part."""
    return _PART_CODES.get(part, 0) | _ROLE_CODES.get(role, 2)


class Marks:
    """The passages of one piece, in order: where each begins in the piece, where its message is found again, and
    its role and part. Packed, a passage takes 13 bytes: 4, 8 and 1."""

    __slots__ = ("_codes", "_positions", "_starts")

    def __init__(self) -> None:
        self._starts = array("I")
        self._positions = array("Q")
        self._codes = bytearray()

    def __len__(self) -> int:
        return len(self._starts)

    def add(self, start: int, position: int, role: str, part: str) -> None:
        """Note that a passage begins at ``start``."""
        self._starts.append(start)
        self._positions.append(_NO_POSITION if position < 0 else position)
        self._codes.append(code_of(role, part))

    @classmethod
    def of(cls, starts: Iterable[int], positions: Iterable[int], codes: bytearray) -> Marks:
        """Marks of passages that begin at ``starts``, with their messages' positions and their codes."""
        marks = cls()
        marks._starts.extend(starts)
        marks._positions.extend([_NO_POSITION if position < 0 else position for position in positions])
        marks._codes = codes
        return marks

    def at(self, offset: int) -> int:
        """The number of the passage that holds the byte at ``offset``."""
        return max(0, bisect_right(self._starts, offset) - 1)

    def start(self, number: int) -> int:
        """Where passage ``number`` begins."""
        return self._starts[number]

    def end(self, number: int, length: int) -> int:
        """Where passage ``number`` ends in a piece of ``length`` bytes."""
        return self._starts[number + 1] if number + 1 < len(self._starts) else length

    def position(self, number: int) -> int:
        """Where the passage's message is found again; -1 where it belongs to none."""
        position = self._positions[number]
        return -1 if position == _NO_POSITION else position

    def role(self, number: int) -> str:
        """Who said the passage."""
        return ROLES[self._codes[number] & 3]

    def part(self, number: int) -> str:
        """What kind of passage it is."""
        return PARTS[self._codes[number] >> 2]

    def packed(self) -> bytes:
        """All of it as bytes, little-endian."""
        starts, positions = self._starts, self._positions
        if sys.byteorder == "big":
            starts, positions = array("I", starts), array("Q", positions)
            starts.byteswap()
            positions.byteswap()
        return len(starts).to_bytes(4, "little") + starts.tobytes() + positions.tobytes() + bytes(self._codes)

    @classmethod
    def unpacked(cls, data: bytes) -> Marks:
        """What `packed` made.

        Raises:
            ValueError: the bytes are something else.
        """
        marks = cls()
        count = int.from_bytes(data[:4], "little")
        if len(data) != 4 + 13 * count:
            raise ValueError("damaged marks")
        marks._starts.frombytes(data[4 : 4 + 4 * count])
        marks._positions.frombytes(data[4 + 4 * count : 4 + 12 * count])
        marks._codes = bytearray(data[4 + 12 * count :])
        if sys.byteorder == "big":
            marks._starts.byteswap()
            marks._positions.byteswap()
        return marks
