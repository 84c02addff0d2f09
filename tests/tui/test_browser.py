"""The main screen: typing filters, the viewer follows, Enter resumes, and whatever fails is said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Static

from session_tui.adapters.base import World
from session_tui.config import Config
from session_tui.errors import LaunchError
from session_tui.library import Library
from session_tui.model import Launch
from session_tui.paths import below
from session_tui.registry import Registry
from session_tui.tui.app import SessionApp
from session_tui.tui.commands import COMMANDS, Pane, bindings, offered, spelled
from session_tui.tui.screens.browser import Browser
from session_tui.tui.screens.details import DetailsScreen
from session_tui.tui.screens.help import HelpScreen, help_lines
from tests.unit import diary
from tests.unit.diary import Diary

NOW = datetime(2026, 5, 20, tzinfo=UTC)


class Launches:
    """Stands where the terminal is handed over; keeps what it was asked to run."""

    def __init__(self) -> None:
        self.seen: list[Launch] = []
        self.code = 0
        self.error: LaunchError | None = None

    def __call__(self, app: App[object], launch: Launch) -> int:
        self.seen.append(launch)
        if self.error is not None:
            raise self.error
        return self.code


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder, work = tmp_path / "home", tmp_path / "work"
    (work / "inner").mkdir(parents=True)
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "diary").write_text("#!/bin/sh\n")
    (folder / "bin" / "diary").chmod(0o755)
    diary.write(folder / "diary", "parser", title="Fix the parser", day=3, project=str(work), texts=["why tabs?"])
    diary.write(
        folder / "diary", "harbour", title="Harbour lights", day=2, project=str(work / "inner"), texts=["a", "b"]
    )
    diary.write(folder / "diary", "closed", title="closed", day=1)
    diary.write(folder / "diary", "helper", title="Sub task", day=4, kind="subagent")
    return folder


@pytest.fixture
def launches() -> Launches:
    return Launches()


@pytest.fixture
def app_of(home: Path, launches: Launches) -> Callable[..., SessionApp]:
    def make(*, config: Config | None = None, query: str = "", cwd: Path | None = None, at: Path = home) -> SessionApp:
        world = World(home=at, environ={"PATH": str(at / "bin")}, cwd=cwd or at, data_dir=at / "data")
        library = Library(world, config=config, registry=Registry({"diary": Diary}))
        places = below(at / "session-tui")
        return SessionApp(library, places=places, query=query, launch=launches, clock=lambda: NOW)

    return make


async def settled(pilot: Pilot[object]) -> Browser:
    """The browser once no job runs and all messages were handled."""
    await pilot.pause()
    app = pilot.app
    assert isinstance(app, SessionApp)
    for _ in range(4):
        await app.workers.wait_for_complete()
        await pilot.pause(0.05)
    screen = app.screen_stack[1]
    assert isinstance(screen, Browser)
    return screen


def titles(browser: Browser) -> list[str]:
    return [session.title for session in browser.shown]


def toasts(app: App[object]) -> str:
    return "\n".join(f"{note.title} {note.message}" for note in app._notifications)


async def test_sessions_are_listed_newest_first_without_sub_agents(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)

        assert ["Fix the parser", "Harbour lights", "closed"] == titles(browser)
        assert "3 of 3" == str(browser.query_one("#status", Static).content)


async def test_the_viewer_follows_the_selection(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)
        first = browser.viewer.transcript
        await pilot.press("down")
        browser = await settled(pilot)
        second = browser.viewer.transcript

        assert first is not None and second is not None
        assert ["parser", "harbour"] == [first.session.key.id, second.session.key.id]
        assert ["a", "b"] == [message.text for message in second.messages]


async def test_typing_filters_and_escape_clears(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)
        await pilot.press(*"lights")
        await pilot.pause()
        narrowed = titles(browser)
        await pilot.press("escape")
        await pilot.pause()

        assert ["Harbour lights"] == narrowed
        assert 3 == len(titles(browser))


async def test_the_query_of_the_command_line_is_filled_in(app_of: Callable[..., SessionApp]) -> None:
    async with app_of(query="parser").run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)

        assert ["Fix the parser"] == titles(browser)


async def test_nothing_that_matches_is_explained(app_of: Callable[..., SessionApp]) -> None:
    async with app_of(query="zzz").run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)

        assert [] == titles(browser)
        assert any("Nothing matches" in line.plain for line in browser._why_empty())


async def test_enter_resumes_in_the_sessions_directory_and_comes_back(
    app_of: Callable[..., SessionApp], launches: Launches, tmp_path: Path
) -> None:
    async with app_of().run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("down", "enter")
        browser = await settled(pilot)

        assert [Launch(("diary", "--open", "harbour"), str(tmp_path / "work" / "inner"))] == launches.seen
        assert browser.rows.selected is not None
        assert "harbour" == browser.rows.selected.key.id


async def test_an_agents_exit_code_is_told(app_of: Callable[..., SessionApp], launches: Launches) -> None:
    launches.code = 7
    async with app_of().run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)

        assert "exit code 7" in toasts(pilot.app)


async def test_an_agent_that_cannot_be_started_is_told(app_of: Callable[..., SessionApp], launches: Launches) -> None:
    launches.error = LaunchError("diary could not be started: exec format error", hint="check the program")
    async with app_of().run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)

        assert "exec format error" in toasts(pilot.app)
        assert pilot.app.is_running


async def test_a_refusal_is_shown_as_a_sentence(app_of: Callable[..., SessionApp], launches: Launches) -> None:
    async with app_of(query="closed").run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)

        assert [] == launches.seen
        assert "the diary is closed" in toasts(pilot.app)


async def test_scope_shows_this_directory_alone(app_of: Callable[..., SessionApp], tmp_path: Path) -> None:
    async with app_of(cwd=tmp_path / "work" / "inner").run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)
        await pilot.press("ctrl+t")
        await pilot.pause()

        assert ["Harbour lights"] == titles(browser)


async def test_sort_goes_round_its_orders(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)
        await pilot.press("ctrl+s", "ctrl+s")
        await pilot.pause()

        assert ["closed", "Fix the parser", "Harbour lights"] == titles(browser)
        assert "by title" in str(browser.query_one("#status", Static).content)


async def test_new_sessions_appear_after_a_refresh_and_the_selection_stays(
    app_of: Callable[..., SessionApp], home: Path
) -> None:
    async with app_of().run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)
        await pilot.press("down")
        diary.write(home / "diary", "fresh", title="Fresh", day=9)
        await pilot.press("f5")
        await settled(pilot)

        assert "Fresh" == titles(browser)[0]
        assert browser.rows.selected is not None
        assert "harbour" == browser.rows.selected.key.id


async def test_an_unreadable_session_is_explained_in_the_viewer(app_of: Callable[..., SessionApp], home: Path) -> None:
    (home / "diary" / "broken.diary").write_text("not json\n")
    async with app_of(query="broken").run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)

        assert ["broken"] == [session.key.id for session in browser.shown]
        assert browser.viewer.transcript is None


async def test_escape_goes_back_one_step_and_never_quits(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)
        await pilot.press("escape")
        in_list = browser.focused
        await pilot.press("right")
        in_viewer = browser.focused
        await pilot.press("escape")
        back = browser.focused
        await pilot.press("slash")
        in_search = browser.focused
        await pilot.press("escape", "escape", "escape")

        assert [browser.rows, browser.viewer, browser.rows, browser.search] == [in_list, in_viewer, back, in_search]
        assert pilot.app.is_running


async def test_find_opens_in_the_viewer_and_closes_back_to_it(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)
        await pilot.press("escape", "right", "slash", *"tabs")
        await settled(pilot)
        opened = browser.query_one("#find").has_class("-open")
        await pilot.press("escape")

        assert opened
        assert not browser.query_one("#find").has_class("-open")
        assert browser.viewer is browser.focused


async def test_help_and_details_open_and_close(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)
        await pilot.press("f1")
        await pilot.pause()
        with_help = pilot.app.screen
        await pilot.press("escape", "escape", "i")
        await pilot.pause()
        with_details = pilot.app.screen
        await pilot.press("escape")
        await pilot.pause()

        assert isinstance(with_help, HelpScreen)
        assert isinstance(with_details, DetailsScreen)
        assert browser is pilot.app.screen


async def test_a_narrow_screen_stacks_the_panes(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=(80, 24)) as pilot:
        browser = await settled(pilot)

        assert 80 == browser.rows.region.width == browser.viewer.region.width
        assert browser.rows.region.bottom <= browser.viewer.region.y


async def test_an_empty_machine_is_told_what_was_looked_for_and_offered_the_demo(
    app_of: Callable[..., SessionApp], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    app = app_of(at=tmp_path / "empty")
    async with app.run_test(size=(100, 30)) as pilot:
        browser = await settled(pilot)
        told = "\n".join(line.plain for line in browser._why_empty())
        await pilot.press("enter")
        await pilot.pause()

    assert "Diary" in told
    assert "sample home" in told
    assert "demo" == app.return_value


async def test_hostile_titles_are_drawn_as_text(app_of: Callable[..., SessionApp], home: Path) -> None:
    diary.write(home / "diary", "hostile", title="[/bold]\x1b[31mred\u202e[link=x]", day=9, project="/tmp/[x]\n")
    async with app_of().run_test(size=(120, 40)) as pilot:
        browser = await settled(pilot)

        assert browser.rows.selected is not None
        assert "[/bold]red [link=x]" in str(browser.query_one("#heading", Static).content)


async def test_keys_can_be_remapped(app_of: Callable[..., SessionApp]) -> None:
    async with app_of(config=Config(keymap={"details": "ctrl+d"})).run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "ctrl+d")
        await pilot.pause()

        assert isinstance(pilot.app.screen, DetailsScreen)


async def test_the_palette_offers_every_command_that_help_names(app_of: Callable[..., SessionApp]) -> None:
    app = app_of()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        entries = {entry.help for entry in app.get_system_commands(app.screen)}

        assert {command.help for command in offered()} == entries
        assert {command.help for command in offered()} <= {value.plain for _, value in help_lines()}


def test_every_command_has_an_id_of_its_own_and_no_two_share_a_key_in_a_pane() -> None:
    ids = [command.id for command in COMMANDS]
    keys = [(command.pane, key) for command in COMMANDS for key in command.keys.split(",") if key]

    assert len(set(ids)) == len(ids)
    assert len(set(keys)) == len(keys)
    assert all(bindings(pane) for pane in Pane)


@pytest.mark.parametrize(
    ("keys", "said"), [("ctrl+p", "Ctrl+P"), ("j,down", "j / ↓"), ("f1", "F1"), ("slash", "/"), ("", ""), ("f", "f")]
)
def test_keys_are_spelled_as_people_read_them(keys: str, said: str) -> None:
    assert said == spelled(keys)
