"""From a word that is typed to the place where it was said, in a real terminal, small and large."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.terminal import Terminal

pytestmark = pytest.mark.e2e

SIZES = ((80, 24), (200, 50))
Opener = Callable[..., Terminal]


def open_ui(terminal: Terminal) -> None:
    terminal.run("clear; session-tui; echo ENDED-$?")
    terminal.wait(is_settled)


def is_settled(screen: str) -> bool:
    """Whether rows are listed and a conversation is on show."""
    return re.search(r"[1-9]\d* of \d+ *$", screen, re.MULTILINE) is not None and " messages" in screen


def is_answered(screen: str) -> bool:
    """Whether sessions that answer are listed."""
    return "cookie" in screen.split("\n", 3)[3] and re.search(r"[1-9]\d* of \d+ · \d+ ms", screen) is not None


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_word_leads_to_its_place_and_n_to_the_next(terminal: Opener, width: int, height: int) -> None:
    one = terminal(width=width, height=height)
    open_ui(one)

    one.type("cookie")
    one.wait(is_answered)
    one.wait(r"(answer|you|thinking|tool call|tool result) .*cookie")
    one.press("Tab")
    one.wait("→ Read")
    one.press("Right")
    one.wait("← Back")
    landed = one.screen()
    one.press("n")
    one.press("n")
    one.press("n")
    moved = one.wait("cookie")

    assert "cookie" in landed.lower()
    assert "cookie" in moved.lower()


@pytest.mark.parametrize("key", ["F3", "C-Right"])
def test_keys_that_choose_an_agent_reach_us_while_typing(terminal: Opener, key: str) -> None:
    one = terminal()
    open_ui(one)

    one.type("cookie")
    one.wait("[1-9] of .* ms")
    one.press(key)
    one.wait(r"❯ +agent:\w+ cookie")
    one.press(key)
    one.press("C-g")

    one.wait(r"▾ .*  \d+")


def test_an_id_from_the_command_line_leads_to_its_session(terminal: Opener, home: Path) -> None:
    one = terminal(width=200, height=50)
    one.run("clear; session-tui list --json --limit 200 > list.json; echo LISTED")
    one.wait("(?m)^LISTED")
    listed = json.loads((home / "list.json").read_text(encoding="utf-8"))["sessions"]
    id = next(session["id"] for session in listed if len(session["id"]) > 8 and re.search(r"\d", session["id"]))
    open_ui(one)

    one.type(id)

    one.wait("1 of .* by its id or file")
