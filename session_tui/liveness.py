"""Whether sessions are open in another program right now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from session_tui.adapters import locks
from session_tui.adapters.base import Adapter, Guarded
from session_tui.model import Session, SessionKey


def told(sessions: Sequence[Session], adapter_of: Callable[[SessionKey], Adapter]) -> list[Session]:
    """``sessions`` with ``live`` told: by the program's own lock, else by who has the file open."""
    opened = locks.open_elsewhere(session.path for session in sessions if session.path)
    return [replace(session, live=_live(session, adapter_of(session.key), opened)) for session in sessions]


def _live(session: Session, adapter: Adapter, opened: frozenset[str] | None) -> bool | None:
    said = adapter.live(session) if isinstance(adapter, Guarded) else None
    if said or opened is None:
        return said
    return session.path in opened
