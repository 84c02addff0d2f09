"""``index.json``, the program's list: one session's entry changed or added, the bytes of all others left alone."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from session_tui.adapters import files, locks
from session_tui.adapters.conversation import Record
from session_tui.adapters.rows import mapping
from session_tui.errors import StoreDamaged, StoreError, StoreMissing
from session_tui.text import scrub

_LIMIT: Final = 256 * 1024 * 1024
_ORDER: Final = (
    "id",
    "title",
    "preview",
    "created_at",
    "updated_at",
    "msg_count",
    "workspace",
    "vendor",
    "endpoint",
    "model",
)
_KEPT_EMPTY: Final = ("id", "title", "created_at", "updated_at", "msg_count")
_ESCAPES: Final = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"})
_log = logging.getLogger(__name__)


def lock_of(path: Path) -> Path:
    """The file that newer programs hold a ``flock`` on while they write the list."""
    return path.with_name(f"{path.name}.flock")


def patch(path: Path, id: str, change: Callable[[Record], Record], *, locked: bool) -> None:
    """Put what ``change`` makes of the entry of session ``id`` in its place; nothing is done where that is empty.

    The list is a cache that the program writes anew from the session files: where it cannot be written it stays as
    it is, which the log tells. ``locked`` says whether its writers hold a lock.
    """
    try:
        with locks.holding(lock_of(path)) if locked else nullcontext():
            _patch(path, id, change)
    except (StoreError, OSError) as error:
        _log.warning("%s was not brought up to date for %s: %s", path, id, error)


def _patch(path: Path, id: str, change: Callable[[Record], Record]) -> None:
    try:
        text = files.read(path, limit=_LIMIT).decode("utf-8", "surrogateescape")
    except StoreMissing:
        text = "[]"
    spans = list(_spans(text, path))
    found = next(((start, end, entry) for start, end, entry in spans if entry.get("id") == id), None)
    entry = change(found[2] if found else {})
    if not entry:
        return
    told = {name: entry[name] for name in _ORDER if name in entry and (entry[name] or name in _KEPT_EMPTY)}
    told |= {name: entry[name] for name in entry if name not in _ORDER}
    spelt = scrub(json.dumps(told, indent=2, ensure_ascii=False)).translate(_ESCAPES).replace("\n", "\n  ")
    if found:
        text = text[: found[0]] + spelt + text[found[1] :]
    elif spans:
        text = text[: spans[-1][1]] + ",\n  " + spelt + text[spans[-1][1] :]
    else:
        text = f"[\n  {spelt}\n]"
    files.write_atomic(path, text.encode("utf-8", "surrogateescape"))


def _spans(text: str, path: Path) -> Iterator[tuple[int, int, Record]]:
    """Where each element stands in the list, and the object it is.

    Raises:
        StoreDamaged: the file holds no list.
    """
    decoder = json.JSONDecoder(strict=False)
    try:
        at = _after(text, 0, "[\ufeff")
        if "[" not in text[:at]:
            raise ValueError("no list")
        while text[at] != "]":
            value, end = decoder.raw_decode(text, at)
            yield at, end, mapping(value)
            at = _after(text, end, ",")
        if text[at + 1 :].strip():
            raise ValueError("more than a list")
    except (ValueError, IndexError, RecursionError) as error:
        raise StoreDamaged("not a list of sessions", where=str(path)) from error


def _after(text: str, at: int, marks: str) -> int:
    while at < len(text) and text[at] in f" \t\r\n{marks}":
        at += 1
    return at
