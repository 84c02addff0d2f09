"""One pass over a session's file, and its records as messages."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from session_tui import model
from session_tui.adapters import details, jsonl, ledger, parts, prompts, times
from session_tui.adapters.batches import Batch, batches
from session_tui.adapters.conversation import Conversation, Entry, Record
from session_tui.adapters.rows import mapping, text
from session_tui.model import Message, Role, TokenSource

SUMMARY_MARK: Final = "[Previous conversation summary]"
LINE_LIMIT: Final = 10 * 1024 * 1024
"""The program skips lines above this length, or once refused to load a file that has one."""
DETAILS: Final = "x_session_tui"
"""The type of a record of ours, which the program leaves out: what its own records have no place for."""
INDEX: Final = "index.json"
_SYNTHETIC: Final = (
    "The previous response was empty",
    "Additional project memory now applies to ",
    "Autopilot: continue working",
    "Autopilot: you reported a blocker",
    "You are in autopilot mode.",
    "You are entering autopilot mode.",
)
_FOLDED: Final = 80
ROLES: Final = {role.value: role for role in Role}
_SYSTEM: Final = Role.SYSTEM
STICKY: Final = ("workspace", "permission_mode", "sidebar_visible", "context_window", "max_tokens")
META_DETAILS: Final = ("preview", "permission_mode", "sidebar_visible", "tunnel_events_complete")
_NAMES: Final = ("type", "session_id", "title", "vendor", "endpoint", "model", "token_usage", "message")
_TIMES: Final = ("created_at", "updated_at", "timestamp")
RECORD_KEYS: Final = frozenset((*STICKY, *META_DETAILS, *_NAMES, *_TIMES))
_MESSAGE_KEYS: Final = ("id", "role", "content")
SPELLING: Final = parts.Spelling(
    reasoning="reasoning_content",
    signature="thinking_signature",
    sealed="thinking_data",
    call_id="tool_id",
    tool="tool_name",
    output="output",
    media_type="image_mime",
    data="image_data",
    images="images",
    image_type="mime",
    image_data="base64",
)


class _Part(msgspec.Struct, gc=False):
    type: str = ""
    text: msgspec.Raw = msgspec.Raw()
    image_data: msgspec.Raw = msgspec.Raw()
    images: msgspec.Raw = msgspec.Raw()


class _Head(msgspec.Struct, gc=False):
    id: str = ""
    role: str = ""
    content: list[_Part] | None = None


class _Envelope(msgspec.Struct, gc=False):
    type: str = ""
    timestamp: msgspec.Raw = msgspec.Raw()
    token_usage: msgspec.Raw = msgspec.Raw()
    message: _Head | None = None


_decoder = msgspec.json.Decoder(_Envelope)


class Reading(Conversation):
    """One pass over a session's file: its messages, and everything else it holds."""

    def __init__(self, path: Path, *, tail: int = 0) -> None:
        super().__init__(path, tail=tail)
        self.meta: Record = {}
        self.ledger = ledger.Ledger()
        self.unknown: Counter[str] = Counter()
        self.checkpoints = 0
        self.checkpoint_lines: dict[int, Record] = {}
        """The checkpoint records by where their lines begin."""
        self.repeated: dict[int, str] = {}
        """The ids of messages that are there already, by where the lines that repeat them begin."""
        self.is_newest = path.with_name(f"{path.name}.flock").exists() or path.with_name(f"{INDEX}.flock").exists()
        """Whether a program that knows checkpoints by id has the store, or wrote to this file."""
        self.details = details.Details()
        self._emptied = 0
        self._named: list[tuple[str, str]] = []
        self._converted: list[tuple[str, str]] = []
        self._last: Entry | None = None
        for batch in batches(self.records, _decoder, self._guessed):
            self._take(batch)
        self.checkpoints += self.settle(self._named)
        if self.is_newest and not self._named:
            self.settle(self._converted)
        if not self.is_newest:
            for entry in self.entries[: self._emptied]:
                entry.archived = True

    def _guessed(self, line: jsonl.Line) -> _Envelope:
        """What a line says whose values are of other types than the program writes."""
        record = self.leniently(line)
        told = mapping(record.get("message"))
        head = _Head(text(told.get("id")), text(told.get("role"))) if told else None
        return _Envelope(text(record.get("type")), message=head)

    def _take(self, batch: Batch[_Envelope]) -> None:
        """Take the records of some lines."""
        by_id, note, entry = self.by_id, self.entries.append, self._last
        for position, (envelope, start, end) in enumerate(zip(batch.values, batch.starts, batch.ends, strict=True)):
            if not self.is_newest and (len(envelope.timestamp) or len(envelope.token_usage)):
                self.is_newest = True
            head = envelope.message
            if head is not None and envelope.type == "message":
                id, role, content, length = head.id, ROLES.get(head.role, _SYSTEM), head.content, end - start
                if role is _SYSTEM or content is None or length > LINE_LIMIT or not id or id in by_id:
                    self._add(batch, position, start, length, head)
                    entry = self._last
                    continue
                # What `_add` does with nearly every line, without the calls: there may be fifty thousand.
                weight, size = 0, length
                for part in content:
                    if part.type == "text":
                        weight += len(part.text)
                    else:
                        weight += _FOLDED
                        size -= len(part.image_data) + len(part.images)
                entry = by_id[id] = Entry(id, role, weight, size, start, length)
                note(entry)
            elif envelope.type != "message":
                self._note(batch.line(position), envelope.type)
            else:
                self.problem(batch.line(position), "a message record without a message")
        self._last = entry

    def _add(self, batch: Batch[_Envelope], position: int, offset: int, length: int, head: _Head) -> None:
        role = ROLES.get(head.role, _SYSTEM)
        weight, size = 0, length
        for part in head.content or ():
            if part.type == "text":
                weight += len(part.text)
            else:
                weight += _FOLDED
                size -= len(part.image_data) + len(part.images)
        entry = Entry(head.id or str(batch.index + position), role, weight, size, offset, length)
        if length > LINE_LIMIT:
            self.problem(batch.line(position), f"a line of {length:,} bytes, which ggcode leaves out")
            entry.skipped = True
        if role is _SYSTEM or head.content is None:
            content = self.said(self.record(entry)[0])[1]
            entry.summary = role is _SYSTEM and _is_summary(content)
            if isinstance(content, str):
                self.problem(batch.line(position), "content that is plain text, which ggcode leaves out")
                entry.skipped = True
        if not self.add(entry, head.id):
            self.repeated[offset] = head.id
        self._last = entry

    def _note(self, line: jsonl.Line, kind: str) -> None:
        match kind:
            case "meta":
                record = self.leniently(line)
                kept = {name: self.meta[name] for name in STICKY if name in self.meta and not record.get(name)}
                self.meta = {**record, **kept}
            case "checkpoint":
                self._checkpoint(line, self.leniently(line))
            case _ if kind == DETAILS:
                self.details = details.parse(self.leniently(line).get("details"))
            case "usage" | "metric" | "cost" | "tunnel_event":
                self.ledger.note(kind, self.leniently(line))
            case _ if kind:
                self.unknown[kind] += 1

    def _checkpoint(self, line: jsonl.Line, record: Record) -> None:
        """Take a checkpoint of either kind. One with neither a summary's id nor messages stands for nothing, and old
        programs go on from nothing then."""
        self.checkpoint_lines[line.offset] = record
        summary, items = text(record.get("checkpoint_summary_msg_id")), record.get("checkpoint_messages")
        if summary:
            self._named.append((summary, text(record.get("checkpoint_last_msg_id"))))
            self.ledger.fill = None
        elif isinstance(items, list) and items:
            self.embed([{"message": item} for item in items], str(line.index))
            self._convert()
            self._emptied = 0
            self.checkpoints += 1
            self.ledger.fill = None
        elif not items:
            self._emptied = len(self.entries)

    def _convert(self) -> None:
        """Note what a newer program makes of the embedded checkpoint just taken when it loads the file: its summary,
        standing behind everything so far, is all that goes before the records to come."""
        summary = next((entry for entry in reversed(self.entries) if entry.summary and not entry.archived), None)
        if summary is not None:
            for entry in (summary, self.entries[-1]):
                self.by_id.setdefault(entry.id, entry)
            self._converted.append((summary.id, self.entries[-1].id))

    def message(self, record: Record, entry: Entry, lossy: bool) -> Message:
        """The message in a record."""
        return message_of(record, entry, lossy)

    def said(self, record: Record) -> tuple[object, object]:
        """Role and content of the message in a record."""
        message = mapping(record.get("message"))
        return message.get("role"), message.get("content")

    def new(self, item: Record, id: str) -> Entry:
        """The entry of a message that a checkpoint embeds."""
        role, content = self.said(item)
        known = ROLES.get(text(role), _SYSTEM)
        own, size = text(mapping(item["message"]).get("id")), len(msgspec.json.encode(content))
        summary = known is _SYSTEM and _is_summary(content)
        return Entry(own or id, known, size, size, item=item, summary=summary)

    def span(self) -> tuple[datetime | None, datetime | None]:
        """The times of the first and the last message record of the file."""
        first = next((entry for entry in self.entries if entry.item is None), None)
        ends = [time_of(self.record(entry)[0]) if entry else None for entry in (first, self._last)]
        return ends[0], ends[1]

    def tokens(self) -> tuple[int, TokenSource]:
        """The last prompt recorded since the last checkpoint, else an estimate."""
        fill = self.ledger.fill
        return (fill, TokenSource.RECORDED) if fill else super().tokens()


