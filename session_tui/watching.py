"""Tells which stores were written to, so that only these are looked at again.

Where the system can say so it is asked, through `watchfiles` and one watch on each directory; that library's own
recursion would hold up every other thread for as long as it goes through all files. Without it, where the system has
no watches left, and on network file systems, whose other writers it does not see, sizes and times are compared.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event, Lock, Thread
from time import monotonic, time
from typing import Final, TypeAlias

from session_tui.adapters.base import Root
from session_tui.catalog import Found

log = logging.getLogger(__name__)

_STEP_MS: Final = 150
"""How long nothing more must happen before a change is told of, and how soon a stop is noticed."""
_BURST_MS: Final = 1000
_SECONDS_BETWEEN_CALLS: Final = 1.0
_SECONDS_BETWEEN_POLLS: Final = 1.5
_POLLING_SHARE: Final = 0.05
"""The share of the time that comparing may take; where it takes longer, it is done less often."""
_GRANULARITY: Final = 2.0
"""Seconds by which a file's time may be too early."""
_LOG: Final = "-wal"
_ALWAYS: Final = frozenset({".jsonl", ".json"})
_REMOTE: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "vboxsf", "virtiofs", "prl_fs"}
)
_REMOTE_FUSE: Final = re.compile(r"fuse\.(sshfs|rclone|glusterfs|s3fs|davfs|cephfs|gcsfuse)")
_MOUNTS: Final = Path("/proc/self/mounts")


Changed: TypeAlias = "Mapping[Root, frozenset[str]]"
"""Paths by the roots that they lie below."""


