"""Sessions in which nobody has said anything yet. They are kept in memory and never written as they are."""

from __future__ import annotations

from typing import ClassVar

from session_tui.adapters.base import World
from session_tui.adapters.writing import Appendable
from session_tui.agents.memory import Memory
from session_tui.model import SessionKey, Transcript


class Drafts(Memory):
    """Begun sessions under the keys that they will have in ``target``. They are used by one thread at a time."""

    label: ClassVar[str] = "drafts"

    def __init__(self, world: World, target: Appendable) -> None:
        super().__init__(world)
        self._target = target

    def key(self, id: str = "") -> SessionKey:
        """The key that the session gets once it is written."""
        return self._target.key(id)

    def get(self, key: SessionKey) -> Transcript | None:
        """The draft, ``None`` where there is none."""
        found = self._kept.get(key.id)
        return found if found and key.root in ("", found.session.key.root) else None

    def put_back(self, draft: Transcript) -> None:
        """Make the draft what it was."""
        self._kept[draft.session.key.id] = draft

    def all(self) -> tuple[Transcript, ...]:
        """Every draft, in the order they were begun."""
        return tuple(self._kept.values())
