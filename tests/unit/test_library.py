"""The one door: lists across stores, opens, resolves and resumes; whatever fails costs only itself."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from session_tui.adapters.base import Source, World
from session_tui.config import Config, ExcludeSection, StoreSection
from session_tui.diagnosis import check
from session_tui.errors import AmbiguousRef, Cancelled, UnknownSession, UnknownStore
from session_tui.index.store import SessionCache
from session_tui.library import Library
from session_tui.model import Health, Launch, Refusal, Session
from session_tui.progress import Progress
from session_tui.registry import Registry
from tests.unit import diary
from tests.unit.diary import Diary


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    diary.write(folder / "diary", "first", day=1, project=str(tmp_path / "work"))
    diary.write(folder / "diary", "second", day=3, texts=["one", "two"])
    diary.write(folder / "diary", "third", day=2, title="Über Äpfel", kind="subagent")
    return folder


def world_of(home: Path) -> World:
    return World(home=home, environ={"PATH": str(home / "bin")}, cwd=home, data_dir=home / "data")


Places = dict[str, tuple[Path, ...]]


def library_of(
    home: Path,
    *,
    config: Config | None = None,
    cache: bool = False,
    given: Places | None = None,
    configured: Places | None = None,
) -> Library:
    store = SessionCache(home / "cache" / "sessions.db") if cache else None
    world = replace(world_of(home), given=given or {}, configured=configured or {})
    return Library(world, config=config, cache=store, registry=Registry({"diary": Diary}))


def ids(sessions: object) -> list[str]:
    assert isinstance(sessions, tuple | list)
    return [session.key.id for session in sessions]


def test_sessions_of_all_roots_are_listed_newest_first(home: Path) -> None:
    library = library_of(home)

    library.refresh()

    assert ["second", "third", "first"] == ids(library.catalog.sessions)


def test_pages_leave_out_sub_agents_and_tell_the_total(home: Path) -> None:
    library = library_of(home)
    library.refresh()

    page = library.page(limit=1)

    assert (["second"], 2) == (ids(page.sessions), page.total)
    assert ["first"] == ids(library.page(limit=1, offset=1).sessions)
    assert 3 == library.page(limit=None, subagents=True).total


def test_a_query_narrows_the_page(home: Path) -> None:
    library = library_of(home)
    library.refresh()

    assert ["third"] == ids(library.page("uber apfel", subagents=True).sessions)


def test_sorting_by_messages_reads_what_the_heads_do_not_know(home: Path) -> None:
    library = library_of(home)
    library.refresh()

    assert ["second", "first"] == ids(library.page(sort="messages").sessions)


def test_a_project_that_a_session_names_is_looked_into(home: Path, tmp_path: Path) -> None:
    diary.write(tmp_path / "work" / ".diary", "inner", day=9)
    library = library_of(home)

    library.refresh()

    assert "inner" == library.catalog.sessions[0].key.id


def test_given_roots_replace_all_others(home: Path, tmp_path: Path) -> None:
    diary.write(tmp_path / "backup", "old")
    library = library_of(home, given={"diary": (tmp_path / "backup",)})

    library.refresh()

    assert ["old"] == ids(library.catalog.sessions)


def test_a_given_root_without_sessions_is_told(home: Path, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    library = library_of(home, given={"diary": (tmp_path / "nothing",)})

    catalog = library.refresh()

    assert ["no diary sessions there"] == [problem.what for problem in catalog.problems]


def test_configured_roots_are_added(home: Path, tmp_path: Path) -> None:
    diary.write(tmp_path / "more", "added", day=8)
    library = library_of(home, configured={"diary": (tmp_path / "more",)})

    library.refresh()

    assert {"added", "first", "second", "third"} == set(ids(library.catalog.sessions))


def test_a_root_that_fails_keeps_what_it_gave_and_is_told(home: Path) -> None:
    (home / "diary" / "fails").touch()
    library = library_of(home)

    catalog = library.refresh()

    assert [] == ids(catalog.sessions)
    assert ["the folder cannot be listed"] == [problem.what for problem in catalog.problems]
    assert not catalog.found[0].complete


def test_an_unreadable_session_is_listed_as_unreadable(home: Path) -> None:
    (home / "diary" / "broken.diary").write_text("not json\n")
    library = library_of(home)

    library.refresh()

    broken = library.resolve("broken")
    assert Health.UNREADABLE == broken.health
    assert str(home / "diary" / "broken.diary") == broken.problems[0].path
    assert 4 == len(library.catalog.sessions)


def test_excluded_projects_and_stores_are_left_out(home: Path, tmp_path: Path) -> None:
    without_project = Config(exclude=ExcludeSection(projects=(str(tmp_path / "work"),)))
    without_store = Config(exclude=ExcludeSection(stores=("diary",)))
    disabled = Config(stores={"diary": StoreSection(enabled=False)})

    assert "first" not in ids(library_of(home, config=without_project).refresh().sessions)
    assert [] == ids(library_of(home, config=without_store).refresh().sessions)
    assert [] == ids(library_of(home, config=disabled).refresh().sessions)


def test_an_unknown_store_is_refused(home: Path) -> None:
    with pytest.raises(UnknownStore) as caught:
        Library(world_of(home), registry=Registry({"diary": Diary}), stores=["dairy"])

    assert "diary" in caught.value.hint


def test_references_are_resolved_or_explained(home: Path) -> None:
    library = library_of(home)
    library.refresh()

    assert "first" == library.resolve("diary:firs").key.id
    assert "first" == library.resolve("firs").key.id
    with pytest.raises(UnknownSession):
        library.resolve("nobody")


def test_an_ambiguous_reference_names_its_candidates(home: Path, tmp_path: Path) -> None:
    diary.write(tmp_path / "more", "first")
    library = library_of(home, configured={"diary": (tmp_path / "more",)})
    library.refresh()

    with pytest.raises(AmbiguousRef) as caught:
        library.resolve("first")

    assert 2 == len(caught.value.candidates)
    assert all(library.resolve(ref).key.tagged_ref == ref for ref in caught.value.candidates)


def test_refs_carry_a_tag_only_where_ids_collide(home: Path, tmp_path: Path) -> None:
    diary.write(tmp_path / "more", "first")
    library = library_of(home, configured={"diary": (tmp_path / "more",)})
    library.refresh()

    refs = library.refs(library.catalog.sessions)

    assert {"diary:second", "diary:third"} == {ref for ref in refs if "@" not in ref}
    assert 2 == len({ref for ref in refs if "@" in ref})


def test_what_was_read_once_is_not_read_again(home: Path) -> None:
    class Watched(Diary):
        asked: ClassVar[list[str]] = []

        def head(self, source: Source) -> Session:
            self.asked.append(source.key.id)
            return super().head(source)

    def refreshed() -> Library:
        cache = SessionCache(home / "cache" / "sessions.db")
        library = Library(world_of(home), cache=cache, registry=Registry({"diary": Watched}))
        library.refresh()
        return library

    refreshed()
    Watched.asked.clear()
    diary.write(home / "diary", "second", day=7)
    library = refreshed()

    assert ["second"] == Watched.asked
    assert "second" == library.catalog.sessions[0].key.id


def test_the_snapshot_is_what_was_seen_last(home: Path) -> None:
    library_of(home, cache=True).refresh()

    again = library_of(home, cache=True)

    assert ["second", "third", "first"] == ids(again.snapshot())


def test_a_session_of_the_snapshot_can_be_opened_before_any_store_was_looked_at(home: Path) -> None:
    library_of(home, cache=True).refresh()
    again = library_of(home, cache=True)

    newest = again.snapshot()[0]

    assert ["one", "two"] == [message.text for message in again.open(newest.key).messages]


def test_a_session_that_is_gone_leaves_the_snapshot(home: Path) -> None:
    library_of(home, cache=True).refresh()
    (home / "diary" / "second.diary").unlink()

    library_of(home, cache=True).refresh()

    assert ["third", "first"] == ids(library_of(home, cache=True).snapshot())


def test_an_incomplete_scan_prunes_nothing(home: Path) -> None:
    library_of(home, cache=True).refresh()
    (home / "diary" / "fails").touch()

    library_of(home, cache=True).refresh()

    assert 3 == len(library_of(home, cache=True).snapshot())


def test_sessions_are_told_of_while_the_refresh_runs(home: Path) -> None:
    told: list[Session] = []

    library_of(home).refresh(each=told.extend)

    assert {"first", "second", "third"} == {session.key.id for session in told}


def test_a_stopped_refresh_leaves_the_catalog_as_it_was(home: Path) -> None:
    library = library_of(home)
    library.refresh()
    diary.write(home / "diary", "fourth", day=9)
    progress = Progress(stop=threading.Event())
    progress.cancel()

    with pytest.raises(Cancelled):
        library.refresh(progress)

    assert 3 == len(library.catalog.sessions)


def test_a_session_is_opened_whole(home: Path) -> None:
    library = library_of(home)
    library.refresh()

    transcript = library.open(library.resolve("second").key)

    assert ["one", "two"] == [message.text for message in transcript.messages]


def test_resume_gives_a_checked_launch(home: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (home / "bin").mkdir()
    (home / "bin" / "diary").write_text("#!/bin/sh\n")
    (home / "bin" / "diary").chmod(0o755)
    library = library_of(home)
    library.refresh()

    launch = library.resume(library.resolve("first").key)

    assert Launch(("diary", "--open", "first"), str(tmp_path / "work")) == launch


def test_resume_refuses_with_a_sentence_when_the_folder_is_gone(home: Path, tmp_path: Path) -> None:
    library = library_of(home)
    library.refresh()

    answer = library.resume(library.resolve("first").key)

    assert isinstance(answer, Refusal)
    assert f"the folder {tmp_path / 'work'} is gone" == answer.reason
    assert "--in" in answer.hint


def test_resume_refuses_with_a_sentence_when_the_program_is_missing(home: Path) -> None:
    library = library_of(home)
    library.refresh()

    answer = library.resume(library.resolve("second").key, directory=str(home))

    assert isinstance(answer, Refusal)
    assert "diary is not on the PATH" == answer.reason


def test_a_session_that_another_process_has_open_is_live(home: Path) -> None:
    library = library_of(home)
    library.refresh()
    session = library.resolve("second")

    with Path(session.path).open("rb") as file, subprocess.Popen(["sleep", "60"], stdin=file) as holder:
        live = library.with_live([session])[0].live
        holder.kill()

    assert live is True
    assert library.with_live([session])[0].live is False


def test_check_tells_of_every_unreadable_file(home: Path) -> None:
    (home / "diary" / "broken.diary").write_text("not json\n")
    library = library_of(home)
    library.refresh()

    problems = [problem for _, problems in check(library) for problem in problems]

    assert [str(home / "diary" / "broken.diary")] == [problem.path for problem in problems]


def test_an_overlay_that_is_garbage_costs_only_what_it_holds(home: Path) -> None:
    library = library_of(home)
    library.refresh()
    library.userdata.pin(library.catalog.sessions[0].key)
    library.userdata.file.write_bytes(b"garbage" * 1000)

    catalog = library_of(home).refresh()

    assert ["second", "third", "first"] == ids(catalog.sessions)
    assert [str(library.userdata.file)] == [problem.path for problem in catalog.problems]
