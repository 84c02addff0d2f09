"""A transcript as one tall document: rows are found, measured and moved through, laid out only where it is looked.

Heights start as estimates and become exact when a message is laid out. A place is a message and a row in it, so
it stays what it is while heights elsewhere change; moving from place to place is exact in rows, and a screen that
moves by places never jumps.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from session_tui.model import Message, Transcript
from session_tui.tui.viewer import blocks
from session_tui.tui.viewer.blocks import View
from session_tui.tui.viewer.flow import Marks, Page
from session_tui.tui.viewer.heights import Heights
from session_tui.tui.viewer.modes import Folds, Modes, Tools
from session_tui.tui.viewer.pages import Border, Ink, Setting, lay_out
from session_tui.tui.viewer.source import Source, Unreadable
from session_tui.tui.viewer.survey import Survey

KEPT_PAGES: Final = 64
KEPT_ROWS: Final = 12_000
BUDGET: Final = 300
"""Messages measured in one go; hidden ones take no rows, so a screen could otherwise mean thousands."""
_LOOK_BACK: Final = 48
"""Hidden messages passed over to find the one drawn above; beyond that a header is simply repeated."""
_FOLDED_WEIGHT: Final = 2_500
"""Characters: a heavier message most likely is a tool's result, which folds."""


class Place(NamedTuple):
    """A row of a message."""

    message: int
    row: int = 0


class Hit(NamedTuple):
    """A find match: the message, its item, and which match in that item it is."""

    message: int
    item: int
    number: int


class _Above(NamedTuple):
    """The message drawn above another, where there is one, and whether archived messages end between the two."""

    position: int
    message: Message | None
    is_border: bool


