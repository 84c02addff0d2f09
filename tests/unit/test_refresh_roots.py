"""Looking again at some roots alone takes in what changed there, and reads nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from session_tui.adapters.base import Root, Source, World
from session_tui.library import Library
from session_tui.model import SessionKey
from session_tui.registry import Registry
from tests.unit import diary
from tests.unit.diary import Diary


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "diary"
    diary.write(folder, "parser", title="Fix the parser", day=3)
    diary.write(folder, "garden", title="Garden", day=1)
    return folder


@pytest.fixture
def library(folder: Path) -> Library:
    home = folder.parent
    world = World(home=home, environ={}, cwd=home, data_dir=home / "data")
    return Library(world, registry=Registry({"diary": Diary}))


def anywhere(*roots: Root) -> dict[Root, frozenset[str]]:
    """That something below the roots changed."""
    return {root: frozenset({str(root.path)}) for root in roots}


def test_other_roots_are_not_looked_at(library: Library, folder: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    diary.write(project / ".diary", "boat", title="Boat")
    diary.write(folder, "parser", title="Fix the parser", day=3, project=str(project))
    found = {hit.root.origin: hit.root for hit in library.refresh().found}
    diary.write(folder, "garden", title="Roses", day=1)
    diary.write(project / ".diary", "boat", title="A bigger boat")

    library.refresh_roots(anywhere(found["project"]))

    assert ["A bigger boat", "Fix the parser", "Garden"] == sorted(one.title for one in library.catalog.sessions)


def test_what_did_not_change_stays_the_same_object(library: Library, folder: Path) -> None:
    before = {session.key.id: session for session in library.refresh().sessions}
    diary.write(folder, "garden", title="Roses", day=9)

    news = library.refresh_roots(anywhere(*(hit.root for hit in library.catalog.found)))

    after = library.catalog.sessions
    assert ["Roses", "Fix the parser"] == [session.title for session in after]
    assert after[1] is before["parser"]
    assert {before["garden"].key} == news.keys
    assert [["garden"]] == [[source.key.id for source in hit.sources] for hit in news.differing()]


def test_a_root_that_cannot_be_listed_any_more_keeps_its_sessions(library: Library, folder: Path) -> None:
    before = library.refresh()
    (folder / "fails").write_text("")

    news = library.refresh_roots(anywhere(*(hit.root for hit in before.found)))

    assert (frozenset(), before.sessions) == (news.gone, library.catalog.sessions)
    assert ["the folder cannot be listed"] == [problem.what for problem in library.catalog.problems]


def test_a_session_is_opened_as_it_is_after_a_partial_look(library: Library, folder: Path) -> None:
    root = library.refresh().found[0].root
    (folder / "garden.diary").unlink()
    diary.write(folder, "kettle", title="Kettle", texts=["it boils"])

    news = library.refresh_roots(anywhere(root))

    kettle, garden = (SessionKey("diary", id, str(root.path)) for id in ("kettle", "garden"))
    assert {kettle, garden} == news.keys
    assert ["it boils"] == [message.text for message in library.open(kettle).messages]
    assert [hit.complete for hit in news.differing()] == [True]


class Hasty(Diary):
    """Tells which files were written last without looking at all; counts the looks at all."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.scans = 0

    def scan(self, root: Root) -> Iterator[Source]:
        self.scans += 1
        yield from super().scan(root)

    def newest(self, root: Root, limit: int) -> Sequence[Source]:
        return sorted(super().scan(root), key=lambda source: Path(source.path).stat().st_mtime_ns)[-limit:]


def test_where_only_known_files_grew_not_all_are_looked_at(folder: Path) -> None:
    home = folder.parent
    library = Library(World(home, {}, home, home / "data"), registry=Registry({"diary": Hasty}))
    root = library.refresh().found[0].root
    file = diary.write(folder, "garden", title="Roses", day=1)
    hasty = library.adapter_of("diary")
    assert isinstance(hasty, Hasty)
    before = hasty.scans

    library.refresh_roots({root: frozenset({str(file)})})

    assert ["Fix the parser", "Roses"] == [session.title for session in library.catalog.sessions]
    assert 0 == hasty.scans - before


def test_a_known_file_that_is_gone_is_missed(library: Library, folder: Path) -> None:
    root = library.refresh().found[0].root
    (folder / "garden.diary").unlink()

    library.refresh_roots({root: frozenset({str(folder / "garden.diary")})})

    assert ["Fix the parser"] == [session.title for session in library.catalog.sessions]
