"""The trash: what any change of a session touches is kept here first, and this alone removes sessions.

An item is written as a hidden directory, brought to the disk and renamed into sight before anything is changed,
so that a kill at any point loses nothing: either nothing was changed, or the item holds what was. `recover`
takes back deletions that were cut off. Every writing call holds the lock file of the trash.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from session_tui.adapters import files, witness
from session_tui.adapters.base import Belongings, Rows
from session_tui.errors import AdapterError
from session_tui.model import Refusal, SessionKey
from session_tui.trash import deleting, kept_rows, manifest, restoring, tables, watching
from session_tui.trash.manifest import Manifest, TrashItem
from session_tui.trash.putting_back import Conflict
from session_tui.trash.shelf import Label, Shelf
from session_tui.trash.watching import Watch

DAYS: Final = 30
_REPLACE: Final = "restore it with replace: what is there now is then kept in the trash"


def _now() -> datetime:
    return datetime.now(UTC)


class Trash:
    """The trash in ``folder`` (0700, files 0600); items expire after ``days`` unless they are told to stay.

    Any number of threads and processes may use one folder. Nothing is made by looking into it. What holds a
    program's own locks while its session is changed is the caller.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], datetime] = _now, days: int = DAYS) -> None:
        self._shelf = Shelf(folder, clock, days)

    # ── keeping ───────────────────────────────────────────────────────────────────────────────────────

    def keep(
        self, key: SessionKey, ref: str, title: str, belongings: Belongings, kind: str, *, expires: bool = True
    ) -> TrashItem:
        """Keep what ``belongings`` names as it is now, before a change of the given ``kind``.

        Once the change is done, tell by `changed`; until then it can be undone only where nothing else stands. Better
        make it within `around`, which tells it from what others write at the same time.

        Raises:
            StoreError: something cannot be read or written (a full disk); nothing was kept.
        """
        return TrashItem.of(self._keep(Label(key, ref, title), belongings, kind, expires=expires))

    def _keep(self, label: Label, belongings: Belongings, kind: str, *, expires: bool) -> Manifest:
        with self._shelf.locked(), deleting.opened(belongings) as database, deleting.snapshot(database):
            return self._shelf.keep(database, label, belongings, kind, expires=expires)

    def changed(
        self, item: TrashItem, *, added: Sequence[Rows] | None = None, created: Sequence[Path] = ()
    ) -> TrashItem:
        """Note what the change did, so that undoing it leaves alone what comes later.

        Args:
            added: the rows the change added; without it, all new rows that the belongings' own `Rows` find.
            created: files it made that the belongings do not name.

        Raises:
            StoreError: the store cannot be read, or the item not written.
            AdapterError: ``added`` names a table that the belongings do not.
        """
        with self._shelf.locked():
            kept = self._shelf.load(item.trash_id)
            return TrashItem.of(self._shelf.note(kept, added=added, created=created))

    @contextmanager
    def around(
        self, key: SessionKey, ref: str, title: str, belongings: Belongings, kind: str, *, expires: bool = True
    ) -> Iterator[TrashItem]:
        """`keep` before and `changed` after the change that is made within, by this thread. When it fails without
        having changed anything, the item goes again.

        What the change does through `session_tui.adapters` is seen as it does it: what others write meanwhile is no
        part of it, and cut off before it was noted it can be undone all the same.
        """
        kept = self._keep(Label(key, ref, title), belongings, kind, expires=expires)
        watch = Watch(kept, self._shelf.path(kept.id))
        try:
            with witness.telling(watch):
                yield TrashItem.of(kept)
        except BaseException:
            with self._shelf.locked():
                failed = self._shelf.note(self._shelf.load(kept.id), watch=watch, failed=True)
                if not self._shelf.was_changed(failed):
                    self._shelf.drop(kept.id)
            raise
        with self._shelf.locked():
            self._shelf.note(self._shelf.load(kept.id), watch=watch)

    def delete(self, key: SessionKey, ref: str, title: str, belongings: Belongings) -> TrashItem:
        """Take a session away: keep all that belongs to it, then remove rows in one transaction, then files and
        entries in shared files.

        Raises:
            StoreLocked: another program holds the store or keeps writing to it.
            StoreError: it cannot be kept or removed; the store is as it was.
        """
        with self._shelf.locked():
            return TrashItem.of(deleting.delete(self._shelf, Label(key, ref, title), belongings))

    def take(self, item: TrashItem, database: sqlite3.Connection, rows: Rows) -> int:
        """Remove the rows that ``rows`` finds, which the item was made to keep, within the caller's open transaction
        on their database, and say how many there were. It is for changes that must be made in one with it, `around`.

        Raises:
            StoreError: one of them is not as it was kept; the transaction is to be taken back.
            AdapterError: nothing was kept of their table.
        """
        folder = self._shelf.path(item.trash_id)
        kept = manifest.read(folder).database
        if kept is None:
            raise AdapterError("rows are to go that were not kept", where=item.ref)
        with tables.answering(database):
            return kept_rows.take_some(database, kept, folder, rows)

    # ── looking ───────────────────────────────────────────────────────────────────────────────────────

    def items(self) -> tuple[TrashItem, ...]:
        """All items, the newest first; one that cannot be read is told of in the log."""
        return tuple(TrashItem.of(kept) for kept in self._shelf.all())

    def of(self, key: SessionKey) -> tuple[TrashItem, ...]:
        """The items of one session, the newest first."""
        return tuple(item for item in self.items() if item.key == key)

    def get(self, id: str) -> TrashItem:
        """The item with this id, or with the only id that begins so.

        Raises:
            UsageError: there is none, or several begin so.
        """
        return TrashItem.of(self._shelf.load(id))

    def size_bytes(self) -> int:
        """How many bytes the items hold together."""
        return sum(item.size_bytes for item in self.items())

    def kept_files(self, item: TrashItem) -> Mapping[Path, Path]:
        """Where the copies of the kept files lie, by the files' own paths; for reading alone."""
        folder = self._shelf.path(item.trash_id)
        return {Path(each.path): folder / each.copy for each in manifest.read(folder).files if each.copy}

    def open_kept(self, item: TrashItem, path: Path) -> BinaryIO:
        """The kept bytes of the file ``path``, open for reading.

        Raises:
            StoreMissing: the item holds no such file.
        """
        copy = self.kept_files(item).get(path.parent.resolve() / path.name)
        try:
            if copy is None:
                raise FileNotFoundError
            return copy.open("rb")
        except OSError as error:
            raise files.failure(error, path) from error

    # ── putting back ──────────────────────────────────────────────────────────────────────────────────

    def restore(self, id: str, *, replace: bool = False) -> SessionKey | Refusal:
        """Undo the change: put back, byte for byte and row for row, what the item holds, and let go of it.

        What was written since stays: bytes behind the restored part of a file, rows, columns that the change
        did not touch. Where something else stands in the way it is refused and nothing is changed, unless
        ``replace``; the present state is then kept first, as an item of kind ``overwrite``. A restoration that
        was cut off can be repeated.

        Raises:
            UsageError: no item has this id.
            StoreError: the store cannot be written; the item stays.
        """
        with self._shelf.locked():
            kept = self._shelf.load(id)
            kept = watching.expected(kept, self._shelf.path(kept.id))
            later = self._later(kept)
            if later and not replace:
                return Refusal(f"a later change of this session stands: {later.kind}", f"undo {later.id} first")
            try:
                self._put_back(kept, replace=replace)
            except Conflict as conflict:
                return Refusal(f"cannot be restored: {conflict}", "" if conflict.final else _REPLACE)
            self._shelf.drop(kept.id)
            return kept.key

    def _later(self, kept: Manifest) -> Manifest | None:
        """The newest change after this one that still stands; deletions come back whatever happened since."""
        if kept.kind == "delete":
            return None
        newest = next((each for each in self._shelf.all() if each.key == kept.key), kept)
        return newest if newest.id != kept.id else None

    def _put_back(self, kept: Manifest, *, replace: bool) -> None:
        folder = self._shelf.path(kept.id)
        steps = restoring.plan(kept, folder, replace=replace)
        present = self._keep_present(kept) if replace else None
        watch = Watch(present, self._shelf.path(present.id)) if present else None
        try:
            with witness.telling(watch) if watch else nullcontext():
                restoring.put_back(kept, folder, steps, replace=replace)
        except Conflict:
            if present:
                self._shelf.drop(present.id)
            raise
        if present:
            self._shelf.note(present, watch=watch)

    def _keep_present(self, kept: Manifest) -> Manifest | None:
        """An item of what stands now where ``kept`` is to come back, ``None`` where nothing does."""
        now = manifest.belongings(kept)
        with deleting.opened(now) as database, deleting.snapshot(database):
            present = self._shelf.keep(database, Label(kept.key, kept.ref, kept.title), now, "overwrite")
        if present.holds_anything:
            return present
        self._shelf.drop(present.id)
        return None

    def recover(self) -> tuple[SessionKey, ...]:
        """Take back deletions that were cut off, clear away half-written items, and say which sessions are whole
        again. A deletion that cannot be taken back stays listed as unfinished."""
        if not self._shelf.folder.is_dir():
            return ()
        with self._shelf.locked():
            self._shelf.clear()
            cut_off = [kept for kept in self._shelf.all() if kept.state == "removing"]
            return tuple(kept.key for kept in cut_off if restoring.take_back(self._shelf, kept))

    # ── letting go ────────────────────────────────────────────────────────────────────────────────────

    def expiring(self, id: str, *, expires: bool) -> TrashItem:
        """Let an item expire ``days`` from now, or let it stay until told otherwise.

        Raises:
            UsageError: no item has this id.
        """
        with self._shelf.locked():
            kept = self._shelf.load(id)
            told = msgspec.structs.replace(kept, expires_at=self._shelf.expiry(expires=expires))
            manifest.write(told, self._shelf.path(kept.id))
            return TrashItem.of(told)

    def empty(
        self, *, older_than: timedelta | None = None, ids: Collection[str] | None = None
    ) -> tuple[TrashItem, ...]:
        """Remove items for good and return them: those with ``ids``, else all that may expire, with ``older_than``
        only those trashed longer ago. Unfinished ones go by their ids alone.

        Raises:
            UsageError: an id is no item's; nothing was removed.
        """
        if ids is not None:
            named = {self._shelf.load(id).id for id in ids}
            return self._let_go(lambda kept: kept.id in named)
        before = self._shelf.clock() - (older_than or timedelta())
        return self._let_go(lambda kept: _may_expire(kept) and kept.trashed_at <= before)

    def expire(self, now: datetime | None = None) -> tuple[TrashItem, ...]:
        """Remove the items whose time is over, and return them."""
        moment = now or self._shelf.clock()
        return self._let_go(lambda kept: _expired(kept, moment))

    def _let_go(self, chosen: Callable[[Manifest], bool]) -> tuple[TrashItem, ...]:
        if not self._shelf.folder.is_dir():
            return ()
        with self._shelf.locked():
            self._shelf.clear()
            going = [kept for kept in self._shelf.all() if chosen(kept)]
            for kept in going:
                self._shelf.drop(kept.id)
            return tuple(TrashItem.of(kept) for kept in going)


def _may_expire(kept: Manifest) -> bool:
    """Whether the item may go by itself: not what is to stay, nor what a cut-off deletion may still need."""
    return kept.expires_at is not None and kept.state != "removing"


def _expired(kept: Manifest, moment: datetime) -> bool:
    return _may_expire(kept) and kept.expires_at is not None and kept.expires_at <= moment
