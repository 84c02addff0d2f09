"""The heights of many messages, where one changes often and the sum before any of them is asked for all the time.

A Fenwick tree (P. Fenwick, 1994): row to message, message to row and one change each cost O(log n).
"""

from __future__ import annotations

from collections.abc import Iterable


class Heights:
    """Heights in rows by message; a height of 0 means that nothing of the message is shown."""

    __slots__ = ("_rows", "_sums", "_top", "total")

    def __init__(self, rows: Iterable[int]) -> None:
        self._rows = list(rows)
        self._sums = [0, *self._rows]
        self.total = sum(self._rows)
        size = len(self._sums)
        self._top = 1 << (size - 1).bit_length()
        for node in range(1, size):
            parent = node + (node & -node)
            if parent < size:
                self._sums[parent] += self._sums[node]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> int:
        return self._rows[index]

    def set(self, index: int, rows: int) -> None:
        """Give the message at ``index`` another height."""
        change = rows - self._rows[index]
        if not change:
            return
        self._rows[index] = rows
        self.total += change
        node = index + 1
        while node < len(self._sums):
            self._sums[node] += change
            node += node & -node

    def before(self, index: int) -> int:
        """The rows of all messages before ``index``, which may be one past the last."""
        total = 0
        while index:
            total += self._sums[index]
            index &= index - 1
        return total

    def find(self, row: int) -> tuple[int, int]:
        """The message that holds ``row``, and the row within it; rows outside give the nearest one.

        Messages without rows are passed over, except that an empty document gives ``(0, 0)``.
        """
        row = max(0, min(row, self.total - 1))
        index, step = 0, self._top
        while step and self.total:
            node = index + step
            if node < len(self._sums) and self._sums[node] <= row:
                index, row = node, row - self._sums[node]
            step >>= 1
        return (index, row) if self.total else (0, 0)
