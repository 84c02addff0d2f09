"""Sessions whose program drops for good what a compaction covered: our copies of it stay their archived part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from session_tui.adapters.base import Source
from session_tui.model import Message, Messages, Transcript

Copies = Callable[[Source], Iterable[Sequence[Message]]]
"""The messages of a session as they were before each of its compactions, those of the newest one first."""


@runtime_checkable
class Forgetful(Protocol):
    """A store whose program forgets what was compacted."""

    copies: Copies
    """What is kept of a session; who keeps the copies sets this."""


def no_copies(source: Source) -> Iterable[Sequence[Message]]:
    """Nothing is kept."""
    return ()


def with_forgotten(transcript: Transcript, copies: Iterable[Sequence[Message]]) -> Transcript:
    """``transcript`` with the messages in front that its program has dropped since they were copied: archived, and
    with ids that begin with ``forgotten-``."""
    first = next((message for message in transcript.messages if not message.is_summary), None)
    forgotten: list[Message] = []
    for copy in copies:
        said = [message for message in copy if not message.is_summary]
        gone = next((at for at, message in enumerate(said) if first and _is_same(message, first)), len(said))
        forgotten[:0] = said[:gone]
        first = said[0] if said else first
    if not forgotten:
        return transcript
    front = [replace(each, id=f"forgotten-{number}", archived=True) for number, each in enumerate(forgotten)]
    session, rest = transcript.session, transcript.messages
    return replace(
        transcript,
        messages=_joined(front, rest),
        session=replace(
            session,
            message_count=(session.message_count or 0) + len(front),
            archived_count=(session.archived_count or 0) + len(front),
        ),
    )


def _joined(front: Sequence[Message], rest: Sequence[Message]) -> Messages:
    known = rest if isinstance(rest, Messages) else Messages.of(rest)
    weights = [*(len(message.text) for message in front), *known.weights]
    return Messages(weights, lambda index: front[index] if index < len(front) else rest[index - len(front)], keep=0)


def _is_same(copied: Message, stored: Message) -> bool:
    return (copied.role, copied.blocks) == (stored.role, stored.blocks) and (
        None in (copied.created_at, stored.created_at) or copied.created_at == stored.created_at
    )
