"""Times the panes inside the program: ``python -m tests.bench.opening HOME`` on a home made by `tests.bench.corpus`.

Prints how long a list of all sessions takes to change its selection and its rows, how long the longest
conversation takes from the request to its end on screen, what a step of the wheel costs, and the memory held.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import tempfile
from pathlib import Path
from time import perf_counter, process_time

from session_tui.adapters.base import World
from session_tui.index.store import SessionCache
from session_tui.library import Library
from session_tui.paths import below
from session_tui.tui.app import SessionApp
from session_tui.tui.screens.browser import Browser


def told(name: str, seconds: list[float]) -> None:
    """Print a figure: median, 95th percentile and largest, in milliseconds."""
    ordered = [second * 1000 for second in sorted(seconds)]
    high = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    print(f"{name:<36} median {statistics.median(ordered):7.1f}  p95 {high:7.1f}  max {ordered[-1]:7.1f} ms")


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
        print(f"{len(browser.shown):,} sessions, {resident():.0f} MB")
        await keys(browser)
        await typing(browser)
        await opening(browser, library)
        await wheel(browser)
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
    taken = []
    for _ in range(100):
        start = perf_counter()
        browser.rows.action_move(1)
        await painted(browser)
        taken.append(perf_counter() - start)
    told("arrow key", taken)


async def typing(browser: Browser) -> None:
    """A letter in the search box."""
    taken = []
    for text in ("c", "ca", "cac", "cach", "cache", "cache t", "cache to", "", "x", ""):
        start = perf_counter()
        browser.search.value = text
        await painted(browser)
        taken.append(perf_counter() - start)
    told("letter typed", taken)


async def opening(browser: Browser, library: Library) -> None:
    """The longest conversation, opened several times."""
    taken, count = [], 0
    longest = max(library.catalog.sessions, key=lambda session: session.size_bytes or 0)
    for _ in range(5):
        browser._show_nothing()
        await painted(browser)
        start = perf_counter()
        browser._open(longest.key)
        while (shown := browser.viewer.transcript) is None:
            await asyncio.sleep(0.001)
        await painted(browser)
        taken.append(perf_counter() - start)
        count = len(shown.messages)
    told(f"open {count:,} messages", taken)


async def wheel(browser: Browser) -> None:
    """Steps of the wheel, up from the end."""
    taken = []
    for _ in range(300):
        start = process_time()
        browser.viewer.action_scroll_rows(-3)
        await painted(browser)
        taken.append(process_time() - start)
    told("wheel step, cpu", taken)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("home", type=Path)
    asyncio.run(measure(options.parse_args().home))
