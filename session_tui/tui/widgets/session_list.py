"""The list of sessions: draws only the rows in sight, so that its cost follows the window, not the archive."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from textual import events
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.strip import Strip

from session_tui.catalog import Look
from session_tui.model import Hit, Session, SessionKey
from session_tui.tui.widgets import reason_line, session_columns, session_messages
from session_tui.tui.widgets.session_canvas import SessionCanvas
from session_tui.tui.widgets.session_columns import AGENT, Columns, Drawing, Piece
from session_tui.tui.widgets.session_lines import Group, Lines

__all__ = ["Look", "SessionList"]

_KEPT_STRIPS = 512
_BAR = ("▎", "▌")
"""What stands before the selected row, thin without the focus and broad with it."""
_AGES_EVERY_SECONDS = 30.0
_ROOMY = 24
"""The lines of a window from which every session has a second line that tells why it is listed."""


def _now() -> datetime:
    return datetime.now(UTC)


class SessionList(SessionCanvas, can_focus=True):
    """Sessions under headings, with a cursor and marks. Rows may be any sequence, read only where in sight."""

    cursor: reactive[int] = reactive(0, repaint=False, init=False)
    """The index of the selected row; 0 while there is none."""

    Highlighted: TypeAlias = session_messages.Highlighted
    Chosen: TypeAlias = session_messages.Chosen
    Marked: TypeAlias = session_messages.Marked
    Sighted: TypeAlias = session_messages.Sighted

    def __init__(
        self,
        looks: Mapping[str, Look],
        *,
        now: Callable[[], datetime] = _now,
        soft: float = 0.6,
        hard: float = 0.75,
        due: Callable[[Session], bool] | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """Show nothing yet. ``soft`` and ``hard`` are the shares of a context window that gauges warn at;
        ``due`` says of a session what ``hard`` otherwise does."""
        super().__init__(looks, id=id, classes=classes)
        self.now = now
        self._thresholds = (soft, hard)
        self._due = due
        self._rows: Sequence[Session] = ()
        self._groups: tuple[Group, ...] = ()
        self._folded: frozenset[str] = frozenset()
        self._lines = Lines(0)
        self._reasons: dict[SessionKey, Hit] | None = None
        self._updated: dict[int, Session] = {}
        self._marks: frozenset[SessionKey] = frozenset()
        self._terms: tuple[str, ...] = ()
        self._told: SessionKey | None = None

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

    def set_rows(
        self, rows: Sequence[Session], *, groups: Sequence[Group] = (), marks: frozenset[SessionKey] | None = None
    ) -> None:
        """Show ``rows`` instead, under the headings of ``groups``, whose sessions stand together in ``rows``;
        ``marks`` replaces the marks where given.

        The cursor stays on its session, on its line of the window; where that session is gone it stays at
        its index. A list that stood at its top stays there as long as the cursor remains in sight.
        """
        held, line = self.selected, self._lines.of(self.cursor) - self.scroll_offset.y
        self._rows, self._groups = rows, tuple(groups)
        self._updated.clear()
        if marks is not None:
            self._marks = marks
        index = self._find(held.key, self.cursor) if held else None
        self._lay_out()
        cursor = self._lines.nearest(max(0, min(self.cursor if index is None else index, len(rows) - 1)))
        self.set_reactive(SessionList.cursor, cursor)
        first, height = self._lines.of(cursor), self._window_height()
        if not (self.scroll_offset.y == 0 and first + self._lines.height <= height) and 0 <= line < height:
            self.scroll_to(y=first - line, animate=False)
        self._redraw()
        self._tell()
        self._tell_sighted()

    def update_row(self, session: Session) -> None:
        """Show ``session`` in place of the row with its key, if there is one."""
        index = self._find(session.key, self.cursor)
        if index is not None:
            self._updated[index] = session
            self._redraw_row(index)

    def highlight(self, terms: Sequence[str]) -> None:
        """Mark where ``terms`` occur in titles and projects, in any case and with or without accents."""
        folded = {session_columns.fold(session_columns.clean(term)) for term in terms}
        self._terms = tuple(sorted(folded - {""}, key=len, reverse=True))
        self._redraw()

    def explain(self, reasons: Mapping[SessionKey, Hit] | None) -> None:
        """Tell why sessions are listed: in a second line of each, or in a small window in its last line for the
        selected one. Those without a reason yet leave it empty; ``None`` ends it."""
        was_on = self._reasons is not None
        self._reasons = None if reasons is None else dict(reasons)
        if was_on != (reasons is not None):
            self._lay_out()
            self._reveal()
        self._redraw()
        self._tell_sighted()

    def give_reasons(self, reasons: Mapping[SessionKey, Hit]) -> None:
        """Tell why these sessions are listed as well."""
        if self._reasons is not None:
            self._reasons.update(reasons)
            self._redraw()

    def in_sight(self) -> list[Session]:
        """The sessions that are told why they are listed: those in the window, the selected one first."""
        if self._reasons is None or not self._rows:
            return []
        top = self.scroll_offset.y
        rows = self._lines.shown(top, top + self._window_height()) if self._lines.height > 1 else ()
        return [self._row(row) for row in dict.fromkeys((self.cursor, *rows))]

    # ── moving and marking ────────────────────────────────────────────────────────────────────────────

    def action_move(self, lines: int) -> None:
        """Move the cursor by ``lines``, down where positive."""
        self.cursor = self._lines.moved(self.cursor, lines)

    def action_page(self, pages: int) -> None:
        """Move the cursor by ``pages`` windows less one line, down where positive."""
        rows = max(1, self._window_height() // self._lines.height - 1)
        self.cursor = self._lines.moved(self.cursor, pages * rows)

    def action_first(self) -> None:
        """Move the cursor to the first row."""
        self.cursor = 0
        self.scroll_to(y=0, animate=False)

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

    def action_fold_group(self) -> None:
        """Fold the group of the selected session, unless it is the only one unfolded."""
        group = self._lines.group_of(self.cursor)
        if group is not None:
            self._fold(group)

    def action_unfold_groups(self) -> None:
        """Unfold all groups."""
        self._refold(frozenset())

    def _fold(self, group: Group) -> None:
        if group.key in self._folded:
            self._refold(self._folded - {group.key})
        elif len(self._lines.open_groups()) > 1:
            self._refold(self._folded | {group.key})

    def _refold(self, folded: frozenset[str]) -> None:
        self._folded = folded
        self._lay_out()
        self.cursor = self._lines.nearest(self.cursor)
        self._reveal()
        self._redraw()
        self._tell_sighted()

    def _mark(self, index: int) -> None:
        self._marks = self._marks ^ {self._row(index).key}
        self._redraw_row(index)
        self.post_message(self.Marked(self, self._marks))

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a row."""
        return self._lines.nearest(max(0, min(cursor, len(self._rows) - 1)))

    def watch_cursor(self, before: int, after: int) -> None:
        """Bring the row into sight and say which session it is."""
        self._reveal()
        self._redraw_row(before)
        self._redraw_row(after)
        if self._foot_height():
            self.refresh(Region(0, self.size.height - 1, self.size.width, 1))
        self._tell()
        self._tell_sighted()

    def _tell(self) -> None:
        selected = self.selected
        key = selected.key if selected else None
        if key != self._told:
            self._told = key
            self.post_message(self.Highlighted(self, selected))

    def _tell_sighted(self) -> None:
        if self._reasons is not None and self._rows:
            self.post_message(self.Sighted(self))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other sessions come into sight."""
        super().watch_scroll_y(old_value, new_value)
        self._tell_sighted()

    def _reveal(self) -> None:
        top, height = self.scroll_offset.y, self._window_height()
        first = self._lines.of(self.cursor)
        above = first - self._lines.is_below_heading(self.cursor)
        if above < top:
            self.scroll_to(y=above, animate=False)
        elif height and first + self._lines.height > top + height:
            self.scroll_to(y=first + self._lines.height - height, animate=False)

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
        self._lay_out()
        self._redraw()
        self._reveal()
        self._tell_sighted()

    def on_click(self, event: events.Click) -> None:
        """Select a row, or fold the group of a heading; in the mark's cells or with Ctrl mark a row, by a double
        click choose it."""
        offset = event.get_content_offset(self)
        line = offset.y - self._heading_height() if offset else -1
        place = self._lines.at(line + self.scroll_offset.y) if 0 <= line < self._window_height() else None
        if offset is None or place is None:
            return
        event.stop()
        if place.group is not None:
            self._fold(place.group)
            return
        self.cursor = place.row
        if event.ctrl or (offset.x < 2 and place.part == 0):
            self._mark(place.row)
        elif event.chain == 2:
            self.post_message(self.Chosen(self, self._row(place.row)))

    def _columns(self) -> Columns:
        # The scrollbar's cell stays free, so that columns do not move when it appears.
        return session_columns.columns(self.size.width - self.styles.scrollbar_size_vertical)

    def _heading_height(self) -> int:
        return int(bool(self._rows) and self._columns().heading)

    def _foot_height(self) -> int:
        return int(self._reasons is not None and bool(self._rows) and self._lines.height == 1)

    def _window_height(self) -> int:
        return max(0, self.size.height - self._heading_height() - self._foot_height())

    def _lay_out(self) -> None:
        is_roomy = self._reasons is not None and self.size.height - self._heading_height() >= _ROOMY
        if {group.key for group in self._groups} <= self._folded:
            self._folded = frozenset()
        self._lines = Lines(len(self._rows), 2 if is_roomy else 1, self._groups, self._folded)
        self.virtual_size = Size(0, len(self._lines) + self._heading_height() + self._foot_height())

    def _redraw_row(self, index: int) -> None:
        height = self._lines.height
        for part in range(height):
            for focused in (False, True):
                for under_cursor in (False, True):
                    self._strips.discard((index, part, under_cursor, focused))
        y = self._lines.of(index) - self.scroll_offset.y + self._heading_height()
        top, end = max(0, y), min(self.size.height, y + height)
        if top < end:
            self.refresh(Region(0, top, self.size.width, end - top))

    # ── drawing ───────────────────────────────────────────────────────────────────────────────────────

    def render_line(self, y: int) -> Strip:
        """The ``y``-th line of the window."""
        if not self._rows:
            return self._help_line(y)
        line = y - self._heading_height()
        if line < 0:
            return self._strip(session_columns.heading(self._columns()), under_cursor=False)
        if self._foot_height() and y == self.size.height - 1:
            return self._strip([(" ", ""), *self._reason(self.cursor)], under_cursor=False)
        place = self._lines.at(line + self.scroll_offset.y)
        if place is None:
            return Strip.blank(self.size.width, self.rich_style)
        if place.group is not None:
            return self._strip(self._group(place.group), under_cursor=False)
        under_cursor = place.row == self.cursor
        key = (place.row, place.part, under_cursor, self.has_focus)
        strip = self._strips.get(key)
        if strip is None:
            pieces = self._reason(place.row) if place.part else self._pieces(place.row)
            bar = (_BAR[self.has_focus] if under_cursor else " ", "bar")
            strip = self._strips[key] = self._strip([bar, *pieces], under_cursor=under_cursor)
        return strip

    def _pieces(self, index: int) -> list[Piece]:
        session = self._row(index)
        soft, hard = self._thresholds
        drawing = Drawing(self._looks, self.now(), self._terms, soft, hard, self._due)
        return session_columns.row(session, self._columns(), drawing, marked=session.key in self._marks)

    def _reason(self, index: int) -> list[Piece]:
        hit = (self._reasons or {}).get(self._row(index).key)
        return reason_line.pieces(hit, self._columns().width - 1)

    def _group(self, group: Group) -> list[Piece]:
        look = self._looks.get(group.store)
        sign = (look.mark if look else " ", f"{AGENT}{group.store}")
        fold = "▸" if group.key in self._folded else "▾"
        label = session_columns.clean(group.label)
        return [(f" {fold}", "muted"), sign, (" ", ""), (label, "group"), (f"  {group.count:,}", "muted")]
