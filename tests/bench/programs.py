"""Programs measured as a person runs them: each in a throw-away home whose stores are links to the real ones."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import perf_counter
from typing import Final

STORES: Final = (".claude", ".codex")
_PEER: Final = "fast-resume"
_SECONDS_BETWEEN_LOOKS: Final = 0.004


@dataclass(frozen=True, slots=True)
class Spent:
    """What one run took: seconds on the clock, seconds of all processors, and what it printed."""

    wall: float
    cpu: float
    output: bytes = b""


@dataclass(slots=True)
class Program:
    """A program in a home of its own: how it is started, and with which variables."""

    name: str
    command: tuple[str, ...]
    home: Path
    environ: dict[str, str] = field(default_factory=dict)

    @classmethod
    def placed(cls, name: str, command: Sequence[str], stores: Path, below: Path) -> Program:
        """Make the program's home below a folder, with links to ``stores``' folders."""
        home = below / name.replace(" ", "-")
        home.mkdir()
        for store in STORES:
            if (stores / store).exists():
                (home / store).symlink_to(stores / store, target_is_directory=True)
        environ = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "xterm-256color"}
        for kind in ("cache", "config", "data", "state"):
            (home / kind).mkdir()
            environ[f"XDG_{kind.upper()}_HOME"] = str(home / kind)
        return cls(name, tuple(command), home, environ)

    def forget(self) -> None:
        """Take away everything it made."""
        for kind in ("cache", "data", "state"):
            shutil.rmtree(self.home / kind)
            (self.home / kind).mkdir()

    def run(self, *arguments: str) -> Spent:
        """Run it to its end.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
        done = self._started(*arguments)
        output, errors = done.communicate()
        wall, after = perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, done.args, output, errors)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Spent(wall, cpu, output)

    def peak(self, *arguments: str) -> float:
        """The most memory in MB that it and all processes below it held at once while it ran."""
        process, done, highest = self._started(*arguments), Event(), [0.0]

        def watch() -> None:
            while not done.wait(_SECONDS_BETWEEN_LOOKS):
                highest[0] = max(highest[0], resident(process.pid))

        watcher = Thread(target=watch)
        watcher.start()
        process.communicate()
        done.set()
        watcher.join()
        return highest[0]

    def _started(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [*self.command, *arguments]
        return subprocess.Popen(
            command, env=self.environ, cwd=self.home, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def size(self) -> int:
        """Bytes of what it keeps in its cache."""
        kept = (path for path in (self.home / "cache").rglob("*") if path.is_file())
        return sum(path.stat().st_size for path in kept)


def resident(process: int) -> float:
    """Memory in MB that a process and all below it hold; what they share counts once for each."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    own = next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")), 0.0)
    return own + sum(resident(int(child)) for child in children)


def ours() -> tuple[str, ...]:
    """The command of the program under test."""
    return (sys.executable, "-m", "session_tui")


@contextmanager
def installed(command: Path | None) -> Iterator[tuple[str, ...]]:
    """The peer's command: the one given, else from an environment that is gone afterwards."""
    if command is not None:
        yield (str(command),)
        return
    with TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        programs = Path(folder, "bin")
        subprocess.run([programs / "pip", "install", "--quiet", _PEER], check=True, env={**os.environ, "HOME": folder})
        yield (str(programs / "fr"),)
