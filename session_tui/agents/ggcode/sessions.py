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
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from session_tui import model, tokens
from session_tui.adapters import details, files, jsonl, ledger, listing, locks, prompts, times
from session_tui.adapters.base import Adapter, Root, Source, World, places
from session_tui.adapters.conversation import Record, titled
from session_tui.adapters.rows import integer, text
from session_tui.adapters.tails import TAIL_BYTES, is_long
from session_tui.agents.ggcode.reading import DETAILS, INDEX, META_DETAILS, RECORD_KEYS, Reading, message_of, time_of
from session_tui.errors import StoreError
from session_tui.model import Problem, Session, SessionKey, SessionKind, TokenSource

PLACEHOLDERS: Final = ("", "New session", "新会话")
BRANCH_MARK: Final = "Branch: "
ID = re.compile(r"(?!-)[A-Za-z0-9_-]{1,128}")
_STRAY: Final = "_invalid_id_"
_EDGE: Final = 32 * 1024
_PROMPT_SEARCH: Final = 2000
_ID_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-")


class Sessions(Adapter):
    """The sessions of both generations, read."""

    name = "ggcode"
    label = "ggcode"
    mark = "◆"
    color = "#3fa7a0"
    program = "ggcode"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._listings = listing.Listings(INDEX)

    def roots(self) -> Sequence[Root]:
        """``~/.ggcode/sessions``; no variable, option or setting of the program moves it."""
        defaults = iter([(self.world.home / ".ggcode" / "sessions", "default")])
        return places(self.world, self.name, defaults, _below)

    def scan(self, root: Root) -> Iterator[Source]:
        """Every ``*.jsonl`` file, listed in the index or not, empty or not."""
        for id, entry in _sessions(root.path):
            try:
                status = entry.stat()
            except OSError:
                continue
            yield self.source_of(SessionKey(self.name, id, str(root.path)), Path(entry.path), status)

    def newest(self, root: Root, limit: int) -> Sequence[Source]:
        """The files modified last."""
        found = files.newest([root.path], ".jsonl", limit)
        keyed = ((SessionKey(self.name, Path(path).stem, str(root.path)), Path(path), status) for path, status in found)
        return [self.source_of(*told) for told in keyed]

    def source_of(self, key: SessionKey, path: Path, status: os.stat_result) -> Source:
        """The source of the session at ``path``."""
        listed = self._listings.entries(key.root).get(key.id, {})
        stamp = f"{files.stamp_of(status)};{zlib.crc32(msgspec.json.encode(listed)) if listed else '-'}"
        return Source(key, str(path), stamp, times.parse(listed.get("updated_at")) or files.modified_at(status))

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
        prompt = prompts.first_prompt(message_of(record) for record in jsonl.typed(first, "message"))
        opened = None if meta else time_of(next(jsonl.typed(first, "message"), {}))
        used = ledger.Ledger()
        used.note("usage", newest.get("usage", {}))
        span = (opened, time_of(newest.get("message", {})))
        own = details.parse(next(jsonl.typed(reversed(last), DETAILS), {}).get("details", {}))
        return own.over(self._session(source, status, meta, span, prompt, fill=used.fill))

    def read(self, source: Source) -> model.Transcript:
        """The whole file; a message is decoded when it is asked for."""
        return self._transcript(source, Reading(Path(source.path)))

    def tail(self, source: Source) -> Sequence[model.Message] | None:
        """The last messages of a long file."""
        path = Path(source.path)
        return Reading(path, tail=TAIL_BYTES).messages() if is_long(path) else None

    def _transcript(self, source: Source, reading: Reading) -> model.Transcript:
        prompt = prompts.first_prompt(islice(reading.messages(), _PROMPT_SEARCH))
        session = self._session(source, reading.records.status, reading.meta, reading.span(), prompt)
        transcript = reading.transcript(session)
        compactions = max(reading.checkpoints, len(transcript.summaries))
        whole = replace(
            transcript,
            session=replace(transcript.session, compaction_count=compactions),
            tunnel_events=tuple(reading.ledger.tunnel_events),
            costs=tuple(reading.ledger.costs),
            usage=tuple(reading.ledger.usage),
            metrics=tuple(reading.ledger.metrics),
            unknown_records=dict(reading.unknown),
        )
        return reading.details.about(whole)

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
            metadata={name: both[name] for both in [{**listed, **meta}] for name in META_DETAILS if name in both},
            size_bytes=status.st_size,
            path=source.path,
            extra={name: meta[name] for name in meta if name not in RECORD_KEYS},
        )

    def resume(self, session: Session) -> model.Launch | model.Refusal:
        """``ggcode --resume ID`` in the session's workspace; the program takes whole ids alone."""
        if not ID.fullmatch(session.key.id):
            reason = f"ggcode does not accept the id {session.key.id!r}"
            return model.Refusal(reason, "an id it accepts has letters, digits, _ and -, at most 128 of them")
        return model.Launch(("ggcode", "--resume", session.key.id), session.project)

    def live(self, session: Session) -> bool | None:
        """Whether ``ID.lock`` is held. Stores without any lock file are of a time when the program had none."""
        path = Path(session.path)
        lock = path.with_suffix(".lock")
        if lock.exists():
            return locks.is_held(lock)
        locking = any(path.with_name(f"{name}.flock").exists() for name in (path.name, INDEX))
        return False if locking else None

    def check(self, root: Root) -> Iterator[Problem]:
        """An index that cannot be read, entries without a file, files without an entry, writes that went astray."""
        index, present = root.path / INDEX, {id for id, _ in _sessions(root.path)}
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
            yield Problem(file, f"{INDEX} does not list it", "ggcode does not show it; it can be continued by its id")


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
