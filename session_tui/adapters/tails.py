"""The end of a long conversation, for showing it while the whole is being read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from session_tui.adapters.base import Source
from session_tui.model import Message

TAIL_BYTES: Final = 512 * 1024
"""How much of a file is read for its end."""
TAIL_MESSAGES: Final = 80
"""How many rows of a database are read for the end."""
MANY_MESSAGES: Final = 4000
"""A session with fewer rows is read whole before anybody notices."""
_LONG: Final = 8 * 1024 * 1024
"""A shorter file is read whole before anybody notices."""


@runtime_checkable
class Tailed(Protocol):
    """A store whose sessions can be read from their end."""

    def tail(self, source: Source) -> Sequence[Message] | None:
        """The last messages of a session that takes long to read; ``None`` for another. What only a whole reading
        knows, such as which of them are archived, may be wrong in them.

        Raises:
            StoreError: it cannot be read.
        """
        ...


def is_long(path: Path) -> bool:
    """Whether a session's file is worth reading from its end."""
    try:
        return path.stat().st_size > _LONG
    except OSError:
        return False
