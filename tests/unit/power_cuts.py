"""The changes that power is cut during, over copies of stores of every writable kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from session_tui.adapters.base import Adapter, Deletable, Lockable, World
from session_tui.adapters.revising import Revising
from session_tui.agents.native import Native
from session_tui.compactions import Compactions, CompactOptions
from session_tui.config import CompactionSection, Config
from session_tui.errors import UnknownSession
from session_tui.manager import SessionManager
from session_tui.model import Message, Role, Session, SessionKey, Text, Transcript
from session_tui.progress import Progress
from session_tui.registry import discover
from session_tui.trash import Trash
from session_tui.userdata import UserData
from tests.unit import compactions
from tests.unit.tables import change as changed
from tests.unit.tables import fixture_home

ADAPTERS: Final = discover().adapters
TURNS: Final = 24
BEGUN: Final = datetime(2026, 3, 5, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Store:
    """A store to cut power over: where its programs run and its database lies below the home, and the session that is
    changed. It is filled by its own program's tables, or by our adapter."""

    name: str
    id: str
    cwd: str = "."
    database: str = ""
    fill: Callable[[Path], None] | None = None

    def world(self, home: Path) -> World:
        """The world with this store in it."""
        return World(home=home, environ={}, cwd=home / self.cwd, data_dir=home / "data")

    def adapter(self, home: Path) -> Adapter:
        """The store's adapter."""
        return ADAPTERS[self.name](self.world(home))

    def build(self, home: Path) -> None:
        """Make the store below ``home``."""
        if self.name == "native":
            home.mkdir(parents=True)
        else:
            fixture_home(self.name, home)
        if self.fill is not None:
            self.fill(home / self.database)
            return
        adapter = self.adapter(home)
        assert isinstance(adapter, Revising | Native)
        for id in (self.id, f"{self.id}-beside"):
            adapter.create(Transcript(session=Session(key=SessionKey(self.name, id), title="Tides"), messages=talk()))


def said(turn: int) -> str:
    return f"Turn {turn}: how high does the water stand at the quay?"


def talk() -> list[Message]:
    """A conversation."""
    return [
        Message(
            id=f"m{turn}",
            role=Role.ASSISTANT if turn % 2 else Role.USER,
            blocks=(Text(said(turn)),),
            created_at=BEGUN + timedelta(minutes=turn),
        )
        for turn in range(TURNS)
    ]


def _atmos(database: Path) -> None:
    for message in talk():
        at = f"{message.created_at:%Y-%m-%d %H:%M:%S}.5 -0500 EST"
        statement = "INSERT INTO messages (session_id, role, content, created_at) VALUES (?, ?, ?, ?)"
        changed(database, statement, (STORES["atmos"].id, message.role.value, message.text, at))


def _techne(database: Path) -> None:
    for message in talk():
        at = f"{message.created_at:%Y-%m-%d %H:%M:%S}+02:00"
        content = json.dumps([{"type": "text", "text": message.text}])
        statement = "INSERT INTO messages VALUES (?, ?, ?, ?, '', ?)"
        changed(database, statement, (message.id, STORES["techne"].id, message.role.value, content, at))


def _zima(database: Path) -> None:
    stored = json.dumps({"messages": [{"role": each.role.value, "content": each.text} for each in talk()]})
    changed(database, "UPDATE sessions SET messages = ? WHERE id = ?", (stored, STORES["zima"].id))


STORES: Final = {
    store.name: store
    for store in (
        Store("native", "tides", database="data/sessions.db"),
        Store(
            "atmos",
            "5c1f0a2e-9b1d-4c55-8f10-000000000004",
            "harbour",
            "harbour/.atmos/sessions/sessions.db",
            fill=_atmos,
        ),
        Store("techne", "7e0d1c9a-44f3-4e0e-9a77-000000000005", "orchard", "orchard/.techne/techne.db", fill=_techne),
        Store("zima", "default:telegram:77:attic", database=".zimaos-blue/data/blue.db", fill=_zima),
        Store("ggcode", "20260710-120000-1111222233334444"),
        Store("picoclaw", "agent:main:tides"),
    )
}


