"""Figures: of all sessions together, and of one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from session_tui.compaction.meter import measure
from session_tui.compaction.settings import OURS
from session_tui.manager.core import Core
from session_tui.model import Meter, Session, SessionKey, SessionState, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """How many sessions there are in all and in some states, and how many messages and tokens they hold."""

    total: int = 0
    active: int = 0
    idle: int = 0
    archived: int = 0
    messages: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """One session in figures: how full its context is, what its model calls used, and the US dollars they cost as far
    as that was recorded."""

    session: Session
    meter: Meter
    usage: Usage
    cost: float | None
    summaries: int
    active_messages: int
    last_turn: int = 0
    """The highest number that a model or tool call was recorded under; the next turn is one more."""


class Figures(Core):
    """Counts and sums."""

    def statistics(self) -> Statistics:
        """Of all written sessions together."""
        with self._attempt("count sessions"):
            sessions = list(self._heads())
            states = Counter(session.state for session in sessions)
            return Statistics(
                total=len(sessions),
                active=states[SessionState.ACTIVE],
                idle=states[SessionState.IDLE],
                archived=states[SessionState.ARCHIVED],
                messages=sum(session.message_count or 0 for session in sessions),
                tokens=sum(session.token_count or 0 for session in sessions),
            )
        return Statistics()

    def token_usage(self, key: SessionKey) -> Usage:
        """What the session's model calls used together; where none was recorded, what the session itself says."""
        with self._attempt("read", key):
            transcript = self._read(key)
            return total(*(record.usage for record in transcript.usage)) or transcript.session.token_usage or Usage()
        return Usage()

    def info(self, key: SessionKey) -> SessionInfo | None:
        """The session in figures, ``None`` where it cannot be read and failures are logged."""
        with self._attempt("read", key):
            transcript = self._read(key)
            session = transcript.session
            turns = [*(each.turn for each in transcript.usage), *(each.turn for each in transcript.metrics)]
            known = [cost.usd for cost in transcript.costs if cost.usd is not None]
            return SessionInfo(
                session=session,
                meter=measure(session, self._compactor.settings if self._compactor else OURS),
                usage=total(*(record.usage for record in transcript.usage)) or session.token_usage or Usage(),
                cost=sum(known) if known else None,
                summaries=len(transcript.summaries),
                active_messages=(session.message_count or 0) - (session.archived_count or 0),
                last_turn=max(turns, default=0),
            )
        return None


def total(*parts: Usage) -> Usage | None:
    """The sum of several usages, ``None`` of none."""
    if not parts:
        return None
    prompts = [part.prompt_tokens_total for part in parts if part.prompt_tokens_total is not None]
    return Usage(
        input_tokens=sum(part.input_tokens for part in parts),
        output_tokens=sum(part.output_tokens for part in parts),
        cache_read_tokens=sum(part.cache_read_tokens for part in parts),
        cache_write_tokens=sum(part.cache_write_tokens for part in parts),
        prompt_tokens_total=sum(prompts) if prompts else None,
    )
