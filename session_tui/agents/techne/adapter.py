"""The adapter of ``techne``: places and lists, one session, continuing, changing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final

from session_tui import tokens
from session_tui.adapters import rows, settings, times
from session_tui.adapters.base import Applied, Belongings, Root, Rows, Source, World, places
from session_tui.adapters.database import among, belonging, damage, flawed, rowid, tally, unnamed
from session_tui.adapters.message_rows import MessageRows, chronological, first_prompts, has_many, titled
from session_tui.adapters.row_writes import WritableDatabase
from session_tui.adapters.rows import Row
from session_tui.adapters.shrinking import Take
from session_tui.adapters.tails import TAIL_MESSAGES
from session_tui.agents.techne import writing
from session_tui.agents.techne.content import DEFAULT_WINDOW, prompt_in
from session_tui.agents.techne.conversation import Conversation
from session_tui.model import (
    CompactPlan,
    Health,
    Launch,
    Message,
    Problem,
    ReadFile,
    Refusal,
    Session,
    SessionKey,
    SessionKind,
    Summary,
    TitleSource,
    TokenSource,
    Transcript,
)

DATABASE: Final = "techne.db"
PLACE: Final = ".techne"
VARIABLE: Final = "TECHNE_OPTIONS__DATA_DIRECTORY"
PLACEHOLDERS: Final = frozenset({"New Session", "Non-interactive"})
_SESSION = ("id", "title", "model", "provider", "summary_message_id", "created_at", "updated_at")


class Techne(WritableDatabase):
    """The sessions of ``techne``."""

    name: ClassVar[str] = "techne"
    label: ClassVar[str] = "Techne"
    compaction_note: ClassVar[str] = writing.NOTE
    mark: ClassVar[str] = "τ"
    color: ClassVar[str] = "#c2783f"
    program: ClassVar[str | None] = "techne"
    columns: ClassVar[frozenset[str]] = frozenset({"id", "title", "summary_message_id"})
    beneath: ClassVar[tuple[str, ...]] = (DATABASE, f"{PLACE}/{DATABASE}")
    belonging: ClassVar[tuple[str, ...]] = ("messages", "read_files", "permission_grants")

    compaction: ClassVar[Mapping[str, object]] = writing.RULES

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.kept: Callable[[SessionKey], Mapping[str, Collection[str]]] = _nothing

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
        found, fault = self._rows(database, rowids)
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
            row.update(messages.get(row["id"], {}))
            row.update(read.get(row["id"], {}))
            if row.get("travelled"):
                row["said"] = _latest(database, rowid(row))
        return found, fault or broken

    @staticmethod
    def _rows(database: sqlite3.Connection, rowids: Sequence[int] | None) -> tuple[list[Row], str]:
        """The session rows alone, and what stopped the reading, or ""."""
        more = sorted(rows.columns(database, "sessions").difference(_SESSION))
        found, fault = rows.select(database, "sessions", ("rowid", *_SESSION, *more), f"WHERE {among(rowids)}")
        for row in found:
            row["extra"] = unnamed(row, more)
        return found, fault

    def last_used(self, entry: Row) -> datetime | None:
        """The later of the session's own time, which messages leave alone, and its newest message's."""
        said = (times.parse(entry["updated_at"]), times.parse(entry.get("said")))
        return max((moment for moment in said if moment), default=None)

    def details(self, database: sqlite3.Connection, path: str, entries: Sequence[Row]) -> Mapping[int, Row]:
        """The project, the first thing a person said in each session, and what a compaction archived."""
        wanted = [rowid(entry) for entry in entries if entry.get("messages") and "first_prompt" not in entry]
        said = first_prompts(database, wanted, prompt_in, "+created_at, messages.rowid")
        project = self._project(path)
        found: dict[int, Row] = {}
        for entry in entries:
            prompt = entry.get("first_prompt") or said.get(rowid(entry), "")
            found[rowid(entry)] = {"project": project, "first_prompt": prompt}
            pointer = rows.text(entry["summary_message_id"])
            if pointer and "compaction_count" not in entry:
                key = SessionKey(self.name, rows.text(entry["id"]), path)
                found[rowid(entry)] |= self._conversation(database, entry, key).counts()
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
            updated_at=self.last_used(entry),
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

    def tail(self, source: Source) -> Sequence[Message] | None:
        """The rows that were written last, of a session that has very many."""
        return rows.read(Path(source.path), lambda database: self._tail(database, source))

    def _tail(self, database: sqlite3.Connection, source: Source) -> Sequence[Message] | None:
        session = rowid(self.row(database, source, self._rows)[0])
        if not has_many(database, session):
            return None
        found = MessageRows(database, session, "model", latest=TAIL_MESSAGES)
        return Conversation(found, "", {}).messages()

    def _transcript(self, database: sqlite3.Connection, source: Source) -> Transcript:
        # What `entries` has counted by a query is told by the messages, which are read anyway.
        entry, broken = self.row(database, source, self._rows)
        conversation = self._conversation(database, entry, source.key)
        entry |= conversation.tallies()
        session = self.described(database, source, entry, broken)
        own = f"WHERE {belonging([rowid(entry)])} ORDER BY read_at"
        read, _ = rows.select(database, "read_files", ("path", "read_at"), own)
        fault = conversation.fault if session.health is Health.CLEAN else ""
        problems = [damage(source.path, fault)] if fault else []
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

    def _conversation(self, database: sqlite3.Connection, entry: Row, key: SessionKey) -> Conversation:
        pointer = rows.text(entry["summary_message_id"])
        kept = self.kept(key) if pointer else {}
        return Conversation(MessageRows(database, rowid(entry), "model"), pointer, kept)

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

    # ── changing ──────────────────────────────────────────────────────────────────────────────────────

    def rename(self, session: Session, title: str) -> None:
        """Give the session a title; this counts as its latest change, as with the program.

        Raises:
            StoreError: it could not be written.
        """
        with self.changing(session) as (database, entry):
            writing.rename(database, entry, title)

    def refuses_compaction(self, session: Session) -> Refusal | None:
        """Never a refusal: a summary is added, and nothing else is touched."""
        return None

    def touched(self, session: Session, plan: CompactPlan) -> Belongings:
        """The session's row, and its summaries."""
        return Belongings(database=Path(session.key.root), rows=writing.touched(session.key.id))

    def apply(self, session: Session, plan: CompactPlan, summary: Summary) -> Applied:
        """Append the summary and point to it. A plan that keeps other messages than the program would is told
        from what `Applied.kept` says alone.

        Raises:
            StoreError: other messages are active than those that the plan was made for.
        """
        with self.changing(session) as (database, entry):
            conversation = self._conversation(database, entry, session.key)
            kept = writing.compact(database, entry, conversation, plan, summary)
        return Applied(note=writing.NOTE, kept=kept)

    def touched_by_shrink(self, session: Session, plan: CompactPlan, summary: Summary) -> Belongings:
        """All messages that are covered, the summary's own, and the session's row.

        Raises:
            StoreError: it cannot be read.
        """
        source = Source(session.key, session.key.root, "")
        path = Path(session.key.root)
        ids = rows.read(
            path, lambda opened: self._conversation(opened, self.row(opened, source)[0], session.key).covered(plan)
        )
        own = Rows("sessions", "id = ?", (session.key.id,))
        return Belongings(database=path, rows=(writing.going(session.key.id, [*ids, summary.id]), own))

    def shrink(self, session: Session, plan: CompactPlan, summary: Summary, take: Take) -> Applied:
        """Take what is covered, by earlier summaries too, and put the summary before the rest as a person's message.

        Raises:
            StoreError: other messages are active than those that the plan was made for.
        """
        with self.changing(session) as (database, entry):
            conversation = self._conversation(database, entry, session.key)
            writing.shrink(database, entry, conversation, plan, summary, take=take)
        return Applied(read_by=("chat",), note=writing.SHRUNK)


# ── values ────────────────────────────────────────────────────────────────────────────────────────────


def _latest(database: sqlite3.Connection, session: int) -> object:
    """The latest time of a session whose times have several UTC offsets, so that their texts do not tell."""
    found = database.execute(f"SELECT created_at FROM messages WHERE {belonging([session])}").fetchall()
    said = [row["created_at"] for row in found]
    return said[chronological([rows.raw(moment) for moment in said])[-1]]


def _kind(title: str) -> SessionKind:
    if title.startswith("[sub-agent:"):
        return SessionKind.SUBAGENT
    return SessionKind.HEADLESS if title == "Non-interactive" else SessionKind.MAIN


def _nothing(key: SessionKey) -> Mapping[str, Collection[str]]:
    return {}
