"""Text selected by the mouse: a row's key names its message and row, so that it outlives changes elsewhere."""

from __future__ import annotations

from typing import Final

from textual.geometry import Offset

from session_tui.model import Message
from session_tui.tui.viewer import gist
from session_tui.tui.viewer.document import Document, Place

_SHIFT: Final = 20
MOST_ROWS: Final = 1 << _SHIFT
_MOST_DRAWN: Final = 100
"""Messages copied as drawn; a longer selection copies those between its ends as they are stored."""


def key(place: Place) -> int:
    """The number that stands for a row in selections."""
    return (place.message << _SHIFT) | place.row


def text(document: Document, start: Offset, end: Offset) -> str:
    """The text from ``start`` to ``end``; ``x`` counts characters of a row, the marker bar being the first."""
    (first, first_row), (last, last_row) = divmod(start.y, MOST_ROWS), divmod(end.y, MOST_ROWS)
    last = min(last, len(document) - 1)
    pieces: list[str] = []
    for message in range(first, last + 1):
        if first < message < last and last - first > _MOST_DRAWN:
            pieces += _stored(document, message)
            continue
        for number, row in enumerate(document.page(message).rows):
            if not (first, first_row) <= (message, number) <= (last, last_row):
                continue
            words = " " + "".join(segment.text for segment in row.segments)
            left = start.x if (message, number) == (first, first_row) else 0
            right = end.x if (message, number) == (last, last_row) else len(words)
            chosen = words[max(left, row.lead + 1) : min(right, row.end + 1)].rstrip()
            if row.glue is None or not pieces:
                pieces.append(chosen)
            else:
                pieces[-1] += row.glue + chosen
    return "\n".join(pieces)


def _stored(document: Document, index: int) -> list[str]:
    message = document.source[index]
    return [gist.copied(message)[0], ""] if isinstance(message, Message) else []
