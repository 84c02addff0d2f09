"""Sessions of our own in the program's format; see `session_tui.adapters.writing.Appendable`.

A message's id is the number of its line, whatever id it is given, and there is one summary, whose id is always the
same. What the format has no place for is kept in the meta file under a key that the program leaves out, and lets go
of when it next writes the file. Only the oldest messages can be archived.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from session_tui.adapters import appended, details, files, times
from session_tui.adapters.base import Source
from session_tui.adapters.conversation import Record
from session_tui.adapters.details import Details
from session_tui.adapters.revising import Revising
from session_tui.adapters.rows import integer, text
from session_tui.agents.picoclaw import encoding
from session_tui.agents.picoclaw.changing import FILE_MODE, NOTE, Changing
from session_tui.agents.picoclaw.reading import LINES, SUMMARY_ID, Reading
from session_tui.agents.picoclaw.sessions import DETAILS, LEGACY, ROUTING, aliases_of, gives_way, meta_of, stem_of
from session_tui.errors import StoreError, UnknownSession
from session_tui.model import Message, Session, SessionKey, SessionState, Summary, Transcript

_NATIVE: Final = ("created_at", "last_active_at", "context_window")


class Picoclaw(Changing, Revising):
    """The sessions of PicoClaw: every channel of every agent."""

    name = "picoclaw"
    label = "PicoClaw"
    compaction_note = NOTE
    mark = "✦"
    color = "#d1603d"
    program = "picoclaw"
    forgets_compacted = True

    # ── where a session is ────────────────────────────────────────────────────────────────────────────

    def key(self, id: str = "") -> SessionKey:
        """The key that a new session gets, in the first place that there is; one made up is such as the program
        makes and continues."""
        given = self.world.given.get(self.name, ())
        place = next((root.path for root in self.roots()), None)
        default = (given[0] if given else self._home().routed / "sessions").resolve()
        return SessionKey(self.name, id or f"sk_v1_{secrets.token_hex(32)}", str(place or default))

    def source(self, key: SessionKey) -> Source:
        """Where to `read` the session."""
        path = self._found(key)
        stamp = files.stamp(path, meta_of(path))
        id = text((self.held(path) or {}).get("key")) or key.id
        return Source(replace(key, id=id, root=str(path.parent)), str(path), stamp)

    def _path(self, key: SessionKey) -> Path:
        return Path(key.root or self.key().root, f"{stem_of(key.id)}{LINES}")

    def _found(self, key: SessionKey) -> Path:
        """The lines of the session; keys that make one file name share a session."""
        path = self._path(key)
        if (
            not path.is_file()
            or gives_way(path)
            or stem_of(text((self.held(path) or {}).get("key"))) not in ("", stem_of(key.id))
        ):
            raise UnknownSession(f"no such session: {key.ref}")
        return path

    # ── whole sessions ────────────────────────────────────────────────────────────────────────────────

    def create(self, transcript: Transcript) -> SessionKey:
        """Write a whole conversation as a new session."""
        key = self.key(transcript.session.key.id)
        path = self._path(key)
        files.private_directory(path.parent)
        with self.taking_turns(path.parent):
            if path.exists() or meta_of(path).exists() or path.with_suffix(LEGACY).exists():
                raise StoreError(f"session {key.id} is there already", where=str(path))
            kept = _Kept.of(transcript.messages, (), {})
            begun = transcript.session.created_at or datetime.now(UTC)
            held = {"key": key.id, "summary": "", "skip": 0, "count": 0, "created_at": times.rfc3339_local(begun)}
            nothing = Transcript(session=Session(key=key))
            files.write_atomic(path, b"".join(kept.lines), mode=FILE_MODE)
            self._write_meta(path, held, kept, nothing, transcript)
        return key

    def delete_session(self, key: SessionKey, *, before: Callable[[Transcript], None] | None = None) -> None:
        """Have the trash take the session's files away."""
        path = self._found(key)
        with self.taking_turns(path.parent):
            transcript = self.read(self.source(key))
            if before:
                before(transcript)
            self.taken_away(transcript.session)

    # ── messages ──────────────────────────────────────────────────────────────────────────────────────

    def add_messages(self, key: SessionKey, messages: Sequence[Message]) -> tuple[Message, ...]:
        """Append several messages in one write; their ids are the numbers of their lines."""
        path = self._found(key)
        with self.taking_turns(path.parent):
            held = self.meta(self._found(key))
            added = _dated(tuple(encoding.split(messages)))
            size = appended.append(path, b"".join(encoding.line(encoding.record_of(each)) for each in added))
            try:
                count = Reading(path, held).raw_lines
                files.write_atomic(meta_of(path), encoding.meta(_after(key.id, held, count)), mode=FILE_MODE)
            except StoreError:
                appended.cut(path, size)
                raise
            first = count - len(added)
            return tuple(replace(message, id=str(first + number)) for number, message in enumerate(added))

    def store_summary(self, key: SessionKey, summary: Summary) -> Summary:
        """Keep the summary; there is only one."""
        return super().store_summary(key, replace(summary, id=SUMMARY_ID))

    def compact(self, key: SessionKey, summary: Summary, *, archive: Collection[str] = ()) -> Summary:
        """Keep the summary in place of the one before, and leave out what it stands for."""
        return super().compact(key, replace(summary, id=SUMMARY_ID), archive=archive)

    def put(self, key: SessionKey, change: Callable[[Transcript], Transcript]) -> tuple[Transcript, Transcript]:
        """Write the meta file anew, and the lines where messages changed: the meta file first, as the program does."""
        path = self._found(key)
        with self.taking_turns(path.parent):
            held = self.meta(self._found(key))
            reading = Reading(path, held)
            before = self._transcript(self.source(key), reading, held)
            after = change(before)
            if after.messages is before.messages:
                kept = _Kept(text(held.get("summary")), integer(held.get("skip")) or 0, reading.raw_lines, ())
            else:
                kept = _Kept.of(after.messages, before.messages, _raw(reading))
            old = files.read(meta_of(path), limit=1 << 28) if meta_of(path).exists() else None
            self._write_meta(path, {"key": key.id, **held}, kept, before, after)
            try:
                if kept.is_rewritten:
                    files.write_atomic(path, b"".join(kept.lines), mode=FILE_MODE)
            except StoreError:
                if old is not None:
                    files.write_atomic(meta_of(path), old)
                raise
            return before, self.read(self.source(key)) if kept.is_rewritten else after

    def _write_meta(self, path: Path, held: Record, kept: _Kept, before: Transcript, after: Transcript) -> None:
        known = details.parse(held.get(DETAILS, {}))
        own = {summary.id: summary for summary in before.summaries}
        said = {summary.id for summary in known.summaries}
        told = replace(
            known.told(_unrouted(before.session), _unrouted(after.session), without=_NATIVE),
            context=after.context,
            files_read=after.files_read,
            summaries=tuple(each for each in after.summaries if each.id in said or own.get(each.id) != each),
            tunnel_events=after.tunnel_events,
            costs=after.costs,
            usage=after.usage,
            metrics=after.metrics,
        )
        moment = times.rfc3339_local(after.session.updated_at or datetime.now(UTC))
        routed = _routed(held, before.session, after.session)
        whole = {**routed, "summary": kept.summary, "skip": kept.skip, "count": kept.count, "updated_at": moment}
        whole = {name: whole[name] for name in whole if name != DETAILS} | {**_as_key(told)}
        files.write_atomic(meta_of(path), encoding.meta(whole), mode=FILE_MODE)


