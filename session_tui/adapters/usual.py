"""What an agent's package says of itself before anything heavy in it is imported.

A package that sets ``USUAL`` is asked for its newest sessions at the very start, if its usual places exist; its
adapter is then imported on demand.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import NamedTuple

CONSTANT = "USUAL"
"""The name that an agent's package keeps its `Usual` under."""


class Usual(NamedTuple):
    """Where an agent's sessions usually lie, and what reads them."""

    reader: str
    """The module of the package and the `Adapter` subclass in it that lists and reads, as ``module:Class``."""
    homes: tuple[str, ...] = ()
    """Paths below the home directory."""
    projects: tuple[str, ...] = ()
    """Paths below the current directory or one above it."""
    variables: tuple[str, ...] = ()
    """Environment variables that move the store elsewhere."""

    def is_there(self, home: str, directory: str, environ: Mapping[str, str]) -> bool:
        """Whether any of the places exists, at the cost of a few stats."""
        if any(environ.get(name) for name in self.variables):
            return True
        if any(os.path.lexists(f"{home}/{place}") for place in self.homes):
            return True
        parts = directory.split("/")
        above = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)] if self.projects else []
        return any(os.path.lexists(f"{folder}/{place}") for folder in above for place in self.projects)


def lazily(package: str, **modules: str) -> Callable[[str], object]:
    """A module's ``__getattr__`` that imports each name from its module of ``package`` when it is asked for."""

    def load(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{modules[name]}"), name)

    return load
