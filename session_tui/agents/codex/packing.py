"""Rollouts that the program packed with Zstandard, unpacked to be read like any other file.

What unpacks is the standard library's ``compression.zstd`` (Python 3.14), the package ``zstandard`` or the program
``zstd``, whichever is there first.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Final, TypeAlias

from session_tui.adapters import files, jsonl
from session_tui.adapters.spans import Span, spans
from session_tui.errors import StoreDamaged, StoreError

PACKED: Final = ".zst"
_CHUNK: Final = 1 << 20
_LIMIT: Final = 4 * 1024 * 1024 * 1024
"""More than this is taken for a file made to fill the disk."""
_Opener: TypeAlias = Callable[[str], AbstractContextManager[IO[bytes]]]


class Rollout(jsonl.Records):
    """The lines of a file, each told as a view on it, and read again on demand. ``damage`` says why a packed one
    could not be unpacked to its end, and is empty where it could."""

    damage: str = ""

    def spans(self) -> Iterator[Span]:
        """All lines.

        Raises:
            StoreError: the file cannot be read to its end.
        """
        try:
            yield from spans(self.descriptor)
        except OSError as error:
            raise files.failure(error, self.path) from error


class Unpacked(Rollout):
    """The lines of a packed file, from a copy without a name that is gone with this object."""

    def __init__(self, path: Path) -> None:
        """Unpack ``path``.

        Raises:
            StoreError: it cannot be read, nothing can be unpacked from it, or nothing is there to unpack it with.
        """
        with NamedTemporaryFile(prefix="session-tui-") as copy:
            self.damage = _unpack(path, copy)
            copy.flush()
            super().__init__(Path(copy.name))
        if self.damage and not self.status.st_size:
            raise StoreDamaged(self.damage, where=str(path))
        self.path, self.status = path, path.stat()


def records(path: Path) -> Rollout:
    """The lines of the file at ``path``, packed or not.

    Raises:
        StoreError: it cannot be opened.
    """
    return Unpacked(path) if path.suffix == PACKED else Rollout(path)


def _unpack(path: Path, copy: IO[bytes]) -> str:
    """Unpack ``path`` into ``copy`` as far as it goes; what stopped it is returned."""
    open_packed = _opener()
    if open_packed is None:
        hint = "install the program zstd or the Python package zstandard"
        raise StoreError("packed with Zstandard, which nothing here can unpack", where=str(path), hint=hint)
    files.head(path, 1)
    written = 0
    try:
        with open_packed(str(path)) as stream:
            while chunk := stream.read(_CHUNK):
                written += len(chunk)
                if written > _LIMIT:
                    return f"unpacks to more than {_LIMIT:,} bytes"
                copy.write(chunk)
    except OSError as error:
        if error.errno is not None:
            raise files.failure(error, path) from error
        return "the packed file is damaged or cut off"
    except Exception:  # each of the three says it in its own way that the file is damaged
        return "the packed file is damaged or cut off"
    return ""


def _opener() -> _Opener | None:
    """What opens a packed file for reading, the first of three that is there."""
    for module in ("compression.zstd", "zstandard"):
        try:
            found: _Opener = import_module(module).open
        except ImportError:
            continue
        return found
    program = shutil.which("zstd")
    return _by(program) if program else None


def _by(program: str) -> _Opener:
    @contextmanager
    def piped(path: str) -> Iterator[IO[bytes]]:
        command = [program, "-dcq", "--", path]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            yield process.stdout
        if process.returncode:
            raise StoreDamaged("the packed file is damaged or cut off", where=path)

    return piped


def edges(path: Path, length: int) -> jsonl.Edges:
    """The first and the last lines of the file at ``path``, packed or not, as `jsonl.edges` gives them.

    Raises:
        StoreError: it cannot be read.
    """
    if path.suffix != PACKED:
        return jsonl.edges(path, length)
    with NamedTemporaryFile(prefix="session-tui-") as copy:
        damage = _unpack(path, copy)
        copy.flush()
        found = jsonl.edges(Path(copy.name), length)
    if damage and not found.status.st_size:
        raise StoreDamaged(damage, where=str(path))
    return found._replace(status=path.stat())
