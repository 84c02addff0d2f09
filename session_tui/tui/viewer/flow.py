"""Parts fitted to a width: rows of styled segments, with the marks of searches set before lines are wrapped."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from rich.segment import Segment
from textual.content import Content, Span
from textual.style import Style

from session_tui.tui.viewer import blocks, looks
from session_tui.tui.viewer.parts import EMPTY, NO_ITEM, Line, Part, Touch

GUTTER: Final = 3
"""Cells at the left: the marker bar, and room for the glyph of a header."""
_NARROWEST: Final = 8


@dataclass(slots=True, eq=False)
class Row:
    """A row without the marker bar, painted when it is looked at. Characters ``lead`` to ``end`` are what is copied;
    ``glue`` joins the row to the one above where a line was wrapped, and is ``None`` where a line begins."""

    lead: int = 0
    end: int = 0
    glue: str | None = None
    item: int = NO_ITEM
    touch: Touch = Touch.NONE
    paint: Callable[[], list[Segment]] = list
    _segments: list[Segment] | None = None

    @property
    def segments(self) -> list[Segment]:
        """The row as painted."""
        self.prepare()
        return self._segments or []

    def prepare(self) -> bool:
        """Paint the row unless that was done before; whether it was not."""
        if self._segments is not None:
            return False
        self._segments, self.paint = self.paint(), list
        return True


@dataclass(slots=True)
class Page:
    """A message's rows, its own from ``top`` on; which of its items are folded, which are cut, and on which rows
    the find matches of each begin."""

    rows: list[Row] = field(default_factory=list)
    top: int = 0
    folds: dict[int, bool] = field(default_factory=dict)
    cut: list[int] = field(default_factory=list)
    matches: dict[int, list[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Marks:
    """What is marked: terms of the list's query, find matches, and the one match (item, number) looked at now."""

    terms: re.Pattern[str] | None = None
    find: re.Pattern[str] | None = None
    current: tuple[int, int] | None = None


@dataclass(slots=True)
class Flow:
    """Fits parts to ``width`` cells (without the gutter); ``overlay`` is laid over every style."""

    page: Page
    width: int
    resolve: Callable[[str | Style], Style]
    base: Style
    marks: Marks
    overlay: str = ""
    _brush: Brush | None = None

    def add(self, part: Part) -> None:
        """Set a part, cut to its limit."""
        first = len(self.page.rows)
        if part.folded is not None:
            self.page.folds[part.item] = part.folded
        left_out = part.unseen
        for number, line in enumerate(part.lines):
            if part.limit and len(self.page.rows) - first >= part.limit:
                left_out += len(part.lines) - number
                break
            self._line(line, part.item)
        if part.limit:
            left_out += max(0, len(self.page.rows) - first - part.limit)
            del self.page.rows[first + part.limit :]
            found = self.page.matches.get(part.item, [])
            found[:] = [row for row in found if row < len(self.page.rows)]
        if left_out:
            self._rest(part, left_out)

    def _rest(self, part: Part, count: int) -> None:
        """The row that says how much is left out."""
        is_end = part.more is Touch.NONE
        if part.more is Touch.UNCUT:
            self.page.cut.append(part.item)
        words = blocks.more(count, is_end=is_end)
        self._line(Line(words, clipped=True, touch=part.more, silent=True), part.item)

    def blank(self, band: str = "") -> None:
        """Set an empty row."""
        if band:
            self._line(Line(EMPTY, band=band), NO_ITEM, gutter=1)
        else:
            self.page.rows.append(Row())

    def outdented(self, line: Line) -> None:
        """Set a header or rule, whose glyph stands in the gutter."""
        self._line(line, NO_ITEM, gutter=1)

    def _line(self, line: Line, item: int, *, gutter: int = GUTTER) -> None:
        content, matches = self._marked(line.content, NO_ITEM if line.silent else item)
        rest = line.rest if line.rest is not None else Content(" " * line.first.cell_length)
        width = max(_NARROWEST, self.width + GUTTER - gutter - line.first.cell_length)
        pieces = [self._clipped(content, line.right, width)] if line.clipped else wrap(content, width)
        brush = self._brush or Brush(self.width, self.resolve, self.base)
        self._brush = brush
        for number, piece in enumerate(pieces):
            prefix = rest if number else line.first
            while matches and matches[0] < piece.start + len(piece.content) + 1:
                self.page.matches[item].append(len(self.page.rows))
                matches.pop(0)
            lead = gutter - 1 + (len(prefix) if number or line.bare else 0)
            end = gutter - 1 + len(prefix) + len(piece.content) - piece.tail
            paint = partial(brush.paint, line, prefix, piece, gutter)
            self.page.rows.append(Row(lead, end, piece.glue, item, line.touch, paint))
        if matches:
            self.page.matches[item] += [len(self.page.rows) - 1] * len(matches)

    def _clipped(self, content: Content, right: Content, width: int) -> Piece:
        """One row: ``content`` cut to what ``right`` leaves of the width, and ``right`` at its end."""
        room = width - (right.cell_length + 2 if right else 0)
        if room < width // 3:
            right, room = EMPTY, width
        content = content.truncate(room, ellipsis=True)
        if not right:
            return Piece(content)
        tail = Content(" " * (width - content.cell_length - right.cell_length)) + right
        return Piece(content + tail, tail=len(tail))

    def _marked(self, content: Content, item: int) -> tuple[Content, list[int]]:
        """``content`` with its matches lit, and where the find matches in it begin."""
        marks = self.marks
        if marks.terms is not None:
            content = content.highlight_regex(marks.terms, style=looks.TERM)
        if self.overlay:
            content = content.stylize(self.overlay)
        if marks.find is None or item == NO_ITEM:
            return content, []
        earlier = len(self.page.matches.setdefault(item, []))
        spans = [match.span() for match in marks.find.finditer(content.plain) if match.end() > match.start()]
        lit = [
            Span(start, end, looks.MATCH_CURRENT if marks.current == (item, number) else looks.MATCH)
            for number, (start, end) in enumerate(spans, earlier)
        ]
        return content.add_spans(lit), [start for start, _ in spans]


