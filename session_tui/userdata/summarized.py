"""Conversations with the summaries that stand in our overlay alone, because their store has no way to take one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from session_tui.adapters.writing import summary_message
from session_tui.model import Message, Messages, Transcript
from session_tui.userdata.marks import Compaction

_NOWHERE = -1


def with_summaries(transcript: Transcript, kept: Sequence[Compaction]) -> Transcript:
    """``transcript`` with the summary of each compaction behind the last message it covers, at the end where that is
    gone. They are archived: the session's program goes on with the messages and knows nothing of them."""
    messages = transcript.messages
    order = list(_order(messages, kept))

    def built(index: int) -> Message:
        entry = order[index]
        return messages[entry] if isinstance(entry, int) else entry

    weights = messages.weights if isinstance(messages, Messages) else [len(message.text) for message in messages]
    shown = Messages(
        [weights[entry] if isinstance(entry, int) else len(entry.text) for entry in order],
        built,
        keep=0,
        places=lambda: _places(messages, order),
    )
    return replace(transcript, messages=shown, summaries=(*transcript.summaries, *(each.summary for each in kept)))


def gone_on_from(transcript: Transcript, kept: Iterable[Compaction]) -> Transcript:
    """`with_summaries` as if its program knew of them: what they cover is archived and they are not, so that another
    compaction takes up where the last one ended."""
    covered: set[str] = set()
    standing: set[str] = set()
    for each in kept:
        covered.update(each.plan.compact, each.plan.carried)
        standing.add(each.summary.id)
    messages = transcript.messages

    def built(index: int) -> Message:
        message = messages[index]
        if message.id in covered:
            return message if message.archived else replace(message, archived=True)
        return replace(message, archived=False) if message.is_summary and message.id in standing else message

    return replace(transcript, messages=Messages([1] * len(messages), built, keep=0)) if standing else transcript


def _order(messages: Sequence[Message], kept: Sequence[Compaction]) -> Iterable[int | Message]:
    """The position of each message, and each summary in its place."""
    waiting = [(each.plan.compact[-1:], replace(summary_message(each.summary), archived=True)) for each in kept]
    for position, message in enumerate(messages):
        yield position
        here = [entry for entry in waiting if message.id in entry[0]]
        yield from (summary for _, summary in here)
        waiting = [entry for entry in waiting if entry not in here]
    yield from (summary for _, summary in waiting)


def _places(messages: Sequence[Message], order: Iterable[int | Message]) -> list[int]:
    """Where each message stands in its store; summaries stand nowhere."""
    places = messages.places if isinstance(messages, Messages) else range(len(messages))
    return [places[entry] if isinstance(entry, int) else _NOWHERE for entry in order]
