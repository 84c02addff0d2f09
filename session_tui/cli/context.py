"""What every command is given: the options that stand before or after it, and the library they open."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from session_tui.errors import UsageError
from session_tui.paths import Places, places

if TYPE_CHECKING:
    from session_tui.adapters.base import World
    from session_tui.config import Config
    from session_tui.glancing import Seen
    from session_tui.library import Library

F = TypeVar("F", bound=Callable[..., object])


@dataclass(slots=False)
class Settings:
    """The global options as given so far, and what follows from them."""

    roots: list[str] = field(default_factory=list)
    stores: list[str] = field(default_factory=list)
    config_file: Path | None = None
    data_dir: Path | None = None
    theme: str | None = None
    color: bool = True
    debug: bool = False
    glanced: Seen = ()
    """What a first glance at the usual places has shown already."""

    @cached_property
    def places(self) -> Places:
        """Our own places."""
        return places(os.environ, config=self.config_file, data_dir=self.data_dir)

    @cached_property
    def config(self) -> Config:
        """The configuration.

        Raises:
            ConfigError: it cannot be used.
        """
        from session_tui.config import load

        return load(self.places.config_file)

    @cached_property
    def world(self) -> World:
        """This machine, as adapters see it.

        Raises:
            UsageError: a ``--root`` is not ``STORE=PATH``.
        """
        from session_tui.surroundings import world_here

        return world_here(self.config, self.places.data_dir, self._given())

    def _given(self) -> dict[str, tuple[Path, ...]]:
        given: dict[str, tuple[Path, ...]] = {}
        for text in self.roots:
            store, equals, path = text.partition("=")
            if not (store and equals and path):
                hint = "for example --root native=~/backup/sessions.db"
                raise UsageError(f"--root {text!r} is not STORE=PATH", hint=hint)
            place = Path(path).expanduser()
            if not place.exists():
                raise UsageError(f"no such file or directory: {path}", hint=f"check --root {store}=PATH")
            given[store] = (*given.get(store, ()), place)
        return given

    def library(self) -> Library:
        """The library over every store these options leave.

        Raises:
            SessionTuiError: the configuration or a store's name is wrong.
        """
        from session_tui import logs
        from session_tui.index.store import SessionCache
        from session_tui.library import Library

        logs.write_to(self.places.log_file)
        cache = SessionCache(self.places.cache_dir / "sessions.db")
        return Library(self.world, config=self.config, cache=cache, stores=self.stores, glanced=self.glanced)


def settings() -> Settings:
    """The settings of the command that runs."""
    return click.get_current_context().ensure_object(Settings)


def _append(name: str) -> Callable[[click.Context, click.Parameter, tuple[str, ...]], None]:
    def keep(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> None:
        getattr(context.ensure_object(Settings), name).extend(value)

    return keep


def _set(name: str) -> Callable[[click.Context, click.Parameter, object], None]:
    def keep(context: click.Context, parameter: click.Parameter, value: object) -> None:
        if value is not None:
            setattr(context.ensure_object(Settings), name, value)

    return keep


def _without_color(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(Settings).color = False
        os.environ["NO_COLOR"] = "1"


_PATH = click.Path(path_type=Path)
_GLOBAL = (
    click.option("--root", "roots", metavar="STORE=PATH", multiple=True, expose_value=False, callback=_append("roots"),
                 help="Look for a store here instead of its default places; repeatable."),
    click.option("--store", "stores", metavar="NAME", multiple=True, expose_value=False, callback=_append("stores"),
                 help="Only this store; repeatable."),
    click.option("--config", "config_file", type=_PATH, metavar="FILE", expose_value=False,
                 callback=_set("config_file"), help="Use this configuration file."),
    click.option("--data-dir", type=_PATH, metavar="DIR", expose_value=False, callback=_set("data_dir"),
                 help="Keep our own data here."),
    click.option("--theme", metavar="NAME", expose_value=False, callback=_set("theme"), help="Use this theme."),
    click.option("--no-color", is_flag=True, expose_value=False, callback=_without_color, help="Use no colours."),
    click.option("--debug", is_flag=True, default=None, expose_value=False, callback=_set("debug"),
                 help="Show tracebacks."),
)  # fmt: skip


def global_options(command: F) -> F:
    """Add the options that may stand before or after any command."""
    for option in reversed(_GLOBAL):
        command = option(command)
    return command
