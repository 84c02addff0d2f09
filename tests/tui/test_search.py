"""Searching on the main screen: agents, groups, saved searches, why a row is listed, and where a result leads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from session_tui.adapters.base import World
from session_tui.agents.claude import Claude
from session_tui.index.scan import Match
from session_tui.library import Library
from session_tui.model import Session
from session_tui.paths import below
from session_tui.query import Query
from session_tui.registry import Registry
from session_tui.tui.app import SessionApp
from session_tui.tui.screens.browser import Browser
from session_tui.tui.screens.saved_searches import SavedScreen
from tests.unit import diary
from tests.unit.diary import Diary
from tests.unit.searching import called, gave, said, session_id, thought, write

NOW = datetime(2026, 7, 2, tzinfo=UTC)
LARGE, SMALL = (200, 50), (80, 24)
SECONDS = 30.0
FILLER = "The wheel turns and the water runs over it all day. " * 6


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Three conversations of one agent, and two of another in other projects."""
    home = tmp_path / "home"
    home.mkdir()
    filler = [said("assistant", f"{FILLER}{number}", 10 + number) for number in range(40)]
    write(
        home,
        0,
        said("user", "the wheel stands still"),
        *filler,
        said("assistant", "Grease the crankshaft.", 60),
        *filler,
    )
    write(home, 1, said("user", "count sacks", 70), called("read", {"path": "rye.py"}, 71), gave("crankshaft 12", 71))
    write(home, 2, said("user", "Ein Café in 水車小屋", 80), thought("the midleware of the miller", 81))
    diary.write(home / "diary", "parser", title="Fix the parser", day=3, project="/srv/tabs", texts=["why crankshaft?"])
    diary.write(home / "diary", "harbour", title="Harbour lights", day=2, project="/srv/lights", texts=["a", "b"])
    return home


@pytest.fixture
def app_of(home: Path) -> Callable[..., SessionApp]:
    def make(*, query: str = "", cwd: Path | None = None) -> SessionApp:
        world = World(home=home, environ={}, cwd=cwd or home, data_dir=home / ".data")
        opened = Library(world, registry=Registry({"claude": Claude, "diary": Diary}))
        return SessionApp(opened, places=below(home / "session-tui"), query=query, clock=lambda: NOW)

    return make


async def until(pilot: Pilot[object], holds: Callable[[], object]) -> None:
    """Until a condition holds."""
    end = monotonic() + SECONDS
    while not holds():
        assert monotonic() < end, "waited in vain"
        await pilot.pause(0.02)


async def ready(pilot: Pilot[object]) -> Browser:
    """The browser once everything is listed and can be found."""
    app = pilot.app
    assert isinstance(app, SessionApp)
    browser = app._browser
    await pilot.pause()
    await until(pilot, lambda: not browser._is_first_look and not browser.is_indexing and browser._refreshing is None)
    return browser


async def searched(pilot: Pilot[object], browser: Browser, text: str) -> None:
    """Type a query and wait until all of it is answered."""
    browser.search_for(text)
    await pilot.pause()
    await answered(pilot)


async def answered(pilot: Pilot[object]) -> None:
    """Until nothing more is on its way."""
    for _ in range(3):
        await pilot.pause(0.12)
        await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def titles(browser: Browser) -> list[str]:
    return [session.title or session.first_prompt for session in browser.shown]


def tabs(browser: Browser) -> str:
    return browser.tabs.render_line(0).text.strip()


def status(browser: Browser) -> str:
    return str(browser.query_one("#status", Static).content)


def lines(browser: Browser) -> list[str]:
    return [browser.rows.render_line(y).text.rstrip() for y in range(browser.rows.size.height)]


# ── agents ────────────────────────────────────────────────────────────────────────────────────────────


