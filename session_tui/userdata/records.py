"""Rows of ``overlay.db`` and the values they stand for.

Times are RFC 3339 in UTC, lists are JSON; an id or root that is no UTF-8 is kept as a blob of its bytes.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

from session_tui.adapters import rows, times
from session_tui.model import CompactPlan, SessionKey, Summary
from session_tui.text import scrub, stamp
from session_tui.userdata.marks import Bookmark, Compaction, Marks


def cell(text: str) -> str | bytes:
    """``text`` as SQLite can hold it: its bytes where it is no UTF-8."""
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")


def bound(key: SessionKey) -> tuple[str | bytes, ...]:
    """The key's store, root and id, to bind."""
    return cell(key.store), cell(key.root), cell(key.id)


def told(value: object) -> str:
    """The text that `cell` made ``value`` of."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def key_of(row: rows.Row) -> SessionKey:
    """Whose row it is."""
    return SessionKey(told(row["store"]), told(row["id"]), told(row["root"]))


def all_marks(database: sqlite3.Connection) -> dict[SessionKey, Marks]:
    """All that is marked, by session, in three queries."""
    found: dict[SessionKey, Marks] = {}
    for row in database.execute("SELECT * FROM sessions"):
        title, note = row["title"], row["note"]
        found[key_of(row)] = Marks(
            title=None if title is None else str(title),
            pinned=_flag(row["pinned"]),
            archived=_flag(row["archived"]),
            note="" if note is None else str(note),
        )
    for row in database.execute("SELECT * FROM tags ORDER BY rowid"):
        key, name = key_of(row), str(row["name"])
        marks = found.get(key, Marks())
        if row["hidden"]:
            found[key] = replace(marks, hidden_tags=(*marks.hidden_tags, name))
        else:
            found[key] = replace(marks, tags=(*marks.tags, name))
    ours = "SELECT * FROM compactions WHERE written_to = 'overlay' ORDER BY compacted_at, rowid"
    for row in database.execute(ours):
        key = key_of(row)
        marks = found.get(key, Marks())
        found[key] = replace(marks, compactions=marks.compactions + 1, summary=str(row["content"]))
    return found


def _flag(value: object) -> bool | None:
    return None if value is None else bool(value)


def bookmark(row: rows.Row) -> Bookmark:
    """The bookmark a row stands for."""
    index = rows.integer(row["message_index"]) or 0
    return Bookmark(told(row["message_id"]), index, str(row["label"]), times.parse(row["created_at"]))


def columns(key: SessionKey, compaction: Compaction) -> dict[str, object]:
    """The row that stands for a compaction of the session."""
    summary, plan = compaction.summary, compaction.plan
    store, root, id = bound(key)
    return {
        "store": store,
        "root": root,
        "id": id,
        "summary_id": cell(summary.id),
        "written_to": compaction.written_to,
        "content": scrub(summary.content),
        "message_range": scrub(summary.message_range),
        "original_ids": json.dumps(summary.original_ids),
        "compact_ids": json.dumps(plan.compact),
        "keep_ids": json.dumps(plan.keep),
        "carried_ids": json.dumps(plan.carried),
        "estimated_savings": plan.estimated_savings,
        "reason": scrub(plan.reason),
        "token_count": summary.token_count,
        "provider": scrub(summary.provider),
        "compacted_at": stamp(summary.compacted_at),
        "extra": json.dumps(dict(summary.extra), default=str),
    }


def compaction(row: rows.Row) -> Compaction:
    """The compaction a row stands for."""
    summary = Summary(
        id=told(row["summary_id"]),
        content=str(row["content"]),
        message_range=str(row["message_range"]),
        original_ids=_ids(row["original_ids"]),
        token_count=rows.integer(row["token_count"]),
        provider=str(row["provider"]),
        compacted_at=times.parse(row["compacted_at"]),
        extra=rows.mapping(json.loads(str(row["extra"]))),
    )
    plan = CompactPlan(
        compact=_ids(row["compact_ids"]),
        keep=_ids(row["keep_ids"]),
        carried=_ids(row["carried_ids"]),
        estimated_savings=rows.integer(row["estimated_savings"]) or 0,
        reason=str(row["reason"]),
    )
    return Compaction(summary, plan, str(row["written_to"]))


def _ids(value: object) -> tuple[str, ...]:
    return tuple(json.loads(str(value)))
