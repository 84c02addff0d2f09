"""Sessions to be searched, as agents leave them: a home with JSON Lines sessions and a database of our own."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from session_tui.adapters.base import World
from session_tui.catalog import Found
from session_tui.config import Config
from session_tui.library import Library
from session_tui.model import Session
from session_tui.progress import Progress
from session_tui.query import parse
from session_tui.searches import Searches

Row = dict[str, object]


def world(home: Path) -> World:
    """The world of a person whose home is ``home``."""
    return World(home=home, environ={"HOME": str(home)}, cwd=home, data_dir=home / ".data")


def session_id(number: int) -> str:
    """The id of a session of these tests."""
    return str(uuid.UUID(int=number + 1, version=4))


def said(role: str, text: str, number: int = 0) -> Row:
    """A record in which somebody says something."""
    return _record(role, {"role": role, "content": text}, number)


def thought(text: str, number: int = 0) -> Row:
    """A record of a model's reasoning."""
    return _record("assistant", {"role": "assistant", "content": [{"type": "thinking", "thinking": text}]}, number)


def called(tool: str, given: Row, number: int = 0) -> Row:
    """A record of a tool call."""
    call = {"type": "tool_use", "id": f"t{number}", "name": tool, "input": given}
    return _record("assistant", {"role": "assistant", "content": [call]}, number)


def gave(text: str, number: int = 0, *, is_error: bool = False) -> Row:
    """A record of what a tool gave back."""
    result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": text, "is_error": is_error}
    return _record("user", {"role": "user", "content": [result]}, number)


def _record(kind: str, message: Row, number: int) -> Row:
    id = str(uuid.uuid4())
    minute = f"2026-07-01T08:{number // 60 % 60:02}:{number % 60:02}.000Z"
    return {"type": kind, "uuid": id, "parentUuid": None, "cwd": "/srv/mill", "timestamp": minute, "message": message}


def lines(records: Sequence[Row]) -> bytes:
    """Records as they stand in a file, each a line."""
    return b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)


def write(home: Path, number: int, *records: Row) -> Path:
    """A session of these records."""
    path = home / ".claude/projects/-srv-mill" / f"{session_id(number)}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lines(records))
    return path


class Desk:
    """A library over a home, and searches over it."""

    def __init__(self, home: Path, config: Config | None = None) -> None:
        self.home = home
        self.library = Library(world(home))
        self.searches = Searches(
            home / ".cache/index",
            self.library.world,
            {name: self.library.adapter_of(name) for name in ("claude", "codex", "native")},
            config or Config(),
            source=self.library.source,
            opened=self.library.open,
        )

    @property
    def found(self) -> tuple[Found, ...]:
        """What the stores hold now."""
        return self.library.refresh().found

    def refresh(self, *, rebuild: bool = False, committed: Callable[[], None] = lambda: None) -> tuple[int, int, int]:
        """Bring the index up to date; returns how many were read, kept and dropped."""
        outcome = self.searches.refresh(self.found, Progress(), rebuild=rebuild, committed=committed)
        return outcome.read, outcome.kept, outcome.dropped

    @property
    def sessions(self) -> tuple[Session, ...]:
        """All sessions."""
        return self.library.catalog.sessions

    def find(self, text: str, *, work: bool = True) -> list[int]:
        """The numbers of the sessions that answer, in order."""
        numbers = {session_id(number): number for number in range(200)}
        found = self.searches.sessions(parse(text), self.sessions, work=work)
        return [numbers.get(session.key.id, -1) for session, _ in found]
