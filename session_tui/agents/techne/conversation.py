"""One session's messages: each summary right after the range it stands for, and what is still active."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from session_tui.adapters import rows
from session_tui.adapters.message_rows import MessageRows, Record, decoded
from session_tui.agents.techne.content import FOLDED, blocks_of, estimate, is_framed, prompt_in, unframed
from session_tui.model import Attachment, CompactPlan, Message, Messages, Summary

KEPT: Final = 6
"""How many messages before a summary the program leaves out of it."""
COUNTED_WHOLE: Final = 4_000_000
"""Bytes of messages up to which tokens are estimated from their blocks; beyond, from their length alone."""
_RESULT, _CALL, _PICTURE = b'[{"type":"tool_result"', b'{"type":"tool_call"', b'{"type":"image"'
_NO_BLOCKS = (None, b"", b"[]", b"null")


class Conversation:
    """Messages in the order of their times, but each summary right after the range it stands for.

    The program writes system messages for summaries alone; in a session that points to one, those with text
    are summaries, the earlier ones too, and so is a framed one that a person seems to say. ``kept`` is our own
    record: which messages a summary left in place.
    """

    def __init__(self, found: MessageRows, pointer: str, kept: Mapping[str, Collection[str]]) -> None:
        self._found, self._records, self._kept = found, found.records, kept
        self._sizes = found.sizes
        self._is_small = sum(self._sizes) <= COUNTED_WHOLE
        self._may_have_summaries = bool(pointer)
        every = enumerate(found.records) if pointer else ()
        systems = [position for position, record in every if _may_summarize(record[2], record[3])]
        self._summaries = {position for position in systems if found.records[position][3] not in _NO_BLOCKS}
        self._covers = {position: self._covered(position) for position in systems}
        last = next((position for position in systems if self._id(position) == pointer), None)
        self.fault = found.fault
        self.misses_summary = bool(pointer and found.records and last is None)
        self._archived: Collection[int] = () if last is None else self._covers[last]
        self._order = self._ordered()

    def _id(self, position: int) -> str:
        return decoded(self._records[position][1])[0]

    def _covered(self, position: int) -> Collection[int]:
        """The positions that the summary at ``position`` stands for: all before it but the latest, or those kept."""
        kept = self._kept.get(self._id(position))
        if kept is None:
            return range(max(0, position - KEPT))
        return frozenset(before for before in range(position) if self._id(before) not in kept)

    def _ordered(self) -> Sequence[int]:
        """The positions, those of summaries moved behind what they stand for."""
        moved = {position: end for position in self._summaries if (end := _end(self._covers[position]))}
        order: list[int] = []
        start = 0
        for end, position in sorted((end, position) for position, end in moved.items()):
            order += [*(stays for stays in range(start, end) if stays not in moved), position]
            start = end
        return [*order, *(stays for stays in range(start, len(self._records)) if stays not in moved)]

    def tallies(self) -> dict[str, object]:
        """What a list asks for by queries: how much there is, when the last was said, what a person said first, and
        the `counts` where any message may be a summary."""
        moments = (moment for moment in reversed(self.moments()) if moment is not None)
        prompts = (prompt_in(record[3]) for record in self._records if record[2] == b"user")
        found = {
            "messages": len(self._records),
            "bytes": sum(self._sizes),
            "said": next(moments, None),
            "first_prompt": next(filter(None, prompts), ""),
        }
        return {**found, **(self.counts() if self._may_have_summaries else {})}

    def counts(self) -> dict[str, int]:
        """How many messages there are, how many of them are archived, and how many compactions there were."""
        return {
            "message_count": len(self._records) - len(self._summaries),
            "archived_count": len(self._archived) - len(self._summaries.intersection(self._archived)),
            "compaction_count": len(self._summaries),
        }

    def moments(self, *, but: Collection[str] = ()) -> list[object]:
        """The times of the messages as stored bytes, the latest last; of all ``but`` those with these ids."""
        return [record[4] for position, record in enumerate(self._records) if not but or self._id(position) not in but]

    def covered(self, plan: CompactPlan) -> list[str]:
        """The ids of all that a summary written by ``plan`` stands for, what is archived already among them."""
        stay = set(plan.keep).union(self.active(summaries=True)).difference(plan.carried)
        return [id for position in range(len(self._records)) if (id := self._id(position)) not in stay]

    def active(self, *, summaries: bool) -> list[str]:
        """The ids of the messages, or of the summaries, that are not archived."""
        return [
            self._id(position)
            for position in range(len(self._records))
            if position not in self._archived and (position in self._summaries) == summaries
        ]

    def messages(self) -> Messages:
        """The messages, decoded when they are asked for."""
        weights = map(_weight, self._records, self._sizes)
        if not self._summaries:
            return Messages(list(weights), self._message)
        weighed = list(weights)
        return Messages([weighed[position] for position in self._order], self._message)

    def _message(self, index: int) -> Message:
        position = self._order[index]
        blocks, lossy = blocks_of(self._records[position][3])
        archived, is_summary = position in self._archived, position in self._summaries
        message = self._found.message(position, blocks, archived=archived, is_summary=is_summary, lossy=lossy)
        model = decoded(self._records[position][5])[0]
        return replace(message, model=model) if model else message

    def summaries(self) -> tuple[Summary, ...]:
        """The summaries, with the ids of the messages that each stands for."""
        return tuple(self._summary(index) for index in range(len(self._order)) if self._order[index] in self._summaries)

    def _summary(self, index: int) -> Summary:
        message, covered = self._message(index), self._covers[self._order[index]]
        ids = [self._id(position) for position in sorted(covered) if position not in self._summaries]
        return Summary(
            id=message.id,
            content=unframed(message.text),
            message_range=f"Messages 1-{_end(covered)}" if covered else "",
            original_ids=tuple(ids),
            compacted_at=message.created_at,
        )

    def tokens(self) -> int:
        """About how many tokens the active messages cost, by the program's own rule."""
        active = [position for position in range(len(self._records)) if position not in self._archived]
        if self._is_small:
            return sum(estimate(blocks_of(self._records[position][3])[0]) for position in active)
        return sum([self._sizes[position] // 4 + 4 for position in active])

    def unknown(self) -> dict[str, int]:
        """How many blocks of each unknown type there are; not looked for where there is very much."""
        found: dict[str, int] = {}
        for record in self._records if self._is_small else ():
            for block in blocks_of(record[3])[0]:
                if isinstance(block, Attachment):
                    found[block.name] = found.get(block.name, 0) + 1
        return found


def _may_summarize(role: object, content: object) -> bool:
    return role == b"system" or (role == b"user" and is_framed(content))


def _end(covered: Collection[int]) -> int:
    """The position after the last one that a summary stands for; 0 where it stands for none."""
    return len(covered) if isinstance(covered, range) else max(covered, default=-1) + 1


def _weight(record: Record, size: int) -> int:
    """About how many characters a message shows: those before its first call or picture, which are folded."""
    stored = content if isinstance(content := record[3], bytes) else rows.raw(content)
    if stored.startswith(_RESULT):
        return FOLDED
    end = stored.find(_PICTURE if record[2] == b"user" else _CALL)
    return size if end < 0 else end + FOLDED
