"""Values of database columns with their exact storage class: in JSON, in comparisons and in statements.

Integers, reals, ``NULL`` and text are JSON's own; a blob is ``{"blob": base64}``. Text arrives with its
invalid bytes as surrogate escapes (`session_tui.adapters.rows`) and goes back as those bytes.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TypeAlias

from session_tui.adapters import times

Cell: TypeAlias = "int | float | str | bytes | None"
_ESCAPED = re.compile("[\udc80-\udcff]")
_FIRST_EPOCH = 1_000_000_000


def frozen(value: Cell) -> object:
    """``value`` as JSON can hold it."""
    return {"blob": base64.b64encode(value).decode("ascii")} if isinstance(value, bytes) else value


def thawed(value: object) -> Cell:
    """The value that `frozen` made ``value`` of.

    Raises:
        ValueError: it made no such thing.
    """
    match value:
        case {"blob": str(text)}:
            return base64.b64decode(text, validate=True)
        case None | int() | float() | str():
            return value
        case _:
            raise ValueError(f"no database value: {value!r:.60}")


def line(record: Sequence[object]) -> bytes:
    """``record`` as one line of JSON."""
    return json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n"


def frozen_all(values: Iterable[Cell]) -> list[object]:
    """``values`` as JSON can hold them."""
    return [frozen(value) if type(value) is bytes else value for value in values]


def thawed_all(values: Iterable[object]) -> tuple[Cell, ...]:
    """The values that `frozen_all` made ``values`` of."""
    return tuple(map(thawed, values))


def same(one: Cell, other: Cell) -> bool:
    """Whether both are the same value of the same storage class."""
    return type(one) is type(other) and one == other


def all_same(one: Iterable[Cell], other: Iterable[Cell]) -> bool:
    """Whether both hold the same values in the same order."""
    return all(same(left, right) for left, right in zip(one, other, strict=True))


def is_time(value: Cell) -> bool:
    """Whether ``value`` is a time: one of the spellings seen in stores, or an epoch number of this century."""
    if isinstance(value, int | float):
        return value >= _FIRST_EPOCH
    return times.parse(value) is not None


def marks(values: Iterable[Cell]) -> tuple[list[str], list[Cell]]:
    """The SQL marks for ``values`` and what to bind to them."""
    names: list[str] = []
    bound: list[Cell] = []
    for value in values:
        escaped = isinstance(value, str) and _ESCAPED.search(value)
        names.append("CAST(? AS TEXT)" if escaped else "?")
        bound.append(value.encode("utf-8", "surrogateescape") if escaped and isinstance(value, str) else value)
    return names, bound


@lru_cache(1024)
def quoted(name: str) -> str:
    """``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
