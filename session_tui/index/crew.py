"""Worker processes as the one who started them sees them: asked, listened to, and ended."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

from session_tui.index import worker
from session_tui.index.documents import Gathered
from session_tui.index.gathering import Reading


class Worker:
    """One worker process and what it was asked last."""

    def __init__(self, order: worker.Order) -> None:
        command = [sys.executable, "-X", "frozen_modules=on", "-m", worker.__name__]
        # What it would write to the terminal would stand in the middle of a screen; that it ended is told.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdin and self._process.stdout
        self._requests, self.answers = self._process.stdin, self._process.stdout
        self._asked: list[Reading] = []
        self._send(order)

    def ask(self, batch: list[Reading]) -> None:
        """Have a batch read."""
        self._asked = batch
        self._send(batch)

    def _send(self, value: object) -> None:
        with suppress(BrokenPipeError):  # The end of its answers tells.
            worker.send(self._requests, value)

    def given_up(self) -> list[Gathered]:
        """What is told of a batch whose worker died over it."""
        return [Gathered(reading.document, [], failure="the process that read it ended") for reading in self._asked]

    def dismiss(self) -> None:
        """End the process."""
        self._process.kill()
        with suppress(BrokenPipeError):
            self._requests.close()
        self.answers.close()
        self._process.wait()


class Crew:
    """Worker processes that end with the block."""

    def __init__(self) -> None:
        self._workers: list[Worker] = []

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._workers:
            one.dismiss()

    def hire(self, order: worker.Order) -> Worker:
        """Start a worker."""
        self._workers.append(Worker(order))
        return self._workers[-1]
