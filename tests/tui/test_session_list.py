"""The list of sessions: what stays put, what is drawn at which width, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, overload

import pytest
from rich.cells import cell_len
from textual import events
from textual.app import App, ComposeResult
from textual.color import Color
from textual.content import Content
from textual.strip import Strip

from session_tui.catalog import Look
from session_tui.model import Health, Problem, Session, SessionKey, SessionKind, SessionState, TokenSource
from session_tui.tui.themes import variable_defaults
from session_tui.tui.widgets.session_list import SessionList

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LOOKS = {
    "amber": Look("amber", "Amber", "◆", "#e0a458"),
    "brook": Look("brook", "Brook", "●", "not a colour"),
}


def session(number: int) -> Session:
    return Session(
        key=SessionKey("amber", f"s{number}"),
        title=f"Session number {number}",
        updated_at=NOW - timedelta(minutes=number),
    )


def sessions(count: int) -> list[Session]:
    return [session(number) for number in range(count)]


class WatchedList(SessionList):
    """A list that remembers which of its lines were drawn."""

    def __init__(self, looks: dict[str, Look]) -> None:
        super().__init__(looks, now=lambda: NOW)
        self.drawn: list[int] = []

    def render_line(self, y: int) -> Strip:
        self.drawn.append(y)
        return super().render_line(y)


class ListApp(App[None]):
    AUTO_FOCUS = "SessionList"

    def __init__(self, rows: Sequence[Session] = ()) -> None:
        super().__init__()
        self.rows = rows
        self.told: list[tuple[str, object]] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return variable_defaults(self.current_theme)

    def compose(self) -> ComposeResult:
        yield WatchedList(LOOKS)

    def on_mount(self) -> None:
        self.list.set_rows(self.rows)

    @property
    def list(self) -> WatchedList:
        return self.query_one(WatchedList)

    def line(self, y: int) -> str:
        return self.list.render_line(y).text

    def on_session_list_highlighted(self, message: SessionList.Highlighted) -> None:
        self.told.append(("highlighted", message.session.key.id if message.session else None))

    def on_session_list_chosen(self, message: SessionList.Chosen) -> None:
        self.told.append(("chosen", message.session.key.id))

    def on_session_list_marked(self, message: SessionList.Marked) -> None:
        self.told.append(("marked", sorted(key.id for key in message.marks)))


# ── the cursor ────────────────────────────────────────────────────────────────────────────────────────


async def test_the_cursor_stays_on_its_session_when_rows_move() -> None:
    app = ListApp(sessions(10))
    async with app.run_test() as pilot:
        app.list.cursor = 4

        app.list.set_rows([session(99), session(98), *reversed(app.rows)])
        await pilot.pause()

        assert app.list.selected is not None
        assert app.list.selected.key.id == "s4"
        assert app.list.cursor == 7


async def test_the_cursor_stays_at_its_index_when_its_session_is_gone() -> None:
    app = ListApp(sessions(10))
    async with app.run_test():
        app.list.cursor = 4
        app.list.set_rows([row for row in app.rows if row.key.id != "s4"])

        assert app.list.cursor == 4
        app.list.set_rows(sessions(2))
        assert app.list.cursor == 1


async def test_two_roots_that_hold_one_id_are_told_apart() -> None:
    twins = [replace(session(1), key=SessionKey("amber", "s1", root)) for root in ("/one", "/two")]
    app = ListApp(twins)
    async with app.run_test():
        app.list.cursor = 1
        app.list.set_rows([session(7), *twins])

        assert app.list.selected == twins[1]


async def test_a_scrolled_list_keeps_the_cursor_on_its_line() -> None:
    app = ListApp(sessions(100))
    async with app.run_test(size=(80, 20)) as pilot:
        app.list.cursor = 50
        await pilot.pause()
        line = app.list.cursor - app.list.scroll_offset.y

        app.list.set_rows([session(200 + number) for number in range(30)] + sessions(100))
        await pilot.pause()

        assert app.list.cursor == 80
        assert app.list.cursor - app.list.scroll_offset.y == line


async def test_a_list_at_its_top_shows_what_arrives_there() -> None:
    app = ListApp(sessions(100))
    async with app.run_test(size=(80, 20)) as pilot:
        app.list.set_rows([session(500), *sessions(100)])
        await pilot.pause()

        assert app.list.scroll_offset.y == 0
        assert app.list.cursor == 1
        assert "number 500" in app.line(0)


async def test_moves_stop_at_both_ends_and_bring_the_row_into_sight() -> None:
    app = ListApp(sessions(100))
    async with app.run_test(size=(80, 20)) as pilot:
        app.list.action_move(-3)
        assert app.list.cursor == 0
        app.list.action_page(1)
        assert app.list.cursor == 19
        app.list.action_last()
        await pilot.pause()
        assert app.list.cursor == 99
        assert "number 99" in app.line(19)
        app.list.action_move(5)
        assert app.list.cursor == 99
        app.list.action_first()
        await pilot.pause()
        assert "number 0" in app.line(0)


async def test_highlighted_is_told_once_for_each_session_under_the_cursor() -> None:
    app = ListApp(sessions(5))
    async with app.run_test() as pilot:
        await pilot.pause()
        app.list.set_rows(list(reversed(app.rows)))
        await pilot.pause()
        app.list.action_move(-1)
        await pilot.pause()
        app.list.set_rows([])
        await pilot.pause()

        assert [("highlighted", "s0"), ("highlighted", "s1"), ("highlighted", None)] == app.told


# ── marks and the mouse ───────────────────────────────────────────────────────────────────────────────


async def test_marking_moves_on_and_marking_again_takes_the_mark_away() -> None:
    app = ListApp(sessions(3))
    async with app.run_test() as pilot:
        app.list.action_mark()
        await pilot.pause()

        assert app.list.cursor == 1
        assert app.line(0).startswith(" ✓◆ ")
        app.list.cursor = 0
        app.list.action_mark()
        assert frozenset() == app.list.marks


async def test_mark_all_marks_every_row_and_then_none() -> None:
    rows = sessions(3)
    app = ListApp(rows)
    async with app.run_test():
        app.list.action_mark_all()
        assert {row.key for row in rows} == app.list.marks
        app.list.action_mark_all()
        assert frozenset() == app.list.marks


async def test_marks_outlast_other_rows_unless_new_ones_are_given() -> None:
    rows = sessions(3)
    app = ListApp(rows)
    async with app.run_test():
        app.list.set_rows(rows, marks=frozenset({rows[2].key}))
        app.list.set_rows(rows[:2])
        assert frozenset({rows[2].key}) == app.list.marks
        app.list.set_rows(rows, marks=frozenset())
        assert frozenset() == app.list.marks


async def test_a_click_selects_a_double_click_chooses_and_the_first_cells_mark() -> None:
    app = ListApp(sessions(5))
    async with app.run_test() as pilot:
        await pilot.click(SessionList, offset=(10, 2))
        assert app.list.cursor == 2
        await pilot.click(SessionList, offset=(10, 3), times=2)
        await pilot.click(SessionList, offset=(1, 4))
        await pilot.click(SessionList, offset=(10, 15))
        await pilot.pause()

        assert ("chosen", "s3") in app.told
        assert ("marked", ["s4"]) in app.told
        assert app.list.cursor == 4


async def test_the_wheel_scrolls_and_leaves_the_cursor() -> None:
    app = ListApp(sessions(100))
    async with app.run_test(size=(80, 20)) as pilot:
        app.list.post_message(events.MouseScrollDown(app.list, 5, 5, 0, 1, 0, False, False, False))
        await pilot.pause()

        assert app.list.scroll_offset.y > 0
        assert app.list.cursor == 0


# ── what is drawn ─────────────────────────────────────────────────────────────────────────────────────


async def test_markup_in_a_title_is_drawn_as_it_is() -> None:
    app = ListApp([replace(session(1), title="[bold]not markup[/bold] [/]")])
    async with app.run_test():
        assert "[bold]not markup[/bold] [/]" in app.line(0)


async def test_ages_stand_right_and_align_below_each_other() -> None:
    rows = [session(0), session(3), replace(session(3000), title="日本語の題名"), replace(session(1), updated_at=None)]
    app = ListApp(rows)
    async with app.run_test(size=(60, 10)):
        ages = [app.line(y).rstrip().split()[-1] for y in range(4)]
        ends = {cell_len(app.line(y).rstrip()) for y in range(4)}

        assert ["now", "3m", "2d", "–"] == ages
        assert ends == {58}


@pytest.mark.parametrize(
    ("fields", "sign"),
    [
        ({"pinned": True}, "★"),
        ({"live": True}, "●"),
        ({"kind": SessionKind.SUBAGENT}, "↳"),
        ({"health": Health.PARTIAL}, "!"),
        ({"state": SessionState.ARCHIVED}, "▤"),
        ({"compaction_count": 1}, "∿"),
    ],
)
@pytest.mark.parametrize("width", [40, 80, 120])
async def test_each_state_has_a_sign_of_its_own(fields: dict[str, Any], sign: str, width: int) -> None:
    app = ListApp([replace(session(1), **fields), session(2)])
    async with app.run_test(size=(width, 5)):
        first = app.list.virtual_size.height - 2

        assert sign in app.line(first)
        assert sign not in app.line(first + 1)


@pytest.mark.parametrize(
    ("tokens", "source", "shown"),
    [
        (20_000, TokenSource.RECORDED, "20k ▁"),
        (100_000, TokenSource.RECORDED, "100k ▅"),
        (100_000, TokenSource.ESTIMATED, "≈100k ▅"),
        (151_000, TokenSource.RECORDED, "151k ▲"),
        (None, TokenSource.NONE, "–  "),
    ],
)
async def test_tokens_show_how_full_the_window_is(tokens: int | None, source: TokenSource, shown: str) -> None:
    app = ListApp([replace(session(1), token_count=tokens, token_source=source, context_window=200_000)])
    async with app.run_test(size=(80, 5)):
        assert shown in app.line(0)


async def test_a_wide_list_names_its_columns_and_shows_them_all() -> None:
    row = replace(
        session(1), project="/home/ana/work/tabs", git_branch="main", token_count=160_000, context_window=200_000
    )
    app = ListApp([row])
    async with app.run_test(size=(150, 10)):
        assert ["session", "project", "branch", "agent", "msgs", "tokens", "age"] == app.line(0).split()
        for words in ("/home/ana/work/tabs", "main", "Amber", "━━━━─▲"):
            assert words in app.line(1)
        assert app.line(0).index("project") == app.line(1).index("/home")


async def test_a_heading_stays_while_rows_scroll_and_the_last_row_is_reached() -> None:
    app = ListApp(sessions(100))
    async with app.run_test(size=(130, 20)) as pilot:
        app.list.action_last()
        await pilot.pause()

        assert app.line(0).split()[0] == "session"
        assert "number 99" in app.line(19)
        await pilot.click(SessionList, offset=(20, 1))
        assert app.list.cursor == 81


async def test_an_unreadable_session_says_why_and_an_unnamed_one_that_it_has_no_name() -> None:
    problem = Problem("x.jsonl", "the first line is not JSON")
    rows = [replace(session(1), title="", health=Health.UNREADABLE, problems=(problem,)), replace(session(2), title="")]
    app = ListApp([*rows, replace(session(3), title="", first_prompt="Why does it rain?")])
    async with app.run_test():
        assert "the first line is not JSON" in app.line(0)
        assert "untitled" in app.line(1)
        assert "Why does it rain?" in app.line(2)


async def test_matches_are_marked_in_any_case_and_with_or_without_accents() -> None:
    app = ListApp([replace(session(1), title="Le CAFÉ du coin, café fermé", project="/srv/cafe")])
    async with app.run_test(size=(80, 5)) as pilot:
        app.list.highlight(["cafe", "", "[", "Fermé"])
        await pilot.pause()
        match = Color.parse(app.theme_variables["match-background"]).rich_color
        lit = [part.text for part in app.list.render_line(0) if part.style and part.style.bgcolor == match]

        assert ["CAFÉ", "café", "fermé", "cafe"] == lit


async def test_the_selected_row_is_told_by_a_bar_that_is_broad_with_the_focus() -> None:
    app = ListApp(sessions(3))
    async with app.run_test() as pilot:
        app.list.cursor = 1
        await pilot.pause()
        assert ["  ◆", "▌ ◆", "  ◆"] == [app.line(y)[:3] for y in range(3)]
        ground = list(app.list.render_line(1))[-1].style

        app.set_focus(None)
        await pilot.pause()

        assert app.line(1).startswith("▎ ◆")
        assert ground != list(app.list.render_line(1))[-1].style


async def test_another_theme_is_seen_at_once() -> None:
    app = ListApp(sessions(3))
    async with app.run_test() as pilot:
        before = app.list.render_line(2)
        app.theme = "solarized-light"
        await pilot.pause()

        assert before.text == app.list.render_line(2).text
        assert before != app.list.render_line(2)


async def test_an_unknown_agent_and_a_colour_that_is_none_do_no_harm() -> None:
    rows = [
        session(1),
        replace(session(2), key=SessionKey("brook", "b")),
        replace(session(3), key=SessionKey("x", "y")),
    ]
    app = ListApp(rows)
    async with app.run_test():
        assert ["▌ ◆", "  ●", "  ●"] == [app.line(y)[:3] for y in range(3)]


# ── nothing to show ───────────────────────────────────────────────────────────────────────────────────


async def test_an_empty_list_says_so_in_the_middle_and_never_as_markup() -> None:
    app = ListApp()
    async with app.run_test(size=(60, 9)) as pilot:
        app.list.empty(["No session matches [/bold].", "", Content("Esc clears")])
        await pilot.pause()
        lines = [app.line(y).rstrip() for y in range(9)]

        assert ["", "", "", " " * 16 + "No session matches [/bold].", "", " " * 25 + "Esc clears", "", "", ""] == lines
        assert app.list.selected is None
        app.list.action_move(1)
        app.list.action_mark()
        app.list.action_last()
        assert app.list.cursor == 0


async def test_a_help_text_wider_than_the_list_is_wrapped() -> None:
    app = ListApp()
    async with app.run_test(size=(20, 9)) as pilot:
        app.list.empty("Nothing was found in any of the stores")
        await pilot.pause()

        assert "Nothing was found in any of the stores" == " ".join(" ".join(app.line(y) for y in range(9)).split())


# ── rows that change, and many of them ────────────────────────────────────────────────────────────────


async def test_a_row_is_replaced_in_place() -> None:
    app = ListApp(sessions(5))
    async with app.run_test(size=(60, 10)) as pilot:
        assert " – " in app.line(3)
        app.list.update_row(replace(session(3), message_count=42))
        app.list.update_row(replace(session(77), message_count=1))
        await pilot.pause()

        assert " 42 " in app.line(3)
        app.list.cursor = 3
        assert app.list.selected is not None
        assert app.list.selected.message_count == 42


class Counted(Sequence[Session]):
    """A hundred thousand sessions that are made when asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def __len__(self) -> int:
        return 100_000

    @overload
    def __getitem__(self, index: int) -> Session: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Session]: ...

    def __getitem__(self, index: int | slice) -> Session | Sequence[Session]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        self.asked += 1
        return session(index)


async def test_of_a_hundred_thousand_rows_only_those_in_sight_are_read() -> None:
    rows = Counted()
    app = ListApp(rows)
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.pause()
        app.list.action_last()
        await pilot.pause()
        app.list.action_page(-1)
        app.list.set_rows(rows)
        await pilot.pause()

        assert "number 99960" in app.list.render_line(app.list.cursor - app.list.scroll_offset.y).text
        assert rows.asked < 1000


async def test_a_step_down_draws_two_lines() -> None:
    app = ListApp(sessions(100))
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.pause()
        app.list.drawn.clear()
        app.list.action_move(1)
        await pilot.pause()

        assert [0, 1] == sorted(set(app.list.drawn))


async def test_a_smaller_window_keeps_the_cursor_in_sight() -> None:
    app = ListApp(sessions(100))
    async with app.run_test(size=(130, 40)) as pilot:
        app.list.cursor = 35
        await pilot.resize_terminal(50, 10)
        await pilot.pause()

        assert app.list.scroll_offset.y <= 35 < app.list.scroll_offset.y + 10
        assert any(app.line(y).startswith("▌") for y in range(10))
