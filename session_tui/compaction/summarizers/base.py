"""What a summarizer is asked and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from session_tui.compaction.masking import mask as mask_secrets
from session_tui.errors import SummaryError
from session_tui.model import Message
from session_tui.progress import Progress


class Purpose(StrEnum):
    """What is to be written about the messages."""

    SUMMARY = "summary"
    """Text that stands for them from now on."""
    MEMORY = "memory"
    """Lines worth remembering beyond the conversation, or the word that there are none."""


def unheard(text: str) -> None:
    """Take streamed text and do nothing with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRequest:
    """Messages to write about, oldest first, and how.

    ``previous`` are earlier summaries that the new text takes in. ``prompt`` replaces the built-in
    instructions of a model; ``language`` is a code such as ``de``, empty to find it in the messages.
    ``on_text`` is given the text as far as it is written; it may start anew when a request is repeated.
    ``mask`` removes secrets from everything that is sent or written.
    """

    messages: Sequence[Message]
    previous: tuple[str, ...] = ()
    max_tokens: int = 500
    prompt: str = ""
    language: str = ""
    purpose: Purpose = Purpose.SUMMARY
    on_text: Callable[[str], None] = unheard
    mask: Callable[[str], str] = mask_secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryText:
    """What was written, by whom, and a sentence for the person where something did not go as asked."""

    text: str
    provider: str
    model: str = ""
    note: str = ""

    @property
    def author(self) -> str:
        """``provider:model``, or the provider alone."""
        return f"{self.provider}:{self.model}" if self.model else self.provider


class Summarizer(Protocol):
    """Writes about messages; every call stands alone and may come from any thread."""

    @property
    def name(self) -> str:
        """The name it has in the configuration."""

    def summarize(self, request: SummaryRequest, progress: Progress) -> SummaryText:
        """Write what ``request`` asks for.

        Raises:
            SummaryError: nothing usable was written.
            Cancelled: ``progress`` was told to stop; noticed within a second.
        """


class WindowExceeded(SummaryError):
    """The text sent was longer than the model takes; a shorter one may do."""


class Transient(SummaryError):
    """It may work when asked again, after ``wait`` seconds where the other side named a time."""

    def __init__(self, what: str, *, where: str = "", hint: str = "", wait: float | None = None) -> None:
        super().__init__(what, where=where, hint=hint)
        self.wait = wait
