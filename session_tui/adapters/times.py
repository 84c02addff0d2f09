"""Every spelling of a time that was seen in a store, as an aware datetime; what none fits is unknown.

Spellings: RFC 3339 with up to nine digits (JSON stores); Go's ``Time.String()`` in modernc SQLite stores,
``2026-03-08 01:30:32.067550928 -0500 EST m=+1532.088``, with or without the monotonic part and with any
zone abbreviation (it is ignored, the numeric offset counts); ``2026-03-01 10:00:02.004568053-06:00`` in
glebarez and mattn SQLite stores; bare dates and times (UTC); epoch seconds, milliseconds, micro- and
nanoseconds. The year 1 stands for "not set".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

_SPELLING = re.compile(
    r"\s*(\d{4})-(\d\d)-(\d\d)"  # date
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?"  # time, seconds and fraction optional
    r"\s*(Z|UTC|[+-]\d\d:?\d\d(?::?\d\d)?|[+-]\d\d)?"  # offset
    r"(?:\s+[A-Za-z0-9+\-]{1,6})?"  # the abbreviation Go adds after the offset
    r"(?:\s+m=[+-][\d.]+)?\s*$"  # Go's monotonic reading
)
_GO_STRING = re.compile(r" [+-]\d{4} [A-Z+-]")
_EPOCH_UNITS = ((10**17, 10**9), (10**14, 10**6), (10**11, 10**3))
_YEARS = range(2, 9999)
_LONGEST = 80
"""Characters that Go's spelling with all its parts takes at most."""


def parse(value: object) -> datetime | None:
    """``value`` as an aware datetime with microseconds, or ``None`` when it is no time or "not set"."""
    match value:
        case datetime():
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        case bool() | None:
            return None
        case int() | float():
            return from_epoch(value)
        case bytes():
            return parse(value.decode("utf-8", "replace"))
        case str():
            return _from_text(value)
        case _:
            return None


def from_epoch(value: float) -> datetime | None:
    """An epoch number as UTC; its size tells seconds from milli-, micro- and nanoseconds. 0 is unknown."""
    if not value > 0:
        return None
    divisor = next((unit for floor, unit in _EPOCH_UNITS if value >= floor), 1)
    try:
        whole, rest = divmod(value, divisor)
        return datetime.fromtimestamp(int(whole), UTC) + timedelta(microseconds=int(rest * 10**6 // divisor))
    except (OverflowError, ValueError, OSError):
        return None


@lru_cache(1024)
def _from_text(text: str) -> datetime | None:
    moment = _quickly(text) if text[4:5] == text[7:8] == "-" and len(text) <= _LONGEST else None
    if moment:
        known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return known if moment.year in _YEARS else None
    found = _SPELLING.match(text)
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    if int(year) not in _YEARS:
        return None
    try:
        return datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int((fraction or "0")[:6].ljust(6, "0")),
            _zone(offset),
        )
    except ValueError:
        return None


def _quickly(text: str) -> datetime | None:
    """The frequent spellings, by the standard library, which reads them many times faster."""
    date, clock, offset, *_ = (*text.split(" ", 3), "", "")
    try:
        return datetime.fromisoformat(f"{date}T{clock}{offset}" if clock else date)
    except ValueError:
        return None


@lru_cache(256)
def _zone(offset: str | None) -> timezone:
    if offset in (None, "Z", "UTC"):
        return UTC
    assert offset is not None
    digits = offset[1:].replace(":", "").ljust(6, "0")
    span = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]), seconds=int(digits[4:6]))
    return timezone(-span if offset[0] == "-" else span)


def sqlite_text(moment: datetime, zone: tzinfo | None = None) -> str:
    """The one spelling that modernc, glebarez and mattn all read: fraction, numeric offset; local time unless a
    ``zone`` is given."""
    local = moment.astimezone(zone)
    offset = local.strftime("%z")
    fraction = f".{local.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{local:%Y-%m-%d %H:%M:%S}{fraction}{offset[:3]}:{offset[3:5]}"


def spelled_like(moment: datetime, other: str) -> str:
    """``moment`` as the driver spells it that wrote ``other``: Go's ``Time.String()`` or `sqlite_text`, in local time.
    Go reads no abbreviation of four digits, so that only a zone of whole hours can be spelled its way."""
    local = moment.astimezone()
    offset = local.strftime("%z")
    if not _GO_STRING.search(other) or offset[3:] != "00":
        return sqlite_text(moment)
    fraction = f".{local.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{local:%Y-%m-%d %H:%M:%S}{fraction} {offset} {'UTC' if offset == '+0000' else offset[:3]}"


def rfc3339_local(moment: datetime) -> str:
    """RFC 3339 in local time as Go writes it: trailing zeros of the fraction dropped, UTC as ``Z``."""
    local = moment.astimezone()
    offset = local.strftime("%z")
    fraction = f".{local.microsecond:06d}".rstrip("0").rstrip(".")
    zone = "Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:5]}"
    return f"{local:%Y-%m-%dT%H:%M:%S}{fraction}{zone}"
