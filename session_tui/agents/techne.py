"""techne: one SQLite database per working directory, ``<cwd>/.techne/techne.db`` unless its settings say otherwise.

Messages are JSON lists of blocks. A compaction appends a ``system`` message with the summary, notes its id in the
session and keeps everything else: it stands for all but the six messages before it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final

from session_tui import tokens
from session_tui.adapters import jsonl, prompts, rows, settings, times
from session_tui.adapters.base import Root, Source, places
from session_tui.adapters.database import DatabaseAdapter, among, belonging, damage, flawed, rowid, tally, unnamed
from session_tui.adapters.message_rows import MessageRows, chronological, decoded, first_prompts, titled
from session_tui.adapters.parts import picture
from session_tui.adapters.rows import Row
from session_tui.errors import StoreDamaged
from session_tui.model import (
    Attachment,
    Block,
    Health,
    Image,
    Launch,
    Message,
    Messages,
    Problem,
    ReadFile,
    Refusal,
    Role,
    Session,
    SessionKey,
    SessionKind,
    Summary,
    Text,
    Thinking,
    TitleSource,
    TokenSource,
    ToolCall,
    ToolResult,
    Transcript,
)

DATABASE: Final = "techne.db"
PLACE: Final = ".techne"
VARIABLE: Final = "TECHNE_OPTIONS__DATA_DIRECTORY"
KEPT: Final = 6
"""How many messages before a summary the program leaves out of it."""
DEFAULT_WINDOW: Final = 128_000
"""The context window, in tokens, that the program assumes for a model it does not know."""
COUNTED_WHOLE: Final = 4_000_000
"""Bytes of messages up to which tokens are estimated from their blocks; beyond, from their length alone."""
FOLDED: Final = 80
"""Characters that a folded tool call or picture is drawn with."""
PLACEHOLDERS: Final = frozenset({"New Session", "Non-interactive"})
_SESSION = ("id", "title", "model", "provider", "summary_message_id", "created_at", "updated_at")
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("text",),
    "thinking": ("text", "signature"),
    "tool_call": ("id", "name", "input"),
    "tool_result": ("tool_call_id", "name", "content", "is_error"),
    "image": ("media_type", "data"),
}
_NO_BLOCKS = (None, b"", b"[]", b"null")


class Techne(DatabaseAdapter):
    """The sessions of ``techne``."""

    name: ClassVar[str] = "techne"
    label: ClassVar[str] = "Techne"
    mark: ClassVar[str] = "τ"
    color: ClassVar[str] = "#c2783f"
    program: ClassVar[str | None] = "techne"
    columns: ClassVar[frozenset[str]] = frozenset({"id", "title", "summary_message_id"})
    beneath: ClassVar[tuple[str, ...]] = (DATABASE, f"{PLACE}/{DATABASE}")
    belonging: ClassVar[tuple[str, ...]] = ("messages", "read_files", "permission_grants")

    # ── places ────────────────────────────────────────────────────────────────────────────────────────

    def roots(self) -> Sequence[Root]:
        """The databases of the directories around and mentioned, at the default place and at configured ones."""
        return places(self.world, self.name, self._defaults(), self.below)

    def below(self, path: Path) -> Iterator[Path]:
        """As for any database, and where the settings of a project directory say."""
        yield from super().below(path)
        if path.is_dir():
            yield from super().below(self._configured(path))

    def _defaults(self) -> Iterator[tuple[Path, str]]:
        for place in self.world.project_places():
            yield place / PLACE / DATABASE, "project"
            yield self._configured(place), VARIABLE if self.world.variable(VARIABLE) else "project"

    def _configured(self, directory: Path) -> Path:
        """The database that the program opens when it is started in ``directory``."""
        own, shared = directory / PLACE / "techne.json", self.world.home / ".config" / "techne" / "techne.json"
        said = (settings.text(settings.load(path), "options", "data_directory") for path in (own, shared))
        folder = self.world.environ.get(VARIABLE) or next(filter(None, said), PLACE)
        return directory / folder / DATABASE

    def _project(self, path: str) -> str | None:
        """The directory whose sessions a database holds, when it can be told."""
        if path.endswith(f"/{PLACE}/{DATABASE}"):
            return path.removesuffix(f"/{PLACE}/{DATABASE}") or "/"
        if not path.endswith(f"/{DATABASE}") or self._opens(Path("/"), path):
            return None
        return next((str(parent) for parent in Path(path).parent.parents if self._opens(parent, path)), None)

    def _opens(self, directory: Path, path: str) -> bool:
        return str(self._configured(directory).resolve()) == path

    # ── lists ─────────────────────────────────────────────────────────────────────────────────────────

    def entries(self, database: sqlite3.Connection, rowids: Sequence[int] | None) -> tuple[list[Row], str]:
        """The session rows with tallies of messages and read files."""
        more = sorted(rows.columns(database, "sessions").difference(_SESSION))
        found, fault = rows.select(database, "sessions", ("rowid", *_SESSION, *more), f"WHERE {among(rowids)}")
        messages, broken = tally(
            database,
            "messages",
            (
                "COUNT(*) AS messages",
                "MAX(rowid) AS newest_message",
                "MAX(created_at) AS said",
                "MIN(SUBSTR(created_at, -6)) <> MAX(SUBSTR(created_at, -6)) AS travelled",
                "SUM(LENGTH(CAST(content AS BLOB))) AS bytes",
            ),
            rowids,
        )
        read, _ = tally(database, "read_files", ("COUNT(*) AS files", "MAX(read_at) AS read_at"), rowids)
        for row in found:
            row["extra"] = unnamed(row, more)
            row.update(messages.get(row["id"], {}))
            row.update(read.get(row["id"], {}))
            if row.get("travelled"):
                row["said"] = _latest(database, rowid(row))
        return found, fault or broken

    def touched(self, entry: Row) -> datetime | None:
        """The later of the session's own time, which messages leave alone, and its newest message's."""
        said = (times.parse(entry["updated_at"]), times.parse(entry.get("said")))
        return max((moment for moment in said if moment), default=None)

    def details(self, database: sqlite3.Connection, path: str, entries: Sequence[Row]) -> Mapping[int, Row]:
        """The project, the first thing a person said in each session, and what a compaction archived."""
        wanted = [rowid(entry) for entry in entries if entry.get("messages")]
        said = first_prompts(database, wanted, _prompt, "+created_at, messages.rowid")
        project = self._project(path)
        found: dict[int, Row] = {}
        for entry in entries:
            found[rowid(entry)] = {"project": project, "first_prompt": said.get(rowid(entry), "")}
            pointer = rows.text(entry["summary_message_id"])
            if pointer:
                found[rowid(entry)] |= _Conversation(MessageRows(database, rowid(entry), "model"), pointer).counts()
        return found

    def session(self, key: SessionKey, path: str, entry: Row) -> Session:
        """The session that a row describes; the program's own titles give way to the first prompt."""
        title, prompt = rows.text(entry["title"]), str(entry.get("first_prompt", ""))
        kind = _kind(title)
        own = TitleSource.AGENT if kind is SessionKind.SUBAGENT else TitleSource.CUSTOM
        shown, title_source = titled(title, prompt, PLACEHOLDERS, own)
        model = rows.text(entry["model"])
        return Session(
            key=key,
            title=shown,
            title_source=title_source,
            first_prompt=prompt,
            project=rows.text(entry.get("project")) or None,
            model=model or None,
            provider=rows.text(entry["provider"]) or None,
            kind=kind,
            created_at=times.parse(entry["created_at"]),
            updated_at=self.touched(entry),
            message_count=rows.integer(entry.get("message_count", entry.get("messages"))) or 0,
            archived_count=rows.integer(entry.get("archived_count")) or 0,
            context_window=tokens.window(model) or DEFAULT_WINDOW,
            compaction_count=rows.integer(entry.get("compaction_count")) or 0,
            summary_message_id=rows.text(entry["summary_message_id"]) or None,
            size_bytes=rows.integer(entry.get("bytes")) or 0,
            path=path,
            extra=rows.mapping(entry["extra"]),
        )

    # ── one session ───────────────────────────────────────────────────────────────────────────────────

    def read(self, source: Source) -> Transcript:
        """The session with all its messages and the files its agent read.

        Raises:
            StoreError: it cannot be read at all.
        """
        return rows.read(Path(source.path), lambda database: self._transcript(database, source))

    def _transcript(self, database: sqlite3.Connection, source: Source) -> Transcript:
        entry, session = self.entry(database, source)
        found = MessageRows(database, rowid(entry), "model")
        conversation = _Conversation(found, session.summary_message_id or "")
        own = f"WHERE {belonging([rowid(entry)])} ORDER BY read_at"
        read, _ = rows.select(database, "read_files", ("path", "read_at"), own)
        problems = [damage(source.path, found.fault)] if found.fault and session.health is Health.CLEAN else []
        if conversation.misses_summary:
            what = f"the summary message {session.summary_message_id} is not among the messages"
            problems.append(Problem(source.path, what, "all messages count as active"))
        counts, summaries = conversation.counts(), conversation.summaries()
        current = (summary.content for summary in summaries if summary.id == session.summary_message_id)
        session = replace(
            flawed(session, problems),
            message_count=counts["message_count"],
            archived_count=counts["archived_count"],
            compaction_count=counts["compaction_count"],
            token_count=conversation.tokens(),
            token_source=TokenSource.ESTIMATED,
            summary=next(current, None),
        )
        return Transcript(
            session=session,
            messages=conversation.messages(),
            summaries=summaries,
            files_read=tuple(ReadFile(rows.text(row["path"]), times.parse(row["read_at"])) for row in read),
            unknown_records=conversation.unknown(),
        )

    # ── continuing ────────────────────────────────────────────────────────────────────────────────────

    def resume(self, session: Session) -> Launch | Refusal:
        """By id, with the session's own provider and model, from where the program opens this very database."""
        folder, name = Path(session.path).parent, Path(session.path).name
        if name != DATABASE:
            return Refusal(f"techne opens only files named {DATABASE}", f"rename or copy {name} to {DATABASE}")
        if session.health is Health.UNREADABLE:
            return Refusal("the session cannot be read", "see what is wrong: session-tui doctor")
        argv = ["techne", "--session", session.key.id]
        for option, value in (("--provider", session.provider), ("--model", session.model)):
            argv += [option, value] if value else []
        found = self._opens(Path(session.project or "/"), session.path)
        return Launch(tuple(argv), session.project, {} if found else {VARIABLE: str(folder)})


