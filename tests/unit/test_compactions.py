"""Compactions of a library note lasting facts first, and never fail because of that."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from session_tui.compactions import CompactOptions
from session_tui.config import CompactionSection, Config
from session_tui.library import Library
from session_tui.model import CompactResult
from session_tui.progress import Progress
from tests.unit.tables import change, fixture_home, world
from tests.unit.test_cli import Capture, run

SESSION = "7e0d1c9a-44f3-4e0e-9a77-000000000005"
WISH = "I prefer pears that were picked before noon."


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = fixture_home("techne", tmp_path / "home")
    for turn in range(14):
        content = json.dumps([{"type": "text", "text": f"Row {turn} of the orchard is ripe. {WISH}"}])
        values = (
            f"m{turn}",
            SESSION,
            "assistant" if turn % 2 else "user",
            content,
            f"2026-05-08 10:{turn:02}:00+02:00",
        )
        change(home / "orchard/.techne/techne.db", "INSERT INTO messages VALUES (?, ?, ?, ?, '', ?)", values)
    return home


@pytest.fixture
def memory(home: Path) -> Path:
    return world(home).data_dir / "memory"


def compacted(home: Path, options: CompactOptions, *, refreshes: bool = True) -> tuple[Library, CompactResult]:
    config = Config(compaction=CompactionSection(refresh_memory=refreshes))
    library = Library(world(home, cwd=home / "orchard"), config=config)
    library.refresh()
    prepared = library.prepare_compaction(library.resolve(SESSION).key, options)
    return library, library.write_compaction(prepared, prepared.run(Progress()))


def test_what_is_worth_remembering_is_noted_for_the_owner_alone(home: Path, memory: Path) -> None:
    library, result = compacted(home, CompactOptions())

    (file,) = memory.iterdir()
    assert f"- {WISH}\n" == file.read_text(encoding="utf-8")
    assert (0o700, 0o600) == (stat.S_IMODE(memory.stat().st_mode), stat.S_IMODE(file.stat().st_mode))
    assert ("store", 1) == (result.written_to, len(library.trash.items()))


def test_noting_can_be_switched_off(home: Path, memory: Path) -> None:
    _, result = compacted(home, CompactOptions(), refreshes=False)

    assert "store" == result.written_to
    assert not memory.exists()


def test_nothing_is_noted_where_nothing_is_taken_away(home: Path, memory: Path) -> None:
    _, result = compacted(home, CompactOptions(target="none"))

    assert "none" == result.written_to
    assert not memory.exists()


def test_a_failing_refresh_is_told_and_the_compaction_goes_on(home: Path, memory: Path) -> None:
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text("in the way", encoding="utf-8")

    library, result = compacted(home, CompactOptions())

    assert "memory was not refreshed" in result.note
    assert ("store", "in the way") == (result.written_to, memory.read_text(encoding="utf-8"))
    assert 1 == len(library.trash.items())


def test_the_command_line_shows_why_nothing_was_noted(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture
) -> None:
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home / "orchard")
    folder = home / ".local/share/session-tui"
    folder.mkdir(parents=True)
    (folder / "memory").write_text("in the way", encoding="utf-8")

    answer = run(capfdbinary, "compact", SESSION, "--yes")

    assert 0 == answer.code, answer.err
    assert "note: memory was not refreshed" in answer.err


def test_a_summary_of_the_overlay_shows_behind_what_it_covers(home: Path) -> None:
    library, result = compacted(home, CompactOptions(target="overlay"))

    shown = library.open(library.resolve(SESSION).key)
    place = next(position for position, message in enumerate(shown.messages) if message.is_summary)

    assert [result.summary] == [summary.content for summary in shown.summaries]
    assert result.removed_messages == place
    assert shown.messages[place].archived
    assert result.summary == shown.session.summary
    assert 1 == shown.session.compaction_count


def test_the_overlay_goes_on_from_its_own_summary(home: Path) -> None:
    library, first = compacted(home, CompactOptions(target="overlay", ratio=0.3, preserve_recent=2))
    key = library.resolve(SESSION).key

    again = library.prepare_compaction(key, CompactOptions(target="overlay", ratio=0.5, preserve_recent=2))
    library.write_compaction(again, again.run(Progress()))
    earlier, later = library.userdata.own_compactions(key)

    assert not set(earlier.plan.compact) & set(later.plan.compact)
    assert (earlier.summary.id,) == later.plan.carried
    assert first.summary == earlier.summary.content
    assert 2 == len(library.open(key).summaries)


def test_undoing_a_compaction_of_the_store_leaves_the_overlay_alone(home: Path) -> None:
    library, _ = compacted(home, CompactOptions(target="store"))
    key = library.resolve(SESSION).key
    other = library.prepare_compaction(key, CompactOptions(target="overlay", preserve_recent=1, ratio=1.0))
    library.write_compaction(other, other.run(Progress()))

    library.restore(library.trash.items()[0].trash_id)

    assert 1 == len(library.userdata.compactions(key))
    assert 1 == len(library.userdata.own_compactions(key))


def test_a_summarizer_asked_for_by_name_writes_although_none_is_to_by_itself(home: Path) -> None:
    library = Library(
        world(home, cwd=home / "orchard"), config=Config(compaction=CompactionSection(use_ai_summary=False))
    )
    library.refresh()
    key = library.resolve(SESSION).key

    usual = library.prepare_compaction(key, CompactOptions())
    asked = library.prepare_compaction(key, CompactOptions(summarizer="llm"))

    assert ("extractive", "llm") == (usual.summarizer.name, asked.summarizer.name)


def test_a_summary_that_is_discarded_leaves_no_memory_behind(home: Path, memory: Path) -> None:
    library = Library(world(home, cwd=home / "orchard"))
    library.refresh()
    prepared = library.prepare_compaction(library.resolve(SESSION).key, CompactOptions())

    prepared.run(Progress())

    assert WISH.rstrip(".") in prepared.noted.get(prepared.session.key)
    assert not memory.exists()
