"""What can be done to a session that the program wrote: a compaction, and taking it away.

The program has no locks. Those of this package that write take turns by a ``flock`` on the directory, which leaves
no file there: the program takes any further ``*.json`` file for a session.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from threading import local
from typing import ClassVar, Final

from session_tui.adapters import files, locks, times
from session_tui.adapters.base import Applied, Belongings, World
from session_tui.adapters.conversation import Record
from session_tui.adapters.rows import text
from session_tui.adapters.writing import outdated
from session_tui.agents.picoclaw import encoding
from session_tui.agents.picoclaw.reading import LINE_LIMIT, LINES, Reading
from session_tui.agents.picoclaw.sessions import LEGACY, META, Sessions, meta_of
from session_tui.errors import StoreDamaged
from session_tui.model import CompactPlan, Refusal, Session, Summary

PATIENCE: Final = 10.0
"""Seconds to wait for another process that writes to the same workspace."""
FILE_MODE: Final = 0o644
NOTE: Final = (
    "PicoClaw drops the messages left out for good at its next save; from then on the copy in the trash holds them. "
    "No lock keeps a running gateway away: close it before"
)
_UNHEARD: Final = "PicoClaw can leave out the oldest messages alone"


class Changing(Sessions):
    """Sessions that can be compacted and taken away."""

    compaction: ClassVar[Mapping[str, object]] = {
        "trigger_threshold": 0.75,
        "max_messages": 20,
        "message_threshold": 1.0,
        "compact_ratio": 1.0,
        "preserve_recent": 4,
        "turn_aligned": True,
        "keep_system": False,
        "default_window": 131_072,
    }
    """More than about 20 messages or three quarters of the window; from the fourth-last message back to the request
    before it everything stays."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._turns = local()

    # ── locks ─────────────────────────────────────────────────────────────────────────────────────────

    def holding(self, session: Session) -> AbstractContextManager[None]:
        """Keep other writers of this package away from the session's directory."""
        return self.taking_turns(Path(session.path).parent)

    @contextmanager
    def taking_turns(self, folder: Path) -> Iterator[None]:
        """Hold the turn in ``folder``; once more by the thread that holds it is no matter.

        Raises:
            StoreLocked: another process held it for too long.
        """
        held: set[Path] = self._turns.__dict__.setdefault("held", set())
        with nullcontext() if folder in held else locks.holding(folder, seconds=PATIENCE):
            own = folder not in held
            held.add(folder)
            try:
                yield
            finally:
                if own:
                    held.discard(folder)

    # ── what belongs to a session ─────────────────────────────────────────────────────────────────────

    def belongings(self, session: Session) -> Belongings:
        """The lines, the meta file and a legacy file of the same name, as far as they are there."""
        path = Path(session.path)
        if not path.name.endswith((LINES, LEGACY)) or path.name.endswith(META):
            return Belongings(files=(path,))
        lines = path.with_suffix(LINES)
        return Belongings(
            files=tuple(each for each in (lines, meta_of(lines), path.with_suffix(LEGACY)) if each.exists())
        )

    def touched(self, session: Session, plan: CompactPlan) -> Belongings:
        """The meta file, and the lines, which the program shortens at its next save."""
        path = Path(session.path)
        return Belongings(files=(path, meta_of(path)))

    # ── a compaction ──────────────────────────────────────────────────────────────────────────────────

    def refuses_compaction(self, session: Session) -> Refusal | None:
        """Where the program would not read what is written: sessions of before v0.2.2, broken meta files."""
        path = Path(session.path)
        if path.suffix != LINES:
            return Refusal("the session is in the format of an older PicoClaw", "start PicoClaw once: it takes it in")
        if self.held(path) is None:
            return Refusal("its meta file cannot be read, and PicoClaw cannot open it either", "mend or remove it")
        return None

    def apply(self, session: Session, plan: CompactPlan, summary: Summary) -> Applied:
        """Put the summary and the number of lines to leave out into the meta file, in one replacement."""
        path = Path(session.path)
        with self.taking_turns(path.parent):
            held = self.meta(path)
            reading = Reading(path, held)
            if session.size_bytes not in (None, reading.records.status.st_size):
                raise outdated()
            told = _compacted(reading, held, plan, summary, str(path))
            now = times.rfc3339_local(datetime.now(UTC))
            whole = {"key": session.key.id, "created_at": now, **held, **told, "updated_at": now}
            files.write_atomic(meta_of(path), encoding.meta(whole), mode=FILE_MODE)
        return Applied(("picoclaw agent", "picoclaw gateway"), NOTE)

    def meta(self, path: Path) -> Record:
        """What the meta file says; empty where there is none.

        Raises:
            StoreDamaged: it cannot be read; the program then refuses to write to the session as well.
        """
        held = self.held(path)
        if held is None:
            raise StoreDamaged("the meta file cannot be read", where=str(meta_of(path)), hint="mend or remove it")
        return held


def _compacted(reading: Reading, held: Record, plan: CompactPlan, summary: Summary, where: str) -> Record:
    """What the meta file is to say other than before.

    Raises:
        StoreError: the messages are not those that were planned for, or not the oldest.
    """
    active = [entry for entry in reading.entries if not entry.archived]
    said = {entry.id for entry in active if not entry.summary}
    carried = {entry.id for entry in active if entry.summary}
    if said != {*plan.compact, *plan.keep} or not {*plan.carried} <= carried:
        raise outdated()
    if any(line.length > LINE_LIMIT for line in reading.records.lines()):
        raise StoreDamaged("a line is longer than PicoClaw can read", where=where)
    skip = min((int(id) for id in plan.keep), default=reading.raw_lines)
    if any(int(id) >= skip for id in plan.compact):
        raise StoreDamaged(_UNHEARD, where=where, hint="plan it without keeping earlier messages")
    earlier = text(held.get("summary")) if carried - {*plan.carried} else ""
    content = f"{earlier}\n\n{summary.content}" if earlier else summary.content
    return {"summary": content, "skip": skip, "count": reading.raw_lines}
