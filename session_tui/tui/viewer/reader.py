"""Reading a document: going from message to message and prompt to prompt, folding, copying.

It binds no keys; the actions are public for whoever does.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import ClassVar, Final

from textual import events, work
from textual.message import Message
from textual.worker import Worker, WorkerState, get_current_worker

from session_tui.model import Message as Record
from session_tui.tui.viewer import blocks, gist
from session_tui.tui.viewer.canvas import Canvas
from session_tui.tui.viewer.document import Document, Place
from session_tui.tui.viewer.flow import Row
from session_tui.tui.viewer.parts import Touch
from session_tui.tui.viewer.survey import Survey, survey

_NEARBY: Final = 200
"""Messages decoded in the handler to find a prompt; farther ones are left to the survey."""


class Reader(Canvas):
    """A canvas whose messages can be gone through, folded and copied."""

    HELP: ClassVar[str | None] = "The messages of the selected session, the newest at the end."

    class CopyRequested(Message, namespace="message_viewer"):
        """A message's text is to be copied; ``what`` names it (``prompt``, ``answer``, ``tool text`` …)."""

        def __init__(self, text: str, what: str) -> None:
            super().__init__()
            self.text = text
            self.what = what

    class Surveyed(Message, namespace="message_viewer"):
        """All messages of a document were looked at."""

        def __init__(self, document: Document, found: Survey) -> None:
            super().__init__()
            self.document = document
            self.found = found

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._surveyed: Document | None = None
        self._after_survey: Callable[[], None] | None = None

    # ── scrolling by keys ─────────────────────────────────────────────────────────────────────────────

    def action_scroll_rows(self, rows: int) -> None:
        """Some rows down (up, when negative); where there are no more, the marker goes on by a message."""
        document = self.document
        if document is None or not self.is_ready:
            return
        before = self.place
        self.go(document.move(before, rows))
        if self.place == before:
            self._step(document, 1 if rows > 0 else -1)

    def action_page(self, pages: int) -> None:
        """A screen down (up, when negative), less two rows that stay in sight."""
        self.action_scroll_rows(pages * max(1, self._pane.height - 2))

    def action_top(self) -> None:
        """To the first message."""
        self.current = 0
        self.go(Place(0))

    def action_end(self) -> None:
        """To the end of the last message."""
        document = self.document
        if document is not None and self.is_ready:
            self.current = len(document) - 1
            self.go(document.end(self._pane.height))

    def action_scroll_down(self) -> None:
        """One row down; the base class binds it to a key."""
        self.action_scroll_rows(1)

    def action_scroll_up(self) -> None:
        """One row up; the base class binds it to a key."""
        self.action_scroll_rows(-1)

    def action_page_down(self) -> None:
        """One screen down; the base class binds it to a key."""
        self.action_page(1)

    def action_page_up(self) -> None:
        """One screen up; the base class binds it to a key."""
        self.action_page(-1)

    def action_scroll_home(self) -> None:
        """To the first message; the base class binds it to a key."""
        self.action_top()

    def action_scroll_end(self) -> None:
        """To the end; the base class binds it to a key."""
        self.action_end()

    # ── from message to message ───────────────────────────────────────────────────────────────────────

    def action_next_message(self) -> None:
        """To the next message."""
        document = self.document
        if document is not None and self.is_ready:
            self._step(document, 1)

    def action_previous_message(self) -> None:
        """To the beginning of this message, or to the one before."""
        document = self.document
        if document is None or not self.is_ready:
            return
        if document.row(Place(self.current)) < document.row(self.place):
            self.go(Place(self.current))
        else:
            self._step(document, -1)

    def _step(self, document: Document, direction: int) -> None:
        message = self.current + direction
        while 0 <= message < len(document) - 1 and not document.height(message):
            message += direction
        if 0 <= message < len(document) and document.height(message):
            self._reveal(document, message)

    def _reveal(self, document: Document, message: int) -> None:
        """Make a message current, and bring it to the top unless all of it is on the screen."""
        height = document.height(message)
        top, first = document.row(self.place), document.row(Place(message))
        self.current = message
        if first < top or first + height > top + self._pane.height:
            self.go(Place(message))

    def action_next_prompt(self) -> None:
        """To the next message a person wrote."""
        self._go_to_prompt(1)

    def action_previous_prompt(self) -> None:
        """To the message a person wrote before this one."""
        self._go_to_prompt(-1)

    def _go_to_prompt(self, direction: int) -> None:
        document = self.document
        if document is None or not self.is_ready:
            return
        last = self.current + direction * _NEARBY
        for message in range(self.current + direction, max(-1, min(last, len(document))), direction):
            record = document.source[message]
            if isinstance(record, Record) and self._is_prompt(record, document):
                self.current = message
                self.go(Place(message))
                return
        if not 0 <= last < len(document):
            return
        if document.survey is None:
            self._after_survey = lambda: self._go_to_prompt(direction)
            self._survey(document)
        else:
            self._go_to_far_prompt(document, direction)

    def _go_to_far_prompt(self, document: Document, direction: int) -> None:
        prompts = document.survey.prompts if document.survey else ()
        here = bisect_right(prompts, self.current) if direction > 0 else bisect_left(prompts, self.current) - 1
        if 0 <= here < len(prompts):
            self.current = prompts[here]
            self.go(Place(self.current))

    @staticmethod
    def _is_prompt(record: Record, document: Document) -> bool:
        return blocks.is_prompt(record) and not blocks.is_hidden(record, document.modes)

    # ── folding and copying ───────────────────────────────────────────────────────────────────────────

    def action_fold(self) -> None:
        """Open what is folded in the current message, then what is cut; close all when all is open."""
        document = self.document
        if document is None or not self.is_ready:
            return
        page = document.page(self.current)
        closed = [item for item, is_folded in page.folds.items() if is_folded]
        if closed:
            self._fold(document, self.current, closed, is_open=True)
        elif page.cut:
            self._uncut(document, self.current, page.cut)
        elif page.folds:
            self._fold(document, self.current, list(page.folds), is_open=False)

    def _fold(self, document: Document, message: int, items: list[int], *, is_open: bool) -> None:
        for item in items:
            document.folds.set_open(message, item, is_open)
        self._repaint(message)
        if not is_open and document.row(Place(message)) < document.row(self.place):
            self.go(Place(message))

    def _uncut(self, document: Document, message: int, items: list[int]) -> None:
        document.folds.uncut.update((message, item) for item in items)
        self._repaint(message)

    def on_click(self, event: events.Click) -> None:
        """Make the message under the mouse current, and fold or unfold what was clicked."""
        event.prevent_default()
        document, offset = self.document, event.get_content_offset(self)
        if document is None or offset is None or not self.is_ready or self.text_selection is not None:
            return
        row = self.scroll_offset.y + offset.y
        if row >= document.heights.total:
            return
        message, number = document.heights.find(row)
        self.current = message
        self._touch(document, message, document.page(message).rows[number])

    def _touch(self, document: Document, message: int, row: Row) -> None:
        match row.touch:
            case Touch.FOLD:
                is_folded = document.page(message).folds.get(row.item, False)
                self._fold(document, message, [row.item], is_open=is_folded)
            case Touch.UNCUT:
                self._uncut(document, message, [row.item])
            case Touch.NONE:
                return

    def action_copy_message(self) -> None:
        """Ask for the current message's text to be copied."""
        record = self.document.source[self.current] if self.document and self.is_ready else None
        if isinstance(record, Record):
            text, what = gist.copied(record)
            if text:
                self.post_message(self.CopyRequested(text, what))

    # ── looking at every message ──────────────────────────────────────────────────────────────────────

    def _arrive(self, document: Document, place: Place) -> Place:
        place = super()._arrive(document, place)
        if document.needs_survey and document.survey is None:
            self._survey(document)
        return place

    def _survey(self, document: Document) -> None:
        if self._surveyed is not document:
            self._surveyed = document
            self._look_at_all(document)

    @work(thread=True, exclusive=True, group="survey", exit_on_error=False)
    def _look_at_all(self, document: Document) -> None:
        worker = get_current_worker()
        found = survey(document.source, document.transcript.summaries, lambda: worker.is_cancelled)
        if found is not None:
            self.post_message(self.Surveyed(document, found))

    def on_message_viewer_surveyed(self, event: Surveyed) -> None:
        """Count archives and place summaries by what was found."""
        event.stop()
        document = event.document
        if document is not self.document:
            return
        document.survey = event.found
        if self.is_ready and (event.found.archived or event.found.cards):
            self._relayout(document)
        then, self._after_survey = self._after_survey, None
        if then is not None:
            then()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tell of a worker that failed."""
        if event.state is WorkerState.ERROR:
            self.notify(f"{event.worker.name} failed: {event.worker.error}", severity="error", markup=False)
