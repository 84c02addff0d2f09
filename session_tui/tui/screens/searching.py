"""How the main screen searches: results while typing, the best first, and the viewer at the place that answers.

Titles and what was said are looked through at once, in the handler of the key as long as that takes no longer than
a frame; tools, thinking and mistyped words follow from a thread. An answer to an older query is dropped.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Final

from textual.timer import Timer

from session_tui.errors import Cancelled, SessionTuiError
from session_tui.library import Library
from session_tui.model import Session, SessionKey, Transcript
from session_tui.ordering import ordered
from session_tui.query import Filter, Query, complete
from session_tui.tui.listing import Listing
from session_tui.tui.screens.looking import Looking
from session_tui.tui.viewer import MessageViewer
from session_tui.tui.widgets.search_box import SearchBox
from session_tui.tui.widgets.session_list import SessionList

if TYPE_CHECKING:
    from session_tui.index.scan import Match

_IN_HANDLER_MS: Final = 15.0
"""A search may run in the handler of a key while its last run took less."""
_DEEPER_SECONDS: Final = 0.04
"""How long no key must come before tools and thinking are looked through."""
_LANDING_SECONDS: Final = 0.08
"""How long no other answer must come before the conversation on show moves to the place that answers."""
_WORDS_MARKED: Final = 24

Found = list[tuple[Session, "Match | None"]]


@dataclass(frozen=True, slots=True)
class Reading:
    """A transcript, the index of the message that answers a query, and the words of that query."""

    transcript: Transcript
    at: int | None = None
    terms: tuple[str, ...] = ()


class Searching(Looking):
    """What the main screen does with the search box."""

    _library: Library
    _listing: Listing
    _transcript: Transcript | None

    def __init__(self) -> None:
        super().__init__()
        self._query = Query()
        self._asked: tuple[Filter, ...] = ()
        self._generation = 0
        self._took_ms = 0.0
        self._last_ms = 0.0
        self._answer: Found = []
        self._deeper: Timer | None = None
        self._landing: Timer | None = None
        self._landed_on: tuple[SessionKey, tuple[str, ...]] | None = None
        self._is_pointed_at = False
        self._goes_to_best = False

    @property
    def rows(self) -> SessionList:
        """The list pane."""
        return self.query_one("#list", SessionList)

    @property
    def viewer(self) -> MessageViewer:
        """The message viewer."""
        return self.query_one("#viewer", MessageViewer)

    @property
    def search(self) -> SearchBox:
        """The search box."""
        return self.query_one("#search", SearchBox)

    @abstractmethod
    def show_rows(self, sessions: Sequence[Session], *, to_best: bool) -> None:
        """Give the list its rows, of all agents; ``to_best`` selects the first one."""

    @abstractmethod
    def show_tail(self, tail: Transcript) -> None:
        """Show the end of a conversation of which the rest is being read."""

    @abstractmethod
    def explain_rows(self) -> None:
        """Tell why rows are listed, where words are looked for."""

    @abstractmethod
    def _tell_status(self, note: str = "") -> None: ...

    # ── results ───────────────────────────────────────────────────────────────────────────────────────

    def _relist(self, *, to_best: bool = False) -> None:
        """Show what answers the query as it is now; ``to_best`` selects the best answer once it is there."""
        self._generation += 1
        self._goes_to_best = to_best
        if self._deeper is not None:
            self._deeper.stop()
            self._deeper = None
        pointed = self._listing.pointed_at(self.search.value, str(self._library.world.home))
        self._is_pointed_at = bool(pointed)
        typed = Query() if pointed else self._library.parsed(self.search.value)
        # Counts of agents are of the query without what it asks of agents.
        wanted, self._asked = typed.apart("agent", "store")
        self._query = wanted
        self.search.show_mistakes(typed.mistakes)
        if pointed:
            self._took_ms = 0.0
            self._show([(session, None) for session in pointed])
        elif not wanted:
            self._took_ms = 0.0
            self._show(None, self._listing.scoped())
        elif self._last_ms < _IN_HANDLER_MS:
            began = perf_counter()
            found = self._look(wanted, self._listing.scoped(), self._generation, deep=False)
            self._answered(self._generation, began, found, deep=False)
            if wanted.words or wanted.without:
                self._deeper = self.set_timer(_DEEPER_SECONDS, partial(self._look_deeper, self._generation))
        else:
            self._look_deeper(self._generation, first=True)

    def _look(self, wanted: Query, sessions: Sequence[Session], generation: int, *, deep: bool) -> Found:
        def pause() -> None:
            if generation != self._generation:
                raise Cancelled

        return self._library.searches.matching(wanted, sessions, subagents=True, work=deep, pause=pause)

    def _look_deeper(self, generation: int, *, first: bool = False) -> None:
        """Search in a thread; with ``first`` titles and what was said before tools and thinking."""
        wanted, sessions = self._query, self._listing.scoped()

        def look() -> None:
            began = perf_counter()
            for deep in (False, True) if first and wanted.words else (True,):
                try:
                    found = self._look(wanted, sessions, generation, deep=deep)
                except (Cancelled, SessionTuiError):
                    return
                self.app.call_from_thread(self.when_up, partial(self._answered, generation, began, found, deep=deep))

        self.run_worker(look, thread=True, exclusive=True, group="search", exit_on_error=False)

    def _answered(self, generation: int, began: float, found: Found, *, deep: bool) -> None:
        """Show an answer, unless the query is another one by now."""
        if generation != self._generation:
            return
        self._took_ms = (perf_counter() - began) * 1000
        if not deep or not self._query.words:
            self._last_ms = self._took_ms
        self._show(found)

    def _show(self, found: Found | None, sessions: Sequence[Session] = ()) -> None:
        """Show what was found, or where nothing was looked for all of ``sessions``."""
        self._answer = found or []
        if found is not None:
            sessions = tuple([session for session, _ in found])
            if self._listing.sort != "updated" and self._query.words:
                sessions = ordered(sessions, self._listing.sort)
        to_best, self._goes_to_best = self._goes_to_best, False
        self.show_rows(sessions, to_best=to_best)
        self.explain_rows()
        self._mark_words()
        self._land_soon()

    # ── marked words ──────────────────────────────────────────────────────────────────────────────────

    def _words_of(self, key: SessionKey) -> tuple[str, ...]:
        """The words a session was found by, which differ from those typed where these were mistyped."""
        id = key.id
        match = next((match for session, match in self._answer if session.key.id == id and session.key == key), None)
        return match.words if match is not None else self._query.terms

    def _mark_words(self) -> None:
        """Mark what was looked for in the list and in the conversation on show."""
        marked = dict.fromkeys(self._query.terms)
        for _, match in self._answer[:_WORDS_MARKED]:
            marked |= dict.fromkeys(match.words if match is not None else ())
        self.rows.highlight(tuple(marked))
        self._mark_words_in_viewer()

    def _mark_words_in_viewer(self) -> None:
        shown = self._transcript.session.key if self._transcript is not None else None
        words = self._words_of(shown) if shown is not None else ()
        self.viewer.highlight(tuple(dict.fromkeys((*self._query.terms, *words))))

    # ── the place that answers ────────────────────────────────────────────────────────────────────────

    def _read(self, key: SessionKey, wanted: Query, words: Sequence[str]) -> Reading:
        """A session with its messages, and which of these answers the query. The end of a long one is shown before
        the rest of it is read, unless the query leads elsewhere."""
        if not wanted.words and (tail := self._library.tail(key)) is not None:
            self.app.call_later(self.when_up, self.show_tail, tail)
        transcript = self._library.open(key)
        if not wanted.words:
            return Reading(transcript)
        place = self._library.searches.place(key, wanted, words)
        return Reading(transcript, None if place is None else transcript.index_at(place), wanted.terms)

    def _land_soon(self) -> None:
        """Move the conversation on show to the place that answers, where the query became another one meanwhile."""
        if self._landing is not None:
            self._landing.stop()
            self._landing = None
        selected, terms = self.rows.selected, self._query.terms
        if selected is None or not terms or self._landed_on in (None, (selected.key, terms)):
            return
        if self._transcript is not None and self._transcript.session.key == selected.key and not self.viewer.has_focus:
            self._landing = self.set_timer(_LANDING_SECONDS, partial(self._land, self._transcript))

    def _land(self, transcript: Transcript) -> None:
        key, wanted, generation = transcript.session.key, self._query, self._generation
        words = self._words_of(key)

        def look() -> None:
            try:
                place = self._library.searches.place(key, wanted, words)
            except SessionTuiError:
                return
            index = None if place is None else transcript.index_at(place)
            self.app.call_from_thread(self.when_up, landed, index)

        def landed(index: int | None) -> None:
            if generation == self._generation and transcript is self._transcript:
                self._landed_on = (key, wanted.terms)
                self._mark_words_in_viewer()
                if index is not None:
                    self.viewer.show(transcript, at=index, to_word=True)

        self.run_worker(look, thread=True, exclusive=True, group="landing", exit_on_error=False)

    # ── the query ─────────────────────────────────────────────────────────────────────────────────────

    def search_for(self, text: str) -> None:
        """Put ``text`` into the search box, as if it had been typed."""
        self.search.value = text
        self.search.cursor_position = len(text)

    def action_complete(self) -> None:
        """Complete the filter being typed, or move on to the list."""
        completed = complete(self.search.value, self._listing.values())
        if completed is None:
            # At once, so that a key which follows is the list's.
            self.set_focus(self.rows)
        else:
            self.search_for(completed)
