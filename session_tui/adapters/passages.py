"""Passages: the pieces of text that a search looks through, each with the place it can be read again from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Protocol, runtime_checkable

from session_tui.adapters.base import Source
from session_tui.model import Attachment, Image, Message, Text, Thinking, ToolCall, ToolResult, Transcript

FILE_KEYS: Final = frozenset({"path", "file_path", "filePath", "file", "filename", "notebook_path", "target_file"})
"""What tools call the file they work on."""
_DEEPEST: Final = 32
CONTEXT: Final = -1
"""The position of a passage that belongs to no message."""


class Passage(NamedTuple):
    """A text of one kind. ``position`` is where its message is found again: the byte offset of its line, or, in
    stores that are not read by lines, its index; `CONTEXT` for none. ``part`` is one of `query.PARTS`; ``name`` the
    tool's, ``files`` the paths it was given, ``has`` some of error, image and summary."""

    position: int
    role: str
    part: str
    text: str
    name: str = ""
    files: tuple[str, ...] = ()
    has: frozenset[str] = frozenset()


@runtime_checkable
class Indexable(Protocol):
    """A store of append-only files that can be looked through without a transcript being made."""

    def appended(self, source: Source) -> Path | None:
        """The file that only grows, line by line; ``None`` for a session that must be read whole."""
        ...

    def passages(self, source: Source, start: int, end: int, *, work: bool = True) -> Iterator[Passage]:
        """The passages of the records between two offsets, both the beginning of a line. Without ``work`` the texts
        of tools and thinking may be left empty, where that is faster.

        Raises:
            StoreError: it cannot be read.
        """
        ...


_ERROR: Final = frozenset({"error"})
_IMAGE: Final = frozenset({"image"})
_SUMMARY: Final = frozenset({"summary"})
_NOTHING: Final[frozenset[str]] = frozenset()


def of_transcript(transcript: Transcript) -> Iterator[Passage]:
    """All passages of a session: its messages' by their index, then its summaries' and its context's."""
    for index, message in enumerate(transcript.messages):
        yield from of_message(message, index)
    for summary in transcript.summaries:
        if summary.content:
            yield Passage(CONTEXT, "system", "summary", summary.content, has=_SUMMARY)
    for item in transcript.context:
        yield Passage(CONTEXT, "system", "context", f"{item.type} {item.key}\n{item.value}")
    for file in transcript.files_read:
        yield Passage(CONTEXT, "tool", "context", file.path, files=(file.path,))


def of_message(message: Message, position: int) -> Iterator[Passage]:
    """The passages of one message."""
    role = message.role.value
    for block in message.blocks:
        match block:
            case Text():
                part = "summary" if message.is_summary else "context" if message.is_meta else "text"
                yield Passage(position, role, part, block.text, has=_SUMMARY if message.is_summary else _NOTHING)
            case Thinking():
                yield Passage(position, role, "thinking", block.text)
            case ToolCall():
                yield of_call(position, role, block.name, block.input)
            case ToolResult():
                has = (_ERROR if block.is_error else _NOTHING) | (_IMAGE if block.images else _NOTHING)
                yield Passage(position, role, "tool_result", block.text, block.name, has=has)
            case Image():
                yield Passage(position, role, "context", "", has=_IMAGE)
            case Attachment():
                yield Passage(position, role, "context", f"{block.name}\n{block.url}", files=(block.name,))
            case _:
                continue


def of_call(position: int, role: str, name: str, given: object) -> Passage:
    """The passage of a tool call: the tool's name and every text it was given."""
    texts, files = [name], list[str]()
    _collect(given, texts, files, 0)
    return Passage(position, role, "tool_call", "\n".join(texts), name, tuple(files))


def _collect(value: object, texts: list[str], files: list[str], depth: int) -> None:
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if type(item) is str:
                texts.append(item)
                if key in FILE_KEYS:
                    files.append(item)
            elif depth < _DEEPEST:
                _collect(item, texts, files, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            if type(item) is str:
                texts.append(item)
            elif depth < _DEEPEST:
                _collect(item, texts, files, depth + 1)
    elif value is not None:
        texts.append(str(value))
