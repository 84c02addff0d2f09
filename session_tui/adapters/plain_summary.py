"""What a store can do whose program writes summaries without a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from session_tui.model import Message


@runtime_checkable
class PlainlySummarizing(Protocol):
    """A store whose program has a summary of its own for when no model may or can write one."""

    def plain_summary(self, messages: Sequence[Message]) -> str:
        """What its program puts in place of ``messages`` then, of which it takes the texts alone."""
