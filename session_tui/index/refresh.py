"""Brings the index up to date: stamps first, then only what changed, the newest first, committed as it comes.

Little is read here and now; much is shared out to worker processes. One refresh runs at a time, whatever program
started it; a second one finds the lock taken and leaves the work to the first. A lock goes with its process, so a
crashed refresh stands in nobody's way, and what it had not committed is only waste in the segments.
"""

from __future__ import annotations

import fcntl
import logging
import os
import selectors
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, compress
from pathlib import Path
from time import monotonic
from typing import Final

import msgspec

from session_tui.adapters.base import Adapter, Source, World
from session_tui.adapters.files import PRIVATE_FILE, private_directory
from session_tui.adapters.forgetting import Forgetful
from session_tui.errors import StoreError
from session_tui.index import worker
from session_tui.index.crew import Crew
from session_tui.index.documents import Document, Documents, Gathered, Identity, identity_of
from session_tui.index.gathering import Gatherer, Reading, segments_of
from session_tui.index.segments import WORK
from session_tui.progress import Progress

log = logging.getLogger(__name__)

_LOCK: Final = "refresh.lock"
_INLINE_BYTES: Final = 12 << 20
"""Up to this much is read by the refreshing process itself; starting workers would take longer."""
_BATCH_BYTES: Final = 6 << 20
_BATCH_SESSIONS: Final = 64
_ROW_BYTES: Final = 50_000
"""What a session that is no file of its own is taken for."""
_SECONDS_BETWEEN_COMMITS: Final = 0.4
_SHARE_OF_COMMITS: Final = 0.1
"""How much of the time may go into commits and what is made of them, which cost more the more there is."""
_MAX_WORKERS: Final = 4


@dataclass(slots=True)
class Outcome:
    """What a refresh did: sessions read, found as they were, dropped and unreadable; whether another one was at it
    already, and whether the index had to be made anew."""

    read: int = 0
    kept: int = 0
    dropped: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    busy: bool = False
    rebuilt: bool = False


