"""What one trash item is: the values of its ``manifest.json``, version 1, written last and read first.

An item is a directory: ``manifest.json``, ``files/`` with the bytes of the kept files, ``rows.jsonl`` with the
kept database rows and ``after.jsonl`` with what the change made of them. Text that is no UTF-8 stands in
JSON as lone surrogate escapes, so that every byte can be had back.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import msgspec

from session_tui.adapters import files
from session_tui.adapters.base import Belongings, Entries, Rows
from session_tui.errors import StoreDamaged, StoreError
from session_tui.model import SessionKey
from session_tui.trash.cells import thawed

VERSION: Final = 1
FILE_NAME: Final = "manifest.json"
_LIMIT: Final = 256 * 1024 * 1024


class FileState(msgspec.Struct, frozen=True, kw_only=True):
    """What a path held: ``digest`` is the SHA-256 of a file's bytes in hex, ``target`` what a link names."""

    kind: Literal["file", "link", "directory", "absent"]
    size: int = 0
    digest: str = ""
    target: str = ""
    mode: int = 0
    mtime_ns: int = 0

    def holds_same(self, other: FileState) -> bool:
        """Whether both hold the same, whatever their modes and times."""
        mine = (self.kind, self.size, self.digest, self.target)
        return mine == (other.kind, other.size, other.digest, other.target)


ABSENT: Final = FileState(kind="absent")


class KeptFile(msgspec.Struct, frozen=True, kw_only=True):
    """A path before the change, the name of its copy in the item, and what it held after the change."""

    path: str
    before: FileState
    copy: str = ""
    after: FileState | None = None


class KeptQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One `Rows` of the belongings, ``values`` as `session_tui.trash.cells` writes them; or, where it ``follows``,
    rows that foreign keys change when the belongings go."""

    table: str
    where: str
    values: tuple[object, ...] = ()
    volatile: tuple[str, ...] = ()
    follows: bool = False


class KeptTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table rows were kept of: its columns, those that identify a row, and the name its rowid goes by, empty
    where it has none of its own. Without a primary key the rowid identifies a row."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    rowid: str = ""


class KeptDatabase(msgspec.Struct, frozen=True, kw_only=True):
    """The database rows were kept of; ``rows`` is how many."""

    path: str
    queries: tuple[KeptQuery, ...] = ()
    tables: tuple[KeptTable, ...] = ()
    rows: int = 0


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes taken out of a file at an offset."""

    offset: int
    text: str


class KeptEntries(msgspec.Struct, frozen=True, kw_only=True):
    """A session's entries in a shared file: their text before and after the change, what a removal cuts out of
    the file in that order, and the file's digest once it is cut. In a list, ``lead`` is the space behind its
    bracket and ``following`` whose the next entries are."""

    path: str
    field: str
    value: str
    lock: str | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] | None = None
    cuts: tuple[Cut, ...] = ()
    digest_after: str = ""
    lead: str = ""
    following: tuple[str, ...] = ()


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All about one item. ``state``: ``kept`` until the change is known to be done, ``removing`` while a deletion
    goes on, then ``done``."""

    version: int = VERSION
    id: str
    kind: str
    state: Literal["kept", "removing", "done"] = "kept"
    store: str
    session: str
    root: str
    ref: str
    title: str
    trashed_at: datetime
    expires_at: datetime | None = None
    size_bytes: int = 0
    files: tuple[KeptFile, ...] = ()
    database: KeptDatabase | None = None
    entries: tuple[KeptEntries, ...] = ()

    @property
    def key(self) -> SessionKey:
        """The session the item is of."""
        return SessionKey(self.store, self.session, self.root)

    @property
    def holds_anything(self) -> bool:
        """Whether there was anything to keep."""
        there = any(kept.before.kind != "absent" for kept in self.files)
        return there or bool(self.database and self.database.rows) or any(kept.before for kept in self.entries)


@dataclass(frozen=True, slots=True)
class TrashItem:
    """One item as it is listed. ``kind`` says what happened to the session (``delete``, ``compact``, ``rename``,
    ``overwrite`` …); ``expires_at`` is ``None`` for items that stay until told otherwise; an unfinished one is
    of a deletion that was interrupted."""

    trash_id: str
    key: SessionKey
    ref: str
    title: str
    kind: str
    trashed_at: datetime
    expires_at: datetime | None
    size_bytes: int
    finished: bool = True

    @classmethod
    def of(cls, manifest: Manifest) -> TrashItem:
        """The item that ``manifest`` describes."""
        return cls(
            trash_id=manifest.id,
            key=manifest.key,
            ref=manifest.ref,
            title=manifest.title,
            kind=manifest.kind,
            trashed_at=manifest.trashed_at,
            expires_at=manifest.expires_at,
            size_bytes=manifest.size_bytes,
            finished=manifest.state != "removing",
        )


def write(manifest: Manifest, folder: Path) -> None:
    """Write the manifest of the item in ``folder`` in one step.

    Raises:
        StoreError: it cannot be written; the one before stands.
    """
    text = json.dumps(msgspec.to_builtins(manifest), indent=1)
    files.write_atomic(folder / FILE_NAME, text.encode("ascii"))


def read(folder: Path) -> Manifest:
    """The manifest of the item in ``folder``.

    Raises:
        StoreMissing: there is no such item.
        StoreError: it cannot be read, or a newer program wrote it.
    """
    path = folder / FILE_NAME
    try:
        data = json.loads(files.read(path, limit=_LIMIT))
        if isinstance(data, dict) and isinstance(data.get("version"), int) and data["version"] > VERSION:
            raise StoreError("written by a newer session-tui", where=str(path), hint="update session-tui")
        return msgspec.convert(data, Manifest)
    except (ValueError, msgspec.ValidationError) as error:
        raise StoreDamaged(f"not a manifest of the trash: {error}", where=str(path)) from error


def belongings(manifest: Manifest) -> Belongings:
    """The belongings that were kept, to keep them once more."""
    database = manifest.database
    return Belongings(
        files=tuple(Path(kept.path) for kept in manifest.files),
        database=Path(database.path) if database else None,
        rows=tuple(
            Rows(query.table, query.where, tuple(thawed(value) for value in query.values), query.volatile)
            for query in (database.queries if database else ())
            if not query.follows
        ),
        entries=tuple(
            Entries(Path(kept.path), kept.field, kept.value, Path(kept.lock) if kept.lock else None)
            for kept in manifest.entries
        ),
    )
