"""How the main screen follows what is written elsewhere: rows stay up to date, and the conversation on show grows."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from threading import Lock
from time import monotonic
from typing import Any, Final, NamedTuple

from textual.app import App

from session_tui.adapters.base import Root
from session_tui.catalog import Catalog, Found
from session_tui.errors import SessionTuiError, StoreError
from session_tui.library import Library
from session_tui.model import SessionKey, Transcript
from session_tui.progress import Progress
from session_tui.query import Query
from session_tui.scanning import News
from session_tui.tui.jobs import Job, JobEnded
from session_tui.tui.listing import Listing
from session_tui.tui.screens.looking import Looking
from session_tui.tui.screens.searching import Reading
from session_tui.watching import Changed, Watcher

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_INDEXINGS: Final = 1.0
_INDEXING_SHARE: Final = 0.1
"""The share of the time that indexing may take: some sessions can only be read whole for that."""


class _Look(NamedTuple):
    """What a look brought, and the conversation on show where it changed."""

    news: News
    transcript: Transcript | None


class _Indexed(NamedTuple):
    """What is left to index since another process was at it, and how many seconds the rest took."""

    left: tuple[Found, ...]
    seconds: float


class Watching(Looking):
    """Looks again at stores that were written to, one look at a time."""

    _library: Library
    _listing: Listing
    _wanted: SessionKey | None
    _query: Query
    _generation: int
    _opening: Job[Reading] | None
    _refreshing: Job[Catalog] | None

    def __init__(self) -> None:
        super().__init__()
        self._looked_at = 0.0
        self._watcher: Watcher | None = None
        self._due: dict[Root, frozenset[str]] = {}
        self._noting = Lock()
        self._looking_again: Job[_Look] | None = None
        self._unindexed: dict[tuple[str, Root], Found] = {}
        self._indexing: Job[_Indexed] | None = None

    @abstractmethod
    def _relist(self) -> None:
        raise NotImplementedError

    @abstractmethod
    def _look_deeper(self, generation: int) -> None:
        raise NotImplementedError

    @abstractmethod
    def _open(self, key: SessionKey) -> None:
        raise NotImplementedError

    @abstractmethod
    def _opened(self, reading: Reading) -> None:
        raise NotImplementedError

    @abstractmethod
    def _take(self, transcript: Transcript, *, at: int | None = None) -> None:
        raise NotImplementedError

    def _watch(self, catalog: Catalog) -> None:
        """Watch the roots of ``catalog`` from now on."""
        roots = frozenset(hit.root for hit in catalog.found)
        if not self._library.config.watch or (self._watcher is not None and self._watcher.roots == roots):
            return
        self._stop_watching()
        self._watcher = Watcher(catalog.found, partial(self._note_written, self.app), since=self._looked_at)
        self._watcher.start()

    def _stop_watching(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()

    def on_unmount(self) -> None:
        """Watch no longer."""
        self._stop_watching()

    def _note_written(self, app: App[Any], changed: Changed) -> None:
        # An agent may have the terminal for hours: what it writes meanwhile must not pile up.
        with self._noting:
            is_first = not self._due
            for root, paths in changed.items():
                self._due[root] = self._due.get(root, frozenset()) | paths
        if is_first:
            app.call_later(self.when_up, self._look_again)

    def note_looking_again(self, message: JobEnded) -> None:
        """Take note that a job has ended: whatever it was, what was written meanwhile may be looked at now."""
        if message.job is self._looking_again:
            self._looking_again = None
        elif message.job is self._indexing and message.error is not None:
            self._indexing = None
        self.call_later(self.when_up, self._look_again)

    # ── looking again ─────────────────────────────────────────────────────────────────────────────────

    def _look_again(self) -> None:
        """Look at the stores that were written to, once other looks are over."""
        if self._looking_again is not None or self._refreshing is not None:
            return
        with self._noting:
            changed, self._due = self._due, {}
        if changed:
            job = Job("Looking again", lambda _: self._take_in(changed), self._show_news, quiet=True)
            self._looking_again = self.session_app.jobs.run(job)

    def _take_in(self, changed: Changed) -> _Look:
        """What changed, put into the list, and the conversation on show where it did."""
        news, key = self._library.refresh_roots(changed), self._wanted
        transcript = self._reread(key) if key in news.keys else None
        sessions = self._library.catalog.sessions
        if transcript is not None:
            sessions = tuple(transcript.session if one.key == key else one for one in sessions)
        if news.keys:
            self._listing.update(sessions, complete=True)
            self._library.searches.prepare(self._listing.scoped())
        return _Look(news, transcript)

    def _reread(self, key: SessionKey) -> Transcript | None:
        try:
            return self._library.open(key)
        except SessionTuiError:
            # Opening it as if it had been chosen tells of that.
            return None

    def _show_news(self, look: _Look) -> None:
        news, transcript = look
        if not news.keys:
            return
        if not self._is_searching:
            self._relist()
        self._note_unindexed(news.differing())
        self._index()
        if self._wanted is None or self._wanted not in news.keys:
            return
        if self._opening is not None:
            # What is being read may be from before.
            self._opening.done = self._open_anew
        elif transcript is not None and transcript.session.key == self._wanted:
            self._take(transcript)
        else:
            self._open(self._wanted)

    def _open_anew(self, reading: Reading) -> None:
        self._opened(reading)
        if self._wanted is not None:
            self._open(self._wanted)

    # ── finding what was written ──────────────────────────────────────────────────────────────────────

    @property
    def _is_searching(self) -> bool:
        return bool(self._query.words or self._query.without)

    def _note_unindexed(self, hits: Iterable[Found]) -> None:
        for hit in hits:
            place = (hit.store, hit.root)
            before = None if hit.complete else self._unindexed.get(place)
            sources = {source.key: source for source in (*(before or hit).sources, *hit.sources)}
            self._unindexed[place] = replace(before or hit, sources=tuple(sources.values()))

    def _index(self) -> None:
        """Make what was written findable, unless that is under way."""
        if self._indexing is None and self._unindexed:
            waiting, self._unindexed = tuple(self._unindexed.values()), {}
            job = Job("Indexing", lambda progress: self._indexed(waiting, progress), self._show_indexed, quiet=True)
            self._indexing = self.session_app.jobs.run(job)

    def _indexed(self, waiting: tuple[Found, ...], progress: Progress) -> _Indexed:
        began, is_busy = monotonic(), False
        try:
            is_busy = self._library.searches.refresh(waiting, progress).busy
        except StoreError as error:
            log.warning("what was written is not found yet: %s", error)
        return _Indexed(waiting if is_busy else (), monotonic() - began)

    def _show_indexed(self, indexed: _Indexed) -> None:
        """Show what answers the query by now; go on when that took its share of the time."""
        if indexed.left:
            later, self._unindexed = tuple(self._unindexed.values()), {}
            self._note_unindexed((*indexed.left, *later))
        if self._is_searching:
            self._look_deeper(self._generation)
        self.set_timer(max(_SECONDS_BETWEEN_INDEXINGS, indexed.seconds / _INDEXING_SHARE), self._index_on)

    def _index_on(self) -> None:
        self._indexing = None
        self._index()
