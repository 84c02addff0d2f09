"""ZimaOS: one database of the server, ``~/.zimaos-blue/data/blue.db``, with a row per agent, channel, peer and thread.

A row holds all messages as one JSON text, without times or ids. A compaction throws messages away: its summary
stands in the metadata, and in place of the system prompt.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final

import msgspec

from session_tui import tokens
from session_tui.adapters import jsonl, prompts, rows, settings, times
from session_tui.adapters.base import Root, Source, places
from session_tui.adapters.database import DatabaseAdapter, among, damage, flawed, rowid, unnamed
from session_tui.adapters.message_rows import decoded, plain, speaker, titled
from session_tui.adapters.rows import Row
from session_tui.errors import StoreDamaged
from session_tui.model import (
    Block,
    Message,
    Messages,
    Problem,
    Refusal,
    Role,
    Scope,
    Session,
    SessionKey,
    SessionState,
    Summary,
    Text,
    TokenSource,
    ToolCall,
    ToolResult,
    Transcript,
)

DATABASES: Final = ("blue.db", "sessions.db")
CONFIGS: Final = ("config.yaml", "config.yml")
SYSTEM_CONFIG: Final = Path("/etc/zimaos-blue")
LEGACY_BUDGET: Final = 8000
"""A token budget that the program takes for "not set", as it does zero."""
ANSWER_SECONDS: Final = 0.05
COUNTED_WHOLE: Final = 4_000_000
"""Bytes of messages up to which tokens are estimated from their words; beyond, from their length alone."""
_SESSION = (
    "id",
    "agent_id",
    "channel_id",
    "peer_id",
    "thread_id",
    "state",
    "metadata",
    "system_prompt",
    "created_at",
    "updated_at",
    "last_active_at",
    "compacted_at",
)
_STATES = dict(enumerate(("active", "idle", "compacting", "suspended", "archived")))
_MARKER = re.compile(r"\[Previous conversation summary: (.*?)\]?\s*", re.DOTALL)
_HOME = re.compile(r"\.zimaos-blue(-.+)?")
_LOOKED_BACK: Final = 64


class _Blob(msgspec.Struct):
    messages: list[msgspec.Raw] | None = None


_blob = msgspec.json.Decoder(_Blob)


class Zima(DatabaseAdapter):
    """The sessions of the ZimaOS agent server."""

    name: ClassVar[str] = "zima"
    label: ClassVar[str] = "ZimaOS"
    mark: ClassVar[str] = "◈"
    color: ClassVar[str] = "#4f86f7"
    columns: ClassVar[frozenset[str]] = frozenset({"id", "agent_id", "channel_id", "peer_id"})
    beneath: ClassVar[tuple[str, ...]] = tuple(
        f"{place}{name}" for place in ("", "data/", ".zimaos-blue/data/") for name in DATABASES
    )

    # ── places ────────────────────────────────────────────────────────────────────────────────────────

    def roots(self) -> Sequence[Root]:
        """The databases of the server and its profiles, at the default place and at configured ones."""
        return places(self.world, self.name, self._defaults(), self.below)

    def _defaults(self) -> Iterator[tuple[Path, str]]:
        homes = [path for path in sorted(self.world.home.glob(".zimaos-blue*")) if _HOME.fullmatch(path.name)]
        for home in homes:
            for name in DATABASES:
                yield home / "data" / name, "default"
            yield from ((path, "default") for path in _configured(home, home / "data"))
        for folder in (self.world.cwd, self.world.cwd / "config", SYSTEM_CONFIG):
            yield from ((path, "default") for path in _configured(folder, self.world.home / ".zimaos-blue" / "data"))

    def _settings(self, path: str) -> Mapping[str, object]:
        """The settings of the server that a database belongs to: those beside its data, else the general ones."""
        home = Path(path).parent.parent
        folders = (home, self.world.cwd, self.world.cwd / "config", SYSTEM_CONFIG, self.world.home / ".zimaos-blue")
        found = (settings.load(folder / name, mentioning=":") for folder in folders for name in CONFIGS)
        return next((config for config in found if "session" in config or "server" in config), {})

    # ── lists ─────────────────────────────────────────────────────────────────────────────────────────

    def entries(self, database: sqlite3.Connection, rowids: Sequence[int] | None) -> tuple[list[Row], str]:
        """The session rows with the length of their messages."""
        have = rows.columns(database, "sessions")
        more = sorted(have.difference(_SESSION, ("messages",)))
        found, fault = rows.select(database, "sessions", ("rowid", *_SESSION, *more), f"WHERE {among(rowids)}")
        size = "LENGTH(CAST(messages AS BLOB))" if "messages" in have else "0"
        sizes: dict[object, object] = {}
        try:
            query = f"SELECT rowid, {size} AS bytes FROM sessions WHERE {among(rowids)}"
            sizes = {row["rowid"]: row["bytes"] for row in database.execute(query)}
        except sqlite3.DatabaseError as error:
            fault = fault or str(error)
        for row in found:
            row["extra"] = unnamed(row, more)
            row["bytes"] = sizes.get(row["rowid"])
        return found, fault

    def details(self, database: sqlite3.Connection, path: str, entries: Sequence[Row]) -> Mapping[int, Row]:
        """How many messages each session has, the first thing a person said in it, and what is wrong with them."""
        budget, wanted = self._budget(path), [rowid(entry) for entry in entries]
        with plain(database):
            found = database.execute(f"SELECT rowid, messages FROM sessions WHERE {among(wanted)}")
            return {number: {"budget": budget} | _Parts(stored).described() for number, stored in found}

    def touched(self, entry: Row) -> datetime | None:
        """When the session was last active."""
        return times.parse(entry["last_active_at"])

    def session(self, key: SessionKey, path: str, entry: Row) -> Session:
        """The session that a row describes."""
        metadata, problem = _mapping(entry["metadata"])
        prompt, title = str(entry.get("first_prompt", "")), _text(metadata.get("title"))
        shown, title_source = titled(title, prompt)
        system, recorded = rows.text(entry["system_prompt"]), rows.integer(metadata.get("token_count"))
        marked = _MARKER.fullmatch(system)
        agent, channel, peer, thread = (
            rows.text(entry[f"{part}_id"]) for part in ("agent", "channel", "peer", "thread")
        )
        state, budget, active_at = rows.integer(entry["state"]), rows.integer(entry.get("budget")), self.touched(entry)
        tags = metadata.get("tags")
        unknown = {} if state in _STATES else {"state": entry["state"]}
        session = Session(
            key=key,
            title=shown,
            title_source=title_source,
            first_prompt=prompt,
            state=SessionState(_STATES.get(-1 if state is None else state, "unknown")),
            scope=Scope(agent, channel, peer, thread or None),
            created_at=times.parse(entry["created_at"]),
            updated_at=active_at,
            last_active_at=active_at,
            compacted_at=times.parse(entry["compacted_at"]),
            message_count=(rows.integer(entry.get("records")) or 0) + bool(system and not marked),
            archived_count=0,
            token_count=recorded,
            token_source=TokenSource.NONE if recorded is None else TokenSource.RECORDED,
            context_window=budget,
            max_tokens=budget,
            compaction_count=rows.integer(metadata.get("compaction_count")) or 0,
            summary=_text(metadata.get("summary")) or (marked[1] if marked else None),
            tags=tuple(_text(tag) for tag in tags) if isinstance(tags, list) else (),
            metadata=metadata,
            custom_data=rows.mapping(metadata.get("custom_data")),
            size_bytes=(rows.integer(entry["bytes"]) or 0) + len(rows.raw(entry["system_prompt"])),
            path=path,
            extra={"updated_at": rows.text(entry["updated_at"])} | unknown | dict(rows.mapping(entry["extra"])),
        )
        whats = [what for what in (problem, str(entry.get("problem", ""))) if what]
        return flawed(session, [Problem(path, what, "what could be read is shown") for what in whats])

    def _budget(self, path: str) -> int:
        """The token budget of sessions, as the program sets it right."""
        said = settings.at(self._settings(path), "session", "max_tokens")
        return said if isinstance(said, int) and said > 0 and said != LEGACY_BUDGET else tokens.DEFAULT_WINDOW

    # ── one session ───────────────────────────────────────────────────────────────────────────────────

    def read(self, source: Source) -> Transcript:
        """The session with all its messages; the system prompt, or the summary in its place, is the first one.

        Raises:
            StoreError: it cannot be read at all.
        """
        return rows.read(Path(source.path), lambda database: self._transcript(database, source))

    def _transcript(self, database: sqlite3.Connection, source: Source) -> Transcript:
        entry, fault = self.row(database, source)
        stored, prompt = _stored(database, rowid(entry))
        parts = _Parts(stored)
        entry |= {"budget": self._budget(source.path)} | parts.described()
        session = self.session(source.key, source.path, entry)
        conversation = _Conversation(parts, prompt, session)
        if session.token_count is None:
            session = replace(session, token_count=conversation.tokens(), token_source=TokenSource.ESTIMATED)
        return Transcript(
            session=flawed(session, [damage(source.path, fault)] if fault else []),
            messages=conversation.messages(),
            summaries=conversation.summaries,
        )

    # ── continuing ────────────────────────────────────────────────────────────────────────────────────

    def resume(self, session: Session) -> Refusal:
        """Always a refusal: a session goes on when its peer writes again."""
        channel = session.scope.channel if session.scope else "its"
        hint = f"write again from the same peer on the {channel} channel, or hand the session off to another agent"
        return Refusal("no terminal command resumes a ZimaOS session", hint)

    def live(self, session: Session) -> bool | None:
        """True when the server answers on its configured port; it saves its sessions over any change of ours."""
        said = self.world.environ.get("BLUE_SERVER_PORT") or settings.at(self._settings(session.path), "server", "port")
        port = rows.integer(said) or 0
        if not 0 < port < 1 << 16:
            return None
        import socket

        try:
            socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS).close()
        except OSError:
            return None
        return True


def estimate(text: str) -> int:
    """What a message costs by the program's rule: 1.3 tokens a word, and four more."""
    return max(int(len(text.split()) * 1.3) + 4, 1)


