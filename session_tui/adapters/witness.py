"""Who is told what a change does, in the very moment it is done.

Between a change and a look at what it left, another program may write. Whoever is to know what the change alone did
is therefore told within its transaction, and before a file is replaced.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import sqlite3


class Witness(Protocol):
    """Is told of the changes that a thread makes. What it raises stops the change."""

    def begun(self, database: sqlite3.Connection) -> None:
        """A transaction has begun; nobody else writes until it ends."""

    def ending(self, database: sqlite3.Connection) -> None:
        """All is changed that the transaction is to change; it is committed next."""

    def writing(self, path: Path, data: bytes) -> None:
        """A file is to hold ``data`` next."""


_present: ContextVar[Witness | None] = ContextVar("witness", default=None)


@contextmanager
def telling(witness: Witness) -> Iterator[None]:
    """Tell ``witness`` of the changes that this thread makes within."""
    token = _present.set(witness)
    try:
        yield
    finally:
        _present.reset(token)


def present() -> Witness | None:
    """Who is to be told."""
    return _present.get()
