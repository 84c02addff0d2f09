"""The adapter of the ZimaOS agent server: places and lists, one session, continuing, changing."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final

from session_tui import tokens
from session_tui.adapters import locks, rows, settings, times
from session_tui.adapters.base import Applied, Belongings, Root, Rows, Source, places
from session_tui.adapters.database import among, damage, flawed, rowid, stored_length, unnamed
from session_tui.adapters.message_rows import plain, titled
from session_tui.adapters.row_writes import WritableDatabase
from session_tui.adapters.rows import Row
from session_tui.adapters.writing import outdated
from session_tui.agents.zima import writing
from session_tui.agents.zima.conversation import MARKER, Conversation, Parts, mapping_in, stored_in, text_of
from session_tui.errors import StoreLocked
from session_tui.model import (
    CompactPlan,
    Problem,
    Refusal,
    Scope,
    Session,
    SessionKey,
    SessionState,
    Summary,
    TokenSource,
    Transcript,
)

DATABASES: Final = ("blue.db", "sessions.db")
CONFIGS: Final = ("config.yaml", "config.yml")
SYSTEM_CONFIG: Final = Path("/etc/zimaos-blue")
LEGACY_BUDGET: Final = 8000
"""A token budget that the program takes for "not set", as it does zero."""
ANSWER_SECONDS: Final = 0.05
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
_HOME = re.compile(r"\.zimaos-blue(-.+)?")


class Zima(WritableDatabase):
    """The sessions of the ZimaOS agent server."""

    name: ClassVar[str] = "zima"
    label: ClassVar[str] = "ZimaOS"
    mark: ClassVar[str] = "◈"
    color: ClassVar[str] = "#4f86f7"
    columns: ClassVar[frozenset[str]] = frozenset({"id", "agent_id", "channel_id", "peer_id"})
    beneath: ClassVar[tuple[str, ...]] = tuple(
        f"{place}{name}" for place in ("", "data/", ".zimaos-blue/data/") for name in DATABASES
    )

    compaction: ClassVar[Mapping[str, object]] = writing.RULES

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
        told = {number: stored_length(database, "sessions", "messages", number) for number in rowids or ()}
        sizes: dict[object, object] = {number: length for number, length in told.items() if length is not None}
        try:
            if rowids is None or len(sizes) < len(rowids):
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
            return {number: {"budget": budget} | Parts(stored).described() for number, stored in found}

    def last_used(self, entry: Row) -> datetime | None:
        """When the session was last active."""
        return times.parse(entry["last_active_at"])

    def session(self, key: SessionKey, path: str, entry: Row) -> Session:
        """The session that a row describes."""
        metadata, problem = mapping_in(entry["metadata"])
        prompt, title = str(entry.get("first_prompt", "")), text_of(metadata.get("title"))
        shown, title_source = titled(title, prompt)
        system, recorded = rows.text(entry["system_prompt"]), rows.integer(metadata.get("token_count"))
        marked = MARKER.fullmatch(system)
        state, budget = rows.integer(entry["state"]), rows.integer(entry.get("budget"))
        active_at = self.last_used(entry)
        tags = metadata.get("tags")
        unknown = {} if state in _STATES else {"state": entry["state"]}
        session = Session(
            key=key,
            title=shown,
            title_source=title_source,
            first_prompt=prompt,
            state=SessionState(_STATES.get(-1 if state is None else state, "unknown")),
            scope=_scope(entry),
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
            summary=text_of(metadata.get("summary")) or (marked[1] if marked else None),
            tags=tuple(text_of(tag) for tag in tags) if isinstance(tags, list) else (),
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
        stored, prompt = None, None
        try:
            stored, prompt = stored_in(database, rowid(entry))
        except sqlite3.DatabaseError as error:
            if "locked" in str(error):
                raise
            fault = fault or str(error)
        parts = Parts(stored)
        entry |= {"budget": self._budget(source.path)} | parts.described()
        session = self.session(source.key, source.path, entry)
        conversation = Conversation(parts, prompt, session)
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

    # ── changing ──────────────────────────────────────────────────────────────────────────────────────

    def rename(self, session: Session, title: str) -> None:
        """Give the session a title, while the server is down.

        Raises:
            StoreLocked: the server may be running.
            StoreError: it could not be written.
        """
        with self._unattended(session) as (database, entry):
            writing.rename(database, entry, title)

    def refuses_compaction(self, session: Session) -> Refusal | None:
        """Refused unless the server is down: it writes what it holds in memory over any change."""
        return self._attended(session)

    def touched(self, session: Session, plan: CompactPlan) -> Belongings:
        """The session's row, which holds everything."""
        return Belongings(database=Path(session.key.root), rows=(Rows("sessions", "id = ?", (session.key.id,)),))

    def apply(self, session: Session, plan: CompactPlan, summary: Summary) -> Applied:
        """Leave the kept messages alone in the row, with the summary in place of the system prompt.

        Raises:
            StoreLocked: the server may be running.
            StoreError: the session was active since the plan was made, or cannot be rewritten without loss.
        """
        with self._unattended(session) as (database, entry):
            if self.last_used(entry) != session.last_active_at:
                raise outdated()
            displaced = writing.compact(database, entry, plan, summary)
        return Applied(read_by=writing.READ_BY, note=writing.DISPLACED if displaced else "")

    @contextmanager
    def _unattended(self, session: Session) -> Iterator[tuple[sqlite3.Connection, Row]]:
        with self.changing(session) as change:
            if refusal := self._attended(session):
                raise StoreLocked(refusal.reason, where=session.key.root, hint=refusal.hint)
            yield change

    def _attended(self, session: Session) -> Refusal | None:
        """Why the server may be running; ``None`` when its port is closed and nobody has the database open."""
        if self.live(session):
            return Refusal("the ZimaOS server is running and would undo the change", "stop it and try again")
        opened = locks.open_elsewhere([session.key.root])
        if opened is None:
            return Refusal("whether the ZimaOS server is running cannot be known here", "try on the server's machine")
        if opened:
            return Refusal("another program has the database open", "stop the ZimaOS server and try again")
        return None


def _scope(entry: Row) -> Scope:
    agent, channel, peer, thread = (rows.text(entry[f"{part}_id"]) for part in ("agent", "channel", "peer", "thread"))
    return Scope(agent, channel, peer, thread or None)


def _configured(folder: Path, data: Path) -> Iterator[Path]:
    """Where the settings in ``folder`` put the database; a relative path keeps only its name, in ``data``."""
    for name in CONFIGS:
        said = settings.text(settings.load(folder / name, mentioning="persistence"), "session", "persistence", "path")
        if said:
            yield Path(said) if Path(said).is_absolute() else data / Path(said).name
