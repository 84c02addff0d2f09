"""Where the program keeps its database for a project, and how it is started so that it opens that one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from session_tui.adapters import rows, settings
from session_tui.model import Launch

DATABASE: Final = "sessions.db"
PLACE: Final = ".atmos/sessions"
CONFIGS: Final = ("atmos.yaml", "atmos.yml", ".atmos.yaml", ".atmos.yml")
# Go reads no zone abbreviation of four digits but +0000, so these rows fail when the program loads them.
_UNREADABLE_TIME = (
    "created_at GLOB '* [+-][0-9][0-9][0-9][0-9] [+-][0-9][0-9][0-9][0-9]*' AND created_at NOT GLOB '* +0000 +0000*'"
)


def configured(folder: Path, project: Path) -> Iterator[Path]:
    """Where the configuration in ``folder`` puts the database of ``project``, when it says anything of it."""
    for name in CONFIGS:
        found = settings.load(folder / name, mentioning="ai:")
        where = settings.text(found, "ai", "sessions", "path")
        base = settings.text(found, "base_path")
        if where or base:
            yield project / base / (where or PLACE) / DATABASE


@lru_cache(64)
def _default_holder(database: str) -> Path | None:
    folder = Path(database).parent
    return folder.parent.parent if folder.match(PLACE) else None


def _holder(database: str) -> Path | None:
    """The base path that a database lies under; unknown for one at a place of its own."""
    usual = _default_holder(database)
    if usual:
        return usual
    path = Path(database)
    return next((parent for parent in path.parents if path in configured(parent, parent)), None)


def _above(holder: Path, base: str) -> Path | None:
    """The directory from which the relative path ``base`` leads to ``holder``, when it does."""
    parts = Path(base).parts
    if parts and holder.parts[-len(parts) :] != parts:
        return None
    return Path(*holder.parts[: len(holder.parts) - len(parts)])


def project_of(database: str, base: str) -> str | None:
    """The project directory of sessions made with the base path ``base``, when it can be told."""
    if base.startswith("/"):
        return base
    holder = _holder(database)
    return None if holder is None else _meant(holder, base)


@lru_cache(64)
def _meant(holder: Path, base: str) -> str:
    return str(holder if _above(holder, base) else (holder / base).resolve())


def launch(database: str, base: str, argv: Sequence[str]) -> Launch:
    """``argv`` started so that the program takes ``base`` for its base path, as the session's row has it."""
    if not base.startswith("/"):
        holder = _holder(database)
        return Launch(tuple(argv), str(_above(holder, base) or holder) if holder else None)
    holder = _default_holder(database)
    if holder is not None and holder == Path(base).resolve() and not any(configured(holder, holder)):
        return Launch(tuple(argv), base)
    lost = holder is not None and holder != Path(base).resolve()
    warning = f"it was found in {holder}, but atmos looks for it in {base}" if lost else ""
    return Launch((*argv, "--base-path", base), base, warning=warning)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The name and raw project path of each session, the latest id of each such pair, and the ids of those
    with message times that the program cannot read."""

    names: Mapping[str, tuple[str, str]]
    latest: Mapping[tuple[str, str], str]
    untimely: frozenset[str]

    def warning(self, id: str) -> str:
        """What to say of a session that the program opens without its messages."""
        return "atmos cannot read the times of its messages and will show it empty" if id in self.untimely else ""


@lru_cache(16)
def catalogue_of(path: str, stamp: str) -> Catalogue:
    """The sessions of the database at ``path`` while its stamp is ``stamp``.

    Raises:
        StoreError: it cannot be read.
    """

    def ask(database: sqlite3.Connection) -> Catalogue:
        wanted = ("rowid", "id", "name", "project_path", "updated_at")
        # The program takes the first by the text of updated_at.
        found, _ = rows.select(database, "sessions", wanted, "ORDER BY updated_at, rowid DESC")
        names = {rows.text(row["id"]): (rows.text(row["name"]), rows.text(row["project_path"])) for row in found}
        latest = {pair: id for id, pair in names.items()}
        bad, _ = rows.select(database, "messages", ("session_id",), f"WHERE {_UNREADABLE_TIME} GROUP BY session_id")
        return Catalogue(names, latest, frozenset(rows.text(row["session_id"]) for row in bad))

    return rows.read(Path(path), ask)
