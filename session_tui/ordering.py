"""The orders a list of sessions can have."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from session_tui.model import Session


def _moment(value: datetime | None) -> float | None:
    return value.timestamp() if value else None


_FIGURES: dict[str, Callable[[Session], float | None]] = {
    "updated": lambda session: _moment(session.updated_at),
    "created": lambda session: _moment(session.created_at),
    "messages": lambda session: session.message_count,
    "tokens": lambda session: session.token_count,
    "size": lambda session: session.size_bytes,
}
SORTS = (*_FIGURES, "title")


def ordered(sessions: Iterable[Session], sort: str = "updated", *, reverse: bool = False) -> tuple[Session, ...]:
    """``sessions`` by one of `SORTS`: times and figures from the largest down, titles from A to Z.

    What is unknown stands last, equal ones by their refs; ``reverse`` turns the known ones around.
    """
    by_ref = sorted(sessions, key=lambda session: (session.key.store, session.key.id, session.key.root))
    if sort == "title":
        return _with_unknown_last([(session.title.casefold() or None, session) for session in by_ref], down=reverse)
    figure = _FIGURES[sort]
    return _with_unknown_last([(figure(session), session) for session in by_ref], down=not reverse)


def _with_unknown_last(
    pairs: list[tuple[float | None, Session]] | list[tuple[str | None, Session]], *, down: bool
) -> tuple[Session, ...]:
    known = [(value, session) for value, session in pairs if value is not None]
    unknown = [session for value, session in pairs if value is None]
    known.sort(key=lambda pair: pair[0], reverse=down)
    return (*(session for _, session in known), *unknown)
