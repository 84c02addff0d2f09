"""Writes a home of invented conversations: ``python -m tests.bench.conversations.corpus DIR``.

The same options write the same bytes. Sizes are log-normally distributed, one session is very long, and what was
hidden where stands in ``DIR.manifest.json``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import exp
from pathlib import Path
from typing import Final

import msgspec

from tests.bench.conversations.needles import Needle, hide
from tests.bench.conversations.prose import Language
from tests.bench.conversations.transcripts import AGENTS, Outline, names_file, said_to, transcript

NEWEST: Final = datetime(2026, 6, 30, 18, tzinfo=UTC)
_LEAST: Final = 3_000
_MOST: Final = 12 << 20


@dataclass(frozen=True, slots=True)
class Shape:
    """How a home is to be: sessions, the middle of their sizes and how far these are spread, and the bytes of the
    longest one (0 for none)."""

    sessions: int = 10_000
    seed: int = 3
    median: int = 60_000
    spread: float = 1.55
    giant: int = 63_000_000
    needles: int = 6
    tape: int = 8 << 20


class Written(msgspec.Struct):
    """A session in the home: its agent, id and path, and how many bytes and messages it has."""

    agent: str
    id: str
    path: str
    bytes: int
    messages: int
    name: str = ""


class Manifest(msgspec.Struct):
    """What a home holds."""

    needles: list[Needle]
    sessions: list[Written]
    giant: str | None = None

    @property
    def longest(self) -> Written:
        """The session with the most bytes."""
        return max(self.sessions, key=lambda session: session.bytes)


def manifest_of(home: Path) -> Manifest:
    """The manifest beside ``home``."""
    return msgspec.json.decode(home.with_name(f"{home.name}.manifest.json").read_bytes(), type=Manifest)


def outlines(shape: Shape) -> tuple[list[Outline], list[Needle], str | None]:
    """What the sessions are to be, what is hidden in them, and the longest one's id."""
    dice = random.Random(f"plan {shape.seed}")
    ids = [str(uuid.UUID(int=dice.getrandbits(128), version=4)) for _ in range(shape.sessions)]
    giant = ids[shape.sessions // 3] if shape.giant else None
    needles, plants = hide(shape.seed, ids, giant, each=shape.needles)
    planned = []
    for number, id in enumerate(ids):
        size = int(min(max(shape.median * exp(dice.gauss(0, shape.spread)), _LEAST), _MOST))
        agent = dice.choices(AGENTS, (7, 3))[0]
        project = f"/home/kit/work/project-{min(int(dice.paretovariate(0.8)), max(3, shape.sessions // 50))}"
        ended = NEWEST - timedelta(days=min(dice.expovariate(1 / 60), 400))
        is_giant = id == giant
        planned.append(
            Outline(
                number,
                AGENTS[0] if is_giant else agent,
                id,
                project,
                ended,
                shape.giant if is_giant else size,
                tuple(plants.get(id, ())),
            )
        )
    return planned, needles, giant


_languages: dict[tuple[int, int], Language] = {}


def _language(shape: Shape) -> Language:
    """The language of a home, made once a process and inherited by the processes it starts."""
    key = shape.seed, shape.tape
    if key not in _languages:
        _languages[key] = Language(shape.seed, size=shape.tape)
    return _languages[key]


def _written(task: tuple[Path, Shape, Outline]) -> Written:
    home, shape, outline = task
    made = transcript(outline, _language(shape), shape.seed)
    data = made.write()
    path = home / made.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    moment = outline.ended.timestamp()
    os.utime(path, (moment, moment))
    name = f"Notes on {made.title}" if made.title and outline.agent == "codex" else ""
    return Written(outline.agent, outline.id, made.name, len(data), made.messages, name)


def build(home: Path, shape: Shape, *, processes: int = 1) -> Manifest:
    """Write a home, and its manifest beside it."""
    planned, needles, giant = outlines(shape)
    _language(shape)
    # The longest first, so that no process is left alone with it at the end.
    tasks = [(home, shape, outline) for outline in sorted(planned, key=lambda one: -one.size)]
    if processes > 1:
        with multiprocessing.get_context("fork").Pool(processes) as pool:
            sessions = list(pool.imap_unordered(_written, tasks, chunksize=8))
    else:
        sessions = [_written(task) for task in tasks]
    sessions.sort(key=lambda session: session.path)
    names = [{"id": one.id, "thread_name": one.name} for one in sessions if one.name]
    if names:
        names_file(home).write_bytes(b"".join(msgspec.json.encode(entry) + b"\n" for entry in names))
    manifest = Manifest(needles, sessions, giant)
    home.with_name(f"{home.name}.manifest.json").write_bytes(msgspec.json.encode(manifest))
    return manifest


@contextmanager
def grown(home: Path, sessions: Sequence[Written], text: str) -> Iterator[None]:
    """Have a user say ``text`` at the end of some sessions; afterwards they are as they were."""
    before = [(home / one.path, (home / one.path).stat()) for one in sessions]
    try:
        for one in sessions:
            with (home / one.path).open("ab") as file:
                file.write(said_to(one.agent, one.id, text))
        yield
    finally:
        for path, status in before:
            os.truncate(path, status.st_size)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@contextmanager
def added(home: Path, number: int, text: str) -> Iterator[None]:
    """Add sessions of common size in which a user says ``text``; afterwards they are gone."""
    shape = Shape(sessions=number, seed=random.SystemRandom().getrandbits(30), spread=0.3, giant=0, needles=0)
    tasks = [(home, Shape(tape=1 << 20), outline) for outline in outlines(shape)[0]]
    paths: list[Path] = []
    try:
        for task in tasks:
            written = _written(task)
            paths.append(home / written.path)
            with paths[-1].open("ab") as file:
                file.write(said_to(written.agent, written.id, text))
        yield
    finally:
        for path in paths:
            path.unlink()


def main() -> None:
    """Write what the options ask for."""
    default = Shape()
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("home", type=Path)
    for name in ("sessions", "seed", "median", "giant", "needles"):
        options.add_argument(f"--{name}", type=int, default=getattr(default, name))
    options.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    chosen = options.parse_args()
    shape = Shape(chosen.sessions, chosen.seed, chosen.median, default.spread, chosen.giant, chosen.needles)
    written = build(chosen.home, shape, processes=chosen.processes).sessions
    print(f"{len(written):,} sessions, {sum(one.bytes for one in written) / 1e6:,.0f} MB in {chosen.home}")


if __name__ == "__main__":
    main()
