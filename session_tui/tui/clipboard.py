"""Copies text where a person can paste it: the desktop's clipboard, or the terminal's over SSH."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Callable, Mapping

MAX_TERMINAL_BYTES = 74_000
"""Terminals are known to drop longer OSC 52 sequences."""


def copy(text: str, *, environ: Mapping[str, str], write: Callable[[str], None]) -> str:
    """Copy ``text`` and return the way it went: ``clipboard``, ``tmux`` or ``terminal``; empty when none did.

    Over SSH the desktop is elsewhere, so tmux's buffer and the terminal are asked; else the desktop first.
    ``write`` sends a sequence to the terminal.
    """
    remote = bool(environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"))
    if not remote and _to_desktop(text):
        return "clipboard"
    if environ.get("TMUX") and _to_tmux(text):
        return "tmux"
    data = base64.b64encode(text.encode("utf-8", "replace"))
    if len(data) > MAX_TERMINAL_BYTES:
        return ""
    write(f"\x1b]52;c;{data.decode()}\a")
    return "terminal"


def _to_desktop(text: str) -> bool:
    import pyperclip

    try:
        pyperclip.copy(text)
    except (pyperclip.PyperclipException, OSError, subprocess.SubprocessError):
        return False
    return True


def _to_tmux(text: str) -> bool:
    try:
        command = ("tmux", "load-buffer", "-w", "-")
        done = subprocess.run(
            command, input=text.encode("utf-8", "replace"), capture_output=True, timeout=5, check=False, env=os.environ
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0
