"""How full the context of a conversation is: as its program recorded it, else as we estimate it."""

from __future__ import annotations

from collections.abc import Iterable

from session_tui.compaction.settings import CompactionSettings
from session_tui.model import Message, Meter, Session, TokenSource, Transcript
from session_tui.tokens import DEFAULT_WINDOW, estimate_messages, window

LEGACY_BUDGET = 8_000
"""A default that older programs wrote into their configuration and that means "not set" today."""


def budget(max_tokens: int) -> int:
    """A configured token budget with "not set" (zero, negative, or the legacy default) made the usual window."""
    return DEFAULT_WINDOW if max_tokens <= 0 or max_tokens == LEGACY_BUDGET else max_tokens


def measure(session: Session, settings: CompactionSettings, messages: Iterable[Message] | None = None) -> Meter:
    """The meter of a session: its recorded tokens, else those of ``messages``, else what a list knows of it."""
    tokens, source = session.token_count, session.token_source
    if tokens is None or source is not TokenSource.RECORDED:
        if messages is not None:
            tokens, source = estimate_messages(messages), TokenSource.ESTIMATED
        elif tokens is not None:
            source = TokenSource.ESTIMATED
        else:
            source = TokenSource.NONE
    return Meter(
        tokens=tokens,
        window=context_window(session, settings),
        source=source,
        soft=settings.soft_threshold,
        hard=settings.trigger_threshold,
    )


def measure_transcript(transcript: Transcript, settings: CompactionSettings) -> Meter:
    """The meter of a session that was read."""
    return measure(transcript.session, settings, transcript.messages)


def context_window(session: Session, settings: CompactionSettings) -> int:
    """The window in tokens: as recorded, else that of a known model, else the configured default."""
    if session.context_window and session.context_window > 0:
        return session.context_window
    return window(session.model) or budget(settings.default_window)
