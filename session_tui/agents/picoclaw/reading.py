"""One pass over a session's lines or its legacy file, and its records as messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from session_tui.adapters import chat, prompts, times
from session_tui.adapters.batches import Batch, batches
from session_tui.adapters.conversation import Conversation, Entry, Record
from session_tui.adapters.rows import integer, mapping, text
from session_tui.model import Message, Role, TokenSource

LINE_LIMIT: Final = 10 * 1024 * 1024
"""A longer line makes the program fail to read the whole session."""
SUMMARY_ID: Final = "summary"
LINES: Final = ".jsonl"
_USER: Final = Role.USER


class Reading(Conversation):
    """One pass over a session's lines or its legacy file."""

    def __init__(self, path: Path, held: Record, *, tail: int = 0) -> None:
        super().__init__(path, tail=tail)
        self.model = ""
        self.raw_lines = 0
        """How many lines there are, bad ones counted."""
        self._skip = integer(held.get("skip")) or 0
        self._runes = 0
        self._tools: dict[str, str] = {}
        if path.suffix == LINES:
            for batch in batches(self.records, chat.HEAD, lambda line: chat.head_of(self.leniently(line))):
                self._take(batch)
        else:
            items = held.get("messages")
            for number, item in enumerate(items if isinstance(items, list) else ()):
                self._add(chat.head_of(mapping(item)), Entry(str(number), Role.USER, item=mapping(item)), number)
        if summary := text(held.get("summary")):
            item = {"role": "system", "content": summary}
            sent = (number for number, entry in enumerate(self.entries) if int(entry.id) >= self._skip)
            entry = Entry(SUMMARY_ID, Role.SYSTEM, len(summary), item=item, summary=True)
            self.entries.insert(next(sent, len(self.entries)), entry)

    def _take(self, batch: Batch[chat.Head]) -> None:
        """Take the messages of some lines."""
        index = batch.index
        self.raw_lines = index + len(batch.values)
        for position, (head, start, end) in enumerate(zip(batch.values, batch.starts, batch.ends, strict=True)):
            length = end - start
            if head.role:
                entry = Entry(str(index + position), _USER, 0, length, start, length)
                self._add(head, entry, index + position)
            elif batch.line(position).number not in {problem.line for problem in self.problems}:
                self.problem(batch.line(position), "not a message: it has no role")
            if length > LINE_LIMIT:
                what = f"a line of {length:,} bytes, with which PicoClaw cannot read the session at all"
                self.problem(batch.line(position), what)

    def _add(self, head: chat.Head, entry: Entry, number: int) -> None:
        entry.role, entry.weight = chat.role(head.role), head.weight
        if head.reasoning_content:
            entry.skipped = head.is_thought
        if number < self._skip or entry.skipped:
            entry.archived = True
        else:
            self._runes += len(head.content)
        if head.tool_calls:
            self._tools |= {call.id: call.function.name for call in head.tool_calls if call.function}
        self.model = head.model_name or self.model
        self.add(entry)

    def message(self, record: Record, entry: Entry, lossy: bool) -> Message:
        """A line as a message."""
        message = message_of(record, self._tools)
        return replace(
            message,
            id=entry.id,
            role=entry.role,
            archived=entry.archived,
            is_summary=entry.summary,
            is_meta=not entry.summary and (message.is_meta or entry.skipped),
            lossy=lossy,
        )

    def span(self) -> tuple[datetime | None, datetime | None]:
        """The times of the first and the last message."""
        said = [entry for entry in self.entries if not entry.summary]
        ends = [self.record(entry)[0] for entry in (*said[:1], *said[-1:])] or [{}]
        return times.parse(ends[0].get("created_at")), times.parse(ends[-1].get("created_at"))

    def tokens(self) -> tuple[int, TokenSource]:
        """The program's own estimate: two tokens for five characters of what is sent."""
        return self._runes * 2 // 5, TokenSource.ESTIMATED


def message_of(record: Record, tools: Mapping[str, str]) -> Message:
    """The message in a record; ``tools`` names the tool of each call."""
    role = chat.role(text(record.get("role")))
    return Message(
        id="",
        role=role,
        blocks=tuple(chat.blocks(record, tools)),
        created_at=times.parse(record.get("created_at")),
        model=text(record.get("model_name")) or None,
        is_meta=role is Role.SYSTEM or (role is Role.USER and prompts.is_injected(text(record.get("content")))),
        extra={name: record[name] for name in record if name not in (*chat.KEYS, "model_name", "created_at")},
    )
