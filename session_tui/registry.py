"""Finds adapters: the modules of `session_tui.agents`, then the entry points of plug-ins."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from types import ModuleType

from session_tui import agents
from session_tui.adapters.base import Adapter
from session_tui.errors import AdapterError
from session_tui.model import Problem

GROUP = "session_tui.agents"
"""Entry-point group; each entry names an `Adapter` subclass or a module that defines some."""


@dataclass(frozen=True, slots=True)
class Registry:
    """The adapters by name, in the order of their discovery, and what could not be loaded."""

    adapters: Mapping[str, type[Adapter]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def discover() -> Registry:
    """All adapters. One that cannot be imported, or breaks the contract, is reported and skipped."""
    found: dict[str, type[Adapter]] = {}
    problems: list[Problem] = []
    for place, load in _candidates():
        try:
            for adapter in load():
                _admit(adapter, found)
        except Exception as error:
            hint = "update or remove the package that provides it"
            problems.append(Problem(place, f"adapter not loaded: {error or type(error).__name__}", hint))
    return Registry(found, tuple(problems))


def _candidates() -> Iterator[tuple[str, _Load]]:
    for module in pkgutil.iter_modules(agents.__path__, f"{agents.__name__}."):
        yield module.name, _Load(module.name)
    for entry in metadata.entry_points(group=GROUP):
        yield entry.value, _Load(entry)


@dataclass(frozen=True, slots=True)
class _Load:
    """Something that gives adapter classes when called."""

    what: str | metadata.EntryPoint

    def __call__(self) -> list[type[Adapter]]:
        value = importlib.import_module(self.what) if isinstance(self.what, str) else self.what.load()
        if isinstance(value, ModuleType):
            return [kind for kind in vars(value).values() if _is_adapter(kind) and kind.__module__ == value.__name__]
        if not _is_adapter(value):
            raise AdapterError(f"{value!r} is no Adapter")
        return [value]


def _is_adapter(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, Adapter) and not inspect.isabstract(value)


def _admit(adapter: type[Adapter], found: dict[str, type[Adapter]]) -> None:
    for name in ("name", "label"):
        if not isinstance(getattr(adapter, name, None), str):
            raise AdapterError(f"{adapter.__qualname__} has no {name}")
    if adapter.name in found:
        raise AdapterError(f"the name {adapter.name!r} is taken by {found[adapter.name].__module__}")
    found[adapter.name] = adapter
