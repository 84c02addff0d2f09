"""Messages, and the sequence of them that decodes each when it is asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from datetime import datetime
from typing import overload

from session_tui.model.blocks import Block, Json, Text
from session_tui.model.lean import dataclass
from session_tui.model.words import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One record of a conversation.

    ``archived`` means that the program would no longer send it to the model; ``is_summary`` that it stands
    for earlier messages; ``is_meta`` that neither a person nor a model said it; ``lossy`` that invalid text
    is shown as U+FFFD. ``extra`` holds the record's fields this model has no name for.
    """

    id: str
    role: Role
    blocks: tuple[Block, ...] = ()
    created_at: datetime | None = None
    model: str | None = None
    archived: bool = False
    is_summary: bool = False
    is_meta: bool = False
    lossy: bool = False
    extra: Json = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The text blocks joined by a blank line, exactly as stored."""
        return "\n\n".join(block.text for block in self.blocks if isinstance(block, Text))


class Messages(Sequence[Message]):
    """A transcript's messages, each decoded when it is asked for.

    ``weights`` says roughly how many characters each message shows, so that a viewer can lay out fifty
    thousand of them without decoding one; ``places``, where each one's line begins in its file, lets a search that
    knows a line find its message. The most recent ``keep`` decoded messages are kept.
    """

    __slots__ = ("_build", "_keep", "_kept", "_places", "weights")

    def __init__(
        self,
        weights: Sequence[int],
        build: Callable[[int], Message],
        *,
        keep: int = 256,
        places: Callable[[], Sequence[int]] | None = None,
    ) -> None:
        self.weights = weights
        self._places = places
        self._build = build
        self._keep = keep
        self._kept: OrderedDict[int, Message] = OrderedDict()

    @classmethod
    def of(cls, messages: Sequence[Message]) -> Messages:
        """Wrap messages that are decoded already."""
        return cls([len(message.text) for message in messages], messages.__getitem__, keep=0)

    @property
    def places(self) -> Sequence[int]:
        """Where each message's line begins; the index itself in stores without lines."""
        return range(len(self)) if self._places is None else self._places()

    def index_at(self, place: int) -> int | None:
        """The index of the last message whose line begins at ``place``, else of the first whose line begins later;
        without lines the place is the index itself."""
        if self._places is None:
            return place if 0 <= place < len(self) else None
        places = self._places()
        for index in range(len(places) - 1, -1, -1):
            if places[index] == place:
                return index
        return (
            min((at, index) for index, at in enumerate(places) if at > place)[1]
            if max(places, default=-1) > place
            else None
        )

    def __len__(self) -> int:
        return len(self.weights)

    @overload
    def __getitem__(self, index: int) -> Message: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Message]: ...

    def __getitem__(self, index: int | slice) -> Message | Sequence[Message]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        message = self._kept.get(index)
        if message is None:
            message = self._build(index)
            if self._keep:
                self._kept[index] = message
                if len(self._kept) > self._keep:
                    self._kept.pop(next(iter(self._kept)), None)
        return message

    def __iter__(self) -> Iterator[Message]:
        for index in range(len(self)):
            yield self._kept.get(index) or self._build(index)
