"""The stores below ``tests/fixtures``, built into a home, with what they are known to hold."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

from session_tui.adapters.base import World
from session_tui.demo.build import expand

FIXTURES = Path(__file__).parent / "fixtures"
AGENTS = tuple(sorted(folder.name for folder in FIXTURES.iterdir() if (folder / "expected.yaml").exists()))
NOW = datetime(2026, 7, 10, 12, tzinfo=UTC)


@dataclass(frozen=True)
class FixtureHome:
    """A home with the store of one agent, and the sessions it holds, each as a mapping of plain values."""

    agent: str
    world: World
    sessions: tuple[dict[str, object], ...]


def build(agent: str, folder: Path) -> FixtureHome:
    """Build the store of ``agent`` in ``folder``."""
    home = folder / "home"
    source = FIXTURES / agent / "home"
    if source.exists():
        expand(source, home, home=home, now=NOW)
    text = (FIXTURES / agent / "expected.yaml").read_text(encoding="utf-8").replace("{{home}}", str(home))
    expected = yaml.safe_load(text)
    data_dir = home / expected.get("data_dir", ".data")
    path = str(Path(shutil.which("sh") or "/bin/sh").parent)
    world = World(
        home=home, environ={"HOME": str(home), "PATH": path}, cwd=home / expected.get("cwd", "."), data_dir=data_dir
    )
    return FixtureHome(agent, world, tuple(expected["sessions"]))


def digest(folder: Path) -> dict[str, str]:
    """Every file below ``folder`` with the digest of its bytes, and every directory."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "directory"
        for path in sorted(folder.rglob("*"))
    }
