"""What the terminal shows before anything heavy is imported: the first screen as it was drawn last time.

Importing the UI takes a few hundred milliseconds. Meanwhile a person sees their list, and what they type waits in
the terminal's buffer until the UI takes over. Imports nothing but what every interpreter has loaded, and termios.
"""

from __future__ import annotations

import os
import sys
import termios

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[H"
_LEAVE = "\x1b[?1049l\x1b[?25h"
_before: list[list[int | list[bytes | int]]] = []
"""The terminal's settings from before `quieten`; empty when they hold."""
_shown: list[str] = []
"""What was painted over the person's terminal."""


def file() -> str:
    """Where the screen is kept: in the user's cache directory, as the platform has it."""
    home = os.path.expanduser("~")  # noqa: PTH111 - pathlib alone would cost more than all the rest
    folder = os.environ.get("XDG_CACHE_HOME") or f"{home}/{'Library/Caches' if sys.platform == 'darwin' else '.cache'}"
    return f"{folder}/session-tui/first-screen"


def is_wanted(arguments: list[str]) -> bool:
    """Whether the UI is about to open as it does without arguments, in a terminal."""
    return not arguments and sys.stdin.isatty() and sys.stdout.isatty()


def quieten() -> None:
    """Let what is typed wait unseen until the UI reads it.

    Raises:
        termios.error: it is no terminal.
    """
    settings = termios.tcgetattr(sys.stdin.fileno())
    quiet = [*settings]
    quiet[3] = settings[3] & ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, quiet)
    _before.append(settings)


def paint(arguments: list[str]) -> bool:
    """Show the kept screen, where the UI is about to open as it did then, at the same size; whether it was shown."""
    if not is_wanted(arguments):
        return False
    try:
        with open(file(), encoding="utf-8", newline="") as kept:  # noqa: PTH123 - as above
            head, screen = kept.readline().split(), kept.read()
        size = os.get_terminal_size(sys.stdout.fileno())
        if head != _head(size.columns, size.lines).split():
            return False
        quieten()
    except (OSError, ValueError, termios.error):
        return False  # Nothing kept, or no such terminal: the UI comes by itself a little later.
    show(screen)
    return True


def show(screen: str) -> None:
    """Put a drawn screen in place of what the terminal shows, until `hand_over` or `take_back`."""
    sys.stdout.write(_ENTER + screen)
    sys.stdout.flush()
    _shown.append(screen)


def hand_over() -> None:
    """Give the terminal to the UI, which draws over what is there."""
    _shown.clear()
    if _before:
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, _before.pop())


def take_back() -> None:
    """Wipe what was painted, where the UI never came."""
    painted = bool(_shown)
    hand_over()
    if painted:
        sys.stdout.write(_LEAVE)
        sys.stdout.flush()


def keep(screen: str, *, columns: int, lines: int) -> None:
    """Keep a drawn screen for next time.

    Raises:
        OSError: it cannot be written.
    """
    target = file()
    temporary = f"{target}.{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as out:
        out.write(f"{_head(columns, lines)}\n{screen}")
    os.replace(temporary, target)  # noqa: PTH105 - as above


def _head(columns: int, lines: int) -> str:
    return (
        f"1 {columns} {lines} {os.environ.get('COLORTERM') or '-'} {'plain' if 'NO_COLOR' in os.environ else 'color'}"
    )
