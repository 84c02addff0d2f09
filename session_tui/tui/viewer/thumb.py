"""A scrollbar that is drawn again only when its thumb looks another way.

In a document of many thousand rows the thumb stays where it is for hundreds of them, and drawing the bar costs as
much as drawing a third of the rows beside it.
"""

from __future__ import annotations

from math import ceil
from typing import Final

from rich.console import RenderableType
from textual.reactive import Reactive
from textual.scrollbar import ScrollBar

_STEPS: Final = 8
"""The steps in a cell at which a thumb can begin and end."""


class ThumbBar(ScrollBar):
    """A vertical scrollbar."""

    window_virtual_size: Reactive[int] = Reactive(100, repaint=False)
    position: Reactive[float] = Reactive(0, repaint=False)
    _drawn: tuple[int, int] | None = None

    def watch_window_virtual_size(self) -> None:
        """Draw again what looks another way."""
        self._redraw()

    def watch_position(self) -> None:
        """Draw again what looks another way."""
        self._redraw()

    def render(self) -> RenderableType:
        """The bar as it is now."""
        self._drawn = self._thumb()
        return super().render()

    def _redraw(self) -> None:
        if self._thumb() != self._drawn:
            self.refresh()

    def _thumb(self) -> tuple[int, int] | None:
        """The first step and the number of steps of the thumb, as `ScrollBarRender` draws it."""
        size, window, total = self.size.height, self.window_size, self.window_virtual_size
        if not size or not window or window >= total:
            return None
        length = max(1, window * size / total)
        return int((size - length) * self.position / (total - window) * _STEPS), ceil(length * _STEPS)
