"""One pass over a session's file: its messages, which of them are still sent, and what they cost."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final

from session_tui.adapters import jsonl, times
from session_tui.adapters.batches import Batch, batches
from session_tui.adapters.conversation import Conversation, Entry, Record
from session_tui.adapters.rows import mapping, text
from session_tui.agents.claude import content, lines
from session_tui.agents.claude.branches import Branches
from session_tui.agents.claude.heading import TITLES
from session_tui.agents.claude.lines import BOUNDARY, QUEUED, SYNTHETIC, Head
from session_tui.model import Cost, Message, ReadFile, Role, Summary, TokenSource, Usage

_COST: Final = "cost-state"
_ASSISTANT: Final = "assistant"
_SAID: Final = frozenset(("user", _ASSISTANT))
_COMMAND: Final = "local_command"
"""The one kind of notice that is sent along: a command of the program and what it printed."""
_EMPTY: Final = 2
_KNOWN: Final = frozenset(
    (
        "agent-name",
        "agent-setting",
        "api-request",
        "api-request-blob",
        "api-request-shape",
        "atis-latch",
        "attachment",
        "file-history-delta",
        "file-history-snapshot",
        "mode",
        "permission-mode",
        "pr-link",
        "progress",
        "last-prompt",
        "queue-operation",
        "system",
        "tools-used",
        *TITLES,
    )
)
_FOLDED: Final = 80
_READS: Final = "Read"
_USER: Final = Role.USER
_ROLES: Final = {"assistant": Role.ASSISTANT, "system": Role.SYSTEM}


class Said(Entry, gc=False):
    """A message. ``parent`` is the record before it, ``answer`` the model's answer that it is a part of and ``usage``
    what that cost; ``result`` marks what a tool gave back, ``aside`` the talk of a sub-agent inside another's file,
    ``unsent`` what the program shows but does not send."""

    parent: str = ""
    answer: str = ""
    usage: lines.Usage | None = None
    result: bool = False
    aside: bool = False
    unsent: bool = False


class Reading(Conversation):
    """One pass over a session's file, then the branches resolved."""

    def __init__(self, path: Path, *, tail: int = 0) -> None:
        super().__init__(path, tail=tail)
        self.folder = path.with_suffix("")
        self.branches = Branches()
        self.unknown: Counter[str] = Counter()
        self.titles: dict[str, list[Record]] = {}
        """The records that name the session, by type: the last one, of summaries all."""
        self.cost: Record = {}
        self.model = ""
        self.spoken: list[Said] = []
        self._tools: dict[str, str] = {}
        self._usage: dict[str, lines.Usage] = {}
        self._reads: dict[str, str | None] = {}
        self._is_subagent: bool | None = None
        self._last = ""
        self._covered: set[str] = set()
        self._fill: int | None = None
        for batch in batches(self.records, lines.HEAD, lambda line: lines.leniently(line.raw, Head)):
            self._take(batch)
        self.entries.extend(self.spoken)
        self._resolve()

    # ── filling ───────────────────────────────────────────────────────────────────────────────────────

    def _take(self, batch: Batch[Head]) -> None:
        """Take the records of some lines."""
        index, add, note = batch.index, self._add, self._note
        for position, (head, start, end) in enumerate(zip(batch.values, batch.starts, batch.ends, strict=True)):
            if head.type in _SAID:
                if head.message is not None:
                    add(head, index + position, start, end - start)
                else:
                    self.problem(batch.line(position), "a message record without a message")
            elif note(head, batch, position):
                add(head, index + position, start, end - start)

    def _note(self, head: Head, batch: Batch[Head], position: int) -> bool:
        """Take a record that neither a person nor a model said, unless it is a message all the same, as returned."""
        kind = head.type
        is_queued = kind == "attachment" and head.attachment is not None and head.attachment.type == QUEUED
        is_notice = kind == "system" and head.subtype != BOUNDARY and len(head.content) > _EMPTY
        if is_queued or is_notice:
            return True
        if head.uuid and (self._is_subagent or not head.is_sidechain):
            self._place(head.uuid, head.parent_uuid or "")
            if head.subtype == BOUNDARY:
                self.branches.bound(head)
        if kind == "last-prompt" and head.leaf_uuid:
            self.branches.leaf, self.branches.is_newest_told = head.leaf_uuid, False
        elif kind in TITLES:
            kept = self.titles.setdefault(kind, [])
            if kind != "summary":
                kept.clear()
            kept.append(self.leniently(batch.line(position)))
        elif kind == _COST:
            self.cost = self.leniently(batch.line(position))
        elif not kind:
            self._note_bad(batch.line(position))
        elif kind not in _KNOWN:
            self.unknown[kind] += 1
        return False

    def _place(self, id: str, parent: str) -> None:
        self.branches.parents.setdefault(id, parent)
        self._last = id

    def _note_bad(self, line: jsonl.Line) -> None:
        if self.leniently(line) or not self.problems or self.problems[-1].line != line.number:
            self.problem(line, "not a record: it has no type")

    def _add(self, head: Head, index: int, offset: int, length: int) -> None:
        body, kind, uuid = head.message, head.type, head.uuid
        id, size = uuid or str(index), length - len(head.tool_use_result)
        entry = Said(id, _ROLES.get(kind, _USER), len(head.content) or _FOLDED, size, offset, length)
        entry.parent = (head.parent_uuid or "") if uuid else self._last
        if body is not None:
            self._weigh(entry, body.content, head)
            if kind == _ASSISTANT:
                self._count(entry, body, head.request_id or "")
        if head.is_sidechain or head.is_compact_summary or kind not in _SAID or _is_unsent(head):
            self._flag(entry, head)
        elif self._is_subagent is None:
            self._is_subagent = False
        earlier = self.by_id.setdefault(id, entry)
        if earlier is not entry and self._said(earlier) == self._said(entry):
            return
        self.spoken.append(entry)
        if entry.aside:
            return
        self._last = id
        branches = self.branches
        branches.parents.setdefault(id, entry.parent)
        if entry.summary:
            branches.summaries.add(id)
        if kind in _SAID:
            branches.newest, branches.is_newest_told = id, True

    def _flag(self, entry: Said, head: Head) -> None:
        """What the record itself says of being sent."""
        is_said = head.type in _SAID
        if self._is_subagent is None and is_said:
            self._is_subagent = bool(head.is_sidechain)
        entry.aside = bool(head.is_sidechain) and not self._is_subagent
        if head.is_compact_summary:
            entry.summary = True
        else:
            entry.unsent = _is_unsent(head) or (not is_said and head.type == "system" and head.subtype != _COMMAND)

    def _weigh(self, entry: Said, told: str | list[lines.Part] | None, head: Head) -> None:
        if isinstance(told, str):
            entry.weight = len(told)
            entry.summary = entry.role is _USER and told.startswith(lines.CONTINUED)
            return
        weight, size = 0, entry.size
        for part in told or ():
            kind = part.type
            if kind == "text":
                weight += len(part.text)
                continue
            weight += _FOLDED
            size -= len(part.source)
            if kind == "tool_result":
                entry.result = True
            elif kind == "tool_use":
                self._tools[part.id] = part.name
                if part.name == _READS:
                    self._note_read(part, head)
        entry.weight, entry.size = weight, size

    def _note_read(self, part: lines.Part, head: Head) -> None:
        try:
            path = lines.INPUT.decode(part.input).file_path
        except lines.FAILURES:
            path = lines.leniently(bytes(part.input), lines.Input).file_path
        if path:
            self._reads[path] = head.timestamp

    def _count(self, entry: Said, body: lines.Body, request: str) -> None:
        """Take what an answer cost: its parts stand on lines of their own, each with the cost of the whole."""
        entry.answer = body.id or ""
        if not body.model or body.model == SYNTHETIC:
            return
        if not entry.aside:
            self.model = body.model
        usage = entry.usage = body.usage
        if usage:
            answer = (body.id or entry.id) + request
            known = self._usage.get(answer)
            if known is None or (known.output_tokens or 0) <= (usage.output_tokens or 0):
                self._usage[answer] = usage

    # ── branches ──────────────────────────────────────────────────────────────────────────────────────

    def _resolve(self) -> None:
        """Mark what is no longer sent, put summaries before what they left as it was, and find the last call's
        place in the context."""
        way = self.branches.way(self.branches.tip())
        start = way[-1] if way else ""
        is_compacted = start in self.branches.boundaries or start in self.branches.summaries
        boundary = self.branches.compaction(start) if is_compacted else None
        active = set(way)
        if is_compacted:
            self._covered = self.branches.covered(start)
        self._with_siblings(active)
        self._with_siblings(self._covered)
        kept = self.branches.kept(boundary).difference(active) if boundary else frozenset[str]()
        active |= kept
        for entry in self.spoken:
            if entry.unsent or entry.aside or entry.id not in active:
                entry.archived = True
        told = (entry for entry in reversed(self.spoken) if entry.usage and not entry.archived)
        last = next((entry.usage for entry in told if entry.id not in kept), None)
        self._fill = (last.fill if last else None) or (boundary.tokens if boundary else None)
        self._move_summaries()

    def _with_siblings(self, active: set[str]) -> None:
        """Add what stands beside the active branch and is sent with it: the other calls of an answer that asked for
        several tools at once, and what these gave back."""
        off = [entry for entry in self.spoken if entry.id not in active and not entry.aside]
        answers = {entry.answer for entry in self.spoken if entry.answer and entry.id in active} if off else ()
        for entry in off:
            if entry.answer in answers or (entry.result and entry.parent in active):
                active.add(entry.id)

    def _move_summaries(self) -> None:
        """Put each summary behind the last message that it covers, which is before those that were kept."""
        for boundary in self.branches.boundaries.values():
            kept = self.branches.kept(boundary)
            summary = self.by_id.get(boundary.anchor)
            if not kept or summary is None or not summary.summary:
                continue
            place = next((number for number, entry in enumerate(self.entries) if entry.id in kept), len(self.entries))
            here = self.entries.index(summary)
            if place < here:
                self.entries.insert(place, self.entries.pop(here))

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────

    def message(self, record: Record, entry: Entry, lossy: bool) -> Message:
        """The message in a record."""
        found = content.message_of(record, entry.id, folder=self.folder, tools=self._tools)
        aside = isinstance(entry, Said) and entry.aside and found.role is Role.USER
        return replace(
            found,
            archived=entry.archived,
            is_summary=entry.summary,
            is_meta=found.is_meta or aside,
            lossy=lossy,
        )

    def said(self, record: Record) -> tuple[object, object]:
        """Type and words of a record as stored."""
        held = mapping(record.get("message")) or mapping(record.get("attachment")) or record
        return record.get("type"), held.get("content", held.get("prompt"))

    def tokens(self) -> tuple[int, TokenSource]:
        """What the last call on the active branch took of the context, else an estimate."""
        return (self._fill, TokenSource.RECORDED) if self._fill else super().tokens()

    def _summaries(self) -> tuple[tuple[Summary, ...], Summary | None, int]:
        """Every summary with the messages of its branch before it, the one in use, and how many are archived."""
        found: list[Summary] = []
        current: Summary | None = None
        covered: list[str] = []
        archived = 0
        for number, entry in enumerate(self.entries):
            if entry.summary:
                found.append(self._summary(number, tuple(covered)))
                current = current if entry.archived else found[-1]
            elif entry.archived:
                archived += 1
                if entry.id in self._covered:
                    covered.append(entry.id)
        return tuple(found), current, archived

    def summaries(self) -> list[Record]:
        """The records that sum this session up; old programs wrote those of others into a new file."""
        leaves = [(text(each.get("leafUuid")), each) for each in self.titles.get("summary", ())]
        return [each for leaf, each in leaves if not leaf or leaf in self.branches.parents]

    def usage(self) -> Usage | None:
        """What all calls cost together, each answer counted once."""
        if not self._usage:
            return None
        told = self._usage.values()
        return Usage(
            sum([each.input_tokens or 0 for each in told]),
            sum([each.output_tokens or 0 for each in told]),
            sum([each.cache_read_input_tokens or 0 for each in told]),
            sum([each.cache_creation_input_tokens or 0 for each in told]),
        )

    def costs(self) -> tuple[Cost, ...]:
        """What the program says that the session cost."""
        usd = self.cost.get("totalCostUSD")
        return (Cost(self.cost, float(usd) if isinstance(usd, int | float) else None),) if self.cost else ()

    def files_read(self) -> tuple[ReadFile, ...]:
        """The files that the agent asked for, and when it last did."""
        return tuple(ReadFile(path, times.parse(at)) for path, at in self._reads.items())


def _is_unsent(head: Head) -> bool:
    """Whether the record says that the program only shows it."""
    return bool(head.is_api_error_message or head.is_visible_in_transcript_only)
