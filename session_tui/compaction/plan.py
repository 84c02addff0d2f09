"""When a conversation is due for compaction, and which of its messages a summary will stand for.

The oldest messages go: ``int(active x compact_ratio)`` of them, but never one of the ``preserve_recent`` newest.
The cut then moves so that no tool result is parted from its call. Messages that an earlier compaction archived
are not looked at again, and its summary is carried forward.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from session_tui.adapters.prompts import is_injected
from session_tui.compaction.settings import CompactionSettings
from session_tui.model import CompactPlan, Message, Meter, Role, Text, Thinking, ToolCall, ToolResult


@dataclass(frozen=True, slots=True)
class _Row:
    """What the rules need of an active message; ``tied`` is the first position that must stay with it."""

    id: str
    savings: int
    tied: int
    is_prompt: bool
    is_system: bool


def plan(
    messages: Iterable[Message],
    settings: CompactionSettings,
    *,
    meter: Meter | None = None,
    manual: bool = False,
) -> CompactPlan:
    """What a compaction of ``messages`` would do now; a plan without messages where there is nothing to do.

    ``meter`` makes a conversation due by its tokens. A ``manual`` compaction asks neither whether it is due
    nor whether compaction is enabled.
    """
    rows, summaries = _survey(messages)
    reason = due_reason(len(rows), settings, meter)
    everything = tuple(row.id for row in rows)
    if not manual and (not settings.enabled or reason is None):
        return CompactPlan(keep=everything, reason=_not_due(len(rows), settings, meter))
    cut = _cut(rows, settings)
    gone = [row for row in rows[:cut] if not (row.is_system and settings.keep_system)]
    if not gone:
        return CompactPlan(keep=everything, reason=f"Nothing to compact ({_messages(len(rows))}, all recent)")
    kept = [row.id for row in rows[:cut] if row.is_system and settings.keep_system]
    return CompactPlan(
        compact=tuple(row.id for row in gone),
        keep=(*kept, *everything[cut:]),
        carried=tuple(summaries) if settings.merge_summaries else (),
        estimated_savings=sum(row.savings for row in gone),
        reason=reason or f"Asked for ({_messages(len(rows))})",
    )


def message_range(ids: Sequence[str]) -> str:
    """How a summary names the messages it stands for: ``Messages 1-20``, or ``Message 1``."""
    if not ids:
        return ""
    return f"Messages {ids[0]}-{ids[-1]}" if len(ids) > 1 else f"Message {ids[0]}"


# ── thresholds ────────────────────────────────────────────────────────────────────────────────────────


def is_due(ratio: float | None, settings: CompactionSettings | None) -> bool:
    """Whether a context filled to ``ratio`` is to be compacted; never where compaction is not set up."""
    if settings is None or ratio is None:
        return False
    return settings.enabled and ratio >= settings.trigger_threshold


def is_due_on_transition(before: float, ratio: float | None, settings: CompactionSettings | None) -> bool:
    """Whether the context has just become due: it was below the threshold at the ratio ``before``."""
    return settings is not None and is_due(ratio, settings) and before < settings.trigger_threshold


def is_refresh_due(ratio: float | None, settings: CompactionSettings | None) -> bool:
    """Whether memory is to be refreshed: from the soft threshold on, as long as compaction is not due."""
    if settings is None or ratio is None or not (settings.enabled and settings.refresh_memory):
        return False
    return settings.soft_threshold <= ratio < settings.trigger_threshold


def is_refresh_due_on_transition(before: float, ratio: float | None, settings: CompactionSettings | None) -> bool:
    """Whether the context has just come into the refresh window, from below or from above."""
    return is_refresh_due(ratio, settings) and not is_refresh_due(before, settings)


# ── reasons ───────────────────────────────────────────────────────────────────────────────────────────


def due_reason(active: int, settings: CompactionSettings, meter: Meter | None) -> str | None:
    """Why a conversation of ``active`` messages is due, or ``None``."""
    if active == 0 or active < settings.min_messages:
        return None
    due = settings.messages_due
    if settings.max_messages and active >= due:
        threshold = settings.trigger_threshold if settings.message_threshold is None else settings.message_threshold
        return f"Reached {int(threshold * 100)}% capacity ({active}/{settings.max_messages} messages)"
    if meter is not None and is_due(meter.ratio, settings):
        percent = int(settings.trigger_threshold * 100)
        return f"Reached {percent}% of the context window ({meter.tokens:,}/{meter.window:,} tokens)"
    return None


def _not_due(active: int, settings: CompactionSettings, meter: Meter | None) -> str:
    """Why there is nothing to do without being asked."""
    if not settings.enabled:
        return "Compaction is not enabled"
    if settings.max_messages:
        return f"Not due yet ({active}/{settings.max_messages} messages)"
    if meter is not None and meter.ratio is not None:
        return f"Not due yet ({meter.tokens:,}/{meter.window:,} tokens)"
    return f"Not due yet ({_messages(active)})"


def _messages(number: int) -> str:
    return f"{number} message{'' if number == 1 else 's'}"


# ── the cut ───────────────────────────────────────────────────────────────────────────────────────────


def _cut(rows: Sequence[_Row], settings: CompactionSettings) -> int:
    """How many of the oldest rows go: as wanted, else fewer, else more as far as the recent ones allow."""
    latest = len(rows) - settings.preserve_recent
    wanted = min(int(len(rows) * settings.compact_ratio), latest)
    if wanted <= 0:
        return 0
    allowed = _cuts(rows, turn_aligned=settings.turn_aligned)
    earlier = next((cut for cut in range(wanted, 0, -1) if allowed[cut]), 0)
    return earlier or next((cut for cut in range(wanted + 1, latest + 1) if allowed[cut]), 0)


def beginnings(messages: Iterable[Message]) -> list[bool]:
    """For each position among active messages that are no summaries, and for their end, whether a conversation may
    begin there: with no result parted from its call."""
    return _cuts(_survey(messages)[0], turn_aligned=False)


def _cuts(rows: Sequence[_Row], *, turn_aligned: bool) -> list[bool]:
    """For each number of rows taken away, whether what belongs together stays together."""
    allowed = [True] * (len(rows) + 1)
    earliest = len(rows)
    for position in range(len(rows) - 1, -1, -1):
        earliest = min(earliest, rows[position].tied)
        allowed[position] = earliest >= position and (not turn_aligned or rows[position].is_prompt)
    return allowed


def _survey(messages: Iterable[Message]) -> tuple[list[_Row], list[str]]:
    """The active messages as rows, and the ids of the active summaries; one pass, holding no message."""
    rows: list[_Row] = []
    summaries: list[str] = []
    calls: dict[str, int] = {}
    for message in messages:
        if message.archived:
            continue
        if message.is_summary:
            summaries.append(message.id)
            continue
        position = len(rows)
        rows.append(
            _Row(
                id=message.id,
                savings=content_size(message) // 4,
                tied=_tie(message, position, calls),
                is_prompt=_is_prompt(message),
                is_system=message.role is Role.SYSTEM,
            )
        )
        calls.update((block.id, position) for block in message.blocks if isinstance(block, ToolCall) and block.id)
    return rows, summaries


def _tie(message: Message, position: int, calls: dict[str, int]) -> int:
    """The position of the oldest call that ``message`` holds a result for; a result whose call is not known
    belongs to the message before it."""
    before = max(0, position - 1)
    own = {block.id for block in message.blocks if isinstance(block, ToolCall)}
    results = [block.call_id for block in message.blocks if isinstance(block, ToolResult)]
    return min((calls.get(id, before) for id in results if id not in own or not id), default=position)


def _is_prompt(message: Message) -> bool:
    """Whether a person said this; a tool result under the same role is none."""
    if message.role is not Role.USER or message.is_meta:
        return False
    return any(isinstance(block, Text) and not is_injected(block.text) for block in message.blocks)


def content_size(message: Message) -> int:
    """The bytes of what a message says to a model: text, thinking, calls and results, as UTF-8."""
    total = 0
    for block in message.blocks:
        match block:
            case Text(text=text) | Thinking(text=text) | ToolResult(text=text):
                total += _bytes(text)
            case ToolCall(name=name, input=value):
                total += _bytes(name) + _bytes(value if isinstance(value, str) else json.dumps(value, default=str))
            case _:
                continue
    return total


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
