"""Which sessions the list shows, and in what order: all of them, narrowed by query and scope, sorted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from session_tui import query
from session_tui.model import Session, SessionKind
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
        self._haystacks: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """How many sessions are known, sub-agents' apart unless they are shown."""
        if self.subagents:
            return len(self._sessions)
        return sum(session.kind is not SessionKind.SUBAGENT for session in self._sessions)

    def update(self, sessions: Iterable[Session], *, complete: bool = False) -> None:
        """Take sessions in: replacing those known under the same key, or all of them when ``complete``."""
        folded = {id(session): text for session, text in zip(self._sessions, self._haystacks, strict=True)}
        known = {} if complete else {session.key: session for session in self._sessions}
        known.update((session.key, session) for session in sessions)
        self._order(known.values(), folded)

    def sort_by(self, sort: str) -> None:
        """Order the sessions by one of `SORTS`."""
        self.sort = sort
        folded = {id(session): text for session, text in zip(self._sessions, self._haystacks, strict=True)}
        self._order(self._sessions, folded)

    def _order(self, sessions: Iterable[Session], folded: Mapping[int, str]) -> None:
        ordered_now = ordered(sessions, self.sort)
        texts = tuple(folded.get(id(session)) or query.haystack(session) for session in ordered_now)
        self._sessions, self._haystacks = ordered_now, texts

    def rows(self, wanted: query.Query) -> tuple[Session, ...]:
        """The sessions that match ``wanted`` within the scope, in order."""
        # One comprehension a term instead of `Query.matches` a session: a letter is typed every 100 ms.
        pairs = list(zip(self._sessions, self._haystacks, strict=False))
        for term in wanted.terms:
            pairs = [pair for pair in pairs if term in pair[1]]
        for term in wanted.excluded:
            pairs = [pair for pair in pairs if term not in pair[1]]
        if wanted.flags:
            pairs = [pair for pair in pairs if wanted.accepts(pair[0])]
        return tuple(
            session for session, _ in pairs if self._counts(session) and (not self.here or self._is_here(session))
        )

    def _counts(self, session: Session) -> bool:
        return self.subagents or session.kind is not SessionKind.SUBAGENT

    def _is_here(self, session: Session) -> bool:
        project = session.project
        return project is not None and (project == self._cwd or project.startswith(f"{self._cwd.rstrip('/')}/"))
