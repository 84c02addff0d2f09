"""Dates and ages as a person types them in a filter."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

from session_tui import durations
from session_tui.errors import UsageError

_DAY = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?")

Test = Callable[[datetime, datetime], bool]
"""Whether a moment, seen from now, is within the time asked for; both aware."""


def compile_date(value: str) -> Test:
    """``today``, ``yesterday``, ``<2d`` (within the last two days), ``>1w`` (longer ago), ``2026``, ``2026-05``,
    ``2026-05-01``, and ranges of these with ``..``, open at either end. Days are those of the local calendar.

    Raises:
        ValueError: it is none of these; the message says what would be.
    """
    match value.lower():
        case "today":
            return lambda moment, now: _day(moment, now) == now.date()
        case "yesterday":
            return lambda moment, now: _day(moment, now) == now.date() - timedelta(days=1)
    if value[:1] in {"<", ">"}:
        age = compile_age(value[1:].removeprefix("="))
        return (
            (lambda moment, now: now - moment <= age) if value[0] == "<" else (lambda moment, now: now - moment > age)
        )
    first, dots, last = value.partition("..")
    begin = _span(first)[0] if first else date.min
    end = (_span(last)[1] if last else date.max) if dots else _span(first)[1]
    if not (first or last):
        raise ValueError("a range needs a day: 2026-05-01..2026-05-09")
    if end <= begin:
        raise ValueError("the range ends before it begins")
    return lambda moment, now: begin <= _day(moment, now) < end


def compile_age(value: str) -> timedelta:
    """A duration such as ``2d`` or ``1w``.

    Raises:
        ValueError: it is none; the message says what would be.
    """
    try:
        return durations.parse(value)
    except UsageError as error:
        raise ValueError(f"{error.what}: {error.hint}") from error


def _day(moment: datetime, now: datetime) -> date:
    return moment.astimezone(now.tzinfo).date()


def _span(text: str) -> tuple[date, date]:
    """The first day of a year, month or day, and the first day after it."""
    found = _DAY.fullmatch(text)
    if not found:
        raise ValueError("a day is today, yesterday, <2d, >1w, 2026-05 or 2026-05-01..2026-05-09")
    year, month, day = (int(part) if part else None for part in found.groups())
    try:
        begin = date(year or 0, month or 1, day or 1)
        if day:
            return begin, begin + timedelta(days=1)
        if month:
            return begin, date(begin.year + month // 12, month % 12 + 1, 1)
        return begin, date(begin.year + 1, 1, 1)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"there is no day {text}") from error
