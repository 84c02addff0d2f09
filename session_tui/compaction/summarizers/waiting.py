"""Work in a thread that can be left at once: what blocks there never blocks the one who asked."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from session_tui.errors import SummaryError
from session_tui.progress import Progress

T = TypeVar("T")
_LOOK = 0.1
"""Seconds between two looks at whether to stop."""


class _Abandoned(Exception):
    """Nobody waits for the work any more."""


@dataclass(slots=True)
class Outlet(Generic[T]):
    """Where the work puts its pieces, and what is to be called to wake it when nobody wants them any more."""

    pieces: queue.SimpleQueue[T | Exception | None] = field(default_factory=queue.SimpleQueue)
    abandoned: threading.Event = field(default_factory=threading.Event)
    wakers: list[Callable[[], None]] = field(default_factory=list)

    def put(self, piece: T) -> None:
        """Hand on a piece; the work ends here once it was abandoned."""
        if self.abandoned.is_set():
            raise _Abandoned
        self.pieces.put(piece)

    def on_abandon(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called, from another thread, when the work is abandoned; at once if it was already."""
        self.wakers.append(wake)
        if self.abandoned.is_set():
            wake()

    def abandon(self) -> None:
        """Tell the work that nobody waits."""
        self.abandoned.set()
        for wake in list(self.wakers):
            wake()


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: how long nothing may come, and how long it may take as a whole."""

    silence: float = 120.0
    whole: float = 900.0


USUAL = Limits()


def pieces(work: Callable[[Outlet[T]], None], limits: Limits, progress: Progress) -> Generator[T, None, None]:
    """What ``work`` puts out, as it comes. Its errors are raised here; leaving early abandons it.

    Raises:
        SummaryError: nothing came for too long, or it took too long.
        Cancelled: a stop was asked for.
    """
    outlet: Outlet[T] = Outlet()
    threading.Thread(target=_run, args=(work, outlet), name="summarizer", daemon=True).start()
    started = heard = time.monotonic()
    try:
        while True:
            progress.check()
            now = time.monotonic()
            if now - heard > limits.silence:
                raise SummaryError(f"no answer for {limits.silence:g} seconds")
            if now - started > limits.whole:
                raise SummaryError(f"not finished after {limits.whole:g} seconds")
            try:
                piece = outlet.pieces.get(timeout=_LOOK)
            except queue.Empty:
                continue
            if piece is None:
                return
            if isinstance(piece, Exception):
                raise piece
            yield piece
            heard = time.monotonic()
    finally:
        outlet.abandon()


def _run(work: Callable[[Outlet[T]], None], outlet: Outlet[T]) -> None:
    try:
        work(outlet)
    except _Abandoned:
        return
    except Exception as error:  # whatever ends the work is raised where it is waited for
        outlet.pieces.put(error)
    else:
        outlet.pieces.put(None)