# ── one session's messages ────────────────────────────────────────────────────────────────────────────


class _Parts:
    """The records of a stored messages text, each still undecoded, by their position; and what is wrong with them."""

    def __init__(self, stored: object) -> None:
        found, self.problem = _parts(rows.raw(stored))
        self.records = [(number, part) for number, part in enumerate(found) if bytes(memoryview(part)[:1]) == b"{"]
        if not self.problem and len(self.records) < len(found):
            self.problem = f"{len(found) - len(self.records)} of its messages are no records"

    def described(self) -> Row:
        """What a list shows of them."""
        prompt = prompts.first_prompt(_message(part, "") for _, part in self.records)
        return {"records": len(self.records), "first_prompt": prompt, "problem": self.problem}


class _Conversation:
    """What stands in for the beginning (system prompt, summary), then the messages by their position."""

    def __init__(self, parts: _Parts, prompt: object, session: Session) -> None:
        self._parts = parts.records
        self._before: list[Message] = []
        self.summaries: tuple[Summary, ...] = ()
        text, lossy = decoded(prompt)
        marked = _MARKER.fullmatch(text) is not None
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
        return Messages(weights + [memoryview(part).nbytes for _, part in self._parts], self._message)

    def tokens(self) -> int:
        """About how many tokens the program would send; of very much text from its length alone."""
        size = sum(memoryview(part).nbytes for _, part in self._parts)
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


