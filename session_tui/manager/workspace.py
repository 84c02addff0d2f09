"""Project directories under one spelling, so that two ways to write a place are one project."""

from __future__ import annotations

import os
from pathlib import Path


def normalized(path: str | Path | None) -> str:
    """``path`` without surrounding space, absolute and clean, symbolic links resolved; one that does not exist is
    made absolute and clean alone. Nothing stays nothing."""
    text = str(path).strip() if path is not None else ""
    if not text:
        return ""
    try:
        return os.path.realpath(text, strict=True)
    except OSError:
        return os.path.abspath(text)  # noqa: PTH100 - Path.absolute keeps `..`
