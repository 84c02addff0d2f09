"""How a session's file has to be arranged so that the program sends exactly the active messages next.

Newer programs go on from the summary that the last checkpoint names and from every message record behind it, so
that what is archived comes first, then the summary, its checkpoint, and all that stays. Old ones go on from the list
in the last checkpoint. Lines that stay are the same bytes as before; a line that is no message stays behind the one
that it stood behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from session_tui import tokens
from session_tui.adapters import jsonl
from session_tui.adapters.conversation import Entry, Record
from session_tui.adapters.rows import mapping
from session_tui.agents.ggcode.encoding import line, message_record, new_message_id, record
from session_tui.agents.ggcode.reading import Reading
from session_tui.model import Message

_CHECKPOINTS: Final = ("checkpoint_summary_msg_id", "checkpoint_messages")


@dataclass(slots=True)
class Piece:
    """A message as it is to stand in the file: its line, and the lines of other kinds that follow it.

    ``entry`` is the message's place so far, ``own_id`` whether its record holds its id.
    """

    message: Callable[[], Message]
    id: str
    archived: bool
    summary: bool
    line: bytes = b""
    entry: Entry | None = None
    own_id: bool = True
    behind: list[bytes] = field(default_factory=list)


class File:
    """A session's file taken apart; ``pieces`` are its messages in conversation order."""

    def __init__(self, id: str, data: bytes, reading: Reading) -> None:
        self.id = id
        self.reading = reading
        self._lead: list[bytes] = []
        self._checkpoints: set[bytes] = set()
        self._own = {id for id, entry in reading.by_id.items() if entry.item is None}
        known = [self._piece(number, entry) for number, entry in enumerate(reading.entries)]
        self.pieces: list[Piece] = known
        self._take_apart(data, {piece.entry.offset: piece for piece in known if piece.entry and not piece.entry.item})

    def _piece(self, number: int, entry: Entry) -> Piece:
        return Piece(
            lambda: self.reading.build(number),
            entry.id,
            entry.archived,
            entry.summary,
            entry=entry,
            own_id=entry.id in self._own,
        )

    def _take_apart(self, data: bytes, by_offset: dict[int, Piece]) -> None:
        behind, offset = self._lead, 0
        first = {piece.id: piece for piece in reversed(self.pieces)}
        lines = data.split(b"\n")
        for number, raw in enumerate(lines):
            whole = raw + b"\n" if raw or number + 1 < len(lines) else b""
            whole = whole.removeprefix(jsonl.BOM) if offset == 0 else whole
            piece = by_offset.get(offset)
            if piece is not None:
                piece.line, behind = whole, piece.behind
            elif offset in self.reading.checkpoint_lines:
                self._checkpoints.add(whole)
                behind.append(whole)
            elif offset in self.reading.repeated:
                # where the program looks for the last message a summary covers, the line must not come later
                first[self.reading.repeated[offset]].behind.append(whole)
            elif whole:
                behind.append(whole)
            offset += len(raw) + 1

    def new(self, message: Message) -> Piece:
        """A piece for a message that is not in the file yet."""
        encoded = line(message_record(self.id, message, newest=self.reading.is_newest))
        return Piece(lambda: message, message.id, message.archived, message.is_summary, encoded)

    def written(self, pieces: Sequence[Piece]) -> bytes:
        """The file with these messages, in this order as far as the program allows."""
        self._leave({id(piece) for piece in pieces})
        archived = [piece for piece in pieces if piece.archived]
        active = [piece for piece in pieces if not piece.archived]
        summaries = [piece for piece in active if piece.summary]
        if not archived:
            return self._joined([self._as_line(piece) for piece in pieces], without=_CHECKPOINTS)
        if not self.reading.is_newest or not summaries:
            standing = [piece for piece in pieces if piece.line and not self._is_embedded(piece)]
            without = _CHECKPOINTS[:1] if self.reading.is_newest else ()
            return self._joined(standing, without=without) + self._embedding(summaries, active)
        return self._named(archived, summaries, [piece for piece in active if not piece.summary])

    def _named(self, archived: Sequence[Piece], summaries: Sequence[Piece], rest: Sequence[Piece]) -> bytes:
        taken = {id(piece.entry.item) for piece in (*summaries, *rest) if piece.entry and piece.entry.item}
        before = self._joined([piece for piece in archived if piece.line], move=(*summaries, *rest), taken=taken)
        first, *others = (self._as_line(piece) for piece in (*summaries, *rest))
        last = next((piece.id for piece in reversed(archived) if piece.own_id and piece.line), "")
        values: dict[str, object] = {
            "checkpoint_summary_msg_id": first.id,
            "checkpoint_last_msg_id": last,
            "checkpoint_tokens": tokens.estimate_messages(piece.message() for piece in (*summaries, *rest)),
        }
        checkpoint = line(record("checkpoint", self.id, values, newest=True))
        after = chain.from_iterable((piece.line, *self._others(piece.behind)) for piece in others)
        return before + first.line + checkpoint + b"".join((*self._others(first.behind), *after))

    def _is_embedded(self, piece: Piece) -> bool:
        """Whether old programs keep it within the checkpoint alone: a summary just written."""
        return piece.summary and piece.entry is None and not piece.archived and not self.reading.is_newest

    def _embedding(self, summaries: Sequence[Piece], active: Sequence[Piece]) -> bytes:
        """A checkpoint that holds the active messages themselves."""
        items = [self._said(piece) for piece in (*summaries, *(piece for piece in active if not piece.summary))]
        values = {
            "checkpoint_messages": items,
            "checkpoint_tokens": tokens.estimate_messages(piece.message() for piece in active),
        }
        return line(record("checkpoint", self.id, values, newest=self.reading.is_newest))

    def _said(self, piece: Piece) -> object:
        if piece.entry is not None:
            return self.reading.record(piece.entry)[0].get("message")
        return message_record(self.id, piece.message(), newest=self.reading.is_newest).get("message")

    def _as_line(self, piece: Piece) -> Piece:
        """``piece`` with a line of its own, which one that stood inside a checkpoint has not."""
        if piece.line or piece.entry is None or piece.entry.item is None:
            return piece
        told: dict[str, object] = {**mapping(piece.entry.item.get("message"))}
        if self.reading.is_newest and not told.get("id"):
            told = {"id": new_message_id(), **told}
        piece.id = str(told.get("id") or piece.id)
        piece.line = line(record("message", self.id, {"message": told}, newest=self.reading.is_newest))
        return piece

    def _joined(
        self,
        pieces: Sequence[Piece],
        *,
        move: Sequence[Piece] = (),
        without: Sequence[str] = (),
        taken: set[int] | None = None,
    ) -> bytes:
        """Lines, then the checkpoints that stand behind messages to ``move``."""
        parts = [*self._lead, *chain.from_iterable((piece.line, *piece.behind) for piece in pieces)]
        parts.extend(raw for piece in move for raw in piece.behind if raw in self._checkpoints)
        return b"".join(self._rest(raw, without, taken or set()) for raw in parts)

    def _leave(self, staying: set[int]) -> None:
        """Give what stands behind messages that go to those before them."""
        behind = self._lead
        for piece in self.pieces:
            if id(piece) in staying:
                behind = piece.behind
            else:
                behind.extend(piece.behind)
                piece.behind = []

    def _others(self, behind: Sequence[bytes]) -> list[bytes]:
        return [raw for raw in behind if raw not in self._checkpoints]

    def _rest(self, raw: bytes, without: Sequence[str], taken: set[int]) -> bytes:
        """A line as it stays: nothing of a checkpoint of a kind to go, and no message that has a line by now."""
        if not (without or taken) or raw not in self._checkpoints:
            return raw
        told = mapping(jsonl.decode(raw).value)
        if any(told.get(name) for name in without) or (len(without) > 1 and self._empties(told)):
            return b""
        items = told.get("checkpoint_messages")
        if not isinstance(items, list) or not taken:
            return raw
        gone = [self._item(known) for known in taken]
        kept = [item for item in items if item not in gone]
        return raw if len(kept) == len(items) else line({**told, "checkpoint_messages": kept})

    def _empties(self, told: Record) -> bool:
        """Whether a checkpoint has old programs leave out all that stands before it."""
        return not self.reading.is_newest and not any(told.get(name) for name in _CHECKPOINTS)

    def _item(self, known: int) -> object:
        found = (entry.item for entry in self.reading.entries if entry.item is not None and id(entry.item) == known)
        item: Record = next(found)
        return item.get("message")
