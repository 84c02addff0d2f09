"""What of a transcript is shown, and which of its items a person opened or closed by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Tools(StrEnum):
    """How tool calls and their results are shown."""

    HIDDEN = "hidden"
    SHORT = "short"
    FULL = "full"

    @property
    def following(self) -> Tools:
        """The mode after this one: hidden, short, full, and round again."""
        order = list(Tools)
        return order[(order.index(self) + 1) % len(order)]


@dataclass(frozen=True, slots=True)
class Modes:
    """What is shown: ``thinking`` unfolded, ``archived`` messages, summary ``markers``, ``wide`` as the pane."""

    tools: Tools = Tools.SHORT
    thinking: bool = False
    archived: bool = True
    markers: bool = True
    wide: bool = False


@dataclass(slots=True)
class Folds:
    """Items, named by message and item, that differ from what the modes say: opened or closed, and shown uncut."""

    opened: dict[tuple[int, int], bool] = field(default_factory=dict)
    uncut: set[tuple[int, int]] = field(default_factory=set)

    def is_open(self, message: int, item: int, *, otherwise: bool) -> bool:
        """Whether an item is open; ``otherwise`` as long as nobody touched it."""
        return self.opened.get((message, item), otherwise)

    def is_uncut(self, message: int, item: int) -> bool:
        """Whether all of a long item is shown."""
        return (message, item) in self.uncut

    def set_open(self, message: int, item: int, is_open: bool) -> None:
        """Open or close an item; a closed one is cut again when it is opened the next time."""
        self.opened[message, item] = is_open
        if not is_open:
            self.uncut.discard((message, item))
