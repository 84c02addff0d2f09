"""What a rollout says of its conversation: messages in order, and which of them the program still sends.

A rollout is appended to and never rewritten. A compaction starts the model's history anew, from the items it lists or
from its summary alone; a rollback drops the last turns; a fork goes on from the first records of another rollout.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from session_tui.adapters import conversation, jsonl
from session_tui.adapters.rows import mapping, text
from session_tui.agents.codex import telling
from session_tui.agents.codex.messages import message_of, payload_of
from session_tui.agents.codex.packing import Rollout, records
from session_tui.agents.codex.records import RESPONSE, Envelope, Record
from session_tui.agents.codex.records import told as envelope_of
from session_tui.agents.codex.telling import SEALED, Entry, Kind, Twins, key_of, keys_of
from session_tui.errors import StoreDamaged
from session_tui.model import Message, Role, Session, Transcript

_ASSISTANT: Final = Role.ASSISTANT
_SUMMARY_KIND: Final = "compaction.summary"


class Place(msgspec.Struct, gc=False):
    """Where a line stands: ``index`` among the non-blank ones, its first byte, its ``length``, and what gives the line
    for its ``position``."""

    index: int
    offset: int
    length: int
    line_at: Callable[[int], jsonl.Line]
    position: int = 0

    def line(self) -> jsonl.Line:
        """The line."""
        return self.line_at(self.position)


class History(conversation.Conversation):
    """The entries of one rollout, after those of the rollouts it was forked from."""

    def __init__(self, path: Path) -> None:
        """Open ``path``.

        Raises:
            StoreError: it cannot be opened.
        """
        self.rollout = records(path)
        super().__init__(path, self.rollout)
        self.model: str | None = None
        self.people = 0
        """How many events tell what a person said."""
        self.origin: Rollout | None = None
        """The rollout that is being read where it is not the session's own."""
        self._twins = Twins()
        self._tools: dict[str, str] = {}
        self._failed: set[str] = set()

    def place(self, line: Place, entry: Entry, item: Record | None = None) -> None:
        """Add what ``line`` tells, its record being ``item`` where it stands in no line of its own."""
        own, origin = entry.id, self.origin
        entry.offset, entry.length = line.offset, line.length
        if item is not None:
            entry.item = item
        if origin is not None:
            entry.origin, entry.inherited = origin, True
        if not own:
            entry.id = str(line.index) if origin is None else f"{origin.path.name}:{line.index}"
        if entry.role is _ASSISTANT:
            entry.model = self.model
        keys: list[int] = []
        if entry.texts:
            keys = keys_of(entry)
            entry.texts, entry.key = (), key_of(keys)
        if entry.shown:
            self._pair(entry, own, keys)
        else:
            self._replace(entry, own, keys)
        self.entries.append(entry)

    def _replace(self, entry: Entry, own: str, keys: list[int]) -> None:
        """Let a response item stand for the events that said the same before."""
        if entry.tool:
            self._tools[entry.call] = entry.tool
        twins = self._twins.of_response(entry, keys)
        if own:
            known = self.by_id.get(own)
            if isinstance(known, Entry) and known.shown and known.role is entry.role:
                twins = [*twins, known]
            elif known is not None and self._is_same(known, entry):
                entry.dropped = True
            if not entry.dropped:
                self.by_id[own] = entry
        for twin in twins:
            twin.dropped = True
            if twin.person:
                entry.person, entry.meta = True, False

    def _is_same(self, known: conversation.Entry, entry: Entry) -> bool:
        before, now = self.record(known)[0], self.record(entry)[0]
        return payload_of(before) == payload_of(now)

    def _pair(self, entry: Entry, own: str, keys: list[int]) -> None:
        """Drop an event that a response item said before; else let it wait for one that will."""
        self.people += entry.person
        if entry.failed:
            self._failed.add(entry.call)
        twin = self._twins.of_event(entry, keys)
        if twin is not None:
            entry.dropped = True
            if entry.person:
                twin.person, twin.meta = True, False
        if entry.tool:
            self._tools.setdefault(entry.call, entry.tool)
        if own:
            self.by_id.setdefault(own, entry)

    def roll_back(self, turns: int) -> None:
        """Leave out the last ``turns`` turns, each of which begins with what a person said."""
        cut = len(self.entries)
        for number in range(len(self.entries) - 1, -1, -1):
            if not turns:
                break
            entry = self.entries[number]
            if isinstance(entry, Entry) and opens_turn(entry):
                cut, turns = number, turns - 1
        for entry in self.entries[cut:]:
            entry.skipped = entry.archived = True

    def compact(self, line: Place, envelope: Envelope) -> None:
        """Start the model's history anew. What the compaction lists and was said before is still sent where it
        stands; what else it lists stands behind what it covers, the summary last."""
        payload = payload_of(self.leniently(line.line()))
        message, listed = text(payload.get("message")), payload.get("replacement_history")
        worded, standing = self._worded(), set[int]()
        added: list[Entry] = []
        summary: Entry | None = None
        for number, item in enumerate(listed if isinstance(listed, list) else ()):
            record = {"type": RESPONSE, "payload": item, "timestamp": envelope.timestamp}
            inner = envelope_of(record)
            entry = telling.told(inner, len(msgspec.json.encode(item)))
            if entry is None:
                continue
            is_summary = _is_summary(inner, entry, message)
            known = None if is_summary else self.by_id.get(entry.id) or worded.get(key_of(keys_of(entry)))
            if known is not None:
                standing.add(id(known))
                continue
            self._list(line, entry, record, number)
            if is_summary:
                summary = entry
            else:
                added.append(entry)
        for before in self.entries:
            before.archived = before.skipped or id(before) not in standing
        if summary is None:
            summary = Entry(str(line.index), Role.USER, len(message), len(message), line.offset, line.length)
            summary.origin, summary.inherited = self.origin, self.origin is not None
        summary.summary, summary.meta = True, False
        self.entries += [*added, summary]

    def _list(self, line: Place, entry: Entry, record: Record, number: int) -> None:
        """Make a message of an item that a compaction lists."""
        if entry.id:
            self.by_id[entry.id] = entry
        if entry.tool:
            self._tools.setdefault(entry.call, entry.tool)
        entry.id = entry.id or f"{line.index}.{number}"
        entry.key, entry.texts = key_of(keys_of(entry)), ()
        entry.item, entry.inherited = record, self.origin is not None
        entry.offset, entry.length = line.offset, line.length

    def _worded(self) -> dict[int, Entry]:
        """The last message of each wording that the model's history may hold."""
        spoken = (entry for entry in self.entries if isinstance(entry, Entry) and entry.key)
        return {entry.key: entry for entry in spoken if not (entry.dropped or entry.skipped or entry.summary)}

    def settle_events(self) -> None:
        """Leave out the events that response items stand for; where there are events, what looks injected and no
        event tells of is."""
        spoken = [entry for entry in self.entries if isinstance(entry, Entry)]
        has_responses = any(not entry.shown for entry in spoken)
        for entry in spoken:
            # a picture alone has no words to find its response item by
            if has_responses and entry.shown and not entry.key and entry.kind is Kind.TEXT:
                entry.dropped = True
            if entry.suspect and self.people > 0 and not entry.person:
                entry.meta = True
        self.entries = [entry for entry in spoken if not entry.dropped]

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────

    def record(self, entry: conversation.Entry) -> tuple[Record, bool]:
        """The record of ``entry``, read from the rollout that holds it."""
        origin = entry.origin if isinstance(entry, Entry) else None
        if entry.item is not None or origin is None:
            return super().record(entry)
        try:
            decoded = origin.at(entry.offset, entry.length)
        except StoreDamaged:
            return {}, True
        return mapping(decoded.value), decoded.lossy

    def message(self, record: Record, entry: conversation.Entry, lossy: bool) -> Message:
        """The message in a record."""
        assert isinstance(entry, Entry)
        tool, failed = self._tools.get(entry.call, ""), entry.call in self._failed
        return replace(
            message_of(record, id=entry.id, role=entry.role, tool=tool, failed=failed),
            model=entry.model,
            archived=entry.archived,
            is_summary=entry.summary,
            is_meta=entry.meta,
            lossy=lossy,
        )

    def transcript(self, session: Session) -> Transcript:
        """The transcript; what was rolled back is archived, but no summary stands for it."""
        whole = super().transcript(session)
        rolled = {entry.id for entry in self.entries if entry.skipped}
        if not rolled or not whole.summaries:
            return whole
        kept = (tuple(id for id in one.original_ids if id not in rolled) for one in whole.summaries)
        summaries = tuple(
            replace(one, original_ids=ids, message_range=f"Messages 1-{len(ids)}" if ids else "")
            for one, ids in zip(whole.summaries, kept, strict=True)
        )
        return replace(whole, summaries=summaries)


def opens_turn(entry: Entry, *, rolled_back: bool = False) -> bool:
    """Whether a person begins a turn with ``entry``, be it rolled back or not."""
    is_prompt = entry.role is Role.USER and entry.kind is Kind.TEXT and (rolled_back or not entry.skipped)
    return is_prompt and not (entry.meta or entry.summary or entry.dropped)


def _is_summary(envelope: Envelope, entry: Entry, message: str) -> bool:
    payload = envelope.payload
    if payload is None or payload.type in SEALED:
        return payload is not None
    kinds = payload.passthrough.content_item_kinds if payload.passthrough else None
    said = bool(message) and [text.strip() for text in entry.texts] == [message.strip()]
    return said or _SUMMARY_KIND in (kinds or ())
