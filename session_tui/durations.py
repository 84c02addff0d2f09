"""Lengths of time as people type them: ``36h``, ``30d``, ``2w``, ``1m``, ``1y``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from session_tui.errors import UsageError

_UNITS: Final = {
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(days=7),
    "m": timedelta(days=30),
    "y": timedelta(days=365),
}
_TYPED: Final = re.compile(r"([0-9]+)\s*([a-zA-Z]+)")
_DAY: Final = timedelta(days=1)
_LONGEST: Final = 1000 * _UNITS["y"]


def parse(text: str) -> timedelta:
    """A whole number and its unit: hours, days, weeks, months of 30 days, years of 365. Case counts.

    Raises:
        UsageError: it is no such thing, or longer than a thousand years.
    """
    typed = _TYPED.fullmatch(text.strip())
    if typed is None:
        raise UsageError(f"no duration: {text!r}", hint="a number and a unit, such as 30d or 2w")
    number, unit = typed.groups()
    if unit not in _UNITS:
        raise UsageError(f"no unit of time: {unit}", hint=f"there are: {', '.join(_UNITS)}")
    if len(number) > len(str(_LONGEST // _UNITS["h"])) or (span := int(number) * _UNITS[unit]) > _LONGEST:
        raise UsageError(f"longer than a thousand years: {text}", hint="choose a shorter duration")
    return span


def days(text: str) -> int:
    """A duration as days, begun ones counted whole, so that nothing is taken for older than it is.

    Raises:
        UsageError: it is none.
    """
    return -(-parse(text) // _DAY)
