"""The names that people gave to sessions: ``session_index.jsonl``, appended to; the last line of an id counts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from session_tui.adapters import files, jsonl
from session_tui.adapters.rows import mapping, text
from session_tui.errors import StoreDamaged, StoreError
from session_tui.model import Problem

INDEX: Final = "session_index.jsonl"
_LIMIT: Final = 256 * 1024 * 1024


class _Line(msgspec.Struct, gc=False):
    id: str = ""
    thread_name: str | None = None


_line = msgspec.json.Decoder(_Line).decode


class Names:
    """The names below several roots, read once and again only when their index changed."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, Mapping[str, str]]] = {}

    def of(self, root: str) -> Mapping[str, str]:
        """The names of the sessions below ``root`` by id; an index that cannot be read has none."""
        path = Path(root, INDEX)
        stamp = files.stamp(path)
        known = self._known.get(root)
        if known is None or known[0] != stamp:
            known = self._known[root] = (stamp, {} if stamp == "-" else _names(path))
        return known[1]


def _names(path: Path) -> Mapping[str, str]:
    try:
        lines = files.read(path, limit=_LIMIT).removeprefix(jsonl.BOM).split(b"\n")
    except StoreError:
        return {}
    found: dict[str, str] = {}
    for raw in lines:
        if raw and not raw.isspace():
            id, name = _entry(raw)
            found[id] = name
    return {id: name for id, name in found.items() if id and name.strip()}


def _entry(raw: bytes) -> tuple[str, str]:
    try:
        line = _line(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _leniently(raw)
    return line.id, line.thread_name or ""


def _leniently(raw: bytes) -> tuple[str, str]:
    try:
        record = mapping(jsonl.decode(raw).value)
    except StoreDamaged:
        return "", ""
    return text(record.get("id")), text(record.get("thread_name"))


def problem(root: Path) -> Problem | None:
    """What keeps the index below ``root`` from being read, or ``None``; one that is not there is none."""
    path = root / INDEX
    if not path.exists():
        return None
    try:
        lines = files.read(path, limit=_LIMIT).split(b"\n")
    except StoreError as error:
        return Problem(str(path), error.what, error.hint)
    bad = sum(1 for raw in lines if raw and not raw.isspace() and not _entry(raw)[0])
    if not bad:
        return None
    what = f"{bad:,} lines name no session" if bad > 1 else "a line names no session"
    return Problem(str(path), what, "the names on the other lines are not affected")
