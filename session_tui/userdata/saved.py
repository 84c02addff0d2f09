"""Searches that a person keeps under a name."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from session_tui.adapters import rows, times
from session_tui.errors import UsageError
from session_tui.text import one_line, stamp
from session_tui.userdata.schema import SEARCHES_SINCE, changing, version


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A query under the name a person gave it."""

    name: str
    query: str
    saved_at: datetime | None = None


class SavedSearches:
    """The saved searches in the overlay ``file``. Any number of threads and processes may use it at once.

    Reading answers with nothing while there is no file and raises `StoreError` where there is one that cannot be
    read; changing raises it when nothing was changed.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def all(self) -> tuple[SavedSearch, ...]:
        """All saved searches, by name."""
        if not self.file.exists():
            return ()
        return rows.read_own(self.file, lambda database: self._all(database, self.file))

    @staticmethod
    def _all(database: sqlite3.Connection, file: Path) -> tuple[SavedSearch, ...]:
        if version(database, file) < SEARCHES_SINCE:
            return ()
        query = "SELECT name, query, saved_at FROM searches ORDER BY name COLLATE NOCASE, name"
        return tuple(
            SavedSearch(str(row["name"]), str(row["query"]), times.parse(row["saved_at"]))
            for row in database.execute(query)
        )

    def save(self, name: str, query: str, *, replace: bool = False) -> SavedSearch:
        """Keep ``query`` under ``name``.

        Raises:
            UsageError: there is no name or no query, or, without ``replace``, another query has the name.
        """
        saved = SavedSearch(_named(name), query.strip(), datetime.now(UTC))
        if not saved.query:
            raise UsageError("there is no search to save", hint="type one first")
        with changing(self.file) as database:
            found = database.execute("SELECT query FROM searches WHERE name = ?", (saved.name,)).fetchone()
            if found is not None and not replace and found[0] != saved.query:
                raise UsageError(f"“{saved.name}” is saved already", hint=f"it searches {found[0]}")
            database.execute(
                "INSERT OR REPLACE INTO searches (name, query, saved_at) VALUES (?, ?, ?)",
                (saved.name, saved.query, stamp(saved.saved_at)),
            )
        return saved

    def rename(self, old: str, new: str) -> None:
        """Give a saved search another name.

        Raises:
            UsageError: there is no name, or another search has it.
        """
        name = _named(new)
        with changing(self.file) as database:
            taken = database.execute("SELECT 1 FROM searches WHERE name = ?", (name,)).fetchone()
            if taken is not None and name != old:
                raise UsageError(f"“{name}” is saved already", hint="choose another name")
            database.execute("UPDATE searches SET name = ? WHERE name = ?", (name, old))

    def remove(self, name: str) -> None:
        """Forget a saved search."""
        if self.file.exists():
            with changing(self.file) as database:
                database.execute("DELETE FROM searches WHERE name = ?", (name,))


def _named(name: str) -> str:
    cleaned = one_line(name).strip()
    if not cleaned:
        raise UsageError("a saved search needs a name")
    return cleaned
