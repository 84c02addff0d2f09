"""Lists that programs keep beside their session files: a JSON array of objects, each with the session's id."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from session_tui.adapters import files, jsonl
from session_tui.adapters.rows import mapping, text
from session_tui.errors import StoreDamaged, StoreError

_LIMIT: Final = 256 * 1024 * 1024
Entries = Mapping[str, Mapping[str, object]]


def read(path: Path) -> Entries:
    """The entries of the list at ``path`` by id, the first of each.

    Raises:
        StoreMissing: there is none.
        StoreDamaged: it is no array.
        StoreError: it cannot be read.
    """
    try:
        value = jsonl.decode(files.read(path, limit=_LIMIT)).value
    except StoreDamaged as error:
        raise StoreDamaged(error.what, where=str(path)) from error
    if not isinstance(value, list):
        raise StoreDamaged("not a list of sessions", where=str(path))
    return {id: mapping(entry) for entry in reversed(value) if (id := text(mapping(entry).get("id")))}


class Listings:
    """The lists called ``name``, read once and again only when they changed; an unreadable one has no entries."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._known: dict[str, tuple[Path, str, Entries]] = {}

    def entries(self, folder: str) -> Entries:
        """The entries of the list in ``folder`` by id."""
        path, stamp, entries = self._known.get(folder) or (Path(folder, self._name), "", {})
        now = files.stamp(path)
        if now != stamp:
            entries = self._read(path)
            self._known[folder] = (path, now, entries)
        return entries

    def _read(self, path: Path) -> Entries:
        try:
            return read(path)
        except StoreError:
            return {}


class Objects:
    """JSON files that hold one object each, read once and again only when they changed."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[str, Mapping[str, object] | None]] = {}

    def get(self, path: Path, stamp: str = "") -> Mapping[str, object] | None:
        """The object in ``path``: empty where there is no file, ``None`` where there is something else.

        A caller that has just taken the file's ``stamp`` need not have it taken again.
        """
        stamp = stamp or files.stamp(path)
        known = self._known.get(path)
        if not known or known[0] != stamp:
            known = self._known[path] = (stamp, {} if stamp == "-" else read_object(path))
        return known[1]


def read_object(path: Path) -> Mapping[str, object] | None:
    """The object in ``path``, ``None`` where there is none that can be read."""
    try:
        value = jsonl.decode(files.read(path, limit=_LIMIT)).value
    except StoreError:
        return None
    return value if isinstance(value, Mapping) else None
