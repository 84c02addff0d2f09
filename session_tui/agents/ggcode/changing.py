"""What can be done to a session that the program wrote: a new title, a compaction, taking it away; and the locks.

A program from v1.3.76 on owns a session as long as it holds ``ID.lock``. ``ID.jsonl.flock`` and
``index.json.flock`` are held for single writes, never the second within the first. Older programs know none of
these, and the two ``.flock`` files, which stay, are not made beside their sessions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Final

from session_tui.adapters import appended, files, locks
from session_tui.adapters.base import Applied, Belongings, Entries, World
from session_tui.adapters.conversation import Record
from session_tui.adapters.writing import outdated, summary_message
from session_tui.agents.ggcode import index
from session_tui.agents.ggcode.encoding import line, new_message_id, record, time
from session_tui.agents.ggcode.reading import INDEX, Reading
from session_tui.agents.ggcode.rewriting import File, Piece
from session_tui.agents.ggcode.sessions import ID, Sessions
from session_tui.model import CompactPlan, Health, Refusal, Session, Summary

PATIENCE: Final = 0.5
"""Seconds to wait for a lock that a program holds as long as it runs."""
_META: Final = ("type", "session_id", "timestamp", "message")


class Changing(Sessions):
    """Sessions that can be renamed, compacted and taken away under the program's locks."""

    compaction: ClassVar[Mapping[str, object]] = {"keep_system": False}
    """System prompts among the records are copies; the program begins every request with a new one."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._owned = threading.local()

    # ── locks ─────────────────────────────────────────────────────────────────────────────────────────

    def holding(self, session: Session) -> AbstractContextManager[None]:
        """Own the session as the program would."""
        return self.owning(Path(session.path))

    @contextmanager
    def owning(self, path: Path, *, seconds: float = PATIENCE) -> Iterator[None]:
        """Hold the lock of the session at ``path``; once more by the thread that holds it is no matter.

        Raises:
            StoreLocked: the program has the session open.
        """
        lock = path.with_suffix(".lock")
        held: set[Path] = self._owned.__dict__.setdefault("held", set())
        if lock in held:
            yield
            return
        with locks.owning(lock, seconds=seconds):
            held.add(lock)
            try:
                yield
            finally:
                held.discard(lock)

    @staticmethod
    def writing(path: Path, *, newest: bool) -> AbstractContextManager[object]:
        """Hold what newer programs hold while they write to the file at ``path``."""
        return locks.holding(path.with_name(f"{path.name}.flock")) if newest else nullcontext()

    def live(self, session: Session) -> bool | None:
        """Whether another has ``ID.lock``; see `Sessions.live`."""
        held: set[Path] = self._owned.__dict__.get("held", set())
        return False if Path(session.path).with_suffix(".lock") in held else super().live(session)

    # ── what belongs to a session ─────────────────────────────────────────────────────────────────────

    def belongings(self, session: Session) -> Belongings:
        """The file and the entry in the list; the lock files stay, as when the program deletes a session."""
        path = Path(session.path)
        return Belongings(files=(path,), entries=self._entries(path, session.key.id))

    def touched(self, session: Session, plan: CompactPlan) -> Belongings:
        """The same: the file is written anew, the entry gets another time."""
        return self.belongings(session)

    def _entries(self, path: Path, id: str) -> tuple[Entries, ...]:
        listed = path.with_name(INDEX)
        return (Entries(listed, "id", id, index.lock_of(listed)),) if listed.exists() else ()

    # ── a title ───────────────────────────────────────────────────────────────────────────────────────

    def rename(self, session: Session, title: str) -> None:
        """Append a ``meta`` record that repeats all current values but the title, and change the list.

        Raises:
            StoreLocked: the program has the session open.
            StoreError: it could not be written; the session has the title it had.
        """
        path = Path(session.path)
        with self.owning(path):
            reading = Reading(path)
            renamed = {**self.meta(reading, session.key.root, session.key.id), "title": title}
            told = line(record("meta", session.key.id, renamed, newest=reading.is_newest))
            with self.writing(path, newest=reading.is_newest):
                appended.append(path, told)
            listed = self.seed(session.key.id, reading)
            self.list_as(path, session.key.id, reading, lambda entry: {**listed, **entry, "title": title})

    def meta(self, reading: Reading, root: str, id: str) -> dict[str, object]:
        """All current values of a ``meta`` record: those of the last one, what it lacks from the list."""
        listed = self._listings.entries(root).get(id, {})
        names = ("title", "preview", "workspace", "vendor", "endpoint", "model", "created_at", "updated_at")
        values = {name: listed[name] for name in names if listed.get(name)}
        return values | {name: reading.meta[name] for name in reading.meta if name not in _META and reading.meta[name]}

    def list_as(self, path: Path, id: str, reading: Reading, change: Callable[[Record], Record]) -> None:
        """Change the entry of the session in the list."""
        index.patch(path.with_name(INDEX), id, change, locked=reading.is_newest)

    @staticmethod
    def seed(id: str, reading: Reading) -> dict[str, object]:
        """The entry of a session that is not listed yet."""
        meta = reading.meta
        told = {name: meta[name] for name in ("title", "workspace", "vendor", "endpoint", "model") if meta.get(name)}
        now = time(datetime.now(UTC))
        moments = {name: meta.get(name) or now for name in ("created_at", "updated_at")}
        return {"id": id, "title": "", "msg_count": len(reading.entries), **told, **moments}

    # ── a compaction ──────────────────────────────────────────────────────────────────────────────────

    def refuses_compaction(self, session: Session) -> Refusal | None:
        """Where the program has the session open, or could never open it."""
        if not ID.fullmatch(session.key.id):
            return Refusal(f"ggcode does not accept the id {session.key.id!r}", "export it, or hand it off")
        if session.health is Health.UNREADABLE:
            return Refusal("the session cannot be read", "see what `doctor` says of it")
        if self.live(session):
            return Refusal("ggcode has the session open", "close it there and try again")
        return None

    def apply(self, session: Session, plan: CompactPlan, summary: Summary) -> Applied:
        """Arrange the file anew so that the program goes on from the summary and the messages kept.

        Newer stores get the summary as a message with a checkpoint that names it; those of v1.3.33 get a checkpoint
        that holds the summary and the messages kept.
        """
        path, id = Path(session.path), session.key.id
        with self.owning(path):
            newest = Reading(path).is_newest
            with self.writing(path, newest=newest):
                reading = Reading(path)
                if session.size_bytes not in (None, reading.records.status.st_size):
                    raise outdated()
                file = File(id, files.read(path, limit=1 << 40), reading)
                pieces = compacted(file, plan, summary)
                _replace(path, file.written(pieces), reading)
            now = time(datetime.now(UTC))
            self.list_as(path, id, reading, lambda entry: {**entry, "updated_at": now} if entry else entry)
        return Applied(("ggcode --resume", "daemon --resume"), "" if newest else _OLD)


_OLD: Final = (
    "this version of ggcode keeps no locks: close it before, or its next save writes over the compaction; "
    "when it exits it drops the messages that the summary stands for"
)


def _replace(path: Path, data: bytes, reading: Reading) -> None:
    """Write the file in one step, unless somebody wrote to it since it was read."""
    if files.stamp(path) != files.stamp_of(reading.records.status):
        raise outdated()
    old = reading.records.status.st_size
    if not reading.is_newest and data[:old] == files.head(path, old):
        appended.append(path, data[old:])
    else:
        files.write_atomic(path, data)


def compacted(file: File, plan: CompactPlan, summary: Summary) -> list[Piece]:
    """The session's messages once ``summary`` stands behind the last one that it replaces.

    Raises:
        StoreError: they are not those that were planned for.
    """
    active = [piece for piece in file.pieces if not piece.archived]
    said = {piece.id for piece in active if not piece.summary}
    going = {*plan.compact, *plan.carried}
    if said != {*plan.compact, *plan.keep} or not {*plan.carried} <= {piece.id for piece in active if piece.summary}:
        raise outdated()
    id = new_message_id()
    moment = summary.compacted_at or datetime.now(UTC)
    new = file.new(replace(summary_message(replace(summary, id=id)), created_at=moment))
    last = max(number for number, piece in enumerate(file.pieces) if not piece.archived and piece.id in going)
    for piece in active:
        piece.archived = piece.id in going
    return [*file.pieces[: last + 1], new, *file.pieces[last + 1 :]]
