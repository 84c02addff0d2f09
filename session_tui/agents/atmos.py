"""atmos: one SQLite database per project, ``<base path>/.atmos/sessions/sessions.db`` unless ``atmos.yaml`` says
otherwise. Messages are plain text; a compaction flags the old rows and adds a summary row.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Final

from session_tui import tokens
from session_tui.adapters import jsonl, prompts, rows, settings, times
from session_tui.adapters.base import Root, Source, places
from session_tui.adapters.database import DatabaseAdapter, among, belonging, damage, flawed, rowid, tally, unnamed
from session_tui.adapters.message_rows import MessageRows, decoded, first_prompts, titled
from session_tui.adapters.rows import Row
from session_tui.errors import StoreDamaged, StoreError
from session_tui.model import (
    ContextItem,
    Launch,
    Message,
    Messages,
    Problem,
    Refusal,
    Role,
    Session,
    SessionKey,
    Summary,
    Text,
    TitleSource,
    TokenSource,
    Transcript,
)

DATABASE: Final = "sessions.db"
PLACE: Final = ".atmos/sessions"
CONFIGS: Final = ("atmos.yaml", "atmos.yml", ".atmos.yaml", ".atmos.yml")
COUNTED_WHOLE: Final = 4_000_000
"""Bytes of messages up to which tokens are estimated from the text; beyond, from its length alone."""
_SESSION = ("id", "name", "project_path", "model", "provider", "skill", "created_at", "updated_at", "metadata")
_SUMMARY = (
    "id",
    "provider",
    "original_message_ids",
    "message_range",
    "summary_content",
    "token_count",
    "compacted_at",
)
_CONTEXT = ("context_type", "context_key", "context_value")
_AUTOMATIC_NAME = re.compile(r"session-\d{8}-\d{6}")
_RANGE = re.compile(r"Messages (\d+)-(\d+)")
# Go reads no zone abbreviation of four digits but +0000, so these rows fail when the program loads them.
_UNREADABLE_TIME = (
    "created_at GLOB '* [+-][0-9][0-9][0-9][0-9] [+-][0-9][0-9][0-9][0-9]*' AND created_at NOT GLOB '* +0000 +0000*'"
)


class Atmos(DatabaseAdapter):
    """The sessions of ``atmos ai``."""

    name: ClassVar[str] = "atmos"
    label: ClassVar[str] = "Atmos"
    mark: ClassVar[str] = "▲"
    color: ClassVar[str] = "#3f8fd2"
    program: ClassVar[str | None] = "atmos"
    columns: ClassVar[frozenset[str]] = frozenset({"id", "name", "project_path"})
    beneath: ClassVar[tuple[str, ...]] = (DATABASE, f"sessions/{DATABASE}", f"{PLACE}/{DATABASE}")
    belonging: ClassVar[tuple[str, ...]] = ("messages", "session_context", "message_summaries")

    # ── places ────────────────────────────────────────────────────────────────────────────────────────

    def roots(self) -> Sequence[Root]:
        """The databases of the projects around and mentioned, at the default place and at configured ones."""
        return places(self.world, self.name, self._defaults(), self.below)

    def below(self, path: Path) -> Iterator[Path]:
        """As for any database, and where ``atmos.yaml`` of a project directory says."""
        yield from super().below(path)
        for place in _configured(path, path):
            yield from super().below(place)

    def _defaults(self) -> Iterator[tuple[Path, str]]:
        shared = [self.world.home / ".atmos", self.world.home / ".config" / "atmos"]
        named = self.world.variable("ATMOS_CLI_CONFIG_PATH")
        base = self.world.variable("ATMOS_BASE_PATH")
        for place in (*([base] if base else []), *self.world.project_places()):
            yield place / PLACE / DATABASE, "project"
            for folder in (place, *([named] if named else []), *shared):
                yield from ((path, "project") for path in _configured(folder, place))

    # ── lists ─────────────────────────────────────────────────────────────────────────────────────────

    def entries(self, database: sqlite3.Connection, rowids: Sequence[int] | None) -> tuple[list[Row], str]:
        """The session rows with tallies of messages, summaries and context."""
        have = rows.columns(database, "sessions")
        more = sorted(have.difference(_SESSION))
        found, fault = rows.select(database, "sessions", ("rowid", *_SESSION, *more), f"WHERE {among(rowids)}")
        archived = "archived" in rows.columns(database, "messages")
        tables = {
            "messages": (
                "COUNT(*) AS messages",
                "MAX(rowid) AS newest_message",
                "SUM(LENGTH(CAST(content AS BLOB))) AS bytes",
                "SUM(COALESCE(archived, 0) <> 0) AS archived_messages" if archived else "0 AS archived_messages",
            ),
            "message_summaries": (
                "COUNT(*) AS summaries",
                "MAX(compacted_at) AS compacted",
                "SUM(LENGTH(CAST(summary_content AS BLOB))) AS summary_bytes",
            ),
            "session_context": ("COUNT(*) AS contexts", "SUM(LENGTH(CAST(context_value AS BLOB))) AS context_bytes"),
        }
        tallies = {table: tally(database, table, fields, rowids) for table, fields in tables.items()}
        for row in found:
            row["extra"] = unnamed(row, more)
            for answer, _ in tallies.values():
                row.update(answer.get(row["id"], {}))
        return found, fault or tallies["messages"][1]

    def details(self, database: sqlite3.Connection, path: str, entries: Sequence[Row]) -> Mapping[int, Row]:
        """The first thing a person said in each session."""
        wanted = [rowid(entry) for entry in entries if entry.get("messages")]
        found = first_prompts(database, wanted, _prompt, "messages.rowid")
        return {number: {"first_prompt": prompt} for number, prompt in found.items()}

    def session(self, key: SessionKey, path: str, entry: Row) -> Session:
        """The session that a row describes; a name that the program made up counts as the agent's."""
        name, prompt = rows.text(entry["name"]), str(entry.get("first_prompt", ""))
        source = TitleSource.AGENT if _AUTOMATIC_NAME.fullmatch(name) else TitleSource.CUSTOM
        title, source = titled(name, prompt, source=source)
        metadata, problems = _metadata(entry["metadata"], path)
        summaries = rows.integer(entry.get("summaries")) or 0
        model = rows.text(entry["model"]) or None
        session = Session(
            key=key,
            title=title,
            title_source=source,
            first_prompt=prompt,
            project=_project(path, rows.text(entry["project_path"])),
            model=model,
            provider=rows.text(entry["provider"]) or None,
            skill=rows.text(entry["skill"]) or None,
            created_at=times.parse(entry["created_at"]),
            updated_at=times.parse(entry["updated_at"]),
            compacted_at=times.parse(entry.get("compacted")),
            message_count=rows.integer(entry.get("messages")) or 0,
            archived_count=rows.integer(entry.get("archived_messages")) or 0,
            context_window=tokens.window(model),
            compaction_count=summaries,
            metadata=metadata,
            size_bytes=sum(rows.integer(entry.get(name)) or 0 for name in ("bytes", "summary_bytes", "context_bytes")),
            path=path,
            extra=rows.mapping(entry["extra"]),
        )
        return flawed(session, problems)

    # ── one session ───────────────────────────────────────────────────────────────────────────────────

    def read(self, source: Source) -> Transcript:
        """The session with all its messages, context and summaries.

        Raises:
            StoreError: it cannot be read at all.
        """
        return rows.read(Path(source.path), lambda database: self._transcript(database, source))

    def _transcript(self, database: sqlite3.Connection, source: Source) -> Transcript:
        entry, session = self.entry(database, source)
        own = f"WHERE {belonging([rowid(entry)])} ORDER BY rowid"
        found = MessageRows(database, rowid(entry), "archived")
        condensed, _ = rows.select(database, "message_summaries", ("rowid", *_SUMMARY), own)
        context, _ = rows.select(database, "session_context", _CONTEXT, own)
        conversation = _Conversation(found, condensed)
        session = replace(
            flawed(session, [damage(source.path, found.fault)] if found.fault and not session.problems else []),
            message_count=len(found.records),
            archived_count=conversation.archived_count,
            token_count=conversation.tokens(),
            token_source=TokenSource.ESTIMATED,
            summary=conversation.summaries[-1].content if condensed else None,
        )
        items = (tuple(rows.text(row[name]) for name in _CONTEXT) for row in context)
        return Transcript(
            session=session,
            messages=conversation.messages(),
            summaries=tuple(conversation.summaries),
            context=tuple(ContextItem(*item) for item in items),
        )

    # ── continuing ────────────────────────────────────────────────────────────────────────────────────

    def resume(self, session: Session) -> Launch | Refusal:
        """By name and from the session's project, as the program finds it; not where it would find another."""
        try:
            catalogue = _catalogue(session.path, rows.stamp(Path(session.path)))
        except StoreError as error:
            return Refusal(f"its database cannot be read: {error.what}", error.hint)
        mine = catalogue.names.get(session.key.id)
        if mine is None:
            return Refusal("the session is no longer in its database", "refresh the list")
        name, base = mine
        if not name.strip():
            return Refusal("the session has no name to continue it by", "rename it first")
        if "\0" in name or "\ufffd" in name:
            return Refusal("its name holds bytes that no command line can carry", "rename it first")
        if catalogue.latest[mine] != session.key.id:
            return Refusal(f"a newer session of this project is named {name!r} too", "rename one of the two first")
        launch = _launch(session.path, base, ("atmos", "ai", "chat", f"--session={name}"))
        return replace(launch, warning=launch.warning or catalogue.warning(session.key.id))