class Document:
    """Lays out a transcript's messages at one width."""

    def __init__(self, transcript: Transcript, ink: Ink, *, modes: Modes, folds: Folds | None = None) -> None:
        self.transcript = transcript
        self.source = Source(transcript.messages)
        self.ink = ink
        self.modes = modes
        self.folds = folds or Folds()
        self.marks = Marks()
        self.hit: Hit | None = None
        self.survey: Survey | None = None
        self.needs_survey = bool(transcript.summaries or transcript.session.archived_count)
        self.width = 0
        self.heights = Heights(())
        self._measured = bytearray()
        self._pages: OrderedDict[int, Page] = OrderedDict()
        self._rows_kept = 0

    def __len__(self) -> int:
        return len(self.source)

    def reset(self, width: int) -> None:
        """Forget all layout and start from estimates for ``width`` cells of text."""
        self.width = width
        self.forget()
        cells, most = max(20, width * 3 // 4), _FOLDED_WEIGHT if self.modes.tools is not Tools.FULL else 1 << 16
        rows = [2 + weight // cells if weight < most else 2 for weight in self.source.weights]
        self._measured = bytearray(len(rows))
        if self.survey is not None and not self.modes.archived:
            for run in self.survey.archived:
                hidden = range(run.start, min(run.stop, len(rows) - 1))
                rows[hidden.start : hidden.stop] = [0] * len(hidden)
                self._measured[hidden.start : hidden.stop] = b"\1" * len(hidden)
        self.heights = Heights(rows)

    def forget(self, message: int | None = None) -> None:
        """Lay out again what is looked at next: one message, or all; heights stay until then."""
        if message is None:
            self._pages.clear()
            self._rows_kept = 0
            return
        page = self._pages.pop(message, None)
        self._rows_kept -= len(page.rows) if page else 0
        self._measured[message] = 0

    def unmeasured(self, first: int, last: int, *, backward: bool = False) -> int | None:
        """The first message from ``first`` up to ``last`` whose height is estimated (the last one, backward)."""
        found = (self._measured.rfind if backward else self._measured.find)(0, first, last)
        return None if found == -1 else found

    def height(self, message: int) -> int:
        """The exact height of a message."""
        return self.heights[message] if self._measured[message] else len(self.page(message).rows)

    def page(self, message: int) -> Page:
        """The rows of a message, laid out now if need be."""
        page = self._pages.get(message)
        if page is not None:
            self._pages.move_to_end(message)
            return page
        page = self._pages[message] = self._lay_out(message)
        self.heights.set(message, len(page.rows))
        self._measured[message] = 1
        self._rows_kept += len(page.rows)
        while len(self._pages) > KEPT_PAGES and self._rows_kept > KEPT_ROWS:
            _, dropped = self._pages.popitem(last=False)
            self._rows_kept -= len(dropped.rows)
        return page

    def row(self, place: Place) -> int:
        """The row of the document that a place is at, as far as heights are known."""
        return self.heights.before(place.message) + place.row

    def at(self, row: int) -> Place:
        """The place at a row of the document, measured so that the row exists."""
        message, offset = self.heights.find(row)
        return Place(message, max(0, min(offset, self.height(message) - 1)))

    def places(self, row: int, count: int) -> Iterator[Place | None]:
        """What stands on ``count`` rows of the document from ``row`` on; ``None`` below its end, and for rows that
        are not measured."""
        message, offset = self.heights.find(row)
        if row >= self.heights.total:
            message = len(self)
        for _ in range(count):
            while message < len(self) and offset >= self.heights[message]:
                message, offset = message + 1, 0
            yield Place(message, offset) if message < len(self) and self._measured[message] else None
            offset += 1

    def move(self, place: Place, rows: int) -> Place:
        """The place ``rows`` below (above, when negative), or as near to it as the document goes."""
        message, row = place.message, place.row + rows
        budget = BUDGET
        while row < 0 < message and budget:
            message, budget = message - 1, budget - 1
            row += self.height(message)
        row = max(0, row)
        while row >= (height := self.height(message)) and message < len(self) - 1 and budget:
            message, row, budget = message + 1, row - height, budget - 1
        return Place(message, min(row, max(0, height - 1)))

    def fill(self, place: Place, rows: int) -> Place:
        """Measure ``rows`` rows from ``place``; where the document ends before, the place that ends with it."""
        message, seen, budget = place.message, self.height(place.message) - place.row, BUDGET
        while seen < rows and message < len(self) - 1 and budget:
            message, budget = message + 1, budget - 1
            seen += self.height(message)
        return self.move(place, seen - rows) if seen < rows and message == len(self) - 1 else place

    def end(self, rows: int) -> Place:
        """The place from which ``rows`` rows reach the end."""
        last = len(self) - 1
        return self.move(Place(last, self.height(last)), -rows)

    # ── what surrounds a message ──────────────────────────────────────────────────────────────────────

    def _lay_out(self, index: int) -> Page:
        message = self.source[index]
        marks = self.marks
        if self.hit is not None and self.hit.message == index:
            marks = replace(marks, current=(self.hit.item, self.hit.number))
        setting = self._setting(index, message)
        return lay_out(message, setting, self._view(index), self.ink, marks)

    def _view(self, index: int) -> View:
        folds = self.folds
        return View(
            self.modes,
            self.width,
            lambda item, otherwise: folds.is_open(index, item, otherwise=otherwise),
            lambda item: folds.is_uncut(index, item),
            self.transcript.session.project,
        )

    def _setting(self, index: int, message: Message | Unreadable) -> Setting:
        if isinstance(message, Unreadable):
            return Setting(is_first=index == 0)
        self.needs_survey = self.needs_survey or message.archived or message.is_summary
        if blocks.is_hidden(message, self.modes) and index < len(self) - 1:
            return Setting()
        above = self._above(index, message)
        border = self._border(above.position + 1, index) if above.is_border else None
        card = self.survey.card_between(above.position + 1, index) if self.survey else None
        if card is not None:
            border = replace(border or Border(is_run=False), card=card.content)
        after = self._after(index, message)
        return Setting(above.message, above.position < 0 and not above.is_border, border, after)

    def _above(self, index: int, message: Message) -> _Above:
        """The message drawn above; hidden ones are passed over, a whole run of hidden archived ones at once."""
        is_border, number = False, index - 1
        for _ in range(_LOOK_BACK):
            above = self.source[number] if number >= 0 else None
            if above is None or isinstance(above, Unreadable):
                return _Above(number, None, is_border)
            is_border = is_border or (above.archived and not message.archived)
            if not blocks.is_hidden(above, self.modes):
                return _Above(number, above, is_border)
            is_barred = above.archived and not self.modes.archived
            number = (self.survey.run_start(number) if is_barred and self.survey else number) - 1
        return _Above(number, None, is_border)

    def _border(self, first: int, last: int) -> Border:
        return Border(self.survey.archived_between(first, last) if self.survey else None)

    def _after(self, index: int, message: Message) -> Border | None:
        """The border below the last message, where that is archived itself or a summary stands for all."""
        if index < len(self) - 1:
            return None
        card = self.survey.cards.get(len(self)) if self.survey else None
        if not message.archived and card is None:
            return None
        border = self._border(len(self), len(self)) if message.archived else Border(is_run=False)
        return replace(border, card=card.content) if card else border
