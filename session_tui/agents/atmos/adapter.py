"""The adapter of ``atmos ai``: places and lists, one session, continuing, changing."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from session_tui import tokens
from session_tui.adapters import rows, times
from session_tui.adapters.base import Applied, Belongings, Root, Source, places
from session_tui.adapters.database import among, belonging, damage, flawed, rowid, tally, unnamed
from session_tui.adapters.message_rows import MessageRows, first_prompts, has_many, titled
from session_tui.adapters.row_writes import WritableDatabase
from session_tui.adapters.rows import Row
from session_tui.adapters.tails import TAIL_MESSAGES
from session_tui.agents.atmos import writing
from session_tui.agents.atmos.conversation import Conversation, metadata_in, prompt_in
from session_tui.agents.atmos.places import DATABASE, PLACE, catalogue_of, configured, launch, project_of
from session_tui.errors import StoreError
from session_tui.model import (
    CompactPlan,
    ContextItem,
    Launch,
    Message,
    Refusal,
    Session,
    SessionKey,
    Summary,
    TitleSource,
    TokenSource,
    Transcript,
)

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


class Atmos(WritableDatabase):
    """The sessions of ``atmos ai``."""

    name: ClassVar[str] = "atmos"
    label: ClassVar[str] = "Atmos"
    compaction_note: ClassVar[str] = writing.NOTE
    mark: ClassVar[str] = "▲"
    color: ClassVar[str] = "#3f8fd2"
    program: ClassVar[str | None] = "atmos"
    columns: ClassVar[frozenset[str]] = frozenset({"id", "name", "project_path"})
    beneath: ClassVar[tuple[str, ...]] = (DATABASE, f"sessions/{DATABASE}", f"{PLACE}/{DATABASE}")
    belonging: ClassVar[tuple[str, ...]] = ("messages", "session_context", "message_summaries")
    compaction: ClassVar[Mapping[str, object]] = writing.RULES

    # ── places ────────────────────────────────────────────────────────────────────────────────────────

    def roots(self) -> Sequence[Root]:
        """The databases of the projects around and mentioned, at the default place and at configured ones."""
        return places(self.world, self.name, self._defaults(), self.below)

    def below(self, path: Path) -> Iterator[Path]:
        """As for any database, and where ``atmos.yaml`` of a project directory says."""
        yield from super().below(path)
        for place in configured(path, path):
            yield from super().below(place)

    def _defaults(self) -> Iterator[tuple[Path, str]]:
        shared = [self.world.home / ".atmos", self.world.home / ".config" / "atmos"]
        named = self.world.variable("ATMOS_CLI_CONFIG_PATH")
        base = self.world.variable("ATMOS_BASE_PATH")
        for place in (*([base] if base else []), *self.world.project_places()):
            yield place / PLACE / DATABASE, "project"
            for folder in (place, *([named] if named else []), *shared):
                yield from ((path, "project") for path in configured(folder, place))

    # ── lists ─────────────────────────────────────────────────────────────────────────────────────────

    def entries(self, database: sqlite3.Connection, rowids: Sequence[int] | None) -> tuple[list[Row], str]:
        """The session rows with tallies of messages, summaries and context."""
        found, fault = self._rows(database, rowids)
        archived = "archived" in rows.columns(database, "messages")
        fields = (
            "COUNT(*) AS messages",
            "MAX(rowid) AS newest_message",
            "SUM(LENGTH(CAST(content AS BLOB))) AS bytes",
            "SUM(COALESCE(archived, 0) <> 0) AS archived_messages" if archived else "0 AS archived_messages",
        )
        messages, broken = tally(database, "messages", fields, rowids)
        for row in found:
            row.update(messages.get(row["id"], {}))
        return found, fault or broken

    @staticmethod
    def _rows(database: sqlite3.Connection, rowids: Sequence[int] | None) -> tuple[list[Row], str]:
        """The session rows with tallies of summaries and context alone, and what stopped the reading, or ""."""
        have = rows.columns(database, "sessions")
        more = sorted(have.difference(_SESSION))
        found, fault = rows.select(database, "sessions", ("rowid", *_SESSION, *more), f"WHERE {among(rowids)}")
        tables = {
            "message_summaries": (
                "COUNT(*) AS summaries",
                "MAX(compacted_at) AS compacted",
                "SUM(LENGTH(CAST(summary_content AS BLOB))) AS summary_bytes",
            ),
            "session_context": ("COUNT(*) AS contexts", "SUM(LENGTH(CAST(context_value AS BLOB))) AS context_bytes"),
        }
        tallies = [tally(database, table, fields, rowids)[0] for table, fields in tables.items()]
        for row in found:
            row["extra"] = unnamed(row, more)
            for answer in tallies:
                row.update(answer.get(row["id"], {}))
        return found, fault

    def details(self, database: sqlite3.Connection, path: str, entries: Sequence[Row]) -> Mapping[int, Row]:
        """The first thing a person said in each session."""
        wanted = [rowid(entry) for entry in entries if entry.get("messages")]
        found = first_prompts(database, wanted, prompt_in, "messages.rowid")
        return {number: {"first_prompt": prompt} for number, prompt in found.items()}

    def session(self, key: SessionKey, path: str, entry: Row) -> Session:
        """The session that a row describes; a name that the program made up counts as the agent's."""
        name, prompt = rows.text(entry["name"]), str(entry.get("first_prompt", ""))
        source = TitleSource.AGENT if _AUTOMATIC_NAME.fullmatch(name) else TitleSource.CUSTOM
        title, source = titled(name, prompt, source=source)
        metadata, problems = metadata_in(entry["metadata"], path)
        summaries = rows.integer(entry.get("summaries")) or 0
        model = rows.text(entry["model"]) or None
        session = Session(
            key=key,
            title=title,
            title_source=source,
            first_prompt=prompt,
            project=project_of(path, rows.text(entry["project_path"])),
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

    def tail(self, source: Source) -> Sequence[Message] | None:
        """The rows that were written last, of a session that has very many."""
        return rows.read(Path(source.path), lambda database: self._tail(database, source))

    def _tail(self, database: sqlite3.Connection, source: Source) -> Sequence[Message] | None:
        session = rowid(self.row(database, source, self._rows)[0])
        if not has_many(database, session):
            return None
        found = MessageRows(database, session, "archived", latest=TAIL_MESSAGES)
        return Conversation(found, ()).messages()

    def _transcript(self, database: sqlite3.Connection, source: Source) -> Transcript:
        # What `entries` has counted by a query is told by the messages, which are read anyway.
        entry, broken = self.row(database, source, self._rows)
        own = f"WHERE {belonging([rowid(entry)])} ORDER BY rowid"
        found = MessageRows(database, rowid(entry), "archived")
        entry |= {"messages": len(found.records), "bytes": sum(found.sizes)}
        session = self.described(database, source, entry, broken)
        condensed, _ = rows.select(database, "message_summaries", ("rowid", *_SUMMARY), own)
        context, _ = rows.select(database, "session_context", _CONTEXT, own)
        conversation = Conversation(found, condensed)
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
            catalogue = catalogue_of(session.path, rows.stamp(Path(session.path)))
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
        found = launch(session.path, base, ("atmos", "ai", "chat", f"--session={name}"))
        return replace(found, warning=found.warning or catalogue.warning(session.key.id))

    # ── changing ──────────────────────────────────────────────────────────────────────────────────────

    def rename(self, session: Session, title: str) -> None:
        """Give the session another name, which no other of its project has; the time of its last change stays.

        Raises:
            StoreError: it is no name to continue by, or it is taken.
        """
        with self.changing(session) as (database, entry):
            writing.rename(database, entry, title)

    def refuses_compaction(self, session: Session) -> Refusal | None:
        """Never a refusal: messages are flagged, and one summary is added."""
        return None

    def plain_summary(self, messages: Sequence[Message]) -> str:
        """What the program writes in place of ``messages`` without a model."""
        return writing.plain_summary(messages)

    def touched(self, session: Session, plan: CompactPlan) -> Belongings:
        """The messages that are archived, and the session's summaries."""
        return Belongings(database=Path(session.key.root), rows=writing.touched(session.key.id, plan))

    def apply(self, session: Session, plan: CompactPlan, summary: Summary) -> Applied:
        """Add the summary and archive what it stands for; the session's own row stays, as with the program.

        Raises:
            StoreError: what is to be archived is archived already, or gone.
        """
        with self.changing(session) as (database, entry):
            writing.compact(database, entry, plan, summary)
        return Applied(read_by=writing.READ_BY, note=writing.NOTE)
