"""Lengths of time as people type them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from session_tui import durations
from session_tui.errors import UsageError


@pytest.mark.parametrize(
    ("typed", "days"),
    [
        ("30d", 30),
        ("7d", 7),
        ("24h", 1),
        ("25h", 2),
        ("2w", 14),
        ("1m", 30),
        ("1y", 365),
        ("0d", 0),
        ("1h", 1),
        ("30 d", 30),
        (" 2w ", 14),
        ("007d", 7),
        ("1000y", 365_000),
    ],
)
def test_a_duration_is_a_number_of_days_with_begun_ones_counted_whole(typed: str, days: int) -> None:
    assert days == durations.days(typed)


@pytest.mark.parametrize(
    ("typed", "span"), [("25h", timedelta(hours=25)), ("2w", timedelta(days=14)), ("1m", timedelta(days=30))]
)
def test_a_duration_is_known_to_the_hour(typed: str, span: timedelta) -> None:
    assert span == durations.parse(typed)


@pytest.mark.parametrize("typed", ["", "  ", "d", "30", "-5d", "-1", "+5d", "1.5d", "1d2h", "d30", "٣d", "5d!", "1_0d"])
def test_what_is_no_number_with_a_unit_is_refused(typed: str) -> None:
    with pytest.raises(UsageError, match="no duration"):
        durations.parse(typed)


@pytest.mark.parametrize("typed", ["5x", "30D", "2W", "3days", "10min", "1s"])
def test_a_unit_nobody_knows_is_refused_with_those_there_are(typed: str) -> None:
    with pytest.raises(UsageError, match="no unit of time") as caught:
        durations.days(typed)

    assert "there are: h, d, w, m, y" == caught.value.hint


@pytest.mark.parametrize("typed", ["1001y", "9000000h", f"{'9' * 5000}d"])
def test_a_duration_beyond_all_calendars_is_refused(typed: str) -> None:
    with pytest.raises(UsageError, match="longer than a thousand years"):
        durations.parse(typed)
