"""What the program writes when it titles or compacts a session, within an open transaction.

What stays is copied as it is stored, byte for byte; keys that no version of the program defines stay as well.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, TypeAlias, TypeVar

import msgspec

from session_tui.adapters import go_json, jsonl, rows, times
from session_tui.adapters.database import rowid
from session_tui.adapters.message_rows import decoded
from session_tui.adapters.rows import Row
from session_tui.adapters.writing import outdated
from session_tui.agents.zima.conversation import MARKER, estimate, stored_in, text_of
from session_tui.errors import StoreDamaged
from session_tui.model import CompactPlan, Summary
from session_tui.text import scrub

RULES: Final[Mapping[str, object]] = {"trigger_threshold": 0.8, "compact_ratio": 1.0, "preserve_recent": 5}
"""The program's own compaction rules."""
READ_BY: Final = ("server",)
"""What goes on from the compacted conversation: all that there is."""
DISPLACED: Final = (
    "the server sends the summary in place of the system prompt, which is kept in"
    " custom_data.original_system_prompt of the session's metadata"
)
_ORIGINAL: Final = "original_system_prompt"
_METADATA: Final = ("title", "summary", "tags", "custom_data", "message_count", "token_count", "compaction_count")
"""The order in which the program writes the fields."""
_ACTIVE: Final = 0
_Fields: TypeAlias = "dict[str, bytes]"
_T = TypeVar("_T")


def rename(database: sqlite3.Connection, entry: Row, title: str) -> None:
    """Set the title in the metadata of ``entry``, none where it is empty."""
    fields = _fields(entry["metadata"], "metadata")
    fields.pop("title", None)
    if title:
        fields["title"] = _encoded(title)
    values = (_ordered(fields), _spelled(entry, datetime.now(UTC)), rowid(entry))
    database.execute("UPDATE sessions SET metadata = CAST(? AS TEXT), updated_at = ? WHERE rowid = ?", values)


def compact(database: sqlite3.Connection, entry: Row, plan: CompactPlan, summary: Summary) -> bool:
    """Take the messages of ``plan`` out of the row of ``entry``, put ``summary`` in place of the system prompt, and
    say whether one was there.

    Raises:
        StoreDamaged: messages or metadata are not written as the program does.
        StoreError: the row holds other messages than the plan was made for.
    """
    stored, raw_prompt = stored_in(database, rowid(entry))
    prompt = decoded(raw_prompt)[0]
    blob, fields = _fields(stored, "messages"), _fields(entry["metadata"], "metadata")
    parts = [bytes(part) for part in _decoded(blob.get("messages", b""), list[msgspec.Raw], "messages") or ()]
    kept = _kept(parts, plan, stands_before=bool(prompt or fields.get("summary")))
    text = _text(fields, plan, scrub(summary.content))
    marker = f"[Previous conversation summary: {text}]"
    displaced = bool(prompt) and not MARKER.fullmatch(prompt)
    if displaced:
        custom = _fields(fields.get("custom_data"), "custom data") | {_ORIGINAL: _encoded(prompt)}
        fields["custom_data"] = _joined(custom)
    known = msgspec.json.decode(fields.get("compaction_count", b"0"))
    fields |= {
        "summary": _encoded(text),
        "message_count": _encoded(len(kept) + 1),
        "token_count": _encoded(sum(map(_cost, kept)) + estimate(marker)),
        "compaction_count": _encoded((rows.integer(known) or 0) + 1),
    }
    at = summary.compacted_at or datetime.now(UTC)
    messages = _joined(blob | {"messages": b"[" + b",".join(kept) + b"]"})
    values = (messages, _ordered(fields), marker, _ACTIVE, _spelled(entry, at), _spelled(entry, at), rowid(entry))
    database.execute(
        "UPDATE sessions SET messages = CAST(? AS TEXT), metadata = CAST(? AS TEXT), system_prompt = ?, state = ?,"
        " compacted_at = ?, updated_at = ? WHERE rowid = ?",
        values,
    )
    return displaced


def _kept(parts: list[bytes], plan: CompactPlan, *, stands_before: bool) -> list[bytes]:
    """Those of ``parts`` that the plan keeps.

    Raises:
        StoreError: it was made for others; ``stands_before`` says whether something stands before them.
    """
    planned = {*plan.compact, *plan.keep, *plan.carried}
    there = {str(number) for number, part in enumerate(parts) if part.startswith(b"{")}
    before = planned & {"system", "summary"}
    if planned - before != there or (before and not stands_before):
        raise outdated()
    gone = set(plan.compact)
    return [part for number, part in enumerate(parts) if str(number) not in gone]


def _text(fields: _Fields, plan: CompactPlan, text: str) -> str:
    """The summary to store: since there is room for one alone, with an earlier one that it does not take in."""
    earlier = text_of(msgspec.json.decode(fields.get("summary", b"null")))
    return f"{earlier}\n\n{text}" if earlier and not plan.carried else text


def _cost(part: bytes) -> int:
    try:
        record = rows.mapping(jsonl.decode(part).value)
    except StoreDamaged:
        return estimate("")
    return estimate(text_of(record.get("content", "")))


def _spelled(entry: Row, moment: datetime) -> str:
    return times.spelled_like(moment, rows.text(entry["updated_at"]))


# ── JSON with values as they are stored ───────────────────────────────────────────────────────────────────


def _fields(stored: object, what: str) -> _Fields:
    """The fields of a stored object in their order, their values as the bytes they are stored as.

    Raises:
        StoreDamaged: it is no object.
    """
    found = _decoded(rows.raw(stored), dict[str, msgspec.Raw], what)
    return {name: bytes(value) for name, value in (found or {}).items()}


def _decoded(raw: bytes, kind: type[_T], what: str) -> _T | None:
    try:
        return msgspec.json.decode(raw, type=kind | None) if raw.strip() else None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        hint = "keep the summary beside it, or hand the session off"
        raise StoreDamaged(f"its {what} cannot be rewritten without loss: {error}", hint=hint) from error


def _encoded(value: object) -> bytes:
    return go_json.dumps(value).encode()


def _joined(fields: _Fields) -> bytes:
    return b"{" + b",".join(_encoded(name) + b":" + value for name, value in fields.items()) + b"}"


def _ordered(fields: _Fields) -> bytes:
    names: Iterable[str] = (*(name for name in _METADATA if name in fields), *fields)
    return _joined({name: fields[name] for name in names})
