"""Any program that answers what is on its standard input: an agent the person has, run without its screen."""

from __future__ import annotations

import codecs
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import IO

from session_tui.compaction.masking import mask
from session_tui.compaction.summarizers import waiting
from session_tui.compaction.summarizers.instructions import Prompt
from session_tui.compaction.summarizers.waiting import Limits, Outlet, pieces
from session_tui.errors import SummaryError
from session_tui.progress import Progress
from session_tui.text import clip, one_line

WINDOW = 100_000
"""Window in tokens assumed for a command: what today's agents take with room to spare."""
_LARGEST = 4_000_000
_PIECE = 65_536
_GRACE = 0.5
"""Seconds a program gets to end by itself before it is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A `Backend` that runs ``argv`` anew for each question, in an empty directory of its own.

    The instructions stand above the conversation on standard input, or are ``system_option``'s value where the
    program has such an option. ``environ`` is added to the environment.
    """

    argv: tuple[str, ...]
    name: str = "command"
    model: str = ""
    window: int = WINDOW
    system_option: str = ""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    limits: Limits = waiting.USUAL

    def complete(self, prompt: Prompt, progress: Progress, on_text: Callable[[str], None]) -> str:
        """What the program writes to its standard output.

        Raises:
            SummaryError: it could not be started, failed, wrote nothing or did not come to an end.
            Cancelled: a stop was asked for; the program and its children are ended.
        """
        apart = bool(self.system_option)
        argv = (*self.argv, self.system_option, prompt.system) if apart else self.argv
        question = prompt.text if apart else f"{prompt.system}\n\n{prompt.text}"
        text = ""

        def run(outlet: Outlet[str]) -> None:
            self._run(argv, question, outlet)

        with closing(pieces(run, self.limits, progress)) as answer:
            for piece in answer:
                text += piece
                on_text(text)
                if len(text) > _LARGEST:
                    raise SummaryError(f"{self.argv[0]} wrote more than {_LARGEST:,} characters")
        if not text.strip():
            raise SummaryError(f"{self.argv[0]} wrote nothing")
        return text

    def _run(self, argv: tuple[str, ...], question: str, outlet: Outlet[str]) -> None:
        """Run the program and put out what it writes; runs in a thread of its own."""
        with tempfile.TemporaryDirectory(prefix="session-tui-", ignore_cleanup_errors=True) as folder:
            process = self._start(argv, folder)
            outlet.on_abandon(lambda: end(process))
            with process:
                feeder = threading.Thread(target=_feed, args=(process.stdin, question), daemon=True)
                complaints = _Tail(process.stderr)
                feeder.start()
                complaints.start()
                try:
                    _hand_on(process.stdout, outlet)
                    status = process.wait()
                finally:
                    end(process)
                    feeder.join(_GRACE)
                    complaints.join(_GRACE)
        if status != 0:
            said = clip(one_line(mask(complaints.text)), 200)
            what = f"{argv[0]} ended with status {status}" + (f": {said}" if said else "")
            raise SummaryError(what, hint="run it by hand to see what is wrong")

    def _start(self, argv: tuple[str, ...], folder: str) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env={**os.environ, "NO_COLOR": "1", **self.environ},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise SummaryError(f"{argv[0]} could not be started: {why.lower()}", hint="is it installed?") from error


class _Tail(threading.Thread):
    """Reads a stream to its end and remembers the last of it."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self.text = ""

    def run(self) -> None:
        """Read until the stream ends."""
        kept = b""
        while self._stream is not None and (piece := os.read(self._stream.fileno(), _PIECE)):
            kept = (kept + piece)[-4_000:]
        self.text = kept.decode("utf-8", "replace")


def _feed(stream: IO[bytes] | None, question: str) -> None:
    """Write the question and close; a program that does not read it to the end is free not to."""
    if stream is None:
        return
    try:
        with stream:
            stream.write(question.encode("utf-8", "replace"))
    except OSError:
        return


def _hand_on(stream: IO[bytes] | None, outlet: Outlet[str]) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while stream is not None and (piece := os.read(stream.fileno(), _PIECE)):
        if text := decoder.decode(piece):
            outlet.put(text)
    if rest := decoder.decode(b"", final=True):
        outlet.put(rest)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program and the children it started, kindly first; one that has ended is left alone."""
    if process.poll() is not None:
        return
    _signal(process, signal.SIGTERM)
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        if sys.platform == "win32":
            process.terminate()
        else:
            os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return  # it ended in between
