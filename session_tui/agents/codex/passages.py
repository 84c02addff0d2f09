"""The texts of a rollout for searching: each line by itself, so that a file that grew is read from its old end.

The same words stand in a response item and in an event; they are taken from whichever comes first.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from session_tui.adapters import jsonl
from session_tui.adapters.passages import Passage, of_call
from session_tui.adapters.rows import mapping
from session_tui.adapters.runs import records
from session_tui.agents.codex.records import COMPACTED, EVENT, META, RESPONSE, TURN
from session_tui.agents.codex.telling import is_injected
from session_tui.errors import StoreDamaged

_FAILURES: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_ENVELOPES: Final = frozenset({RESPONSE, EVENT, META, TURN, COMPACTED})
_ERROR: Final = frozenset({"error"})
_IMAGE: Final = frozenset({"image"})
_SUMMARY: Final = frozenset({"summary"})
_NOTHING: Final[frozenset[str]] = frozenset()
_ROLES: Final = {"user": "user", "assistant": "assistant"}
_WORKED: Final = ("_call", "_output")
_MISHAPS: Final = frozenset({"error", "stream_error"})
_EVENTS: Final = {
    "user_message": ("user", "text"),
    "agent_message": ("assistant", "text"),
    "agent_reasoning": ("assistant", "thinking"),
    "agent_reasoning_raw_content": ("assistant", "thinking"),
}
"""Who said what kind of text in events of these types."""


class _Part(msgspec.Struct, gc=False):
    type: str = ""
    text: str | None = None


class _Item(msgspec.Struct, gc=False):
    type: str = ""
    role: str = ""
    name: str | None = None
    message: str | None = None
    text: str | None = None
    success: bool | None = None
    exit_code: int | None = None
    content: list[_Part] | str | None = None
    summary: list[_Part] | str | None = None


class _Tooled(_Item, gc=False):
    """An item with what a tool was given and what it gave back."""

    arguments: object = None
    input: object = None
    action: object = None
    output: object = None


class _Line(_Tooled, gc=False):
    """A line: an item in an envelope, or, in old rollouts, one by itself."""

    payload: _Tooled | None = None


class _BriefLine(_Item, gc=False):
    payload: _Item | None = None


class _Metadata(msgspec.Struct, gc=False):
    exit_code: int | None = None


class _Printed(msgspec.Struct, gc=False):
    """What a command printed, as it is told in one string."""

    output: str = ""
    metadata: _Metadata | None = None


_line = msgspec.json.Decoder(_Line)
_brief_line = msgspec.json.Decoder(_BriefLine)
_printed = msgspec.json.Decoder(_Printed).decode
_json = msgspec.json.Decoder().decode


def passages(path: Path, start: int, end: int, *, work: bool) -> Iterator[Passage]:
    """The texts of the lines that begin between two offsets, where a line begins; without ``work`` those of tools
    are empty.

    Raises:
        StoreError: the file cannot be read.
    """
    seen: set[int] = set()
    lines: Iterator[tuple[int, _Line | _BriefLine]] = records(
        path, start, end, _line if work else _brief_line, _leniently
    )
    for position, line in lines:
        kind, item = line.type, line.payload
        if item is None and kind not in _ENVELOPES:
            kind, item = RESPONSE, line
        if item is None:
            continue
        told = item.type
        if kind == RESPONSE:
            if told.endswith(_WORKED):
                yield _of_work(position, told, item)
            else:
                yield from _of_response(position, told, item, seen)
        elif kind == EVENT:
            if told != "token_count":
                yield from _of_event(position, told, item, seen)
        elif kind == COMPACTED and item.message:
            yield Passage(position, "system", "summary", item.message, has=_SUMMARY)


def _of_work(position: int, kind: str, item: _Item) -> Passage:
    """A call of a tool, or what it gave back."""
    if kind.endswith("_output"):
        text, failed = _output(item.output) if isinstance(item, _Tooled) else ("", False)
        return Passage(position, "tool", "tool_result", text, has=_ERROR if failed else _NOTHING)
    given = (item.arguments, item.input, item.action) if isinstance(item, _Tooled) else ()
    value = next((_given(one) for one in given if one is not None), None)
    return of_call(position, "assistant", item.name or kind.removesuffix("_call"), value)


def _of_response(position: int, kind: str, item: _Item, seen: set[int]) -> Iterator[Passage]:
    if kind == "message":
        role, content = _ROLES.get(item.role, "system"), item.content
        for text in _texts(content):
            if passage := _once(position, role, "text", text, seen):
                yield passage
        if isinstance(content, list) and any(part.type == "input_image" for part in content):
            yield Passage(position, role, "context", "", has=_IMAGE)
    elif kind == "reasoning":
        for text in (*_texts(item.summary), *_texts(item.content)):
            if passage := _once(position, "assistant", "thinking", text, seen):
                yield passage


def _of_event(position: int, kind: str, item: _Item, seen: set[int]) -> Iterator[Passage]:
    if (spoken := _EVENTS.get(kind)) is not None:
        text = item.text if spoken[1] == "thinking" else item.message
        if text and (passage := _once(position, *spoken, text, seen)):
            yield passage
    elif kind in _MISHAPS and item.message:
        yield Passage(position, "system", "context", item.message, has=_ERROR)
    elif kind.endswith("_end") and (item.exit_code or item.success is False):
        yield Passage(position, "tool", "tool_result", "", has=_ERROR)


def _once(position: int, role: str, part: str, text: str, seen: set[int]) -> Passage | None:
    """``text``, unless the same was told before by the other kind of record."""
    same = hash((role, part, text.strip()))
    if same in seen:
        return None
    seen.add(same)
    if part == "text" and (role == "system" or (role == "user" and is_injected(text))):
        part = "context"
    return Passage(position, role, part, text)


def _texts(parts: list[_Part] | str | None) -> list[str]:
    if isinstance(parts, str):
        return [parts]
    return [part.text for part in parts or () if part.text]


def _given(value: object) -> object:
    """What a tool was given: arguments are JSON in a string, a patch is plain text."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return _json(value)
        except _FAILURES:
            return value
    return value


def _output(value: object) -> tuple[str, bool]:
    """What a tool printed, and whether it says that it failed."""
    if isinstance(value, str):
        if not value.startswith('{"output":'):
            return value, False
        try:
            told = _printed(value)
        except _FAILURES:
            return value, False
        return told.output, bool(told.metadata and told.metadata.exit_code)
    failed = mapping(value).get("success") is False
    held = mapping(value).get("content") or mapping(value).get("content_items") or value
    parts = held if isinstance(held, list) else [held] if held else []
    return "\n".join(str(mapping(part).get("text", "")) for part in parts), failed


def _leniently(raw: bytes) -> _Line:
    """A line whose values are of other types than usual, as far as they fit; nothing where it is no record."""
    try:
        record = mapping(jsonl.decode(raw).value)
    except StoreDamaged:
        return _Line()
    payload = mapping(record.get("payload")) or record
    item = _Tooled()
    for field in msgspec.structs.fields(_Tooled):
        if field.name in payload:
            try:
                setattr(item, field.name, msgspec.convert(payload[field.name], field.type))
            except msgspec.MsgspecError:
                continue
    kind = record.get("type")
    return _Line(kind if isinstance(kind, str) and kind in _ENVELOPES else RESPONSE, payload=item)
