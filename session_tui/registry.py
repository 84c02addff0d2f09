"""Finds adapters: the modules of `session_tui.agents`, then the entry points of plug-ins."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType

from session_tui import agents
from session_tui.adapters.base import Adapter, World
from session_tui.adapters.usual import CONSTANT, Usual
from session_tui.errors import AdapterError
from session_tui.model import Problem

GROUP = "session_tui.agents"
"""Entry-point group; each entry names an `Adapter` subclass or a module that defines some."""


@dataclass(frozen=True, slots=True)
class Registry:
    """The adapters by name, in the order of their discovery, and what could not be loaded."""

    adapters: Mapping[str, type[Adapter]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def usual(world: World) -> Iterator[Adapter]:
    """Adapters over the usual places that exist, for reading alone; little is imported of any other agent.

    What cannot be loaded is left out: `discover` tells of it.
    """
    home, directory = str(world.home), str(world.cwd)
    for name in sorted(place.name for place in Path(agents.__path__[0]).iterdir() if place.name.isidentifier()):
        try:
            told: Usual | None = getattr(importlib.import_module(f"{agents.__name__}.{name}"), CONSTANT, None)
            if told and (name in world.configured or told.is_there(home, directory, world.environ)):
                module, _, kind = told.reader.partition(":")
                yield getattr(importlib.import_module(f"{agents.__name__}.{name}.{module}"), kind)(world)
        except Exception:
            continue


def discover() -> Registry:
    """All adapters. One that cannot be imported, or breaks the contract, is reported and skipped."""
    found: dict[str, type[Adapter]] = {}
    problems: list[Problem] = []
    for place, load in _candidates():
        try:
            for adapter in _adapters(load()):
                _admit(adapter, found)
        except Exception as error:
            hint = "update or remove the package that provides it"
            problems.append(Problem(place, f"adapter not loaded: {error or type(error).__name__}", hint))
    return Registry(found, tuple(problems))


def _candidates() -> Iterator[tuple[str, Callable[[], object]]]:
    """Where adapters may be, and what gives the class or module there when called."""
    import pkgutil

    for module in pkgutil.iter_modules(agents.__path__, f"{agents.__name__}."):
        yield module.name, partial(importlib.import_module, module.name)
    if _is_group_declared():
        from importlib import metadata

        for entry in metadata.entry_points(group=GROUP):
            yield entry.value, entry.load


def _is_group_declared() -> bool:
    """Whether an installed package names our group; a look at its files costs a tenth of asking for its metadata."""
    declared = f"[{GROUP}]"
    files = (file for place in sys.path for file in Path(place).glob("*.*-info/entry_points.txt"))
    return any(declared in file.read_text(encoding="utf-8", errors="replace") for file in files)


def _adapters(value: object) -> list[type[Adapter]]:
    """The adapter classes a module defines or names in its ``__all__``, or the one that ``value`` is.

    Raises:
        AdapterError: it is neither.
    """
    if isinstance(value, ModuleType):
        names = getattr(value, "__all__", None) or list(vars(value))
        kinds = [getattr(value, name) for name in names]
        return [kind for kind in kinds if _is_adapter(kind) and _is_within(kind, value)]
    if isinstance(value, type) and issubclass(value, Adapter):
        return [value]
    raise AdapterError(f"{value!r} is no Adapter")


def _is_within(kind: type, module: ModuleType) -> bool:
    return f"{kind.__module__}.".startswith(f"{module.__name__}.")


def _is_adapter(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Adapter) and not getattr(value, "__abstractmethods__", None)


def _admit(adapter: type[Adapter], found: dict[str, type[Adapter]]) -> None:
    for name in ("name", "label"):
        if not isinstance(getattr(adapter, name, None), str):
            raise AdapterError(f"{adapter.__qualname__} has no {name}")
    if adapter.name in found:
        raise AdapterError(f"the name {adapter.name!r} is taken by {found[adapter.name].__module__}")
    found[adapter.name] = adapter
