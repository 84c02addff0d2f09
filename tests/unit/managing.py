"""Managers for tests: over each store, with a clock that stands still until it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from session_tui.adapters.base import World
from session_tui.agents.memory import Memory
from session_tui.agents.native import Native
from session_tui.manager import SessionManager
from session_tui.model import Message, Role, Session, SessionKey, Text, Transcript

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
Store = Memory | Native
STORES = (Memory, Native)


@dataclass
class Clock:
    """The time that a manager sees."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


def world(place: Path) -> World:
    return World(home=place, environ={}, cwd=place, data_dir=place / "data")


def said(text: str, role: Role = Role.USER, **more: object) -> Message:
    return replace(Message(id="", role=role, blocks=(Text(text),)), **more)  # type: ignore[arg-type]


def talk(manager: SessionManager, *texts: str, name: str = "", **more: object) -> SessionKey:
    """A session in which a person says ``texts``."""
    key = manager.create(name, **more).key  # type: ignore[arg-type]
    for text in texts:
        manager.add_message(key, Role.USER, text)
    return key


def texts(messages: Sequence[Message]) -> list[str]:
    return [message.text for message in messages]


def put(store: Store, id: str, *, at: datetime = NOON, **more: object) -> SessionKey:
    """A written session with one prompt, last used at a given time."""
    session = Session(key=store.key(id), title=id, created_at=at, updated_at=at, last_active_at=at)
    described = replace(session, **more)  # type: ignore[arg-type]
    return store.create(Transcript(session=described, messages=[said(f"prompt of {id}")]))