class _Kept:
    """What is to stand in the files: the summary, how many lines are left out, how many there are, and the lines
    themselves where they are not those that are there."""

    def __init__(
        self, summary: str, skip: int, count: int, lines: Sequence[bytes], *, is_rewritten: bool = False
    ) -> None:
        self.summary, self.skip, self.count = summary, skip, count
        self.lines, self.is_rewritten = lines, is_rewritten

    @classmethod
    def of(cls, messages: Sequence[Message], before: Sequence[Message], raw: dict[str, bytes]) -> _Kept:
        """How to keep ``messages``; lines in ``raw``, by id, stand for messages of ``before`` that stay as they are.

        Raises:
            StoreError: others than the oldest are archived.
        """
        summaries = [each.text for each in messages if each.is_summary and not each.archived]
        said = [each for each in messages if not each.is_summary]
        known = {each.id: each for each in before if not each.is_summary}
        if [each.id for each in said] == list(known) and all(_is_same(known[each.id], each) for each in said):
            active = next((int(each.id) for each in said if not each.archived), None)
            skip = (int(said[-1].id) + 1 if said else 0) if active is None else active
            _check(said, skip, [int(each.id) for each in said])
            return cls("\n\n".join(summaries), skip, max(skip, len(raw)), ())
        split = [part for each in said for part in ((each,) if each.id in known else encoding.split((each,)))]
        lines = [_line(each, known, raw) for each in _dated(split)]
        skip = next((number for number, each in enumerate(split) if not each.archived), len(split))
        _check(split, skip, range(len(split)))
        return cls("\n\n".join(summaries), skip, len(lines), lines, is_rewritten=True)


