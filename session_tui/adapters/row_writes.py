"""Changes to the databases of other programs: each one short transaction, made as the program itself would make it.

No table is made, grown or cleaned up.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from session_tui.adapters import rows, transactions
from session_tui.adapters.base import Belongings, Rows, Source
from session_tui.adapters.database import DatabaseAdapter
from session_tui.adapters.rows import Row
from session_tui.errors import StoreError, StoreMissing
from session_tui.model import Session
from session_tui.text import scrub


@contextmanager
def changing(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection within a transaction that is committed at the end and taken back on any error. It enforces
    foreign keys and answers as those of `rows.read` do.

    Raises:
        StoreMissing: there is no such file.
        StoreLocked: another program held the database for longer than `rows.BUSY_SECONDS`.
        StoreError: it cannot be written, or refuses the change.
    """
    with transactions.opened(path) as database, rows.asking(database), transactions.transaction(database):
        yield database


class WritableDatabase(DatabaseAdapter):
    """A `DatabaseAdapter` whose sessions can be changed and taken away."""

    def belongings(self, session: Session) -> Belongings:
        """The session's rows in every table, its own last.

        Raises:
            StoreMissing: none has its id.
            StoreError: the database cannot be read.
        """
        database, id = Path(session.key.root), session.key.id
        found, _ = rows.read(
            database, lambda opened: rows.select(opened, "sessions", ("rowid",), "WHERE id = ?", (scrub(id),))
        )
        if not found:
            raise StoreMissing("no session in the database has its id", where=str(database))
        parts = (Rows(table, "session_id = ?", (id,)) for table in self.belonging)
        return Belongings(database=database, rows=(*parts, Rows("sessions", "id = ?", (id,))))

    @contextmanager
    def changing(self, session: Session) -> Iterator[tuple[sqlite3.Connection, Row]]:
        """A transaction on the session's database, and the session's entry as it is within it.

        Raises:
            StoreMissing: the database holds the session no more.
            StoreError: it cannot be written, or is damaged; it is as it was.
        """
        path = Path(session.key.root)
        with changing(path) as database:
            # A damaged schema is told by this; asking for columns would look past it.
            database.execute("SELECT COUNT(*) FROM sqlite_master")
            entry, fault = self.row(database, Source(session.key, str(path), ""))
            if fault:
                raise rows.failure(sqlite3.DatabaseError(fault), path)
            yield database, entry


def demand(database: sqlite3.Connection, table: str, columns: Collection[str]) -> None:
    """Do nothing where ``table`` has the ``columns``.

    Raises:
        StoreError: it has not, or there is none.
    """
    missing = sorted(set(columns) - rows.columns(database, table))
    if missing:
        what = f"the database has no {', '.join(f'{table}.{name}' for name in missing)}"
        raise StoreError(what, hint="continue a session in its own program, which adds what is missing")
