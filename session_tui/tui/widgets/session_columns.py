"""How a session becomes one row of cells: which columns fit a width, and the pieces of text in each.

Words stand to the left (title, project, branch, agent), figures to the right (messages, tokens, age), so
that both edges of the list are calm lines. Nothing here knows of widgets or colours: a piece is text and
the name of a style.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TypeAlias

from rich.cells import cell_len, set_cell_size

from session_tui import text
from session_tui.catalog import Look
from session_tui.model import Health, Session, SessionKind, SessionState, TokenSource
from session_tui.model.lean import dataclass

Piece: TypeAlias = "tuple[str, str]"
"""A text and the name of the style it is drawn in."""

AGENT = "agent:"
"""Begins the name of the style that holds a store's own colour; the store's name follows."""
GUTTER = 4
"""Cells before the title: the cursor's bar, the mark, the agent's sign, a space."""
_ROOM = 500
_LEVELS = "▁▂▃▄▅▆▇█"
# Variation selectors and joiners between pictures: terminals disagree about how wide a joined picture is,
# its parts have one width everywhere.
_JOINERS = re.compile("\ufe0f|(?<=[\u2600-\u27bf\U0001f000-\U0001faff])\u200d")


@dataclass(frozen=True, slots=True)
class Columns:
    """The width of each column in cells; 0 where there is no room for it."""

    width: int
    gap: int
    title: int
    project: int = 0
    branch: int = 0
    agent: int = 0
    signs: int = 0
    messages: int = 0
    tokens: int = 0
    gauge: int = 1
    age: int = 0

    @property
    def heading(self) -> bool:
        """Whether a line above names the columns: there is room for it where every column is shown."""
        return self.agent > 0


@dataclass(frozen=True, slots=True)
class Drawing:
    """What rows are drawn with besides the session: looks, moment, words to mark, and the two thresholds; ``due``
    replaces the upper one."""

    looks: Mapping[str, Look]
    now: datetime
    terms: tuple[str, ...] = ()
    soft: float = 0.6
    hard: float = 0.75
    due: Callable[[Session], bool] | None = None


# The order columns appear in as a pane widens: name, cells, and the cells the title must keep.
_WELCOME = (
    ("age", 5, 10),
    ("messages", 4, 24),
    ("tokens", 7, 28),
    ("project", 13, 30),
    ("branch", 12, 32),
    ("agent", 9, 32),
)


@lru_cache(64)
def columns(width: int) -> Columns:
    """The columns that fit ``width`` cells. The less important drop away first, the title takes what is left."""
    gap = 2 if width >= 70 else 1
    signs = 4 if width >= 90 else 2 if width >= 28 else 0
    title = width - GUTTER - 1 - (signs + gap if signs else 0)
    sizes: dict[str, int] = {}
    for name, size, least in _WELCOME:
        taken = size + (1 if name == "messages" else gap)
        if title - taken < least:
            break
        sizes[name] = size
        title -= taken
    fitting = Columns(width, gap, max(1, title), signs=signs, **sizes)
    return _spread(fitting) if "agent" in sizes else fitting


def _spread(tight: Columns) -> Columns:
    """Give what a wide pane has left over to the gauge, then the agent's name, the project and the branch."""
    title, grown = tight.title, {}
    for name, most, keep in (("gauge", 6, 36), ("agent", 12, 44), ("project", 34, 48), ("branch", 26, 64)):
        more = min(most - getattr(tight, name), max(0, title - keep))
        grown[name] = getattr(tight, name) + more
        title -= more
    return replace(tight, title=title, tokens=tight.tokens + grown["gauge"] - tight.gauge, **grown)


def heading(fitting: Columns) -> list[Piece]:
    """The names of the columns, each standing as its values do."""
    gap = " " * fitting.gap
    words = gap.join(
        (
            " " * GUTTER + fit("session", fitting.title),
            fit("project", fitting.project),
            fit("branch", fitting.branch),
            fit("agent", fitting.agent),
            " " * fitting.signs + "msgs".rjust(fitting.messages + 1),
            fit("tokens", fitting.tokens),
            "age".rjust(fitting.age),
        )
    )
    return [(words, "muted")]


def row(session: Session, fitting: Columns, drawing: Drawing, *, marked: bool) -> list[Piece]:
    """One session as pieces, from the mark to the last column; the cell before them is the cursor's."""
    look = drawing.looks.get(session.key.store)
    style = AGENT + session.key.store
    gap = (" " * fitting.gap, "")
    pieces = [("✓" if marked else " ", "mark"), (fit(look.mark if look else "●", 1), style), (" ", "")]
    pieces += _title(session, fitting.title, drawing.terms)
    if fitting.project:
        pieces += [gap, *_project(session.project, fitting.project, drawing.terms)]
    if fitting.branch:
        pieces += [gap, (fit(clean(session.git_branch or ""), fitting.branch), "muted")]
    if fitting.agent:
        pieces += [gap, (fit(clean(look.label if look else session.key.store), fitting.agent), style)]
    if fitting.signs:
        pieces += [gap, *_signs(session, fitting.signs)]
    if fitting.messages:
        # The signs end a cell that is mostly empty: one cell of air is enough after them.
        pieces += [(" ", ""), (_figure(session.message_count, fitting.messages), "muted")]
    if fitting.tokens:
        pieces += [gap, *_tokens(session, fitting, drawing)]
    if fitting.age:
        pieces += [gap, *_age(session, fitting.age, drawing.now)]
    return pieces


# ── the columns ───────────────────────────────────────────────────────────────────────────────────────