# ── places ────────────────────────────────────────────────────────────────────────────────────────────


def _configured(folder: Path, project: Path) -> Iterator[Path]:
    """Where the configuration in ``folder`` puts the database of ``project``, when it says anything of it."""
    for name in CONFIGS:
        found = settings.load(folder / name, mentioning="ai:")
        where = settings.text(found, "ai", "sessions", "path")
        base = settings.text(found, "base_path")
        if where or base:
            yield project / base / (where or PLACE) / DATABASE


@lru_cache(64)
def _default_holder(database: str) -> Path | None:
    folder = Path(database).parent
    return folder.parent.parent if folder.match(PLACE) else None


def _holder(database: str) -> Path | None:
    """The base path that a database lies under; unknown for one at a place of its own."""
    path = Path(database)
    configured = (parent for parent in path.parents if path in _configured(parent, parent))
    return _default_holder(database) or next(configured, None)


def _above(holder: Path, base: str) -> Path | None:
    """The directory from which the relative path ``base`` leads to ``holder``, when it does."""
    parts = Path(base).parts
    if parts and holder.parts[-len(parts) :] != parts:
        return None
    return Path(*holder.parts[: len(holder.parts) - len(parts)])


def _project(database: str, base: str) -> str | None:
    """The project directory of sessions made with the base path ``base``, when it can be told."""
    if base.startswith("/"):
        return base
    holder = _holder(database)
    if holder is None:
        return None
    return str(holder if _above(holder, base) else (holder / base).resolve())


