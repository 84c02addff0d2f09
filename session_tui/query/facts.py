"""What filters ask for that a session's own fields do not tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from session_tui.model import Session

HARD = 0.75
"""Share of the context window from which a session is due for compaction, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Features:
    """What occurs in a session's messages: ``has`` some of error, image, summary and code; the names of the
    ``tools`` called and the paths of the ``files`` they were given, both folded; ``roles`` who spoke."""

    has: frozenset[str] = frozenset()
    tools: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()


def _now() -> datetime:
    return datetime.now(UTC)


def _is_full(session: Session) -> bool:
    window = session.context_window or 0
    return bool(window) and (session.token_count or 0) >= HARD * window


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The world that filters look at; the defaults know nothing but the time."""

    now: datetime = field(default_factory=_now)
    due: Callable[[Session], bool] = _is_full
    """Whether a session is due for compaction."""
    resumable: Callable[[Session], bool] = lambda session: False
    features: Callable[[Session], Features | None] = lambda session: None
    """What occurs in the session; ``None`` while its messages have not been read."""
    protected: Callable[[Session], bool] = lambda session: False
    bookmarked: Callable[[Session], bool] = lambda session: False
    expires_in: Callable[[Session], timedelta | None] = lambda session: None
    """The time until the session's own program will delete it; ``None`` when it will not, or nobody can tell."""
