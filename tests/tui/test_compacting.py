"""Compaction from the list: the plan first, the summary after, and nothing changed unless both were accepted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.widgets import TextArea

from session_tui.config import CompactionSection, Config, SummarizerSection
from session_tui.demo.build import build_demo, demo_world
from session_tui.library import Library
from session_tui.paths import below
from session_tui.tui.app import SessionApp
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
    app = SessionApp(library, places=below(home / "own"), query="basket", clock=lambda: NOW)
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
