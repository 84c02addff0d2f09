"""The first rows of a start without a kept screen: a glance at the usual places, drawn by hand."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

from session_tui import first_screen
from session_tui.catalog import Look
from session_tui.config import load
from session_tui.glancing import Seen, glance
from session_tui.model import Session, SessionKind
from session_tui.paths import places
from session_tui.registry import usual
from session_tui.surroundings import is_left_out, stores_left_out, world_here
from session_tui.tui import first_rows


def paint() -> Seen:
    """Draw the newest sessions of the usual places and return them; nothing where that cannot be done.

    Keys typed from now on wait for the UI.
    """
    try:
        first_screen.quieten()
        return _painted(first_rows.Places(*os.get_terminal_size(sys.stdout.fileno())))
    except Exception:
        # Adapters ran, plain terminals exist, files may be anything: the UI comes by itself and tells what is wrong.
        return ()


def _painted(screen: first_rows.Places) -> Seen:
    own = places(os.environ)
    config = load(own.config_file)
    known = first_rows.colors(config.theme)
    if known is None or config.scope == "here" or not screen.is_drawn:
        return ()
    world, excluded = world_here(config, own.data_dir), stores_left_out(config)

    def is_listed(session: Session) -> bool:
        return session.kind is not SessionKind.SUBAGENT and not is_left_out(session.project, config, world)

    adapters = [adapter for adapter in usual(world) if adapter.name not in excluded]
    seen = glance(adapters, screen.rows, is_listed)
    if seen:
        looks = {each.name: Look(each.name, each.label, each.mark, each.color) for each in adapters}
        lines = first_rows.frame(screen, [session for _, session in seen], looks, datetime.now(UTC))
        first_screen.show(first_rows.Painter(known, looks).painted(lines))
    return seen
