"""Everything hidden in a home is found again, whatever it is and however deep it lies, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from session_tui.index.store import SessionCache
from session_tui.library import Library
from session_tui.progress import Progress
from session_tui.query import parse
from tests.bench.conversations.corpus import Manifest, Shape, build, manifest_of, outlines
from tests.bench.conversations.needles import Needle
from tests.bench.conversations.recall import recall
from tests.unit.searching import world

SHAPE = Shape(sessions=60, seed=11, median=12_000, spread=1.2, giant=2_000_000, needles=4, tape=400_000)
NEEDLES = outlines(SHAPE)[1]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recall") / "home"
    build(folder, SHAPE)
    return folder


@pytest.fixture(scope="module")
def library(home: Path) -> Library:
    library = Library(world(home), cache=SessionCache(home / ".cache/sessions.db"), stores=("claude", "codex"))
    library.searches.refresh(library.refresh().found, Progress())
    library.searches.searcher.update_vocabulary()
    return library


def found(library: Library, text: str) -> set[str]:
    sessions = library.searches.sessions(parse(text), library.catalog.sessions)
    return {session.key.id for session, _ in sessions}


@pytest.mark.parametrize("kind", dict.fromkeys(needle.kind for needle in NEEDLES))
def test_every_needle_is_found_in_every_session_that_holds_it_and_in_no_other(library: Library, kind: str) -> None:
    needles = [needle for needle in NEEDLES if needle.kind == kind]

    told = recall(needles, lambda text: found(library, text))[kind]

    assert [] == told.missed
    assert 0 == told.decoys
    assert [set(needle.expect) for needle in needles] == [found(library, needle.query) for needle in needles]


@pytest.mark.parametrize("needle", NEEDLES, ids=[f"{needle.kind}: {needle.query[:12]}" for needle in NEEDLES])
def test_a_hit_leads_to_a_place_that_shows_the_needle(library: Library, needle: Needle) -> None:
    sessions = [session for session in library.catalog.sessions if session.key.id in needle.expect]

    hits = library.searches.hits(parse(needle.query), sessions, limit=50).hits

    assert set(needle.expect) == {hit.key.id for hit in hits}
    assert all(hit.spans for hit in hits)
    assert all(hit.index is not None for hit in hits if hit.part != "title")


def test_the_same_shape_makes_the_same_home(home: Path, tmp_path: Path) -> None:
    again = build(tmp_path / "home", SHAPE, processes=2)
    manifest: Manifest = manifest_of(home)

    assert manifest == again
    for session in manifest.sessions:
        assert (home / session.path).read_bytes() == (tmp_path / "home" / session.path).read_bytes()