def time_of(record: Record) -> datetime | None:
    """When a record was written."""
    return times.parse(record.get("timestamp"))


def _is_summary(content: object) -> bool:
    first = parts.blocks(content, SPELLING)[:1]
    return any(isinstance(block, model.Text) and block.text.startswith(SUMMARY_MARK) for block in first)


def message_of(record: Record, entry: Entry | None = None, lossy: bool = False) -> Message:
    """The message in a record; without an ``entry`` all that can be said of it alone."""
    message = mapping(record.get("message"))
    role = entry.role if entry else ROLES.get(text(message.get("role")), _SYSTEM)
    blocks = parts.blocks(message.get("content"), SPELLING)
    said = [block.text for block in blocks if isinstance(block, model.Text)]
    injected = bool(said) and all(part.startswith(_SYNTHETIC) or prompts.is_injected(part) for part in said)
    summary = entry is not None and entry.summary
    unknown = {name: record[name] for name in record if name not in RECORD_KEYS}
    unknown |= {name: message[name] for name in message if name not in _MESSAGE_KEYS}
    if "role" in message and message["role"] != role:
        unknown["role"] = message["role"]
    return Message(
        id=entry.id if entry else text(message.get("id")),
        role=role,
        blocks=blocks,
        created_at=time_of(record),
        archived=entry is not None and entry.archived,
        is_summary=summary,
        is_meta=not summary and (role is _SYSTEM or (role is Role.USER and injected)),
        lossy=lossy,
        extra=unknown,
    )
