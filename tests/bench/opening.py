"""Times the panes inside the program: ``python -m tests.bench.opening HOME`` on a home made by `tests.bench.corpus`.

Prints how long a list of all sessions takes to change its selection and its rows, how long the longest
conversation takes from the request to its end on screen, what a step of the wheel, a page and a jump cost, and
the memory held. ``wall`` is what a person waits, ``cpu`` what the thread of the interface works for it.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, thread_time

from session_tui.adapters.base import World
from session_tui.index.store import SessionCache
from session_tui.library import Library
from session_tui.paths import below
from session_tui.tui.app import SessionApp
from session_tui.tui.screens.browser import Browser


@dataclass
class Figures:
    """Times of one kind of event, in seconds."""

    name: str
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    async def time(self, browser: Browser, act: Callable[[], object]) -> None:
        """Do ``act`` and wait until what it changed is on screen."""
        wall, cpu = perf_counter(), thread_time()
        act()
        await painted(browser)
        self.wall.append(perf_counter() - wall)
        self.cpu.append(thread_time() - cpu)

    def tell(self) -> None:
        """Print median, 95th percentile and largest, in milliseconds."""
        for kind, seconds in (("wall", self.wall), ("cpu", self.cpu)):
            ordered = [second * 1000 for second in sorted(seconds)]
            high = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
            told = f"median {statistics.median(ordered):7.1f}  p95 {high:7.1f}  max {ordered[-1]:7.1f} ms"
            print(f"{self.name if kind == 'wall' else '':<28} {kind:<5} {told}")


async def measure(home: Path) -> None:
    """Drive the program and print."""
    cache = Path(tempfile.mkdtemp())
    world = World(home=home, environ={"PATH": ""}, cwd=home, data_dir=cache)
    library = Library(world, cache=SessionCache(cache / "sessions.db"))
    app = SessionApp(library, places=below(cache))
    async with app.run_test(size=(120, 40)) as pilot:
        await app.workers.wait_for_complete()
        await pilot.pause()
        browser = app.screen
        assert isinstance(browser, Browser)
        while browser.session_app.jobs.running:  # The first index is made once; what is timed comes every day.
            await asyncio.sleep(0.1)
        print(f"{len(browser.shown):,} sessions, {resident():.0f} MB")
        await keys(browser)
        await typing(browser)
        await opening(browser, library)
        await scrolling(browser)
        print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB, now {resident():.0f} MB")


def resident() -> float:
    """Resident memory now in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


async def painted(browser: Browser) -> None:
    """Wait until everything asked for is on screen."""
    done = asyncio.Event()
    browser.call_after_refresh(done.set)
    await done.wait()


async def keys(browser: Browser) -> None:
    """Arrow keys in the list."""
    figures = Figures("arrow key")
    for _ in range(100):
        await figures.time(browser, lambda: browser.rows.action_move(1))
    figures.tell()


async def typing(browser: Browser) -> None:
    """A letter in the search box."""
    figures = Figures("letter typed")
    for text in ("c", "ca", "cac", "cach", "cache", "cache t", "cache to", "", "x", ""):
        await figures.time(browser, lambda text=text: setattr(browser.search, "value", text))  # type: ignore[misc]
    figures.tell()


async def opening(browser: Browser, library: Library) -> None:
    """The longest conversation, opened several times."""
    count = 0
    longest = max(library.catalog.sessions, key=lambda session: session.size_bytes or 0)
    figures, whole = Figures("open the longest, its end"), Figures("  whole, scrollable")
    for _ in range(7):
        await asyncio.sleep(0.5)
        while browser._opening is not None:
            await asyncio.sleep(0.05)
        browser._show_nothing()
        wall, cpu = perf_counter(), thread_time()
        browser._open(longest.key)
        while (shown := browser.viewer.transcript) is None:
            await asyncio.sleep(0.005)
        await painted(browser)
        figures.wall.append(perf_counter() - wall)
        figures.cpu.append(thread_time() - cpu)
        while browser._transcript is None:
            await asyncio.sleep(0.005)
        await painted(browser)
        whole.wall.append(perf_counter() - wall)
        whole.cpu.append(thread_time() - cpu)
        shown = browser.viewer.transcript or shown
        count = len(shown.messages)
    print(f"{count:,} messages, {(longest.size_bytes or 0) / 1e6:.0f} MB")
    figures.tell()
    whole.tell()


async def scrolling(browser: Browser) -> None:
    """Steps of the wheel up from the end, pages without a pause as from a held key, and jumps to anywhere."""
    viewer, dice = browser.viewer, random.Random(5)
    wheel, turning, jump = Figures("wheel step"), Figures("page, key held"), Figures("jump")
    for _ in range(300):
        await wheel.time(browser, lambda: viewer.action_scroll_rows(-3))
    for pages in (-1, 1):
        for _ in range(100):
            await turning.time(browser, lambda pages=pages: viewer.action_page(pages))  # type: ignore[misc]
        viewer.action_scroll_rows(1000)
    for _ in range(100):
        row = dice.randrange(viewer.virtual_size.height)
        await jump.time(browser, lambda row=row: viewer.scroll_to(y=row))  # type: ignore[misc]
    for figures in (wheel, turning, jump):
        figures.tell()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("home", type=Path)
    asyncio.run(measure(options.parse_args().home))
