"""Every spelling of a time that stores hold is understood; anything else is unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_tui.adapters import times


@pytest.mark.parametrize(
    ("spelled", "utc"),
    [
        ("2026-03-08 01:30:32.067550928 -0500 EST m=+1532.088635475", "2026-03-08 06:30:32.067550"),
        ("2026-03-01 22:05:27.626991166 -0500 EST", "2026-03-02 03:05:27.626991"),
        ("2026-04-03 01:10:00.00066403 -0300 -03 m=+0.021748577", "2026-04-03 04:10:00.000664"),
        ("2026-02-26 08:05:00.017106133 -0500 -0500", "2026-02-26 13:05:00.017106"),
        ("2026-05-01 12:00:00 +0545 +0545", "2026-05-01 06:15:00"),
        ("2026-05-01 12:00:00 +0000 UTC", "2026-05-01 12:00:00"),
        ("2026-05-01 12:00:00 -0500 EST m=-0.5", "2026-05-01 17:00:00"),
        ("2026-03-01 10:00:02.004568053-06:00", "2026-03-01 16:00:02.004568"),
        ("2026-01-02 03:04:05.1+10:30", "2026-01-01 16:34:05.100000"),
        ("2026-01-02 03:04:05+00:00", "2026-01-02 03:04:05"),
        ("2026-05-25T19:27:06.120394+08:00", "2026-05-25 11:27:06.120394"),
        ("2026-05-25T19:27:06Z", "2026-05-25 19:27:06"),
        ("2026-05-25T19:27:06.9Z", "2026-05-25 19:27:06.900000"),
        ("2026-05-25 19:27", "2026-05-25 19:27:00"),
        ("2026-05-25", "2026-05-25 00:00:00"),
        (b"2026-05-25T19:27:06Z", "2026-05-25 19:27:06"),
    ],
)
def test_spellings_of_stores_are_understood(spelled: object, utc: str) -> None:
    parsed = times.parse(spelled)

    assert datetime.fromisoformat(utc).replace(tzinfo=UTC) == parsed


@pytest.mark.parametrize("factor", [1, 10**3, 10**6, 10**9])
def test_epochs_of_any_unit_are_understood(factor: int) -> None:
    moment = datetime(2026, 5, 1, tzinfo=UTC)

    assert moment == times.parse(int(moment.timestamp()) * factor)


@pytest.mark.parametrize(
    "spelled",
    [None, "", "yesterday", "0001-01-01T00:00:00Z", "2026-13-01", "2026-02-30 10:00:00", True, [], -5, 0, float("nan")],
)
def test_what_is_no_time_is_unknown(spelled: object) -> None:
    assert times.parse(spelled) is None


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1)))
def test_what_we_write_is_read_back(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)

    assert aware == times.parse(times.sqlite_text(aware))
    assert aware == times.parse(times.rfc3339_local(aware))


def test_times_are_aware() -> None:
    parsed = times.parse("2026-05-25 10:00:00")

    assert parsed is not None
    assert timedelta() == parsed.utcoffset()
