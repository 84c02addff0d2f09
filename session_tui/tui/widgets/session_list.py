"""The list of sessions: draws only the rows in sight, so that its cost follows the window, not the archive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.cache import LRUCache
from textual.color import Color, ColorParseError
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from session_tui.catalog import Look
from session_tui.model import Session, SessionKey
from session_tui.tui.widgets import session_columns
from session_tui.tui.widgets.session_columns import AGENT, Columns, Drawing, Piece

__all__ = ["Look", "SessionList"]

_KEPT_STRIPS = 512
_BAR = ("▎", "▌")
"""What stands before the selected row, thin without the focus and broad with it."""
_AGES_EVERY_SECONDS = 30.0


def _now() -> datetime:
    return datetime.now(UTC)


class SessionList(ScrollView, can_focus=True):
    """Sessions, one a line, with a cursor and marks. Rows may be any sequence, read only where in sight."""

    ALLOW_SELECT = False

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"session-list--{part}"
        for part in (
            *("cursor", "bar", "untitled", "project", "muted", "match", "mark", "pin", "live", "damaged", "help"),
            *("age-now", "age-day", "age-week", "age-old", "gauge-calm", "gauge-soft", "gauge-hard", "track"),
        )
    }
    DEFAULT_CSS = """
    SessionList {
        background: $background; color: $foreground; text-align: center;
        overflow: hidden auto; scrollbar-size-vertical: 1;
        & > .session-list--cursor {
            background: $row-cursor-blurred; color: $foreground; text-style: $row-cursor-text-style;
        }
        &:focus > .session-list--cursor { background: $row-cursor; }
        & > .session-list--bar { color: $row-cursor-bar; }
        & > .session-list--untitled { color: $row-muted; text-style: italic; }
        & > .session-list--project { color: $age-week; }
        & > .session-list--muted, & > .session-list--help { color: $row-muted; }
        & > .session-list--match { background: $match-background; color: $match-foreground; text-style: bold; }
        & > .session-list--mark { color: $row-mark; text-style: bold; }
        & > .session-list--pin { color: $row-pin; }
        & > .session-list--live { color: $row-live; }
        & > .session-list--damaged { color: $row-damaged; text-style: bold; }
        & > .session-list--age-now { color: $age-now; }
        & > .session-list--age-day { color: $age-day; }
        & > .session-list--age-week { color: $age-week; }
        & > .session-list--age-old { color: $age-old; }
        & > .session-list--gauge-calm { color: $gauge-calm; }
        & > .session-list--gauge-soft { color: $gauge-soft; }
        & > .session-list--gauge-hard { color: $gauge-hard; }
        & > .session-list--track { color: $gauge-track; }
    }
    """

    cursor: reactive[int] = reactive(0, repaint=False, init=False)
    """The index of the selected row; 0 while there is none."""

    class Highlighted(Message):
        """Another session is under the cursor; ``session`` is ``None`` when the list has become empty."""

        def __init__(self, session_list: SessionList, session: Session | None) -> None:
            super().__init__()
            self.session_list = session_list
            self.session = session

        @property
        def control(self) -> SessionList:
            """The list it happened in."""
            return self.session_list

        def can_replace(self, message: Message) -> bool:
            """Only the last of several that wait matters."""
            return isinstance(message, SessionList.Highlighted) and message.session_list is self.session_list

    class Chosen(Message):
        """A session was double-clicked."""

        def __init__(self, session_list: SessionList, session: Session) -> None:
            super().__init__()
            self.session_list = session_list
            self.session = session

        @property
        def control(self) -> SessionList:
            """The list it happened in."""
            return self.session_list

    class Marked(Message):
        """Marks were set or taken away; ``marks`` holds all that are set now."""

        def __init__(self, session_list: SessionList, marks: frozenset[SessionKey]) -> None:
            super().__init__()
            self.session_list = session_list
            self.marks = marks

        @property
        def control(self) -> SessionList:
            """The list it happened in."""
            return self.session_list

    def __init__(
        self,
        looks: Mapping[str, Look],
        *,
        now: Callable[[], datetime] = _now,
        soft: float = 0.6,
        hard: float = 0.75,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """Show nothing yet. ``soft`` and ``hard`` are the shares of a context window that gauges warn at."""
        super().__init__(id=id, classes=classes)
        self.now = now
        self._looks = dict(looks)
        self._thresholds = (soft, hard)
        self._rows: Sequence[Session] = ()
        self._updated: dict[int, Session] = {}
        self._marks: frozenset[SessionKey] = frozenset()
        self._terms: tuple[str, ...] = ()
        self._help = Content()
        self._told: SessionKey | None = None
        self._strips: LRUCache[tuple[int, bool, bool], Strip] = LRUCache(_KEPT_STRIPS)
        self._styles: dict[tuple[bool, str], Style] = {}

    # ── what it shows ─────────────────────────────────────────────────────────────────────────────────

    @property
    def rows(self) -> Sequence[Session]:
        """The sessions as given to `set_rows`."""
        return self._rows

    @property
    def selected(self) -> Session | None:
        """The session under the cursor."""
        return self._row(self.cursor) if self._rows else None

    @property
    def marks(self) -> frozenset[SessionKey]:
        """The keys of all marked sessions, those out of sight too."""
        return self._marks

    def set_rows(self, rows: Sequence[Session], *, marks: frozenset[SessionKey] | None = None) -> None:
        """Show ``rows`` instead; ``marks`` replaces the marks where given.

        The cursor stays on its session, on its line of the window; where that session is gone it stays at
        its index. A list that stood at its top stays there as long as the cursor remains in sight.
        """
        held, line = self.selected, self.cursor - self.scroll_offset.y
        self._rows = rows
        self._updated.clear()
        if marks is not None:
            self._marks = marks
        index = self._find(held.key, self.cursor) if held else None
        cursor = max(0, min(self.cursor if index is None else index, len(rows) - 1))
        self.set_reactive(SessionList.cursor, cursor)
        self._measure()
        height = self._window_height()
        if not (self.scroll_offset.y == 0 and cursor < height) and 0 <= line < height:
            self.scroll_to(y=cursor - line, animate=False)
        self._redraw()
        self._tell()

    def update_row(self, session: Session) -> None:
        """Show ``session`` in place of the row with its key, if there is one."""
        index = self._find(session.key, self.scroll_offset.y)
        if index is not None:
            self._updated[index] = session
            self._redraw_row(index)

    def highlight(self, terms: Sequence[str]) -> None:
        """Mark where ``terms`` occur in titles and projects, in any case and with or without accents."""
        folded = {session_columns.fold(session_columns.clean(term)) for term in terms}
        self._terms = tuple(sorted(folded - {""}, key=len, reverse=True))
        self._redraw()

    def empty(self, content: Content | str | Iterable[Content | str]) -> None:
        """Say ``content`` in the middle while there are no rows: one text or its lines, never read as markup."""
        lines = [content] if isinstance(content, Content | str) else content
        self._help = Content("\n").join([line if isinstance(line, Content) else Content(line) for line in lines])
        self._redraw()

    # ── moving and marking ────────────────────────────────────────────────────────────────────────────

    def action_move(self, lines: int) -> None:
        """Move the cursor by ``lines``, down where positive."""
        self.cursor += lines

    def action_page(self, pages: int) -> None:
        """Move the cursor by ``pages`` windows less one line, down where positive."""
        self.cursor += pages * max(1, self._window_height() - 1)

    def action_first(self) -> None:
        """Move the cursor to the first row."""
        self.cursor = 0

    def action_last(self) -> None:
        """Move the cursor to the last row."""
        self.cursor = len(self._rows) - 1

    def action_mark(self) -> None:
        """Mark the selected session or take its mark away, and move on to the next."""
        if self._rows:
            self._mark(self.cursor)
            self.action_move(1)

    def action_mark_all(self) -> None:
        """Mark every row; where every row is marked, take all their marks away."""
        keys = frozenset(session.key for session in self._rows)
        self._marks = self._marks - keys if keys <= self._marks else self._marks | keys
        self._redraw()
        self.post_message(self.Marked(self, self._marks))

    def _mark(self, index: int) -> None:
        self._marks = self._marks ^ {self._row(index).key}
        self._redraw_row(index)
        self.post_message(self.Marked(self, self._marks))

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a row."""
        return max(0, min(cursor, len(self._rows) - 1))

    def watch_cursor(self, before: int, after: int) -> None:
        """Bring the row into sight and say which session it is."""
        self._reveal()
        self._redraw_row(before)
        self._redraw_row(after)
        self._tell()

    def _tell(self) -> None:
        selected = self.selected
        key = selected.key if selected else None
        if key != self._told:
            self._told = key
            self.post_message(self.Highlighted(self, selected))

    def _reveal(self) -> None:
        top, height = self.scroll_offset.y, self._window_height()
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif height and self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False)

    # ── rows ──────────────────────────────────────────────────────────────────────────────────────────

    def _row(self, index: int) -> Session:
        return self._updated.get(index) or self._rows[index]

    def _find(self, key: SessionKey, near: int) -> int | None:
        """The index of the row with ``key``, looked for around ``near`` first."""
        rows, wanted, reach = self._rows, key.id, self._window_height() + 1
        for index in range(max(0, near - reach), min(len(rows), near + reach)):
            if rows[index].key == key:
                return index
        # Comparing the ids first spares most of the cost of comparing keys.
        return next((index for index, row in enumerate(rows) if row.key.id == wanted and row.key == key), None)

    # ── the window ────────────────────────────────────────────────────────────────────────────────────

    def on_mount(self) -> None:
        """Keep ages true while nothing else happens."""
        self.set_interval(_AGES_EVERY_SECONDS, self._redraw)

    def on_resize(self) -> None:
        """Lay the columns out anew and keep the cursor in sight."""
        self._measure()
        self._redraw()
        self._reveal()

    def on_click(self, event: events.Click) -> None:
        """Select a row; in the mark's cells or with Ctrl mark it, by a double click choose it."""
        place = event.get_content_offset(self)
        index = place.y - self._heading_height() + self.scroll_offset.y if place else -1
        if place is None or place.y < self._heading_height() or index >= len(self._rows):
            return
        event.stop()
        self.cursor = index
        if event.ctrl or place.x < 2:
            self._mark(index)
        elif event.chain == 2:
            self.post_message(self.Chosen(self, self._row(index)))

    def notify_style_update(self) -> None:
        """Forget what was drawn in the old colours."""
        self._styles.clear()
        self._strips.clear()
        super().notify_style_update()

    def _columns(self) -> Columns:
        # The scrollbar's cell stays free, so that columns do not move when it appears.
        return session_columns.columns(self.size.width - self.styles.scrollbar_size_vertical)

    def _heading_height(self) -> int:
        return int(bool(self._rows) and self._columns().heading)

    def _window_height(self) -> int:
        return max(0, self.size.height - self._heading_height())

    def _measure(self) -> None:
        self.virtual_size = Size(0, len(self._rows) + self._heading_height())

    def _redraw(self) -> None:
        self._strips.clear()
        self.refresh()

    def _redraw_row(self, index: int) -> None:
        for focused in (False, True):
            for under_cursor in (False, True):
                self._strips.discard((index, under_cursor, focused))
        y = index - self.scroll_offset.y + self._heading_height()
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    # ── drawing ───────────────────────────────────────────────────────────────────────────────────────

    def render_line(self, y: int) -> Strip:
        """The ``y``-th line of the window."""
        if not self._rows:
            return self._help_line(y)
        line = y - self._heading_height()
        if line < 0:
            return self._strip(session_columns.heading(self._columns()), under_cursor=False)
        index = line + self.scroll_offset.y
        if index >= len(self._rows):
            return Strip.blank(self.size.width, self.rich_style)
        under_cursor = index == self.cursor
        key = (index, under_cursor, self.has_focus)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self._strip(self._pieces(index, under_cursor), under_cursor=under_cursor)
        return strip

    def _pieces(self, index: int, under_cursor: bool) -> list[Piece]:
        session = self._row(index)
        soft, hard = self._thresholds
        drawing = Drawing(self._looks, self.now(), self._terms, soft, hard)
        bar = (_BAR[self.has_focus] if under_cursor else " ", "bar")
        return [bar, *session_columns.row(session, self._columns(), drawing, marked=session.key in self._marks)]

    def _strip(self, pieces: Iterable[Piece], *, under_cursor: bool) -> Strip:
        segments = [Segment(words, self._style(style, under_cursor)) for words, style in pieces if words]
        return Strip(segments).adjust_cell_length(self.size.width, self._style("", under_cursor))

    def _style(self, name: str, under_cursor: bool) -> Style:
        style = self._styles.get((under_cursor, name))
        if style is None:
            style = self._styles[under_cursor, name] = self._new_style(name, under_cursor)
        return style

    def _new_style(self, name: str, under_cursor: bool) -> Style:
        ground = self.get_component_rich_style("session-list--cursor") if under_cursor else self.rich_style
        # A reversed row would turn every coloured sign into a coloured block.
        if name in ("", "title") or ground.reverse:
            return ground
        if name.startswith(AGENT):
            look = self._looks.get(name.removeprefix(AGENT))
            return ground + _color_style(look.color if look else "")
        return ground + self.get_component_rich_style(f"session-list--{name}", partial=True)

    def _help_line(self, y: int) -> Strip:
        width, height = self.size
        style = self.get_visual_style("session-list--help")
        lines = Visual.to_strips(self, self._help, width, None, style, apply_selection=False)
        above = max(0, (height - len(lines)) // 2)
        if not above <= y < above + len(lines):
            return Strip.blank(width, self.rich_style)
        return lines[y - above].adjust_cell_length(width, self.rich_style)


def _color_style(color: str) -> Style:
    """A style of that colour, or none where it is not one."""
    try:
        return Style(color=Color.parse(color).rich_color)
    except ColorParseError:
        return Style.null()
