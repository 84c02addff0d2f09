"""Background work: a job is a plain function with a `Progress`; it never sees a widget and always says how it ended.

Jobs belong to the app, so that closing a screen does not stop them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

from textual.app import App
from textual.message import Message

from session_tui.errors import Cancelled, SessionTuiError
from session_tui.progress import Progress, Step

T = TypeVar("T")
_numbers = itertools.count(1)
_SECONDS_BETWEEN_STEPS = 0.05


@dataclass(eq=False)
class Job(Generic[T]):
    """Work that runs in a thread of its own."""

    title: str
    work: Callable[[Progress], T]
    done: Callable[[T], None] | None = None
    """Called on the UI's thread with what the work returned."""
    quiet: bool = False
    """Whether its steps and its good end are nobody's concern."""
    number: int = field(default_factory=lambda: next(_numbers))
    progress: Progress = field(default_factory=Progress)


class JobStepped(Message):
    """A job told how far it is."""

    def __init__(self, job: Job[object], step: Step) -> None:
        super().__init__()
        self.job = job
        self.step = step

    def can_replace(self, message: Message) -> bool:
        """Only the newest step of a job is worth showing."""
        return isinstance(message, JobStepped) and message.job is self.job


class JobEnded(Message):
    """A job came to its end: with a ``result``, with an ``error``, or ``cancelled``."""

    def __init__(self, job: Job[object], *, result: object = None, error: SessionTuiError | None = None) -> None:
        super().__init__()
        self.job = job
        self.result = result
        self.error = error

    @property
    def cancelled(self) -> bool:
        """Whether it was stopped on request."""
        return isinstance(self.error, Cancelled)


class Jobs:
    """The running jobs of one app."""

    def __init__(self, app: App[object]) -> None:
        self._app = app
        self._lock = Lock()
        self._running: dict[int, Job[object]] = {}

    @property
    def running(self) -> tuple[Job[object], ...]:
        """The jobs that run now, the oldest first."""
        with self._lock:
            return tuple(self._running.values())

    def run(self, job: Job[T]) -> Job[T]:
        """Start ``job``; its end arrives as `JobEnded`, after its ``done`` was called."""
        kept: Job[object] = job  # type: ignore[assignment]
        with self._lock:
            self._running[job.number] = kept
        job.progress.report = self._throttled(kept)
        self._app.run_worker(
            lambda: self._work(kept), name=job.title, group=f"job-{job.number}", thread=True, exit_on_error=False
        )
        return job

    def cancel_newest(self) -> bool:
        """Ask the newest job to stop; whether there was one."""
        running = self.running
        if running:
            running[-1].progress.cancel()
        return bool(running)

    def cancel_all(self) -> None:
        """Ask every job to stop; the app's exit waits for them."""
        for job in self.running:
            job.progress.cancel()

    def _throttled(self, job: Job[object]) -> Callable[[Step], None]:
        last = 0.0

        def report(step: Step) -> None:
            nonlocal last
            now = monotonic()
            if not job.quiet and now - last >= _SECONDS_BETWEEN_STEPS:
                last = now
                self._app.post_message(JobStepped(job, step))

        return report

    def _work(self, job: Job[object]) -> None:
        try:
            ended = JobEnded(job, result=job.work(job.progress))
        except SessionTuiError as error:
            ended = JobEnded(job, error=error)
        except Exception as error:
            # A job runs adapters, plug-ins among them; whatever they raise ends the job, never the app.
            self._app.log.error(f"{job.title}: {error!r}")
            ended = JobEnded(job, error=SessionTuiError(f"{type(error).__name__}: {error}"))
        with self._lock:
            self._running.pop(job.number, None)
        self._app.post_message(ended)
