"""The terminal UI, on this machine's conversations or on the sample home."""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click

from session_tui.cli.context import global_options, settings
from session_tui.cli.output import narrate
from session_tui.cli.sessions import QUERY_SETTINGS
from session_tui.errors import UsageError


def _need_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the UI needs a terminal", hint="`session-tui list` and `show` print to anything")


@click.command("ui", hidden=True, context_settings=QUERY_SETTINGS)
@click.argument("query", nargs=-1)
@global_options
def ui(query: tuple[str, ...]) -> None:
    """Open the UI with QUERY filled in."""
    _need_terminal()
    chosen = settings()
    library = chosen.library()
    from session_tui.tui.app import run

    if run(library, places=chosen.places, query=" ".join(query), theme=chosen.theme):
        _sample()


@click.command()
@click.option("--keep", metavar="DIR", type=click.Path(path_type=Path), help="Build the sample home here and keep it.")
@global_options
def demo(keep: Path | None) -> None:
    """The UI on a bundled sample home in a temporary directory; touches nothing of yours."""
    from session_tui.demo.build import build_demo

    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        build_demo(keep, datetime.now(UTC))
        narrate(f"built {keep}")
        if sys.stdout.isatty():
            _open(keep)
        return
    _need_terminal()
    _sample()


def _sample() -> None:
    from session_tui.demo.build import build_demo

    with tempfile.TemporaryDirectory(prefix="session-tui-demo-") as folder:
        build_demo(Path(folder), datetime.now(UTC))
        _open(Path(folder))


def _open(folder: Path) -> None:
    from session_tui.demo.build import demo_world
    from session_tui.index.store import SessionCache
    from session_tui.library import Library
    from session_tui.paths import below
    from session_tui.tui.app import run

    places = below(folder / "session-tui")
    library = Library(demo_world(folder), cache=SessionCache(places.cache_dir / "sessions.db"))
    run(library, places=places, query="", theme=settings().theme, demo=True)
