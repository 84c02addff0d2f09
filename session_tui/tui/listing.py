"""Which sessions the list shows, and in what order: all of them, narrowed by query and scope, sorted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from session_tui import query
from session_tui.model import Session, SessionKey, SessionKind
from session_tui.ordering import ordered

SORTS = ("updated", "created", "title", "messages", "tokens", "size")


class Listing:
    """The sessions known so far, and the rows a person asked for.

    `update` may run in a job; `rows` is for the UI's thread and costs a few milliseconds for ten thousand
    sessions, since what it compares with was folded before.
    """

    def __init__(self, cwd: Path, *, here: bool = False) -> None:
        self.here = here
        self.sort = "updated"
        self.subagents = False
        self._cwd = str(cwd)
        self._sessions: tuple[Session, ...] = ()
        self._haystacks: dict[SessionKey, str] = {}

    @property
    def total(self) -> int:
        """How many sessions are known, sub-agents' apart unless they are shown."""
        return sum(1 for session in self._sessions if self._counts(session))

    def update(self, sessions: Iterable[Session], *, complete: bool = False) -> None:
        """Take sessions in: replacing those known under the same key, or all of them when ``complete``."""
        known = {} if complete else {session.key: session for session in self._sessions}
        known.update((session.key, session) for session in sessions)
        before = {session.key: session for session in self._sessions}
        self._haystacks = {
            key: self._haystacks[key] if before.get(key) is session else query.haystack(session)
            for key, session in known.items()
        }
        self._sessions = ordered(known.values(), self.sort)

    def sort_by(self, sort: str) -> None:
        """Order the sessions by one of `SORTS`."""
        self.sort = sort
        self._sessions = ordered(self._sessions, sort)

    def rows(self, wanted: query.Query) -> tuple[Session, ...]:
        """The sessions that match ``wanted`` within the scope, in order."""
        haystacks = self._haystacks
        return tuple(
            session
            for session in self._sessions
            if self._counts(session)
            and (not self.here or self._is_here(session))
            and (not wanted or wanted.matches(haystacks.get(session.key, "")))
        )

    def _counts(self, session: Session) -> bool:
        return self.subagents or session.kind is not SessionKind.SUBAGENT

    def _is_here(self, session: Session) -> bool:
        project = session.project
        return project is not None and (project == self._cwd or project.startswith(f"{self._cwd.rstrip('/')}/"))
