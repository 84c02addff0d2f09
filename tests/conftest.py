"""Every test runs in a home of its own: no test sees or touches the real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
_CLEARED = (
    "NO_COLOR",
    "FORCE_COLOR",
    "COLUMNS",
    "LINES",
    "TEXTUAL_THEME",
    "SSH_CONNECTION",
    "SSH_TTY",
    "TMUX",
    "DISPLAY",
)
_AGENT_PREFIXES = ("ATMOS_", "TECHNE_", "PICOCLAW_", "GGCODE_", "BLUE_", "SESSION_TUI_", "XDG_")


@pytest.fixture(autouse=True)
def hermetic_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh home and working directory, and no variable that could lead out of them."""
    import os

    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name in _CLEARED or name.startswith(_AGENT_PREFIXES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.chdir(home)
    yield home
