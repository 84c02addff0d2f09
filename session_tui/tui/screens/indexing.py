"""How the main screen makes everything findable: the index is brought up to date after each look at all stores."""

from __future__ import annotations

from collections.abc import Sequence
from time import sleep
from typing import Final

from session_tui.catalog import Found
from session_tui.progress import Progress
from session_tui.tui.jobs import Job, JobEnded
from session_tui.tui.screens.searching import Searching

_BUSY_SECONDS: Final = 3.0
"""After how long to try again when another process brings the index up to date."""


class IndexingAll(Searching):
    """Brings the index up to date with all stores, and searches again as more becomes findable."""

    def __init__(self) -> None:
        super().__init__()
        self._indexing_all: Job[bool] | None = None

    @property
    def is_indexing(self) -> bool:
        """Whether some sessions may not be findable yet by what was said in them."""
        return self._indexing_all is not None

    def index_all(self, found: Sequence[Found]) -> None:
        """Bring the index up to date with what the stores hold, unless that is under way."""
        if self._indexing_all is None:
            job = Job("Indexing", lambda progress: self._bring_up_to_date(found, progress), self._indexed_all)
            self._indexing_all = self.session_app.jobs.run(job)

    def _bring_up_to_date(self, found: Sequence[Found], progress: Progress) -> bool:
        """Do it; whether another process was at it."""
        app = self.app

        def committed() -> None:
            app.call_later(self.when_up, self._search_again)

        searches = self._library.searches
        outcome = searches.refresh(found, progress, committed=committed)
        searches.searcher.update_vocabulary(lambda: sleep(0))
        return outcome.busy

    def _indexed_all(self, was_busy: bool) -> None:
        self._search_again()
        if was_busy:
            self.set_timer(_BUSY_SECONDS, lambda: self.index_all(self._library.catalog.found))

    def note_indexing(self, message: JobEnded) -> None:
        """Take note that a job has ended, well or not."""
        if message.job is self._indexing_all:
            self._indexing_all = None
            self._tell_status()

    def _search_again(self) -> None:
        if self._query.words or self._query.without:
            self._look_deeper(self._generation)
