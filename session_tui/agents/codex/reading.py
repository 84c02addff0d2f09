"""One pass over a rollout, those it was forked from first: its messages, its header and what it used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from session_tui.activity import UNKNOWN, quarter
from session_tui.adapters import jsonl, times
from session_tui.adapters.batches import Batch, batches
from session_tui.adapters.rows import mapping, text
from session_tui.adapters.spans import Span
from session_tui.agents.codex import telling
from session_tui.agents.codex.history import History, Place, opens_turn
from session_tui.agents.codex.messages import payload_of, prompt_of
from session_tui.agents.codex.packing import Rollout, records
from session_tui.agents.codex.records import (
    ENVELOPE,
    EVENT,
    META,
    RESPONSE,
    Counts,
    Envelope,
    Info,
    Payload,
    Record,
    opened,
)
from session_tui.agents.codex.records import told as envelope_of
from session_tui.agents.codex.telling import ABORTED, Entry, Kind
from session_tui.errors import StoreDamaged
from session_tui.model import Text, TokenSource

WHOLE: Final = ".json"
"""What the oldest files end in: one object with the header and all items."""
# Records, items and events that say nothing of the conversation that others do not say.
_QUIET_RECORDS: Final = frozenset((META, "world_state", "token_usage_record", ""))
_QUIET_ITEMS: Final = frozenset(("ghost_snapshot", "other", ""))
_QUIET_EVENTS: Final = frozenset(
    (
        *("task_started", "turn_started", "task_complete", "turn_complete", "context_compacted", "token_count"),
        *("thread_settings_applied", "thread_name_updated", "thread_rolled_back", "agent_reasoning_section_break"),
        *("session_configured", "item_started", "item_completed", "plan_update", "turn_diff", "background_event"),
        *("exec_command_begin", "exec_command_output_delta", "mcp_tool_call_begin", "web_search_begin"),
        *("patch_apply_begin", "view_image_tool_call", "undo_completed", "entered_review_mode", "exited_review_mode"),
        *("deprecation_notice", "shutdown_complete", "turn_aborted"),
    )
)


class _Time(msgspec.Struct, gc=False):
    timestamp: str | None = None


_time = msgspec.json.Decoder(_Time).decode


_DAMAGED: Final = Envelope(record_type="damaged")
"""Stands for a line that is no record, which was told of."""


class Base(NamedTuple):
    """A rollout that another was forked from: its file, and where the inherited part ends, as an ordinal of its
    records and as a byte offset, whichever is known."""

    path: Path
    ordinal: int | None
    offset: int | None


class Turn(NamedTuple):
    """The session's tokens when a turn was over, as reported last, when that was, and the model."""

    number: int
    total: Counts
    at: str | None
    model: str | None


