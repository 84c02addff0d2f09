"""The message viewer: shows a transcript in the chosen modes and finds text in it.

It binds no keys itself: its actions are public for whoever does.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from textual import work
from textual.message import Message
from textual.reactive import var
from textual.worker import get_current_worker

from session_tui.model import Message as Record
from session_tui.model import Transcript
from session_tui.query import pattern as folded_pattern
from session_tui.tui.viewer import looks, markdown
from session_tui.tui.viewer.document import Document, Hit, Place
from session_tui.tui.viewer.find import Batch, Matches, in_message, pattern, search
from session_tui.tui.viewer.flow import Marks
from session_tui.tui.viewer.modes import Modes
from session_tui.tui.viewer.reader import Reader

_WARM_UP_SECONDS: Final = 0.3
_NEARBY: Final = 100
"""How far from its place a message is looked for where messages came before it, or went."""


class MessageViewer(Reader):
    """Shows one transcript; `Reader` and `Canvas` say how it is gone through and scrolled."""

    DEFAULT_CSS = looks.CSS

    modes: var[Modes] = var(Modes, init=False)
    """What is shown. Assigning it lays out anew, with the current message where it was."""

    class FindRequested(Message):
        """A person wants to type what to find."""

    class Found(Message):
        """The state of a search: match ``current`` of ``total`` (0 while none was reached), and whether all was
        looked through. ``is_capped`` means that there may be more; ``problem`` says why nothing was looked for."""

        def __init__(self, current: int, total: int, done: bool, *, is_capped: bool = False, problem: str = "") -> None:
            super().__init__()
            self.is_capped = is_capped
            self.current = current
            self.total = total
            self.done = done
            self.problem = problem

    class Hits(Message):
        """A batch of a search's hits; ``None`` when it is over."""

        def __init__(self, matches: Matches, batch: Batch | None) -> None:
            super().__init__()
            self.matches = matches
            self.batch = batch

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.note = "Nothing selected"
        self._goal: Place | None = None
        self._matches: Matches | None = None
        self._terms: re.Pattern[str] | None = None

    def on_mount(self) -> None:
        """Load what Markdown and code need soon, so that the first transcript does not wait for it."""
        self.set_timer(_WARM_UP_SECONDS, self._warm_up)

    @work(thread=True, group="warm up", exit_on_error=False)
    def _warm_up(self) -> None:
        markdown.warm_up()

    # ── what is shown ─────────────────────────────────────────────────────────────────────────────────

    @property
    def transcript(self) -> Transcript | None:
        """The transcript on show."""
        return self.document.transcript if self.document else None

    def show(self, transcript: Transcript | None, *, at: int | None = None, to_word: bool = False) -> None:
        """Show a transcript, from message ``at`` on or its end; the session already on show keeps its place.

        With ``to_word`` the first highlighted word in message ``at`` is brought into sight.
        """
        if transcript is None:
            self.clear("Nothing selected")
            return
        old, was_at_end = self.document, self.is_at_end
        is_same = old is not None and old.transcript.session.key == transcript.session.key
        folds = old.folds if old is not None and is_same else None
        document = self.document = Document(transcript, self.ink, modes=self.modes, folds=folds)
        last = max(0, len(document) - 1)
        if at is not None:
            self._goal = Place(max(0, min(at, last)))
            self._current = self._goal.message
        elif old is None or not is_same:
            self._goal, self._current = None, last
        else:
            follows = was_at_end and self._current >= len(old) - 1
            self._current = last if follows else _counterpart(old, document, self._current)
            top = Place(_counterpart(old, document, self.place.message), self.place.row)
            self._goal = None if was_at_end else top
        self._restart(document, is_same=is_same)
        if at is not None and to_word:
            self.call_after_refresh(self._to_word, document, max(0, min(at, last)))

    def _to_word(self, document: Document, message: int) -> None:
        if document is self.document and self.is_ready and self._terms is not None:
            hit = next(in_message(document.source[message], message, self._terms, document.modes), None)
            if hit is not None:
                self._show_hit(document, hit)

    def clear(self, note: str) -> None:
        """Show nothing but a note."""
        self.document, self.note = None, note
        self.place, self._current = Place(0), 0
        self._matches = None
        self.workers.cancel_group(self, "survey")
        self.workers.cancel_group(self, "find")
        self._strips.clear()
        self.refresh()

    def _restart(self, document: Document, *, is_same: bool) -> None:
        self.note = "" if len(document) else "No messages"
        self.place = self._goal or Place(0)
        self._strips.clear()
        if self.is_attached and not is_same:
            self.screen.clear_selection()
        if self.is_ready:
            self._begin(document)
        if self._matches is not None:
            self._search(self._matches.wanted)
        self.refresh()

    def _begin(self, document: Document) -> None:
        document.marks = self._marks()
        document.reset(self.text_width)
        self.go(document.end(self._pane.height) if self._goal is None else self._goal)
        self.post_message(self.Moved(self._current, len(document)))

    # ── modes ─────────────────────────────────────────────────────────────────────────────────────────

    def watch_modes(self, old: Modes, new: Modes) -> None:
        """Lay out anew; what was folded by hand in a mode that changed follows the mode again."""
        document = self.document
        if document is None:
            return
        if old.tools is not new.tools or old.thinking != new.thinking:
            document.folds.opened.clear()
        document.modes = new
        if self.is_ready:
            self._relayout(document)
        if self._matches is not None:
            self._search(self._matches.wanted)

    @property
    def text_width(self) -> int:
        """The cells a line of text may take: a comfortable measure, or all there is."""
        return self.pane_width if self.modes.wide else super().text_width

    def action_cycle_tools(self) -> None:
        """Tool calls and results: hidden, short, full."""
        self.modes = replace(self.modes, tools=self.modes.tools.following)

    def action_toggle_thinking(self) -> None:
        """Unfold thinking everywhere, or fold it."""
        self.modes = replace(self.modes, thinking=not self.modes.thinking)

    def action_toggle_archived(self) -> None:
        """Show archived messages, or only the rule that stands for them."""
        self.modes = replace(self.modes, archived=not self.modes.archived)
        if self.document is not None and self.document.survey is None and self.is_ready:
            self._survey(self.document)

    def action_toggle_markers(self) -> None:
        """Show summaries and the rules at archived messages, or leave them out."""
        self.modes = replace(self.modes, markers=not self.modes.markers)

    def action_toggle_width(self) -> None:
        """Lines as wide as the pane, or of a comfortable length."""
        self.modes = replace(self.modes, wide=not self.modes.wide)

    # ── finding ───────────────────────────────────────────────────────────────────────────────────────

    def action_find_prompt(self) -> None:
        """Ask for what to find."""
        self.post_message(self.FindRequested())

    def highlight(self, terms: Sequence[str]) -> None:
        """Mark words wherever they are shown, without going to one."""
        self._terms = folded_pattern(terms)
        self._remark()

    def find(self, needle: str, *, regex: bool = False) -> None:
        """Find ``needle`` in all messages, and go to the first match from the current one on; nothing ends it."""
        if not needle:
            self._matches = None
            self.workers.cancel_group(self, "find")
            self._remark()
            self.post_message(self.Found(0, 0, True))
            return
        try:
            wanted = pattern(needle, is_regex=regex)
        except re.error as error:
            self.post_message(self.Found(0, 0, True, problem=f"not a regular expression: {error}"))
            return
        self._search(wanted)

    def action_next_match(self) -> None:
        """To the next match."""
        self._go_to_match(1)

    def action_previous_match(self) -> None:
        """To the match before."""
        self._go_to_match(-1)

    def _marks(self) -> Marks:
        return Marks(self._terms, None if self._matches is None else self._matches.wanted)

    def _remark(self) -> None:
        if self.document is not None:
            self.document.marks = self._marks()
            if self._matches is None:
                self.document.hit = None
        self._repaint()

    def _search(self, wanted: re.Pattern[str]) -> None:
        document = self.document
        if document is None:
            return
        is_new = self._matches is None or self._matches.wanted != wanted
        matches = self._matches = Matches(wanted, self._current, should_go=is_new)
        if is_new:
            document.hit = None
            self._remark()
        self._look_for(document, matches)

    @work(thread=True, exclusive=True, group="find", exit_on_error=False)
    def _look_for(self, document: Document, matches: Matches) -> None:
        worker = get_current_worker()
        for batch in search(
            document.source, matches.wanted, document.modes, matches.origin, lambda: worker.is_cancelled
        ):
            self.post_message(self.Hits(matches, batch))
        if not worker.is_cancelled:
            self.post_message(self.Hits(matches, None))

    def on_message_viewer_hits(self, event: Hits) -> None:
        """Take hits in, and go to the first of a new search."""
        event.stop()
        matches = event.matches
        if matches is not self._matches:
            return
        if event.batch is None:
            matches.is_done = True
        else:
            matches.add(event.batch)
        if matches.should_go and len(matches):
            matches.should_go = False
            self._go_to_match(1)
        else:
            self._tell_found()

    def _go_to_match(self, direction: int) -> None:
        document, matches = self.document, self._matches
        if document is None or not self.is_ready:
            return
        if matches is None:
            # Nothing is being found: the words of the search are gone through instead.
            if self._terms is not None:
                self._search(self._terms)
            return
        hit = matches.step(direction, self._current)
        if hit is not None:
            self._show_hit(document, hit)
        self._tell_found()

    def _show_hit(self, document: Document, hit: Hit) -> None:
        """Open what holds a match, and bring its row to the upper third of the screen."""
        if document.hit is not None:
            document.forget(document.hit.message)
        document.hit = hit
        message = hit.message
        document.forget(message)
        page = document.page(message)
        if page.folds.get(hit.item):
            document.folds.set_open(message, hit.item, True)
            document.forget(message)
            page = document.page(message)
        if hit.item in page.cut and hit.number >= len(page.matches.get(hit.item, ())):
            document.folds.uncut.add((message, hit.item))
            document.forget(message)
            page = document.page(message)
        rows = page.matches.get(hit.item) or [0]
        self.current = message
        self._strips.clear()
        self.go(document.move(Place(message, rows[min(hit.number, len(rows) - 1)]), -(self._pane.height // 3)))

    def _tell_found(self) -> None:
        matches = self._matches
        if matches is not None:
            position = 0 if matches.position is None else matches.position + 1
            self.post_message(self.Found(position, len(matches), matches.is_done, is_capped=matches.is_capped))


def _counterpart(old: Document, new: Document, message: int) -> int:
    """Where a message of ``old`` is in ``new``, looked for around its place; the place itself where it is gone."""
    around = range(max(0, message - _NEARBY), min(len(new), message + _NEARBY))
    id = _id(old, message)
    same = (at for at in sorted(around, key=lambda at: abs(at - message)) if id and _id(new, at) == id)
    return next(same, max(0, min(message, len(new) - 1)))


def _id(document: Document, message: int) -> str:
    record = document.source[message] if message < len(document) else None
    return record.id if isinstance(record, Record) else ""


def calm_gc() -> None:
    """Leave all objects of the start out of garbage collection, and collect the oldest generation rarely.

    A full collection takes 50 to 200 ms here, which a person feels while scrolling. Call it after the first paint.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
