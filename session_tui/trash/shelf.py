"""The trash's items on the disk: written whole and brought to the disk before they come into sight."""

from __future__ import annotations

import logging
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from session_tui.adapters import files, locks, transactions
from session_tui.adapters.base import Belongings, Rows
from session_tui.errors import SessionTuiError, UsageError
from session_tui.model import SessionKey
from session_tui.trash import effects, entries, kept_files, kept_rows, manifest, removing, tables
from session_tui.trash.manifest import KeptFile, Manifest
from session_tui.trash.watching import Watch

log = logging.getLogger(__name__)

LOCK_SECONDS: Final = 30.0
_LOCK: Final = ".lock"
_NEW: Final = ".new-"
_ID: Final = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")


class Label(NamedTuple):
    """Whose item it is, and how that session is called."""

    key: SessionKey
    ref: str
    title: str


class Shelf:
    """The items in ``folder``; it is made when something is kept, not before."""

    def __init__(self, folder: Path, clock: Callable[[], datetime], days: int) -> None:
        self.folder = folder
        self.clock = clock
        self._days = days

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the trash, waiting for another process up to `LOCK_SECONDS`.

        Raises:
            StoreLocked: it does not let go.
            StoreError: the folder cannot be made.
        """
        files.private_directory(self.folder)
        with ExitStack() as stack:
            try:
                stack.enter_context(locks.holding(self.folder / _LOCK, seconds=LOCK_SECONDS))
            except OSError as error:
                raise files.failure(error, self.folder) from error
            yield

    def path(self, id: str) -> Path:
        """Where the item lies."""
        return self.folder / id

    def expiry(self, *, expires: bool) -> datetime | None:
        """When an item kept now expires, ``None`` for never."""
        return self.clock() + timedelta(days=self._days) if expires else None

    # ── looking ───────────────────────────────────────────────────────────────────────────────────────

    def ids(self) -> list[str]:
        """The ids of all items, the oldest first."""
        if not self.folder.is_dir():
            return []
        return [entry.name for entry in files.entries(self.folder) if _ID.fullmatch(entry.name)]

    def load(self, id: str) -> Manifest:
        """The item with this id, or with the only id that begins so.

        Raises:
            UsageError: there is none, or several begin so.
            StoreError: its manifest cannot be read.
        """
        known = self.ids()
        found = [name for name in known if name == id] or [name for name in known if id and name.startswith(id)]
        if len(found) != 1:
            what = f"{len(found)} items of the trash begin with {id}" if found else f"no item {id} in the trash"
            raise UsageError(what, hint="`session-tui trash list` shows what there is")
        return manifest.read(self.path(found[0]))

    def all(self) -> list[Manifest]:
        """All items, the newest first; one that cannot be read is told of in the log."""
        found: list[Manifest] = []
        for id in self.ids():
            try:
                found.append(manifest.read(self.path(id)))
            except SessionTuiError as error:
                log.warning("an item of the trash cannot be read: %s", error)
        return sorted(found, key=lambda kept: (kept.trashed_at, kept.id), reverse=True)

    # ── writing; with the lock held ───────────────────────────────────────────────────────────────────

    def keep(
        self,
        database: sqlite3.Connection | None,
        label: Label,
        belongings: Belongings,
        kind: str,
        *,
        state: Literal["kept", "removing"] = "kept",
        expires: bool = True,
    ) -> Manifest:
        """Make an item of what ``belongings`` names now; ``database`` is theirs, within a transaction.

        Raises:
            StoreError, sqlite3.Error: something cannot be read or written; no item was made.
        """
        id = self._new_id(moment := self.clock())
        draft = files.private_directory(self.folder / f"{_NEW}{id}")
        try:
            kept = Manifest(
                id=id,
                kind=kind,
                state=state,
                store=label.key.store,
                session=label.key.id,
                root=label.key.root,
                ref=label.ref,
                title=label.title,
                trashed_at=moment,
                expires_at=self.expiry(expires=expires),
                files=tuple(kept_files.keep(belongings.files, draft)),
                database=_kept_database(database, belongings, draft),
                entries=tuple(entries.keep(each, removing=state == "removing") for each in belongings.entries),
            )
            kept = msgspec.structs.replace(kept, size_bytes=_size(draft))
            manifest.write(kept, draft)
            self._show(draft, id)
        except BaseException:
            removing.item(draft)
            raise
        return kept

    def _new_id(self, moment: datetime) -> str:
        """When, in UTC, then five digits for the microsecond and one by chance: ids sort by time."""
        utc = moment.astimezone(UTC)
        while True:
            id = f"{utc:%Y%m%d-%H%M%S}-{utc.microsecond:05x}{secrets.randbelow(16):x}"
            if not self.path(id).exists() and not self.path(f"{_NEW}{id}").exists():
                return id
            utc += timedelta(microseconds=1)

    def _show(self, draft: Path, id: str) -> None:
        try:
            for folder in (draft / kept_files.COPIES, draft):
                if folder.is_dir():
                    files.sync_directory(folder)
            draft.rename(self.path(id))
            files.sync_directory(self.folder)
        except OSError as error:
            raise files.failure(error, draft) from error

    def note(
        self,
        kept: Manifest,
        *,
        added: Sequence[Rows] | None = None,
        created: Sequence[Path] = (),
        watch: Watch | None = None,
        failed: bool = False,
    ) -> Manifest:
        """Write into the item what the change did, see `session_tui.trash.bin.Trash.changed`: what ``watch`` saw of
        it, and of what it saw nothing, how that differs by now. One that ``failed`` may have done less."""
        if watch and watch.saw_rows:
            effects.note(watch.after(failed=failed), self.path(kept.id))
        else:
            self.note_rows(kept, added)
        done = watch.done(kept) if watch and watch.saw_files and not failed else _compared(kept, created, failed=failed)
        noted = msgspec.structs.replace(done, state="done")
        manifest.write(noted, self.path(kept.id))
        return noted

    def note_rows(self, kept: Manifest, added: Sequence[Rows] | None, *, removed: bool = False) -> None:
        """Write into the item what became of its rows; ``removed`` says that those the belongings name went."""
        if kept.database is None:
            return
        if removed and not any(query.follows for query in kept.database.queries):
            effects.note(effects.After(all_gone=True), self.path(kept.id))
            return
        with tables.opened(Path(kept.database.path)) as database, transactions.snapshot(database):
            after = effects.compared(database, kept.database, self.path(kept.id), added)
        effects.note(after, self.path(kept.id))

    def was_changed(self, kept: Manifest) -> bool:
        """Whether the change that was noted did anything."""
        if kept.database and effects.noted(self.path(kept.id)):
            return True
        return any(each.after and not each.after.holds_same(each.before) for each in kept.files) or any(
            each.after != each.before for each in kept.entries
        )

    def drop(self, id: str) -> None:
        """Remove the item for good."""
        removing.item(self.path(id))

    def clear(self) -> None:
        """Remove what was left behind half-written or half-removed."""
        for entry in files.entries(self.folder):
            if entry.name.startswith((_NEW, ".gone-")):
                removing.item(Path(entry.path))


def _compared(kept: Manifest, created: Sequence[Path], *, failed: bool) -> Manifest:
    """``kept`` with what its files hold now, and those that were ``created``. A change that ``failed`` is not taken
    for what lines were added by: they are more likely another's, and stay in any case."""
    known = {each.path for each in kept.files}
    fresh = {str(path.parent.resolve() / path.name): None for path in created}
    new = [KeptFile(path=path, before=manifest.ABSENT) for path in fresh if path not in known]

    def touched(each: KeptFile) -> KeptFile:
        path = Path(each.path)
        after = kept_files.state(path)
        others = failed and kept_files.has_grown(each.before, after, path)
        return msgspec.structs.replace(each, after=each.before if others else after)

    return msgspec.structs.replace(
        kept,
        files=tuple(map(touched, (*kept.files, *new))),
        entries=tuple(entries.noted(each) for each in kept.entries),
    )


def _kept_database(
    database: sqlite3.Connection | None, belongings: Belongings, draft: Path
) -> manifest.KeptDatabase | None:
    if database is None or belongings.database is None:
        return None
    return kept_rows.keep(database, belongings.database.resolve(), belongings.rows, draft)


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
