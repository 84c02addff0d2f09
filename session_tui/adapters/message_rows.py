"""Messages that are rows of a table ``messages``: read as they are stored, ordered by their times, decoded on demand.

A record is a tuple: rowid, id, role, content, time, one column of the store's own, then the columns that no
program is known to write. Its values are *plain*: text as its stored bytes, everything else as SQLite has it.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from session_tui.adapters import rows, times
from session_tui.adapters.database import among, belonging, rowid
from session_tui.adapters.tails import MANY_MESSAGES
from session_tui.model import Block, Message, Role, TitleSource
from session_tui.text import title_from_prompt

Record = tuple[object, ...]
_COLUMNS: Final = ("id", "role", "content", "created_at")
_MOMENT: Final = rb"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)? ?"
_ZONE = re.compile(_MOMENT + rb"(Z|[+-]\d\d:?\d\d)")
_ROLES: Final = {role.value: role for role in Role}


class MessageRows:
    """The records of one session in the order of their times, with the ``sizes`` of their contents in bytes; ``fault``
    says what stopped the reading, if anything. With ``latest`` only so many, written last, are read."""

    def __init__(self, database: sqlite3.Connection, session: int, own: str, *, latest: int = 0) -> None:
        known = {*_COLUMNS, own, "session_id"}
        self._more = sorted(rows.columns(database, "messages").difference(known))
        found, self.fault = records(database, (*_COLUMNS, own, *self._more), session, latest=latest)
        order = chronological([record[4] for record in found])
        self.records = found if order == list(range(len(found))) else [found[position] for position in order]
        contents = [record[3] for record in self.records]
        self.sizes = [len(stored if type(stored) is bytes else rows.raw(stored)) for stored in contents]

    def message(
        self, position: int, blocks: tuple[Block, ...], *, archived: bool, is_summary: bool = False, lossy: bool = False
    ) -> Message:
        """The message at ``position`` with the blocks that the store's own reading found in its content."""
        _, id, said_by, _, created_at, _, *more = self.records[position]
        role, extra = speaker(said_by)
        for name, value in zip(self._more, more, strict=True):
            if value is not None:
                extra[name] = decoded(value)[0]
        return Message(
            id=decoded(id)[0],
            role=role,
            blocks=blocks,
            created_at=times.parse(created_at),
            archived=archived,
            is_summary=is_summary,
            lossy=lossy,
            extra=extra,
        )


@contextmanager
def plain(database: sqlite3.Connection) -> Iterator[None]:
    """Rows as tuples, text as its stored bytes: three times as fast for tables of many long rows."""
    text_factory, row_factory = database.text_factory, database.row_factory
    database.text_factory, database.row_factory = bytes, None
    try:
        yield
    finally:
        database.text_factory, database.row_factory = text_factory, row_factory


def has_many(database: sqlite3.Connection, session: int) -> bool:
    """Whether the session with the rowid ``session`` has so many messages that its end is worth reading first."""
    query = f"SELECT 1 FROM messages WHERE {belonging([session])} LIMIT 1 OFFSET {MANY_MESSAGES}"
    return bool(_fetched(database, query)[0])


def records(
    database: sqlite3.Connection, wanted: Sequence[str], session: int, *, latest: int = 0
) -> tuple[list[Record], str]:
    """The messages of the session with the rowid ``session``, as `plain` tuples of their own rowid and the
    ``wanted`` columns, in the order of their rowids; and what stopped the reading, or "". With ``latest`` only so
    many at the end.

    Rows behind damaged pages are looked for without the index, and from the other end.
    """
    have = rows.columns(database, "messages")
    if not have:
        return [], "no table messages"
    names = ["rowid", *(f'"{name}"' if name in have else "NULL" for name in wanted)]
    start = f"SELECT {', '.join(names)} FROM messages"
    end = f"WHERE {belonging([session])} ORDER BY rowid"
    with plain(database):
        if latest:
            found, fault = _fetched(database, f"{start} {end} DESC LIMIT {latest}")
            return found[::-1], fault
        found, fault = _fetched(database, f"{start} {end}")
        if fault:
            again, _ = _fetched(database, f"{start} NOT INDEXED {end}")
            backwards, _ = _fetched(database, f"{start} NOT INDEXED {end} DESC")
            found = sorted({record[0]: record for record in (*found, *again, *backwards)}.values(), key=_by_rowid)
    return found, fault


