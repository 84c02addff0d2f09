"""A session in figures: when each message was said, and what each of the model's answers used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final, Protocol, runtime_checkable

import msgspec

from session_tui.activity import UNKNOWN, quarter
from session_tui.adapters.base import Source
from session_tui.model import Transcript, Usage, UsageRecord

NOWHERE: Final = -1
"""The place of an answer that is not known to belong to any message."""


class Answer(msgspec.Struct, gc=False, array_like=True, frozen=True):
    """Tokens of one model answer, or of one turn where no more is recorded. ``id`` is the same wherever a copy of
    the answer stands (0 where that cannot be told), ``at`` the quarter of an hour it was given in, ``place`` the
    number of its last message in the session."""

    id: int
    at: int
    place: int
    model: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    total: int

    @classmethod
    def of(cls, usage: Usage, *, id: int = 0, at: int = UNKNOWN, place: int = NOWHERE, model: str = "") -> Answer:
        """An answer that used ``usage``."""
        sent, written = usage.input_tokens, usage.output_tokens
        cached = usage.cache_read_tokens, usage.cache_write_tokens
        return cls(id, at, place, model, sent, written, *cached, usage.total)


class Tally(msgspec.Struct, gc=False, array_like=True, frozen=True):
    """The quarters of an hour in which a session's own messages were said, as stored, and its answers."""

    moments: Sequence[int] = ()
    answers: Sequence[Answer] = ()


@runtime_checkable
class Tallied(Protocol):
    """A store that can count a session faster, or better, than from its transcript."""

    def tallied(self, source: Source) -> tuple[Transcript, Tally]:
        """The session as `Adapter.read` reads it, and in figures; what it inherited from another is left out of
        these, or told by the answers' ids.

        Raises:
            StoreError: it cannot be read.
        """
        ...


def identity(text: str) -> int:
    """The id of an answer that its store calls ``text``."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=7).digest())


def of_transcript(transcript: Transcript) -> Tally:
    """The figures that a transcript holds."""
    moments = [quarter(message.created_at) for message in transcript.messages if not message.is_summary]
    return Tally(moments, answers(transcript.usage))


def answers(records: Iterable[UsageRecord]) -> list[Answer]:
    """The answers that tell no more than what they used, when, and of which model."""
    return [Answer.of(record.usage, at=quarter(record.at), model=record.model) for record in records]
