"""How the main screen tells why rows are listed: a passage of each session in sight, looked up in a thread."""

from __future__ import annotations

from datetime import datetime
from time import monotonic
from typing import Final

from textual import on
from textual.timer import Timer

from session_tui.model import Hit, Session, SessionKey
from session_tui.tui.screens.searching import Searching
from session_tui.tui.widgets.session_list import SessionList

_SETTLE_SECONDS: Final = 0.1
"""How long rows must stay in sight before passages are looked up for them."""
_GIVEN_EVERY_SECONDS: Final = 0.05

Asked = tuple[object, ...]


class Explaining(Searching):
    """Passages for the rows in sight, kept until the query becomes another one."""

    def __init__(self) -> None:
        super().__init__()
        self._explained: Asked = ()
        self._known: dict[SessionKey, datetime | None] = {}
        self._explaining: Timer | None = None

    def explain_rows(self) -> None:
        """Begin to tell why rows are listed, or end it, by what the query asks now."""
        wanted = self._query
        asked: Asked = (wanted.terms, wanted.roles, wanted.parts) if wanted.words else ()
        if asked == self._explained:
            return
        was_on, self._explained = bool(self._explained), asked
        self._known.clear()
        # What is told of an older query stays until there is something newer, so that rows do not flicker.
        if was_on != bool(asked):
            self.rows.explain({} if asked else None)
        else:
            self._explain_soon()

    @on(SessionList.Sighted)
    def _explain_soon(self) -> None:
        if self._explaining is not None:
            self._explaining.stop()
        self._explaining = self.set_timer(_SETTLE_SECONDS, self._look_up)

    def _look_up(self) -> None:
        """Look up passages for the rows in sight that have none."""
        asked, wanted = self._explained, self._query
        wanting = [
            (session, self._words_of(session.key))
            for session in self.rows.in_sight()
            if self._known.get(session.key, _NEVER) != session.updated_at
        ]
        if not asked or not wanting:
            return

        def look() -> None:
            found: dict[SessionKey, Hit] = {}
            given = monotonic()
            for session, words in wanting:
                if asked != self._explained:
                    return
                found[session.key] = self._library.searches.best_hit(session, wanted, words)
                if monotonic() - given > _GIVEN_EVERY_SECONDS or session is wanting[-1][0]:
                    self.app.call_from_thread(self.when_up, self._give, asked, [one for one, _ in wanting], found)
                    found, given = {}, monotonic()

        self.run_worker(look, thread=True, exclusive=True, group="reasons", exit_on_error=False)

    def _give(self, asked: Asked, sessions: list[Session], found: dict[SessionKey, Hit]) -> None:
        if asked == self._explained:
            self._known |= {session.key: session.updated_at for session in sessions if session.key in found}
            self.rows.give_reasons(found)


_NEVER: Final = datetime.min
