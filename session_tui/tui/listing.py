"""Which sessions the list shows, and in what order: all of them, narrowed by scope, sorted and grouped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from session_tui import references
from session_tui.model import Session, SessionKind
from session_tui.ordering import ordered

SORTS = ("updated", "created", "title", "messages", "tokens", "size")


class Listing:
    """The sessions known so far, and those among which a person looks."""

    def __init__(self, cwd: Path, *, here: bool = False) -> None:
        self.here = here
        self.sort = "updated"
        self.grouping = "none"
        self.subagents = False
        self._cwd = str(cwd)
        self._sessions: tuple[Session, ...] = ()
        self._scoped: tuple[object, tuple[Session, ...]] | None = None
        self._own: tuple[tuple[Session, ...], int] | None = None
        self._agents: tuple[tuple[Session, ...], dict[str, tuple[Session, int]]] | None = None

    @property
    def total(self) -> int:
        """How many sessions are known, sub-agents' apart unless they are shown."""
        if self.subagents:
            return len(self._sessions)
        if self._own is None or self._own[0] is not self._sessions:
            own = sum(session.kind is not SessionKind.SUBAGENT for session in self._sessions)
            self._own = (self._sessions, own)
        return self._own[1]

    def update(self, sessions: Iterable[Session], *, complete: bool = False) -> None:
        """Take sessions in: replacing those known under the same key, or all of them when ``complete``."""
        known = {} if complete else {session.key: session for session in self._sessions}
        known.update((session.key, session) for session in sessions)
        self._sessions = ordered(known.values(), self.sort)

    def sort_by(self, sort: str) -> None:
        """Order the sessions by one of `SORTS`."""
        self.sort = sort
        self._sessions = ordered(self._sessions, sort)

    def scoped(self) -> tuple[Session, ...]:
        """The sessions within the scope, in order; the same tuple as long as nothing changes."""
        state = (self._sessions, self.here, self.subagents)
        if self._scoped is None or self._scoped[0] != state:
            chosen = tuple(
                session
                for session in self._sessions
                if self._counts(session) and (not self.here or self._is_here(session))
            )
            self._scoped = (state, chosen)
        return self._scoped[1]

    def agents(self) -> Mapping[str, tuple[Session, int]]:
        """The stores of the sessions within the scope, the one with most first, each with one of its sessions and
        how many it has."""
        scoped = self.scoped()
        if self._agents is None or self._agents[0] is not scoped:
            counts = Counter([session.key.store for session in scoped])
            examples = {session.key.store: session for session in scoped}
            self._agents = (scoped, {store: (examples[store], number) for store, number in counts.most_common()})
        return self._agents[1]

    def pointed_at(self, text: str, home: str) -> list[Session]:
        """The sessions, in any scope, whose id or file ``text`` is."""
        return references.pointed_at(text, self._sessions, home)

    def values(self) -> Mapping[str, Sequence[str]]:
        """What occurs in these sessions, by the name of the filter that asks for it, the most frequent first."""
        agents, projects, branches, models, tags = (Counter[str]() for _ in range(5))
        for session in self._sessions:
            agents[session.key.store] += 1
            projects.update([session.project] if session.project else ())
            branches.update([session.git_branch] if session.git_branch else ())
            models.update([session.model] if session.model else ())
            tags.update(session.tags)
        named = {"agent": agents, "project": projects, "branch": branches, "model": models, "tag": tags}
        found = {name: [value for value, _ in counts.most_common()] for name, counts in named.items()}
        return {**found, "store": found["agent"], "dir": found["project"]}

    def _counts(self, session: Session) -> bool:
        return self.subagents or session.kind is not SessionKind.SUBAGENT

    def _is_here(self, session: Session) -> bool:
        project = session.project
        return project is not None and (project == self._cwd or project.startswith(f"{self._cwd.rstrip('/')}/"))
