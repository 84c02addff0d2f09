"""The main screen follows what other programs write: rows and the conversation on show, nothing a person chose."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import pytest
from textual.pilot import Pilot

from session_tui.adapters.base import World
from session_tui.config import Config
from session_tui.library import Library
from session_tui.paths import below
from session_tui.registry import Registry
from session_tui.tui.app import SessionApp
from session_tui.tui.screens.browser import Browser
from tests.unit import diary
from tests.unit.diary import Diary

NOW = datetime(2026, 5, 20, tzinfo=UTC)
SECONDS = 20.0
LONG = [f"line {number} of the log" for number in range(80)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store of three conversations, the newest first: parser, harbour, garden."""
    folder = tmp_path / "home" / "diary"
    diary.write(folder, "parser", title="Fix the parser", day=3, texts=LONG)
    diary.write(folder, "harbour", title="Harbour lights", day=2, texts=["a", "b"])
    diary.write(folder, "garden", title="Garden", day=1)
    return folder


@pytest.fixture
def app_of(folder: Path) -> Callable[..., SessionApp]:
    home = folder.parent

    def make(config: Config | None = None) -> SessionApp:
        world = World(home=home, environ={}, cwd=home, data_dir=home / "data")
        library = Library(world, config=config, registry=Registry({"diary": Diary}))
        return SessionApp(library, places=below(home / "session-tui"), clock=lambda: NOW)

    return make


async def watching(pilot: Pilot[object]) -> Browser:
    """The browser once it has looked at everything and misses nothing that is written."""
    app = pilot.app
    assert isinstance(app, SessionApp)
    browser = app._browser
    await until(pilot, lambda: browser._watcher is not None and browser.viewer.is_ready)
    assert browser._watcher is not None
    assert await asyncio.to_thread(browser._watcher.ready.wait, SECONDS)
    # What was written just before the look may be looked at once more.
    await until(pilot, lambda: not browser._due and browser._looking_again is None)
    return browser


async def until(pilot: Pilot[object], holds: Callable[[], bool]) -> None:
    """Until a condition holds."""
    end = monotonic() + SECONDS
    while not holds():
        assert monotonic() < end, "waited in vain"
        await pilot.pause(0.02)


def say(folder: Path, id: str, *texts: str) -> None:
    with (folder / f"{id}.diary").open("a") as stream:
        stream.writelines(json.dumps(text) + "\n" for text in texts)


def titles(browser: Browser) -> list[str]:
    return [session.title for session in browser.shown]


def shown(browser: Browser) -> str:
    return "\n".join(browser.viewer.render_line(y).text for y in range(browser.viewer.size.height))


def selected(browser: Browser) -> str:
    assert browser.rows.selected is not None
    return browser.rows.selected.key.id


async def test_a_message_that_is_added_appears_and_the_end_is_followed(
    app_of: Callable[..., SessionApp], folder: Path
) -> None:
    async with app_of().run_test(size=(120, 30)) as pilot:
        browser = await watching(pilot)

        say(folder, "parser", "the newest line")
        await until(pilot, lambda: "the newest line" in shown(browser))

        assert browser.viewer.is_at_end
        assert len(LONG) == browser.viewer.current
        assert browser.rows.selected is not None
        assert len(LONG) + 1 == browser.rows.selected.message_count


async def test_a_reader_in_the_middle_stays_there(app_of: Callable[..., SessionApp], folder: Path) -> None:
    async with app_of().run_test(size=(120, 30)) as pilot:
        browser = await watching(pilot)
        browser.viewer.action_top()
        browser.viewer.action_scroll_rows(31)
        await pilot.pause()
        before, place = shown(browser), browser.viewer.place

        say(folder, "parser", "the newest line")
        await until(pilot, lambda: len(browser.viewer.document or ()) == len(LONG) + 1)
        await pilot.pause()

        assert (before, place) == (shown(browser), browser.viewer.place)


async def test_a_session_that_moves_to_the_top_leaves_the_selection(
    app_of: Callable[..., SessionApp], folder: Path
) -> None:
    async with app_of().run_test(size=(120, 30)) as pilot:
        browser = await watching(pilot)
        await pilot.press("down")
        await until(pilot, lambda: browser._transcript is not None and browser._transcript.session.key.id == "harbour")

        diary.write(folder, "garden", title="Garden", day=9, texts=["late"])
        await until(pilot, lambda: titles(browser)[0] == "Garden")

        assert ["Garden", "Fix the parser", "Harbour lights"] == titles(browser)
        assert (2, "harbour") == (browser.rows.cursor, selected(browser))
        assert "harbour" == browser.viewer.transcript.session.key.id if browser.viewer.transcript else False


async def test_the_session_on_show_keeps_the_selection_when_it_moves_to_the_top(
    app_of: Callable[..., SessionApp], folder: Path
) -> None:
    async with app_of().run_test(size=(120, 30)) as pilot:
        browser = await watching(pilot)
        await pilot.press("down")
        await until(pilot, lambda: browser._transcript is not None and browser._transcript.session.key.id == "harbour")

        diary.write(folder, "harbour", title="Harbour lights", day=9, texts=["a", "b", "a light went on"])
        await until(pilot, lambda: "a light went on" in shown(browser))

        assert (0, "harbour") == (browser.rows.cursor, selected(browser))


async def test_sessions_that_come_and_go_are_listed_and_left_out(
    app_of: Callable[..., SessionApp], folder: Path
) -> None:
    async with app_of().run_test(size=(120, 30)) as pilot:
        browser = await watching(pilot)

        diary.write(folder, "kettle", title="Kettle", day=4)
        (folder / "garden.diary").unlink()
        await until(pilot, lambda: titles(browser) == ["Kettle", "Fix the parser", "Harbour lights"])

        assert "parser" == selected(browser)


async def test_what_was_added_is_found_by_a_search(app_of: Callable[..., SessionApp], folder: Path) -> None:
    app = app_of()
    async with app.run_test(size=(120, 30)) as pilot:
        browser = await watching(pilot)
        await pilot.press(*"kettledrum")
        await until(pilot, lambda: titles(browser) == [])

        diary.write(folder, "garden", title="The kettledrum", day=1)
        await until(pilot, lambda: titles(browser) == ["The kettledrum"])

        assert "kettledrum" == browser.search.value


async def test_the_configuration_switches_it_off(app_of: Callable[..., SessionApp], folder: Path) -> None:
    app = app_of(Config(watch=False))
    async with app.run_test(size=(120, 30)) as pilot:
        browser = app._browser
        await until(pilot, lambda: browser.viewer.is_ready and browser._refreshing is None)

        assert browser._watcher is None


async def test_leaving_ends_the_watch(app_of: Callable[..., SessionApp], folder: Path) -> None:
    app = app_of()
    async with app.run_test(size=(120, 30)) as pilot:
        browser = await watching(pilot)
    assert browser._watcher is not None
    for thread in browser._watcher.threads:
        await asyncio.to_thread(thread.join, SECONDS)

    assert [False] == [thread.is_alive() for thread in browser._watcher.threads]
