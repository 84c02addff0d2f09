"""What the main screen's list shows of an answer: all agents or some, in groups or not, and what is told of it."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from textual import on
from textual.content import Content
from textual.widgets import Static

from session_tui.model import Session
from session_tui.query import Facts, Query
from session_tui.text import clip, one_line
from session_tui.tui import empty
from session_tui.tui.grouping import GROUPINGS, grouped
from session_tui.tui.listing import SORTS
from session_tui.tui.screens.searching import Searching
from session_tui.tui.widgets.agent_tabs import AgentTabs
from session_tui.tui.widgets.search_box import SearchBox
from session_tui.tui.widgets.tab_line import Tally

_MISTAKE = 48
"""Characters of a mistake that the status line has room for; the tooltip has them all."""


class Narrowing(Searching):
    """Agents, groups, scope and order."""

    _clock: Callable[[], datetime]
    _is_first_look: bool

    def __init__(self) -> None:
        super().__init__()
        self.shown: tuple[Session, ...] = ()
        self._elsewhere = 0

    @property
    def tabs(self) -> AgentTabs:
        """The line of agents."""
        return self.query_one("#tabs", AgentTabs)

    @property
    @abstractmethod
    def _is_looking(self) -> bool: ...

    # ── rows ──────────────────────────────────────────────────────────────────────────────────────────

    def show_rows(self, sessions: Sequence[Session], *, to_best: bool) -> None:
        """Give the list its rows: those of the agents that are asked for, in their groups."""
        listed = self._of_agents(sessions)
        looks, home = self._library.looks(), str(self._library.world.home)
        grouping, sort = self._listing.grouping, self._listing.sort
        rows, groups = grouped(listed, grouping, looks=looks, home=home, now=self._clock(), sort=sort)
        # Until all is known, newer sessions may come above the one that nobody has chosen.
        stays_on_top = self._is_first_look and self.rows.cursor == 0 and self.focused is not self.viewer
        self._elsewhere = len(sessions) - len(listed)
        self.shown = rows
        if not rows:
            self.rows.empty(self._why_empty())
        self.rows.set_rows(rows, groups=groups)
        if to_best or stays_on_top:
            self.rows.action_first()
        self._tell_status()

    def _of_agents(self, sessions: Sequence[Session]) -> Sequence[Session]:
        """Those of the agents that the query asks for; how many each agent has is shown in the tabs."""
        known = self._listing.agents()
        if sessions is self._listing.scoped():
            counts = {store: number for store, (_, number) in known.items()}
        else:
            counts = Counter([session.key.store for session in sessions])
        accepted = {
            store
            for store, (example, _) in known.items()
            if all(filter.accepts(example, _NO_FACTS) for filter in self._asked)
        }
        chosen = frozenset(accepted if self._asked else ())
        self.tabs.tell([Tally(store, counts.get(store, 0)) for store in known], chosen)
        if not self._asked:
            return sessions
        return [session for session in sessions if session.key.store in accepted]

    # ── choosing ──────────────────────────────────────────────────────────────────────────────────────

    @on(AgentTabs.Chosen)
    def _tab_chosen(self, message: AgentTabs.Chosen) -> None:
        self._ask_for(message.store)

    def action_next_agent(self, steps: int) -> None:
        """List the sessions of the agent whose tab is ``steps`` further."""
        self._ask_for(self.tabs.beside(steps))

    @on(SearchBox.Turned)
    def _turned(self, message: SearchBox.Turned) -> None:
        self.action_next_agent(message.steps)

    def action_all_agents(self) -> None:
        """List the sessions of all agents."""
        self._ask_for("")

    def _ask_for(self, store: str) -> None:
        """Write into the query which agent is asked for, so that it stays while typing goes on."""
        box = self.search
        behind = len(box.value) - box.cursor_position
        rest = _without_agents(box.value, self._library.parsed(box.value))
        box.value = f"agent:{store} {rest}" if store else rest
        box.cursor_position = max(0, len(box.value) - behind)

    def action_next_group(self) -> None:
        """Group by the next of: project, agent, date, nothing."""
        following = GROUPINGS[(GROUPINGS.index(self._listing.grouping) + 1) % len(GROUPINGS)]
        self._listing.grouping = following
        self._relist()
        told = f"Grouped by {following}" if following != "none" else "Not grouped"
        self.notify(told, timeout=2, markup=False)

    def action_toggle_scope(self) -> None:
        """Switch between this directory and everywhere."""
        self._listing.here = not self._listing.here
        self._relist()

    def action_next_sort(self) -> None:
        """Sort by the next order."""
        self._listing.sort_by(SORTS[(SORTS.index(self._listing.sort) + 1) % len(SORTS)])
        self._relist()

    def action_toggle_subagents(self) -> None:
        """List sub-agents' sessions as well, or leave them out."""
        self._listing.subagents = not self._listing.subagents
        self._relist()

    # ── what is told ──────────────────────────────────────────────────────────────────────────────────

    def _tell_status(self, note: str = "") -> None:
        total, listing = self._listing.total, self._listing
        parts = [f"{len(self.shown):,} of {total:,}"]
        parts += ["by its id or file"] if self._is_pointed_at else []
        parts += ["this directory"] if listing.here else []
        parts += [f"by {listing.sort}"] if listing.sort != "updated" else []
        parts += [f"{self._took_ms:.0f} ms"] if self._took_ms else []
        parts += [note or "looking…"] if self._is_looking or note else []
        told = Content(" · ".join(parts))
        mistakes = self._query.mistakes
        if mistakes:
            mistake = Content(f"! {clip(one_line(mistakes[0].what), _MISTAKE)}").stylize("$text-warning")
            told = Content(" · ").join([told, mistake])
        for status in self.query("#status").results(Static):  # A job may still tell its steps while the app closes.
            status.update(told)

    def _why_empty(self) -> list[Content]:
        typed, listing = self.search.value, self._listing
        if typed.strip():
            mistakes = [(typed[one.start : one.end], one.what) for one in self._query.mistakes]
            still = "Still looking for sessions…" if self._is_looking else ""
            return empty.no_match(
                typed, listing.total, here=listing.here, mistakes=mistakes, elsewhere=self._elsewhere, note=still
            )
        if listing.here and listing.total:
            return empty.nothing_here(self._library.world.cwd)
        if self._is_looking:
            return empty.looking()
        looks = self._library.looks()
        return empty.no_sessions([looks[name] for name in self._library.searched()])


_NO_FACTS = Facts()


def _without_agents(text: str, parsed: Query) -> str:
    """A query without what it asks of agents, readable or not."""
    _, asked = parsed.apart("agent", "store")
    spans = [(filter.start, filter.end) for filter in asked]
    spans += [
        (mistake.start, mistake.end)
        for mistake in parsed.mistakes
        if text[mistake.start : mistake.end].lstrip("!-").lower().startswith(("agent:", "store:"))
    ]
    for start, end in sorted(spans, reverse=True):
        text = f"{text[:start].rstrip()} {text[end:].lstrip()}" if text[:start].strip() else text[end:].lstrip()
    return text
