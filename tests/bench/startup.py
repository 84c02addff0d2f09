"""Times the program in a real terminal: ``python -m tests.bench.startup HOME``; needs tmux.

Prints seconds from the start of the process to the first rows on screen without a cache and with one, from a
key to the changed screen, and from a selection to its messages.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from time import perf_counter

from tests.e2e.terminal import Terminal


def launch(home: Path, cache: Path) -> tuple[Terminal, float]:
    """Open the program and wait for rows; the terminal and the seconds it took."""
    environ = {
        "HOME": str(home),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
        "XDG_CACHE_HOME": str(cache),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "PS1": "$ ",
    }
    terminal = Terminal(f"bench-{uuid.uuid4().hex[:8]}", width=120, height=40, environ=environ, cwd=home)
    terminal.wait(r"\$")
    start = perf_counter()
    terminal.run("exec session-tui")
    terminal.wait(lambda screen: screen.count("glm") + screen.count("6mo") + screen.count("5mo") > 5)
    return terminal, perf_counter() - start


def keys(terminal: Terminal, key: str, times: int) -> list[float]:
    """Seconds from a key to a changed screen, several times."""
    taken = []
    for _ in range(times):
        before = terminal.screen()
        start = perf_counter()
        terminal.press(key)
        terminal.wait(lambda screen, before=before: screen != before)  # type: ignore[misc]
        taken.append(perf_counter() - start)
    return taken


def interpreter() -> float:
    """Seconds a bare interpreter takes to start and end."""
    start = perf_counter()
    subprocess.run([sys.executable, "-c", ""], check=True)
    return perf_counter() - start


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("home", type=Path)
    options.add_argument("--runs", type=int, default=5)
    chosen = options.parse_args()
    figures: dict[str, list[float]] = {"bare interpreter": [], "first rows, no cache": [], "first rows, cache": []}
    figures["key to screen"] = []
    for _ in range(chosen.runs):
        cache = Path(tempfile.mkdtemp())
        figures["bare interpreter"].append(interpreter())
        for name in ("first rows, no cache", "first rows, cache"):
            terminal, seconds = launch(chosen.home, cache)
            figures[name].append(seconds)
            kept = cache / "session-tui" / "first-screen"
            terminal.wait(lambda screen, kept=kept: kept.exists() and "reading" not in screen)  # type: ignore[misc]
            figures["key to screen"] += keys(terminal, "Down", 5) if name.endswith(", cache") else []
            terminal.close()
        shutil.rmtree(cache, ignore_errors=True)
    for name, taken in figures.items():
        print(f"{name:<24} median {statistics.median(taken) * 1000:6.0f} ms   max {max(taken) * 1000:6.0f} ms")


if __name__ == "__main__":
    main()
