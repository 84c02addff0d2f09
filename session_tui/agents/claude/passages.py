"""The texts of a session's file for searching: each line by itself, so that a file that grew is read from its old
end; nothing is known here of branches and compactions.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from session_tui.adapters.passages import Passage, of_call
from session_tui.adapters.runs import records
from session_tui.agents.claude.lines import BOUNDARY, CONTINUED, FAILURES, QUEUED, is_injected, leniently

_ERROR: Final = frozenset({"error"})
_IMAGE: Final = frozenset({"image"})
_SUMMARY: Final = frozenset({"summary"})
_NOTHING: Final[frozenset[str]] = frozenset()
_CALLS: Final = frozenset({"tool_use", "server_tool_use"})
_SPEAKERS: Final = frozenset({"assistant", "user"})


class _Inner(msgspec.Struct, gc=False):
    """A part of what a tool gave back."""

    type: str = ""
    text: str | None = None


class _Word(msgspec.Struct, gc=False):
    """A part of a message with all of its words."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    name: str | None = None
    title: str | None = None
    is_error: bool | None = None
    input: object = None
    content: str | list[_Inner] | None = None


class _BriefWord(msgspec.Struct, gc=False):
    """A part of a message with what was said alone; the words of tools and thinking are passed over undecoded."""

    type: str = ""
    text: str | None = None
    name: str | None = None
    is_error: bool | None = None


class _Speech(msgspec.Struct, gc=False):
    content: str | list[_Word] | None = None


class _BriefSpeech(msgspec.Struct, gc=False):
    content: str | list[_BriefWord] | None = None


class _Queued(msgspec.Struct, rename="camel", gc=False):
    type: str = ""
    command_mode: str | None = None
    is_meta: bool | None = None
    prompt: str | list[_Word] | None = None


class _Line(msgspec.Struct, rename="camel", gc=False):
    type: str = ""
    subtype: str | None = None
    is_meta: bool | None = None
    is_compact_summary: bool | None = None
    is_api_error_message: bool | None = None
    attachment: _Queued | None = None
    content: msgspec.Raw = msgspec.Raw()


class _Full(_Line, rename="camel", gc=False):
    message: _Speech | None = None


class _Brief(_Line, rename="camel", gc=False):
    message: _BriefSpeech | None = None


_full = msgspec.json.Decoder(_Full)
_brief = msgspec.json.Decoder(_Brief)
_text = msgspec.json.Decoder(str).decode


def passages(path: Path, start: int, end: int, *, work: bool) -> Iterator[Passage]:
    """The texts of the lines that begin between two offsets, where a line begins; without ``work`` those of tools
    and thinking are empty.

    Raises:
        StoreError: the file cannot be read.
    """
    lines: Iterator[tuple[int, _Full | _Brief]] = records(path, start, end, _full if work else _brief, _leniently)
    for position, spoken in lines:
        role, content, message = spoken.type, None, spoken.message
        if message is not None:
            meta, summary = spoken.is_meta or spoken.is_api_error_message, spoken.is_compact_summary
            content = message.content if role in _SPEAKERS else None
        elif role == "attachment" and (queued := spoken.attachment) is not None and queued.type == QUEUED:
            meta, summary = queued.command_mode not in (None, "prompt") or queued.is_meta, False
            role, content = "user", queued.prompt
        elif role == "system" and spoken.subtype != BOUNDARY and (notice := _notice(spoken.content)):
            yield Passage(position, "system", "context", notice)
        if isinstance(content, str):
            yield _said(position, role, content, meta, summary)
        elif content:
            for word in content:
                if (passage := _of_word(position, role, word, meta, summary)) is not None:
                    yield passage


def _leniently(line: bytes) -> _Full:
    return leniently(line, _Full)


def _of_word(
    position: int, role: str, word: _Word | _BriefWord, meta: bool | None, summary: bool | None
) -> Passage | None:
    kind = word.type
    if kind == "text":
        return _said(position, role, word.text, meta, summary) if word.text else None
    if isinstance(word, _Word):
        return _of_work(position, role, word)
    if kind == "tool_result":
        return Passage(position, "tool", kind, "", has=_ERROR if word.is_error else _NOTHING)
    if kind in _CALLS:
        return Passage(position, role, "tool_call", word.name or "", word.name or "")
    return Passage(position, role, "context", "", has=_IMAGE) if kind == "image" else None


def _of_work(position: int, role: str, word: _Word) -> Passage | None:
    """What is not said: tools, thinking, and what is attached."""
    kind = word.type
    if kind == "tool_result":
        content = word.content
        has = _ERROR if word.is_error else _NOTHING
        if content is None or isinstance(content, str):
            return Passage(position, "tool", kind, content or "", has=has)
        text = "\n\n".join([part.text for part in content if part.text])
        has |= _IMAGE if any(part.type == "image" for part in content) else _NOTHING
        return Passage(position, "tool", kind, text, has=has)
    if kind in _CALLS:
        return of_call(position, role, word.name or "", word.input)
    if kind == "thinking":
        return Passage(position, role, kind, word.thinking) if word.thinking else None
    if kind == "image":
        return Passage(position, role, "context", "", has=_IMAGE)
    if kind == "document":
        return Passage(position, role, "context", word.title or "")
    return None


def _said(position: int, role: str, text: str, meta: bool | None, summary: bool | None) -> Passage:
    if summary or (role == "user" and text.startswith(CONTINUED)):
        return Passage(position, role, "summary", text, has=_SUMMARY)
    if meta or (role == "user" and is_injected(text)):
        return Passage(position, role, "context", text)
    return Passage(position, role, "text", text)


def _notice(raw: msgspec.Raw) -> str:
    try:
        return _text(raw) if len(raw) else ""
    except FAILURES:
        return ""
