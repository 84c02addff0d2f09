"""ggcode: one JSON Lines file a session in ``~/.ggcode/sessions``, and ``index.json``, the program's list, beside them.

A line is a record told by its ``type``: ``message``, ``meta`` (appended again and again, the last one counts),
``checkpoint``, ``usage``, ``metric``, ``cost``, ``tunnel_event``. Two generations stand side by side, often in one
file. Up to v1.3.33 a checkpoint embeds the messages the model goes on from, records have no times and no ids, and
title and directory may stand in the index alone. From v1.3.150 on messages have ids and times, and a checkpoint
names its summary, a system message, by id. The year 1 means "not set".

Archived is what the program leaves out when it continues: what the last usable checkpoint stands for, and records
it skips when loading (lines above 10 MiB, content that is plain text, a second message with an id already seen).
Its windows on long sessions (the last day, the last 200 messages) are not applied.
"""

from __future__ import annotations

import os
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from session_tui import model, tokens
from session_tui.adapters import files, jsonl, ledger, listing, locks, parts, prompts, times
from session_tui.adapters.base import Adapter, Root, Source, World, places
from session_tui.adapters.conversation import Conversation, Entry, Record, titled
from session_tui.adapters.rows import integer, mapping, text
from session_tui.errors import StoreError
from session_tui.model import Message, Problem, Role, Session, SessionKey, SessionKind, TokenSource

