"""What a change alone does to what an item was kept of, noted in the item before it is done.

``after.jsonl`` then holds what its transactions did to rows, and ``planned.json`` what files are to hold: of a change
that was cut off before it was confirmed, this tells whether it was done. What other programs wrote before or behind
it is no part of it.
"""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path
from typing import Final

import msgspec

from session_tui.adapters import files, transactions
from session_tui.errors import StoreMissing
from session_tui.trash import effects, entries, tables
from session_tui.trash.effects import After
from session_tui.trash.manifest import FileState, KeptDatabase, KeptFile, Manifest

_PLANNED: Final = "planned.json"
_LIMIT: Final = 256 * 1024 * 1024


class Planned(msgspec.Struct, kw_only=True):
    """What files are to hold once the change is done, and the session's entries in shared ones, by their paths."""

    files: dict[str, FileState] = {}
    entries: dict[str, tuple[str, ...]] = {}


class Watch:
    """The `session_tui.adapters.witness.Witness` of a change that the item in ``folder`` was made for."""

    def __init__(self, kept: Manifest, folder: Path) -> None:
        self._kept = kept
        self._folder = folder
        self._planned = Planned()
        self._others = After()
        self._done = After()
        self._next = After()
        self.saw_rows = False
        """Whether a transaction on the database of the kept rows was begun."""

    # ── rows ──────────────────────────────────────────────────────────────────────────────────────────

    def begun(self, database: sqlite3.Connection) -> None:
        """See what others did to the rows since they were kept."""
        if (kept := self._theirs(database)) is not None:
            self._others = self._compared(database, kept)
            self._done, self.saw_rows = self._next, True

    def ending(self, database: sqlite3.Connection) -> None:
        """Note what this transaction did to them, and those before it."""
        if (kept := self._theirs(database)) is not None:
            self._next = effects.part(self._done, self._others, self._compared(database, kept))
            effects.note(self._next, self._folder)

    def after(self, *, failed: bool) -> After:
        """What the change did to the rows; of one that ``failed`` the last transaction may not have been committed."""
        kept = self._kept.database
        if failed and kept is not None and self._next != self._done:
            with tables.opened(Path(kept.path)) as database, transactions.snapshot(database):
                return self._next if effects.is_done(database, kept, self._next) else self._done
        return self._next

    def _theirs(self, database: sqlite3.Connection) -> KeptDatabase | None:
        """What was kept of the database, ``None`` for another one."""
        kept = self._kept.database
        return kept if kept is not None and tables.path_of(database) == Path(kept.path) else None

    def _compared(self, database: sqlite3.Connection, kept: KeptDatabase) -> After:
        with tables.answering(database):
            return effects.compared(database, kept, self._folder, with_following=True)

    # ── files ─────────────────────────────────────────────────────────────────────────────────────────

    def writing(self, path: Path, data: bytes) -> None:
        """Note what the file is to hold, if it was kept."""
        place = str(path.parent.resolve() / path.name)
        shared = [each for each in self._kept.entries if each.path == place]
        if any(each.path == place for each in self._kept.files):
            digest = hashlib.sha256(data).hexdigest()
            self._planned.files[place] = FileState(kind="file", size=len(data), digest=digest)
        elif shared:
            self._planned.entries[place] = entries.told(shared[0], data)
        else:
            return
        files.write_atomic(self._folder / _PLANNED, msgspec.json.encode(msgspec.to_builtins(self._planned)))

    @property
    def saw_files(self) -> bool:
        """Whether one of the kept files was written."""
        return bool(self._planned.files or self._planned.entries)

    def done(self, kept: Manifest) -> Manifest:
        """``kept`` with what the change made of its files."""
        return _with(self._planned, kept, otherwise_as_before=True)


def expected(kept: Manifest, folder: Path) -> Manifest:
    """``kept`` with what a change that nobody confirmed was to make of its files, as far as that was noted."""
    if kept.state != "kept":
        return kept
    try:
        planned = msgspec.json.decode(files.read(folder / _PLANNED, limit=_LIMIT), type=Planned)
    except StoreMissing:
        return kept
    return _with(planned, kept)


def _with(planned: Planned, kept: Manifest, *, otherwise_as_before: bool = False) -> Manifest:
    def after(each: KeptFile) -> FileState | None:
        return planned.files.get(each.path, each.before if otherwise_as_before else each.after)

    return msgspec.structs.replace(
        kept,
        files=tuple(msgspec.structs.replace(each, after=after(each)) for each in kept.files),
        entries=tuple(
            msgspec.structs.replace(
                each, after=planned.entries.get(each.path, each.before if otherwise_as_before else each.after)
            )
            for each in kept.entries
        ),
    )
