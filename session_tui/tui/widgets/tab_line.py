"""The line of agents as pieces of text: each with its sign, its name and how many sessions answer.

Nothing here knows of widgets or colours: a piece is text and the name of a style.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from rich.cells import cell_len

from session_tui.catalog import Look
from session_tui.model.lean import dataclass
from session_tui.tui.widgets.session_columns import AGENT, Piece, clean, fit

_BETWEEN = "·"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many sessions of one store answer, those of all stores where ``store`` is empty."""

    store: str
    sessions: int


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab: its store, empty for all of them; the column it begins in, its cells, and its pieces."""

    store: str
    start: int
    width: int
    pieces: tuple[Piece, ...]


def tabs(tallies: Sequence[Tally], chosen: Set[str], looks: Mapping[str, Look], width: int) -> list[Tab]:
    """The tabs that fit ``width`` cells, the first one for all stores; without ``chosen`` stores it is the chosen one.

    Where names do not fit, signs stand alone; where these do not fit, stores without an answer are left out, then
    those at the end, but for the chosen ones.
    """
    named = [_tab(tally, chosen, looks, named=True) for tally in _with_all(tallies)]
    if _needed(named) <= width:
        return _placed(named)
    least = {tally.store for tally in tallies if tally.sessions} | chosen | {""}
    signs = [_tab(tally, chosen, looks, named=False) for tally in _with_all(tallies)]
    if _needed(signs) > width:
        signs = [tab for tab in signs if tab.store in least]
    while len(signs) > 2 and _needed(signs) > width:
        last = next((tab for tab in reversed(signs) if tab.store and tab.store not in chosen), signs[-1])
        signs.remove(last)
    return _placed(signs)


def line(placed: Sequence[Tab], width: int) -> list[Piece]:
    """The whole line: the tabs with what stands between them, filled up to ``width``."""
    pieces: list[Piece] = []
    for tab in placed:
        pieces += [(_BETWEEN, "tab none")] if pieces else []
        pieces += tab.pieces
    taken = sum(tab.width for tab in placed) + max(0, len(placed) - 1)
    return [*pieces, (" " * max(0, width - taken), "tab")]


def _with_all(tallies: Sequence[Tally]) -> list[Tally]:
    return [Tally("", sum(tally.sessions for tally in tallies)), *tallies]


def _tab(tally: Tally, chosen: Set[str], looks: Mapping[str, Look], *, named: bool) -> Tab:
    is_chosen = tally.store in chosen if tally.store else not chosen
    style = "tab chosen" if is_chosen else "tab" if tally.sessions or not tally.store else "tab none"
    pieces: list[Piece] = [(" ", style)]
    if tally.store:
        look = looks.get(tally.store)
        label = clean(look.label if look else tally.store)
        pieces += [(fit(look.mark if look else "●", 1), f"{style} {AGENT}{tally.store}"), (" ", style)]
        pieces += [(f"{label} ", style)] if named else []
    else:
        pieces += [("All ", style)]
    pieces += [(f"{tally.sessions:,} ", style)]
    return Tab(tally.store, 0, sum(cell_len(words) for words, _ in pieces), tuple(pieces))


def _needed(found: Sequence[Tab]) -> int:
    return sum(tab.width + 1 for tab in found) - 1


def _placed(found: Sequence[Tab]) -> list[Tab]:
    placed, start = list[Tab](), 0
    for tab in found:
        placed.append(Tab(tab.store, start, tab.width, tab.pieces))
        start += tab.width + 1
    return placed
