"""Rows are on screen before the UI is, nothing typed meanwhile is lost, and errors still show."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from session_tui.registry import discover
from session_tui.tui.first_rows import PLACEHOLDER
from tests.e2e.terminal import Terminal
from tests.e2e.test_terminal import CALM, assert_calm, is_settled, open_ui

pytestmark = pytest.mark.e2e

Opener = Callable[..., Terminal]
# Opens the kept screen and then waits for a key instead of importing anything.
PAINT_ONLY = (
    "python -c 'from session_tui import first_screen as f; import sys; f.paint([]); sys.stdin.read(1); f.take_back()'"
)
# Draws the rows that a first glance finds and then waits for a key instead of importing the UI.
GLANCE_ONLY = PAINT_ONLY.replace("f.paint([])", "from session_tui.cli import first_look; first_look.paint()")
MARKS = {kind.mark for kind in discover().adapters.values()}


def kept(home: Path) -> Path:
    return home / ".cache/session-tui/first-screen"


def test_the_first_screen_is_kept_and_shown_again(terminal: Opener, home: Path) -> None:
    one = terminal()
    screen = open_ui(one)
    one.wait(lambda _: kept(home).exists())
    one.press("C-q")
    one.wait("ENDED-0")

    one.run(f"clear; {PAINT_ONLY}; echo ENDED-$?")
    painted = one.wait(is_settled)
    one.press("x")

    titles = [line[:30] for line in screen.splitlines()[1:4]]
    assert titles == [line[:30] for line in painted.splitlines()[1:4]]
    assert 0o600 == kept(home).stat().st_mode & 0o777
    assert_calm(one, home, code=0)


def test_what_is_typed_before_the_ui_is_there_is_not_lost(terminal: Opener, home: Path) -> None:
    one = terminal()
    open_ui(one)
    one.wait(lambda _: kept(home).exists())
    one.press("C-q")
    one.wait("ENDED-0")

    one.run("clear; session-tui; echo ENDED-$?")
    one.type("basket")

    one.wait(r"❯ +basket")
    one.press("C-q")
    assert_calm(one, home, code=0)


def test_another_size_does_not_show_the_old_screen(terminal: Opener, home: Path) -> None:
    small = terminal()
    open_ui(small)
    small.wait(lambda _: kept(home).exists())
    small.press("C-q")

    large = terminal(width=120, height=30)
    large.run(f"clear; {PAINT_ONLY}; echo ENDED-$?")
    large.run("x")

    large.wait("ENDED-0")
    assert PLACEHOLDER not in large.screen()


def test_an_error_before_the_ui_is_readable(terminal: Opener, home: Path) -> None:
    one = terminal()
    open_ui(one)
    one.wait(lambda _: kept(home).exists())
    one.press("C-q")
    one.wait("ENDED-0")
    (home / ".config/session-tui").mkdir(parents=True, exist_ok=True)
    (home / ".config/session-tui/config.yaml").write_text("them: x\n")

    one.run("clear; session-tui; echo ENDED-$?")

    assert "error: " in one.wait("ENDED-2")
    assert_calm(one, home, code=2)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (130, 40)])
def test_a_first_launch_shows_rows_that_the_ui_then_keeps(
    terminal: Opener, home: Path, width: int, height: int
) -> None:
    one = terminal(width=width, height=height)
    one.run("stty -a > before")

    one.run(f"clear; {GLANCE_ONLY}; echo ENDED-$?")
    painted = one.wait("looking….*(\\n.*)*palette")
    one.press("x")
    assert_calm(one, home, code=0)
    screens: list[str] = []
    one.run("clear; session-tui; echo ENDED-$?")

    def is_over(screen: str) -> bool:
        screens.append(screen)
        return is_settled(screen) and " messages" in screen

    one.wait(is_over)

    # What was seen twice is no frame that is only half drawn.
    screens = [one for one, other in pairwise(screens) if one == other]
    shown = [[row for row in rows(screen) if row in rows(painted)] for screen in screens]
    first = next(place for place, found in enumerate(shown) if found == rows(painted))
    # Newer sessions of other places may push some down; none goes away or changes its place among them.
    for found in shown[first:]:
        assert rows(painted)[: max(6, len(found))] == found
    assert "looking…" in screens[first]
    one.press("C-q")
    assert_calm(one, home, code=0)


def test_what_is_typed_during_a_first_launch_is_not_lost(terminal: Opener, home: Path) -> None:
    one = terminal()
    one.run("stty -a > before")

    one.run("clear; session-tui; echo ENDED-$?")
    one.type("basket")

    one.wait(r"❯ +basket")
    one.press("C-q")
    assert_calm(one, home, code=0)


def test_a_stop_before_the_ui_is_there_leaves_the_terminal_as_it_was(terminal: Opener, home: Path) -> None:
    one = terminal()
    one.run("stty -a > before")

    one.run("clear; session-tui; echo ENDED-$?")
    one.wait("looking…")
    one.press("C-c")
    one.wait(lambda screen: "ENDED-130" in screen or " messages" in screen)
    one.press("C-q")

    one.wait(r"ENDED-\d")
    assert {name: one.flag(name) for name in CALM} == CALM


def rows(screen: str) -> list[str]:
    """The lines of the list that hold sessions, up to the columns that change as more becomes known."""
    return [line[1:30] for line in screen.splitlines()[1:] if line[2:3] in MARKS]
