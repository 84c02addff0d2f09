"""A program in a terminal of its own, and what stands on its screen, byte by byte as it is painted."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import unicodedata
from collections.abc import Callable
from time import perf_counter
from typing import Final

from tests.bench.programs import Program

_SEQUENCE: Final = re.compile(
    r"\x1b\[(?P<parameters>[0-9;:?<>=! $]*)(?P<final>[@-~])|\x1b\](?P<told>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    r"|\x1b[P_^X][^\x1b]*\x1b\\|\x1b[()*+#%].|\x1b[^\[\]P_^X()*+#%]"
)
_ANSWERS: Final = {"c": "\x1b[?62;22c", "6n": "\x1b[1;1R", "5n": "\x1b[0n", ">c": "\x1b[>1;1;0c"}
_LONGEST: Final = 60.0
_CHUNK: Final = 1 << 16


class Screen:
    """The cells of a terminal, as the usual sequences leave them."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._rows = [[" "] * width for _ in range(height)]
        self._row = self._column = 0
        self._rest = ""
        self.asked: list[str] = []
        """Answers to what the program asked of the terminal."""

    @property
    def lines(self) -> list[str]:
        """What stands on it."""
        return ["".join(row) for row in self._rows]

    def feed(self, data: str) -> None:
        """Paint what the program wrote."""
        text, at = self._rest + data, 0
        self._rest = ""
        while at < len(text):
            if text[at] != "\x1b":
                self._put(text[at])
                at += 1
            elif match := _SEQUENCE.match(text, at):
                self._obey(match)
                at = match.end()
            elif len(text) - at < _CHUNK:
                self._rest = text[at:]
                return
            else:
                at += 1

    def _put(self, character: str) -> None:
        if character == "\r":
            self._column = 0
        elif character == "\n":
            self._row = min(self._row + 1, self.height - 1)
        elif character == "\b":
            self._column = max(0, self._column - 1)
        elif character >= " " and not unicodedata.combining(character):
            if self._row < self.height and self._column < self.width:
                self._rows[self._row][self._column] = character
            wide = unicodedata.east_asian_width(character) in "WF"
            self._column += 2 if wide else 1

    def _obey(self, match: re.Match[str]) -> None:
        if (told := match["told"]) is not None:
            number, _, value = told.partition(";")
            if value == "?":
                self.asked.append(f"\x1b]{number};rgb:1010/1010/1010\x1b\\")
            return
        final = match["final"]
        if final is None:
            return
        parameters = match["parameters"]
        if answer := _ANSWERS.get(parameters + final):
            self.asked.append(answer)
        numbers = [int(part) if part.isdigit() else 0 for part in parameters.split(";")]
        first = numbers[0] or 1
        match final:
            case "H" | "f":
                self._row, self._column = first - 1, (numbers[1] or 1) - 1 if len(numbers) > 1 else 0
            case "A" | "B":
                self._row = min(max(0, self._row + (first if final == "B" else -first)), self.height - 1)
            case "C" | "D":
                self._column = max(0, self._column + (first if final == "C" else -first))
            case "G":
                self._column = first - 1
            case "d":
                self._row = first - 1
            case "J" | "K" if not parameters.startswith("?"):
                self._erase(final, numbers[0])

    def _erase(self, final: str, how: int) -> None:
        row = self._rows[min(self._row, self.height - 1)]
        begin, end = (0 if how else self._column), (self._column + 1 if how == 1 else self.width)
        row[begin:end] = [" "] * len(row[begin:end])
        if final == "J":
            for other in range(self.height):
                if how == 2 or (other > self._row if how == 0 else other < self._row):
                    self._rows[other] = [" "] * self.width


class Played:
    """A program on a screen, typed into."""

    def __init__(self, program: Program, *arguments: str, width: int = 160, height: int = 45) -> None:
        """Start it."""
        self.screen = Screen(width, height)
        self.began = perf_counter()
        self.process, self._terminal = pty.fork()
        if not self.process:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
            os.chdir(program.home)
            os.execve(program.command[0], [*program.command, *arguments], program.environ)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def type(self, text: str) -> float:
        """Press keys; returns when."""
        os.write(self._terminal, text.encode())
        return perf_counter()

    def wait(self, shows: Callable[[list[str]], bool], *, longest: float = _LONGEST) -> float:
        """Paint until the screen ``shows`` what is waited for; returns when.

        Raises:
            TimeoutError: it never did.
        """
        until = perf_counter() + longest
        while not shows(self.screen.lines):
            if not self._painted(until - perf_counter()):
                raise TimeoutError("\n".join(self.screen.lines))
        return perf_counter()

    def settle(self, quiet: float, seen: Callable[[list[str]], list[str]]) -> list[str]:
        """Paint until what is ``seen`` of the screen has stayed the same for ``quiet`` seconds; returns that."""
        last, since = seen(self.screen.lines), perf_counter()
        while (left := since + quiet - perf_counter()) > 0:
            if self._painted(left) and (now := seen(self.screen.lines)) != last:
                last, since = now, perf_counter()
        return last

    def _painted(self, seconds: float) -> bool:
        if not select.select([self._terminal], [], [], max(0.0, seconds))[0]:
            return False
        try:
            data = os.read(self._terminal, _CHUNK)
        except OSError:
            return False
        self.screen.feed(data.decode("utf-8", "replace"))
        while self.screen.asked:
            os.write(self._terminal, self.screen.asked.pop(0).encode())
        return bool(data)

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self._terminal)