SUMMARY_MARK: Final = "[Previous conversation summary]"
PLACEHOLDERS: Final = ("", "New session", "新会话")
BRANCH_MARK: Final = "Branch: "
LINE_LIMIT: Final = 10 * 1024 * 1024
"""The program skips lines above this length, or once refused to load a file that has one."""
_INDEX: Final = "index.json"
_STRAY: Final = "_invalid_id_"
_SYNTHETIC: Final = (
    "The previous response was empty",
    "Additional project memory now applies to ",
    "Autopilot: continue working",
    "Autopilot: you reported a blocker",
    "You are in autopilot mode.",
    "You are entering autopilot mode.",
)
_EDGE: Final = 32 * 1024
_PROMPT_SEARCH: Final = 2000
_ID = re.compile(r"(?!-)[A-Za-z0-9_-]{1,128}")
_ID_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-")
_FOLDED: Final = 80
_ROLES: Final = {role.value: role for role in Role}
_SYSTEM: Final = Role.SYSTEM
_STICKY: Final = ("workspace", "permission_mode", "sidebar_visible", "context_window", "max_tokens")
_DETAILS: Final = ("preview", "permission_mode", "sidebar_visible", "tunnel_events_complete")
_NAMES: Final = ("type", "session_id", "title", "vendor", "endpoint", "model", "token_usage", "message")
_TIMES: Final = ("created_at", "updated_at", "timestamp")
_RECORD_KEYS: Final = frozenset((*_STICKY, *_DETAILS, *_NAMES, *_TIMES))
_MESSAGE_KEYS: Final = ("id", "role", "content")
_SPELLING: Final = parts.Spelling(
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


class Ggcode(Adapter):
    """The sessions of ggcode, of both generations."""

    name = "ggcode"
    label = "ggcode"
    mark = "◆"
    color = "#3fa7a0"
    program = "ggcode"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._listings = listing.Listings(_INDEX)

    def roots(self) -> Sequence[Root]:
        """``~/.ggcode/sessions``; no variable, option or setting of the program moves it."""
        defaults = iter([(self.world.home / ".ggcode" / "sessions", "default")])
        return places(self.world, self.name, defaults, _below)

    def scan(self, root: Root) -> Iterator[Source]:
        """Every ``*.jsonl`` file, listed in the index or not, empty or not."""
        index = self._listings.entries(str(root.path))
        for id, entry in _sessions(root.path):
            try:
                status = entry.stat()
            except OSError:
                continue
            listed = index.get(id, {})
            stamp = f"{files.stamp_of(status)};{zlib.crc32(msgspec.json.encode(listed)) if listed else '-'}"
            changed = times.parse(listed.get("updated_at")) or files.modified_at(status)
            yield Source(SessionKey(self.name, id, str(root.path)), entry.path, stamp, changed)

    def head(self, source: Source) -> Session:
        """From the index entry, the last ``meta`` record near the file's end and the first prompt near its start."""
        status, first, last = jsonl.edges(Path(source.path), _EDGE)
        newest: dict[object, Record] = {}
        for record in jsonl.typed(reversed(last), "meta", "message", "usage", "checkpoint"):
            # what a prompt before a checkpoint cost says nothing of the one after it
            newest.setdefault("usage" if record["type"] == "checkpoint" else record["type"], record)
            if len(newest) == 3:
                break
        meta = newest.get("meta") or next(jsonl.typed(first, "meta"), {})
        prompt = prompts.first_prompt(_message(record) for record in jsonl.typed(first, "message"))
        opened = None if meta else _time(next(jsonl.typed(first, "message"), {}))
        used = ledger.Ledger()
        used.note("usage", newest.get("usage", {}))
        span = (opened, _time(newest.get("message", {})))
        return self._session(source, status, meta, span, prompt, fill=used.fill)

    def read(self, source: Source) -> model.Transcript:
        """The whole file; a message is decoded when it is asked for."""
        reading = _Reading(Path(source.path))
        prompt = prompts.first_prompt(islice(reading.messages(), _PROMPT_SEARCH))
        session = self._session(source, reading.records.status, reading.meta, reading.span(), prompt)
        transcript = reading.transcript(session)
        compactions = max(reading.checkpoints, len(transcript.summaries))
        return replace(
            transcript,
            session=replace(transcript.session, compaction_count=compactions),
            tunnel_events=tuple(reading.ledger.tunnel_events),
            costs=tuple(reading.ledger.costs),
            usage=tuple(reading.ledger.usage),
            metrics=tuple(reading.ledger.metrics),
            unknown_records=dict(reading.unknown),
        )

    def _session(
        self,
        source: Source,
        status: os.stat_result,
        meta: Record,
        span: tuple[datetime | None, datetime | None],
        prompt: str,
        *,
        fill: int | None = None,
    ) -> Session:
        """What meta and index entry say, the newer of them first; ``span`` is the first and last message's time."""
        listed = self._listings.entries(source.key.root).get(source.key.id, {})
        told, noted = times.parse(meta.get("updated_at")), times.parse(listed.get("updated_at"))
        known = [moment for moment in (told, noted, None if meta else span[1]) if moment]
        older, newer = (meta, listed) if noted and (not told or noted > told) else (listed, meta)

        def value(name: str) -> str:
            return text(newer.get(name) or older.get(name))

        stored = value("title")
        title, title_source = titled("" if stored.strip() in PLACEHOLDERS else stored, prompt)
        used = ledger.usage(meta.get("token_usage"))
        return Session(
            key=source.key,
            title=title,
            title_source=title_source,
            first_prompt=prompt,
            project=value("workspace") or None,
            model=value("model") or None,
            provider=value("vendor") or None,
            vendor=value("vendor") or None,
            endpoint=value("endpoint") or None,
            kind=SessionKind.FORK if stored.startswith(BRANCH_MARK) else SessionKind.MAIN,
            created_at=next(_created(meta, listed, span[0], source.key.id), None),
            updated_at=max(known, default=None) or files.modified_at(status),
            last_active_at=span[1],
            token_count=fill,
            token_source=TokenSource.RECORDED if fill else TokenSource.NONE,
            token_usage=used if used.total else None,
            context_window=integer(meta.get("context_window")) or tokens.window(value("model")),
            max_tokens=integer(meta.get("max_tokens")) or None,
            metadata={name: both[name] for both in [{**listed, **meta}] for name in _DETAILS if name in both},
            size_bytes=status.st_size,
            path=source.path,
            extra={name: meta[name] for name in meta if name not in _RECORD_KEYS},
        )

    def resume(self, session: Session) -> model.Launch | model.Refusal:
        """``ggcode --resume ID`` in the session's workspace; the program takes whole ids alone."""
        if not _ID.fullmatch(session.key.id):
            reason = f"ggcode does not accept the id {session.key.id!r}"
            return model.Refusal(reason, "an id it accepts has letters, digits, _ and -, at most 128 of them")
        return model.Launch(("ggcode", "--resume", session.key.id), session.project)

    def live(self, session: Session) -> bool | None:
        """Whether ``ID.lock`` is held. Stores without any lock file are of a time when the program had none."""
        path = Path(session.path)
        lock = path.with_suffix(".lock")
        if lock.exists():
            return locks.is_held(lock)
        locking = any(path.with_name(f"{name}.flock").exists() for name in (path.name, _INDEX))
        return False if locking else None

    def check(self, root: Root) -> Iterator[Problem]:
        """An index that cannot be read, entries without a file, files without an entry, writes that went astray."""
        index, present = root.path / _INDEX, {id for id, _ in _sessions(root.path)}
        if _STRAY in present:
            what = "records written for an id that ggcode does not accept"
            yield Problem(str(root.path / f"{_STRAY}.jsonl"), what, "read it, then rename or remove it")
        if not index.exists():
            return
        try:
            listed = listing.read(index).keys()
        except StoreError as error:
            yield Problem(
                str(index), error.what, "ggcode writes it anew from the session files, which are not affected"
            )
            return
        for id in sorted(listed - present):
            yield Problem(str(index), f"it lists {id}, which has no file", "ggcode shows it but cannot open it")
        for id in sorted(present - listed):
            file = str(root.path / f"{id}.jsonl")
            yield Problem(file, f"{_INDEX} does not list it", "ggcode does not show it; it can be continued by its id")


def _below(path: Path) -> Iterator[Path]:
    """The sessions directory that ``path`` is, or that lies in it as an agent's home or a person's."""
    for place in (path / ".ggcode" / "sessions", path / "sessions"):
        if place.is_dir():
            yield place
            return
    if path.is_dir() and (path.name == "sessions" or any(_ID_TIME.match(id) for id, _ in _sessions(path))):
        yield path


def _sessions(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    for entry in files.entries(folder):
        if entry.name.endswith(".jsonl") and entry.is_file():
            yield entry.name.removesuffix(".jsonl"), entry


def _created(meta: Record, listed: Record, first: datetime | None, id: str) -> Iterator[datetime]:
    """When a session began, best evidence first; last the id, which holds the writer's local time."""
    for moment in (times.parse(meta.get("created_at")), times.parse(listed.get("created_at")), first):
        if moment:
            yield moment
    stamp = _ID_TIME.match(id)
    local = times.parse("{}-{}-{} {}:{}:{}".format(*stamp.groups())) if stamp else None
    if local:
        yield local.replace(tzinfo=None).astimezone()


# ── records ───────────────────────────────────────────────────────────────────────────────────────────


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
    message: _Head | None = None


_envelope = msgspec.json.Decoder(_Envelope).decode


class _Reading(Conversation):
    """One pass over a session's file: its messages, and everything else it holds."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.meta: Record = {}
        self.ledger = ledger.Ledger()
        self.unknown: Counter[str] = Counter()
        self.checkpoints = 0
        self._named: list[tuple[str, str]] = []
        self._last: Entry | None = None
        for line in self.records.lines():
            try:
                envelope = _envelope(line.raw)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                envelope = self._guessed(line)
            if envelope.type != "message":
                self._note(line, envelope.type)
            elif envelope.message:
                self._add(line, envelope.message)
            else:
                self.problem(line, "a message record without a message")
        self.checkpoints += self.settle(self._named)

    def _guessed(self, line: jsonl.Line) -> _Envelope:
        """What a line says whose values are of other types than the program writes."""
        record = self.leniently(line)
        told = mapping(record.get("message"))
        head = _Head(text(told.get("id")), text(told.get("role"))) if told else None
        return _Envelope(text(record.get("type")), head)

    def _add(self, line: jsonl.Line, head: _Head) -> None:
        role = _ROLES.get(head.role, _SYSTEM)
        weight, size = 0, line.length
        for part in head.content or ():
            if part.type == "text":
                weight += len(part.text)
            else:
                weight += _FOLDED
                size -= len(part.image_data) + len(part.images)
        entry = Entry(head.id or str(line.index), role, weight, size, line.offset, line.length)
        if line.length > LINE_LIMIT:
            self.problem(line, f"a line of {line.length:,} bytes, which ggcode leaves out")
            entry.skipped = True
        if role is _SYSTEM or head.content is None:
            content = self.said(self.record(entry)[0])[1]
            entry.summary = role is _SYSTEM and _is_summary(content)
            if isinstance(content, str):
                self.problem(line, "content that is plain text, which ggcode leaves out")
                entry.skipped = True
        self.add(entry, head.id)
        self._last = entry

    def _note(self, line: jsonl.Line, kind: str) -> None:
        match kind:
            case "meta":
                record = self.leniently(line)
                kept = {name: self.meta[name] for name in _STICKY if name in self.meta and not record.get(name)}
                self.meta = {**record, **kept}
            case "checkpoint":
                self._checkpoint(line, self.leniently(line))
            case "usage" | "metric" | "cost" | "tunnel_event":
                self.ledger.note(kind, self.leniently(line))
            case _ if kind:
                self.unknown[kind] += 1

    def _checkpoint(self, line: jsonl.Line, record: Record) -> None:
        """Take a checkpoint of either kind; one with neither a summary's id nor messages stands for nothing."""
        summary, items = text(record.get("checkpoint_summary_msg_id")), record.get("checkpoint_messages")
        if summary:
            self._named.append((summary, text(record.get("checkpoint_last_msg_id"))))
            self.ledger.fill = None
        elif isinstance(items, list) and items:
            self.embed([{"message": item} for item in items], str(line.index))
            self.checkpoints += 1
            self.ledger.fill = None

    def message(self, record: Record, entry: Entry, lossy: bool) -> Message:
        """The message in a record."""
        return _message(record, entry, lossy)

    def said(self, record: Record) -> tuple[object, object]:
        """Role and content of the message in a record."""
        message = mapping(record.get("message"))
        return message.get("role"), message.get("content")

    def new(self, item: Record, id: str) -> Entry:
        """The entry of a message that a checkpoint embeds."""
        role, content = self.said(item)
        known = _ROLES.get(text(role), _SYSTEM)
        own, size = text(mapping(item["message"]).get("id")), len(msgspec.json.encode(content))
        summary = known is _SYSTEM and _is_summary(content)
        return Entry(own or id, known, size, size, item=item, summary=summary)

    def span(self) -> tuple[datetime | None, datetime | None]:
        """The times of the first and the last message record of the file."""
        first = next((entry for entry in self.entries if entry.item is None), None)
        ends = [_time(self.record(entry)[0]) if entry else None for entry in (first, self._last)]
        return ends[0], ends[1]

    def tokens(self) -> tuple[int, TokenSource]:
        """The last prompt recorded since the last checkpoint, else an estimate."""
        fill = self.ledger.fill
        return (fill, TokenSource.RECORDED) if fill else super().tokens()


def _time(record: Record) -> datetime | None:
    return times.parse(record.get("timestamp"))


# ── messages ──────────────────────────────────────────────────────────────────────────────────────────


def _is_summary(content: object) -> bool:
    first = parts.blocks(content, _SPELLING)[:1]
    return any(isinstance(block, model.Text) and block.text.startswith(SUMMARY_MARK) for block in first)


def _message(record: Record, entry: Entry | None = None, lossy: bool = False) -> Message:
    message = mapping(record.get("message"))
    role = entry.role if entry else _ROLES.get(text(message.get("role")), _SYSTEM)
    blocks = parts.blocks(message.get("content"), _SPELLING)
    said = [block.text for block in blocks if isinstance(block, model.Text)]
    injected = bool(said) and all(part.startswith(_SYNTHETIC) or prompts.is_injected(part) for part in said)
    summary = entry is not None and entry.summary
    unknown = {name: record[name] for name in record if name not in _RECORD_KEYS}
    unknown |= {name: message[name] for name in message if name not in _MESSAGE_KEYS}
    if "role" in message and message["role"] != role:
        unknown["role"] = message["role"]
    return Message(
        id=entry.id if entry else text(message.get("id")),
        role=role,
        blocks=blocks,
        created_at=_time(record),
        archived=entry is not None and entry.archived,
        is_summary=summary,
        is_meta=not summary and (role is _SYSTEM or (role is Role.USER and injected)),
        lossy=lossy,
        extra=unknown,
    )
