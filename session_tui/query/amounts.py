"""Amounts and bounds on them as a person types them in a filter."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import partial

_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "k": 1_000, "kb": 1_000, "m": 1_000_000, "mb": 1_000_000, "g": 10**9, "gb": 10**9}
_BINARY = {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}

_COMPARE = ((">=", operator.ge), ("<=", operator.le), (">", operator.gt), ("<", operator.lt), ("=", operator.eq))

Test = Callable[[float], bool]


def compile_amount(value: str) -> Test:
    """``>50k``, ``>=50k``, ``<5MB``, ``<=5MB``, ``100`` and ``10..20``; k, M and G are powers of a thousand.

    Raises:
        ValueError: it is none of these; the message says what would be.
    """
    first, dots, last = value.partition("..")
    if dots:
        least = _amount(first) if first else float("-inf")
        most = _amount(last) if last else float("inf")
        return lambda amount: least <= amount <= most
    for sign, compare in _COMPARE:
        if value.startswith(sign):
            bound = _amount(value[len(sign) :])
            return partial(_holds, compare, bound)
    exact = _amount(value)
    return lambda amount: amount == exact


def _holds(compare: Callable[[float, float], bool], bound: float, amount: float) -> bool:
    return compare(amount, bound)


def _amount(text: str) -> float:
    found = _AMOUNT.fullmatch(text.strip())
    unit = found[2].lower() if found else ""
    size = _UNITS.get(unit) or _BINARY.get(unit)
    if not found or size is None:
        raise ValueError("an amount is >50k, <5MB, 100 or 10..20")
    return float(found[1]) * size
