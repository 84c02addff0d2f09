"""What the machine and the configuration say together: the world adapters see, and what is left out of every list."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from session_tui.adapters.base import World
from session_tui.config import Config


def world_here(config: Config, data_dir: Path, given: Mapping[str, tuple[Path, ...]] | None = None) -> World:
    """This machine, as adapters see it; ``given`` are the roots that replace all other places of their stores."""
    home = Path(os.environ.get("HOME") or Path.home())
    world = World(home=home, environ=dict(os.environ), cwd=Path.cwd(), data_dir=data_dir)
    configured = {name: tuple(map(world.expand, section.roots)) for name, section in config.stores.items()}
    return World(world.home, world.environ, world.cwd, world.data_dir, given or {}, configured)


def stores_left_out(config: Config) -> frozenset[str]:
    """The names of the stores that are not looked at."""
    disabled = {name for name, section in config.stores.items() if not section.enabled}
    return frozenset({*config.exclude.stores, *disabled})


def is_left_out(project: str | None, config: Config, world: World) -> bool:
    """Whether sessions of the directory ``project`` are not to be listed."""
    if not config.exclude.projects or not project:
        return False
    return any(Path(project).is_relative_to(world.expand(text)) for text in config.exclude.projects)
