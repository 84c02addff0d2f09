"""A transcript's messages as the viewer reads them: from any thread, and never raising.

Decoding runs an adapter's code, which may be anybody's: whatever it raises becomes one sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from session_tui.errors import SessionTuiError
from session_tui.model import Message, Messages


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that cannot be decoded (any more): why, and what to do about it."""

    what: str
    hint: str = ""


class Source:
    """Messages by position; one at a time is decoded, since what is kept of them is not made for threads."""

    __slots__ = ("_lock", "_messages", "weights")

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = messages
        self._lock = Lock()
        self.weights: Sequence[int]
        if isinstance(messages, Messages):
            self.weights = messages.weights
        else:
            self.weights = [len(message.text) for message in messages]

    def __len__(self) -> int:
        return len(self.weights)

    def __getitem__(self, index: int) -> Message | Unreadable:
        with self._lock:
            try:
                return self._messages[index]
            except SessionTuiError as error:
                return Unreadable(str(error), error.hint)
            except Exception as error:  # an adapter's own mistake must not take the other messages along
                return Unreadable(f"the adapter failed on this message: {type(error).__name__}: {error}")