class Reading(History):
    """One pass over a rollout, the inherited part of its ``bases`` first, which stand oldest first."""

    def __init__(self, path: Path, bases: Iterable[Base] = ()) -> None:
        """Read ``path``.

        Raises:
            StoreError: it cannot be read at all.
        """
        super().__init__(path)
        self.meta: Record = {}
        self.turn: Record = {}
        """The settings of the last turn."""
        self.name = ""
        self.cwd: str | None = None
        self.last_at: str | None = None
        """The time of the last record that has one, as written."""
        self.window: int | None = None
        self.fill: int | None = None
        self.total: Counts | None = None
        self.inherited: Counts | None = None
        self.turns: list[Turn] = []
        """Those turns whose tokens were reported."""
        self.unknown: Counter[str] = Counter()
        self._aborted = False
        self._turn = 0
        self._turn_line: tuple[Rollout, int, int] | None = None
        for base in bases:
            self._inherit(base)
        self.inherited, self.turns, self.origin = self.total, [], None
        if path.suffix == WHOLE:
            self._read_whole()
        for batch in batches(self.rollout, ENVELOPE, self._guessed) if path.suffix != WHOLE else ():
            for place, envelope in self._standing(batch):
                self._take(place, envelope)
        self._finish()

    # ── lines ─────────────────────────────────────────────────────────────────────────────────────────

    def _inherit(self, base: Base) -> None:
        self.origin = records(base.path)
        for batch in batches(self.origin, ENVELOPE, self._guessed):
            for place, envelope in self._standing(batch):
                if base.offset is not None and place.offset >= base.offset:
                    return
                if base.ordinal is not None and envelope.ordinal is not None and envelope.ordinal >= base.ordinal:
                    return
                self._take(place, envelope)

    def _read_whole(self) -> None:
        try:
            value = self.records.at(0, self.records.status.st_size).value
        except StoreDamaged as error:
            raise StoreDamaged(error.what, where=str(self.records.path)) from error
        record = mapping(value)
        items = record.get("items")
        if not isinstance(items, list):
            raise StoreDamaged("neither records nor a session with items", where=str(self.records.path))
        self.meta = mapping(record.get("session"))
        self.last_at = text(self.meta.get("timestamp")) or None
        for number, item in enumerate(items):
            line = jsonl.Line(number, number + 1, 0, len(msgspec.json.encode(item)), b"")
            wrapped = {"type": RESPONSE, "payload": item}
            self._take(Place(number, 0, line.length, {0: line}.__getitem__), envelope_of(wrapped), wrapped)

    def _standing(self, batch: Batch[Envelope]) -> Iterator[tuple[Place, Envelope]]:
        """The records of some lines, each with where it stands; lines that are none are left out."""
        index, line = batch.index, batch.line
        for position, (envelope, start, end) in enumerate(zip(batch.values, batch.starts, batch.ends, strict=True)):
            if envelope.payload is not None:
                yield Place(index + position, start, end - start, line, position), envelope
            elif envelope is not _DAMAGED:
                yield Place(index + position, start, end - start, line, position), opened(line(position).raw)

    def _guessed(self, line: jsonl.Line) -> Envelope:
        """What a line says that is not written as the program does."""
        try:
            if not line.raw:
                raise StoreDamaged(f"a line of {line.length:,} bytes was left out")
            return opened(line.raw)
        except StoreDamaged as error:
            self.problem(line, f"{error.what}; the last line is torn" if line.torn else error.what)
            return _DAMAGED

    def _take(self, line: Place, envelope: Envelope, item: Record | None = None) -> None:
        payload, kind = envelope.payload, envelope.type
        if envelope.timestamp:
            self.last_at = envelope.timestamp
        if payload is None:
            if not envelope.record_type:
                self.problem(line.line(), "a record without a payload")
            return
        if kind == EVENT and payload.info is not None:
            self._count(payload.info)
            return
        entry = telling.told(envelope, line.length)
        if entry is not None:
            self._place(line, payload, entry, item)
        if kind == EVENT:
            self._note(payload, is_told=entry is not None)
        elif kind != RESPONSE:
            self._settings(line, envelope, payload)
        elif entry is None and payload.type not in _QUIET_ITEMS:
            self.unknown[f"{RESPONSE}.{payload.type}"] += 1

    def _place(self, line: Place, payload: Payload, entry: Entry, item: Record | None) -> None:
        """Place ``entry``, unless it says of a turn's end what the message before said."""
        if entry.kind is Kind.NOTICE and self._aborted and payload.type == "turn_aborted":
            self._aborted = False
            return
        self._aborted = entry.meta and bool(entry.texts) and entry.texts[0].lstrip().startswith(ABORTED)
        self.place(line, entry, item)

    def _settings(self, line: Place, envelope: Envelope, payload: Payload) -> None:
        match envelope.type:
            case "turn_context":
                self.model, self.cwd = payload.model or self.model, self.cwd or payload.cwd
                self._turn, self._turn_line = self._turn + 1, (self.origin or self.rollout, line.offset, line.length)
            case "session_meta" if self.origin is None and not self.meta:
                self.meta = payload_of(self.leniently(line.line()))
            case "compacted":
                self.compact(line, envelope)
            case kind if kind not in _QUIET_RECORDS:
                self.unknown[kind] += 1

    def _note(self, payload: Payload, *, is_told: bool) -> None:
        match payload.type:
            case "thread_rolled_back":
                self.roll_back(payload.num_turns or 0)
            case "thread_name_updated":
                self.name = payload.thread_name or ""
            case "task_started" | "turn_started" if payload.model_context_window:
                self.window = payload.model_context_window
            case kind if not is_told and kind not in _QUIET_EVENTS:
                self.unknown[f"{EVENT}.{kind}"] += 1

    def _count(self, info: Info) -> None:
        """Take a report of tokens; one that only repeats the last total tells of no further call."""
        last, total = info.last_token_usage, info.total_token_usage
        self.window = info.model_context_window or self.window
        if last is not None:
            self.fill = last.total_tokens or last.input_tokens + last.output_tokens or self.fill
        if total is None or total == self.total:
            return
        if self.turns and self.turns[-1].number == self._turn:
            del self.turns[-1]
        self.turns.append(Turn(self._turn, total, self.last_at, self.model))
        self.total = total

    def _finish(self) -> None:
        self.settle_events()
        if self._turn_line is not None:
            origin, offset, length = self._turn_line
            self.turn = payload_of(mapping(_decoded(origin, offset, length)))
        if self.rollout.damage:
            self.problem(jsonl.Line(0, 1, 0, 0, b""), self.rollout.damage)

    def first_prompt(self) -> str:
        """The first thing a person said in this rollout, else in those it was forked from."""
        found: int | None = None
        for number, entry in enumerate(self.entries):
            if isinstance(entry, Entry) and opens_turn(entry, rolled_back=True):
                found = number if found is None else found
                if not entry.inherited:
                    found = number
                    break
        blocks = () if found is None else self.build(found).blocks
        return prompt_of([block.text for block in blocks if isinstance(block, Text)])

    def moments(self) -> list[int]:
        """The quarters of an hour in which the rollout's own messages were said, in a pass that decodes no words."""
        own = [
            (number, entry.offset)
            for number, entry in enumerate(self.entries)
            if not entry.summary and not (isinstance(entry, Entry) and entry.inherited)
        ]
        if self.rollout.path.suffix == WHOLE:
            return [quarter(self.build(number).created_at) for number, _ in own]
        found = dict.fromkeys((offset for _, offset in own), UNKNOWN)
        for line in self.rollout.spans():
            if line.offset in found:
                found[line.offset] = quarter(times.parse(_written_at(line)))
        return [found[offset] for _, offset in own]

    # ── tokens ────────────────────────────────────────────────────────────────────────────────────────

    def tokens(self) -> tuple[int, TokenSource]:
        """The size of the context as last recorded, else an estimate."""
        return (self.fill, TokenSource.RECORDED) if self.fill else super().tokens()

    def used(self) -> Counts | None:
        """What the session itself used: the recorded total without what it began with as a fork."""
        return between(self.inherited, self.total) if self.total else None

    def usage(self) -> Iterator[tuple[Turn, Counts]]:
        """The turns of the session itself, each with what it used."""
        before = self.inherited
        for turn in self.turns:
            yield turn, between(before, turn.total)
            before = turn.total

    def without_copies_of(self, base: Reading) -> None:
        """Take the turns that were copied from ``base`` to the start of this rollout for inherited, as told by the
        tokens reported."""
        copied = 0
        for own, other in zip(self.turns, base.turns, strict=False):
            if own.total != other.total:
                break
            copied += 1
        if copied:
            self.inherited = self.turns[copied - 1].total
            del self.turns[:copied]


def between(start: Counts | None, end: Counts) -> Counts:
    """What was used between two totals."""
    if start is None:
        return end
    return Counts(
        max(0, end.input_tokens - start.input_tokens),
        max(0, end.cached_input_tokens - start.cached_input_tokens),
        max(0, end.cache_write_input_tokens - start.cache_write_input_tokens),
        max(0, end.output_tokens - start.output_tokens),
        max(0, end.total_tokens - start.total_tokens),
    )


def _written_at(line: Span) -> str | None:
    try:
        return _time(line.raw).timestamp
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _decoded(origin: Rollout, offset: int, length: int) -> object:
    try:
        return origin.at(offset, length).value
    except StoreDamaged:
        return None