# ── one session's messages ────────────────────────────────────────────────────────────────────────────


class _Conversation:
    """Messages in the order of their times, but each summary right after the range it stands for.

    The program writes system messages for summaries alone; in a session that points to one, those with text
    are summaries, the earlier ones too.
    """

    def __init__(self, found: MessageRows, pointer: str) -> None:
        self._found, self._records = found, found.records
        self._sizes = [len(content) if isinstance(content := record[3], bytes) else 0 for record in found.records]
        self._is_small = sum(self._sizes) <= COUNTED_WHOLE
        speakers = [record[2] for record in found.records]
        systems = [position for position, role in enumerate(speakers) if role == b"system"] if pointer else []
        self._summaries = {position for position in systems if found.records[position][3] not in _NO_BLOCKS}
        last = next((position for position in systems if decoded(found.records[position][1])[0] == pointer), None)
        self.misses_summary = bool(pointer and found.records and last is None)
        self._covered = 0 if last is None else _covered(last)
        self._order = sorted(range(len(found.records)), key=self._place) if systems else range(len(found.records))

    def _place(self, position: int) -> tuple[int, int, int]:
        moved = position in self._summaries and _covered(position) > 0
        return (_covered(position), 0, position) if moved else (position, 1, position)

    def counts(self) -> dict[str, int]:
        """How many messages there are, how many of them are archived, and how many compactions there were."""
        covered = sum(position < self._covered for position in self._summaries)
        return {
            "message_count": len(self._records) - len(self._summaries),
            "archived_count": self._covered - covered,
            "compaction_count": len(self._summaries),
        }

    def messages(self) -> Messages:
        """The messages, decoded when they are asked for."""
        return Messages([_weight(self._records[position][3]) for position in self._order], self._message)

    def _message(self, index: int) -> Message:
        position = self._order[index]
        blocks, lossy = _blocks(self._records[position][3])
        archived, is_summary = position < self._covered, position in self._summaries
        message = self._found.message(position, blocks, archived=archived, is_summary=is_summary, lossy=lossy)
        model = decoded(self._records[position][5])[0]
        return replace(message, model=model) if model else message

    def summaries(self) -> tuple[Summary, ...]:
        """The summaries, with the ids of the messages that each stands for."""
        return tuple(self._summary(index) for index in range(len(self._order)) if self._order[index] in self._summaries)

    def _summary(self, index: int) -> Summary:
        message, covered = self._message(index), _covered(self._order[index])
        ids = [decoded(self._records[i][1])[0] for i in range(covered) if i not in self._summaries]
        span = f"Messages 1-{covered}" if covered else ""
        return Summary(
            id=message.id,
            content=message.text,
            message_range=span,
            original_ids=tuple(ids),
            compacted_at=message.created_at,
        )

    def tokens(self) -> int:
        """About how many tokens the active messages cost, by the program's own rule."""
        if self._is_small:
            return sum(estimate(_blocks(record[3])[0]) for record in self._records[self._covered :])
        return sum([size // 4 + 4 for size in self._sizes[self._covered :]])

    def unknown(self) -> dict[str, int]:
        """How many blocks of each unknown type there are; not looked for where there is very much."""
        found: dict[str, int] = {}
        for record in self._records if self._is_small else ():
            for block in _blocks(record[3])[0]:
                if isinstance(block, Attachment):
                    found[block.name] = found.get(block.name, 0) + 1
        return found


def _covered(position: int) -> int:
    """How many messages from the first one a summary at ``position`` stands for."""
    return max(0, position - KEPT)


def _weight(content: object) -> int:
    stored = content if isinstance(content, bytes) else rows.raw(content)
    if stored.startswith(b'[{"type":"tool_result"'):
        return FOLDED
    ends = [end for mark in (b'{"type":"tool_call"', b'{"type":"image"') if (end := stored.find(mark)) >= 0]
    return min(ends) + FOLDED if ends else len(stored)


def estimate(blocks: Sequence[Block]) -> int:
    """What a message of ``blocks`` costs by the program's rule: a token for every four bytes begun, and four more."""
    return sum(-(-_length(block) // 4) for block in blocks) + 4


def _length(block: Block) -> int:
    match block:
        case Text(text=text) | Thinking(text=text) | ToolResult(text=text):
            return len(text.encode("utf-8", "replace"))
        case ToolCall(name=name, input=value):
            return len(name.encode()) + len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
        case Image(size=size):
            return -(-size // 3) * 4
        case _:
            return 0


# ── blocks ────────────────────────────────────────────────────────────────────────────────────────────


def _blocks(content: object) -> tuple[tuple[Block, ...], bool]:
    """The blocks of a stored content, and whether invalid text was replaced; what is no list of blocks is text."""
    try:
        value = jsonl.decode(rows.raw(content))
    except StoreDamaged:
        text, lossy = decoded(content)
        return ((Text(text),) if text else ()), lossy
    if value.value is None:
        return (), False
    if not isinstance(value.value, list) or not all(isinstance(item, dict) for item in value.value):
        text, lossy = decoded(content)
        return (Text(text),), lossy
    return tuple(_block(item) for item in value.value), value.lossy


def _block(item: dict[str, object]) -> Block:
    kind = str(item.get("type"))
    inner = item if kind == "text" else rows.mapping(item.get(kind))
    known = ("type", kind, *_FIELDS.get(kind, ()))
    extra = {name: value for name, value in (item | dict(inner)).items() if name not in known}
    first, second, third, *_ = (*(_text(inner.get(field)) for field in _FIELDS.get(kind, ())), "", "", "")
    match kind:
        case "text":
            return Text(first, extra=extra)
        case "thinking":
            return Thinking(first, second, extra=extra)
        case "tool_call":
            return ToolCall(first, second, inner.get("input"), extra=extra)
        case "tool_result":
            return ToolResult(first, second, third, is_error=inner.get("is_error") is True, extra=extra)
        case "image":
            return picture(first, second, extra)
        case _:
            return Attachment(kind, extra={"block": item})


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


# ── values ────────────────────────────────────────────────────────────────────────────────────────────


def _prompt(content: object) -> str:
    """What a person said in a stored content, empty where it holds no text of theirs."""
    return prompts.first_prompt([Message(id="", role=Role.USER, blocks=_blocks(content)[0])])


def _latest(database: sqlite3.Connection, session: int) -> object:
    """The latest time of a session whose times have several UTC offsets, so that their texts do not tell."""
    found = database.execute(f"SELECT created_at FROM messages WHERE {belonging([session])}").fetchall()
    said = [row["created_at"] for row in found]
    return said[chronological([rows.raw(moment) for moment in said])[-1]]


def _kind(title: str) -> SessionKind:
    if title.startswith("[sub-agent:"):
        return SessionKind.SUBAGENT
    return SessionKind.HEADLESS if title == "Non-interactive" else SessionKind.MAIN
