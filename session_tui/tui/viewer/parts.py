"""What a message is made of before it is fitted to a width: lines of text, gathered in parts that fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from textual.content import Content, Span

EMPTY: Final = Content("")
WHOLE: Final = -1
"""The item that stands for a message as a whole (an injected note, a system prompt, a summary)."""
CARD: Final = -2
"""The item of a summary that no message holds."""
NO_ITEM: Final = -3
"""The item of headers and rules, which fold nothing."""


class Touch(Enum):
    """What a click on a row does: nothing, fold or unfold its item, or show all of an item that is cut."""

    NONE = auto()
    FOLD = auto()
    UNCUT = auto()


@dataclass(slots=True)
class Line:
    """One line of text. ``first`` stands before its first row and ``rest`` before those that follow (as wide
    as ``first`` when not given); ``right`` is set flush right on the first row. A line that is ``clipped`` is
    cut instead of wrapped. ``band`` names the look of the whole row, ``bare`` leaves the prefix out of copies, and
    a ``silent`` line is our own words, which no search finds. ``tint`` tells more styles once a row is painted."""

    content: Content
    first: Content = EMPTY
    rest: Content | None = None
    right: Content = EMPTY
    clipped: bool = False
    touch: Touch = Touch.NONE
    band: str = ""
    bare: bool = False
    silent: bool = False
    tint: Callable[[], Sequence[Span]] | None = None


@dataclass(slots=True)
class Part:
    """Lines that belong to one item of a message.

    ``folded`` says whether the item is closed, ``None`` where it cannot be; ``slim`` items stand close together.
    At most ``limit`` rows are shown;
    ``unseen`` counts the lines of the item that were left out beforehand. The row that says so does ``more``.
    """

    item: int = NO_ITEM
    lines: list[Line] = field(default_factory=list)
    folded: bool | None = None
    limit: int = 0
    unseen: int = 0
    more: Touch = Touch.UNCUT
    slim: bool = True
