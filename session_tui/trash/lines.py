"""Files of an item that hold one JSON record a line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from session_tui.adapters import files
from session_tui.trash.cells import line


class Lines:
    """A file of JSON lines that is on the disk once it is closed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Lines:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        try:
            self._file = os.fdopen(os.open(self._path, flags, files.PRIVATE_FILE), "wb")
        except OSError as error:
            raise files.failure(error, self._path) from error
        return self

    def add(self, record: Sequence[object]) -> None:
        """Add a record.

        Raises:
            StoreError: it cannot be written.
        """
        try:
            self._file.write(line(record))
        except OSError as error:
            raise files.failure(error, self._path) from error

    def __exit__(self, *_: object) -> None:
        try:
            with self._file:
                self._file.flush()
                os.fsync(self._file.fileno())
        except OSError as error:
            raise files.failure(error, self._path) from error


def records(path: Path) -> Iterator[list[Any]]:
    """The records of the file, none where it is not there."""
    if path.exists():
        with path.open("rb") as file:
            for text in file:
                yield json.loads(text)
