"""Sessions in figures, kept by the stamp of their source; safe to delete at any time."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from session_tui.adapters.base import Source
from session_tui.adapters.tallies import Tally
from session_tui.index.store import CacheFile
from session_tui.model import SessionKey

VERSION: Final = 1
"""Raised whenever a kept session would be counted differently; another version's file is thrown away."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS tallies (
  store TEXT NOT NULL, root TEXT NOT NULL, id TEXT NOT NULL, stamp TEXT NOT NULL, tally BLOB NOT NULL,
  PRIMARY KEY (store, root, id)
) WITHOUT ROWID;
"""
log = logging.getLogger(__name__)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Tally).decode


class TallyCache:
    """The figures of sessions in one `CacheFile`."""

    def __init__(self, file: Path) -> None:
        self._cache = CacheFile(file, _SCHEMA, VERSION)

    def known(self, sources: Sequence[Source]) -> dict[SessionKey, Tally]:
        """The kept figures whose stamps still hold."""
        told = [source for source in sources if _is_text(source.key)]
        wanted = {(source.key.store, source.key.root, source.key.id): source for source in told}
        found: dict[SessionKey, Tally] = {}
        for root in {(store, root) for store, root, _ in wanted}:
            query = "SELECT id, stamp, 0, tally FROM tallies WHERE store = ? AND root = ?"
            for id, stamp, _, tally in self._cache.rows(query, root):
                source = wanted.get((*root, id))
                if source is None or source.stamp != stamp:
                    continue
                try:
                    found[source.key] = _decode(zlib.decompress(tally))
                except (msgspec.MsgspecError, zlib.error) as error:
                    log.warning("the figures of %s are counted anew: %s", source.key.ref, error)
        return found

    def keep(self, tallies: Iterable[tuple[Source, Tally]]) -> None:
        """Keep what was counted of the sources."""
        rows = [
            (source.key.store, source.key.root, source.key.id, source.stamp, zlib.compress(_encode(tally), 1))
            for source, tally in tallies
            if _is_text(source.key)
        ]
        self._cache.write("INSERT OR REPLACE INTO tallies VALUES (?, ?, ?, ?, ?)", rows)

    def forget(self, root: tuple[str, str], present: Iterable[str]) -> None:
        """Drop what is kept of the ids that a complete scan of ``root`` (store and root path) did not find."""
        query = "SELECT id, stamp, 0, x'' FROM tallies WHERE store = ? AND root = ?"
        gone = {row[0] for row in self._cache.rows(query, root)}.difference(present)
        self._cache.write("DELETE FROM tallies WHERE store = ? AND root = ? AND id = ?", [(*root, id) for id in gone])


def _is_text(key: SessionKey) -> bool:
    """Whether the key can be kept as text; file names that are no UTF-8 cannot."""
    try:
        f"{key.root}{key.id}".encode()
    except UnicodeEncodeError:
        return False
    return True
