"""Which line of the list shows which session: under headings, of groups that may be folded, one or two lines each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence, Set
from itertools import pairwise
from typing import NamedTuple

from session_tui.model.lean import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """Sessions that stand together: what tells the group from others, the words of its heading, how many sessions
    it has, and the store whose sign goes before the words, if any."""

    key: str
    label: str
    count: int
    store: str = ""


class Place(NamedTuple):
    """What stands in a line: the ``part``-th line of the session at ``row``, or the heading of ``group``."""

    row: int
    part: int = 0
    group: Group | None = None


class Lines:
    """The lines of ``count`` sessions, each ``height`` lines; ``groups`` are theirs in order, without any they have
    no headings. A folded group shows its heading alone."""

    def __init__(
        self, count: int, height: int = 1, groups: Sequence[Group] = (), folded: Set[str] = frozenset()
    ) -> None:
        self.height = height
        self.groups = groups
        self._heading = 1 if groups else 0
        self._folded = [group.key in folded for group in groups] or [False]
        self._rows = [0]
        self._lines = [0]
        self._seen = [0]
        for each, is_folded in zip([group.count for group in groups] or [count], self._folded, strict=True):
            shown = 0 if is_folded else each
            self._rows.append(self._rows[-1] + each)
            self._seen.append(self._seen[-1] + shown)
            self._lines.append(self._lines[-1] + self._heading + shown * height)

    def __len__(self) -> int:
        return self._lines[-1]

    def at(self, line: int) -> Place | None:
        """What stands in a line; ``None`` below the last one."""
        if not 0 <= line < len(self):
            return None
        block = bisect_right(self._lines, line) - 1
        offset = line - self._lines[block] - self._heading
        if offset < 0:
            return Place(self._rows[block], 0, self.groups[block])
        return Place(self._rows[block] + offset // self.height, offset % self.height)

    def of(self, row: int) -> int:
        """The first line of a session; that of its group's heading while the group is folded."""
        block = self._block(row)
        if self._folded[block]:
            return self._lines[block]
        return self._lines[block] + self._heading + (row - self._rows[block]) * self.height

    def is_below_heading(self, row: int) -> bool:
        """Whether the session is the first one under a heading."""
        return bool(self.groups) and row == self._rows[self._block(row)]

    def group_of(self, row: int) -> Group | None:
        """The group of a session."""
        return self.groups[self._block(row)] if self.groups else None

    def open_groups(self) -> list[Group]:
        """The groups that are not folded."""
        return [group for group, is_folded in zip(self.groups, self._folded, strict=False) if not is_folded]

    def moved(self, row: int, by: int) -> int:
        """The session ``by`` sessions further, over folded ones; the first or last at the ends."""
        if self._seen[-1] == 0:
            return row
        seen = max(0, min(self._seen_before(row) + by, self._seen[-1] - 1))
        block = bisect_right(self._seen, seen) - 1
        return self._rows[block] + seen - self._seen[block]

    def nearest(self, row: int) -> int:
        """The session itself, or where it is folded the next one that is not."""
        return self.moved(row, 0)

    def shown(self, first: int, last: int) -> Iterator[int]:
        """The sessions in the lines from ``first`` on, before ``last``."""
        for block, (begin, end) in enumerate(pairwise(self._lines)):
            if end <= first or begin >= last or self._folded[block]:
                continue
            start = max(0, first - begin - self._heading) // self.height
            stop = -(-max(0, min(last, end) - begin - self._heading) // self.height)
            yield from range(self._rows[block] + start, self._rows[block] + stop)

    def _block(self, row: int) -> int:
        return max(0, min(bisect_right(self._rows, row) - 1, len(self._folded) - 1))

    def _seen_before(self, row: int) -> int:
        """How many sessions in sight stand before one."""
        block = self._block(row)
        return self._seen[block] + (0 if self._folded[block] else row - self._rows[block])
