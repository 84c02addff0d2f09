"""When something was said: messages and tokens by day, hour of the day and day of the week, in one time zone.

Moments are counted in quarters of an hour since 1970 (`quarter`), the coarsest unit that every time zone's hours and
days begin with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from session_tui.model.lean import dataclass

UNKNOWN: Final = -1
"""The quarter of a moment that is not known."""
_SECONDS: Final = 900


def quarter(moment: datetime | None) -> int:
    """The quarter of an hour that ``moment`` lies in, `UNKNOWN` for none and for those before 1970."""
    return max(UNKNOWN, int(moment.timestamp() // _SECONDS)) if moment else UNKNOWN


@dataclass(frozen=True, slots=True)
class Day:
    """What was said on one day: in how many sessions, how many messages, and the tokens its answers used."""

    date: date
    sessions: int
    messages: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Span:
    """What was said on some days together; ``active_days`` are those on which anything was."""

    active_days: int
    messages: int
    tokens: int


class Activity:
    """Counts by quarter of an hour, told in ``zone``; in the machine's own without it."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone
        self._messages = Counter[int]()
        self._tokens = Counter[int]()
        self._sessions = Counter[date]()
        self._local: dict[int, datetime] = {}
        self.undated = 0
        """Messages whose time is not known."""

    def add(self, messages: Iterable[int]) -> None:
        """Count the messages of one session by the quarters they were said in."""
        counts = Counter(messages)
        self.undated += counts.pop(UNKNOWN, 0)
        self._messages.update(counts)
        self._sessions.update({self._at(one).date() for one in counts})

    def spend(self, at: int, tokens: int) -> None:
        """Count the tokens of an answer given in the quarter ``at``."""
        if at != UNKNOWN:
            self._tokens[at] += tokens

    def _at(self, one: int) -> datetime:
        known = self._local.get(one)
        if known is None:
            known = self._local[one] = datetime.fromtimestamp(one * _SECONDS, UTC).astimezone(self._zone)
        return known

    def today(self, now: datetime) -> date:
        """The day that ``now`` lies in."""
        return now.astimezone(self._zone).date()

    def days(self, now: datetime, number: int) -> tuple[Day, ...]:
        """The last ``number`` days, the present one last, silent ones among them."""
        messages, tokens = Counter[date](), Counter[date]()
        for counts, days in ((self._messages, messages), (self._tokens, tokens)):
            for one, count in counts.items():
                days[self._at(one).date()] += count
        today = self.today(now)
        dates = (today - timedelta(days=back) for back in range(number - 1, -1, -1))
        return tuple(Day(day, self._sessions[day], messages[day], tokens[day]) for day in dates)

    @property
    def hours(self) -> tuple[int, ...]:
        """Messages by hour of the day, from midnight on."""
        counts = Counter[int]()
        for one, count in self._messages.items():
            counts[self._at(one).hour] += count
        return tuple(counts[hour] for hour in range(24))

    @property
    def weekdays(self) -> tuple[int, ...]:
        """Messages by day of the week, from Monday on."""
        counts = Counter[int]()
        for one, count in self._messages.items():
            counts[self._at(one).weekday()] += count
        return tuple(counts[day] for day in range(7))


def together(days: Iterable[Day]) -> Span:
    """``days`` added up."""
    active = [day for day in days if day.messages or day.tokens]
    return Span(len(active), sum(day.messages for day in active), sum(day.tokens for day in active))
