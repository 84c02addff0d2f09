"""Takes every picture of this folder from the sample home: ``python screenshots/take.py [NAME…]``.

The sample home is built for a fixed moment, so that the pictures change only when the program does. With the
``screenshots`` extra each picture is also drawn as PNG into the system's temporary directory, to be looked at.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from session_tui.demo.build import build_demo, demo_world
from session_tui.library import Library
from session_tui.paths import below
from session_tui.tui.app import SessionApp

FOLDER = Path(__file__).parent
MOMENT = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Picture:
    """What is on a picture: the size in cells, the theme, and the keys pressed before it is taken."""

    name: str
    width: int
    height: int
    keys: Sequence[str] = ()
    theme: str = "harbour-dark"


PICTURES = (
    Picture("browse-dark", 150, 42, ("down",)),
    Picture("browse-light", 150, 42, ("down",), "harbour-light"),
    Picture("search", 150, 42, tuple("lantern")),
    Picture("reading", 110, 40, ("down", "down", "escape", "right", "g", "z")),
    Picture("compacted", 120, 36, tuple("broker")),
    Picture("narrow", 80, 24, ("down",)),
    Picture("help", 100, 40, ("f1",)),
)


async def settle(app: SessionApp) -> None:
    """Wait until no job runs and everything is drawn."""
    for _ in range(6):
        await app.workers.wait_for_complete()
        while app.jobs.running:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.1)


async def take(picture: Picture, home: Path) -> str:
    """The picture as SVG."""
    app = SessionApp(
        Library(demo_world(home)), places=below(home / "session-tui"), theme=picture.theme, clock=lambda: MOMENT
    )
    async with app.run_test(size=(picture.width, picture.height)) as pilot:
        await settle(app)
        for key in picture.keys:
            await pilot.press(key)
            await settle(app)
        app.screen.set_focus(app.screen.focused)
        return re.sub(r"terminal-\d+", "terminal", app.export_screenshot(title="session-tui"))


def draw(svg: str, file: Path) -> None:
    """Draw a picture as PNG, where the extra is installed."""
    try:
        import resvg_py
    except ImportError:
        return
    font = "DejaVu Sans Mono"
    image = resvg_py.svg_to_bytes(svg_string=svg.replace("Fira Code", font), font_family=font, monospace_family=font)
    file.write_bytes(bytes(image))


def main(names: Sequence[str]) -> None:
    """Take the pictures of these names, or all."""
    with tempfile.TemporaryDirectory() as folder:
        home = build_demo(Path(folder) / "home", MOMENT)
        for picture in PICTURES:
            if not names or picture.name in names:
                svg = asyncio.run(take(picture, home))
                (FOLDER / f"{picture.name}.svg").write_text(svg, encoding="utf-8")
                draw(svg, Path(tempfile.gettempdir()) / f"session-tui-{picture.name}.png")


if __name__ == "__main__":
    main(sys.argv[1:])