class Watcher:
    """Watches the roots of stores in threads of its own, which never keep the process from ending."""

    def __init__(
        self, found: Iterable[Found], changed: Callable[[Changed], None], *, since: float | None = None
    ) -> None:
        """Prepare.

        Args:
            changed: called in a watching thread with the roots to look at again and what changed below each: a
                fraction of a second after something was written there, and at most once a second. A root's own
                path stands for whatever lies below it.
            since: seconds of the epoch at which the roots were looked at; what was written later is told at once.
        """
        self.ready = Event()
        """Set once nothing that is written can be missed any more."""
        self._places = tuple(map(_Place, found))
        self._changed = changed
        self._since = time() if since is None else since
        self._stop = Event()
        self._telling = Lock()
        self.threads: tuple[Thread, ...] = ()
        """What watches, once it was started."""

    @property
    def roots(self) -> frozenset[Root]:
        """The roots that are watched."""
        return frozenset(place.root for place in self._places)

    def start(self) -> None:
        """Begin to watch."""
        remote = remote_directories()
        far = [place for place in self._places if is_remote(place.root.path, remote)]
        near = [place for place in self._places if place not in far]
        work = [(self._listen, near), (self._compare, far)]
        self.threads = tuple(
            Thread(target=self._run, args=(way, places), name="watching", daemon=True) for way, places in work if places
        )
        # A thread that comes back from a library while the interpreter is taken down would bring the process down.
        atexit.register(self._end)
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Stop to watch, in a fraction of a second; nothing is told from now on."""
        self._stop.set()

    def _end(self) -> None:
        self._stop.set()
        for thread in self.threads:
            thread.join(1.0)

    def _run(self, way: Callable[[Sequence[_Place]], None], places: Sequence[_Place]) -> None:
        try:
            way(places)
        except Exception as error:
            # A library speaks here that raises what it likes; comparing needs nothing but the files.
            log.info("changes are looked for every %s seconds: %r", _SECONDS_BETWEEN_POLLS, error)
            self._compare(places)

    def _tell(self, due: Mapping[_Place, Iterable[str]]) -> None:
        """Tell of changes, and wait until more may be told."""
        changed: dict[Root, frozenset[str]] = {}
        for place, paths in due.items():
            changed[place.root] = changed.get(place.root, frozenset()).union(paths)
        if changed and not self._stop.is_set():
            with self._telling:
                self._changed(changed)
            self._stop.wait(_SECONDS_BETWEEN_CALLS)

    def _written_meanwhile(self, places: Sequence[_Place]) -> dict[_Place, set[str]]:
        """The places that were written to since they were looked at."""
        return {place: {str(place.root.path)} for place in places if place.was_written(self._since)}

    # ── being told by the system ──────────────────────────────────────────────────────────────────────

    def _listen(self, places: Sequence[_Place]) -> None:
        due = self._written_meanwhile(places)
        for place in places:
            if not place.is_directory:
                place.changed()
        while not self._stop.is_set():
            due = self._listen_while_no_directory_is_new(places, due)

    def _listen_while_no_directory_is_new(
        self, places: Sequence[_Place], due: dict[_Place, set[str]]
    ) -> dict[_Place, set[str]]:
        """Tell of ``due`` as soon as all directories are watched, then of changes; return those with one that came."""
        from watchfiles import Change, watch

        watched = {directory for place in places for directory in place.directories()}
        # A time-out with nothing new comes back here too, the first one once the watches are set.
        for changes in watch(
            *sorted(watched),
            watch_filter=None,
            debounce=_BURST_MS,
            step=_STEP_MS,
            rust_timeout=_STEP_MS,
            yield_on_timeout=True,
            stop_event=self._stop,
            raise_interrupt=False,
            recursive=False,
            ignore_permission_denied=True,
        ):
            new = {path for change, path in changes if change is Change.added and os.path.isdir(path)}  # noqa: PTH112
            for place in places if changes else ():
                concerning = place.concerning(path for _, path in changes)
                concerning |= {path for path in new if place.is_directory and place.holds(path)}
                if concerning:
                    due.setdefault(place, set()).update(concerning)
            self.ready.set()
            if any(place.is_directory and any(map(place.holds, new)) for place in places):
                return due
            self._tell(due)
            due = {}
        return due

    # ── comparing ─────────────────────────────────────────────────────────────────────────────────────

    def _compare(self, places: Sequence[_Place]) -> None:
        due = self._written_meanwhile(places)
        for place in places:
            place.changed()
        self.ready.set()
        pause = _SECONDS_BETWEEN_POLLS
        while not self._stop.is_set():
            self._tell(due)
            self._stop.wait(pause - (_SECONDS_BETWEEN_CALLS if due else 0.0))
            began = monotonic()
            due = {place: paths for place in places if (paths := place.changed())}
            pause = max(_SECONDS_BETWEEN_POLLS, (monotonic() - began) / _POLLING_SHARE)


class _Place:
    """A root with what tells that its sessions changed: files of the kinds that sessions are in, or one database
    and its log. What was seen last is kept."""

    def __init__(self, found: Found) -> None:
        self.root = found.root
        self._path = str(found.root.path)
        self.is_directory = not found.root.path.is_file()
        self._kinds = {_kind(source.path) for source in found.sources}
        self._kinds |= _ALWAYS if self._kinds else set()
        self._files = {self._path, self._path + _LOG}
        self._seen: dict[str, tuple[int, int]] | None = None

    def holds(self, path: str) -> bool:
        """Whether ``path`` lies below the root."""
        return path.startswith(self._path + os.sep)

    def concerning(self, paths: Iterable[str]) -> set[str]:
        """Those of the changed ``paths`` that can have changed a session."""
        if self.is_directory:
            return {path for path in paths if path == self._path or (self.holds(path) and self._counts(path))}
        # Other programs that only read a database may touch its files.
        return self.changed() if any(path in self._files for path in paths) else set()

    def _counts(self, path: str) -> bool:
        kind = _kind(path.removesuffix(_LOG))
        return not kind or not self._kinds or kind in self._kinds

    def was_written(self, since: float) -> bool:
        """Whether a file was written after that moment (seconds of the epoch), or may have been."""
        return any(written / 1e9 >= since - _GRANULARITY for _, (written, _) in self._stamps())

    def changed(self) -> set[str]:
        """The files that are not as they were when this was asked last; none the first time."""
        before, self._seen = self._seen, dict(self._stamps())
        return set() if before is None else {path for path, _ in before.items() ^ self._seen.items()}

    def _stamps(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """Each file that counts with its time in nanoseconds and its size."""
        if not self.is_directory:
            yield from ((path, stamp) for path in self._files if (stamp := _stamp(path)))
            return
        for _, entries in self._folders():
            for entry in entries:
                if self._counts(entry.name) and (stamp := _stamp(entry)):
                    yield entry.path, stamp

    def directories(self) -> Iterator[str]:
        """The directories in which a change shows."""
        if self.is_directory:
            yield from (folder for folder, _ in self._folders())
        else:
            yield str(Path(self._path).parent)

    def _folders(self) -> Iterator[tuple[str, Sequence[os.DirEntry[str]]]]:
        """Every directory below the root, the root itself too, with what stands in it."""
        waiting = [self._path] if Path(self._path).is_dir() else []
        while waiting:
            folder = waiting.pop()
            entries = _entries(folder)
            yield folder, entries
            for entry in entries:
                if _is_directory(entry):
                    waiting.append(entry.path)
                elif entry.is_symlink() and os.path.isdir(entry.path):  # noqa: PTH112 - there may be thousands
                    # A link may lead round in a circle; what stands right behind it is all that stores use.
                    yield entry.path, _entries(entry.path)


def _kind(path: str) -> str:
    """The ending of a file's name with its dot, or nothing."""
    stem, dot, ending = path.rpartition(os.sep)[2].rpartition(".")
    return dot + ending if stem else ""


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """The entries of a directory; none where it is gone or another's."""
    try:
        with os.scandir(folder) as listing:
            return list(listing)
    except OSError:
        return []


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _stamp(file: str | os.DirEntry[str]) -> tuple[int, int] | None:
    """A file's time in nanoseconds and its size; ``None`` where it is gone or another's."""
    try:
        status = os.stat(file) if isinstance(file, str) else file.stat()  # noqa: PTH116 - there may be thousands
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def remote_directories() -> list[tuple[str, bool]]:
    """Where file systems are mounted, and whether each is on another machine; none where the system does not say."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, place, kind, *_ = line.split(" ")
        place = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), place)
        found.append((place.rstrip("/"), kind in _REMOTE or bool(_REMOTE_FUSE.fullmatch(kind))))
    return found


def is_remote(path: Path, mounts: Sequence[tuple[str, bool]]) -> bool:
    """Whether the file system that ``path`` is in is on another machine."""
    holding = [mount for mount in mounts if str(path) == mount[0] or str(path).startswith(f"{mount[0]}/")]
    return max(holding, key=lambda mount: len(mount[0]), default=("", False))[1]
