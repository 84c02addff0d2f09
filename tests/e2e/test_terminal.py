"""The whole program in a real terminal, small and large: open, filter, read, fold, resume, return, quit."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import AGENTS
from tests.e2e.terminal import Terminal

pytestmark = pytest.mark.e2e

SIZES = ((80, 24), (200, 50))
Opener = Callable[..., Terminal]
# What a terminal must be like again: no alternate screen, a cursor, no mouse, no bracketed paste left on.
CALM = {"alternate_on": "0", "cursor_flag": "1", "mouse_any_flag": "0", "mouse_sgr_flag": "0"}


def open_ui(terminal: Terminal, *arguments: str) -> str:
    terminal.run("stty -a > before")
    terminal.run(" ".join(["clear;", "session-tui", *arguments, "; echo ENDED-$?"]))
    return terminal.wait(lambda screen: is_settled(screen) and " messages" in screen)


def is_settled(screen: str) -> bool:
    """Whether rows are listed and the look at the stores is over: the count then ends its line."""
    return re.search(r"[1-9]\d* of \d+ *$", screen, re.MULTILINE) is not None


def assert_calm(terminal: Terminal, home: Path, *, code: int) -> None:
    terminal.wait(rf"ENDED-{code}")
    terminal.run("stty -a > after; echo TOLD")
    terminal.wait(lambda screen: screen.count("TOLD") >= 2)

    assert CALM == {name: terminal.flag(name) for name in CALM}
    assert (home / "before").read_text() == (home / "after").read_text()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_list_and_the_newest_conversation_are_on_screen(terminal: Opener, width: int, height: int) -> None:
    screen = open_ui(terminal(width=width, height=height))

    assert "Search everything" in screen
    assert "You" in screen or "Assistant" in screen
    assert re.search(r"\d+% of \d+k|tokens|window", screen)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_typing_narrows_the_list_and_escape_clears(terminal: Opener, width: int, height: int) -> None:
    one = terminal(width=width, height=height)
    before = open_ui(one)

    one.type("zzzqqq")
    one.wait("Nothing matches")
    one.press("Escape")

    total = re.search(r"\d+ of \d+", before)
    assert total is not None
    one.wait(re.escape(total[0]))


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_viewer_scrolls_folds_and_finds(terminal: Opener, width: int, height: int) -> None:
    one = terminal(width=width, height=height)
    open_ui(one)

    one.press("Tab")
    one.press("Right")
    one.wait("← Back")
    one.press("g")
    one.type("/")
    one.wait("To the match")
    one.press("Escape")
    one.wait(lambda screen: "To the match" not in screen)
    one.press("t")
    one.press("q")
    one.wait("Resume")


@pytest.mark.parametrize("agent", AGENTS)
def test_enter_hands_the_terminal_to_the_agent_and_takes_it_back(
    terminal: Opener, home: Path, record: Path, agent: str
) -> None:
    one = terminal()
    open_ui(one, "--store", agent)
    resumable = one.screen()

    one.press("Enter")
    one.wait(f"STAND-IN {agent}|annot resume")
    assert f"STAND-IN {agent}" in one.screen(), resumable
    name, cwd, *arguments = record.read_text().splitlines()
    one.run("bye")
    one.wait(is_settled)
    one.wait("exit code 7")
    one.press("C-q")

    assert agent == name
    assert Path(cwd).is_dir()
    assert arguments
    assert_calm(one, home, code=0)


def test_an_agent_that_dies_in_a_mess_leaves_a_usable_ui_and_terminal(
    terminal: Opener, home: Path, record: Path
) -> None:
    one = terminal()
    open_ui(one, "--store", AGENTS[1])

    one.press("Enter")
    one.wait("STAND-IN")
    one.run("crash")
    one.wait(is_settled)
    one.press("C-q")

    assert_calm(one, home, code=0)


def test_an_interrupt_meant_for_the_agent_does_not_end_us(terminal: Opener, home: Path) -> None:
    one = terminal()
    open_ui(one, "--store", AGENTS[1])

    one.press("Enter")
    one.wait("STAND-IN")
    one.press("C-c")
    one.wait(is_settled)
    one.press("C-q")

    assert_calm(one, home, code=0)


def test_the_resume_command_is_copied_to_the_terminal(terminal: Opener) -> None:
    one = terminal()
    open_ui(one, "--store", AGENTS[1])

    one.press("C-y")
    one.wait("Copied")

    assert AGENTS[1] in one.buffer()


@pytest.mark.parametrize(("name", "code"), [("TERM", 143), ("HUP", 129)])
def test_a_signal_ends_us_in_good_order(terminal: Opener, home: Path, name: str, code: int) -> None:
    one = terminal()
    open_ui(one)

    one.signal(name)

    assert_calm(one, home, code=code)


def test_a_crash_of_ours_leaves_the_terminal_as_it_was(terminal: Opener, home: Path) -> None:
    (home / "crashing.py").write_text(
        "import sys\n"
        "from session_tui.tui import listing\n"
        "from session_tui.cli.main import main\n"
        "def fail(*_): raise RuntimeError('out of order')\n"
        "listing.Listing.sort_by = fail\n"
        "sys.argv = ['session-tui']\n"
        "sys.exit(main())\n"
    )
    one = terminal()
    one.run("stty -a > before; clear; python crashing.py; echo ENDED-$?")
    one.wait(is_settled)

    one.press("C-s")

    screen = one.wait("ENDED-1")
    assert "error: the UI failed" in screen
    assert "Traceback" not in screen
    assert_calm(one, home, code=1)


def test_the_demo_opens_on_a_machine_without_conversations(terminal: Opener, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    one = terminal()
    one.run(f"cd {empty}; HOME={empty} session-tui")
    one.wait("No conversations found")

    one.press("Enter")

    one.wait(is_settled)
    one.press("C-q")
    assert [] == [path for path in empty.rglob("*") if path.is_file() and "session-tui" not in str(path)]
