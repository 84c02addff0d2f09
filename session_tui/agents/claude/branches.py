"""The tree that the records of a session make, and which of them the program would send next.

Every record names the one before it, so that going back in a conversation leaves a branch behind. The active branch
ends at the leaf that the last ``last-prompt`` record names, or at what was said after that. It begins where the
last compaction on it put its summary; a compaction may have left the last records before it as they were, which
then follow the summary.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

import msgspec

from session_tui.agents.claude.lines import Head

_NEAR: Final = 16
"""How many records, attachments all of them, may stand between a boundary and its summary."""


class Boundary(msgspec.Struct, frozen=True):
    """A compaction: the record before it, and the records that it left as they were, told by id or by the first and
    last of them; ``anchor`` is the summary, ``tokens`` what the context took after it."""

    before: str = ""
    kept: tuple[str, ...] = ()
    head: str = ""
    tail: str = ""
    anchor: str = ""
    tokens: int | None = None


class Branches:
    """The records by id, each with the id of the one before it, in the order of the file."""

    def __init__(self) -> None:
        self.parents: dict[str, str] = {}
        self.boundaries: dict[str, Boundary] = {}
        self.summaries: set[str] = set()
        self.leaf = ""
        """What the last ``last-prompt`` record names."""
        self.newest = ""
        """The last record that was said."""
        self.is_newest_told = False
        """Whether something was said after the last ``last-prompt`` record."""

    def bound(self, head: Head) -> None:
        """Take the record of a compaction."""
        told, id = head.compact_metadata, head.uuid or ""
        segment = told.preserved_segment if told else None
        preserved = told.preserved_messages if told else None
        self.boundaries[id] = Boundary(
            before=head.logical_parent_uuid or head.parent_uuid or "",
            kept=tuple(preserved.all_uuids or preserved.uuids or ()) if preserved else (),
            head=(segment.head_uuid or "") if segment else "",
            tail=(segment.tail_uuid or "") if segment else "",
            anchor=((preserved and preserved.anchor_uuid) or (segment and segment.anchor_uuid)) or "",
            tokens=told.post_tokens if told else None,
        )

    @cached_property
    def _places(self) -> list[str]:
        return list(self.parents)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {id: number for number, id in enumerate(self._places)}

    def before(self, id: str) -> str:
        """The record that ``id`` follows; where that one was lost, the one that stands before it in the file."""
        parent = self.parents[id]
        if parent in self.parents or not parent:
            return parent
        number = self._numbers[id]
        return self._places[number - 1] if number else ""

    def way(self, id: str) -> list[str]:
        """The records from ``id`` back to the first one, or to the compaction that it comes after, that included."""
        parents, found = self.parents, dict[str, None]()
        starts = self.boundaries.keys() | self.summaries
        while id in parents and id not in found:
            found[id] = None
            if id in starts:
                break
            parent = parents[id]
            id = parent if parent in parents else self.before(id)
        return list(found)

    def tip(self) -> str:
        """Where the active branch ends."""
        if self.leaf not in self.parents or self.is_newest_told or not self.newest:
            return self.newest or self.leaf
        return self.newest if self.leaf in self.way(self.newest) else self.leaf

    def compaction(self, start: str) -> Boundary | None:
        """The compaction that a branch begins with whose first record is ``start``."""
        by_anchor = (each for each in self.boundaries.values() if start and each.anchor == start)
        found = next(by_anchor, None)
        for _ in range(_NEAR):
            if found or start not in self.parents:
                break
            found, start = self.boundaries.get(start), self.before(start)
        return found

    def kept(self, boundary: Boundary) -> frozenset[str]:
        """The records that a compaction left as they were."""
        if boundary.kept or not boundary.tail:
            return frozenset(boundary.kept)
        way = self.way(boundary.tail)
        return frozenset(way[: way.index(boundary.head) + 1] if boundary.head in way else ())

    def covered(self, start: str) -> set[str]:
        """The records before the compaction that begins with ``start``, and before every one before that."""
        found: set[str] = set()
        while start:
            boundary = self.compaction(start)
            id = boundary.before if boundary and boundary.before in self.parents else self._earlier(start)
            way = self.way(id)
            is_new = not found.issuperset(way)
            found.update(way)
            start = way[-1] if is_new and (way[-1] in self.boundaries or way[-1] in self.summaries) else ""
        return found

    def _earlier(self, id: str) -> str:
        """What a compaction follows that does not say so: what stands before it in the file."""
        if id not in self.parents:
            return ""
        number = self._numbers[id]
        return self.before(id) or (self._places[number - 1] if number else "")
