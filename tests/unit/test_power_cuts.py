"""Power is cut at random points of every change: each store holds the old or the new state and loses no message.

Points are drawn in three ways: in time over the whole change, among the calls of Python and the steps of SQLite's
machine, and among the bytes that are written. What draws them is seeded by the case, so that a failure can be
repeated but for those in time.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from session_tui.adapters.base import Adapter, Lockable
from session_tui.agents.native import Native
from session_tui.manager import SessionManager
from session_tui.model import SessionKey, SessionState
from session_tui.userdata import UserData
from tests.unit import compactions
from tests.unit.killing import Cut, Forker, Life, forker
from tests.unit.power_cuts import STORES, TURNS, Store, View, manager_of, said, trash_of, version_one, view, views

DATABASES = ("native", "atmos", "techne", "zima")
FILES = ("ggcode", "picoclaw")
MANAGED = ("native", *FILES)
EACH = 4
"""Rounds of each way to draw a point, for each change of each store."""


@pytest.fixture(scope="module")
def process() -> Iterator[Forker]:
    with forker("tests.unit.power_cuts") as process:
        yield process


@dataclass
class Field:
    """A store that one change is made of again and again, each time on a fresh copy at the same place."""

    process: Forker
    store: Store
    action: str
    place: Path

    def __post_init__(self) -> None:
        self.random = random.Random(f"{self.store.name} {self.action}")
        self.store.build(self.home)
        if self.action == "grow":
            version_one(self.home / self.store.database)
        shutil.copytree(self.place, self.template)
        self.old = self.seen()
        self.raw = self.stored()
        self.order = {"store": self.store.name, "action": self.action, "home": str(self.home)}

    @property
    def home(self) -> Path:
        return self.place / "home"

    @property
    def template(self) -> Path:
        return self.place.with_name(f"{self.place.name}-template")

    @property
    def adapter(self) -> Adapter:
        return self.store.adapter(self.home)

    def seen(self) -> dict[str, View | None]:
        return views(Native(self.adapter.world) if self.action == "migrate" else self.adapter)

    def stored(self) -> object:
        """Every row with its storage classes, but for the numbers SQLite hands out; or the bytes of every file. What is
        ours beside it, and left-over files that no program takes for one of its own, are left out."""
        if self.store.database:
            found = compactions.dump(self.home / self.store.database)
            return {table: rows for table, rows in found.items() if table != "sqlite_sequence"}
        files = (path for path in sorted(self.home.rglob("*")) if path.is_file() and not path.name.startswith(".tmp-"))
        return {
            str(path.relative_to(self.home)): path.read_bytes()
            for path in files
            if not path.is_relative_to(self.home / "data") and path.suffix not in {".lock", ".flock"}
        }

    def rounds(self) -> Iterator[str]:
        """Have the change made, then again and again with power cut; says each time how, once it is."""
        self.process.warm_up(self.order)
        whole = self.run(Cut())
        self.new = self.seen()
        assert self.action == "grow" or self.old != self.new
        size = max(path.stat().st_size for path in self.place.rglob("*") if path.is_file())
        moments = self.run(Cut.never()).moments
        for cut in self.cuts(whole.seconds, moments, size):
            life = self.run(cut)
            self.check_opens()
            yield f"{self.store.name} {self.action}: {cut}, {life}"

    def cuts(self, seconds: float, moments: int, size: int) -> Iterator[Cut]:
        """Before anything is done, when all but the last is, and at random points between."""
        yield from (Cut(moment=1), Cut(moment=moments - 1))
        for _ in range(EACH):
            yield Cut(seconds=self.random.uniform(0, seconds))
            yield Cut(moment=self.random.randint(1, moments))
            yield Cut(size=int(size * self.random.random() ** 2))

    def run(self, cut: Cut) -> Life:
        """Have the change made of a fresh copy."""
        shutil.rmtree(self.place)
        shutil.copytree(self.template, self.place)
        life = self.process.run(self.order, cut)
        assert life.killed or not cut.moment or life.moments < cut.moment, cut
        # A single write that is cut short looks like a full disk, which is told and taken back.
        assert not life.error or (cut.size is not None and "no space left" in life.error), life
        return life

    def check_opens(self) -> None:
        if self.store.database:
            with closing(sqlite3.connect(self.home / self.store.database)) as database:
                assert [("ok",)] == database.execute("PRAGMA integrity_check").fetchall()
                assert [] == database.execute("PRAGMA foreign_key_check").fetchall()
        adapter = self.adapter
        if isinstance(adapter, Native):
            assert [] == [problem for root in adapter.roots() for problem in adapter.check(root)]

    def undo(self) -> int:
        """Take back what was cut off, and undo what the trash holds; says how much that was."""
        trash = trash_of(self.home)
        undone = len(trash.recover())
        for item in trash.items():
            assert item.key == self.restored(item.trash_id)
            undone += 1
        folder = self.home / "data" / "trash"
        assert not folder.exists() or [".lock"] == [path.name for path in folder.iterdir()]
        return undone

    def restored(self, id: str) -> object:
        adapter = self.adapter
        there = view(adapter, self.store.id) is not None
        session = compactions.read(adapter, self.store.id).session if there else None
        with adapter.holding(session) if session and isinstance(adapter, Lockable) else nullcontext():
            return trash_of(self.home).restore(id)


@pytest.mark.parametrize(
    ("store", "action"), [*((name, "compact") for name in (*DATABASES, *FILES)), ("techne", "shrink")]
)
def test_a_compaction_is_done_or_not_and_can_be_undone(
    process: Forker, tmp_path: Path, store: str, action: str
) -> None:
    field = Field(process, STORES[store], action, tmp_path / "place")
    met = set()

    for name in field.rounds():
        now = field.seen()
        assert now in (field.old, field.new), name
        met.add(now == field.new)
        assert UserData(field.home / "data" / "overlay.db").compactions(SessionKey(store, "other")) == (), name
        undone = field.undo()
        assert undone or now == field.old, name
        assert field.raw == field.stored(), name

    assert {False, True} == met


@pytest.mark.parametrize("store", [*DATABASES, *FILES])
def test_a_deletion_is_done_or_not_and_can_be_undone(process: Forker, tmp_path: Path, store: str) -> None:
    field = Field(process, STORES[store], "delete", tmp_path / "place")

    for name in field.rounds():
        trash = trash_of(field.home)
        trash.recover()
        now = field.seen()
        assert now in (field.old, field.new), name
        assert trash.items() or now == field.old, name
        field.undo()
        assert (field.raw, field.old) == (field.stored(), field.seen()), name


@pytest.mark.parametrize("store", MANAGED)
def test_a_session_is_archived_or_not(process: Forker, tmp_path: Path, store: str) -> None:
    field = Field(process, STORES[store], "archive", tmp_path / "place")

    for name in field.rounds():
        assert field.seen() in (field.old, field.new), name
        manager = manager_of(field.adapter)
        manager.archive(manager.key(field.store.id))
        assert field.new == field.seen(), name


@pytest.mark.parametrize("store", MANAGED)
def test_a_session_is_reset_or_not_and_that_can_be_undone(process: Forker, tmp_path: Path, store: str) -> None:
    field = Field(process, STORES[store], "reset", tmp_path / "place")

    for name in field.rounds():
        assert field.seen() in (field.old, field.new), name
        field.undo()
        assert field.old == field.seen(), name


@pytest.mark.parametrize("store", MANAGED)
def test_a_managers_compaction_archives_what_its_summary_stands_for(
    process: Forker, tmp_path: Path, store: str
) -> None:
    field = Field(process, STORES[store], "manager compacts", tmp_path / "place")

    for name in field.rounds():
        assert field.seen() in (field.old, field.new), name
        manager = manager_of(field.adapter)
        manager.recover()
        assert SessionState.ACTIVE is manager.require(manager.key(field.store.id)).state, name
        assert field.seen() in (field.old, field.new), name


def test_a_schema_grows_a_step_or_stays_and_keeps_every_message(process: Forker, tmp_path: Path) -> None:
    field = Field(process, STORES["native"], "grow", tmp_path / "place")
    database = field.home / field.store.database

    for name in field.rounds():
        assert field.seen() in (field.old, field.new), name
        for copy in database.parent.glob("backups/[!.]*.db"):
            with closing(sqlite3.connect(copy)) as opened:
                assert [("ok",)] == opened.execute("PRAGMA integrity_check").fetchall(), name
                assert [(1,)] == opened.execute("PRAGMA user_version").fetchall(), name
                assert [(TURNS * 2,)] == opened.execute("SELECT COUNT(*) FROM messages").fetchall(), name
        manager = manager_of(field.adapter)
        manager.rename(manager.key(field.store.id), "Grown")
        assert [said(turn) for turn in range(TURNS)] == [
            message.text for message in manager.messages(manager.key(field.store.id))
        ][:TURNS], name
        with closing(sqlite3.connect(database)) as opened:
            assert [(2,)] == opened.execute("PRAGMA user_version").fetchall(), name


@pytest.mark.parametrize("store", FILES)
def test_sessions_move_into_our_own_store_whole_and_once(process: Forker, tmp_path: Path, store: str) -> None:
    field = Field(process, STORES[store], "migrate", tmp_path / "place")

    for name in field.rounds():
        assert field.seen().items() <= field.new.items(), name
        assert field.raw == field.stored(), name
        SessionManager(Native(field.adapter.world)).migrate(field.adapter)
        assert field.new == field.seen(), name