async def test_tabs_count_what_answers_for_each_agent(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        before = tabs(browser)
        await searched(pilot, browser, "crankshaft")
        during = tabs(browser)
        await searched(pilot, browser, "harbour")
        after = tabs(browser)

    assert f"All 5 · {Claude.mark} {Claude.label} 3 · ● Diary 2" == before.replace("  ", " ")
    assert f"All 3 · {Claude.mark} {Claude.label} 2 · ● Diary 1" == during.replace("  ", " ")
    assert f"All 1 · {Claude.mark} {Claude.label} 0 · ● Diary 1" == after.replace("  ", " ")


async def test_tabs_count_within_the_scope(app_of: Callable[..., SessionApp], tmp_path: Path) -> None:
    async with app_of(cwd=Path("/srv/tabs")).run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        await pilot.press("ctrl+t")
        await pilot.pause()

        assert "All 1 · ● Diary 1" == tabs(browser).replace("  ", " ")


@pytest.mark.parametrize("keys", [["f3"], ["ctrl+right"], ["tab", "greater_than_sign"], ["tab", "ctrl+right"]])
async def test_keys_list_one_agent_alone(app_of: Callable[..., SessionApp], keys: Sequence[str]) -> None:
    async with app_of().run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        await pilot.press(*keys)
        await pilot.pause()
        first = (browser.search.value, len(browser.shown), set(browser.tabs.chosen))
        await pilot.press("f3", "f3")
        await pilot.pause()

        assert ("agent:claude ", 3, {"claude"}) == first
        assert "" == browser.search.value
        assert 5 == len(browser.shown)


async def test_the_agent_stays_while_typing_goes_on(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        await pilot.press(*"crank", "f3", *"shaft")
        await answered(pilot)

        assert "agent:claude crankshaft" == browser.search.value
        assert 2 == len(browser.shown)
        assert "All 3" in tabs(browser)


async def test_a_click_chooses_an_agent_and_all_of_them_again(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        await pilot.click("#tabs", offset=(tabs(browser).index("Diary") + 1, 0))
        await pilot.pause()
        one = len(browser.shown)
        await pilot.click("#tabs", offset=(3, 0))
        await pilot.pause()

        assert [2, 5] == [one, len(browser.shown)]


async def test_what_is_typed_about_agents_lights_their_tabs(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        await searched(pilot, browser, "fix -agent:claude")
        lit = browser.tabs.chosen
        await pilot.press("ctrl+left")
        await pilot.press("f3")
        await pilot.pause()

        assert {"diary"} == lit
        assert "fix" == browser.search.value.strip()


async def test_an_unknown_agent_is_replaced_as_well(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        await searched(pilot, browser, "agent:nobody crankshaft")
        await pilot.press("f3")

        assert "agent:claude crankshaft" == browser.search.value


# ── groups ────────────────────────────────────────────────────────────────────────────────────────────


async def test_groups_go_round_project_agent_date_and_none(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        seen = []
        for key in ("ctrl+g", "ctrl+g", "ctrl+g", "ctrl+g"):
            await pilot.press(key)
            await pilot.pause()
            seen.append([line.strip() for line in lines(browser) if "▾" in line])

    assert ["▾  /srv/mill  3", "▾  /srv/tabs  1", "▾  /srv/lights  1"] == seen[0]
    assert [f"▾{Claude.mark} {Claude.label}  3", "▾● Diary  2"] == seen[1]
    assert ["▾  Yesterday  3", "▾  May 2026  2"] == seen[2]
    assert [] == seen[3]


async def test_moves_skip_headings_and_clicks_fold_them(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        await pilot.press("tab", "v", "g", "j", "j", "j")
        await pilot.pause()
        moved = browser.rows.selected
        await pilot.press("k")
        back = browser.rows.selected
        # The heading of the columns, then that of the first group.
        heading = next(y for y, line in enumerate(lines(browser)) if "/srv/mill" in line)
        await pilot.click("#list", offset=(10, heading))
        await pilot.pause()
        folded = [line for line in lines(browser) if "▸" in line]
        after = browser.rows.selected
        await pilot.press("k", "k")
        still = browser.rows.selected
        await pilot.press("plus")
        await pilot.pause()

        assert moved is not None and back is not None and after is not None and still is not None
        assert "Fix the parser" == moved.title
        assert "/srv/mill" == back.project
        assert 1 == len(folded)
        assert ["Fix the parser", "Fix the parser"] == [after.title, still.title]
        assert not [line for line in lines(browser) if "▸" in line]


async def test_the_last_group_open_is_not_folded(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        await pilot.press("tab", "v", "minus", "minus", "minus", "minus")
        await pilot.pause()

        assert 2 == len([line for line in lines(browser) if "▸" in line])
        assert browser.rows.selected is not None


async def test_the_group_of_the_best_answer_comes_first(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        await pilot.press("ctrl+g")
        await searched(pilot, browser, "parser")
        one = [line.strip() for line in lines(browser) if "▾" in line]
        await searched(pilot, browser, "crankshaft")
        several = [line.strip() for line in lines(browser) if "▾" in line]

        assert ["▾  /srv/tabs  1"] == one
        assert ["▾  /srv/mill  2", "▾  /srv/tabs  1"] == several


# ── saved searches ────────────────────────────────────────────────────────────────────────────────────


async def test_a_search_is_saved_chosen_renamed_removed_and_brought_back(
    app_of: Callable[..., SessionApp], home: Path
) -> None:
    app = app_of()
    async with app.run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        await searched(pilot, browser, "agent:claude crankshaft")
        await pilot.press("tab", "S")
        await answered(pilot)
        await pilot.press(*"mill", "enter")
        await answered(pilot)
        screen = app.screen
        assert isinstance(screen, SavedScreen)
        await pilot.press("r", "end", *"work", "enter")
        await answered(pilot)
        renamed = [one.name for one in browser._library.userdata.searches.all()]
        await pilot.press("d")
        await answered(pilot)
        removed = browser._library.userdata.searches.all()
        await pilot.press("u")
        await answered(pilot)
        await pilot.press("escape")
        await answered(pilot)
        await searched(pilot, browser, "")
        await pilot.press("ctrl+o")
        await answered(pilot)
        await pilot.press("enter")
        await answered(pilot)

        assert ["millwork"] == renamed
        assert () == removed
        assert "agent:claude crankshaft" == browser.search.value
        assert 2 == len(browser.shown)
        assert any(entry.title == "Search: millwork" for entry in app.get_system_commands(app.screen))


async def test_a_saved_name_is_replaced_only_by_a_second_enter(app_of: Callable[..., SessionApp]) -> None:
    app = app_of()
    async with app.run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        searches = browser._library.userdata.searches
        searches.save("mill", "wheel")
        await searched(pilot, browser, "crankshaft")
        await pilot.press("tab", "S")
        await answered(pilot)
        await pilot.press(*"mill", "enter")
        await answered(pilot)
        told = str(app.screen.query_one("#problem", Static).content)
        before = [one.query for one in searches.all()]
        await pilot.press("enter")
        await answered(pilot)

        assert "wheel" in told and "Enter again replaces it" in told
        assert [["wheel"], ["crankshaft"]] == [before, [one.query for one in searches.all()]]


async def test_saved_searches_that_cannot_be_read_are_said(app_of: Callable[..., SessionApp], home: Path) -> None:
    app = app_of()
    async with app.run_test(size=LARGE) as pilot:
        await ready(pilot)
        (home / ".data" / "overlay.db").write_text("no database at all, only words that stand here")
        await pilot.press("ctrl+o")
        await answered(pilot)

        assert isinstance(app.screen, SavedScreen)
        assert str(app.screen.query_one("#problem", Static).content)
        assert not app.screen.query_one(OptionList).display
        assert not app.screen.query_one(Input).display


# ── why a row is listed ───────────────────────────────────────────────────────────────────────────────


async def test_a_large_screen_tells_of_every_row_why_it_is_listed(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        await searched(pilot, browser, "crankshaft")
        told = "\n".join(lines(browser))
        await searched(pilot, browser, "")

        assert "answer Grease the crankshaft." in told
        assert "tool result crankshaft 12" in told
        assert "you why crankshaft?" in told
        assert "crankshaft" not in "\n".join(lines(browser))


async def test_a_small_screen_tells_it_of_the_selected_row_in_its_last_line(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=SMALL) as pilot:
        browser = await ready(pilot)
        await searched(pilot, browser, "crankshaft")
        first = lines(browser)[-1]
        await pilot.press("down", "down")
        await answered(pilot)

        assert "crankshaft" in first
        assert "tool result crankshaft 12" in lines(browser)[-1]


async def test_a_mistyped_word_is_told_as_such(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        await searched(pilot, browser, "crankshfat")
        await searched(pilot, browser, "crankshaftt")

        assert "≈ Grease the crankshaft" in "\n".join(lines(browser))


# ── mistakes and nothing ──────────────────────────────────────────────────────────────────────────────


async def test_the_status_names_the_first_mistake(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        await searched(pilot, browser, "state:broken crankshaft date:soon")

        assert status(browser).startswith("3 of 5")
        assert "! a state is one of" in status(browser)


async def test_nothing_found_says_what_was_ignored_and_what_to_do(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        await searched(pilot, browser, "state:broken agent:claude harbour")
        told = "\n".join(line.plain for line in browser._why_empty())

        assert [] == titles(browser)
        assert "“state:broken” was ignored" in told
        assert "F3 shows other agents: 1 session matches there" in told
        assert "Esc clears" in told


# ── ids and paths ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["id", "ref", "path", "file", "quoted"])
async def test_what_is_pasted_leads_to_its_session(app_of: Callable[..., SessionApp], home: Path, kind: str) -> None:
    id = session_id(1)
    path = home / ".claude/projects/-srv-mill" / f"{id}.jsonl"
    pasted = {
        "id": f" {id} ",
        "ref": f"claude:{id}",
        "path": str(path),
        "file": path.name,
        "quoted": f"'~/{path.relative_to(home)}'",
    }
    async with app_of().run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        await searched(pilot, browser, pasted[kind])
        await until(pilot, lambda: browser.viewer.transcript is not None)

        assert [id] == [session.key.id for session in browser.shown]
        assert "by its id or file" in status(browser)
        assert browser.viewer.transcript is not None
        assert id == browser.viewer.transcript.session.key.id


async def test_what_is_pasted_is_found_outside_the_scope(app_of: Callable[..., SessionApp]) -> None:
    async with app_of(cwd=Path("/srv/tabs")).run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        await pilot.press("ctrl+t")
        await searched(pilot, browser, session_id(2))

        assert [session_id(2)] == [session.key.id for session in browser.shown]


# ── where a result leads ──────────────────────────────────────────────────────────────────────────────


def marked(browser: Browser) -> list[str]:
    """The marked words on the viewer's screen."""
    style = browser.viewer.ink  # The viewer is mounted.
    assert style is not None
    assert browser.viewer._terms is not None
    text = "\n".join(browser.viewer.render_line(y).text for y in range(browser.viewer.size.height))
    return browser.viewer._terms.findall(text)


@pytest.mark.parametrize(
    ("query", "id", "found"),
    [
        ("crankshaft agent:claude", 0, "crankshaft"),
        ("cafe", 2, "Café"),
        ("水車", 2, "水車"),
        ('"Grease the crankshaft"', 0, "Grease the crankshaft"),
        ("sakcs", 1, "sacks"),
        ("crankshaftt agent:claude", 0, "crankshaft"),
    ],
)
async def test_a_result_lands_on_its_words_and_n_moves_on(
    app_of: Callable[..., SessionApp], query: str, id: int, found: str
) -> None:
    async with app_of().run_test(size=SMALL) as pilot:
        browser = await ready(pilot)
        await searched(pilot, browser, query)
        await until(pilot, lambda: browser._landed_on is not None and not browser.viewer.note)
        await answered(pilot)
        assert browser.viewer.transcript is not None
        if browser.viewer.transcript.session.key.id != session_id(id):
            pytest.fail(f"the best answer is another one: {titles(browser)}")
        landed = marked(browser)
        await pilot.press("tab", "right", "n")
        await until(pilot, lambda: browser.viewer._matches is not None and browser.viewer._matches.is_done)
        await pilot.press("N")
        await pilot.pause()

        assert found in landed
        assert found in marked(browser)


async def test_typing_on_moves_the_conversation_on_show_to_the_new_place(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=SMALL) as pilot:
        browser = await ready(pilot)
        await searched(pilot, browser, "agent:claude grease")
        await answered(pilot)
        await searched(pilot, browser, "agent:claude grease stands")
        await answered(pilot)
        await until(pilot, lambda: browser._landed_on is not None and browser._landed_on[1] == ("grease", "stands"))

        assert browser.viewer.transcript is not None
        assert session_id(0) == browser.viewer.transcript.session.key.id


# ── while something is on its way ─────────────────────────────────────────────────────────────────────


async def test_an_answer_to_an_older_query_is_dropped(
    app_of: Callable[..., SessionApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of()
    async with app.run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        searches, go, waiting = browser._library.searches, Event(), Event()
        plain = searches.matching

        def slow(wanted: Query, sessions: Sequence[Session], **more: object) -> list[tuple[Session, Match | None]]:
            if more.get("work") and wanted.terms == ("crankshaft",):
                waiting.set()
                go.wait(SECONDS)
            return plain(wanted, sessions, subagents=True, work=bool(more.get("work")))

        monkeypatch.setattr(searches, "matching", slow)
        browser.search_for("crankshaft")
        await until(pilot, waiting.is_set)
        browser.search_for("harbour")
        await pilot.pause()
        between = titles(browser)
        go.set()
        await answered(pilot)

        assert ["Harbour lights"] == between == titles(browser)


async def test_the_selection_stays_when_deeper_answers_come_in(
    app_of: Callable[..., SessionApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with app_of().run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        searches, go, waiting = browser._library.searches, Event(), Event()
        plain = searches.matching

        def slow(wanted: Query, sessions: Sequence[Session], **more: object) -> list[tuple[Session, Match | None]]:
            if more.get("work"):
                waiting.set()
                go.wait(SECONDS)
            return plain(wanted, sessions, subagents=True, work=bool(more.get("work")))

        monkeypatch.setattr(searches, "matching", slow)
        browser.search_for("crankshaft")
        await until(pilot, waiting.is_set)
        before = len(browser.shown)
        await pilot.press("down")
        held = browser.rows.selected
        go.set()
        await answered(pilot)

        assert [2, 3] == [before, len(browser.shown)]
        assert held is not None
        assert browser.rows.selected is not None
        assert held.key == browser.rows.selected.key


async def test_typing_selects_the_best_answer_and_clearing_keeps_it(app_of: Callable[..., SessionApp]) -> None:
    async with app_of().run_test(size=LARGE) as pilot:
        browser = await ready(pilot)
        await pilot.press("down", "down")
        await searched(pilot, browser, "crankshaft")
        cursor = browser.rows.cursor
        await searched(pilot, browser, "harbour")
        await pilot.press("escape")
        await answered(pilot)

        assert 0 == cursor
        assert browser.rows.selected is not None
        assert "Harbour lights" == browser.rows.selected.title


async def test_what_becomes_findable_while_a_query_stands_is_listed(
    app_of: Callable[..., SessionApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of(query="crankshaft")
    searches, go, waiting = app.library.searches, Event(), Event()
    plain = searches.refresh

    def slow(*found: object, **more: object) -> object:
        waiting.set()
        go.wait(SECONDS)
        return plain(*found, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(searches, "refresh", slow)
    async with app.run_test(size=LARGE) as pilot:
        browser = app._browser
        await until(pilot, waiting.is_set)
        await pilot.press("end", "backspace", "t")
        await answered_beside(pilot, browser)
        before = titles(browser)
        go.set()
        await ready(pilot)
        await answered(pilot)

        assert [] == before
        assert 3 == len(browser.shown)
        assert "crankshaft" == browser.search.value


async def answered_beside(pilot: Pilot[object], browser: Browser) -> None:
    """Until the list has answered, whatever else is going on."""
    for _ in range(6):
        await pilot.pause(0.05)
