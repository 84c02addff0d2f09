"""Sessions of our own in the program's format; see `session_tui.adapters.writing.Appendable`.

What the format has no place for is kept in a record of a type that the program leaves out. A message whose time
is not known gets the present one, as the program gives it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from session_tui.adapters import appended, files
from session_tui.adapters.base import Source
from session_tui.adapters.conversation import Record
from session_tui.adapters.details import Details
from session_tui.adapters.revising import Revising
from session_tui.adapters.rows import integer
from session_tui.adapters.writing import identified
from session_tui.agents.ggcode import encoding
from session_tui.agents.ggcode.changing import Changing
from session_tui.agents.ggcode.encoding import line, record
from session_tui.agents.ggcode.reading import DETAILS, META_DETAILS, Reading
from session_tui.agents.ggcode.rewriting import File, Piece
from session_tui.agents.ggcode.sessions import ID
from session_tui.errors import StoreError, UnknownSession
from session_tui.model import Message, Role, Session, SessionKey, SessionState, Summary, Transcript

PATIENCE: Final = 10.0
"""Seconds to wait for another process that writes to the same session."""
_NATIVE: Final = (
    "title",
    "project",
    "model",
    "provider",
    "vendor",
    "endpoint",
    "created_at",
    "last_active_at",
    "token_usage",
    "context_window",
    "max_tokens",
    "compaction_count",
    "compacted_at",
)
"""What ``meta`` records say, or follows from messages and checkpoints."""
_PREVIEW: Final = 120


class Ggcode(Changing, Revising):
    """The sessions of ggcode, of both generations."""

    name = "ggcode"
    label = "ggcode"
    mark = "◆"
    color = "#3fa7a0"
    program = "ggcode"

    # ── where a session is ────────────────────────────────────────────────────────────────────────────

    def key(self, id: str = "") -> SessionKey:
        """The key that a new session gets, in the first place that there is."""
        given = self.world.given.get(self.name, ())
        default = given[0] if given else self.world.home / ".ggcode" / "sessions"
        place = next((root.path for root in self.roots()), default.resolve())
        return SessionKey(self.name, id or encoding.new_session_id(), str(place))

    def source(self, key: SessionKey) -> Source:
        """Where to `read` the session."""
        path = self._found(key)
        return self.source_of(replace(key, root=str(path.parent)), path, path.stat())

    def _found(self, key: SessionKey) -> Path:
        path = Path(key.root or self.key().root, f"{key.id}.jsonl")
        if not (ID.fullmatch(key.id) and path.is_file()):
            raise UnknownSession(f"no such session: {key.ref}")
        return path

    @contextmanager
    def _changing(self, key: SessionKey) -> Iterator[Path]:
        path = self._found(key)
        with self.owning(path, seconds=PATIENCE):
            yield self._found(key)

    # ── whole sessions ────────────────────────────────────────────────────────────────────────────────

    def create(self, transcript: Transcript) -> SessionKey:
        """Write a whole conversation as a new file and list it, unless there is nothing said in it yet."""
        key = self.key(transcript.session.key.id)
        if not ID.fullmatch(key.id):
            raise StoreError(f"ggcode does not accept the id {key.id!r}", hint="letters, digits, _ and -, at most 128")
        path = Path(files.private_directory(Path(key.root)), f"{key.id}.jsonl")
        with self.owning(path, seconds=PATIENCE):
            if path.exists():
                raise StoreError(f"session {key.id} is there already", where=str(path))
            with _blank(newest=_is_newest(path.parent)) as reading:
                data = self._first(key.id, transcript, reading)
                with self.writing(path, newest=reading.is_newest):
                    files.write_atomic(path, data)
                self._list(path, key.id, reading, transcript.messages, count=len(transcript.messages))
        return key

    def _first(self, id: str, transcript: Transcript, reading: Reading) -> bytes:
        session = replace(transcript.session, created_at=transcript.session.created_at or datetime.now(UTC))
        messages = _dated(identified(transcript.messages))
        file = File(id, b"", reading)
        records = [record("meta", id, encoding.meta_values(session), newest=reading.is_newest)]
        nothing = Transcript(session=Session(key=session.key))
        rest = self._beside(id, nothing, replace(transcript, session=session), reading)
        said = file.written([file.new(message) for message in messages])
        return b"".join(map(line, records)) + said + b"".join(map(line, rest))

    def delete_session(self, key: SessionKey, *, before: Callable[[Transcript], None] | None = None) -> None:
        """Have the trash take the file and the entry in the list away."""
        with self._changing(key):
            transcript = self.read(self.source(key))
            if before:
                before(transcript)
            self.taken_away(transcript.session)

    # ── messages ──────────────────────────────────────────────────────────────────────────────────────

    def add_messages(self, key: SessionKey, messages: Sequence[Message]) -> tuple[Message, ...]:
        """Append several messages in one write."""
        added = _dated(identified(_named(messages)))
        with self._changing(key) as path:
            reading = Reading(path)
            if twice := next((message.id for message in added if message.id in reading.by_id), None):
                raise StoreError(f"message {twice} is there already", where=str(path))
            records = [encoding.message_record(key.id, message, newest=reading.is_newest) for message in added]
            if reading.details.session.get("state") == SessionState.IDLE:
                session = {**reading.details.session, "state": SessionState.ACTIVE.value}
                records.append(self._kept(key.id, replace(reading.details, session=session), reading))
            with self.writing(path, newest=reading.is_newest):
                appended.append(path, b"".join(map(line, records)))
            self._list(path, key.id, reading, added, count=len(reading.entries) + len(added))
            if reading.is_newest:
                return added
            now = self.read(self.source(key)).messages
            return tuple(now[len(now) - len(added) :])

    def put(self, key: SessionKey, change: Callable[[Transcript], Transcript]) -> tuple[Transcript, Transcript]:
        """Append what is new, or write the file anew where messages changed."""
        with self._changing(key) as path:
            reading = Reading(path)
            source = self.source(key)
            before = self._transcript(source, reading)
            after = change(before)
            newest = reading.is_newest
            records = self._beside(key.id, before, after, reading)
            if meta := self._told(key, before.session, after.session, reading):
                records.insert(0, record("meta", key.id, meta, newest=newest))
            added = b"".join(map(line, records))
            with self.writing(path, newest=newest):
                if after.messages is before.messages:
                    appended.append(path, added)
                    said: Sequence[Message] = ()
                else:
                    after = replace(after, messages=_dated(_named(after.messages)))
                    file = File(key.id, files.read(path, limit=1 << 40), reading)
                    files.write_atomic(path, file.written(_pieces(file, after.messages)) + added)
                    said = after.messages
            self._list(path, key.id, reading, said, count=len(after.messages), session=after.session)
            return before, after

    # ── records ───────────────────────────────────────────────────────────────────────────────────────

    def _told(self, key: SessionKey, before: Session, after: Session, reading: Reading) -> Record:
        """The ``meta`` record to append, empty where nothing in it changed."""
        old, new = encoding.meta_values(before), encoding.meta_values(after)
        changed = {name: new[name] for name in new if new[name] != old.get(name)}
        return {**self.meta(reading, key.root, key.id), **changed} if changed else {}

    def _beside(self, id: str, before: Transcript, after: Transcript, reading: Reading) -> list[Record]:
        """The records, other than messages and ``meta``, that make ``after`` of ``before``."""
        known = reading.details
        has_own = _own_metadata(before.session) != _own_metadata(after.session)
        kept = replace(
            known.told(before.session, after.session, without=_NATIVE if has_own else (*_NATIVE, "metadata")),
            context=after.context,
            files_read=after.files_read,
            summaries=_own(after, before, known),
        )
        records: list[Record] = [self._kept(id, kept, reading)] if kept != known else []
        newest = reading.is_newest
        for usage in after.usage[len(before.usage) :]:
            records.append(record("usage", id, encoding.usage_values(usage), newest=newest))
        for metric in after.metrics[len(before.metrics) :]:
            records.append(record("metric", id, encoding.metric_values(metric), newest=newest))
        for cost in after.costs[len(before.costs) :]:
            records.append(record("cost", id, {"cost": cost.record}, newest=newest))
        for event in after.tunnel_events[len(before.tunnel_events) :]:
            records.append(record("tunnel_event", id, encoding.event_values(event), newest=newest))
        return records

    def _kept(self, id: str, kept: Details, reading: Reading) -> Record:
        return record(DETAILS, id, {"details": kept.plain()}, newest=reading.is_newest)

    def _list(
        self,
        path: Path,
        id: str,
        reading: Reading,
        said: Sequence[Message],
        *,
        count: int,
        session: Session | None = None,
    ) -> None:
        """Bring the entry in the list up to date: there are ``count`` messages. A session without any gets none."""
        prompts_said = [text for each in said if each.role is Role.USER and (text := each.text.strip())]

        def change(entry: Record) -> Record:
            if not entry and not said:
                return entry
            told = {**({} if entry else self.seed(id, Reading(path))), **entry}
            if session:
                values = encoding.meta_values(session)
                told |= {name: value for name, value in values.items() if name in told and value}
            else:
                told["updated_at"] = encoding.time(datetime.now(UTC))
            told["msg_count"] = max(integer(entry.get("msg_count")) or 0, count)
            if prompts_said and reading.is_newest:
                told["preview"] = _clipped(prompts_said[-1])
            return told

        self.list_as(path, id, reading, change)


def _named(messages: Sequence[Message]) -> list[Message]:
    return [message if message.id else replace(message, id=encoding.new_message_id()) for message in messages]


def _dated(messages: Sequence[Message]) -> tuple[Message, ...]:
    now = datetime.now(UTC)
    return tuple(message if message.created_at else replace(message, created_at=now) for message in messages)


def _own_metadata(session: Session) -> Record:
    """What a ``meta`` record has no place for."""
    return {name: value for name, value in session.metadata.items() if name not in META_DETAILS}


def _own(after: Transcript, before: Transcript, known: Details) -> tuple[Summary, ...]:
    """All that is to be kept of the summaries: those that say more than their messages do."""
    told = {summary.id: summary for summary in before.summaries}
    kept = {summary.id for summary in known.summaries}
    return tuple(each for each in after.summaries if each.id in kept or told.get(each.id) != each)


def _pieces(file: File, messages: Sequence[Message]) -> list[Piece]:
    """The messages as pieces of ``file``; one that is in it already stays the line it is."""
    known = {piece.id: piece for piece in file.pieces}
    return [_piece(file, known.get(message.id), message) for message in messages]


def _piece(file: File, known: Piece | None, message: Message) -> Piece:
    if known is None:
        return file.new(message)
    stored = known.message()
    as_wanted = replace(
        stored,
        archived=message.archived,
        is_summary=message.is_summary,
        is_meta=message.is_meta,
        created_at=stored.created_at or message.created_at,
    )
    if as_wanted != message:
        return file.new(message)
    known.archived, known.summary = message.archived, message.is_summary
    return known


def _clipped(text: str) -> str:
    return text if len(text) <= _PREVIEW else text[: _PREVIEW - 3] + "..."


def _is_newest(folder: Path) -> bool:
    """Whether a new session in ``folder`` is to be one of newer programs: not where only old ones have been."""
    sessions = list(folder.glob("*.jsonl"))
    return not sessions or any(folder.glob("*.flock")) or any(Reading(path).is_newest for path in sessions)


@contextmanager
def _blank(*, newest: bool) -> Iterator[Reading]:
    """A conversation in which nothing has been said."""
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as empty:
        reading = Reading(Path(empty.name))
        reading.is_newest = newest
        yield reading
