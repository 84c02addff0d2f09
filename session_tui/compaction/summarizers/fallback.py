"""Has another summarizer write what the chosen one could not, and says so."""

from __future__ import annotations

from session_tui.compaction.summarizers.base import Summarizer, SummaryRequest, SummaryText
from session_tui.compaction.summarizers.extractive import Extractive
from session_tui.errors import Cancelled
from session_tui.progress import Progress
from session_tui.text import one_line


class Fallback:
    """Asks ``first``; when that fails in any way but being stopped, ``second`` writes the summary."""

    def __init__(self, first: Summarizer, second: Summarizer | None = None) -> None:
        self.first = first
        self.second = second or Extractive()

    @property
    def name(self) -> str:
        """The name of the chosen summarizer."""
        return self.first.name

    def summarize(self, request: SummaryRequest, progress: Progress) -> SummaryText:
        """Write what ``request`` asks for; ``note`` says when it was the second one that wrote it, and why.

        Raises:
            SummaryError: both failed.
            Cancelled: a stop was asked for.
        """
        try:
            return self.first.summarize(request, progress)
        except Cancelled:
            raise
        except Exception as error:  # a summarizer may be a caller's own code
            note = f"{self.first.name} failed ({one_line(str(error))}); summarized by {self.second.name} instead"
            progress.note(note)
            written = self.second.summarize(request, progress)
            return SummaryText(text=written.text, provider=written.provider, model=written.model, note=note)
