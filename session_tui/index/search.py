"""Finds sessions, and passages in them, by what was said: a scan for substrings over folded text.

There is one mechanism for words, parts of identifiers, paths, hashes, phrases, emoji and scripts without word
borders alike. A query is answered in two stages: titles and what was said first, then tools and thinking; a word
that occurs nowhere is looked up among those that resemble it.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from threading import Lock

from session_tui.index.documents import Documents, Identity
from session_tui.index.ranking import Tier
from session_tui.index.scan import Candidate, Match, Narrow, Occurrence, Scan, Word
from session_tui.index.segments import TALK, WORK
from session_tui.index.snapshot import Snapshot
from session_tui.index.vocabulary import Vocabulary
from session_tui.query import Features, Query

log = logging.getLogger(__name__)


class Searcher:
    """Answers queries from one index. May be used from several threads, which take turns."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._database: sqlite3.Connection | None = None
        self._snapshot: Snapshot | None = None
        self._scan: Scan | None = None
        self._lock = Lock()
        self._vocabulary = Vocabulary(documents.folder)

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._database is not None:
            self._database.close()
        self._database = self._snapshot = self._scan = None

    def _current(self) -> Snapshot | None:
        """The committed state as it was loaded last; ``None`` where there is no index, or none that can be read."""
        if self._snapshot is None:
            self._database, self._snapshot = self._loaded()
        return self._snapshot

    def _loaded(self) -> tuple[sqlite3.Connection | None, Snapshot | None]:
        database = None
        try:
            database = self._opened()
            return database, Snapshot.load(database, self._documents.folder)
        except (sqlite3.Error, OSError) as error:
            log.info("the index is not searched: %s", error)
            if database is not None:
                database.close()
            return None, None

    def reload(self) -> None:
        """Take in what was committed since; searches go on meanwhile with what they know."""
        with self._lock:
            try:
                if self._snapshot is not None and not self._snapshot.is_stale:
                    return
            except sqlite3.Error:
                self._forget()
        database, snapshot = self._loaded()
        with self._lock:
            self._forget()
            self._database, self._snapshot = database, snapshot

    def _opened(self) -> sqlite3.Connection:
        with self._documents.connected():
            pass  # Its version is looked at there.
        return sqlite3.connect(self._documents.file, timeout=1, check_same_thread=False)

    @property
    def size(self) -> int:
        """How many sessions can be searched."""
        with self._lock:
            snapshot = self._current()
            return len(snapshot.identities) if snapshot else 0

    def search(
        self,
        wanted: Query,
        candidates: Sequence[Candidate],
        *,
        work: bool = True,
        pause: Callable[[], None] = lambda: None,
    ) -> list[Match]:
        """The candidates that hold all words of ``wanted`` and none of those it excludes, the best first.

        Of the query's filters only ``role:`` and ``in:`` are asked: the candidates are those the others accept.

        Args:
            work: whether tools and thinking are looked through as well, and mistyped words looked up.
            pause: called every millisecond or so; may raise to stop.
        """
        with self._lock:
            try:
                return self._search(wanted, self._about(candidates), len(candidates), work, pause)
            except (sqlite3.Error, OSError, ValueError) as error:
                log.warning("the index is opened anew: %s", error)
                self._forget()
                return []

    def _about(self, candidates: Sequence[Candidate]) -> Scan:
        snapshot = self._current()
        if self._scan is None or not self._scan.fits(snapshot, candidates):
            self._scan = Scan(snapshot, candidates)
        return self._scan

    def _search(self, wanted: Query, scan: Scan, number: int, work: bool, pause: Callable[[], None]) -> list[Match]:
        narrow = Narrow(wanted.roles, wanted.parts)
        kinds = (TALK, WORK) if work else (TALK,)
        left = set(range(number))
        words = [Word(text) for text in sorted(wanted.terms, key=len, reverse=True)]
        for word in words:
            scan.look_for(word, left, kinds, narrow, pause)
            if work and not word.found:
                self._look_for_similar(scan, word, left, narrow, pause)
            left &= word.found.keys()
        for text in wanted.excluded:
            left -= scan.holding(text, left, pause)
        return scan.ranked(words, left, " ".join(wanted.terms))

    def _look_for_similar(
        self, scan: Scan, word: Word, among: set[int], narrow: Narrow, pause: Callable[[], None]
    ) -> None:
        for text in self._vocabulary.similar(word.text):
            near = Word(text)
            scan.look_for(near, among, (TALK,), narrow, pause)
            if near.found:
                word.text = text
                word.found |= {candidate: (Tier.TYPO, *place[1:]) for candidate, place in near.found.items()}

    def occurrences(self, identity: Identity, words: Sequence[str], wanted: Query, *, limit: int) -> list[Occurrence]:
        """The passages of one session that hold any of ``words`` (folded): at most ``limit``, those that hold more
        of the words first."""
        with self._lock:
            try:
                scan = Scan(self._current(), ())
                return scan.occurrences(identity, words, Narrow(wanted.roles, wanted.parts), limit)
            except (sqlite3.Error, OSError, ValueError) as error:
                log.warning("the index is opened anew: %s", error)
                self._forget()
                return []

    def features(self) -> dict[Identity, Features]:
        """What occurs in each session of the index."""
        try:
            with self._documents.connected() as database:
                found = self._documents.documents(database)
        except sqlite3.Error as error:
            log.info("the index is not read: %s", error)
            return {}
        return {document.identity: document.occurring for document in found.values()}

    def update_vocabulary(self, pause: Callable[[], None] = lambda: None) -> None:
        """Take the words that were said since into the vocabulary that mistyped ones are looked up in."""
        with self._lock:
            snapshot = self._current()
        if snapshot is not None:
            self._vocabulary.update(snapshot, pause)
