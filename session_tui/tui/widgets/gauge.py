"""Gauges drawn with block characters: how full something is, with thresholds that show on either part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Part: TypeAlias = "tuple[str, str]"
"""A text and the style it has, as `textual.content.Content.assemble` takes them."""

TRACK = "$gauge-track"
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_MARK = "│"


def gauge(ratio: float | None, cells: int, color: str, marks: Sequence[tuple[float, str]] = ()) -> list[Part]:
    """``cells`` cells filled to ``ratio`` in ``color``, an eighth of a cell being the smallest step.

    ``marks`` are places on it, as shares of the whole, with the colours they have on the empty part; on the
    filled part they are cut out of it. An unknown ratio is a dotted line without marks.
    """
    if ratio is None:
        return [("┄" * cells, "$row-muted")]
    eighths = round(max(0.0, min(1.0, ratio)) * cells * 8)
    # Nothing but nothing looks empty.
    eighths = max(1, eighths) if ratio > 0 else 0
    at = {min(cells - 1, int(place * cells)): mark for place, mark in marks}
    return [_cell(max(0, min(8, eighths - 8 * index)), color, at.get(index)) for index in range(cells)]


def _cell(fill: int, color: str, mark: str | None) -> Part:
    if mark is None:
        return _EIGHTHS[fill], f"{color} on {TRACK}"
    return (_MARK, f"$background on {color}") if fill >= 4 else (_MARK, f"{mark} on {TRACK}")


def pulse(step: int, cells: int, color: str, *, length: int = 4) -> list[Part]:
    """A bar of ``length`` cells on its way across ``cells`` cells, for work whose end is not known."""
    start = step % (cells + length) - length
    lit = [start <= index < start + length for index in range(cells)]
    return [("█" if on else " ", f"{color} on {TRACK}") for on in lit]
