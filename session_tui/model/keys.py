"""What tells one session from another."""

from __future__ import annotations

from session_tui.model.lean import dataclass


@dataclass(frozen=True, slots=True)
class SessionKey:
    """Which session: the store's name, the store's own id, and the root (real path) it was found under."""

    store: str
    id: str
    root: str = ""

    def __hash__(self) -> int:
        # Ids hardly ever repeat, and a string keeps its hash: keys are looked up by the ten thousand.
        return hash(self.id)

    @property
    def ref(self) -> str:
        """``STORE:ID``, as `list` prints it where no two roots hold the same id."""
        return f"{self.store}:{self.id}"

    @property
    def tag(self) -> str:
        """Six hex digits that tell two roots of one store apart."""
        import hashlib

        return hashlib.sha256(self.root.encode("utf-8", "surrogateescape")).hexdigest()[:6]

    @property
    def tagged_ref(self) -> str:
        """``STORE:ID@ROOTTAG``, which is always accepted."""
        return f"{self.ref}@{self.tag}"

    @classmethod
    def parse(cls, ref: str) -> SessionKey:
        """Split ``STORE:ID``; the id may hold further colons. Without a colon the store is empty."""
        store, colon, id = ref.partition(":")
        return cls(store, id) if colon else cls("", ref)


@dataclass(frozen=True, slots=True)
class Scope:
    """The composite identity chat gateways give a session: agent, channel, peer and an optional thread."""

    agent: str
    channel: str
    peer: str
    thread: str | None = None

    @property
    def id(self) -> str:
        """The parts joined by colons, the thread only where there is one."""
        return ":".join([self.agent, self.channel, self.peer, *([self.thread] if self.thread else [])])

    @classmethod
    def parse(cls, text: str) -> Scope:
        """Read ``agent:channel:peer[:thread]``; parts after the fourth are dropped.

        Raises:
            ValueError: fewer than three parts.
        """
        parts = text.split(":")
        if len(parts) < 3:
            raise ValueError(f"invalid session ID format: {text}")
        return cls(parts[0], parts[1], parts[2], parts[3] if len(parts) > 3 else None)
