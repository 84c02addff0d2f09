"""Sessions that nobody goes on with: put aside, cleaned away, and recovered after a crash."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from session_tui import durations
from session_tui.errors import SessionTuiError, UsageError
from session_tui.manager.endings import Endings
from session_tui.model import EndReason, Health, Session, SessionKey, SessionState
from session_tui.ordering import ordered

DAYS: Final = 30
SESSIONS: Final = 40
RECOVERED: Final = 1000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintained:
    """How many sessions `maintain` made idle, archived and deleted."""

    idle: int = 0
    archived: int = 0
    deleted: int = 0


class Retention(Endings):
    """How long sessions stay. Pinned and tagged ones are never deleted here, nor any that cannot be read."""

    def recover(self, limit: int = RECOVERED) -> tuple[Session, ...]:
        """The sessions to go on with after a start: the active ones, the last changed first, at most ``limit``. One
        whose compaction was cut off is active again."""
        with self._attempt("recover sessions"):
            for session in list(self._heads()):
                if session.state is SessionState.COMPACTING:
                    self._change(session.key, _woken)
            active = (session for session in self._heads() if session.state is SessionState.ACTIVE)
            return ordered(active)[: max(0, limit)]
        return ()

    # ── maintenance ───────────────────────────────────────────────────────────────────────────────────

    def maintain(self, now: datetime | None = None) -> Maintained:
        """Do what the `Upkeep` says is due at ``now``; a session for which that fails is logged and left."""
        moment, upkeep = now or self._clock(), self._upkeep
        with self._attempt("maintain sessions"):
            sessions = list(self._heads())
            return Maintained(
                deleted=self._each(sessions, upkeep.delete_after, moment, self._delete_archived),
                archived=self._each(sessions, upkeep.archive_after, moment, self._time_out),
                idle=self._each(sessions, upkeep.idle_after, moment, self._make_idle),
            )
        return Maintained()

    def _each(
        self,
        sessions: Iterable[Session],
        after: timedelta | None,
        now: datetime,
        act: Callable[[Session, datetime], bool],
    ) -> int:
        """For how many sessions ``act`` did something, given the moment ``after`` before ``now``."""
        done = 0
        for session in sessions if after is not None else ():
            try:
                done += session.health is not Health.UNREADABLE and act(session, now - (after or timedelta()))
            except SessionTuiError as error:
                _log.warning("cannot maintain %s: %s", session.key.ref, error)
        return done

    def _make_idle(self, session: Session, before: datetime) -> bool:
        def is_due(now: Session) -> bool:
            return now.state is SessionState.ACTIVE and _was_active(now, before)

        def idle(now: Session) -> Session:
            return replace(now, state=SessionState.IDLE) if is_due(now) else now

        return is_due(session) and self._change(session.key, idle).state is SessionState.IDLE

    def _time_out(self, session: Session, before: datetime) -> bool:
        if session.state is SessionState.ARCHIVED or not _was_active(self._head(session.key), before):
            return False
        self._archive(session.key, EndReason.TIMEOUT)
        return True

    def _delete_archived(self, session: Session, before: datetime) -> bool:
        def is_due(now: Session) -> bool:
            return now.state is SessionState.ARCHIVED and _is_older(now, before)

        return self._clean(session, is_due)

    # ── cleaning ──────────────────────────────────────────────────────────────────────────────────────

    def clean(self, older_than: int | str = DAYS, *, everything: bool = False) -> tuple[SessionKey, ...]:
        """Move the sessions to the trash that did not change for so many days, in any project, and say which; a
        negative number stands for thirty. A duration such as ``2w`` counts begun days whole. Zero means every session
        and needs ``everything``.

        Raises:
            UsageError: zero days without ``everything``, or a text that is no duration.
        """
        days = durations.days(older_than) if isinstance(older_than, str) else older_than
        if days == 0 and not everything:
            raise UsageError("zero days would delete every session", hint="say so with everything=True")
        return self.clean_before(self._clock() - timedelta(days=DAYS if days < 0 else days))

    def clean_before(self, cutoff: datetime) -> tuple[SessionKey, ...]:
        """Move the sessions to the trash that were last changed before ``cutoff``, and say which."""
        with self._attempt("clean sessions"):
            return self._cleaned(self._heads(), lambda session: _is_older(session, cutoff))
        return ()

    def clean_beyond(self, number: int = SESSIONS) -> tuple[SessionKey, ...]:
        """Move all but the ``number`` last changed sessions to the trash, and say which went; a number below one stands
        for forty."""
        stay = number if number > 0 else SESSIONS
        with self._attempt("clean sessions"):
            surplus = ordered(self._heads())[stay:]
            times = {session.key: session.updated_at for session in surplus}
            return self._cleaned(surplus, lambda session: session.updated_at == times[session.key])
        return ()

    def _cleaned(self, sessions: Iterable[Session], wanted: Callable[[Session], bool]) -> tuple[SessionKey, ...]:
        return tuple(session.key for session in list(sessions) if self._clean(session, wanted))

    def _clean(self, session: Session, wanted: Callable[[Session], bool]) -> bool:
        """Delete the session if it is ``wanted`` gone, now as well as when it is removed, and may go."""

        def may_go(now: Session) -> bool:
            return wanted(now) and not (now.pinned or now.tags or now.health is Health.UNREADABLE)

        if not may_go(session):
            return False
        self._end(session.key, EndReason.DELETE)
        return self._remove(session.key, may_go, keep=True)


def _woken(session: Session) -> Session:
    return replace(session, state=SessionState.ACTIVE) if session.state is SessionState.COMPACTING else session


def _was_active(session: Session, before: datetime) -> bool:
    """Whether the session's last activity is known and was before that."""
    last = session.last_active_at or session.updated_at
    return last is not None and last < before


def _is_older(session: Session, cutoff: datetime) -> bool:
    return session.updated_at is not None and session.updated_at < cutoff
