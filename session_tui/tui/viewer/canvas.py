"""A scrollable view of a document: it measures before it paints, so that nothing on the screen ever jumps.

Every way to scroll ends in `validate_scroll_y`, where a small move is walked row by row from the place at the top
and only a far one trusts the estimated heights. What lies ahead is laid out while nothing else happens.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from textual.content import Content
from textual.geometry import Offset, Region, Size, Spacing
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style
from textual.timer import Timer
from textual.widget import Widget

from session_tui.text import drawable
from session_tui.tui.viewer import looks, selected
from session_tui.tui.viewer.document import Document, Place
from session_tui.tui.viewer.flow import GUTTER, Row
from session_tui.tui.viewer.pages import Ink
from session_tui.tui.viewer.thumb import ThumbBar

MEASURE: Final = 100
"""Cells of text in a line, where the pane is wider; longer lines are hard to read."""
_KEPT_STRIPS: Final = 800
_DROPPED_STRIPS: Final = 400
_TICK: Final = 0.02
_ROWS_PER_TICK: Final = 12


class Canvas(ScrollView, can_focus=True):
    """Shows a `Document` from a place on, or a note where there is none; one of its messages is the current one."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(looks.CLASSES)

    class Moved(Message, namespace="message_viewer"):
        """Another message became the current one (``index`` of ``total``)."""

        def __init__(self, index: int, total: int) -> None:
            super().__init__()
            self.index = index
            self.total = total

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.document: Document | None = None
        self.place = Place(0)
        self.note = ""
        self._current = 0
        self._pane = Size(0, 0)
        self._strips: dict[tuple[int, int, bool] | None, Strip] = {}
        self._styles: dict[str, Style] = {}
        self._theme: tuple[object, ...] = ()
        self._ahead: Timer | None = None

    def on_mount(self) -> None:
        """Start the clock by which what lies ahead is laid out."""
        self._ahead = self.set_interval(_TICK, self._prepare, pause=True)

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        """The scrollbar, which is drawn again only where that shows."""
        if self._vertical_scrollbar is None:
            bar = ThumbBar(vertical=True, name="vertical", thickness=self.scrollbar_size_vertical)
            bar.display = False
            self._vertical_scrollbar = bar
            self.app._start_widget(self, bar)
        return self._vertical_scrollbar

    # ── the current message ───────────────────────────────────────────────────────────────────────────

    @property
    def current(self) -> int:
        """The message that is marked and that actions are about."""
        return self._current

    @current.setter
    def current(self, message: int) -> None:
        if message == self._current or self.document is None:
            return
        self._current = message
        self.refresh()
        self.post_message(self.Moved(message, len(self.document)))

    def _follow(self, document: Document) -> None:
        """Make the nearest message on the screen current when the current one left it."""
        last, _ = document.heights.find(document.row(self.place) + self._pane.height - 1)
        self.current = max(self.place.message, min(self._current, last))

    # ── places ────────────────────────────────────────────────────────────────────────────────────────

    @property
    def is_at_end(self) -> bool:
        """Whether the last row is on the screen."""
        document = self.document
        return document is None or document.row(self.place) + self._pane.height >= document.heights.total

    @property
    def is_ready(self) -> bool:
        """Whether there is a document and room to show it."""
        return self.document is not None and len(self.document) > 0 and self._pane.area > 0

    def go(self, place: Place) -> None:
        """Show the document from ``place`` on, or from as near as fills the screen."""
        document = self.document
        if document is None or not self.is_ready:
            self.place = place
            return
        row = document.row(self._arrive(document, document.move(place, 0)))
        self.set_scroll(None, row)
        self.set_reactive(Widget.scroll_target_y, float(row))
        self.vertical_scrollbar.position = row
        self.refresh()

    def _arrive(self, document: Document, place: Place) -> Place:
        """Measure what is about to be seen from ``place`` on and make that the top of the screen."""
        place = document.fill(place, self._pane.height)
        if place != self.place:
            self.place = place
            self.refresh()
        self._tell_height(document)
        self._follow(document)
        if self._ahead is not None:
            self._ahead.resume()
        return place

    def _tell_height(self, document: Document) -> None:
        """Let the scrollbar know the height; assigning it plainly would lay out the whole screen."""
        total = document.heights.total
        if self.virtual_size.height != total or self.virtual_size.width != self._pane.width:
            self.set_reactive(Widget.virtual_size, Size(self._pane.width, total))
            self.vertical_scrollbar.window_virtual_size = total

    def validate_scroll_y(self, value: float) -> float:
        """Turn a wanted row into one that is measured; wheel, scrollbar and keys all pass here."""
        document = self.document
        if document is None or not self.is_ready:
            return super().validate_scroll_y(value)
        change = round(value) - document.row(self.place)
        is_near = abs(change) <= 2 * self._pane.height
        row = document.row(
            self._arrive(document, document.move(self.place, change) if is_near else document.at(round(value)))
        )
        self.set_reactive(Widget.scroll_target_y, float(row))
        return row

    def scroll_to(self, x: float | None = None, y: float | None = None, **options: Any) -> None:  # noqa: ANN401
        """Scroll at once: an animation would aim at rows that move while it runs."""
        super().scroll_to(x, y, **{**options, "animate": False})

    def _prepare(self) -> None:
        """Lay out one message of the next screen, or of the one before, or paint some of their rows, so that paging
        finds them done."""
        document, rows = self.document, self._pane.height
        if document is None or not self.is_ready:
            return
        top = document.row(self.place)
        first, last = (document.heights.find(row)[0] for row in (top - rows, top + 2 * rows))
        shown, _ = document.heights.find(top + rows - 1)
        unknown = document.unmeasured(self.place.message, last + 1)
        if unknown is None and not self.vertical_scrollbar.grabbed:
            unknown = document.unmeasured(first, self.place.message, backward=True)
        if unknown is None:
            if not self._paint_ahead(document, top) and self._ahead is not None:
                self._ahead.pause()
            return
        document.page(unknown)
        if unknown <= shown:
            self.go(self.place)
        else:
            self._tell_height(document)

    def _paint_ahead(self, document: Document, top: int) -> bool:
        """Paint some rows of the next screen and of the one before; whether there were any."""
        left = _ROWS_PER_TICK
        for first in (top + self._pane.height, max(0, top - self._pane.height)):
            for place in document.places(first, self._pane.height):
                if place is not None and left and document.page(place.message).rows[place.row].prepare():
                    left -= 1
        return left < _ROWS_PER_TICK

    # ── fitting ───────────────────────────────────────────────────────────────────────────────────────

    @property
    def pane_width(self) -> int:
        """The cells between the gutter and the margin at the right."""
        return max(20, self._pane.width - GUTTER - 1)

    @property
    def text_width(self) -> int:
        """The cells a line of text may take: a comfortable measure where there is room for more."""
        return min(MEASURE, self.pane_width)

    def on_resize(self) -> None:
        """Fit the document to the new size: the top row stays at the top, the end at the end."""
        size = self.scrollable_content_region.size
        if size == self._pane or not size.area:
            return
        was_ready, was_at_end, old_width = self.is_ready, self.is_at_end, self.text_width
        self._pane = size
        document = self.document
        self._strips.clear()
        if document is None:
            return
        if not was_ready or document.width == 0:
            self._begin(document)
            return
        if self.text_width != old_width:
            self._refit(document)
        self.go(document.end(size.height) if was_at_end else self.place)

    def _begin(self, document: Document) -> None:
        """Show a document for the first time, now that there is room."""
        raise NotImplementedError

    def _refit(self, document: Document) -> None:
        """Lay out anew in another width, with the same part of the top message at the top."""
        message, row = self.place
        share = row / max(1, document.heights[message])
        document.reset(self.text_width)
        self.place = Place(message, round(share * document.height(message)))

    def _relayout(self, document: Document) -> None:
        """Lay out anew what the modes changed, with the current message on the same row of the screen."""
        message = self._current
        offset = document.row(Place(message)) - document.row(self.place)
        document.reset(self.text_width)
        self._strips.clear()
        if 0 <= offset < self._pane.height:
            self.go(document.move(Place(message), -offset))
        else:
            self.go(self.place)

    def _repaint(self, message: int | None = None) -> None:
        """Lay out one message, or all, again without moving."""
        self._strips.clear()
        if self.document is not None and self.is_ready:
            self.document.forget(message)
            self.go(self.place)
        self.refresh()

    # ── styles ────────────────────────────────────────────────────────────────────────────────────────

    @property
    def ink(self) -> Ink:
        """The styles of the theme as it is now."""
        return Ink(self._resolve, self.visual_style)

    def _resolve(self, style: str | Style) -> Style:
        if isinstance(style, Style):
            return style
        known = self._styles.get(style)
        if known is None:
            known = self._styles[style] = self._part_style(style[1:]) if style.startswith(".") else Style.parse(style)
        return known

    def _part_style(self, name: str) -> Style:
        """What a component class sets and nothing else; Textual's partial styles lose opaque backgrounds."""
        styles = self.get_component_styles(name)
        return Style(
            background=styles.background if styles.has_rule("background") else None,
            foreground=styles.color if styles.has_rule("color") else None,
            bold=styles.text_style.bold,
            italic=styles.text_style.italic,
            underline=styles.text_style.underline,
            reverse=styles.text_style.reverse,
        )

    def notify_style_update(self) -> None:
        """Drop what was painted; where the theme itself changed, all rows that carry its colours too."""
        super().notify_style_update()
        self._styles.clear()
        self._strips.clear()
        theme = (self.visual_style, *self.app.theme_variables.items())
        if theme != self._theme:
            self._theme = theme
            if self.document is not None:
                self.document.ink = self.ink
                self.document.forget()

    # ── painting ──────────────────────────────────────────────────────────────────────────────────────

    def render_line(self, y: int) -> Strip:
        """One row of the screen, with the offsets that selecting text needs."""
        document = self.document
        if document is None or not self.is_ready:
            return self._note_line(y)
        place = next(document.places(self.scroll_offset.y + y, 1))
        strip = self._strip(document, place, self.text_selection)
        return strip.apply_offsets(0, selected.key(place)) if place else strip

    def render_lines(self, crop: Region) -> list[Strip]:
        """The rows of the screen. A row keeps its strip while it moves over the screen, and with it what Textual has
        worked out of it: styled line by line, a step of the wheel would take three times as long."""
        document = self.document
        if document is None or not self.is_ready or self.styles.gutter != Spacing() or self.opacity < 1:
            return super().render_lines(crop)
        filters, ground, selection = self.get_line_filters(), self.background_colors[1], self.text_selection
        strips = []
        for place in document.places(self.scroll_offset.y + crop.y, crop.height):
            strip = self._strip(document, place, selection)
            for line_filter in filters:
                strip = strip.apply_filter(line_filter, ground)
            strips.append(strip)
        if crop.column_span == (0, self._pane.width):
            return strips
        return [strip.crop(*crop.column_span) for strip in strips]

    def _strip(self, document: Document, place: Place | None, selection: Selection | None) -> Strip:
        """The strip of a row, kept from when it was painted first; a blank one where there is no row."""
        key = (*place, place.message == self._current) if place else None
        strip = self._strips.get(key)
        if strip is None:
            for old in list(self._strips)[: _DROPPED_STRIPS if len(self._strips) > _KEPT_STRIPS else 0]:
                del self._strips[old]
            blank = Strip.blank(self._pane.width, self.visual_style.rich_style)
            strip = self._strips[key] = self._paint(document, place) if place else blank
        span = selection.get_span(selected.key(place)) if selection and place else None
        return self._lit(strip, document.page(place.message).rows[place.row], *span) if place and span else strip

    def _paint(self, document: Document, place: Place) -> Strip:
        """A row of a message behind its marker bar."""
        page = document.page(place.message)
        row = page.rows[min(place.row, len(page.rows) - 1)]
        is_marked = place.message == self._current and place.row >= page.top
        base = self.visual_style
        bar = Segment("▎" if is_marked else " ", (base + self._resolve(looks.BAR)).rich_style)
        return Strip([bar, *row.segments]).adjust_cell_length(self._pane.width, base.rich_style)

    def _lit(self, strip: Strip, row: Row, start: int, end: int) -> Strip:
        """``strip`` with its characters from ``start`` to ``end`` (-1: to its end) shown as selected, as far as they
        can be copied."""
        text = strip.text
        start, end = max(start, row.lead + 1), row.end + 1 if end == -1 else min(end, row.end + 1)
        first, last = cell_len(text[:start]), cell_len(text[: max(start, end)])
        ground = self.screen.get_component_rich_style("screen--selection", partial=True)
        style = Style(foreground=self.visual_style.foreground).rich_style + ground
        lit = Segment.apply_style(strip.crop(first, last), post_style=style)
        return Strip([*strip.crop(0, first), *lit, *strip.crop(last)], strip.cell_length)

    def _note_line(self, y: int) -> Strip:
        """A row of the note, which stands in the middle."""
        width, height = self.size
        base = self.visual_style
        rows = [row for line in drawable(self.note).split("\n") for row in Content(line).wrap(max(8, width - 4))]
        number = y - (height - len(rows)) // 2
        if not 0 <= number < len(rows) or not self.note:
            return Strip.blank(width, base.rich_style)
        style = base + self._resolve(looks.MUTED)
        left = max(0, (width - rows[number].cell_length) // 2)
        segments = [Segment(" " * left, base.rich_style), Segment(rows[number].plain, style.rich_style)]
        return Strip(segments).adjust_cell_length(width, base.rich_style)

    # ── selected text ─────────────────────────────────────────────────────────────────────────────────

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, wrapped lines joined again."""
        document = self.document
        if document is None or not self.is_ready:
            return None
        end = Offset(1 << 30, selected.key(Place(len(document) - 1, selected.MOST_ROWS - 1)))
        return selected.text(document, selection.start or Offset(0, 0), selection.end or end), "\n"
