"""Measures index and search beside the fastest peer: ``python -m tests.bench.search HOME [--peer]``.

HOME is made by `tests.bench.conversations.corpus`. The programs run in turn, each in a throw-away home whose stores
are links into HOME; sessions that grow or come on the way are put back as they were. Printed are medians, the ratio
of them, and where the peer takes part what a ratio may be at most. Judge a busy machine by the seconds of its
processors (``cpu``) alone.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

from session_tui.adapters.base import World
from session_tui.index.store import SessionCache
from session_tui.library import Library
from session_tui.query import parse
from tests.bench.conversations.corpus import Manifest, added, grown, manifest_of
from tests.bench.conversations.recall import Recall, recall
from tests.bench.programs import Program, Spent, installed, ours

_CONVERSATION: Final = "index:\n  tool_text: false\n"
_EVERYTHING: Final = "index:\n  tool_text: true\n"
_COMMON: Final = {"common word": "the", "two common words": "cookie parser", "three letters": "dri", "nothing": "qqqqq"}
_ALL: Final = "1000000"


@dataclass
class Bench:
    """The programs, and what each row took in each: ours by what it indexes, and the peer."""

    conversation: Program
    everything: Program
    peer: Program | None
    manifest: Manifest
    home: Path
    runs: int

    @property
    def programs(self) -> list[Program]:
        """All that take part."""
        return [self.conversation, self.everything, *([self.peer] if self.peer else [])]

    def refresh(self, program: Program) -> Spent:
        """Have a program bring its index up to date."""
        return program.run("--json", "--limit", "1") if program is self.peer else program.run("index", "--json")

    def listed(self, program: Program, text: str, limit: str = "100") -> Spent:
        """Have a program list the sessions that answer, from what it has."""
        if program is self.peer:
            return program.run("--json", "--no-refresh", "--limit", limit, text)
        return program.run("list", "--no-refresh", "--json", "--limit", limit, "--", text)

    def found(self, program: Program, text: str) -> list[str]:
        """The ids of all sessions that a program lists."""
        return [one["id"] for one in json.loads(self.listed(program, text, _ALL).output)["sessions"]]

    # ── rows ──────────────────────────────────────────────────────────────────────────────────────────

    def tell(self, name: str, taken: dict[str, list[Spent]], limits: dict[str, float]) -> None:
        """Print a row: medians in milliseconds, and our ratio to the peer's."""
        theirs = taken.get(self.peer.name) if self.peer else None
        for program, spent in taken.items():
            wall, cpu = (median(getattr(one, kind) for one in spent) for kind in ("wall", "cpu"))
            line = f"{name:<34} {program:<13} wall {wall * 1000:9.1f}  cpu {cpu * 1000:9.1f} ms"
            if theirs and spent is not theirs:
                ratios = [median(getattr(one, kind) for one in theirs) for kind in ("wall", "cpu")]
                limit = f"  (at most {limits[program]:g})" if program in limits else ""
                line += f"  {wall / ratios[0]:5.2f} x wall {cpu / ratios[1]:5.2f} x cpu{limit}"
            print(line, flush=True)

    def in_turn(
        self,
        name: str,
        act: Callable[[Program], Spent],
        *,
        before: Callable[[Program], object] = lambda _: None,
        change: Callable[[int], AbstractContextManager[None]] | None = None,
        limits: dict[str, float] | None = None,
    ) -> None:
        """Have all programs do the same several times, one after the other each time, and tell what it took.

        ``change`` is done to the sessions before each time, and undone after it.
        """
        taken: dict[str, list[Spent]] = {program.name: [] for program in self.programs}
        for number in range(self.runs):
            with change(number) if change else nullcontext():
                turn = number % len(self.programs)
                for program in (*self.programs[turn:], *self.programs[:turn]):
                    before(program)
                    taken[program.name].append(act(program))
            if change:
                self.again()
        self.tell(name, taken, limits or {})

    def both(self, limit: float) -> dict[str, float]:
        """The same limit for both of ours."""
        return {self.conversation.name: limit, self.everything.name: limit}

    def indexing(self) -> None:
        """Cold, unchanged, and after changes."""
        cold = {self.conversation.name: 0.4, self.everything.name: 0.6}
        self.in_turn("cold index", self.refresh, before=Program.forget, limits=cold)
        self.in_turn("no-change refresh", self.refresh, limits=self.both(0.6))
        some = [one for one in self.manifest.sessions if one.bytes < 4_000_000]
        step = max(1, len(some) // (10 * self.runs))

        def growing(number: int) -> AbstractContextManager[None]:
            return grown(self.home, some[number :: self.runs * step][:10], "and now the gramophone")

        self.in_turn("10 grown", self.refresh, change=growing, limits=self.both(0.5))
        self.in_turn(
            "10 added", self.refresh, change=lambda _: added(self.home, 10, "a barometer"), limits=self.both(0.5)
        )
        longest = [self.manifest.longest]
        self.in_turn(
            "a line to the longest",
            self.refresh,
            change=lambda number: grown(self.home, longest, f"one more harmonica {number}"),
            limits=self.both(0.3),
        )

    def again(self) -> None:
        """Bring all up to date with sessions that are as they were."""
        for program in self.programs:
            self.refresh(program)

    def queries(self) -> dict[str, str]:
        """A query of each class."""
        return {needle.kind: needle.query for needle in self.manifest.needles} | _COMMON

    def latency(self) -> None:
        """Queries by class, each as a command of its own."""
        for kind, text in self.queries().items():
            self.in_turn(f"query: {kind}", lambda program, text=text: self.listed(program, text))  # type: ignore[misc]

    def memory(self) -> None:
        """Peak over all processes of a cold index, and the size of the index."""
        total = sum(one.bytes for one in self.manifest.sessions)
        for program in self.programs:
            program.forget()
            arguments = ("--json", "--limit", "1") if program is self.peer else ("index", "--json")
            peak, size = program.peak(*arguments), program.size()
            print(f"{'cold index':<34} {program.name:<13} peak {peak:6.0f} MB, on disk {size / 1e6:7.1f} MB", end="")
            print(f" = {size / total * 100:4.1f} % of the sessions", flush=True)

    def recalls(self) -> None:
        """Recall by class of needle."""
        found = {
            program.name: recall(self.manifest.needles, lambda text, program=program: self.found(program, text))  # type: ignore[misc]
            for program in self.programs
            if program is not self.conversation
        }
        for kind in next(iter(found.values())):
            print(f"recall: {kind:<34}", "   ".join(_told(name, kinds[kind]) for name, kinds in found.items()))

    def in_process(self) -> None:
        """Queries by class inside one process, as the interface asks them."""
        library = opened(self.everything)
        sessions = library.refresh().sessions
        for kind, text in self.queries().items():
            wanted, taken = parse(text), []
            for _ in range(max(5, self.runs)):
                began = perf_counter()
                library.searches.sessions(wanted, sessions)
                taken.append(perf_counter() - began)
            print(f"in process: {kind:<34} median {median(taken) * 1000:7.1f}  max {max(taken) * 1000:7.1f} ms")


def _told(name: str, one: Recall) -> str:
    decoys = f" and {one.decoys} decoys" if one.decoys else ""
    return f"{name} {one.share * 100:5.1f} %{decoys}"


def opened(program: Program) -> Library:
    """The library that the program under test opens in its home."""
    home = program.home
    world = World(home=home, environ=program.environ, cwd=home, data_dir=home / "data/session-tui")
    return Library(world, cache=SessionCache(home / "cache/session-tui/sessions.db"))


def placed(home: Path, below: Path, command: Sequence[str]) -> tuple[Program, Program, Program | None]:
    """The programs in homes of their own: ours twice, and the peer where it has a command."""
    mine = []
    for name, settings in (("conversation", _CONVERSATION), ("everything", _EVERYTHING)):
        program = Program.placed(name, ours(), home, below)
        program.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
        (program.home / "config/session-tui").mkdir()
        (program.home / "config/session-tui/config.yaml").write_text(settings)
        mine.append(program)
    peer = Program.placed("peer", command, home, below) if command else None
    return mine[0], mine[1], peer


def main(arguments: Iterable[str] | None = None) -> None:
    """Measure and print."""
    parts = ("indexing", "latency", "in_process", "recalls", "memory")
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("home", type=Path)
    options.add_argument("--peer", action="store_true", help="measure the peer as well, installed for this run")
    options.add_argument("--peer-command", type=Path, help="measure the peer that is installed there")
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--only", choices=parts, action="append", help="measure only this; repeatable")
    chosen = options.parse_args(None if arguments is None else list(arguments))
    home = chosen.home.absolute()
    with ExitStack() as stack:
        command: tuple[str, ...] = ()
        if chosen.peer or chosen.peer_command:
            command = stack.enter_context(installed(chosen.peer_command))
        below = Path(stack.enter_context(TemporaryDirectory(prefix="search-bench-")))
        bench = Bench(*placed(home, below, command), manifest_of(home), home, chosen.runs)
        if chosen.only and "indexing" not in chosen.only:
            bench.again()
        for part in chosen.only or parts:
            getattr(bench, part)()
        print("load", *(f"{load:.1f}" for load in os.getloadavg()))


if __name__ == "__main__":
    main()
