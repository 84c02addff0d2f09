"""A real terminal: a tmux server of its own with one shell, typed into and looked at."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic

SECONDS = 30.0


class Terminal:
    """A shell in tmux at a given size."""

    def __init__(self, socket: str, *, width: int, height: int, environ: Mapping[str, str], cwd: Path) -> None:
        self._socket = socket
        shell = ["env", "-i", *(f"{name}={value}" for name, value in environ.items()), "bash", "--norc", "--noprofile"]
        self._tmux(
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            str(width),
            "-y",
            str(height),
            "-c",
            str(cwd),
            shlex.join(shell),
        )
        self._tmux("set-option", "-g", "set-clipboard", "on")
        self._tmux("set-option", "-g", "escape-time", "0")

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(["tmux", "-L", self._socket, *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    def close(self) -> None:
        """End the shell and the server."""
        subprocess.run(["tmux", "-L", self._socket, "kill-server"], capture_output=True, check=False)

    def type(self, text: str) -> None:
        """Type text as it is."""
        self._tmux("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Press keys by their tmux names: ``Enter``, ``C-q``, ``Down``."""
        self._tmux("send-keys", *keys)

    def run(self, command: str) -> None:
        """Type a command line and press Enter."""
        self.type(command)
        self.press("Enter")

    def screen(self) -> str:
        """What is on screen."""
        return self._tmux("capture-pane", "-p")

    def flag(self, name: str) -> str:
        """A figure tmux keeps of the pane, such as ``alternate_on`` or ``cursor_flag``."""
        return self._tmux("display-message", "-p", f"#{{{name}}}").strip()

    def signal(self, name: str) -> None:
        """Send a signal to the program the shell runs."""
        subprocess.run(["pkill", f"-{name}", "-P", self.flag("pane_pid")], check=True)

    def buffer(self) -> str:
        """What was copied to the terminal's clipboard."""
        return self._tmux("show-buffer")

    def wait(self, what: str | Callable[[str], bool], *, seconds: float = SECONDS) -> str:
        """The screen once it holds a regular expression, or a condition holds."""
        holds = what if callable(what) else lambda screen: re.search(what, screen) is not None
        end = monotonic() + seconds
        while True:
            screen = self.screen()
            if holds(screen):
                return screen
            assert monotonic() < end, f"waited for {what!r}; the screen holds:\n{screen}"
