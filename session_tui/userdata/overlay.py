"""What people add to sessions that no store holds: titles, tags, pins, notes, bookmarks, and compactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import Final, TypeVar

from session_tui.adapters import rows
from session_tui.errors import StoreError
from session_tui.model import Problem, Session, SessionKey, Transcript
from session_tui.text import scrub, stamp
from session_tui.userdata import records
from session_tui.userdata.marks import Bookmark, Compaction, Marks
from session_tui.userdata.saved import SavedSearches
from session_tui.userdata.schema import TABLES, changing, version

T = TypeVar("T")

FILE_NAME: Final = "overlay.db"
_AT_KEY: Final = "store = ? AND root = ? AND id = ?"
_TICK: Final = 0.1
"""Seconds in which two changes may leave the same time on a file."""


class UserData:
    """The overlay in ``file``. Any number of threads and processes may use it at once.

    Every method that reads answers as if nothing was marked while there is no file, and raises `StoreError`
    when there is one that cannot be read; every method that writes raises it when nothing was written. Only
    `overlay`, `completed` and `kept`, which everything that is shown goes through, answer then as if there was no
    file, and `problems` tells of it.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.searches = SavedSearches(file)
        self.problems: tuple[Problem, ...] = ()
        """What kept the overlay from being read last."""
        self._known: tuple[str, Mapping[SessionKey, Marks]] = ("", {})

    # ── looking ───────────────────────────────────────────────────────────────────────────────────────

    def overlay(self, sessions: Iterable[Session]) -> list[Session]:
        """``sessions`` with their own titles, tags, pins and archived marks; the others as they are."""
        nothing: Mapping[SessionKey, Marks] = {}
        known = self._leniently(self.all, nothing)
        if not known:
            return list(sessions)
        return [known[session.key].applied(session) if session.key in known else session for session in sessions]

    def completed(self, transcript: Transcript) -> Transcript:
        """``transcript`` with the marks of its session, and the summaries that stand in the overlay alone."""
        key = transcript.session.key
        shown = replace(transcript, session=self.overlay([transcript.session])[0])
        if not self._leniently(lambda: self.marks(key).compactions, 0):
            return shown
        from session_tui.userdata.summarized import with_summaries

        return with_summaries(shown, self.own_compactions(key))

    def marks(self, key: SessionKey) -> Marks:
        """What is marked of one session."""
        return self.all().get(key, Marks())

    def all(self) -> Mapping[SessionKey, Marks]:
        """All that is marked, by session; read anew only when the file has changed."""
        now = rows.stamp(self.file)
        if now == self._known[0]:
            return self._known[1]
        found: Mapping[SessionKey, Marks] = self._read(records.all_marks, {})
        if self._is_settled():
            self._known = (now, found)
        return found

    def _is_settled(self) -> bool:
        """Whether the file's time is old enough to tell a further change from the last one."""
        try:
            return time() - self.file.stat().st_mtime > _TICK
        except OSError:
            return False

    def bookmarks(self, key: SessionKey) -> tuple[Bookmark, ...]:
        """The session's bookmarks in the order of its messages."""
        query = f"SELECT * FROM bookmarks WHERE {_AT_KEY} ORDER BY message_index, message_id"
        return tuple(map(records.bookmark, self._rows(query, records.bound(key))))

    def compactions(self, key: SessionKey) -> tuple[Compaction, ...]:
        """The compactions of the session, the oldest first."""
        query = f"SELECT * FROM compactions WHERE {_AT_KEY} ORDER BY compacted_at, rowid"
        return tuple(map(records.compaction, self._rows(query, records.bound(key))))

    def own_compactions(self, key: SessionKey) -> tuple[Compaction, ...]:
        """Those `compactions` that were not written to the session's store."""
        return tuple(each for each in self.compactions(key) if each.written_to != "store")

    def kept(self, key: SessionKey) -> dict[str, tuple[str, ...]]:
        """The ids of messages that stayed active, by the id of each summary that was written to the store."""
        nothing: tuple[Compaction, ...] = ()
        known = self._leniently(lambda: self.compactions(key), nothing)
        return {each.summary.id: each.plan.keep for each in known if each.written_to == "store"}

    def all_compactions(self) -> dict[SessionKey, tuple[Compaction, ...]]:
        """The compactions of all sessions that have any, each session's oldest first."""
        found: dict[SessionKey, tuple[Compaction, ...]] = {}
        for row in self._rows("SELECT * FROM compactions ORDER BY compacted_at, rowid", ()):
            key = records.key_of(row)
            found[key] = (*found.get(key, ()), records.compaction(row))
        return found

    # ── marking ───────────────────────────────────────────────────────────────────────────────────────

    def rename(self, key: SessionKey, title: str | None) -> None:
        """Give the session a title of our own; ``None`` takes it away."""
        self._set(key, "title", None if title is None else scrub(title))

    def pin(self, key: SessionKey, pinned: bool | None = True) -> None:
        """Pin or unpin the session; ``None`` leaves it to its store."""
        self._set(key, "pinned", pinned)

    def archive(self, key: SessionKey, archived: bool | None = True) -> None:
        """Show the session as archived or as active; ``None`` leaves it to its store."""
        self._set(key, "archived", archived)

    def note(self, key: SessionKey, text: str) -> None:
        """Keep a note with the session in the place of the one before; an empty one takes it away."""
        self._set(key, "note", scrub(text))

    def tag(self, key: SessionKey, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Add tags to the session and take others away, the store's own by hiding them."""
        wanted = [(scrub(name), False) for name in add] + [(scrub(name), True) for name in remove]
        with self._change() as database:
            for name, hidden in wanted:
                database.execute(
                    "INSERT INTO tags (store, root, id, name, hidden) VALUES (?, ?, ?, ?, ?) "
                    "ON CONFLICT DO UPDATE SET hidden = excluded.hidden",
                    (*records.bound(key), name, hidden),
                )

    def bookmark(self, key: SessionKey, message_id: str, index: int, label: str = "") -> Bookmark:
        """Mark a message of the session to come back to; one marked before gets the new label."""
        mark = Bookmark(message_id, index, scrub(label), datetime.now(UTC))
        with self._change() as database:
            database.execute(
                "INSERT OR REPLACE INTO bookmarks (store, root, id, message_id, message_index, label, created_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*records.bound(key), records.cell(message_id), index, mark.label, stamp(mark.created_at)),
            )
        return mark

    def remove_bookmark(self, key: SessionKey, message_id: str) -> bool:
        """Take a bookmark away; ``False`` when there was none."""
        return (
            self._delete("bookmarks", f"{_AT_KEY} AND message_id = ?", (*records.bound(key), records.cell(message_id)))
            > 0
        )

    def keep_compaction(self, key: SessionKey, compaction: Compaction) -> None:
        """Keep a compaction of the session; one with the same summary id is replaced."""
        values = records.columns(key, compaction)
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        with self._change() as database:
            database.execute(f"INSERT OR REPLACE INTO compactions ({names}) VALUES ({marks})", tuple(values.values()))

    def remove_compaction(self, key: SessionKey, summary_id: str) -> bool:
        """Forget a compaction that was undone; ``False`` when there was none."""
        return (
            self._delete(
                "compactions", f"{_AT_KEY} AND summary_id = ?", (*records.bound(key), records.cell(summary_id))
            )
            > 0
        )

    def move(self, old: SessionKey, new: SessionKey) -> None:
        """Give all that is kept of one session to another, in the place of what is kept of that one."""
        with self._change() as database:
            for table in TABLES:
                database.execute(f"DELETE FROM {table} WHERE {_AT_KEY}", records.bound(new))
                moved = f"UPDATE {table} SET store = ?, root = ?, id = ? WHERE {_AT_KEY}"
                database.execute(moved, (*records.bound(new), *records.bound(old)))

    def forget(self, key: SessionKey) -> None:
        """Remove all that is kept of the session, for one that was removed for good."""
        if self.file.exists():
            with self._change() as database:
                for table in TABLES:
                    database.execute(f"DELETE FROM {table} WHERE {_AT_KEY}", records.bound(key))

    # ── the file ──────────────────────────────────────────────────────────────────────────────────────

    def _leniently(self, ask: Callable[[], T], nothing: T) -> T:
        """What ``ask`` reads; nothing, and a problem, where the file cannot be read."""
        try:
            answer = ask()
        except StoreError as error:
            hint = error.hint or "titles, tags and summaries of our own do not show; move the file away to start anew"
            self.problems = (Problem(str(self.file), error.what, hint),)
            return nothing
        self.problems = ()
        return answer

    def _read(self, ask: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        def asked(database: sqlite3.Connection) -> T:
            return ask(database) if version(database, self.file) else nothing

        return rows.read_own(self.file, asked) if self.file.exists() else nothing

    def _rows(self, query: str, values: Sequence[object]) -> list[rows.Row]:
        return self._read(lambda database: database.execute(query, values).fetchall(), [])

    def _set(self, key: SessionKey, column: str, value: object) -> None:
        with self._change() as database:
            database.execute(
                f"INSERT INTO sessions (store, root, id, {column}) VALUES (?, ?, ?, ?) "
                f"ON CONFLICT DO UPDATE SET {column} = excluded.{column}",
                (*records.bound(key), value),
            )

    def _delete(self, table: str, where: str, values: Sequence[object]) -> int:
        if not self.file.exists():
            return 0
        with self._change() as database:
            return database.execute(f"DELETE FROM {table} WHERE {where}", values).rowcount

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with changing(self.file) as database:
            yield database
        self._known = ("", {})
