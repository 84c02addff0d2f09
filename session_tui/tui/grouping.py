"""Sessions put together by project, agent or date."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from session_tui.catalog import Look
from session_tui.model import Session
from session_tui.text import homely
from session_tui.tui.widgets.session_lines import Group

GROUPINGS = ("none", "project", "agent", "date")

_LAST = datetime.max.replace(tzinfo=UTC)

Heading = tuple[str, str, str]
"""What tells a group from others, the words of its heading, and the store whose sign it bears."""


def grouped(
    sessions: Sequence[Session], grouping: str, *, looks: Mapping[str, Look], home: str, now: datetime, sort: str
) -> tuple[tuple[Session, ...], tuple[Group, ...]]:
    """``sessions`` with those of a group together, in the order in which groups and sessions come first; none but
    the sessions where ``grouping`` is ``none``."""
    if grouping == "none" or not sessions:
        return tuple(sessions), ()
    heading = _heading(grouping, looks, home, now, sort)
    members: dict[Heading, list[Session]] = {}
    for session in sessions:
        members.setdefault(heading(session), []).append(session)
    groups = [Group(key, label, len(held), store) for (key, label, store), held in members.items()]
    return tuple(session for held in members.values() for session in held), tuple(groups)


def _heading(
    grouping: str, looks: Mapping[str, Look], home: str, now: datetime, sort: str
) -> Callable[[Session], Heading]:
    if grouping == "agent":
        known = {store: (store, look.label, store) for store, look in looks.items()}
        return lambda session: known.get(session.key.store) or (session.key.store,) * 3
    if grouping == "date":
        return _Dates(now, by_creation=sort == "created")
    projects: dict[str | None, Heading] = {None: ("", "no project", "")}

    def project(session: Session) -> Heading:
        found = projects.get(session.project)
        if found is None:
            path = session.project or ""
            found = projects[session.project] = (path, homely(path, home), "")
        return found

    return project


class _Dates:
    """The day, week or month a session belongs to, in the time of the person who looks."""

    def __init__(self, now: datetime, *, by_creation: bool) -> None:
        self._by_creation = by_creation
        local = now.astimezone()
        today = local.replace(hour=0, minute=0, second=0, microsecond=0)
        self._zone = local.tzinfo
        self._recent = [
            (today.astimezone(UTC), ("today", "Today", "")),
            ((today - timedelta(days=1)).astimezone(UTC), ("yesterday", "Yesterday", "")),
            ((today - timedelta(days=7)).astimezone(UTC), ("week", "Past 7 days", "")),
            ((today - timedelta(days=30)).astimezone(UTC), ("month", "Past 30 days", "")),
        ]
        self._span = (_LAST, _LAST, ("", "", ""))

    def __call__(self, session: Session) -> Heading:
        moment = session.created_at if self._by_creation else session.updated_at
        if moment is None:
            return ("unknown", "no date", "")
        # Sessions mostly come in order: the span of the one before is that of this one.
        start, end, heading = self._span
        if not start <= moment < end:
            start, end, heading = self._span = self._span_of(moment)
        return heading

    def _span_of(self, moment: datetime) -> tuple[datetime, datetime, Heading]:
        end = _LAST
        for start, heading in self._recent:
            if moment >= start:
                return start, end, heading
            end = start
        local = moment.astimezone(self._zone)
        first = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        following = (first + timedelta(days=32)).replace(day=1)
        heading = (f"{first:%Y-%m}", f"{first:%B %Y}", "")
        return first.astimezone(UTC), min(end, following.astimezone(UTC)), heading
