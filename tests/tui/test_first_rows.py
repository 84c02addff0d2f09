"""The frame drawn by hand is the one that the live UI draws: the same words in the same places and colours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from threading import Event

import pytest
from rich.style import Style
from textual.strip import Strip
from textual.widgets import Input

from session_tui.agents.memory import Memory
from session_tui.catalog import Catalog, Look
from session_tui.model import Session, SessionKey, Transcript
from session_tui.paths import below
from session_tui.progress import Progress
from session_tui.tui import first_rows
from session_tui.tui.app import SessionApp
from session_tui.tui.first_rows import Places
from tests.first_colors import NOW, FewSessions, all_colors, sessions, written

LOOKS = {"memory": Look("memory", Memory.label, Memory.mark, Memory.color)}
SIZES = ((60, 14), (80, 24), (99, 31), (100, 30), (120, 40), (157, 43), (200, 50), (320, 90))


class Waiting(FewSessions):
    """A library whose first look and readings do not end before the test does."""

    ended = Event()

    def refresh(self, progress: Progress | None = None, *, each: object = None) -> Catalog:
        self.ended.wait()
        return Catalog()

    def open(self, key: SessionKey) -> Transcript:
        self.ended.wait()
        return Transcript(session=self.sessions[0])


async def live_frame(folder: Path, shown: list[Session], size: tuple[int, int], theme: str) -> list[Strip]:
    library = Waiting(folder, shown)
    library.ended = Event()
    app = SessionApp(library, places=below(folder), theme=theme, clock=lambda: NOW)
    async with app.run_test(size=size) as pilot:
        app.screen.query_one("#search", Input).cursor_blink = False
        await pilot.pause()
        strips = app.screen._compositor.render_strips()
        library.ended.set()
        await app.workers.wait_for_complete()
        await pilot.pause()
    return strips


def cells(strip: Strip) -> list[tuple[str, str, str]]:
    """Every character with its colour, none where nothing shows it, and its ground."""
    found = []
    for segment in strip:
        style = segment.style or Style.null()
        color, ground = (each.get_truecolor().hex if each else "" for each in (style.color, style.bgcolor))
        found += [(character, "" if character == " " else color, ground) for character in segment.text]
    return found


def by_hand(lines: Sequence[first_rows.Line], theme: str) -> list[list[tuple[str, str, str]]]:
    known = first_rows.colors(theme)
    assert known is not None
    painter = first_rows.Painter(known, LOOKS)
    return [
        [
            (character, "" if character == " " else painter.look(style)[0], painter.look(style)[1])
            for words, style in line
            for character in words
        ]
        for line in lines
    ]


@pytest.mark.parametrize("size", SIZES)
async def test_the_first_frame_is_the_one_of_the_live_ui(tmp_path: Path, size: tuple[int, int]) -> None:
    places = Places(*size)
    shown = sessions(places.rows)
    live = await live_frame(tmp_path, shown, size, "harbour-dark")

    drawn = first_rows.frame(places, shown, LOOKS, NOW)

    assert ["".join(segment.text for segment in strip) for strip in live] == [
        "".join(words for words, _ in line) for line in drawn
    ]


@pytest.mark.parametrize("theme", ["harbour-dark", "harbour-light", "moss"])
async def test_the_colours_are_those_of_the_theme(tmp_path: Path, theme: str) -> None:
    places = Places(120, 24)
    shown = sessions(9)
    live = await live_frame(tmp_path, shown, (120, 24), theme)

    drawn = by_hand(first_rows.frame(places, shown, LOOKS, NOW), theme)

    assert list(map(cells, live)) == drawn


def test_the_colours_on_file_are_those_of_the_themes() -> None:
    known = json.loads(first_rows.COLORS.read_text(encoding="utf-8"))

    assert all_colors() == known, "run python -m tests.first_colors"
    assert written(known) == first_rows.COLORS.read_text(encoding="utf-8")
