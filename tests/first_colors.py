"""Writes the colours that the first frame is drawn in by hand: ``python -m tests.first_colors``.

They are what the live UI draws each part of the screen in, for every theme that comes with the program.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.style import Style
from textual.strip import Strip
from textual.widgets import Input

from session_tui.adapters.base import World
from session_tui.agents.memory import Memory
from session_tui.library import Library
from session_tui.model import Session, SessionKey
from session_tui.paths import below
from session_tui.registry import Registry
from session_tui.tui import themes
from session_tui.tui.app import SessionApp
from session_tui.tui.first_rows import COLORS, SELECTED
from session_tui.tui.widgets.agent_tabs import AgentTabs
from session_tui.tui.widgets.session_list import SessionList

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SIZE = (120, 20)
# Cells of a screen of that size, by the style that is found there.
PLACES = {
    "prompt": (1, 0),
    "field": (3, 0),
    "field cursor": (4, 0),
    "placeholder": (6, 0),
    "status": (-4, 0),
    "heading": (60, 2),
    "viewer": (60, 10),
    "gauge": (52, 18),
    "gauge words": (54, 18),
    "key": (1, 19),
    "key title": (4, 19),
    "key border": (-12, 19),
}
TAB_STYLES = ("tab", "tab chosen", "tab none")
ROW_STYLES = ("", "title", *(name.removeprefix("session-list--") for name in sorted(SessionList.COMPONENT_CLASSES)))


class FewSessions(Library):
    """A library that has been glanced at, and nothing more."""

    def __init__(self, folder: Path, sessions: list[Session]) -> None:
        world = World(folder, {}, folder, folder / "data")
        super().__init__(world, registry=Registry({"memory": Memory}))
        self.sessions = tuple(sessions)

    def snapshot(self, limit: int = 1000) -> tuple[Session, ...]:
        return self.sessions


def sessions(count: int) -> list[Session]:
    """Sessions of all ages."""
    return [
        Session(
            key=SessionKey("memory", f"s{number}"),
            title=f"{number} kettles, {'水' * number}, and a garden path that leads nowhere in particular",
            project=f"/srv/projects/garden-{number % 3}",
            git_branch="trellis",
            message_count=number * 7,
            token_count=number * 9000,
            context_window=200_000,
            pinned=number == 2,
            updated_at=NOW - timedelta(hours=number**2),
        )
        for number in range(count)
    ]


def _style(strip: Strip, place: int) -> Style:
    cells = [segment.style or Style.null() for segment in strip for _ in segment.text]
    return cells[place]


def _told(style: Style) -> list[str]:
    color, ground = (each.get_truecolor().hex if each else "" for each in (style.color, style.bgcolor))
    attributes = (("b", style.bold), ("i", style.italic), ("r", style.reverse))
    return [color or ground, ground, "".join(sign for sign, present in attributes if present)]


async def _colors(folder: Path, theme: str) -> dict[str, list[str]]:
    app = SessionApp(FewSessions(folder, sessions(4)), places=below(folder), theme=theme, clock=lambda: NOW)
    async with app.run_test(size=SIZE) as pilot:
        app.screen.query_one("#search", Input).cursor_blink = False
        await pilot.pause()
        strips = app.screen._compositor.render_strips()
        found = {name: _told(_style(strips[line], column)) for name, (column, line) in PLACES.items()}
        tabs = app.screen.query_one(AgentTabs)
        found |= {name: _told(tabs._style(name)) for name in TAB_STYLES}
        rows = app.screen.query_one(SessionList)
        for name in ROW_STYLES:
            found[name] = _told(rows._style(name, False))
            found[f"{SELECTED}{name}"] = _told(rows._style(name, True))
    return found


def all_colors() -> dict[str, dict[str, list[str]]]:
    """The colours of every theme that comes with the program."""
    shipped, _ = themes.load([themes.shipped()])
    with tempfile.TemporaryDirectory() as folder:
        return {theme.name: asyncio.run(_colors(Path(folder), theme.name)) for theme in shipped}


def written(known: dict[str, dict[str, list[str]]]) -> str:
    """The file's text: a theme a line."""
    lines = (f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}" for name, value in known.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    COLORS.write_text(written(all_colors()), encoding="utf-8")
