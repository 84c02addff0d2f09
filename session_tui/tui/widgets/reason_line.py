"""Why a session answers a query, as one line of cells: where the words stand, and what stands around them.

Nothing here knows of widgets or colours: a piece is text and the name of a style.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len

from session_tui.model import Hit
from session_tui.tui.widgets.session_columns import GUTTER, Piece, clean, fit

_NAMES = {"tool_call": "tool call", "tool_result": "tool result"}
_SPEAKERS = {"user": "you", "assistant": "answer"}


def place(hit: Hit) -> str:
    """Where in a session a hit stands, in a word or two."""
    if hit.part == "text":
        return _SPEAKERS.get(hit.role or "", hit.role or "said")
    return _NAMES.get(hit.part, hit.part)


def pieces(hit: Hit | None, width: int) -> list[Piece]:
    """A line of at most ``width`` cells after the cursor's: the place, then the snippet with its words marked."""
    if hit is None:
        return []
    lead = f"{place(hit)} "
    indent = " " * (GUTTER - 1)
    typo = "≈ " if hit.why == "typo" else ""
    room = width - cell_len(indent) - cell_len(lead) - cell_len(typo)
    return [(indent, ""), (lead, "place"), (typo, "muted"), *_snippet(hit, max(0, room))]


def _snippet(hit: Hit, room: int) -> Iterator[Piece]:
    text, spans = hit.snippet, hit.spans
    # The first word that was found stays in sight, with some of what leads up to it.
    first = spans[0][0] if spans else 0
    begin = 0
    if cell_len(text[: spans[0][1] if spans else 0]) > room * 2 // 3:
        begin = max(0, first - room // 3)
        space = text.find(" ", begin, first)
        begin = space + 1 if space >= 0 else begin
        yield "…", "muted"
        room -= 1
    for words, style in _marked(text, spans, begin):
        shown = clean_inside(words)
        if cell_len(shown) > room:
            yield fit(shown, room), style
            return
        yield shown, style
        room -= cell_len(shown)


def _marked(text: str, spans: tuple[tuple[int, int], ...], begin: int) -> Iterator[Piece]:
    for start, end in spans:
        if end <= begin:
            continue
        yield text[begin : max(begin, start)], "muted"
        yield text[max(begin, start) : end], "match"
        begin = end
    yield text[begin:], "muted"


def clean_inside(words: str) -> str:
    """``words`` made safe to draw, with the blanks at their ends."""
    safe = clean(words)
    before = " " if words[:1].isspace() and safe else ""
    return f"{before}{safe}{' ' if words[-1:].isspace() else ''}"
