"""The installed command in a real terminal, on a home of its own, with stand-ins for the agents on its PATH."""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from session_tui.demo.build import build_demo
from tests.e2e.terminal import Terminal

AGENTS = ("atmos", "ggcode", "techne", "picoclaw")

# Tells how it was started, then reads lines: `bye` ends it well, `crash` leaves the terminal in a mess.
STAND_IN = """#!/bin/bash
{ printf '%s\\n' "$(basename "$0")" "$PWD"; printf '%s\\n' "$@"; } > "$RECORD"
printf 'STAND-IN %s\\n' "$(basename "$0")"
while IFS= read -r line; do
  [ "$line" = bye ] && exit 7
  [ "$line" = crash ] && { printf '\\033[?1049h\\033[?25l\\033[?1000h'; stty raw -echo; kill -9 $$; }
done
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A sample home of its own for each test."""
    return build_demo(tmp_path / "home", datetime.now(UTC))


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """Where a stand-in writes how it was started."""
    return tmp_path / "record"


@pytest.fixture
def terminal(home: Path, record: Path, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Opens terminals; each is closed at the test's end."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    programs = tmp_path / "bin"
    programs.mkdir()
    for agent in AGENTS:
        (programs / agent).write_text(STAND_IN)
        (programs / agent).chmod(0o755)
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), "/usr/bin", "/bin"])
    environ = {
        "HOME": str(home),
        "PATH": path,
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
        "PS1": "$ ",
        "RECORD": str(record),
        "SSH_TTY": "/dev/pts/0",
        "TEXTUAL_ANIMATIONS": "none",
    }
    opened: list[Terminal] = []

    def open_terminal(*, width: int = 80, height: int = 24) -> Terminal:
        socket = f"session-tui-{uuid.uuid4().hex[:12]}"
        opened.append(Terminal(socket, width=width, height=height, environ=environ, cwd=home))
        return opened[-1]

    yield open_terminal
    for one in opened:
        one.close()
