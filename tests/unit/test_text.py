"""What is drawn is safe, and figures fit their cells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_tui import text

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("foreign", "drawn"),
    [
        ("plain", "plain"),
        ("two\nlines\tand tabs", "two lines and tabs"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("left\u202eright", "left right"),
        ("a\u2028b\x00c\x9bd", "a b c d"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
    ],
)
def test_one_line_holds_nothing_that_moves_a_cursor(foreign: str, drawn: str) -> None:
    assert drawn == text.one_line(foreign)


@given(st.text(alphabet=st.characters()))
def test_drawable_text_has_no_control_but_line_ends(foreign: str) -> None:
    drawn = text.drawable(foreign)

    assert not [c for c in drawn if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u202e\u2066\u200f")]


def test_drawable_keeps_lines_and_widens_tabs() -> None:
    assert "a\n    b" == text.drawable("a\r\n\tb")


@pytest.mark.parametrize(
    ("back", "said"),
    [
        (timedelta(seconds=5), "now"),
        (timedelta(minutes=5), "5m"),
        (timedelta(hours=3), "3h"),
        (timedelta(days=2), "2d"),
        (timedelta(days=15), "2w"),
        (timedelta(days=120), "4mo"),
        (timedelta(days=800), "2y"),
        (-timedelta(hours=1), "now"),
    ],
)
def test_ages_fit_four_cells(back: timedelta, said: str) -> None:
    assert said == text.age(NOW - back, NOW)


def test_an_unknown_age_is_a_dash() -> None:
    assert "–" == text.age(None, NOW)


@pytest.mark.parametrize(
    ("number", "said"), [(None, "–"), (0, "0"), (812, "812"), (8123, "8.1k"), (62_000, "62k"), (1_300_000, "1.3M")]
)
def test_counts_fit_five_cells(number: int | None, said: str) -> None:
    assert said == text.count(number)


def test_stamps_are_utc_with_six_decimals() -> None:
    local = datetime(2026, 5, 25, 19, 27, 6, 120394, tzinfo=timezone(timedelta(hours=8)))

    assert "2026-05-25T11:27:06.120394Z" == text.stamp(local)
    assert text.stamp(None) is None


@pytest.mark.parametrize("title", ["../../etc/passwd", "CON", "a/b\\c:d", "[bold]", "", "日本語のタイトル", "x" * 300])
def test_slugs_are_safe_file_names(title: str) -> None:
    name = text.slug(title)

    assert name
    assert not set(name) & set('/\\:*?"<>|\0.')
    assert "con" != name
    assert len(name) <= 68


def test_a_title_is_the_first_line_that_says_something() -> None:
    assert "Fix it" == text.title_from_prompt("\n   \n  Fix it  \nplease")
    assert 200 == len(text.title_from_prompt("word " * 100))