def title(session: Session) -> tuple[str, bool]:
    """What names a session on one line, and whether that is a name of its own and not a stand-in."""
    if name := clean(session.title) or clean(session.first_prompt):
        return name, True
    if session.health is Health.UNREADABLE and session.problems:
        return clean(session.problems[0].what), False
    return "untitled", False


def _title(session: Session, width: int, terms: Sequence[str]) -> list[Piece]:
    words, own = title(session)
    indent = "↳ " if session.kind is SessionKind.SUBAGENT and width > 2 else ""
    shown = fit(words, width - len(indent))
    pieces = list(_matched(shown, "title" if own else "untitled", terms))
    return [(indent, "muted"), *pieces] if indent else pieces


def _project(project: str | None, width: int, terms: Sequence[str]) -> list[Piece]:
    path = clean(project or "")
    base = re.split(r"[/\\]", path.rstrip("/\\"))[-1] or path
    parent = path.rstrip("/\\")[: -len(base)] if base and base != path else ""
    if parent and width > 20 and cell_len(base) + 4 <= width:
        room = width - cell_len(base)
        lead = parent if cell_len(parent) <= room else "…" + _tail(parent, room - 1)
        return [(lead, "muted"), *_matched(fit(base, width - cell_len(lead)), "project", terms)]
    return list(_matched(fit(base, width), "project", terms))


def _signs(session: Session, width: int) -> list[Piece]:
    slots = (
        ("!", "damaged", session.health is not Health.CLEAN),
        ("★", "pin", session.pinned),
        ("▤", "muted", session.state is SessionState.ARCHIVED),
        ("∿", "muted", bool(session.compaction_count or session.compacted_at or session.summary_message_id)),
    )
    if width >= len(slots):
        return [(sign if shown else " ", style) for sign, style, shown in slots]
    present = [(sign, style) for sign, style, shown in slots if shown][:width]
    return [*present, (" " * (width - len(present)), "")]


def _figure(number: int | None, width: int) -> str:
    return fit(text.count(number).rjust(width), width)


def _tokens(session: Session, fitting: Columns, drawing: Drawing) -> list[Piece]:
    estimated = session.token_source is TokenSource.ESTIMATED and session.token_count is not None
    room = fitting.tokens - fitting.gauge - 1
    figure = text.count(session.token_count)
    words = f"≈{figure}" if estimated and len(figure) < room else figure
    return [(fit(words.rjust(room), room), "muted"), (" ", ""), *_gauge(session, fitting.gauge, drawing)]


def _gauge(session: Session, width: int, drawing: Drawing) -> list[Piece]:
    over = drawing.due(session) if drawing.due else None
    if session.token_count is None or not session.context_window:
        return [(("▲" if over else "").rjust(width), "gauge-hard" if over else "")]
    ratio = session.token_count / session.context_window
    over = ratio >= drawing.hard if over is None else over
    style = "gauge-hard" if over else "gauge-soft" if ratio > drawing.soft else "gauge-calm"
    if width == 1:
        return [("▲" if over else _LEVELS[min(7, int(ratio * 8))], style)]
    bar = width - 1
    halves = min(bar * 2, max(1, round(ratio * bar * 2)))
    filled = "━" * (halves // 2) + "╸" * (halves % 2)
    return [(filled, style), ("─" * (bar - len(filled)), "track"), ("▲" if over else " ", style)]


def _age(session: Session, width: int, now: datetime) -> list[Piece]:
    words = text.age(session.updated_at, now)
    lead = "●" if session.live else " "
    return [(lead, "live"), (fit(words.rjust(width - 1), width - 1), _age_style(session.updated_at, now))]


def _age_style(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "age-old"
    limits = ((timedelta(hours=1), "age-now"), (timedelta(days=1), "age-day"), (timedelta(days=7), "age-week"))
    return next((style for limit, style in limits if now - moment < limit), "age-old")


# ── text in cells ─────────────────────────────────────────────────────────────────────────────────────


def clean(words: str) -> str:
    """Foreign text as one safe line whose pictures have the same width in every terminal."""
    line = words if words.isascii() and words.isprintable() else _JOINERS.sub("", text.one_line(words[:_ROOM]))
    return line[:_ROOM].strip()


def fit(words: str, width: int) -> str:
    """``words`` in exactly ``width`` cells: padded, or cut with an ellipsis."""
    if width <= 0:
        return ""
    if cell_len(words) <= width:
        return set_cell_size(words, width)
    return set_cell_size(set_cell_size(words, width - 1).rstrip() + "…", width)


def _tail(words: str, width: int) -> str:
    """The end of ``words`` that fits ``width`` cells."""
    start = max(0, len(words) - width)
    while start < len(words) and cell_len(words[start:]) > width:
        start += 1
    return words[start:]


def fold(words: str) -> str:
    """``words`` in lower case without accents, character for character, so that places stay the same."""
    return words.lower() if words.isascii() else "".join(map(_fold, words))


@lru_cache(4096)
def _fold(character: str) -> str:
    parts = unicodedata.normalize("NFD", character)
    base = parts[0] if len(parts) > 1 and unicodedata.combining(parts[1]) else character
    return base.lower()[:1]


def _matched(words: str, style: str, terms: Sequence[str]) -> Iterator[Piece]:
    """``words`` in ``style``, with every place one of the folded ``terms`` stands at in the style of a match."""
    if not terms:
        yield words, style
        return
    end = 0
    for found in re.finditer("|".join(map(re.escape, terms)), fold(words)):
        if found.start() > end:
            yield words[end : found.start()], style
        yield words[found.start() : found.end()], "match"
        end = found.end()
    yield words[end:], style
