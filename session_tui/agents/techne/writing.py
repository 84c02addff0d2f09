"""What the program changes when it renames or summarises a session, within an open transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from session_tui.adapters import go_json, rows, times
from session_tui.adapters.base import Rows
from session_tui.adapters.database import belonging, rowid
from session_tui.adapters.row_writes import demand
from session_tui.adapters.rows import Row
from session_tui.adapters.shrinking import Take
from session_tui.adapters.writing import new_id, outdated
from session_tui.agents.techne.content import DEFAULT_WINDOW, framed
from session_tui.agents.techne.conversation import KEPT, Conversation
from session_tui.errors import StoreError
from session_tui.model import CompactPlan, Role, Summary
from session_tui.text import scrub

RULES: Final[Mapping[str, object]] = {
    "trigger_threshold": 0.9,
    "compact_ratio": 1.0,
    "preserve_recent": KEPT,
    "min_messages": 9,
    "keep_system": False,
    "default_window": DEFAULT_WINDOW,
}
"""The program's own compaction rules: above nine tenths of the window, and with more than eight messages."""
NOTE: Final = "techne notes the summary but still sends the whole conversation"
SHRUNK: Final = "techne goes on from the summary; what it covers is in the trash alone"
_TICK: Final = timedelta(milliseconds=1)
_SUMMARY: Final = (
    "INSERT INTO messages (id, session_id, role, content, model, created_at)"
    " SELECT ?, id, ?, ?, '', ? FROM sessions WHERE rowid = ?"
)
_POINTER: Final = "UPDATE sessions SET summary_message_id = ?, updated_at = ? WHERE rowid = ?"


def rename(database: sqlite3.Connection, entry: Row, title: str) -> None:
    """Set the title of the session of ``entry``, and the time of its last change."""
    values = (scrub(title), times.sqlite_text(datetime.now(UTC)), rowid(entry))
    database.execute("UPDATE sessions SET title = ?, updated_at = ? WHERE rowid = ?", values)


def touched(session: str) -> tuple[Rows, ...]:
    """The row that `compact` changes, and where it adds one."""
    return Rows("messages", "session_id = ? AND role = 'system'", (session,)), Rows("sessions", "id = ?", (session,))


def going(session: str, ids: Sequence[str]) -> Rows:
    """The messages of a session with these ids."""
    return Rows("messages", "session_id = ? AND id IN (SELECT value FROM json_each(?))", (session, json.dumps(ids)))


def compact(
    database: sqlite3.Connection, entry: Row, conversation: Conversation, plan: CompactPlan, summary: Summary
) -> dict[str, tuple[str, ...]]:
    """Append ``summary`` behind all messages, point to it, and say by its id what stays active beside it.

    Raises:
        StoreError: other messages are active than those that ``plan`` was made for.
    """
    earlier = _still_as_planned(database, conversation, plan)
    id = summary.id or new_id()
    moments = conversation.moments()
    at = _after(summary.compacted_at or datetime.now(UTC), moments)
    _add(database, entry, id=id, role=Role.SYSTEM, text=summary.content, at=_spelled(at, moments))
    return {id: (*plan.keep, *(other for other in earlier if other not in plan.carried))}


def shrink(
    database: sqlite3.Connection,
    entry: Row,
    conversation: Conversation,
    plan: CompactPlan,
    summary: Summary,
    *,
    take: Take,
) -> None:
    """Have all that ``summary`` covers taken, and put it before what stays, framed as a person's message: so the
    program sends it to every model.

    Raises:
        StoreError: other messages are active than those that ``plan`` was made for, or their times are such that
            nothing can stand before them.
    """
    _still_as_planned(database, conversation, plan)
    ids = conversation.covered(plan)
    if take(database, going(rows.text(entry["id"]), [*ids, summary.id])) != len(ids):
        raise outdated()
    at = _before(conversation.moments(but=frozenset(ids)), summary.compacted_at or datetime.now(UTC))
    _add(database, entry, id=summary.id, role=Role.USER, text=framed(summary.content), at=at)
    query = f"SELECT id FROM messages WHERE {belonging([rowid(entry)])} ORDER BY created_at ASC LIMIT 1"
    if rows.text(database.execute(query).fetchone()["id"]) != summary.id:
        raise StoreError("the times of its messages leave no place before them", hint="compact it without --shrink")


def _still_as_planned(database: sqlite3.Connection, conversation: Conversation, plan: CompactPlan) -> list[str]:
    """The ids of the active summaries.

    Raises:
        StoreError: other messages are active than those that ``plan`` was made for.
    """
    demand(database, "messages", ("id", "session_id", "role", "content", "model", "created_at"))
    if conversation.fault:
        raise sqlite3.DatabaseError(conversation.fault)
    earlier = conversation.active(summaries=True)
    if sorted(conversation.active(summaries=False)) != sorted((*plan.compact, *plan.keep)):
        raise outdated()
    if not set(plan.carried).issubset(earlier):
        raise outdated()
    return earlier


def _add(database: sqlite3.Connection, entry: Row, *, id: str, role: Role, text: str, at: str) -> None:
    """Add a message that says a summary, and point to it."""
    content = go_json.dumps([{"type": "text", "text": text}])
    database.execute(_SUMMARY, (id, role.value, content, at, rowid(entry)))
    database.execute(_POINTER, (id, times.sqlite_text(datetime.now(UTC)), rowid(entry)))


def _before(moments: Sequence[object], otherwise: datetime) -> str:
    """A text before all of ``moments``, in time and as texts: in the UTC offset of the first text."""
    known = [parsed for raw in moments if (parsed := times.parse(raw))]
    first = times.parse(min((rows.raw(raw).decode("utf-8", "replace") for raw in moments), default=""))
    return times.sqlite_text(min(known, default=otherwise) - _TICK, first.tzinfo if first else None)


def _after(moment: datetime, moments: Sequence[object]) -> datetime:
    """``moment``, or where a message is said to be newer, the next one after that."""
    newest = max((parsed for raw in moments if (parsed := times.parse(raw))), default=None)
    return moment if newest is None else max(moment, newest + _TICK)


def _spelled(moment: datetime, moments: Sequence[object]) -> str:
    """``moment`` as a text behind all of ``moments``, as whose texts the program orders its messages: in local time,
    or where that is not behind them, in the UTC offset of the last."""
    last = max((rows.raw(raw).decode("utf-8", "replace") for raw in moments), default="")
    local = times.sqlite_text(moment)
    parsed = times.parse(last)
    return local if local > last or parsed is None else times.sqlite_text(moment, parsed.tzinfo)
