"""Times the program in a real terminal: ``python -m tests.bench.startup HOME``; needs tmux.

Prints milliseconds from the start of the process to the first rows on screen and to the first key answered: at the
very first launch, with what was read kept but at another size of the terminal, and with the last screen kept; and
from a key to the changed screen.
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
from contextlib import closing
from pathlib import Path
from time import perf_counter

from session_tui.registry import discover
from tests.e2e.terminal import Terminal

MARKS = {kind.mark for kind in discover().adapters.values()}


def launch(home: Path, own: Path, *, width: int = 120) -> tuple[Terminal, float, float]:
    """Open the program with its own files below ``own``: the terminal, the seconds to rows and to an answered key."""
    environ = {
        "HOME": str(home),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
        **{f"XDG_{name}_HOME": str(own / name.lower()) for name in ("CACHE", "CONFIG", "DATA", "STATE")},
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "PS1": "$ ",
    }
    terminal = Terminal(f"bench-{uuid.uuid4().hex[:8]}", width=width, height=40, environ=environ, cwd=own)
    terminal.wait(r"\$")
    start = perf_counter()
    terminal.run("exec session-tui")
    terminal.wait(lambda screen: sum(line[2:3] in MARKS for line in screen.splitlines()) > 5)
    listed = perf_counter() - start
    terminal.type("e")
    terminal.wait("❯ +e ")
    answered = perf_counter() - start
    terminal.press("BSpace")
    return terminal, listed, answered


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
    figures: dict[str, list[float]] = {"bare interpreter": [], "key to screen": []}
    for _ in range(chosen.runs):
        own = Path(tempfile.mkdtemp())
        figures["bare interpreter"].append(interpreter())
        for name, width in (("first launch", 120), ("other size", 150), ("kept screen", 150)):
            terminal, listed, answered = launch(chosen.home, own, width=width)
            figures.setdefault(f"{name}: first rows", []).append(listed)
            figures.setdefault(f"{name}: key answered", []).append(answered)
            with closing(terminal):
                wait_until_kept(terminal, own / "cache" / "session-tui" / "first-screen", width)
                figures["key to screen"] += keys(terminal, "Down", 5) if name == "kept screen" else []
        shutil.rmtree(own, ignore_errors=True)
    for name, taken in figures.items():
        print(f"{name:<27} median {statistics.median(taken) * 1000:6.0f} ms   max {max(taken) * 1000:6.0f} ms")


def wait_until_kept(terminal: Terminal, file: Path, width: int) -> None:
    """Wait until everything is read and a screen of that width is kept."""

    def is_kept(screen: str) -> bool:
        kept = file.exists() and file.read_text(encoding="utf-8").split(maxsplit=2)[1] == str(width)
        return kept and "reading" not in screen

    terminal.wait(is_kept, seconds=300)


if __name__ == "__main__":
    main()
