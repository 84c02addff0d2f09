"""The one place of this package where something that is not its own scratch is removed from the disk."""

from __future__ import annotations

import shutil
from pathlib import Path

from session_tui.adapters import files


def file(path: Path) -> None:
    """Remove a file or a symbolic link, never what a link names.

    Raises:
        StoreError: it cannot be removed.
    """
    try:
        path.unlink()
    except OSError as error:
        raise files.failure(error, path) from error


def empty_directory(path: Path) -> bool:
    """Remove a directory; one that holds anything stays, which ``False`` tells."""
    try:
        path.rmdir()
    except OSError:
        return False
    return True


def item(folder: Path) -> None:
    """Remove a trash item: out of sight in one step, then from the disk.

    Raises:
        StoreError: it cannot be removed.
    """
    hidden = folder if folder.name.startswith(".") else folder.with_name(f".gone-{folder.name}")
    try:
        if hidden != folder:
            folder.replace(hidden)
        shutil.rmtree(hidden)
    except OSError as error:
        raise files.failure(error, folder) from error
