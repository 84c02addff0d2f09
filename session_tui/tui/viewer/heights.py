"""The heights of many messages, where one changes often and the sum before any of them is asked for all the time.

Heights are summed up in blocks of about the square root of their number, so that a change is one addition and a
question goes over one list of blocks and one block, both in C: a few microseconds for a hundred thousand messages.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from math import isqrt


class Heights:
    """Heights in rows by message; a height of 0 means that nothing of the message is shown."""

    __slots__ = ("_block", "_rows", "_sums", "total")

    def __init__(self, rows: Iterable[int]) -> None:
        self._rows = list(rows)
        self._block = isqrt(len(self._rows)) or 1
        self._sums = [sum(self._rows[at : at + self._block]) for at in range(0, len(self._rows), self._block)]
        self.total = sum(self._sums)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> int:
        return self._rows[index]

    def set(self, index: int, rows: int) -> None:
        """Give the message at ``index`` another height."""
        change = rows - self._rows[index]
        self._rows[index] = rows
        self._sums[index // self._block] += change
        self.total += change

    def before(self, index: int) -> int:
        """The rows of all messages before ``index``, which may be one past the last."""
        block = index // self._block
        return sum(self._sums[:block]) + sum(self._rows[block * self._block : index])

    def find(self, row: int) -> tuple[int, int]:
        """The message that holds ``row``, and the row within it; rows outside give the nearest one.

        Messages without rows are passed over, except that an empty document gives ``(0, 0)``.
        """
        if not self.total:
            return 0, 0
        row = max(0, min(row, self.total - 1))
        block, row = _reached(self._sums, row)
        first = block * self._block
        index, row = _reached(self._rows[first : first + self._block], row)
        return first + index, row


def _reached(rows: list[int], row: int) -> tuple[int, int]:
    """The position at which the sum of ``rows`` passes ``row``, and what is left of it there."""
    ends = list(accumulate(rows))
    index = bisect_right(ends, row)
    return index, row - (ends[index - 1] if index else 0)