def _stored(database: sqlite3.Connection, number: int) -> tuple[object, object]:
    """Messages and system prompt of a row as `plain` values; nothing where its pages are damaged or it has none."""
    have = rows.columns(database, "sessions")
    names = (name if name in have else "NULL" for name in ("messages", "system_prompt"))
    try:
        with plain(database):
            found = database.execute(f"SELECT {', '.join(names)} FROM sessions WHERE {among([number])}").fetchone()
    except sqlite3.DatabaseError:
        # The fault was met before, when the row's length was asked for, and is told from there.
        found = None
    return found or (None, None)


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
        _text(record.pop("content", "")),
        record.pop("tool_calls", None),
        record.pop("tool_call_id", ""),
    )
    blocks: list[Block] = []
    if role is Role.TOOL:
        blocks.append(ToolResult(_text(call), "", content))
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
    return ToolCall(_text(item.get("id")), _text(item.get("name")), value, extra=extra)


# ── values ────────────────────────────────────────────────────────────────────────────────────────────


def _configured(folder: Path, data: Path) -> Iterator[Path]:
    """Where the settings in ``folder`` put the database; a relative path keeps only its name, in ``data``."""
    for name in CONFIGS:
        said = settings.text(settings.load(folder / name, mentioning="persistence"), "session", "persistence", "path")
        if said:
            yield Path(said) if Path(said).is_absolute() else data / Path(said).name


def _mapping(stored: object) -> tuple[Mapping[str, object], str]:
    if not rows.raw(stored).strip():
        return {}, ""
    try:
        return rows.mapping(jsonl.decode(rows.raw(stored)).value), ""
    except StoreDamaged as error:
        return {}, f"its metadata cannot be read: {error.what}"


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()
