"""The first frame drawn by hand, before Textual is imported: the one that the live UI will draw over it.

Every piece has the place that the styles of the app give it, and the colour that they give it under a theme, which
``first_colors.json`` tells for the themes that come with the program.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

from rich.cells import cell_len

from session_tui.catalog import Look
from session_tui.model import Session
from session_tui.model.lean import dataclass
from session_tui.tui.widgets import session_columns, tab_line
from session_tui.tui.widgets.session_columns import AGENT, Drawing, Piece, fit

Colors: TypeAlias = "Mapping[str, Sequence[str]]"
"""By a style's name: its colour, its ground, and any of ``b`` for bold, ``i`` italic and ``r`` reversed."""
Line: TypeAlias = "list[Piece]"

COLORS: Final = Path(__file__).with_name("first_colors.json")
SELECTED: Final = "selected "
"""Begins the name of every style in the selected row."""
PLACEHOLDER: Final = "Search everything that was said"
"""What stands in the empty search box."""
KEYS: Final = (("⏎", "Resume"), ("f1", "Help"))
PALETTE: Final = ("^p", "palette")
NO_SESSION: Final = "no session selected"
_BARS: Final = 3
"""The lines above and below the panes."""
_ATTRIBUTES: Final = {"b": 1, "i": 3, "r": 7}


@dataclass(frozen=True, slots=True)
class Places:
    """How a screen of ``columns`` and ``lines`` is divided: the list beside the reading pane, or above it."""

    columns: int
    lines: int

    @property
    def is_drawn(self) -> bool:
        """Whether there is room enough that places are what they are made out to be here."""
        return self.columns >= 60 and self.lines >= 14

    @property
    def is_wide(self) -> bool:
        """Whether the panes lie side by side."""
        return self.columns >= 100

    @property
    def list_width(self) -> int:
        """The list's columns."""
        return max(40, self.columns * 44 // 100) if self.is_wide else self.columns

    @property
    def list_height(self) -> int:
        """The list's lines, with the one that names its columns."""
        return self.lines - _BARS if self.is_wide else max(5, (self.lines - _BARS) * 40 // 100)

    @property
    def rows(self) -> int:
        """How many sessions are in sight."""
        return self.list_height - session_columns.columns(self.list_width - 1).heading


def frame(places: Places, rows: Sequence[Session], looks: Mapping[str, Look], now: datetime) -> list[Line]:
    """The lines of a screen that lists ``rows``, of which the first one is selected."""
    listed = list(_listed(places, rows, Drawing(looks, now)))
    reading = list(_reading(places))
    panes = [[*one, *other] for one, other in zip(listed, reading, strict=True)] if places.is_wide else listed + reading
    return [_top(places.columns, len(rows)), _tabs(places.columns, rows, looks), *panes, _footer(places.columns)]


def _top(width: int, count: int) -> Line:
    status = f" {count:,} of {count:,} · looking… "
    room = width - len(" ❯ ") - len(status)
    words = fit(PLACEHOLDER[1:], room - len("  ") - 1)
    field = [(" ", "field"), (PLACEHOLDER[0], "field cursor"), (words, "placeholder"), (" ", "field")]
    return [(" ❯ ", "prompt"), *field, (status, "status")]


def _tabs(width: int, rows: Sequence[Session], looks: Mapping[str, Look]) -> Line:
    counts = Counter([session.key.store for session in rows])
    tallies = [tab_line.Tally(store, number) for store, number in counts.most_common()]
    return tab_line.line(tab_line.tabs(tallies, frozenset(), looks, width), width)


def _listed(places: Places, rows: Sequence[Session], drawing: Drawing) -> Iterator[Line]:
    fitting = session_columns.columns(places.list_width - 1)
    if fitting.heading:
        yield _filled(session_columns.heading(fitting), places.list_width, "")
    for place, session in enumerate(rows[: places.rows]):
        bar = (" " if place else "▎", "bar")
        pieces = [bar, *session_columns.row(session, fitting, drawing, marked=False)]
        line = _filled(pieces, places.list_width, "")
        yield line if place else [(words, f"{SELECTED}{style}") for words, style in line]
    for _ in range(places.rows - len(rows)):
        yield [(" " * places.list_width, "")]


def _reading(places: Places) -> Iterator[Line]:
    width = places.columns - places.list_width if places.is_wide else places.columns
    height = places.list_height if places.is_wide else places.lines - _BARS - places.list_height
    yield [(" " * width, "heading")]
    for _ in range(height - 2):
        yield [(" " * width, "viewer")]
    yield _filled([(" ", "gauge"), (NO_SESSION, "gauge words")], width, "gauge")


def _footer(width: int) -> Line:
    keys = [piece for key, title in KEYS for piece in ((f" {key} ", "key"), (f"{title} ", "key title"))]
    key, title = PALETTE
    palette = [("▏", "key border"), (key, "key"), (f" {title} ", "key title")]
    taken = sum(len(words) for words, _ in (*keys, *palette))
    return [*keys, (" " * (width - taken), "key title"), *palette]


def _filled(pieces: Sequence[Piece], width: int, style: str) -> Line:
    taken = sum(cell_len(words) for words, _ in pieces)
    return [*pieces, (" " * (width - taken), style)]


# ── colours ───────────────────────────────────────────────────────────────────────────────────────────


def colors(theme: str) -> Colors | None:
    """The colours of a theme that came with the program, ``None`` for any other."""
    import msgspec

    known: dict[str, dict[str, list[str]]] = msgspec.json.decode(COLORS.read_bytes())
    return known.get(theme)


class Painter:
    """Turns pieces into what a terminal takes, in as many colours as it says that it has."""

    def __init__(self, known: Colors, looks: Mapping[str, Look]) -> None:
        self._known = known
        self._looks = looks
        self._codes: dict[str, str] = {}

    def painted(self, lines: Sequence[Line]) -> str:
        """``lines`` as they are written from the screen's first cell on."""
        return "\r\n".join("".join(map(self._piece, line)) for line in lines)

    def look(self, style: str) -> Sequence[str]:
        """The colour, ground and attributes of a style."""
        row = SELECTED if style.startswith(SELECTED) else ""
        name = style.removeprefix(row)
        kind, sign, store = name.rpartition(AGENT)
        if not sign:
            return self._known[style]
        color, ground, attributes = self._known[kind.rstrip() or row]
        look = self._looks.get(store)
        return look.color if look else color, ground, attributes

    def _piece(self, piece: Piece) -> str:
        words, style = piece
        if style not in self._codes:
            self._codes[style] = self._code(*self.look(style))
        return f"\x1b[{self._codes[style]}m{words}\x1b[m" if words else ""

    @staticmethod
    def _code(color: str, ground: str, attributes: str) -> str:
        signs = [str(_ATTRIBUTES[each]) for each in attributes]
        return ";".join([*signs, *_color_codes(color, foreground=True), *_color_codes(ground, foreground=False)])


def _color_codes(color: str, *, foreground: bool) -> Sequence[str]:
    if "NO_COLOR" in os.environ:
        return ()
    if os.environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
        return ("38" if foreground else "48", "2", str(red), str(green), str(blue))
    from rich.color import Color, ColorSystem

    system = (
        ColorSystem.EIGHT_BIT if os.environ.get("TERM", "").endswith(("256color", "kitty")) else ColorSystem.STANDARD
    )
    return Color.parse(color).downgrade(system).get_ansi_codes(foreground)
