"""The main screen: search box, list, viewer and compaction bar, and what flows between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic, time
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Footer, Input, Static

from session_tui.library import Library
from session_tui.model import Session, SessionKey, Transcript
from session_tui.profiles import Dues
from session_tui.progress import Progress
from session_tui.text import homely, one_line
from session_tui.tui.commands import Pane, bindings
from session_tui.tui.first_rows import PLACEHOLDER
from session_tui.tui.jobs import Job, JobEnded, JobStepped
from session_tui.tui.listing import Listing
from session_tui.tui.screens.compacting import Compacting
from session_tui.tui.screens.continuing import Continuing
from session_tui.tui.screens.explaining import Explaining
from session_tui.tui.screens.indexing import IndexingAll
from session_tui.tui.screens.narrowing import Narrowing
from session_tui.tui.screens.saving import Saving
from session_tui.tui.screens.searching import Reading
from session_tui.tui.screens.watching import Watching
from session_tui.tui.viewer import MessageViewer
from session_tui.tui.widgets.agent_tabs import AgentTabs
from session_tui.tui.widgets.compaction_bar import CompactionBar
from session_tui.tui.widgets.search_box import FindBox, SearchBox
from session_tui.tui.widgets.session_list import SessionList

if TYPE_CHECKING:
    from session_tui.catalog import Catalog

_SETTLE_SECONDS = 0.03
"""How long the selection must rest before its messages are read; held keys pass by unread rows."""
_SECONDS_BETWEEN_LISTINGS = 0.25
_SHARE_OF_LISTING = 0.1
"""How much of the time of a look may go into putting what was found in order, which costs more the more there is."""


class ListPane(SessionList):
    """The list with the keys of the commands table."""

    BINDINGS = bindings(Pane.LIST)


class ViewerPane(MessageViewer):
    """The viewer with the keys of the commands table."""

    BINDINGS = bindings(Pane.VIEWER)


class Browser(Continuing, Compacting, Saving, Explaining, IndexingAll, Narrowing, Watching):
    """Search, list, read, resume."""

    BINDINGS = bindings(Pane.ANYWHERE)
    AUTO_FOCUS = "#search"

    def __init__(self, library: Library, *, query: str, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._library = library
        self._clock = clock
        self._first_query = query
        self._listing = Listing(library.world.cwd, here=library.config.scope == "here")
        self._transcript: Transcript | None = None
        self._wanted: SessionKey | None = None
        self._opening: Job[Reading] | None = None
        self._settle: Timer | None = None
        self._refreshing: Job[Catalog] | None = None
        self._is_about_to_look = False
        self._is_first_look = True

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        with Horizontal(id="top"):
            yield Static("❯", id="prompt")
            yield SearchBox(self._first_query, id="search", placeholder=PLACEHOLDER)
            yield Static(id="status", markup=False)
        yield AgentTabs(self._library.looks(), id="tabs")
        with Horizontal(id="panes"):
            yield ListPane(
                looks=self._library.looks(),
                now=self._clock,
                soft=self._library.config.compaction.soft_threshold,
                due=Dues(self._library.config, self._library.adapter_of),
                id="list",
            )
            with Vertical(id="reading"):
                yield Static(id="heading", markup=False)
                yield ViewerPane(id="viewer")
                yield FindBox(id="find", placeholder="Find in this conversation")
                yield CompactionBar(id="bar")
        yield Footer()

    # ── what the list shows ───────────────────────────────────────────────────────────────────────────

    def on_mount(self) -> None:
        """Show what was seen last time, then look again."""
        self._listing.update(self._library.snapshot())
        if self._listing.total:
            self.viewer.clear("")
        self._is_about_to_look = True
        self._relist()
        self.look_at_saved()
        # What is known already is drawn before anything competes with drawing it.
        self.call_after_refresh(self.action_refresh_list)

    def action_refresh_list(self) -> None:
        """Look at every store again, unless that is under way."""
        if self._refreshing is None:
            job = Job("Looking for sessions", self._refresh, self._refreshed)
            self._looked_at = time()
            self._refreshing = self.session_app.jobs.run(job)
            self._is_about_to_look = False
            self._tell_status()

    @property
    def _is_looking(self) -> bool:
        return self._is_about_to_look or self._refreshing is not None

    def _refresh(self, progress: Progress) -> Catalog:
        due, waiting = 0.0, list[Session]()

        def each(sessions: Sequence[Session]) -> None:
            nonlocal due
            waiting.extend(sessions)
            start = monotonic()
            if start >= due:
                self._listing.update(waiting)
                waiting.clear()
                self.app.call_later(self.when_up, self._relist)
                took = monotonic() - start
                due = start + max(_SECONDS_BETWEEN_LISTINGS, took / _SHARE_OF_LISTING)

        catalog = self._library.refresh(progress, each=each)
        self._listing.update(catalog.sessions, complete=True)
        self._library.searches.prepare(self._listing.scoped())
        return catalog

    def _refreshed(self, catalog: Catalog) -> None:
        self._relist()
        self._is_first_look = False
        self._watch(catalog)
        self.index_all(catalog.found)
        if self._wanted is not None:
            self._open(self._wanted)

    def note_end(self, message: JobEnded) -> None:
        """Take note that a job has ended, well or not."""
        self.note_compacting(message)
        self.note_looking_again(message)
        self.note_indexing(message)
        if message.job is self._refreshing:
            self._refreshing = None
            self._tell_status()
            if not self.shown:
                self.rows.empty(self._why_empty())
        elif message.job is self._opening and message.error is not None:
            self._opening = None
            self._transcript = None
            self.viewer.clear(one_line(f"{message.error} {message.error.hint}"))
            self.query_one(CompactionBar).show(None, None)

    def note_step(self, message: JobStepped) -> None:
        """Tell how far a job is."""
        step = message.step
        figure = f" {step.done:,}/{step.total:,}" if step.total else ""
        self._tell_status(f"{step.note}{figure}")

    @on(Input.Changed, "#search")
    def _search_changed(self) -> None:
        # Another question selects its best answer; none at all leaves the selection where it is.
        self._relist(to_best=bool(self.search.value))

    # ── what the viewer shows ─────────────────────────────────────────────────────────────────────────

    @on(SessionList.Highlighted)
    def _highlighted(self, message: SessionList.Highlighted) -> None:
        session = message.session
        self._wanted = session.key if session else None
        if self._settle is not None:
            self._settle.stop()
        if session is None:
            self._show_nothing()
        elif self._transcript is None or self._transcript.session.key != session.key:
            self._settle = self.set_timer(_SETTLE_SECONDS, lambda: self._open(session.key))

    def _open(self, key: SessionKey) -> None:
        """Read a session's messages; while one is being read only the newest wish is kept."""
        self._wanted = key
        if self._opening is None:
            wanted, words = self._query, self._words_of(key)
            job = Job("Reading", lambda _: self._read(key, wanted, words), self._opened, quiet=True)
            self._opening = self.session_app.jobs.run(job)

    def show_tail(self, tail: Transcript) -> None:
        """Show the end of the conversation that is wanted, unless it is there already."""
        key, shown = tail.session.key, self.viewer.transcript
        if self._wanted == key and self._opening is not None and (shown is None or shown.session.key != key):
            self.viewer.show(tail)
            self._tell_heading(tail.session)

    def _opened(self, reading: Reading) -> None:
        self._opening = None
        transcript = reading.transcript
        key = transcript.session.key
        if self._wanted != key:
            if self._wanted is not None:
                self._open(self._wanted)
            return
        self._landed_on = (key, reading.terms)
        self._take(transcript, at=reading.at)
        self._land_soon()
        if not self.search.value and self.rows.cursor == 0 and self._refreshing is None:
            self.call_after_refresh(self.session_app.keep_first_screen)

    def _take(self, transcript: Transcript, *, at: int | None = None) -> None:
        """Show a transcript, from message ``at`` on where a search found it there, and all that is told of it."""
        self._transcript = transcript
        self._mark_words_in_viewer()
        self.viewer.show(transcript, at=at, to_word=True)
        self._tell_heading(transcript.session)
        gauge = self._library.meter(transcript.session)
        self.query_one(CompactionBar).show(gauge, transcript.session, summaries=len(transcript.summaries))
        self.rows.update_row(transcript.session)

    def _show_nothing(self) -> None:
        self._transcript = None
        self.viewer.clear("Nothing selected")
        self.query_one("#heading", Static).update("")
        self.query_one(CompactionBar).show(None, None)

    def _tell_heading(self, session: Session) -> None:
        look = self._library.looks()[session.key.store]
        project = homely(session.project or "", str(self._library.world.home))
        facts = [look.label, project, session.git_branch, session.model]
        told = "  ·  ".join(one_line(fact) for fact in facts if fact)
        title = Content(one_line(session.title) or "Untitled").stylize("bold")
        mark = Content(f"{look.mark} ").stylize(look.color)
        self.query_one("#heading", Static).update(mark + title + Content(f"  ·  {told}").stylize("$text-muted"))

    # ── moving about ──────────────────────────────────────────────────────────────────────────────────

    def action_focus_search(self) -> None:
        """Go to the search box."""
        self.set_focus(self.search)

    def action_focus_viewer(self) -> None:
        """Go to the viewer."""
        self.set_focus(self.viewer)

    def action_back(self) -> None:
        """Go back one step: stop a compaction, close the find, leave full width, return to the list, then to the
        search box."""
        find = self.query_one(FindBox)
        if self.is_compacting:
            self.action_cancel_job()
        elif find.is_open:
            find.close()
            self.viewer.find("")
            self.viewer.focus()
        elif self.has_class("-full"):
            self.remove_class("-full")
        elif self.focused is self.viewer:
            self.rows.focus()
        elif self.focused is self.rows:
            self.search.focus()
        else:
            self.search.value = ""

    def action_toggle_width(self) -> None:
        """Give the viewer the whole width, or take it back."""
        self.toggle_class("-full")
        self.viewer.focus()

    def on_descendant_focus(self) -> None:
        """Let a narrow screen give the room to what is being read."""
        self.set_class(self.focused is self.viewer or self.focused is self.query_one(FindBox), "-reading")

    @on(SearchBox.Moved)
    def _moved(self, message: SearchBox.Moved) -> None:
        if message.page:
            self.rows.action_page(message.rows)
        else:
            self.rows.action_move(message.rows)

    @on(Input.Submitted, "#search")
    async def _search_submitted(self) -> None:
        await self.run_action("screen.resume")

    @on(SearchBox.Left)
    def _search_left(self) -> None:
        if self.search.value:
            self.search.value = ""
        else:
            self.rows.focus()

    @on(MessageViewer.FindRequested)
    def _find_requested(self) -> None:
        self.query_one(FindBox).open()

    @on(Input.Changed, "#find")
    def _find_changed(self, message: Input.Changed) -> None:
        self.viewer.find(message.value)

    @on(Input.Submitted, "#find")
    def _find_submitted(self) -> None:
        self.viewer.focus()

    @on(FindBox.Closed)
    def _find_closed(self) -> None:
        self.viewer.find("")
        self.viewer.focus()

    @on(MessageViewer.Found)
    def _found(self, message: MessageViewer.Found) -> None:
        self.query_one(FindBox).tell(message.current, message.total, done=message.done)

    # ── doing things ──────────────────────────────────────────────────────────────────────────────────

    @on(MessageViewer.CopyRequested)
    def _copy_requested(self, message: MessageViewer.CopyRequested) -> None:
        self.session_app.copy(message.text, message.what)

    @on(SessionList.Chosen)
    def _chosen(self) -> None:
        self.action_resume()

    def action_show_help(self) -> None:
        """Show all keys."""
        from session_tui.tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen())