class Refresher:
    """Refreshes the index in one folder."""

    def __init__(
        self,
        folder: Path,
        world: World,
        adapters: Mapping[str, Adapter],
        *,
        work_quota: int = 1_000_000_000,
        workers: int | None = None,
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare.

        Args:
            work_quota: bytes of tool text and thinking that are kept, the newest first; none when 0.
            workers: how many processes may be started; as many as there are processors by default.
            committed: called whenever more has become findable.
        """
        self._documents = Documents(folder)
        self._world = world
        self._adapters = adapters
        self._work_quota = work_quota
        self._workers = min(_MAX_WORKERS, os.cpu_count() or 1) if workers is None else workers
        self._committed = committed

    def refresh(
        self,
        sources: Sequence[Source],
        progress: Progress,
        *,
        complete: Sequence[tuple[str, str]] = (),
        rebuild: bool = False,
    ) -> Outcome:
        """Read what changed among ``sources``, and drop what is gone of the roots that were listed whole.

        Args:
            complete: store and root of those roots.
            rebuild: whether everything is to be read anew.

        Raises:
            Cancelled: a stop was asked for; what was committed before stays.
            StoreError: the index cannot be written.
        """
        outcome = Outcome()
        try:
            with self._locked() as free:
                if not free:
                    outcome.busy = True
                    return outcome
                self._refresh(sources, progress, frozenset(complete), outcome, rebuild=rebuild)
        except OSError as error:
            raise self._unwritable(error) from error
        return outcome

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        private_directory(self._documents.folder)
        descriptor = os.open(self._documents.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
        finally:
            os.close(descriptor)

    def _refresh(
        self,
        sources: Sequence[Source],
        progress: Progress,
        complete: frozenset[tuple[str, str]],
        outcome: Outcome,
        *,
        rebuild: bool,
    ) -> None:
        if rebuild:
            self._documents.discard()
        try:
            self._update(sources, progress, complete, outcome)
            return
        except sqlite3.Error as error:
            if not _is_damage(error):
                raise self._unwritable(error) from error
            log.warning("the index %s is made anew: %s", self._documents.file, error)
        self._documents.discard()
        outcome.rebuilt = True
        try:
            self._update(sources, progress, complete, outcome)
        except sqlite3.Error as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: Exception) -> StoreError:
        told = error.strerror if isinstance(error, OSError) else None
        what, where = (told or str(error)).lower(), str(self._documents.folder)
        return StoreError(what, where=where, hint="free some space or delete that folder; it is made anew")

    def _update(
        self, sources: Sequence[Source], progress: Progress, complete: frozenset[tuple[str, str]], outcome: Outcome
    ) -> None:
        with self._documents.connected(make=True) as database:
            stamps = self._documents.stamps(database)
            if damaged := self._documents.damaged(database):
                log.warning("%d sessions are indexed anew: their text was damaged", len(damaged))
                self._documents.drop(database, damaged)
                outcome.rebuilt = True
                stamps = self._documents.stamps(database)
            outcome.dropped = self._prune(database, stamps, sources, complete)
            changed = self._changed(database, stamps, sources)
            outcome.kept = len(sources) - len(changed)
            if changed:
                self._read(database, self._readings(database, stamps, changed), progress, outcome)

    def _prune(
        self,
        database: sqlite3.Connection,
        stamps: Mapping[Identity, tuple[int, str]],
        sources: Sequence[Source],
        complete: frozenset[tuple[str, str]],
    ) -> int:
        present = {identity_of(source) for source in sources}
        gone = [
            number for identity, (number, _) in stamps.items() if identity not in present and identity[:2] in complete
        ]
        if gone:
            self._documents.drop(database, gone)
            self._committed()
        return len(gone)

    def _changed(
        self, database: sqlite3.Connection, stamps: Mapping[Identity, tuple[int, str]], sources: Sequence[Source]
    ) -> list[Source]:
        buried = self._documents.buried(database)
        changed = []
        for source in sources:
            identity = identity_of(source)
            known = stamps.get(identity)
            if (known is None or known[1] != source.stamp) and buried.get(identity) != source.stamp:
                changed.append(source)
        return sorted(changed, key=_when, reverse=True)

    def _readings(
        self, database: sqlite3.Connection, stamps: Mapping[Identity, tuple[int, str]], changed: Sequence[Source]
    ) -> list[Reading]:
        """What is to be read."""
        known = [stamps[identity][0] for source in changed if (identity := identity_of(source)) in stamps]
        earlier = {document.identity: document for document in self._documents.documents(database, known).values()}
        return [
            Reading(
                number,
                Document(*identity_of(source), source.stamp, source.path, _when(source)),
                earlier.get(identity_of(source)),
            )
            for number, source in enumerate(changed)
        ]

    def _read(
        self, database: sqlite3.Connection, readings: Sequence[Reading], progress: Progress, outcome: Outcome
    ) -> None:
        weights = [_weight(reading.document.path) for reading in readings]
        workers = self._workers if sum(weights) > _INLINE_BYTES else 0
        segments = self._documents.segments(database, max(1, workers))
        quota = _Quota(self._work_quota, database)
        # Worker processes know nothing of our copies of what a program has forgotten.
        here = [not workers or isinstance(self._adapters[reading.document.store], Forgetful) for reading in readings]
        own = _batches([*compress(readings, here)], [*compress(weights, here)], quota, most=1)
        away = [not is_here for is_here in here]
        others = _batches([*compress(readings, away)], [*compress(weights, away)], quota)
        shared = self._share_out(others, segments, workers, progress) if any(away) else ()
        read = chain(self._read_here(own, segments, progress), shared)
        waiting: list[Gathered] = []
        due = monotonic() + _SECONDS_BETWEEN_COMMITS
        done = 0
        try:
            for batch in read:
                if told := next((one.failure for one in batch if one.hopeless), ""):
                    raise OSError(told)
                waiting.extend(batch)
                quota.spend(batch)
                done += len(batch)
                outcome.read += len(batch)
                outcome.failures += [(one.document.path, one.failure) for one in batch if one.failure]
                progress.step(done, len(readings), "indexing")
                if (begin := monotonic()) >= due:
                    self._commit(database, waiting)
                    took = monotonic() - begin
                    due = begin + max(_SECONDS_BETWEEN_COMMITS, took / _SHARE_OF_COMMITS)
        finally:
            self._commit(database, waiting)

    def _commit(self, database: sqlite3.Connection, waiting: list[Gathered]) -> None:
        if waiting:
            self._documents.commit(database, waiting)
            waiting.clear()
            self._committed()

    def _read_here(
        self, batches: Iterator[list[Reading]], segments: Mapping[int, tuple[str, str]], progress: Progress
    ) -> Iterator[list[Gathered]]:
        gatherer = Gatherer(self._documents.folder, segments_of(0, segments), self._adapters)
        try:
            for batch in batches:
                progress.check()
                yield [gatherer.gather(reading) for reading in batch]
        finally:
            gatherer.close()

    def _share_out(
        self,
        batches: Iterator[list[Reading]],
        segments: Mapping[int, tuple[str, str]],
        workers: int,
        progress: Progress,
    ) -> Iterator[list[Gathered]]:
        answers = msgspec.msgpack.Decoder(list[Gathered])
        with selectors.DefaultSelector() as ready, Crew() as crew:
            for number in range(workers):
                order = worker.Order.of(
                    self._documents.folder, segments_of(number, segments), self._world, self._adapters
                )
                process = crew.hire(order)
                if (batch := next(batches, None)) is not None:
                    process.ask(batch)
                    ready.register(process.answers, selectors.EVENT_READ, process)
            while ready.get_map():
                progress.check()
                for chosen, _ in ready.select(timeout=0.1):
                    process = chosen.data
                    frame = worker.receive(process.answers)
                    if frame is None:
                        ready.unregister(process.answers)
                        yield process.given_up()
                        continue
                    yield answers.decode(frame)
                    if (batch := next(batches, None)) is not None:
                        process.ask(batch)
                    else:
                        ready.unregister(process.answers)


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether the index itself is at fault, and not the disk or another program."""
    if not isinstance(error, sqlite3.OperationalError):
        return True
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code in {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_IOERR_SHORT_READ}


class _Quota:
    """How much tool text and thinking may still be taken in."""

    def __init__(self, limit: int, database: sqlite3.Connection) -> None:
        self._limit = limit
        self._spent: int = database.execute(
            "SELECT coalesce(sum(p.length), 0) FROM pieces p JOIN segments s ON s.id = p.segment WHERE s.kind = ?",
            (WORK,),
        ).fetchone()[0]
        kinds = database.execute("SELECT id FROM segments WHERE kind = ?", (WORK,))
        self._segments = {row[0] for row in kinds}

    def allows(self, reading: Reading, weight: int) -> bool:
        """Whether such text of a session is taken in. A new one is taken to hold half its bytes of it."""
        return self._spent + (weight // 2 if reading.earlier is None else 0) < self._limit

    def spend(self, gathered: Sequence[Gathered]) -> None:
        """Count what came in."""
        self._spent += sum(place.length for one in gathered for place in one.places if place.segment in self._segments)


def _batches(
    readings: Sequence[Reading], weights: Sequence[int], quota: _Quota, *, most: int = 0
) -> Iterator[list[Reading]]:
    """``readings`` in the order given, in batches of at most ``most`` sessions; each is told when it is asked for
    whether tool text is taken in."""
    batch: list[Reading] = []
    weight = 0
    for reading, own in zip(readings, weights, strict=True):
        reading.document.work = quota.allows(reading, own)
        batch.append(reading)
        weight += own
        if weight >= _BATCH_BYTES or len(batch) >= (most or _BATCH_SESSIONS):
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def _weight(path: str) -> int:
    return _size(path) if path.endswith((".jsonl", ".json")) else _ROW_BYTES


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _when(source: Source) -> float:
    return source.updated_at.timestamp() if source.updated_at else 0.0
