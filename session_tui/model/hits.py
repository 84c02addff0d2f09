"""What a search finds."""

from __future__ import annotations

from datetime import datetime

from session_tui.model.keys import SessionKey
from session_tui.model.lean import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A message, or another part of a session, that answers a query.

    ``index`` is the message's place in its transcript and ``None`` for a part that belongs to none; ``part`` is one
    of `query.PARTS`. ``spans`` are offsets into ``snippet``; ``why`` is exact, prefix, substring, typo or cjk.
    """

    key: SessionKey
    part: str
    snippet: str
    spans: tuple[tuple[int, int], ...] = ()
    why: str = "exact"
    index: int | None = None
    message_id: str | None = None
    role: str | None = None
    created_at: datetime | None = None
