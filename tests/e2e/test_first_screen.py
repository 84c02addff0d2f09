"""The last first screen is back before the UI is, nothing typed meanwhile is lost, and errors still show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.terminal import Terminal
from tests.e2e.test_terminal import assert_calm, is_settled, open_ui

pytestmark = pytest.mark.e2e

Opener = Callable[..., Terminal]
# Opens the kept screen and then waits for a key instead of importing anything.
PAINT_ONLY = (
    "python -c 'from session_tui import first_screen as f; import sys; f.paint([]); sys.stdin.read(1); f.take_back()'"
)


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
    assert "Search titles" not in large.screen()


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
