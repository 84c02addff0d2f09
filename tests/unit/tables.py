"""Stores in SQLite for the tests of their adapters: fixtures built from their scripts, real ones copied."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from session_tui.adapters.base import Adapter, World
from session_tui.model import Session, Transcript

TESTS = Path(__file__).resolve().parents[1]
SHARED = TESTS.parents[1] / "shared" / "data"


def world(
    home: Path,
    *,
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
    given: Mapping[str, tuple[Path, ...]] | None = None,
) -> World:
    return World(home, environ or {}, cwd or home, home / "data", given or {})


def fixture_home(name: str, home: Path) -> Path:
    """The fixture's home with every ``X.sql`` turned into the database ``X``."""
    shutil.copytree(TESTS / "fixtures" / name / "home", home)
    for script in home.rglob("*.sql"):
        change(script.with_suffix(""), script.read_text(encoding="utf-8").replace("{{home}}", str(home)))
        script.unlink()
    return home


def change(path: Path, script: str, values: Sequence[object] | None = None) -> None:
    """Run a script, or one statement with its values."""
    with closing(sqlite3.connect(path)) as database, database:
        if values is None:
            database.executescript(script)
        else:
            database.execute(script, values)


def copied(name: str, target: Path) -> Path:
    """A copy of a real store, which may be written to; skips where there is none."""
    if not (SHARED / name).is_dir():
        pytest.skip(f"no real {name} store beside the checkout")
    shutil.copytree(SHARED / name, target)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target


def digest(folder: Path) -> dict[str, str]:
    """Every entry below ``folder`` with what it holds."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }


def everything(adapter: Adapter) -> dict[str, Transcript]:
    """All sessions of all roots, read whole, by id."""
    sources = [source for root in adapter.roots() for source in adapter.scan(root)]
    return {source.key.id: adapter.read(source) for source in sources}


def listed(adapter: Adapter) -> dict[str, Session]:
    """All sessions of all roots as a list shows them, by id."""
    sources = [source for root in adapter.roots() for source in adapter.scan(root)]
    return {session.key.id: session for session in adapter.heads(sources)}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
