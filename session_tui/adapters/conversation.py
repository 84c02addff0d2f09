"""A conversation kept as JSON Lines: its messages in order, each decoded when it is asked for, and what
checkpoints did to it.

A `Conversation` is filled while a file is read line by line. Checkpoints come in two kinds: one embeds the
messages that the model goes on from, one names a message as the summary of those before it. What they stand for
is archived; a summary moves behind the last message it covers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from session_tui import tokens
from session_tui.adapters import jsonl
from session_tui.adapters.rows import mapping
from session_tui.errors import StoreDamaged
from session_tui.model import (
    Health,
    Message,
    Messages,
    Problem,
    Role,
    Session,
    Summary,
    TitleSource,
    TokenSource,
    Transcript,
)
from session_tui.text import title_from_prompt

Record = Mapping[str, object]

EXACT_ESTIMATE: Final = 1024 * 1024
"""Above this many bytes of active records tokens are estimated from the bytes alone."""
_PROBLEMS_KEPT: Final = 100


class Entry(msgspec.Struct, gc=False):
    """One message: a line of the file (``offset``, ``length``), or an ``item`` that stands inside another record.

    ``weight`` is roughly the number of characters it shows with tools folded, ``size`` the bytes its model is
    sent; ``skipped`` marks what the program leaves out when it loads the file.
    """

    id: str
    role: Role
    weight: int = 0
    size: int = 0
    offset: int = 0
    length: int = 0
    item: Record | None = None
    summary: bool = False
    archived: bool = False
    skipped: bool = False


class Conversation:
    """The entries of one file in conversation order. A store's own reading says what a record holds."""

    def __init__(self, path: Path, records: jsonl.Records | None = None, *, tail: int = 0) -> None:
        """Open ``path``, unless its ``records`` are open already; with ``tail`` only so many bytes at its end.

        Raises:
            StoreError: it cannot be opened.
        """
        self.records = records or jsonl.Records(path, tail=tail)
        self.entries: list[Entry] = []
        self.problems: list[Problem] = []
        self.by_id: dict[str, Entry] = {}
        self._skipped: list[Entry] = []

    def message(self, record: Record, entry: Entry, lossy: bool) -> Message:
        """The message that ``record`` holds; an empty record is one that cannot be read any more."""
        raise NotImplementedError

    def said(self, record: Record) -> tuple[object, object]:
        """Role and content of a record as stored; two records with the same say the same."""
        return record.get("role"), record.get("content")

    def new(self, item: Record, id: str) -> Entry:
        """The entry of a message that stands inside another record."""
        raise NotImplementedError

    # ── filling ───────────────────────────────────────────────────────────────────────────────────────

    def problem(self, line: jsonl.Line, what: str) -> None:
        """Remember that ``line`` could not be read as it should be; of very many only the first are kept."""
        if len(self.problems) < _PROBLEMS_KEPT:
            hint = "the other records of the session are not affected"
            self.problems.append(Problem(str(self.records.path), what, hint, line.number))

    def leniently(self, line: jsonl.Line) -> Record:
        """The record of a line that a strict decoder refused; empty, and a problem, where there is none."""
        try:
            if not line.raw:
                raise StoreDamaged(f"a line of {line.length:,} bytes was left out")
            value = jsonl.decode(line.raw).value
            if not isinstance(value, Mapping):
                raise StoreDamaged("not a record")
        except StoreDamaged as error:
            self.problem(line, f"{error.what}; the last line is torn" if line.torn else error.what)
            return {}
        return value

    def add(self, entry: Entry, id: str = "") -> bool:
        """Append ``entry``, which the store calls ``id``, and return whether it stands there now. An exact duplicate
        by id is folded into the first; another message of the same id is kept as skipped."""
        if id:
            earlier = self.by_id.setdefault(id, entry)
            if earlier is not entry:
                if self._said(earlier) == self._said(entry):
                    return False
                entry.skipped = True
        if entry.skipped:
            self._skipped.append(entry)
        self.entries.append(entry)
        return True

    def embed(self, items: Sequence[Record], ids: str) -> None:
        """Apply a checkpoint that embeds ``items``: those that are the last entries so far are these entries, a
        system message from before is that one, and the others stand here once, with ids ``{ids}.{position}``."""
        rest = len(self.entries)
        tail: list[Entry] = []
        standing: set[int] = set()
        for number in range(len(items) - 1, -1, -1):
            entry = self.new(items[number], f"{ids}.{number}")
            if rest and self._same(self.entries[rest - 1], entry):
                rest -= 1
                entry = self.entries[rest]
                tail.append(entry)
            elif (before := self._before(entry, rest)) is not None:
                entry = before
            else:
                tail.append(entry)
            standing.add(id(entry))
        self.entries[rest:] = reversed(tail)
        for entry in self.entries:
            entry.archived = id(entry) not in standing

    def _before(self, entry: Entry, rest: int) -> Entry | None:
        if entry.role is not Role.SYSTEM or entry.summary:
            return None
        return next((known for known in self.entries[:rest] if self._same(known, entry)), None)

    def _same(self, known: Entry, entry: Entry) -> bool:
        return known.role is entry.role and self._said(known) == self._said(entry)

    def _said(self, entry: Entry) -> tuple[object, object]:
        return self.said(self.record(entry)[0])

    def settle(self, named: Iterable[tuple[str, str]]) -> int:
        """Apply the checkpoints that name a summary and the last message it covers, by id, and return how many
        of the summaries are there. The newest of these alone decides what is active."""
        found = [(summary, self.by_id.get(last)) for id, last in named if (summary := self.by_id.get(id))]
        if found:
            for summary, _ in found:
                summary.summary = True
            self._move(found)
            covered = True
            for entry in self.entries:
                covered = covered and entry is not found[-1][0]
                entry.archived = covered or (entry.item is not None and entry is not found[-1][0])
        for entry in self._skipped:
            entry.archived = True
        return len(found)

    def _move(self, found: Iterable[tuple[Entry, Entry | None]]) -> None:
        """Put summaries that were written before the last message they cover behind it."""
        place = {id(entry): number for number, entry in enumerate(self.entries)}
        for summary, last in found:
            if last and place[id(last)] > place[id(summary)]:
                place[id(summary)] = place[id(last)]
        self.entries.sort(key=lambda entry: (place[id(entry)], entry.summary))

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────

    def transcript(self, session: Session) -> Transcript:
        """The transcript, and in ``session`` all that only a whole reading knows: counts, tokens, problems and
        the summary in use."""
        summaries, current, archived = self._summaries()
        count, source = self.tokens()
        session = replace(
            session,
            message_count=len(self.entries) - len(summaries),
            archived_count=archived,
            token_count=count,
            token_source=source,
            compaction_count=len(summaries),
            compacted_at=current.compacted_at if current else None,
            summary=current.content if current else None,
            summary_message_id=current.id if current else None,
            health=Health.PARTIAL if self.problems else Health.CLEAN,
            problems=tuple(self.problems),
        )
        return Transcript(session=session, messages=self.messages(), summaries=summaries)

    def messages(self) -> Messages:
        """All messages, decoded on demand."""
        return Messages([entry.weight for entry in self.entries], self.build, places=self._places)

    def _places(self) -> list[int]:
        return [entry.offset if entry.item is None else -1 for entry in self.entries]

    def build(self, number: int) -> Message:
        """The message at ``number``."""
        record, lossy = self.record(self.entries[number])
        return self.message(record, self.entries[number], lossy)

    def record(self, entry: Entry) -> tuple[Record, bool]:
        """The record of ``entry`` and whether invalid text in it was replaced; empty when it cannot be read
        any more, as when its program cut the file off meanwhile."""
        if entry.item is not None:
            return entry.item, False
        try:
            decoded = self.records.at(entry.offset, entry.length)
        except StoreDamaged:
            return {}, True
        return mapping(decoded.value), decoded.lossy

    def _summaries(self) -> tuple[tuple[Summary, ...], Summary | None, int]:
        """Every summary with the ids of what it stands for, the last one that the program still sends, and how
        many messages are archived."""
        found: list[Summary] = []
        current: Summary | None = None
        covered: list[str] = []
        for number, entry in enumerate(self.entries):
            if entry.summary:
                found.append(self._summary(number, tuple(covered)))
                current = current if entry.archived else found[-1]
            elif entry.archived:
                covered.append(entry.id)
        return tuple(found), current, len(covered)

    def _summary(self, number: int, covered: tuple[str, ...]) -> Summary:
        message = self.build(number)
        return Summary(
            id=message.id,
            content=message.text,
            message_range=f"Messages 1-{len(covered)}" if covered else "",
            original_ids=covered,
            compacted_at=message.created_at,
        )

    def tokens(self) -> tuple[int, TokenSource]:
        """An estimate over the active messages; for large ones from bytes, which comes out alike for ASCII and
        for scripts of three bytes a character."""
        size = sum([entry.size for entry in self.entries if not entry.archived])
        if size > EXACT_ESTIMATE:
            return round(size / tokens.ASCII_PER_TOKEN), TokenSource.ESTIMATED
        active = (self.build(number) for number, entry in enumerate(self.entries) if not entry.archived)
        return tokens.estimate_messages(active), TokenSource.ESTIMATED


def titled(stored: str, prompt: str, otherwise: str = "") -> tuple[str, TitleSource]:
    """A session's title and where it comes from: the stored one, else the first prompt's first line, else that
    of a text its agent wrote."""
    if stored:
        return stored, TitleSource.AGENT
    if prompt.strip():
        return title_from_prompt(prompt), TitleSource.FIRST_PROMPT
    return title_from_prompt(otherwise), TitleSource.AGENT if otherwise.strip() else TitleSource.NONE
