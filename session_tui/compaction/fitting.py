"""The end of a conversation that a budget of tokens holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, takewhile

from session_tui.compaction.plan import beginnings
from session_tui.model import Message, Role
from session_tui.tokens import estimate_message


def fitting(
    messages: Sequence[Message], max_tokens: int, count: Callable[[Message], int] = estimate_message
) -> tuple[Message, ...]:
    """The newest of the active ``messages`` that cost at most ``max_tokens`` together with what stands before them:
    the system prompt, which always stays, and the summaries, as long as there is room. No result is parted from its
    call."""
    active = [message for message in messages if not message.archived]
    prompt = list(takewhile(lambda message: message.role is Role.SYSTEM and not message.is_summary, active))
    summaries = [message for message in active if message.is_summary]
    rest = [message for message in active[len(prompt) :] if not message.is_summary]
    room = max_tokens - sum(map(count, prompt))
    cost = sum(map(count, summaries))
    if cost > room:
        summaries, cost = [], 0
    start = len(rest) - _held([count(message) for message in rest], room - cost)
    allowed = beginnings(rest)
    kept = {id(message) for message in (*prompt, *summaries, *rest[allowed.index(True, start) :])}
    return tuple(message for message in active if id(message) in kept)


def _held(costs: Sequence[int], room: int) -> int:
    """How many of ``costs``, counted from their end, ``room`` holds."""
    return sum(1 for total in accumulate(reversed(costs)) if total <= room)
