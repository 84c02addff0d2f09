"""Times both programs on a screen: ``python -m tests.bench.keystrokes HOME [--peer]``.

HOME is made by `tests.bench.conversations.corpus`. Printed are the times from the start of a process to the first
rows of a list, with an index and without any, from a key to the rows it leads to by class of query, and the memory
held when idle and after all queries. What rows a key leads to is learned first, by waiting until nothing changes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Final

from tests.bench.conversations.corpus import manifest_of
from tests.bench.programs import Program, installed, resident
from tests.bench.screen import Played
from tests.bench.search import opened, placed

_QUIET: Final = 0.6
_TITLE: Final = 12
_LIST: Final = 60
"""The columns that the list is looked for in, whatever stands beside it."""
_ROWS: Final = slice(2, 40)
_KEYS: Final = 16
"""Keys of a query that are typed."""
_CLEAR: Final = "\x15"


def rows(lines: Sequence[str]) -> list[str]:
    """The list on a screen, without what moves by itself."""
    return [line[:_LIST].rstrip() for line in lines[_ROWS]]


def first_rows(program: Program, titles: Sequence[str], number: int, *, stay: float = 0.0) -> float:
    """Seconds from the start to rows with ``number`` of ``titles`` on screen; afterwards the program is left alone
    until nothing has changed for ``stay`` seconds."""
    played = Played(program)
    try:
        shown = played.wait(lambda lines: sum(title in " ".join(lines) for title in titles) >= number)
        played.settle(stay, rows)
        return shown - played.began
    finally:
        played.close()


def typed(played: Played, text: str, learned: dict[str, list[str]] | None) -> dict[str, tuple[list[str], float]]:
    """Type ``text`` key by key; the rows each key leads to, and its seconds where they are known already and differ
    from those before."""
    told: dict[str, tuple[list[str], float]] = {}
    for end in range(1, len(text) + 1):
        before, pressed = rows(played.screen.lines), played.type(text[end - 1])
        if learned is None:
            told[text[:end]] = played.settle(_QUIET, rows), 0.0
            continue
        wanted = learned[text[:end]]
        if wanted != before:
            try:
                done = played.wait(lambda lines, wanted=wanted: rows(lines) == wanted, longest=5)  # type: ignore[misc]
                told[text[:end]] = wanted, done - pressed
            except TimeoutError:
                print(f"{text[:end]!r} led to other rows than before")
    played.type(_CLEAR)
    played.settle(_QUIET, rows)
    return told


def keystrokes(program: Program, queries: dict[str, str], titles: Sequence[str]) -> None:
    """Print the times of keys by class of query, and the memory held."""
    played = Played(program)
    try:
        played.wait(lambda lines: sum(title in " ".join(lines) for title in titles) >= 5)
        played.settle(2.0, rows)
        print(f"{program.name:<13} idle {resident(played.process):6.0f} MB")
        everything: list[float] = []
        for kind, text in queries.items():
            learned = {typed_text: found for typed_text, (found, _) in typed(played, text, None).items()}
            taken = [seconds for _, seconds in typed(played, text, learned).values()]
            everything += taken
            if taken:
                print(f"{program.name:<13} key: {kind:<22} median {median(taken) * 1000:6.1f}  ", end="")
                print(f"max {max(taken) * 1000:6.1f} ms  ({len(taken)} keys)", flush=True)
        high = quantiles(everything, n=20)[-1] * 1000
        print(f"{program.name:<13} all keys: median {median(everything) * 1000:.1f}  p95 {high:.1f} ms")
        print(f"{program.name:<13} after {len(queries) * 2} queries {resident(played.process):6.0f} MB", flush=True)
    finally:
        played.close()


def launches(programs: Sequence[Program], titles: Sequence[str], runs: int) -> None:
    """Print the times to the first rows, in turn: without anything kept, and with an index."""
    cold: dict[str, list[float]] = {program.name: [] for program in programs}
    warm: dict[str, list[float]] = {program.name: [] for program in programs}
    for _ in range(runs):
        for program in programs:
            program.forget()
            cold[program.name].append(first_rows(program, titles, 5))
    for program in programs:
        program.run("--json", "--limit", "1") if program.name == "peer" else program.run("index")
        first_rows(program, titles, 5, stay=2.0)  # What the next launch shows at once is kept when all is read.
    for _ in range(runs):
        for program in programs:
            warm[program.name].append(first_rows(program, titles, 5))
    for what, told in (("first launch of all", cold), ("launch", warm)):
        for name, taken in told.items():
            print(
                f"{name:<13} {what} to first rows: median {median(taken) * 1000:7.1f}  max {max(taken) * 1000:7.1f} ms"
            )


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("home", type=Path)
    options.add_argument("--peer", action="store_true", help="measure the peer as well, installed for this run")
    options.add_argument("--peer-command", type=Path, help="measure the peer that is installed there")
    options.add_argument("--runs", type=int, default=5)
    chosen = options.parse_args()
    home = chosen.home.absolute()
    with ExitStack() as stack:
        command: tuple[str, ...] = ()
        if chosen.peer or chosen.peer_command:
            command = stack.enter_context(installed(chosen.peer_command))
        below = Path(stack.enter_context(TemporaryDirectory(prefix="keys-bench-")))
        _, everything, peer = placed(home, below, command)
        programs = [everything, *([peer] if peer else [])]
        titles = [session.title[:_TITLE] for session in opened(everything).refresh().sessions[:30]]
        launches(programs, titles, chosen.runs)
        queries = {
            needle.kind: needle.query for needle in manifest_of(home).needles if " of the longest" not in needle.kind
        }
        for program in programs:
            keystrokes(program, queries | {"common words": "cookie parser"}, titles)


if __name__ == "__main__":
    main()
