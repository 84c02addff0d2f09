"""What a list shows of a rollout: from its header, its first prompt and its last records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from os import stat_result
from pathlib import Path
from typing import Final

import msgspec

from session_tui.adapters import files, jsonl, times
from session_tui.adapters.rows import integer, mapping, text
from session_tui.agents.codex import packing, telling
from session_tui.agents.codex.messages import payload_of
from session_tui.agents.codex.reading import WHOLE, Reading
from session_tui.agents.codex.records import META, RESPONSE, TURN, Counts, Envelope, Record, opened
from session_tui.errors import StoreDamaged
from session_tui.model import SessionKind, Usage

EDGE: Final = 64 * 1024
_FAR: Final = 1024 * 1024
"""How far to look for a last record when it is longer than what is read at first."""
_LATE: Final = re.compile(rb'"(token_count|turn_context|thread_name_updated)"')
_DIRECTORY = re.compile(r"<cwd>([^<]+)</cwd>|^Current working directory: (.+)$", re.MULTILINE)
_FILE_TIME = re.compile(r"rollout-(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)-")
_HEADLESS: Final = ("exec", "mcp")
_DESCRIBED: Final = ("originator", "cli_version", "source", "agent_nickname", "agent_role")
_SETTINGS: Final = ("approval_policy", "effort")


class Heading(msgspec.Struct):
    """What is known of a rollout without reading all of it. ``turn`` is the header of the last turn, ``used`` what
    the session used as last reported, which counts in what it began with as a fork unless the rollout ``is_whole``,
    read to its end."""

    status: stat_result
    meta: Record = msgspec.field(default_factory=dict)
    turn: Record = msgspec.field(default_factory=dict)
    name: str = ""
    prompt: str = ""
    cwd: str | None = None
    first_at: str | None = None
    last_at: str | None = None
    fill: int | None = None
    window: int | None = None
    used: Counts | None = None
    is_whole: bool = False

    def told(self, name: str) -> str | None:
        """What the header says under ``name``."""
        return text(self.meta.get(name)) or None

    @property
    def kind(self) -> SessionKind:
        """A sub-agent's, a fork, one run without a terminal, or a person's own."""
        if self._spawned is not None or self.meta.get("agent_nickname") or self.meta.get("agent_role"):
            return SessionKind.SUBAGENT
        if self.forked_from:
            return SessionKind.FORK
        told = text(self.meta.get("source")) or text(self.meta.get("originator")).removeprefix("codex_")
        return SessionKind.HEADLESS if told in _HEADLESS else SessionKind.MAIN

    @property
    def _spawned(self) -> object:
        source = mapping(self.meta.get("source"))
        return source.get("subagent", source.get("sub_agent"))

    @property
    def forked_from(self) -> str:
        """The id of the session that this one began as a copy of, or empty."""
        return text(self.meta.get("forked_from_id") or mapping(self.meta.get("history_base")).get("thread_id"))

    @property
    def forked_at(self) -> tuple[int | None, int | None]:
        """Where the records end that this rollout leaves to the one it was forked from: as an ordinal and as a byte
        offset; unknown where it holds copies of them."""
        base = mapping(self.meta.get("history_base"))
        ordinal = integer(base.get("end_ordinal_exclusive", self.meta.get("forked_from_ordinal_exclusive")))
        return ordinal, integer(base.get("end_byte_offset")) if ordinal is None else None

    @property
    def parent(self) -> str | None:
        """The session that this one was started from."""
        spawn = mapping(mapping(self._spawned).get("thread_spawn"))
        told = spawn.get("parent_thread_id") or self.meta.get("parent_thread_id")
        return text(told) or self.forked_from or None

    @property
    def project(self) -> str | None:
        """The directory it was started in, else that of its first turn."""
        return text(self.meta.get("cwd")) or self.cwd

    @property
    def git_branch(self) -> str | None:
        """The branch when it was started."""
        return text(mapping(self.meta.get("git")).get("branch")) or None

    @property
    def model(self) -> str | None:
        """The model of the last turn."""
        return text(self.turn.get("model")) or None

    def created_at(self, name: str) -> datetime | None:
        """When it was started; a file's ``name`` holds the writer's local time."""
        known = times.parse(self.meta.get("timestamp")) or times.parse(self.first_at)
        stamp = None if known else _FILE_TIME.match(name)
        local = times.parse("{} {}:{}:{}".format(*stamp.groups())) if stamp else None
        return local.replace(tzinfo=None).astimezone() if local else known

    @property
    def updated_at(self) -> datetime:
        """When its last record was written, else its file."""
        return times.parse(self.last_at) or files.modified_at(self.status)

    @property
    def metadata(self) -> Record:
        """What kind of program ran it, and what the last turn was allowed to do."""
        found = {name: self.meta[name] for name in _DESCRIBED if self.meta.get(name)}
        found |= {name: self.turn[name] for name in _SETTINGS if self.turn.get(name)}
        policy = mapping(self.turn.get("sandbox_policy"))
        sandbox = text(policy.get("type") or policy.get("mode"))
        return {**found, "sandbox": sandbox} if sandbox else found


def heading(path: Path) -> Heading:
    """The heading of the rollout at ``path``.

    Raises:
        StoreError: it cannot be read.
    """
    if path.suffix == WHOLE:
        return of_whole(Reading(path))
    edges = packing.edges(path, EDGE)
    found = Heading(edges.status)
    found.prompt = telling.first_prompt(_opening(found, edges.first))
    last = edges.last
    if not _ending(found, last) and edges.status.st_size > EDGE:
        _ending(found, packing.edges(path, _FAR).last)
    return found


def of_whole(reading: Reading) -> Heading:
    """The heading of a rollout that was read whole, as the oldest ones have to be."""
    found = Heading(reading.records.status, reading.meta, last_at=reading.last_at)
    for number, entry in enumerate(reading.entries):
        if found.prompt and found.cwd:
            break
        if entry.role == "user":
            said = reading.build(number)
            found.cwd = found.cwd or _directory([said.text])
            if not said.is_meta:
                found.prompt = found.prompt or said.text
    return found


def _opening(found: Heading, lines: Sequence[bytes]) -> Iterator[telling.Entry]:
    """What the first lines tell, the header and the first turn's settings noted on the way."""
    for raw in lines:
        try:
            envelope = opened(raw)
        except StoreDamaged:
            continue
        found.first_at = found.first_at or envelope.timestamp
        _head(found, envelope, raw)
        entry = telling.told(envelope, len(raw))
        if entry is not None:
            if found.cwd is None and entry.meta and envelope.type == RESPONSE:
                found.cwd = _directory(entry.texts)
            yield entry


