"""Asks again when the other side was busy or the line broke, a little later each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from session_tui.compaction.summarizers.base import Transient
from session_tui.errors import SummaryError
from session_tui.progress import Progress

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retries:
    """How often to ask in all, and how many seconds to wait: the first pause doubles up to the longest."""

    attempts: int = 4
    first: float = 0.5
    longest: float = 20.0

    def pause(self, attempt: int, wished: float | None) -> float:
        """Seconds to wait after the failed ``attempt`` (from 1), at least what the other side wished for."""
        return min(self.longest, max(self.first * 2.0 ** (attempt - 1), wished or 0.0))


USUAL = Retries()


def asked(ask: Callable[[], T], retries: Retries, progress: Progress) -> T:
    """What ``ask`` returns, asked again after a `Transient` failure.

    Raises:
        SummaryError: it failed for good, or too often.
        Cancelled: a stop was asked for, also during a pause.
    """
    for attempt in range(1, retries.attempts):
        try:
            return ask()
        except Transient as error:
            pause = retries.pause(attempt, error.wait)
            progress.note(
                f"{error.what}; asking again in {pause:.0f} s" if pause >= 1 else f"{error.what}; asking again"
            )
            progress.stop.wait(pause)
            progress.check()
    try:
        return ask()
    except Transient as error:
        what = f"{error.what}, {retries.attempts} times" if retries.attempts > 1 else error.what
        raise SummaryError(what, where=error.where, hint=error.hint) from error