# ── the changes ───────────────────────────────────────────────────────────────────────────────────────────


def change(order: Mapping[str, object]) -> Callable[[], object]:
    """The change that is ordered, prepared."""
    store, home = STORES[str(order["store"])], Path(str(order["home"]))
    adapter, id = store.adapter(home), store.id
    match order["action"]:
        case "compact" | "shrink" as action:
            return _compaction(adapter, id, home, shrink=action == "shrink")
        case "delete":
            return _deletion(adapter, id, home)
        case "grow":
            assert isinstance(adapter, Native)
            return lambda: adapter.add_message(adapter.key(id), Message(id="new", role=Role.USER, blocks=(Text("?"),)))
    manager = manager_of(adapter)
    key = manager.key(id)
    acts: dict[object, Callable[[], object]] = {
        "manager compacts": lambda: manager.compact(key),
        "archive": lambda: manager.archive(key),
        "reset": lambda: manager.reset(key),
        "migrate": lambda: SessionManager(Native(adapter.world)).migrate(adapter),
    }
    return acts[order["action"]]


def manager_of(adapter: Adapter) -> SessionManager:
    assert isinstance(adapter, Revising | Native)
    return SessionManager(adapter)


def trash_of(home: Path) -> Trash:
    return Trash(home / "data" / "trash")


def _compaction(adapter: Adapter, id: str, home: Path, *, shrink: bool) -> Callable[[], object]:
    config = Config(compaction=CompactionSection(refresh_memory=False))
    overlay = UserData(home / "data" / "overlay.db")
    writer = Compactions(config, trash_of(home), overlay, {}, [adapter], memory=home / "data" / "memory")
    prepared = writer.prepare(adapter, compactions.read(adapter, id), CompactOptions(target="store", shrink=shrink))
    compaction = prepared.run(Progress())
    return lambda: writer.write(prepared, compaction)


def _deletion(adapter: Adapter, id: str, home: Path) -> Callable[[], object]:
    if isinstance(adapter, Revising | Native):
        manager = SessionManager(adapter)
        return lambda: manager.delete(manager.key(id))
    assert isinstance(adapter, Deletable)
    session = compactions.read(adapter, id).session
    belongings = adapter.belongings(session)

    def delete() -> None:
        with adapter.holding(session) if isinstance(adapter, Lockable) else nullcontext():
            trash_of(home).delete(session.key, session.key.ref, session.title, belongings)

    return delete


# ── looking ───────────────────────────────────────────────────────────────────────────────────────────────

View = tuple[object, ...]


def view(adapter: Adapter, id: str) -> View | None:
    """What a session says, ``None`` when it is not there. Whether it counts as being compacted is left out: that is
    set right when the next manager looks."""
    try:
        transcript = compactions.read(adapter, id)
    except (StopIteration, UnknownSession):
        return None
    session = transcript.session
    messages = [(m.role, compactions.shown(m), m.archived, m.is_summary) for m in transcript.messages]
    state = session.state.value if session.state.value == "archived" else ""
    return (session.title, state, session.health, messages, [each.content for each in transcript.summaries])


def views(adapter: Adapter) -> dict[str, View | None]:
    """All sessions there are."""
    ids = {source.key.id for root in adapter.roots() for source in adapter.scan(root)}
    return {id: view(adapter, id) for id in ids}


def version_one(database: Path) -> None:
    """Make our own database what it was after the first step of its schema."""
    import sqlite3

    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("DROP TABLE records")
        opened.execute("ALTER TABLE sessions DROP COLUMN unknown_records")
        opened.execute("DELETE FROM _sqlite_migrations WHERE name = 'telemetry'")
        opened.execute("PRAGMA user_version = 1")
