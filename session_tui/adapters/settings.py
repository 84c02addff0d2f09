"""Settings files of other programs, YAML or JSON by their suffix: read leniently, and once per change.

What cannot be read counts as no settings: the programs themselves go on with their defaults then.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from session_tui.adapters import files, jsonl
from session_tui.errors import StoreError

LIMIT: Final = 1 << 20
"""Bytes; no settings file that a person wrote is longer."""


def load(path: Path, *, mentioning: str = "") -> Mapping[str, object]:
    """The settings in ``path``; empty when there are none. A file without the word ``mentioning`` is not parsed."""
    return _load(str(path), files.stamp(path), mentioning)


@lru_cache(256)
def _load(path: str, stamp: str, mentioning: str) -> Mapping[str, object]:
    if stamp == "-":
        return {}
    try:
        data = files.read(Path(path), limit=LIMIT)
        if mentioning.encode() not in data:
            return {}
        value = jsonl.decode(data).value if path.endswith(".json") else _yaml(data)
    except StoreError:
        return {}
    return value if isinstance(value, Mapping) else {}


def _yaml(data: bytes) -> object:
    import yaml

    loader: Any = type("Loader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {})
    # Tags that only the program itself knows stand for nothing, instead of costing the whole file.
    loader.add_multi_constructor("!", lambda *_: None)
    try:
        return yaml.load(data.decode("utf-8-sig", "replace"), loader)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None


def at(settings: Mapping[str, object], *keys: str) -> object:
    """The value under nested ``keys``, ``None`` where one is missing."""
    value: object = settings
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def text(settings: Mapping[str, object], *keys: str) -> str:
    """The text under nested ``keys``, empty where there is none."""
    value = at(settings, *keys)
    return value if isinstance(value, str) else ""
