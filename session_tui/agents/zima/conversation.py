"""What a row says: its messages, one JSON text, and what stands in for their beginning."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import msgspec

from session_tui import tokens
from session_tui.adapters import jsonl, prompts, rows
from session_tui.adapters.database import among, stored_text
from session_tui.adapters.message_rows import decoded, plain, speaker
from session_tui.adapters.rows import Row
from session_tui.errors import StoreDamaged
from session_tui.model import Block, Message, Messages, Role, Session, Summary, Text, ToolCall, ToolResult

COUNTED_WHOLE: Final = 4_000_000
"""Bytes of messages up to which tokens are estimated from their words; beyond, from their length alone."""
MARKER: Final = re.compile(r"\[Previous conversation summary: (.*?)\]?\s*", re.DOTALL)
"""What stands in place of the system prompt after a compaction."""
_LOOKED_BACK: Final = 64
_OBJECT: Final = ord("{")


class _Blob(msgspec.Struct):
    messages: list[msgspec.Raw] | None = None


_blob = msgspec.json.Decoder(_Blob)


class Parts:
    """The records of a stored messages text, each still undecoded, by their position; and what is wrong with them."""

    def __init__(self, stored: object) -> None:
        found, self.problem = _parts(rows.raw(stored))
        self.records = [(number, part) for number, part in enumerate(found) if memoryview(part)[0] == _OBJECT]
        if not self.problem and len(self.records) < len(found):
            self.problem = f"{len(found) - len(self.records)} of its messages are no records"

    def described(self) -> Row:
        """What a list shows of them."""
        prompt = prompts.first_prompt(_message(part, "") for _, part in self.records)
        return {"records": len(self.records), "first_prompt": prompt, "problem": self.problem}


class Conversation:
    """What stands in for the beginning (system prompt, summary), then the messages by their position."""

    def __init__(self, parts: Parts, prompt: object, session: Session) -> None:
        self._parts = parts.records
        self._before: list[Message] = []
        self.summaries: tuple[Summary, ...] = ()
        text, lossy = decoded(prompt)
        marked = MARKER.fullmatch(text) is not None
        at = session.compacted_at
        if text:
            blocks = (Text(text),)
            self._before.append(Message(id="system", role=Role.SYSTEM, blocks=blocks, is_summary=marked, lossy=lossy))
        if session.summary and not marked:
            blocks = (Text(session.summary),)
            self._before.append(Message(id="summary", role=Role.SYSTEM, blocks=blocks, created_at=at, is_summary=True))
        if session.summary:
            self.summaries = (Summary(id=self._before[-1].id, content=session.summary, compacted_at=at),)

    def messages(self) -> Messages:
        """The messages, decoded when they are asked for."""
        weights = [len(message.text) for message in self._before]
        return Messages(weights + [len(part) for _, part in self._parts], self._message)

    def tokens(self) -> int:
        """About how many tokens the program would send; of very much text from its length alone."""
        size = sum([len(part) for _, part in self._parts])
        if size > COUNTED_WHOLE:
            return round(size / tokens.ASCII_PER_TOKEN)
        return sum(estimate(message.text) for message in self.messages())

    def _message(self, position: int) -> Message:
        position -= len(self._before)
        if position < 0:
            return self._before[position]
        number, part = self._parts[position]
        message = _message(part, str(number))
        if not message.blocks or not isinstance(message.blocks[0], ToolResult):
            return message
        called = self._called(message.blocks[0].call_id, position)
        return replace(message, blocks=(replace(message.blocks[0], name=called), *message.blocks[1:]))

    def _called(self, call: str, position: int) -> str:
        """The name of the tool that was called with the id ``call`` shortly before ``position``."""
        for _, part in reversed(self._parts[max(0, position - _LOOKED_BACK) : position] if call else []):
            for block in _message(part, "").blocks if call.encode() in bytes(part) else ():
                if isinstance(block, ToolCall) and block.id == call:
                    return block.name
        return ""


def stored_in(database: sqlite3.Connection, number: int) -> tuple[object, object]:
    """Messages and system prompt of a row as `plain` values.

    Raises:
        sqlite3.DatabaseError: they lie on damaged pages.
    """
    have = rows.columns(database, "sessions")
    messages = stored_text(database, "sessions", "messages", number)
    wanted = ("messages",) if messages is None else ()
    names = [name if name in have else "NULL" for name in ("system_prompt", *wanted)]
    with plain(database):
        found = database.execute(f"SELECT {', '.join(names)} FROM sessions WHERE {among([number])}").fetchone()
    prompt, *more = found or (None, None)
    return (more[0] if more else messages), prompt


def _parts(raw: bytes) -> tuple[list[msgspec.Raw], str]:
    """The entries of a stored messages text, each still undecoded, and what is wrong with it as a whole."""
    if not raw.strip():
        return [], ""
    try:
        return _blob.decode(raw).messages or [], ""
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _leniently(raw)


def _leniently(raw: bytes) -> tuple[list[msgspec.Raw], str]:
    try:
        value = jsonl.decode(raw).value
    except StoreDamaged as error:
        return [], f"its messages cannot be read: {error.what}"
    found = value.get("messages") if isinstance(value, Mapping) else value
    if found is None:
        return [], ""
    if not isinstance(found, list):
        return [], "its messages are no list"
    return [msgspec.Raw(msgspec.json.encode(item)) for item in found], ""


def _message(part: msgspec.Raw, id: str) -> Message:
    try:
        value = jsonl.decode(bytes(part))
    except StoreDamaged:
        text, lossy = decoded(bytes(part))
        return Message(id=id, role=Role.SYSTEM, blocks=(Text(text),), lossy=lossy)
    record = dict(rows.mapping(value.value))
    role, extra = speaker(record.pop("role", ""))
    content, calls, call = (
        text_of(record.pop("content", "")),
        record.pop("tool_calls", None),
        record.pop("tool_call_id", ""),
    )
    blocks: list[Block] = []
    if role is Role.TOOL:
        blocks.append(ToolResult(text_of(call), "", content))
    elif content:
        blocks.append(Text(content))
    blocks += [_call(item) for item in calls if isinstance(item, Mapping)] if isinstance(calls, list) else []
    return Message(id=id, role=role, blocks=tuple(blocks), lossy=value.lossy, extra=extra | record)


def _call(item: Mapping[str, object]) -> ToolCall:
    stored = item.get("arguments")
    try:
        value = jsonl.decode(stored.encode()).value if isinstance(stored, str) else stored
    except StoreDamaged:
        value = stored
    extra = {name: more for name, more in item.items() if name not in ("id", "name", "arguments")}
    return ToolCall(text_of(item.get("id")), text_of(item.get("name")), value, extra=extra)


# ── values ────────────────────────────────────────────────────────────────────────────────────────────


def mapping_in(stored: object) -> tuple[Mapping[str, object], str]:
    """The object in a stored JSON text, and what is wrong with it."""
    if not rows.raw(stored).strip():
        return {}, ""
    try:
        return rows.mapping(jsonl.decode(rows.raw(stored)).value), ""
    except StoreDamaged as error:
        return {}, f"its metadata cannot be read: {error.what}"


def text_of(value: object) -> str:
    """A JSON value that should be a text as one."""
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


def estimate(text: str) -> int:
    """What a message costs by the program's rule: 1.3 tokens a word, and four more."""
    return max(int(len(text.split()) * 1.3) + 4, 1)
