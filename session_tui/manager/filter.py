"""Which sessions a list holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from session_tui.errors import UsageError
from session_tui.manager.workspace import normalized
from session_tui.model import Session, SessionState
from session_tui.ordering import ordered


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilter:
    """Conditions that must all hold; what is ``None`` is not asked. Times are compared strictly.

    Raises:
        UsageError: a negative ``limit`` or ``offset``.
    """

    project: str | Path | None = None
    agent: str | None = None
    channel: str | None = None
    peer: str | None = None
    state: SessionState | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    limit: int | None = None
    offset: int = 0

    def __post_init__(self) -> None:
        if self.offset < 0 or (self.limit is not None and self.limit < 0):
            raise UsageError("limit and offset must not be negative")

    def choose(self, sessions: Iterable[Session]) -> tuple[Session, ...]:
        """Those of ``sessions`` that match, the last changed first, from ``offset`` on, at most ``limit``."""
        project = normalized(self.project)
        found = ordered(session for session in sessions if self._matches(session, project))
        return found[self.offset : None if self.limit is None else self.offset + self.limit]

    def _matches(self, session: Session, project: str) -> bool:
        return (
            (not project or normalized(session.project) == project)
            and (self.state is None or session.state is self.state)
            and self._matches_scope(session)
            and self._matches_time(session.created_at)
        )

    def _matches_scope(self, session: Session) -> bool:
        wanted = (self.agent, self.channel, self.peer)
        if wanted == (None, None, None):
            return True
        if session.scope is None:
            return False
        found = (session.scope.agent, session.scope.channel, session.scope.peer)
        return all(part in (None, other) for part, other in zip(wanted, found, strict=True))

    def _matches_time(self, created: datetime | None) -> bool:
        if self.created_after is not None and (created is None or created <= self.created_after):
            return False
        return self.created_before is None or (created is not None and created < self.created_before)
