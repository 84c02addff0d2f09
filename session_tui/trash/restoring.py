"""How an item comes back: looked through for conflicts, then rows in one transaction, files, shared entries."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from session_tui.adapters import transactions
from session_tui.errors import SessionTuiError
from session_tui.trash import effects, entries, kept_files, tables
from session_tui.trash.effects import After
from session_tui.trash.kept_files import Step
from session_tui.trash.manifest import KeptDatabase, Manifest
from session_tui.trash.putting_back import Conflict, Restoring
from session_tui.trash.shelf import Shelf

log = logging.getLogger(__name__)


def plan(kept: Manifest, folder: Path, *, replace: bool) -> list[Step]:
    """What is to be done with the item's files.

    Raises:
        Conflict: something else stands where one belongs.
        StoreError: a file cannot be read.
    """
    steps = [kept_files.plan(each, folder) for each in kept.files]
    for step in steps:
        if step.barred or (step.conflict and not replace):
            raise Conflict(step.conflict, final=step.barred)
    return steps


def put_back(kept: Manifest, folder: Path, steps: Sequence[Step], *, replace: bool) -> None:
    """Bring rows, files and shared entries back. What is back already stays, so it can be repeated.

    Raises:
        Conflict: something else stands where a row belongs; nothing was changed.
        StoreError: something cannot be written; what is back stays, the item holds the rest.
    """
    if kept.database:
        with tables.opened(Path(kept.database.path)) as database, transactions.transaction(database):
            after = _after(database, kept.database, folder, kept.state)
            Restoring(database, kept.database, folder, after=after, replace=replace).run()
    for step in steps:
        kept_files.put_back(step, folder)
    kept_files.settle(steps)
    for each in kept.entries:
        entries.put_back(each, folder, replace=replace)


def _after(database: sqlite3.Connection, kept: KeptDatabase, folder: Path, state: str) -> After | None:
    """What the change did, once it is known to be done; ``None`` where it may not have been."""
    if state == "done":
        return effects.noted(folder)
    planned = effects.noted(folder) if state == "kept" and effects.is_noted(folder) else None
    return planned if planned and effects.is_done(database, kept, planned) else None


def take_back(shelf: Shelf, kept: Manifest) -> bool:
    """Undo a deletion that was cut off and remove its item; ``False``, told in the log, when that cannot be."""
    folder = shelf.path(kept.id)
    try:
        put_back(kept, folder, plan(kept, folder, replace=False), replace=False)
    except (Conflict, SessionTuiError) as error:
        log.error("the deletion of %s was cut off and stays in the trash as %s: %s", kept.ref, kept.id, error)
        return False
    shelf.drop(kept.id)
    return True
