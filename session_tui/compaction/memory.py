"""Extracts what is worth remembering before a compaction takes messages away. It never stands in its way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from session_tui.compaction.hygiene import NO_MEMORY, normalize
from session_tui.compaction.masking import mask as mask_secrets
from session_tui.compaction.memory_store import MemoryStore
from session_tui.compaction.settings import CompactionSettings
from session_tui.compaction.summarizers.base import Purpose, Summarizer, SummaryRequest
from session_tui.errors import Cancelled
from session_tui.model import Message, Messages, Role, SessionKey
from session_tui.progress import Progress
from session_tui.text import one_line
from session_tui.tokens import estimate

LEAST_MESSAGES = 3
"""A shorter conversation holds nothing worth extracting."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What was extracted, empty where nothing was, and in a sentence why not; ``failed`` when something broke."""

    extracted: str = ""
    note: str = ""
    failed: bool = False


def refresh(
    key: SessionKey,
    messages: Sequence[Message],
    *,
    summarizer: Summarizer,
    store: MemoryStore,
    settings: CompactionSettings,
    progress: Progress,
    prompt: str = "",
    mask: Callable[[str], str] = mask_secrets,
) -> Refreshed:
    """Extract memories from ``messages`` (system prompts left out) and add them to ``store``.

    Whatever fails is told in the note; only being stopped is raised.

    Raises:
        Cancelled: a stop was asked for.
    """
    positions = [i for i, message in enumerate(messages) if message.role is not Role.SYSTEM]
    spoken = Messages([1] * len(positions), lambda i: messages[positions[i]], keep=0)
    if not settings.refresh_memory:
        return Refreshed(note="memory refresh is not enabled")
    if len(spoken) < LEAST_MESSAGES:
        return Refreshed(note=f"fewer than {LEAST_MESSAGES} messages")
    request = SummaryRequest(
        messages=spoken, max_tokens=settings.extract_tokens, prompt=prompt, purpose=Purpose.MEMORY, mask=mask
    )
    try:
        extracted = limited(normalize(summarizer.summarize(request, progress).text), settings.extract_tokens)
        if not extracted or extracted.upper() == NO_MEMORY:
            return Refreshed(note="nothing worth remembering")
        store.add(key, extracted)
    except Cancelled:
        raise
    except Exception as error:  # summarizer and store may be a caller's own; the compaction goes on
        return Refreshed(note=f"memory was not refreshed: {one_line(str(error))}", failed=True)
    return Refreshed(extracted)


def limited(text: str, tokens: int) -> str:
    """The first lines of ``text`` that ``tokens`` hold."""
    kept: list[str] = []
    for line in text.split("\n"):
        tokens -= estimate(line) + 1
        if tokens < 0:
            break
        kept.append(line)
    return "\n".join(kept)
