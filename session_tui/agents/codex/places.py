"""Where the program keeps its rollouts, and which file stands for which session."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from session_tui.adapters import files
from session_tui.adapters.base import World
from session_tui.agents.codex.names import INDEX
from session_tui.errors import StoreDamaged, StoreError

HOME: Final = "CODEX_HOME"
"""The variable that moves the program's home."""
FOLDER: Final = ".codex"
SESSIONS: Final = "sessions"
ARCHIVED: Final = "archived_sessions"
_XCODE: Final = ("Library", "Developer", "Xcode", "CodingAssistant", "codex")
_DEPTH: Final = 3
"""Year, month and day."""
_ROLLOUT = re.compile(r"(rollout-.*)(\.jsonl|\.jsonl\.zst|\.json)", re.DOTALL)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PREFERRED: Final = (".jsonl", ".jsonl.zst", ".json")


class Rollout(NamedTuple):
    """A session's file; ``rank`` orders the files of one session, the one to read lowest."""

    id: str
    path: str
    archived: bool
    rank: tuple[int, bool]
    entry: os.DirEntry[str]


def default_homes(world: World) -> Iterator[tuple[Path, str]]:
    """The program's home, moved by ``CODEX_HOME``, and the one that Xcode gives it."""
    moved = world.variable(HOME)
    yield (moved, HOME) if moved else (world.home / FOLDER, "default")
    yield world.home.joinpath(*_XCODE), "default"


def below(path: Path) -> Iterator[Path]:
    """The program's home that ``path`` is, holds, or is the sessions directory of; else a directory of rollouts."""
    for place in (path / FOLDER, path, *([path.parent] if path.name in {SESSIONS, ARCHIVED} else [])):
        if (place / SESSIONS).is_dir() or (place / ARCHIVED).is_dir() or (place / INDEX).is_file():
            yield place
            return
    if path.is_dir() and any(_ROLLOUT.fullmatch(entry.name) for entry in files.entries(path)):
        yield path


def rollouts(root: Path) -> Iterator[Rollout]:
    """The file of every session below ``root``: of several the plain one, and rather one that is not archived.

    Raises:
        StoreError: a directory cannot be listed; the sessions of the others came before.
    """
    if root.is_file():
        raise StoreDamaged("not a directory of sessions", where=str(root), hint="give the directory that it lies in")
    failures: list[StoreError] = []
    found: dict[str, Rollout] = {}
    for place, archived in _folders(root):
        for rollout in _in(place, archived, _DEPTH, failures):
            known = found.get(rollout.id)
            if known is None or rollout.rank < known.rank:
                found[rollout.id] = rollout
    yield from found.values()
    if failures:
        raise failures[0]


def find(root: Path, id: str) -> Path | None:
    """The file of one session below ``root``."""
    wanted = (rollout for rollout in rollouts(root) if rollout.id == id)
    try:
        found = next(wanted, None)
    except StoreError:
        return None
    return Path(found.path) if found else None


def id_of(name: str) -> str:
    """The id in a rollout's file name, its last 36 characters; where they are no UUID, all but the ending."""
    match = _ROLLOUT.fullmatch(name)
    stem = match[1] if match else name
    return stem[-36:].lower() if _UUID.fullmatch(stem[-36:]) else stem


def is_id(id: str) -> bool:
    """Whether the program takes ``id`` for a session's."""
    return _UUID.fullmatch(id) is not None


def is_home(root: Path) -> bool:
    """Whether ``root`` is a home of the program, not just a directory with rollouts in it."""
    return (root / SESSIONS).is_dir() or (root / ARCHIVED).is_dir()


def is_archived(path: Path, root: Path) -> bool:
    """Whether the rollout at ``path`` lies among the archived ones below ``root``."""
    return ARCHIVED in path.relative_to(root).parts[:-1] if path.is_relative_to(root) else False


def environment(world: World, root: Path) -> dict[str, str]:
    """The variables that make the program use the home ``root``."""
    default, moved = (world.home / FOLDER).resolve(), world.variable(HOME)
    return {} if root == default and (moved is None or moved.resolve() == default) else {HOME: str(root)}


def twins(path: Path) -> Iterator[Path]:
    """The rollout at ``path``, plain and packed."""
    match = _ROLLOUT.fullmatch(path.name)
    for suffix in _PREFERRED if match else ():
        yield path.with_name(f"{match[1] if match else ''}{suffix}")


def _folders(root: Path) -> Iterator[tuple[Path, bool]]:
    known = [(root / SESSIONS, False), (root / ARCHIVED, True)]
    there = [(place, archived) for place, archived in known if place.is_dir()]
    yield from there or [(root, False)]


def _in(folder: Path, archived: bool, depth: int, failures: list[StoreError]) -> Iterator[Rollout]:
    try:
        entries = files.entries(folder)
    except StoreError as error:
        failures.append(error)
        return
    for entry in entries:
        match = _ROLLOUT.fullmatch(entry.name)
        if match and entry.is_file():
            rank = (_PREFERRED.index(match[2]), archived)
            yield Rollout(id_of(entry.name), entry.path, archived, rank, entry)
        elif depth and not match and entry.is_dir(follow_symlinks=False):
            yield from _in(Path(entry.path), archived, depth - 1, failures)