def _launch(database: str, base: str, argv: Sequence[str]) -> Launch:
    """``argv`` started so that the program takes ``base`` for its base path, as the session's row has it."""
    if not base.startswith("/"):
        holder = _holder(database)
        return Launch(tuple(argv), str(_above(holder, base) or holder) if holder else None)
    holder = _default_holder(database)
    if holder is not None and holder == Path(base).resolve() and not any(_configured(holder, holder)):
        return Launch(tuple(argv), base)
    lost = holder is not None and holder != Path(base).resolve()
    warning = f"it was found in {holder}, but atmos looks for it in {base}" if lost else ""
    return Launch((*argv, "--base-path", base), base, warning=warning)


@dataclass(frozen=True, slots=True)
class _Catalogue:
    """The name and raw project path of each session, the latest id of each such pair, and the ids of those
    with message times that the program cannot read."""

    names: Mapping[str, tuple[str, str]]
    latest: Mapping[tuple[str, str], str]
    untimely: frozenset[str]

    def warning(self, id: str) -> str:
        """What to say of a session that the program opens without its messages."""
        return "atmos cannot read the times of its messages and will show it empty" if id in self.untimely else ""


@lru_cache(16)
def _catalogue(path: str, stamp: str) -> _Catalogue:
    def ask(database: sqlite3.Connection) -> _Catalogue:
        wanted = ("rowid", "id", "name", "project_path", "updated_at")
        # The program takes the first by the text of updated_at.
        found, _ = rows.select(database, "sessions", wanted, "ORDER BY updated_at, rowid DESC")
        names = {rows.text(row["id"]): (rows.text(row["name"]), rows.text(row["project_path"])) for row in found}
        latest = {pair: id for id, pair in names.items()}
        bad, _ = rows.select(database, "messages", ("session_id",), f"WHERE {_UNREADABLE_TIME} GROUP BY session_id")
        return _Catalogue(names, latest, frozenset(rows.text(row["session_id"]) for row in bad))

    return rows.read(Path(path), ask)


