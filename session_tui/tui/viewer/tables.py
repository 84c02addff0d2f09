"""Tables set in a given width: columns as wide as their cells need, shared fairly where that is too much."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from textual.content import Content

from session_tui.tui.viewer import looks
from session_tui.tui.viewer.parts import EMPTY, Line

_BETWEEN: Final = Content.styled(" │ ", looks.RULE)
_NARROWEST: Final = 3
MAX_ROWS: Final = 400
MAX_COLUMNS: Final = 40


def lines(rows: Sequence[Sequence[Content]], alignments: Sequence[str], width: int) -> list[Line]:
    """A table whose first row is its head; ``alignments`` holds ``left``, ``right``, ``center`` or nothing a column."""
    columns = min(MAX_COLUMNS, max(map(len, rows), default=0))
    if not columns:
        return []
    grid = [[*row[:columns], *([EMPTY] * (columns - len(row)))] for row in rows[:MAX_ROWS]]
    wanted = [max(1, *(cell.cell_length for cell in column)) for column in zip(*grid, strict=True)]
    widths = fit(wanted, width - 3 * (columns - 1))
    sides = [*alignments[:columns], *([""] * (columns - len(alignments)))]
    output = []
    for number, row in enumerate(grid):
        style = looks.HEADING if number == 0 else ""
        output += _row([cell.stylize(style) for cell in row], widths, sides)
        if number == 0:
            rule = "─┼─".join("─" * size for size in widths)
            output.append(Line(Content.styled(rule, looks.RULE), clipped=True))
    return output


def fit(wanted: Sequence[int], width: int) -> list[int]:
    """Widths for columns that want ``wanted`` cells: as wanted where they fit, else the wide ones share the rest."""
    widths = list(wanted)
    open_columns = sorted(range(len(widths)), key=widths.__getitem__)
    left = max(width, _NARROWEST * len(widths))
    while open_columns:
        share = max(_NARROWEST, left // len(open_columns))
        column = open_columns.pop(0)
        widths[column] = min(widths[column], share)
        left -= widths[column]
    return widths


def _row(cells: Sequence[Content], widths: Sequence[int], sides: Sequence[str]) -> list[Line]:
    """A row of cells, each wrapped in its column."""
    wrapped = [cell.wrap(size) for cell, size in zip(cells, widths, strict=True)]
    output = []
    for pieces in zip_longest(*wrapped, fillvalue=EMPTY):
        padded = [_pad(piece, size, side) for piece, size, side in zip(pieces, widths, sides, strict=True)]
        output.append(Line(_BETWEEN.join(padded), clipped=True))
    return output


def _pad(cell: Content, width: int, side: str) -> Content:
    """``cell`` filled up to ``width`` cells."""
    cell = cell.rstrip()
    space = max(0, width - cell.cell_length)
    left = {"right": space, "center": space // 2}.get(side, 0)
    return cell.pad(left, space - left)