def _check(said: Sequence[Message], skip: int, numbers: Sequence[int]) -> None:
    for number, message in zip(numbers, said, strict=True):
        if number >= skip and message.archived and not message.is_meta:
            raise StoreError(
                "PicoClaw can leave out the oldest messages alone", hint="archive those before it as well, or delete it"
            )


def _line(message: Message, known: dict[str, Message], raw: dict[str, bytes]) -> bytes:
    stored = known.get(message.id)
    if stored is not None and message.id in raw and _is_same(stored, message):
        return raw[message.id]
    return encoding.line(encoding.record_of(message))


def _is_same(stored: Message, wanted: Message) -> bool:
    told = replace(stored, archived=wanted.archived, created_at=stored.created_at or wanted.created_at)
    return told == wanted


def _raw(reading: Reading) -> dict[str, bytes]:
    return {str(line.index): line.raw + b"\n" for line in reading.records.lines()}


def _dated(messages: Sequence[Message]) -> tuple[Message, ...]:
    now = datetime.now(UTC)
    return tuple(message if message.created_at else replace(message, created_at=now) for message in messages)


def _unrouted(session: Session) -> Session:
    data = {name: value for name, value in session.custom_data.items() if name not in ROUTING}
    return replace(session, custom_data=data)


def _routed(held: Record, before: Session, after: Session) -> Record:
    """The meta file with what was changed of its scope and its aliases, each of these once and none the key."""
    wanted = [name for name in ROUTING if before.custom_data.get(name) != after.custom_data.get(name)]
    told = {name: held[name] for name in held if name not in wanted}
    told |= {name: after.custom_data[name] for name in wanted if name in after.custom_data}
    return told | {"aliases": aliases_of(told)} if "aliases" in wanted and "aliases" in told else told


def _as_key(told: Details) -> Record:
    return {DETAILS: told.plain()} if told else {}


def _after(id: str, held: Record, count: int) -> Record:
    """The meta file after messages were appended."""
    now = times.rfc3339_local(datetime.now(UTC))
    begun: dict[str, object] = {"key": id, "summary": "", "skip": 0, "count": 0, "created_at": now}
    told = details.parse(held.get(DETAILS, {}))
    if told.session.get("state") == SessionState.IDLE:
        told = replace(told, session={**told.session, "state": SessionState.ACTIVE.value})
    rest = {name: held[name] for name in held if name != DETAILS}
    return {**begun, **rest, "count": count, "updated_at": now, **_as_key(told)}