def _head(found: Heading, envelope: Envelope, raw: bytes) -> None:
    if envelope.type == META and not found.meta:
        found.meta = payload_of(mapping(jsonl.decode(raw).value))
    elif envelope.type == TURN and envelope.payload is not None:
        found.cwd = found.cwd or envelope.payload.cwd
        found.turn = found.turn or payload_of(mapping(jsonl.decode(raw).value))
    elif envelope.payload is not None:
        found.window = found.window or envelope.payload.model_context_window


def _directory(texts: Iterable[str]) -> str | None:
    stated = next((match for said in texts if (match := _DIRECTORY.search(said))), None)
    return (stated[1] or stated[2]).strip() if stated else None


def _ending(found: Heading, lines: Sequence[bytes]) -> bool:
    """Note what the last lines tell; whether any of them has a time."""
    missing = {b"token_count", b"turn_context", b"thread_name_updated"}
    for raw in reversed(lines):
        match = _LATE.search(raw, 0, 256)
        if found.last_at and not (match and match[1] in missing):
            continue
        try:
            envelope = opened(raw)
        except StoreDamaged:
            continue
        found.last_at = found.last_at or envelope.timestamp
        if match and match[1] in missing and _late(found, envelope, raw):
            missing.discard(match[1])
            if not missing:
                break
    return found.last_at is not None


def _late(found: Heading, envelope: Envelope, raw: bytes) -> bool:
    """Note one of the last records; whether it told what it is looked at for."""
    payload = envelope.payload
    if payload is None:
        return False
    if envelope.type == TURN:
        found.turn = payload_of(mapping(jsonl.decode(raw).value))
        return True
    if payload.type == "thread_name_updated":
        found.name = payload.thread_name or ""
        return True
    if payload.type != "token_count" or payload.info is None:
        return False
    last = payload.info.last_token_usage
    found.window = payload.info.model_context_window or found.window
    found.used = payload.info.total_token_usage
    found.fill = (last.total_tokens or last.input_tokens + last.output_tokens or None) if last else None
    return True


def usage(counts: Counts) -> Usage:
    """Tokens as the model has them: cached and written ones apart from the rest of the input."""
    cached, written = counts.cached_input_tokens, counts.cache_write_input_tokens
    return Usage(max(0, counts.input_tokens - cached - written), counts.output_tokens, cached, written)
