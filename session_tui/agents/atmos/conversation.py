"""What the rows of one session say: its messages with the summaries among them, and its metadata."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from session_tui import tokens
from session_tui.adapters import jsonl, prompts, rows, times
from session_tui.adapters.message_rows import MessageRows, decoded
from session_tui.adapters.rows import Row
from session_tui.errors import StoreDamaged
from session_tui.model import Message, Messages, Problem, Role, Summary, Text

COUNTED_WHOLE: Final = 4_000_000
"""Bytes of messages up to which tokens are estimated from the text; beyond, from its length alone."""
_RANGE = re.compile(r"Messages (\d+)-(\d+)")


def prompt_in(content: object) -> str:
    """What a person said in a stored content, empty where it holds no text of theirs."""
    text = rows.text(content)
    return text if text.strip() and not prompts.is_injected(text) else ""


def metadata_in(stored: object, path: str) -> tuple[Mapping[str, object], list[Problem]]:
    """The metadata stored with a session of the database at ``path``, and what is wrong with it."""
    if stored in (None, "", "null"):
        return {}, []
    try:
        value = jsonl.decode(rows.raw(stored)).value
    except StoreDamaged as error:
        return {}, [Problem(path, f"the session's metadata is {error.what}", "the rest of the session was read")]
    return rows.mapping(value), []


def _summary(row: Row) -> Summary:
    stored = rows.text(row["original_message_ids"])
    try:
        ids = json.loads(stored)
    except (ValueError, RecursionError):
        ids = None
    span = _RANGE.fullmatch(rows.text(row["message_range"]))
    if not isinstance(ids, list):
        ids = range(int(span[1]), min(int(span[2]), int(span[1]) + 100_000) + 1) if span else []
    return Summary(
        id=rows.text(row["id"]) or f"rowid-{row['rowid']}",
        content=rows.text(row["summary_content"]),
        message_range=rows.text(row["message_range"]),
        original_ids=tuple(str(id) for id in ids),
        token_count=rows.integer(row["token_count"]),
        provider=rows.text(row["provider"]),
        compacted_at=times.parse(row["compacted_at"]),
    )


def _compacted(summary: Summary) -> float:
    return summary.compacted_at.timestamp() if summary.compacted_at else float("inf")


class Conversation:
    """Messages in order, each summary after the last message it stands for."""

    def __init__(self, found: MessageRows, condensed: Sequence[Row]) -> None:
        self._found = found
        self.summaries = sorted((_summary(row) for row in condensed), key=_compacted)
        self._lossy = {rows.text(row["id"]) for row in condensed if rows.is_lossy(row["summary_content"])}
        self._archived = [record[5] not in (None, 0) for record in found.records]
        self.archived_count = sum(self._archived)
        self._parts: list[int | Summary] = list(range(len(found.records)))
        for position, summaries in sorted(self._placed().items(), reverse=True) if condensed else ():
            self._parts[position + 1 : position + 1] = summaries

    def _placed(self) -> Mapping[int, Sequence[Summary]]:
        """The summaries by the position of the last message each stands for."""
        place = {str(record[1]): position for position, record in enumerate(self._found.records)}
        last = max((position for position, archived in enumerate(self._archived) if archived), default=-1)
        after: dict[int, list[Summary]] = {}
        for summary in self.summaries:
            position = max((place[id] for id in summary.original_ids if id in place), default=last)
            after.setdefault(position, []).append(summary)
        return after

    def messages(self) -> Messages:
        """The messages, decoded when they are asked for."""
        sizes = self._found.sizes
        weights = [sizes[part] if isinstance(part, int) else len(part.content) for part in self._parts]
        return Messages(weights, self._message)

    def _message(self, index: int) -> Message:
        part = self._parts[index]
        if isinstance(part, int):
            text, lossy = decoded(self._found.records[part][3])
            blocks = (Text(text),) if text else ()
            return self._found.message(part, blocks, archived=self._archived[part], lossy=lossy)
        return Message(
            id=part.id,
            role=Role.ASSISTANT,
            blocks=(Text(part.content),),
            created_at=part.compacted_at,
            is_summary=True,
            lossy=part.id in self._lossy,
        )

    def tokens(self) -> int:
        """About how many tokens the program would send: those of summaries and of messages not archived."""
        summaries = sum(tokens.estimate(summary.content) for summary in self.summaries)
        sizes = zip(self._found.sizes, self._archived, strict=True)
        size = sum([size for size, archived in sizes if not archived])
        if size > COUNTED_WHOLE:
            return summaries + round(size / tokens.ASCII_PER_TOKEN)
        sent = zip(self._found.records, self._archived, strict=True)
        return summaries + sum(tokens.estimate(decoded(record[3])[0]) for record, archived in sent if not archived)
