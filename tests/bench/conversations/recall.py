"""How much of what is hidden in a home a search finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.bench.conversations.needles import Needle


@dataclass(slots=True)
class Recall:
    """Of one class of needles: sessions that hold them, those of them found, and those found that must not be."""

    expected: int = 0
    found: int = 0
    decoys: int = 0
    missed: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """The part that is found."""
        return self.found / self.expected if self.expected else 1.0


def recall(needles: Iterable[Needle], find: Callable[[str], Iterable[str]]) -> dict[str, Recall]:
    """What is found of each class. ``find`` answers a query with ids of sessions."""
    kinds: dict[str, Recall] = {}
    for needle in needles:
        kind = kinds.setdefault(needle.kind, Recall())
        found = set(find(needle.query))
        kind.expected += len(needle.expect)
        kind.found += len(found.intersection(needle.expect))
        kind.decoys += len(found.intersection(needle.decoys))
        if not found.issuperset(needle.expect):
            kind.missed.append(needle.query)
    return kinds
