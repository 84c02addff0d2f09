"""What a look at the stores gives: sessions, the roots they lie under, and what could not be read."""

from __future__ import annotations

from session_tui.adapters.base import Root, Source
from session_tui.model import Problem, Session
from session_tui.model.lean import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """How an agent is shown: its label, its one-cell mark and its colour."""

    name: str
    label: str
    mark: str
    color: str


@dataclass(frozen=True, slots=True)
class Found:
    """What one root held at the last refresh; ``complete`` when its listing came to its end."""

    store: str
    root: Root
    sources: tuple[Source, ...] = ()
    problems: tuple[Problem, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Catalog:
    """All sessions, newest first, the roots they were found under, and what could not be read."""

    sessions: tuple[Session, ...] = ()
    found: tuple[Found, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the sessions that match, and how many match in all."""

    sessions: tuple[Session, ...]
    total: int
