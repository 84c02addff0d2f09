"""Where sessions are kept: configuration directories, project folders, and what stands beside a session's file.

A project's folder is named after its directory with every character that is no ASCII letter or digit as ``-``. In it
a session is ``<uuid>.jsonl``; what it needs besides stands in ``<uuid>/``: its sub-agents' talks in
``subagents/**/agent-*.jsonl`` with an ``agent-*.meta.json`` each, and long outputs in ``tool-results/``. Older
sub-agents' talks stand among the sessions.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from session_tui.adapters import files
from session_tui.adapters.base import World
from session_tui.errors import StoreError

VARIABLE: Final = "CLAUDE_CONFIG_DIR"
PROJECTS: Final = "projects"
INDEX: Final = "sessions-index.json"
LINES: Final = ".jsonl"
META: Final = ".meta.json"
AGENT: Final = "agent-"
_TALKS: Final = "subagents"
_DEPTH: Final = 4
_OTHER: Final = re.compile(r"[^A-Za-z0-9]")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Found(NamedTuple):
    """A session's file, the session it belongs to when it is a sub-agent's, and its state."""

    path: str
    parent: str
    status: os.stat_result


def encoded(directory: str) -> str:
    """The name of the folder for the project in ``directory``."""
    return _OTHER.sub("-", directory)


def is_id(name: str) -> bool:
    """Whether ``name`` is an id that the program gives to sessions."""
    return bool(_UUID.fullmatch(name))


def defaults(world: World) -> Iterator[tuple[Path, str]]:
    """The configuration directories: the one the program is told to use, else all it is known to have used."""
    told = world.variable(VARIABLE)
    if told:
        yield told, VARIABLE
        return
    shared = world.variable("XDG_CONFIG_HOME") or world.home / ".config"
    yield world.home / ".claude", "default"
    yield shared / "claude", "default"
    yield shared / "claude-code", "default"
    yield world.home / "Library/Developer/Xcode/CodingAssistant/ClaudeAgentConfig", "default"


def below(path: Path) -> Iterator[Path]:
    """The places with sessions that ``path`` is, or that lie in it as a configuration directory or a home."""
    for place in (path / ".claude", path):
        found = [place / name for name in (PROJECTS, "transcripts") if (place / name).is_dir()]
        if found and (place != path or path.name != PROJECTS):
            yield from found
            return
    if path.is_dir() and (path.name == PROJECTS or _holds_sessions(path)):
        yield path


def _holds_sessions(path: Path) -> bool:
    """Whether sessions, or project folders, stand in ``path``."""
    for entry in files.entries(path):
        if entry.name.endswith(LINES) and is_id(entry.name.removesuffix(LINES)):
            return True
        if entry.name.startswith("-") and entry.is_dir():
            return True
    return False


def environment(world: World, root: str) -> Mapping[str, str]:
    """The variables that make the program look where ``root`` is; none where it looks there by itself."""
    home = Path(root).parent if Path(root).name == PROJECTS else None
    usual = world.variable(VARIABLE) or world.home / ".claude"
    if home is None or home == usual.resolve():
        return {}
    return {VARIABLE: str(home)}


def sessions(root: Path) -> Iterator[Found]:
    """The files of all sessions below ``root``, those of sub-agents among them. A folder that cannot be listed is
    told of once all others were.

    Raises:
        StoreError: not all could be listed.
    """
    failed: StoreError | None = None
    for folder in files.entries(root):
        try:
            if folder.name.endswith(LINES):
                yield from _file(folder, "")
            elif _is_directory(folder) or _leads_elsewhere(folder, root):
                yield from _project(Path(folder.path))
        except StoreError as error:
            failed = failed or error
    if failed:
        raise failed


def _leads_elsewhere(entry: os.DirEntry[str], root: Path) -> bool:
    """Whether a link leads to a folder that is not found below ``root`` anyway."""
    if not entry.is_symlink():
        return False
    real = Path(os.path.realpath(entry.path))
    return real.is_dir() and not real.is_relative_to(root) and not root.is_relative_to(real)


def _project(folder: Path) -> Iterator[Found]:
    for entry in _listed(folder):
        if entry.name.endswith(LINES):
            yield from _file(entry, "")
        elif "." not in entry.name and _is_directory(entry):
            yield from _talks(f"{entry.path}/{_TALKS}", entry.name, _DEPTH)


def _talks(folder: str, parent: str, depth: int) -> Iterator[Found]:
    for entry in _listed(folder):
        if entry.name.startswith(AGENT) and entry.name.endswith(LINES):
            yield from _file(entry, parent)
        elif depth and "." not in entry.name and _is_directory(entry):
            yield from _talks(entry.path, parent, depth - 1)


def _file(entry: os.DirEntry[str], parent: str) -> Iterator[Found]:
    try:
        if entry.is_file():
            yield Found(entry.path, parent, entry.stat())
    except OSError:
        return


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _listed(folder: str | Path) -> list[os.DirEntry[str]]:
    """The entries of a folder that may be gone, or another's."""
    try:
        with os.scandir(folder) as listing:
            return sorted(listing, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise files.failure(error, folder) from error