class Piece(NamedTuple):
    """What of a line stands on one row, where it starts in the line, what was between it and the row above, and
    how many characters at its end were set flush right."""

    content: Content
    start: int = 0
    glue: str | None = None
    tail: int = 0


@dataclass(frozen=True, slots=True)
class Brush:
    """Paints rows of ``width`` cells (without the gutter)."""

    width: int
    resolve: Callable[[str | Style], Style]
    base: Style

    def paint(self, line: Line, prefix: Content, piece: Piece, gutter: int) -> list[Segment]:
        """The row of a piece of a line behind its prefix."""
        tone = self.base + self.resolve(line.band) if line.band else self.base
        is_inset = line.band == looks.BLOCK
        outside, edge = (self.base, self.width + GUTTER) if is_inset else (tone, self.width + GUTTER + 1)
        content = piece.content if line.tint is None else tinted(piece, line.tint())
        painted = (prefix + content if prefix else content).render(tone, end="", parse_style=self.resolve)
        row = [Segment(" " * (gutter - 1), outside.rich_style)]
        row += [Segment(text, style.rich_style) for text, style in painted if text]
        if line.band:
            filled = gutter + prefix.cell_length + content.cell_length
            row.append(Segment(" " * max(0, edge - filled), tone.rich_style))
        return row


def tinted(piece: Piece, spans: Sequence[Span]) -> Content:
    """The content of a piece with the colours of its line beneath its own."""
    content, start, end = piece.content, piece.start, piece.start + len(piece.content)
    below = [
        Span(max(span.start, start) - start, min(span.end, end) - start, span.style)
        for span in spans
        if span.start < end and span.end > start
    ]
    return Content(content.plain, [*below, *content.spans])


def wrap(content: Content, width: int) -> list[Piece]:
    """``content``, which holds no line end, on rows of at most ``width`` cells, broken between words."""
    if content.cell_length <= width:
        return [Piece(content)]
    plain, end = content.plain, 0
    pieces: list[Piece] = []
    for row in content.wrap(width):
        start = end
        if pieces and not plain.startswith(row.plain, start):
            start += len(plain[start:]) - len(plain[start:].lstrip())
        pieces.append(Piece(row, start, plain[end:start] if pieces else None))
        end = start + len(row)
    return pieces
