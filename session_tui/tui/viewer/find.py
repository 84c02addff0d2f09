"""Finding text in all messages of a transcript, in a thread, handed on in batches from the place looked at."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from session_tui.model import Message
from session_tui.tui.viewer import blocks
from session_tui.tui.viewer.document import Hit
from session_tui.tui.viewer.modes import Modes
from session_tui.tui.viewer.source import Source

MOST_HITS: Final = 50_000
_MOST_PER_TEXT: Final = 1_000
_BATCH: Final = 500


def pattern(needle: str, *, is_regex: bool = False) -> re.Pattern[str]:
    """What to look for, upper and lower case alike.

    Raises:
        re.error: ``needle`` is meant as a regular expression and is none.
    """
    return re.compile(needle if is_regex else re.escape(needle), re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some of a search's hits, in order; ``is_wrapped`` once the search went on from the first message."""

    hits: list[Hit]
    is_wrapped: bool


def search(
    source: Source, wanted: re.Pattern[str], modes: Modes, start: int, is_stopped: Callable[[], bool]
) -> Iterator[Batch]:
    """Look through all that the modes let through, from message ``start`` to the end and then from the beginning."""
    left = MOST_HITS
    for run in (range(start, len(source)), range(start)):
        hits: list[Hit] = []
        for index in run:
            if is_stopped() or left <= 0:
                break
            found = list(in_message(source[index], index, wanted, modes))[:left]
            hits += found
            left -= len(found)
            if hits and (len(hits) >= _BATCH or index % _BATCH == 0):
                yield Batch(hits, run.start != start)
                hits = []
        if hits:
            yield Batch(hits, run.start != start)


def in_message(message: object, index: int, wanted: re.Pattern[str], modes: Modes) -> Iterator[Hit]:
    """The hits in one message, in order."""
    if not isinstance(message, Message):
        return
    for item, text in blocks.searched(message, modes):
        number = 0
        for match in wanted.finditer(text):
            if match.end() > match.start():
                yield Hit(index, item, number)
                number += 1
            if number >= _MOST_PER_TEXT:
                break


@dataclass(slots=True)
class Matches:
    """The hits of a search so far, in the order of the messages, and which one is looked at; ``should_go`` as
    long as the first one is to be gone to when it comes in."""

    wanted: re.Pattern[str]
    origin: int
    should_go: bool = True
    early: list[Hit] = field(default_factory=list)
    late: list[Hit] = field(default_factory=list)
    position: int | None = None
    is_done: bool = False

    @property
    def is_capped(self) -> bool:
        """Whether there may be more hits than were kept."""
        return len(self) >= MOST_HITS

    def __len__(self) -> int:
        return len(self.early) + len(self.late)

    def __getitem__(self, position: int) -> Hit:
        return self.early[position] if position < len(self.early) else self.late[position - len(self.early)]

    def add(self, batch: Batch) -> None:
        """Take a batch; hits before the place where the search began come in front of the others."""
        if not batch.is_wrapped:
            self.late += batch.hits
            return
        if self.position is not None and self.position >= len(self.early):
            self.position += len(batch.hits)
        self.early += batch.hits

    def step(self, direction: int, message: int) -> Hit | None:
        """Go to the next hit (the one before, when negative), seen from the last one or from ``message``."""
        if not len(self):
            return None
        if self.position is None or self[self.position].message != message:
            ahead = bisect_left(range(len(self)), message, key=lambda number: self[number].message)
            self.position = ahead - (direction < 0)
        else:
            self.position += direction
        self.position %= len(self)
        return self[self.position]
