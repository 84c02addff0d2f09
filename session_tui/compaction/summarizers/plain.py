"""Writes the summary that a store's own program writes without a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from session_tui.compaction.summarizers.base import Purpose, SummaryRequest, SummaryText
from session_tui.compaction.summarizers.conversation import CHECK_EVERY
from session_tui.compaction.summarizers.extractive import Extractive
from session_tui.model import Message, Text
from session_tui.progress import Progress


class Plain:
    """Summarizes as ``write`` does; what is worth remembering, of which it knows nothing, is quoted as ever."""

    name = "plain"

    def __init__(self, write: Callable[[Sequence[Message]], str]) -> None:
        self._write = write

    def summarize(self, request: SummaryRequest, progress: Progress) -> SummaryText:
        """Write what ``request`` asks for, earlier summaries in front; prompt, length and language change nothing.

        Raises:
            Cancelled: a stop was asked for.
        """
        if request.purpose is Purpose.MEMORY:
            return Extractive().summarize(request, progress)
        # Secrets go before anything is cut, since half of one would no longer be known for what it is.
        written = self._write(list(_masked(request, progress)))
        text = "\n\n".join((*request.previous, written))
        request.on_text(text)
        return SummaryText(text=text, provider=self.name)


def _masked(request: SummaryRequest, progress: Progress) -> Iterator[Message]:
    for position, message in enumerate(request.messages):
        if position % CHECK_EVERY == 0:
            progress.check()
        yield replace(message, blocks=(Text(request.mask(message.text)),))