def _fetched(database: sqlite3.Connection, query: str) -> tuple[list[Record], str]:
    found: list[Record] = []
    try:
        found.extend(database.execute(query))
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise
        return found, str(error)
    return found, ""


def _by_rowid(record: Record) -> int:
    return rows.integer(record[0]) or 0


def decoded(value: object) -> tuple[str, bool]:
    """A `plain` value as text, and whether invalid bytes in it became U+FFFD."""
    match value:
        case None:
            return "", False
        case bytes():
            try:
                return value.decode(), False
            except UnicodeDecodeError:
                return value.decode("utf-8", "replace"), True
        case _:
            return rows.text(value), rows.is_lossy(value)


def speaker(value: object) -> tuple[Role, dict[str, object]]:
    """The role that a `plain` value names; an unknown one counts as the system's and is kept for ``extra``."""
    name, _ = decoded(value)
    return (_ROLES[name], {}) if name in _ROLES else (Role.SYSTEM, {"role": name})


def chronological(moments: Sequence[object]) -> list[int]:
    """The positions of `plain` times from the earliest to the latest; an unknown time stays with the one before.

    Times of one UTC offset sort as the texts they are, which is a hundred times faster than parsing them.
    """
    texts = [moment for moment in moments if type(moment) is bytes]
    if len(texts) == len(moments) and _have_one_offset(texts):
        return sorted(range(len(texts)), key=texts.__getitem__)
    keys: list[float] = []
    for moment in moments:
        parsed = times.parse(moment)
        keys.append(parsed.timestamp() if parsed else keys[-1] if keys else float("-inf"))
    return sorted(range(len(keys)), key=keys.__getitem__)


def _have_one_offset(texts: Sequence[bytes]) -> bool:
    first = _ZONE.match(texts[0]) if texts else None
    if first is None:
        return False
    joined = b"\n".join((*texts, b""))
    same = re.compile(b"(?:%b%b[^\n]*+\n)*+" % (_MOMENT, re.escape(first[1])))
    return joined.count(b"\n") == len(texts) and same.fullmatch(joined) is not None


def first_prompts(
    database: sqlite3.Connection, rowids: Sequence[int], said: Callable[[object], str], order: str
) -> dict[int, str]:
    """The first thing a person said in each session, by its rowid; ``said`` finds it in a stored content and is
    empty where there is none. ``order`` is SQL; a plus keeps SQLite from walking an index over all sessions."""
    first = f"session_id = sessions.id AND role = 'user' ORDER BY {order} LIMIT 1"
    query = f"SELECT rowid, (SELECT content FROM messages WHERE {first}) AS content FROM sessions WHERE {among(rowids)}"
    found: dict[int, str] = {}
    for row in database.execute(query):
        number, prompt = rowid(row), said(row["content"])
        if not prompt and row["content"] is not None:
            later = f"SELECT content FROM messages WHERE role = 'user' AND {belonging([number])} ORDER BY {order}"
            prompt = next(filter(None, (said(row["content"]) for row in database.execute(later))), "")
        found[number] = prompt
    return found


def titled(
    stored: str, prompt: str, placeholders: Collection[str] = (), source: TitleSource = TitleSource.CUSTOM
) -> tuple[str, TitleSource]:
    """A session's title and where it comes from: the stored one unless it is blank or a placeholder, else one
    made of the first prompt, where there is one."""
    if stored.strip() and stored not in placeholders:
        return stored, source
    return (title_from_prompt(prompt), TitleSource.FIRST_PROMPT) if prompt else (stored, TitleSource.NONE)
