"""How many sessions each agent and each project has, and when each was last active."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from session_tui.model import Session
from session_tui.model.lean import dataclass


@dataclass(frozen=True, slots=True)
class Facet:
    """One agent (``name`` is its store's) or project (``name`` is its directory, ``None`` where no session says)."""

    name: str | None
    sessions: int
    last_active_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facets:
    """The agents and projects of some sessions, those with most sessions first."""

    agents: tuple[Facet, ...] = ()
    projects: tuple[Facet, ...] = ()


Times = list[datetime | None]


def facets(sessions: Iterable[Session]) -> Facets:
    """The facets of ``sessions``; nothing is read."""
    together: defaultdict[tuple[str, str | None], Times] = defaultdict(list)
    for session in sessions:
        together[session.key.store, session.project].append(session.last_active_at or session.updated_at)
    agents: dict[str | None, Facet] = {}
    projects: dict[str | None, Facet] = {}
    for (store, project), times in together.items():
        last = max((time for time in times if time is not None), default=None)
        agents[store] = _added(agents.get(store), Facet(store, len(times), last))
        projects[project] = _added(projects.get(project), Facet(project, len(times), last))
    return Facets(_sorted(agents.values()), _sorted(projects.values()))


def _added(known: Facet | None, more: Facet) -> Facet:
    if known is None:
        return more
    times = [one.last_active_at for one in (known, more) if one.last_active_at is not None]
    return Facet(known.name, known.sessions + more.sessions, max(times, default=None))


def _sorted(found: Iterable[Facet]) -> tuple[Facet, ...]:
    return tuple(sorted(found, key=lambda one: (-one.sessions, one.name or "")))
