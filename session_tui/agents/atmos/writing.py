"""What the program changes when it renames or compacts a session, within an open transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from session_tui.adapters import rows, times
from session_tui.adapters.base import Rows
from session_tui.adapters.database import belonging, rowid
from session_tui.adapters.row_writes import demand
from session_tui.adapters.rows import Row
from session_tui.adapters.writing import new_id, outdated
from session_tui.errors import StoreError
from session_tui.model import CompactPlan, Message, Summary
from session_tui.text import scrub

RULES: Final[Mapping[str, object]] = {
    "trigger_threshold": 0.75,
    "compact_ratio": 0.4,
    "preserve_recent": 10,
    "keep_system": False,
    "merge_summaries": False,
}
"""The program's own compaction rules; it sends all summaries of a session, so that each stands for its own range."""
READ_BY: Final = ("exec", "ask")
"""The commands that go on from summaries and active messages alone."""
NOTE: Final = "atmos chat still shows and sends the whole conversation; exec and ask go on from the summary"
EXCERPT: Final = 200
"""Bytes of each message that the program's own summary quotes."""
_SUMMARY: Final = (
    "INSERT INTO message_summaries (id, session_id, provider, original_message_ids, message_range, summary_content,"
    " token_count, compacted_at) SELECT ?, id, '', ?, ?, ?, ?, ? FROM sessions WHERE rowid = ?"
)


def rename(database: sqlite3.Connection, entry: Row, name: str) -> None:
    """Name the session of ``entry``, since it is continued by its name.

    Raises:
        StoreError: the name is blank, no command line can carry it, or another session of the project has it.
    """
    if not name.strip() or "\0" in name:
        raise StoreError("a session is continued by its name, which cannot be blank or hold a NUL")
    taken = database.execute(
        "SELECT 1 FROM sessions AS other JOIN sessions AS own ON own.project_path = other.project_path"
        " WHERE own.rowid = ?1 AND other.rowid <> ?1 AND other.name = ?2",
        (rowid(entry), scrub(name)),
    )
    if taken.fetchone():
        raise StoreError(f"another session of this project is named {name!r}", hint="choose another name")
    database.execute("UPDATE sessions SET name = ? WHERE rowid = ?", (scrub(name), rowid(entry)))


def plain_summary(messages: Sequence[Message]) -> str:
    """The program's own summary where no model writes one: the beginning of every message. A character that the
    program would cut apart is left out."""
    quoted = "".join(f"[{message.role.value}]: {_excerpt(message.text)}\n\n" for message in messages)
    return f"SUMMARY OF EARLIER CONVERSATION:\n\n{quoted}(Summarized {len(messages)} messages)\n"


def _excerpt(text: str) -> str:
    raw = scrub(text).encode()
    return f"{raw[:EXCERPT].decode('utf-8', 'ignore')}..." if len(raw) > EXCERPT else raw.decode()


def touched(session: str, plan: CompactPlan) -> tuple[Rows, ...]:
    """The rows that `compact` changes and removes, and where it adds one."""
    ids = [int(id) for id in plan.compact if id.isdecimal()] or [0]
    flagged = Rows("messages", "session_id = ? AND id BETWEEN ? AND ?", (session, min(ids), max(ids)))
    return flagged, Rows("message_summaries", "session_id = ?", (session,))


def compact(database: sqlite3.Connection, entry: Row, plan: CompactPlan, summary: Summary) -> None:
    """Flag the messages of ``plan``, add ``summary``, and take the summaries away that it takes in.

    Raises:
        StoreError: a message is archived already, or gone; or a summary is gone.
    """
    demand(database, "messages", ("id", "session_id", "archived"))
    demand(database, "message_summaries", ("id", "session_id", "original_message_ids"))
    own = belonging([rowid(entry)])
    active = {
        str(row["id"]) for row in database.execute(f"SELECT id FROM messages WHERE {own} AND COALESCE(archived, 0) = 0")
    }
    if not active.issuperset(plan.compact):
        raise outdated()
    gone = sorted(map(int, plan.compact))
    ids = sorted({*_carried(database, own, plan), *gone})
    content = scrub(summary.content)
    values = (
        summary.id or new_id(),
        json.dumps(ids, separators=(",", ":")),
        f"Messages {ids[0]}-{ids[-1]}",
        content,
        len(content.encode()) // 4,
        times.sqlite_text(summary.compacted_at or datetime.now(UTC)),
    )
    database.execute(_SUMMARY, (*values, rowid(entry)))
    database.executemany("UPDATE messages SET archived = 1 WHERE id = ?", [(id,) for id in gone])


def _carried(database: sqlite3.Connection, own: str, plan: CompactPlan) -> set[int]:
    """Take away the summaries that the new one takes in, and say which messages they stood for."""
    ids: set[int] = set()
    stored = {rows.text(row["id"]): row for row in database.execute(f"SELECT * FROM message_summaries WHERE {own}")}
    for id in plan.carried:
        if id not in stored:
            raise outdated()
        ids.update(_numbers(rows.text(stored[id]["original_message_ids"])))
        database.execute("DELETE FROM message_summaries WHERE id = ?", (stored[id]["id"],))
    return ids


def _numbers(stored: str) -> set[int]:
    try:
        found = json.loads(stored)
    except (ValueError, RecursionError):
        return set()
    return {id for id in found if type(id) is int} if isinstance(found, list) else set()
