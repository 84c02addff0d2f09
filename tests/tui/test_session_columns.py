"""Rows of the session list as cells: which columns stay, and that nothing foreign moves them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.cells import cell_len

from session_tui.catalog import Look
from session_tui.model import Health, Session, SessionKey, SessionState
from session_tui.tui.widgets import session_columns

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LOOKS = {"amber": Look("amber", "Amber", "◆", "orange")}
HOSTILE = [
    "\x1b[31mred\x1b[0m alert\x07",
    "[bold]not markup[/bold] [/]",
    "two\nlines\r\nand\ttabs",
    "レート制限のミドルウェアを直して、そして試験も書く",
    "수십만 행의 목록을 빠르게 그리기",
    "شرح خوارزمية الترتيب\u202e reversed",
    "👩\u200d👩\u200d👧\u200d👦 family 🏮🌘 ❤\ufe0f lantern",
    "a\u0301ccents e\u0301 combining",
    "x" * 5000,
    "\ud800 lone surrogate",
    "",
    "   ",
]


def session(number: int) -> Session:
    return Session(key=SessionKey("amber", f"s{number}"), updated_at=NOW)


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (24, ["age"]),
        (40, ["age", "signs"]),
        (52, ["age", "signs", "messages"]),
        (60, ["age", "signs", "messages", "tokens"]),
        (80, ["age", "signs", "messages", "tokens", "project"]),
        (99, ["age", "signs", "messages", "tokens", "project", "branch"]),
        (109, ["age", "signs", "messages", "tokens", "project", "branch", "agent"]),
    ],
)
def test_columns_drop_away_in_the_order_of_their_importance(width: int, shown: list[str]) -> None:
    columns = session_columns.columns(width)

    every = ("age", "signs", "messages", "tokens", "project", "branch", "agent")
    assert shown == [name for name in every if getattr(columns, name)]
    assert columns.title >= 12


@pytest.mark.parametrize("width", [1, 3, 10, 24, 30, 40, 41, 55, 80, 99, 110, 131, 200])
def test_every_row_has_the_same_cells_whatever_its_title(width: int) -> None:
    columns = session_columns.columns(width)
    drawing = session_columns.Drawing(LOOKS, NOW, ("e",))
    rows = [
        replace(session(number), title=title, project=f"/home/ana/{title}", git_branch=title, message_count=10**number)
        for number, title in enumerate(HOSTILE)
    ]

    drawn = [session_columns.row(row, columns, drawing, marked=False) for row in rows]
    widths = {sum(cell_len(words) for words, _ in pieces) for pieces in drawn}

    assert len(widths) == 1
    assert all(word.isprintable() for pieces in drawn for word, _ in pieces)
    if width >= 10:
        assert widths == {width - 2}


def test_the_weightiest_signs_win_where_there_is_room_for_two() -> None:
    row = replace(session(1), pinned=True, health=Health.PARTIAL, compaction_count=2, state=SessionState.ARCHIVED)
    drawing = session_columns.Drawing(LOOKS, NOW)

    narrow = "".join(words for words, _ in session_columns.row(row, session_columns.columns(60), drawing, marked=False))
    wide = "".join(words for words, _ in session_columns.row(row, session_columns.columns(100), drawing, marked=False))

    assert "!★ " in narrow
    assert "!★▤∿" in wide


def test_a_project_is_shown_by_its_last_part_and_in_full_where_there_is_room() -> None:
    def shown(project: str, width: int) -> str:
        pieces = session_columns._project(project, width, ())
        return "".join(words for words, _ in pieces).rstrip()

    assert "tabs" == shown("/home/ana/tabs/", 13)
    assert "lexer" == shown("C:\\Users\\ana\\lexer", 13)
    assert "/" == shown("/", 13)
    assert "/home/ana/tabs" == shown("/home/ana/tabs", 24)
    assert "…t/of/directories/tabs" == shown("/home/ana/a/long/list/of/directories/tabs", 22)
