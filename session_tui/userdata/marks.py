"""What a person makes of a session, as values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from session_tui.model import CompactPlan, Session, SessionState, Summary, TitleSource


@dataclass(frozen=True, slots=True)
class Marks:
    """What a person made of one session. ``None`` and empty mean that its store's word stands; ``tags`` are
    added to the store's own, ``hidden_tags`` are those of the store's own that no longer show."""

    title: str | None = None
    pinned: bool | None = None
    archived: bool | None = None
    note: str = ""
    tags: tuple[str, ...] = ()
    hidden_tags: tuple[str, ...] = ()
    compactions: int = 0
    """How many compactions stand in our overlay alone."""
    summary: str | None = None
    """What the last one of them says."""

    def applied(self, session: Session) -> Session:
        """``session`` as it shows with these marks."""
        tags = tuple(tag for tag in dict.fromkeys((*session.tags, *self.tags)) if tag not in self.hidden_tags)
        state = session.state
        if self.archived is not None and self.archived != (state is SessionState.ARCHIVED):
            state = SessionState.ARCHIVED if self.archived else SessionState.ACTIVE
        return replace(
            session,
            title=session.title if self.title is None else self.title,
            title_source=session.title_source if self.title is None else TitleSource.OWN,
            pinned=session.pinned if self.pinned is None else self.pinned,
            state=state,
            tags=tags,
            compaction_count=(session.compaction_count or 0) + self.compactions or session.compaction_count,
            summary=self.summary or session.summary,
        )


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A message to come back to: its id, where it stood among all messages, and why."""

    message_id: str
    index: int
    label: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Compaction:
    """A compaction we did: its summary, which messages it covers and keeps, and whether it was written to the
    ``store`` or stands in our ``overlay`` alone."""

    summary: Summary
    plan: CompactPlan = field(default_factory=CompactPlan)
    written_to: str = "overlay"
