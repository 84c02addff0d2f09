"""The line under the search box: how many sessions of each agent answer, and which agents are listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from session_tui.catalog import Look
from session_tui.tui.widgets.colors import colored
from session_tui.tui.widgets.session_columns import AGENT
from session_tui.tui.widgets.tab_line import Tab, Tally, line, tabs


class AgentTabs(Widget, can_focus=False):
    """Agents with their counts; a click chooses one."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"agent-tabs--chosen", "agent-tabs--none"}
    DEFAULT_CSS = """
    AgentTabs {
        height: 1; background: $surface; color: $foreground;
        & > .agent-tabs--chosen { background: $row-cursor; color: $foreground; text-style: $row-cursor-text-style; }
        & > .agent-tabs--none { color: $row-muted; }
    }
    """

    class Chosen(Message):
        """The tab of a store was clicked; an empty ``store`` stands for all of them."""

        def __init__(self, store: str) -> None:
            super().__init__()
            self.store = store

    def __init__(self, looks: Mapping[str, Look], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._looks = dict(looks)
        self._tallies: tuple[Tally, ...] = ()
        self._chosen: frozenset[str] = frozenset()

    @property
    def tallies(self) -> tuple[Tally, ...]:
        """How many sessions of each store answer, in the order of the tabs."""
        return self._tallies

    @property
    def chosen(self) -> frozenset[str]:
        """The stores that are listed; empty for all of them."""
        return self._chosen

    def tell(self, tallies: Sequence[Tally], chosen: Set[str]) -> None:
        """Show how many sessions of each store answer, and which stores are listed."""
        if (tuple(tallies), chosen) != (self._tallies, self._chosen):
            self._tallies, self._chosen = tuple(tallies), frozenset(chosen)
            self.refresh()

    def beside(self, steps: int) -> str:
        """The store ``steps`` tabs further among those with an answer, in a circle; empty for all of them. Where none
        has one, any store will do."""
        is_answered = any(tally.sessions for tally in self._tallies)
        stores = [""]
        for tally in self._tallies:
            if tally.sessions or tally.store in self._chosen or not is_answered:
                stores.append(tally.store)
        now = stores.index(next(iter(self._chosen))) if len(self._chosen) == 1 and self._chosen <= {*stores} else 0
        return stores[(now + steps) % len(stores)]

    def _tabs(self) -> list[Tab]:
        return tabs(self._tallies, self._chosen, self._looks, self.size.width)

    def on_click(self, event: events.Click) -> None:
        """Choose the tab under the mouse."""
        event.stop()
        hit = next((tab for tab in self._tabs() if tab.start <= event.x < tab.start + tab.width), None)
        if hit is not None:
            self.post_message(self.Chosen(hit.store))

    def render_line(self, y: int) -> Strip:
        """The line of tabs."""
        width = self.size.width
        segments = [Segment(words, self._style(style)) for words, style in line(self._tabs(), width) if words]
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _style(self, name: str) -> Style:
        """The style called ``tab``, ``tab chosen`` or ``tab none``, with a store's colour where one is named."""
        look, _, store = name.partition(f" {AGENT}")
        kind = look.removeprefix("tab").strip()
        style = self.get_component_rich_style(f"agent-tabs--{kind}") if kind else self.rich_style
        if not store or style.reverse:
            return style
        known = self._looks.get(store)
        return style + colored(known.color if known else "")
