"""What the list of sessions draws with: its styles, lines of pieces, and what it says where there is nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.content import Content
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from session_tui.catalog import Look
from session_tui.tui.widgets.colors import colored
from session_tui.tui.widgets.session_columns import AGENT, Piece

_KEPT_STRIPS = 512


class SessionCanvas(ScrollView):
    """A surface for lines of pieces; those that were drawn are kept by row, part, cursor and focus."""

    ALLOW_SELECT = False

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"session-list--{part}"
        for part in (
            *("cursor", "bar", "untitled", "project", "muted", "match", "mark", "pin", "live", "damaged", "help"),
            *("group", "place"),
            *("age-now", "age-day", "age-week", "age-old", "gauge-calm", "gauge-soft", "gauge-hard", "track"),
        )
    }
    DEFAULT_CSS = """
    SessionCanvas {
        background: $background; color: $foreground; text-align: center;
        overflow: hidden auto; scrollbar-size-vertical: 1;
        & > .session-list--cursor {
            background: $row-cursor-blurred; color: $foreground; text-style: $row-cursor-text-style;
        }
        &:focus > .session-list--cursor { background: $row-cursor; }
        & > .session-list--bar { color: $row-cursor-bar; }
        & > .session-list--group { color: $foreground; text-style: bold; }
        & > .session-list--place { color: $age-week; }
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

    def __init__(self, looks: Mapping[str, Look], *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._looks = dict(looks)
        self._help = Content()
        self._strips: LRUCache[tuple[int, int, bool, bool], Strip] = LRUCache(_KEPT_STRIPS)
        self._styles: dict[tuple[bool, str], Style] = {}

    def empty(self, content: Content | str | Iterable[Content | str]) -> None:
        """Say ``content`` in the middle while there are no rows: one text or its lines, never read as markup."""
        lines = [content] if isinstance(content, Content | str) else content
        self._help = Content("\n").join([line if isinstance(line, Content) else Content(line) for line in lines])
        self._redraw()

    def notify_style_update(self) -> None:
        """Forget what was drawn in the old colours."""
        self._styles.clear()
        self._strips.clear()
        super().notify_style_update()

    def _redraw(self) -> None:
        self._strips.clear()
        self.refresh()

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
            return ground + colored(look.color if look else "")
        return ground + self.get_component_rich_style(f"session-list--{name}", partial=True)

    def _help_line(self, y: int) -> Strip:
        width, height = self.size
        style = self.get_visual_style("session-list--help")
        lines = Visual.to_strips(self, self._help, width, None, style, apply_selection=False)
        above = max(0, (height - len(lines)) // 2)
        if not above <= y < above + len(lines):
            return Strip.blank(width, self.rich_style)
        return lines[y - above].adjust_cell_length(width, self.rich_style)
