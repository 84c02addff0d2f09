"""What the program changes when it renames or summarises a session, within an open transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from session_tui.adapters import go_json, rows, times
from session_tui.adapters.base import Rows
from session_tui.adapters.database import rowid
from session_tui.adapters.row_writes import demand
from session_tui.adapters.rows import Row
from session_tui.adapters.writing import new_id, outdated
from session_tui.agents.techne.content import DEFAULT_WINDOW
from session_tui.agents.techne.conversation import KEPT, Conversation
from session_tui.model import CompactPlan, Summary
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
_LATER: Final = timedelta(milliseconds=1)
_SUMMARY: Final = (
    "INSERT INTO messages (id, session_id, role, content, model, created_at)"
    " SELECT ?, id, 'system', ?, '', ? FROM sessions WHERE rowid = ?"
)


def rename(database: sqlite3.Connection, entry: Row, title: str) -> None:
    """Set the title of the session of ``entry``, and the time of its last change."""
    values = (scrub(title), times.sqlite_text(datetime.now(UTC)), rowid(entry))
    database.execute("UPDATE sessions SET title = ?, updated_at = ? WHERE rowid = ?", values)


def touched(session: str) -> tuple[Rows, ...]:
    """The row that `compact` changes, and where it adds one."""
    return Rows("messages", "session_id = ? AND role = 'system'", (session,)), Rows("sessions", "id = ?", (session,))


def compact(
    database: sqlite3.Connection, entry: Row, conversation: Conversation, plan: CompactPlan, summary: Summary
) -> dict[str, tuple[str, ...]]:
    """Append ``summary`` behind all messages, point to it, and say by its id what stays active beside it.

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
    id = summary.id or new_id()
    content = go_json.dumps([{"type": "text", "text": summary.content}])
    moments = conversation.moments()
    at = _after(summary.compacted_at or datetime.now(UTC), moments)
    database.execute(_SUMMARY, (id, content, _spelled(at, moments), rowid(entry)))
    values = (id, times.sqlite_text(datetime.now(UTC)), rowid(entry))
    database.execute("UPDATE sessions SET summary_message_id = ?, updated_at = ? WHERE rowid = ?", values)
    return {id: (*plan.keep, *(other for other in earlier if other not in plan.carried))}


def _after(moment: datetime, moments: Sequence[object]) -> datetime:
    """``moment``, or where a message is said to be newer, the next one after that."""
    newest = max((parsed for raw in moments if (parsed := times.parse(raw))), default=None)
    return moment if newest is None else max(moment, newest + _LATER)


def _spelled(moment: datetime, moments: Sequence[object]) -> str:
    """``moment`` as a text behind all of ``moments``, as whose texts the program orders its messages: in local time,
    or where that is not behind them, in the UTC offset of the last."""
    last = max((rows.raw(raw).decode("utf-8", "replace") for raw in moments), default="")
    local = times.sqlite_text(moment)
    parsed = times.parse(last)
    return local if local > last or parsed is None else times.sqlite_text(moment, parsed.tzinfo)
