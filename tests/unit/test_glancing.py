"""A first glance shows the sessions changed last, of whatever can be read at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest

from session_tui.adapters import files
from session_tui.adapters.base import Adapter, Root, Source, World, changed
from session_tui.errors import StoreError
from session_tui.glancing import glance
from session_tui.library import Library
from session_tui.model import Session, SessionKey, SessionKind, Transcript
from session_tui.registry import Registry, discover, usual
from tests.fixture_homes import AGENTS, build

START = datetime(2026, 5, 1, tzinfo=UTC).timestamp()


class Shelf(Adapter):
    """Sessions ``s1``, ``s2``… of the hours given."""

    name = "shelf"
    label = "Shelf"
    hours: tuple[int, ...] = (1, 4, 2, 3)
    read_ids: list[str]

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.read_ids = []

    def roots(self) -> Sequence[Root]:
        return [Root(Path("/shelf"))]

    def scan(self, root: Root) -> Iterator[Source]:
        for hour in self.hours:
            moment = datetime.fromtimestamp(START + 3600 * hour, UTC)
            yield Source(SessionKey(self.name, f"s{hour}", "/shelf"), f"/shelf/{hour}", "1", moment)

    def head(self, source: Source) -> Session:
        self.read_ids.append(source.key.id)
        kind = SessionKind.SUBAGENT if source.key.id == "s4" else SessionKind.MAIN
        return Session(key=source.key, updated_at=source.updated_at, kind=kind, path=source.path)

    def read(self, source: Source) -> Transcript:
        return Transcript(session=self.head(source))


class OtherShelf(Shelf):
    name = "other"
    hours = (9, 0)


class Locked(Shelf):
    name = "locked"

    def scan(self, root: Root) -> Iterator[Source]:
        raise StoreError("permission denied", where="/shelf")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, {}, tmp_path, tmp_path / "data")


def is_main(session: Session) -> bool:
    return session.kind is SessionKind.MAIN


def test_the_newest_of_all_stores_come_first(world: World) -> None:
    seen = glance([Shelf(world), OtherShelf(world)], 3, lambda _: True)

    assert ["s9", "s4", "s3"] == [session.key.id for _, session in seen]
    assert [session.key for _, session in seen] == [source.key for source, _ in seen]


def test_what_is_not_listed_makes_room_for_older_ones(world: World) -> None:
    assert ["s3", "s2"] == [session.key.id for _, session in glance([Shelf(world)], 2, is_main)]


def test_only_the_heads_that_are_shown_are_read(world: World) -> None:
    shelf = Shelf(world)

    glance([shelf], 2, lambda _: True)

    assert ["s4", "s3"] == shelf.read_ids


def test_a_store_that_cannot_be_listed_costs_only_itself(world: World) -> None:
    seen = glance([Locked(world), OtherShelf(world)], 5, lambda _: True)

    assert ["s9", "s0"] == [session.key.id for _, session in seen]


def test_files_modified_last_come_first_and_nothing_but_files(tmp_path: Path) -> None:
    for place, name in enumerate(("old.jsonl", "new.jsonl", "newest.txt", "middle.jsonl")):
        (tmp_path / name).write_text("{}")
        os.utime(tmp_path / name, (START, START + (0, 9, 10, 5)[place]))
    (tmp_path / "folder.jsonl").mkdir()

    found = files.newest([tmp_path], ".jsonl", 3)

    assert ["new.jsonl", "middle.jsonl"] == [Path(path).name for path, _ in found if not path.endswith("r.jsonl")][:2]
    assert "folder.jsonl" not in {Path(path).name for path, _ in found}


@pytest.mark.parametrize("agent", AGENTS)
def test_a_glance_at_usual_places_shows_what_a_whole_look_shows(agent: str, tmp_path: Path) -> None:
    home = build(agent, tmp_path)
    library = Library(home.world)
    whole = {session.key: session for session in library.refresh().sessions}
    early = {adapter.name: adapter for adapter in usual(home.world)}
    if agent not in early:
        pytest.skip("it has no usual places")

    seen = glance(early.values(), 500, lambda _: True)

    assert whole == {session.key: session for _, session in seen}
    assert all(source.stamp == library.source(source.key).stamp for source, _ in seen)


@pytest.mark.parametrize("agent", AGENTS)
def test_the_newest_sources_are_those_that_a_scan_gives(agent: str, tmp_path: Path) -> None:
    home = build(agent, tmp_path)
    adapter = discover().adapters[agent](home.world)

    for root in adapter.roots():
        scanned = sorted(adapter.scan(root), key=lambda source: source.key.id)
        assert scanned == sorted(adapter.newest(root, 1000), key=lambda source: source.key.id)
        assert len(adapter.newest(root, 1)) == min(1, len(scanned))


@pytest.mark.parametrize("agent", sorted(set(discover().adapters) - {"native", "memory"}))
def test_what_reads_at_first_looks_like_its_adapter(agent: str) -> None:
    package = import_module(f"session_tui.agents.{agent}")
    whole = discover().adapters[agent]

    module, _, kind = package.USUAL.reader.partition(":")
    reader = getattr(import_module(f"{package.__name__}.{module}"), kind)

    assert (agent, whole.label, whole.mark, whole.color) == (reader.name, reader.label, reader.mark, reader.color)


def test_a_home_without_stores_is_not_looked_into(world: World) -> None:
    assert [] == list(usual(world))


def test_a_library_lists_what_was_glanced_at_and_can_open_it(world: World) -> None:
    seen = glance([Shelf(world)], 2, is_main)
    library = Library(world, registry=Registry({"shelf": Shelf}), glanced=seen)

    shown = library.snapshot()

    assert ["s3", "s2"] == [session.key.id for session in shown]
    assert "s3" == library.open(shown[0].key).session.key.id


def test_the_newest_are_told_of_before_the_whole_look_ends(world: World) -> None:
    library = Library(world, registry=Registry({"shelf": Shelf, "other": OtherShelf}))
    told: list[list[str]] = []

    library.refresh(each=lambda sessions: told.append([session.key.id for session in sessions]))

    assert ["s9", "s4", "s3", "s2", "s1", "s0"] == told[0]


def test_an_unknown_time_is_the_oldest() -> None:
    assert changed(Source(SessionKey("s", "1"), "", "")) == 0.0
