"""What a manager needs of a store: everything an agent writes, and reading it back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol

from session_tui.adapters.base import Deletable, Root, Source, World
from session_tui.adapters.revising import Revising
from session_tui.adapters.writing import Appendable
from session_tui.agents.native import Native
from session_tui.config import load
from session_tui.hooks import Hooks
from session_tui.model import Session, Transcript
from session_tui.paths import places
from session_tui.trash import Trash


class SessionStore(Appendable, Protocol):
    """An adapter that is `Appendable`."""

    @property
    def name(self) -> str:
        """The store's name in refs."""

    @property
    def world(self) -> World:
        """The world that the adapter was made for."""

    def roots(self) -> Sequence[Root]:
        """Every place that holds sessions."""

    def scan(self, root: Root) -> Iterator[Source]:
        """The sessions at ``root``."""

    def head(self, source: Source) -> Session:
        """What is known of the session without its messages."""

    def heads(self, sources: Sequence[Source]) -> Iterator[Session]:
        """The heads of many sessions, asked for at once."""

    def read(self, source: Source) -> Transcript:
        """The session with all it holds."""


class Keeper(Protocol):
    """Keeps a copy of a session before something of it is taken away."""

    def around(self, session: Session, kind: str) -> AbstractContextManager[object]:
        """Keep the session as it is now; the change of the given ``kind`` is made within the context.

        Raises:
            StoreError: it cannot be kept; nothing may be changed then.
        """


class TrashKeeper:
    """Keeps copies in the trash, from where they can be restored."""

    def __init__(self, trash: Trash, store: Deletable) -> None:
        self._trash = trash
        self._store = store

    def around(self, session: Session, kind: str) -> AbstractContextManager[object]:
        """Keep the session's files and rows; see `Keeper`. A deletion that is the trash's own keeps them itself."""
        if kind == "delete" and isinstance(self._store, Revising):
            return nullcontext()
        belongings = self._store.belongings(session)
        return self._trash.around(session.key, session.key.ref, session.title, belongings, kind)


def keeper_of(store: SessionStore) -> Keeper | None:
    """A keeper that uses the trash in the store's data directory, ``None`` for a store that leaves nothing on disk."""
    if not isinstance(store, Deletable):
        return None
    trash = Trash(store.world.data_dir / "trash")
    if isinstance(store, Revising):
        store.remover = lambda session, belongings: trash.delete(
            session.key, session.key.ref, session.title, belongings
        )
    return TrashKeeper(trash, store)


def native_store(data_dir: Path | None = None) -> Native:
    """Our own store in ``data_dir``, by default where the rest of session-tui looks for it."""
    directory = places(os.environ, data_dir=data_dir).data_dir
    return Native(World(home=Path.home(), environ=os.environ, cwd=Path.cwd(), data_dir=directory))


def configured_hooks(config: Path | None = None) -> Hooks:
    """The end hooks of installed packages, and the commands under ``hooks:`` in the configuration file.

    Raises:
        ConfigError: the configuration cannot be used.
    """
    return Hooks(load(places(os.environ, config=config).config_file).hooks)
