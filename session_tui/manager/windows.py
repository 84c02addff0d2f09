"""Long conversations cut to what a program takes up again: what was said lately, or no more than so many messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from session_tui.adapters import prompts
from session_tui.manager.core import Core
from session_tui.manager.system_prompt import leading
from session_tui.model import Message, Role, SessionKey, Text, ToolResult

SPAN: Final = timedelta(hours=24)
LONG: Final = 500
CAP: Final = 200
NOTE: Final = "note"
"""The id of the message that says how many were left out."""
_SPEAKERS: Final = (Role.USER, Role.ASSISTANT)


class Windows(Core):
    """Parts of long conversations. Nothing is written, and nothing is archived."""

    def recent(self, key: SessionKey, *, span: timedelta = SPAN, long: int = LONG) -> tuple[Message, ...]:
        """What was said not longer than ``span`` before the last message of a person or a model; in a conversation of
        fewer than ``long`` messages, everything. A message of unknown time is among what was said lately."""
        with self._attempt("read", key):
            said = [message for message in self._read(key).messages if not message.is_summary]
            return _lately(said, span, long)
        return ()

    def capped(self, key: SessionKey, *, limit: int = CAP) -> tuple[Message, ...]:
        """The conversation as a model is to get it, cut to about the newest ``limit`` messages, after a note of how
        many were left out.

        More stay where the cut would part tool results from their calls or leave out the last thing a person said;
        the system prompt and summaries stay in front.
        """
        with self._attempt("read", key):
            active = [message for message in self._read(key).messages if not message.archived]
            prompt = {message.id for message in leading(active)}
            front = [message for message in active if message.is_summary or message.id in prompt]
            said = [message for message in active if not (message.is_summary or message.id in prompt)]
            start = _start(said, limit)
            return (*front, *([_note(start)] if start else []), *said[start:])
        return ()


def _lately(said: Sequence[Message], span: timedelta, long: int) -> tuple[Message, ...]:
    spoken = (each.created_at for each in reversed(said) if each.role in _SPEAKERS)
    last = next((moment for moment in spoken if moment), None)
    if len(said) < long or last is None:
        return tuple(said)
    return tuple(each for each in said if each.created_at is None or each.created_at >= last - span)


def _start(said: Sequence[Message], limit: int) -> int:
    """The first of ``said`` to stay."""
    start = max(0, len(said) - max(0, limit))
    numbers = range(len(said) - 1, -1, -1)
    asked = next((number for number in numbers if prompts.first_prompt((said[number],))), start)
    start = min(start, asked)
    while 0 < start < len(said) and any(isinstance(block, ToolResult) for block in said[start].blocks):
        start -= 1
    return start


def _note(count: int) -> Message:
    text = f"[{count} earlier messages were left out to fit the context window.]"
    return Message(id=NOTE, role=Role.SYSTEM, blocks=(Text(text),), is_meta=True)