# ── values ────────────────────────────────────────────────────────────────────────────────────────────


def _prompt(content: object) -> str:
    text = rows.text(content)
    return text if text.strip() and not prompts.is_injected(text) else ""


def _metadata(stored: object, path: str) -> tuple[Mapping[str, object], list[Problem]]:
    if stored in (None, "", "null"):
        return {}, []
    try:
        value = jsonl.decode(rows.raw(stored)).value
    except StoreDamaged as error:
        return {}, [Problem(path, f"the session's metadata is {error.what}", "the rest of the session was read")]
    return rows.mapping(value), []


def _summary(row: Row) -> Summary:
    stored = rows.text(row["original_message_ids"])
    try:
        ids = json.loads(stored)
    except (ValueError, RecursionError):
        ids = None
    span = _RANGE.fullmatch(rows.text(row["message_range"]))
    if not isinstance(ids, list):
        ids = range(int(span[1]), min(int(span[2]), int(span[1]) + 100_000) + 1) if span else []
    return Summary(
        id=rows.text(row["id"]) or f"rowid-{row['rowid']}",
        content=rows.text(row["summary_content"]),
        message_range=rows.text(row["message_range"]),
        original_ids=tuple(str(id) for id in ids),
        token_count=rows.integer(row["token_count"]),
        provider=rows.text(row["provider"]),
        compacted_at=times.parse(row["compacted_at"]),
    )


def _compacted(summary: Summary) -> float:
    return summary.compacted_at.timestamp() if summary.compacted_at else float("inf")


class _Conversation:
    """Messages in order, each summary after the last message it stands for."""

    def __init__(self, found: MessageRows, condensed: Sequence[Row]) -> None:
        self._found = found
        self.summaries = sorted((_summary(row) for row in condensed), key=_compacted)
        self._lossy = {rows.text(row["id"]) for row in condensed if rows.is_lossy(row["summary_content"])}
        self._archived = [record[5] not in (None, 0) for record in found.records]
        self.archived_count = sum(self._archived)
        after = self._placed() if condensed else {}
        self._parts: list[int | Summary] = [*after.get(-1, ())]
        for position in range(len(found.records)):
            self._parts += (position, *after.get(position, ()))

    def _placed(self) -> Mapping[int, Sequence[Summary]]:
        """The summaries by the position of the last message each stands for."""
        place = {str(record[1]): position for position, record in enumerate(self._found.records)}
        last = max((position for position, archived in enumerate(self._archived) if archived), default=-1)
        after: dict[int, list[Summary]] = {}
        for summary in self.summaries:
            position = max((place[id] for id in summary.original_ids if id in place), default=last)
            after.setdefault(position, []).append(summary)
        return after

    def messages(self) -> Messages:
        """The messages, decoded when they are asked for."""
        stored = [content if isinstance(content := record[3], bytes) else b"" for record in self._found.records]
        weights = [len(part.content if isinstance(part, Summary) else stored[part]) for part in self._parts]
        return Messages(weights, self._message)

    def _message(self, index: int) -> Message:
        part = self._parts[index]
        if isinstance(part, int):
            text, lossy = decoded(self._found.records[part][3])
            blocks = (Text(text),) if text else ()
            return self._found.message(part, blocks, archived=self._archived[part], lossy=lossy)
        return Message(
            id=part.id,
            role=Role.ASSISTANT,
            blocks=(Text(part.content),),
            created_at=part.compacted_at,
            is_summary=True,
            lossy=part.id in self._lossy,
        )

    def tokens(self) -> int:
        """About how many tokens the program would send: those of summaries and of messages not archived."""
        sent = zip(self._found.records, self._archived, strict=True)
        active = [rows.raw(record[3]) for record, archived in sent if not archived]
        summaries = sum(tokens.estimate(summary.content) for summary in self.summaries)
        size = sum(map(len, active))
        if size > COUNTED_WHOLE:
            return summaries + round(size / tokens.ASCII_PER_TOKEN)
        return summaries + sum(tokens.estimate(decoded(content)[0]) for content in active)
