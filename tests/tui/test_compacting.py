"""Compaction from the list: the plan first, the summary after, and nothing changed unless both were accepted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Select, Static, TextArea

from session_tui.compactions import CompactOptions
from session_tui.config import CompactionSection, Config, SummarizerSection
from session_tui.demo.build import build_demo, demo_world
from session_tui.library import Library
from session_tui.paths import below
from session_tui.tui.app import SessionApp
from session_tui.tui.screens.browser import Browser
from session_tui.tui.screens.compaction import PlanScreen, SummaryScreen
from tests.fixture_homes import digest
from tests.tui.test_browser import settled, toasts

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TITLE = "Basket is empty after login"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return build_demo(tmp_path / "home", NOW)


def app_of(home: Path, query: str) -> SessionApp:
    return SessionApp(Library(demo_world(home)), places=below(home / "own"), query=query, clock=lambda: NOW)


def stores_of(home: Path) -> dict[str, str]:
    """Every file of the agents; the locks that their programs leave for good do not count."""
    ours = ("own", ".local")
    return {
        name: value for name, value in digest(home).items() if not name.startswith(ours) and not name.endswith(".flock")
    }


async def test_a_session_is_compacted_after_plan_and_summary_were_accepted(home: Path) -> None:
    app = app_of(home, f'"{TITLE}" -branch')
    async with app.run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)
        await pilot.press("tab", "c")
        await settled(pilot)
        planned = app.screen
        await pilot.press("ctrl+s")
        await settled(pilot)
        summarised = app.screen
        await pilot.press("ctrl+s")
        await settled(pilot)

        assert isinstance(planned, PlanScreen)
        assert isinstance(summarised, SummaryScreen)
        assert browser is app.screen
        transcript = browser.viewer.transcript
        assert transcript is not None
        assert 1 == len(transcript.summaries)
        assert (transcript.session.archived_count or 0) > 0
        assert "Compacted" in toasts(app)
        assert 1 == len(app.library.trash.items())


async def test_undoing_a_compaction_brings_every_byte_back(home: Path) -> None:
    before = stores_of(home)
    app = app_of(home, f'"{TITLE}" -branch')
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("tab", "c")
        await settled(pilot)
        await pilot.press("ctrl+s")
        await settled(pilot)
        await pilot.press("ctrl+s")
        await settled(pilot)
        changed = stores_of(home)
        await pilot.press("u")
        await settled(pilot)

    assert before != changed
    assert before == stores_of(home)


async def test_the_summary_can_be_edited_before_it_is_written(home: Path) -> None:
    app = app_of(home, f'"{TITLE}" -branch')
    async with app.run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)
        await pilot.press("tab", "c")
        await settled(pilot)
        await pilot.press("ctrl+s")
        await settled(pilot)
        app.screen.query_one(TextArea).text = "Only this matters."
        await pilot.press("ctrl+s")
        await settled(pilot)

        transcript = browser.viewer.transcript
        assert transcript is not None
        assert "Only this matters." in transcript.summaries[0].content


@pytest.mark.parametrize("step", ["plan", "summary"])
async def test_turning_back_changes_nothing(home: Path, step: str) -> None:
    before = stores_of(home)
    app = app_of(home, f'"{TITLE}" -branch')
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("tab", "c")
        await settled(pilot)
        if step == "summary":
            await pilot.press("ctrl+s")
            await settled(pilot)
        await pilot.press("escape")
        await settled(pilot)

    assert before == stores_of(home)


async def test_a_short_session_has_nothing_to_compact(home: Path) -> None:
    app = app_of(home, "onboarding")
    async with app.run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)
        await pilot.press("tab", "c")
        await settled(pilot)

        assert browser is app.screen
        assert "Nothing to compact" in toasts(app)


async def test_escape_stops_a_compaction_that_runs(home: Path) -> None:
    slow = home / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    config = Config(summarizer=SummarizerSection(name="command", command=(str(slow),)))
    library = Library(demo_world(home), config=config)
    app = SessionApp(library, places=below(home / "own"), query=f'"{TITLE}" -branch', clock=lambda: NOW)
    before = stores_of(home)
    async with app.run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)
        await pilot.press("tab", "c")
        await settled(pilot)
        await pilot.press("ctrl+s")
        while not browser.is_compacting:
            await pilot.pause()
        await pilot.press("escape")
        await settled(pilot)

        assert not browser.is_compacting
        assert "stopped" in toasts(app)
        assert browser is app.screen
    assert before == stores_of(home)


async def test_marked_sessions_are_compacted_by_one_agreement(home: Path) -> None:
    config = Config(compaction=CompactionSection(preserve_recent=2))
    library = Library(demo_world(home), config=config)
    app = SessionApp(library, places=below(home / "own"), query='"basket is empty" in:title', clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)
        await pilot.press("tab", "A", "c")
        await settled(pilot)
        planned = app.screen
        await pilot.press("ctrl+s")
        await settled(pilot)
        await settled(pilot)

        assert isinstance(planned, PlanScreen)
        assert browser is app.screen
        compacted = {item.ref for item in app.library.trash.items()}
        assert 2 == len(compacted)
        assert 2 == toasts(app).count("Compacted ")


def slow_library(home: Path, script: str) -> Library:
    slow = home / "slow"
    slow.write_text(f"#!/bin/sh\ncat > /dev/null\n{script}\n")
    slow.chmod(0o755)
    config = Config(
        compaction=CompactionSection(preserve_recent=2, refresh_memory=False),
        summarizer=SummarizerSection(name="command", command=(str(slow),)),
    )
    return Library(demo_world(home), config=config)


async def ended(pilot: Pilot[object]) -> Browser:
    """The browser once nothing runs, nor waits."""
    browser = await settled(pilot)
    while browser.is_compacting:
        browser = await settled(pilot)
    return browser


async def test_marked_sessions_wait_for_each_other(home: Path) -> None:
    told = home / "told"
    library = slow_library(home, f"echo begun >> {told}; sleep 0.2; echo ended >> {told}; echo A summary.")
    app = SessionApp(library, places=below(home / "own"), query="agent:ggcode", clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)
        browser.query_one("#list").focus()
        await pilot.press("space", "space", "space", "space", "c")
        await settled(pilot)
        await pilot.press("ctrl+s")
        await ended(pilot)

        assert 2 < len(app.library.trash.items())
        assert ["begun", "ended"] * len(app.library.trash.items()) == told.read_text().split()


async def test_stopping_one_leaves_those_that_wait_as_they_are(home: Path) -> None:
    before = stores_of(home)
    app = SessionApp(
        slow_library(home, "exec sleep 600"), places=below(home / "own"), query="agent:ggcode", clock=lambda: NOW
    )
    async with app.run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)
        browser.query_one("#list").focus()
        await pilot.press("space", "space", "space", "space", "c")
        await settled(pilot)
        await pilot.press("ctrl+s")
        while not browser.is_compacting:
            await pilot.pause()
        await pilot.press("K")
        await ended(pilot)

        assert "that waited stay as they are" in toasts(app)
    assert {key: value for key, value in before.items() if key != "slow"} == {
        key: value for key, value in stores_of(home).items() if key != "slow"
    }


async def test_only_what_the_trash_keeps_is_said_to_be_undone(home: Path) -> None:
    app = app_of(home, f'"{TITLE}" -branch')
    async with app.run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)
        browser.query_one("#list").focus()
        await pilot.press("c")
        await settled(pilot)
        app.screen.query_one("#target", Select).value = "overlay"
        await pilot.pause()
        said = str(app.screen.query_one("#told", Static).render())
        await pilot.press("ctrl+s")
        await settled(pilot)
        await pilot.press("ctrl+s")
        await settled(pilot)

        assert "goes on with all messages" in said
        assert "Kept in our overlay" in toasts(app)
        assert "undoes" not in toasts(app)


async def test_the_built_in_words_can_be_edited_and_are_not_sent_as_ones_own(home: Path) -> None:
    library = Library(demo_world(home))
    library.refresh()
    key = library.resolve(TITLE).key
    prepared = library.prepare_compaction(key, CompactOptions())
    answers: list[CompactOptions | None] = []
    app = app_of(home, "")
    async with app.run_test(size=(120, 40)) as pilot:
        for words in ("", " Mention the tea."):
            app.push_screen(PlanScreen(prepared), answers.append)
            await pilot.pause()
            area = app.screen.query_one("#prompt", TextArea)
            area.text += words
            usual = area.text
            await pilot.press("ctrl+s")
            await pilot.pause()

    assert ["", usual] == [answer.prompt for answer in answers if answer]
    assert usual.endswith("Mention the tea.")
