"""How a job tells how far it is, and how it is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

from session_tui.errors import Cancelled


@dataclass(frozen=True, slots=True)
class Step:
    """One report of a running job: ``done`` of ``total`` units (``total`` 0 when unknown) and a short note."""

    done: int = 0
    total: int = 0
    note: str = ""


def _ignore(step: Step) -> None:
    """Take a report and do nothing with it."""


@dataclass(slots=True)
class Progress:
    """The one argument every job gets: it reports steps and raises `Cancelled` once a stop was asked for."""

    report: Callable[[Step], None] = _ignore
    stop: Event = field(default_factory=Event)

    def step(self, done: int, total: int = 0, note: str = "") -> None:
        """Report ``done`` of ``total`` units.

        Raises:
            Cancelled: a stop was asked for since the last call.
        """
        self.check()
        self.report(Step(done, total, note))

    def note(self, text: str) -> None:
        """Report what the job is doing, without a figure."""
        self.step(0, 0, text)

    def check(self) -> None:
        """Raise `Cancelled` when a stop was asked for; cheap enough for an inner loop."""
        if self.stop.is_set():
            raise Cancelled

    def cancel(self) -> None:
        """Ask the job to stop at its next step; callable from any thread."""
        self.stop.set()
