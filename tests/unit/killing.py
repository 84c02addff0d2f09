"""Processes that are stopped at any point, and processes that write side by side."""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import select
import signal
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

from session_tui.errors import SessionTuiError

APPENDING = """
import json, sys
from pathlib import Path
from session_tui.adapters.base import World
from session_tui.model import Message, Role, SessionKey, Text
from session_tui.registry import discover
home, store, id, name = sys.argv[1:]
adapter = discover().adapters[store](World(Path(home), {}, Path(home), Path(home) / "data"))
key = adapter.key(id)
for number in range(200):
    adapter.add_message(key, Message(id="", role=Role.USER, blocks=(Text(f"{name}{number}"),)))
"""
HOLDING = """
import fcntl, os, sys
f = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(f, fcntl.LOCK_EX)
os.write(f, str(os.getpid()).encode())
print("held", flush=True)
input()
"""


def append_side_by_side(home: Path, store: str, id: str) -> None:
    """Two processes append two hundred messages each to one session."""
    command = [sys.executable, "-c", APPENDING, str(home), store, id]
    writers = [subprocess.Popen([*command, name]) for name in "ab"]
    assert [0, 0] == [writer.wait() for writer in writers]


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another process holds a ``flock`` on ``path``, as a running program does."""
    command = [sys.executable, "-c", HOLDING, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "held\n" == process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


# ── power cuts ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Cut:
    """When a process is killed: so many ``seconds`` after it began, at the ``moment`` with that number (calls and
    returns of Python and C functions, and every few instructions of SQLite's machine), or as it writes behind the
    first ``size`` bytes of any file, of which what stands before is written."""

    seconds: float | None = None
    moment: int | None = None
    size: int | None = None

    @staticmethod
    def never() -> Cut:
        """The process is let be; moments are counted."""
        return Cut(moment=0)


@dataclass(frozen=True)
class Life:
    """How a process ended: killed, or done after so many seconds and moments, perhaps with an error."""

    killed: bool = False
    seconds: float = 0.0
    moments: int = 0
    error: str = ""


class Forker:
    """A process with everything imported, which forks for each change: a round costs no start of Python.

    ``module`` has a function ``change(order)`` that prepares a change and returns what makes it. Killing begins with
    the latter.
    """

    def __init__(self, module: str) -> None:
        root = Path(__file__).resolve().parents[2]
        command = [sys.executable, "-m", "tests.unit.killing", module]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root, env=dict(os.environ)
        )

    def send(self, order: Mapping[str, object], cut: Cut | None) -> None:
        """Have a change made, without waiting for it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([order, asdict(cut) if cut else None]) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Life:
        """How the change that was sent first ended."""
        assert self._process.stdout is not None
        told = json.loads(self._process.stdout.readline())
        assert not told.get("crash"), told["crash"]
        return Life(**told)

    def run(self, order: Mapping[str, object], cut: Cut) -> Life:
        """Have a change made and say how it ended."""
        self.send(order, cut)
        return self.answer()

    def warm_up(self, order: Mapping[str, object]) -> None:
        """Have a change made by the process itself, so that those it forks find all imported that this needs."""
        self.send(order, None)
        self.answer()

    def close(self) -> None:
        """Let the process go."""
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()


@contextmanager
def forker(module: str) -> Iterator[Forker]:
    """A `Forker` that is closed at the end."""
    process = Forker(module)
    try:
        yield process
    finally:
        process.close()


Order = Mapping[str, object]
Change = Callable[[Order], Callable[[], object]]


def serve(module: str) -> None:
    """Answer the orders on standard input."""
    change: Change = importlib.import_module(module).change
    gc.freeze()
    for line in sys.stdin:
        order, cut = json.loads(line)
        if cut is None:
            change(order)()
            gc.freeze()
        print(json.dumps(_round(change, order, Cut(**cut)) if cut else {}), flush=True)


def _round(change: Change, order: Order, cut: Cut) -> dict[str, object]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _live(change, order, cut, writing)
    os.close(writing)
    answer = os.read(reading, 1)  # it has prepared, and begins
    if cut.seconds is not None and not select.select([reading], [], [], cut.seconds)[0]:
        os.kill(child, signal.SIGKILL)
    answer += b"".join(iter(lambda: os.read(reading, 65536), b""))
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return {"killed": True}
    found = json.loads(answer.lstrip(b"."))
    assert isinstance(found, dict)
    return found


def _live(change: Change, order: Order, cut: Cut, writing: int) -> None:
    """The child's life; it never returns."""
    told: dict[str, object] = {}
    try:
        act = change(order)
        moments = Moments(cut.moment)
        os.write(writing, b".")
        started = perf_counter()
        if cut.size is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (cut.size, resource.RLIM_INFINITY))
        with moments.counted() if cut.moment is not None else nullcontext():
            act()
        told = {"seconds": perf_counter() - started, "moments": moments.seen}
    except SessionTuiError as error:
        told = {"error": str(error)}
    except BaseException:
        told = {"crash": traceback.format_exc()}
    finally:
        os.write(writing, json.dumps(told).encode())
        os._exit(0)


class Moments:
    """Counts the moments of a process, which dies at the one with the number ``last``."""

    def __init__(self, last: int | None) -> None:
        self.seen = 0
        self._last = last

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count what happens within."""
        connect = sqlite3.connect

        def stepping(*arguments: object, **more: object) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*arguments, **more)  # type: ignore[call-overload]
            # Called from within SQLite, and as every call counted by the profiler.
            connection.set_progress_handler(lambda: 0, 10)
            return connection

        def count(frame: object, event: str, argument: object) -> None:
            self.seen += 1
            if self.seen == self._last:
                os.kill(os.getpid(), signal.SIGKILL)

        sqlite3.connect = stepping  # type: ignore[assignment]
        sys.setprofile(count)
        try:
            yield
        finally:
            sys.setprofile(None)
            sqlite3.connect = connect


if __name__ == "__main__":
    serve(sys.argv[1])
