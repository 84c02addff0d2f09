"""How a session is taken away: kept first, then rows in one transaction, then files and shared entries."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import msgspec

from session_tui.adapters import transactions
from session_tui.adapters.base import Belongings
from session_tui.errors import StoreLocked
from session_tui.trash import entries, kept_files, kept_rows, manifest, restoring, tables
from session_tui.trash.manifest import Manifest
from session_tui.trash.shelf import Label, Shelf


def delete(shelf: Shelf, label: Label, belongings: Belongings) -> Manifest:
    """Move all that belongs to a session to the trash; with its lock held.

    The rows are copied without hindering other writers; should one come between, they are copied once more
    within the transaction that removes them.

    Raises:
        StoreLocked: another program holds the store or keeps writing to it.
        StoreError: it cannot be kept or removed; the store is as it was.
    """
    with opened(belongings) as database:
        for held in (False, True):
            kept = _with_rows_taken(shelf, database, label, belongings, held=held)
            if kept is not None:
                return _with_files_taken(shelf, kept)
    raise StoreLocked(
        "it keeps changing", where=label.ref, hint="close the program that writes it, then delete the session again"
    )


@contextmanager
def opened(belongings: Belongings) -> Iterator[sqlite3.Connection | None]:
    """The database of ``belongings``, ``None`` where they have none."""
    if belongings.database is None:
        yield None
        return
    with tables.opened(belongings.database) as database:
        yield database


def transaction(database: sqlite3.Connection | None) -> AbstractContextManager[None]:
    """A transaction of ``database`` where there is one."""
    return transactions.transaction(database) if database else nullcontext()


def snapshot(database: sqlite3.Connection | None) -> AbstractContextManager[None]:
    """A snapshot of ``database`` where there is one."""
    return transactions.snapshot(database) if database else nullcontext()


def _with_rows_taken(
    shelf: Shelf, database: sqlite3.Connection | None, label: Label, belongings: Belongings, *, held: bool
) -> Manifest | None:
    """The item, its rows removed; ``None`` when someone wrote in between and nothing was changed. With ``held``
    nobody can, since one transaction keeps and removes."""
    kept: Manifest | None = None
    taken = False
    try:
        with transaction(database if held else None):
            with snapshot(None if held else database):
                kept = shelf.keep(database, label, belongings, "delete", state="removing")
                seen = tables.version(database) if database else 0
            with transaction(None if held else database):
                if (database is None or tables.version(database) == seen) and kept_files.unchanged(kept.files):
                    if database and kept.database:
                        kept_rows.take(database, kept.database)
                    taken = True
    except BaseException:
        if kept is not None and not taken:
            shelf.drop(kept.id)
        elif kept is not None:
            restoring.take_back(shelf, kept)
        raise
    if not taken:
        shelf.drop(kept.id)
        return None
    return kept


def _with_files_taken(shelf: Shelf, kept: Manifest) -> Manifest:
    folder = shelf.path(kept.id)
    try:
        taken = kept_files.take(kept.files, folder)
        cut = [entries.take(each, folder) for each in kept.entries]
    except BaseException:
        restoring.take_back(shelf, kept)
        raise
    shelf.note_rows(kept, (), removed=True)
    done = msgspec.structs.replace(kept, state="done", files=tuple(taken), entries=tuple(cut))
    manifest.write(done, folder)
    return done
