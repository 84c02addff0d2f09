"""What people asked, in their own words: the goal of a conversation and its last requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from session_tui.compaction.summarizers.conversation import Said
from session_tui.compaction.summarizers.sentences import sentences
from session_tui.text import drawable

_REQUESTS = 3
_LONGEST_REQUEST = 600
_LONGEST_GOAL = 300


def goal(said: Sequence[Said], mask: Callable[[str], str]) -> tuple[str, ...]:
    """The first thing a person asked, as one line of prose; nothing where no person spoke."""
    first = next((item.text for item in said if item.by_person), "")
    line = " ".join(sentences(first)) or " ".join(first.split())
    return (shortened(drawable(mask(line)), _LONGEST_GOAL),) if line else ()


def latest_requests(said: Sequence[Said], mask: Callable[[str], str]) -> tuple[str, ...]:
    """The last few things people said, word for word; a long one loses its middle."""
    own = [item.text for item in said if item.by_person]
    return tuple(shortened(drawable(mask(text)), _LONGEST_REQUEST) for text in own[-_REQUESTS:])


def shortened(text: str, limit: int) -> str:
    """``text`` with the middle left out where it is longer than ``limit`` characters."""
    text = text.strip()
    if len(text) <= limit:
        return text
    return f"{text[: limit * 3 // 4].rstrip()} […] {text[-limit // 4 :].lstrip()}"
