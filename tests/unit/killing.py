"""Processes that are stopped at any point, and processes that write side by side."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

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


def events(act: Callable[[], object], *, kill_at: int = -1) -> int | None:
    """Run ``act`` in a child and count the calls it makes; it dies at the given one, which is told by ``None``."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        seen = 0

        def count(frame: object, event: str, argument: object) -> None:
            nonlocal seen
            seen += 1
            if seen == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.setprofile(count)
            act()
            sys.setprofile(None)
            os.write(writing, json.dumps(seen).encode())
        finally:
            os._exit(0)
    os.close(writing)
    answer = b"".join(iter(lambda: os.read(reading, 4096), b""))
    os.close(reading)
    os.waitpid(child, 0)
    return int(json.loads(answer)) if answer else None
