"""How the main screen compacts: the plan is shown, the summary written in a job, and written back once accepted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from session_tui.library import Library
from session_tui.model import CompactResult, Refusal, Session, SessionKey
from session_tui.progress import Progress
from session_tui.text import one_line, plural
from session_tui.tui.jobs import Job, JobEnded
from session_tui.tui.screens.looking import Looking
from session_tui.tui.widgets.compaction_bar import CompactionBar
from session_tui.tui.widgets.session_list import SessionList

if TYPE_CHECKING:
    from session_tui.compaction.compactor import Compaction, Status
    from session_tui.compactions import CompactOptions, Prepared

    Finish = Callable[[Prepared, Compaction], None]

_SECONDS_OF_RESULT = 6.0


class Compacting(Looking):
    """What the main screen can do about full contexts."""

    _library: Library

    def __init__(self) -> None:
        super().__init__()
        self._compacting: list[Job[object]] = []
        self._waiting: list[tuple[Prepared, CompactOptions, Finish]] = []

    def action_compact(self) -> None:
        """Show what compacting the selected session, or every marked one, would do."""
        rows = self.query_one("#list", SessionList)
        marked = [session for session in rows.rows if session.key in rows.marks]
        chosen = marked or ([rows.selected] if rows.selected is not None else [])
        if chosen:
            # The summarizers take a tenth of a second to import, which the first screen need not wait for.
            from session_tui.compactions import CompactOptions

            job = Job("Planning", lambda _: self._planned(chosen, CompactOptions()), self._ask, quiet=True)
            self.session_app.jobs.run(job)

    def _planned(self, sessions: Sequence[Session], options: CompactOptions) -> list[Prepared]:
        return [self._library.prepare_compaction(session.key, options) for session in sessions]

    def _ask(self, prepared: list[Prepared]) -> None:
        worth = [one for one in prepared if one.plan]
        if not worth:
            reason = prepared[0].plan.reason if len(prepared) == 1 else "None of them has messages to spare"
            self.notify(one_line(reason), title="Nothing to compact", markup=False)
            return
        from session_tui.tui.screens.compaction import PlanScreen

        screen = PlanScreen(worth[0], more=worth[1:], summarizers=self._library.compactions.summarizers)
        self.app.push_screen(screen, partial(self._agreed, worth))

    def _agreed(self, prepared: Sequence[Prepared], options: CompactOptions | None) -> None:
        if options is None:
            return
        finish = self._review if len(prepared) == 1 else self._write
        self._waiting += [(one, one.possible(options), finish) for one in prepared]
        self._go_on()

    def _go_on(self) -> None:
        """Begin with the next session that waits, unless one is at work: a summarizer is asked one thing at a time,
        and the other jobs are not kept waiting."""
        if self._waiting and not self._compacting:
            self._start(*self._waiting.pop(0))

    def _start(self, prepared: Prepared, options: CompactOptions, finish: Finish) -> None:
        """Run one compaction in a job."""

        def work(progress: Progress) -> tuple[Prepared, Compaction]:
            planned = self._planned([prepared.session], options)[0]
            return planned, planned.run(progress, on_status=self._status_of(prepared.session))

        title = f"Compacting {one_line(prepared.session.title) or 'a session'}"
        job = Job(title, work, lambda done: finish(*done))
        self._compacting.append(cast("Job[object]", self.session_app.jobs.run(job)))

    def _status_of(self, session: Session) -> Callable[[Status], None]:
        def told(status: Status) -> None:
            self.app.call_later(self.when_up, self._show_status, session, status)

        return told

    def _show_status(self, session: Session, status: Status) -> None:
        waiting = f"{plural(len(self._waiting), 'session')} waiting" if self._waiting else ""
        note = " · ".join(part for part in (waiting, status.note or status.error) if part)
        self.query_one(CompactionBar).stage(status.stage, total=status.messages, savings=status.savings, note=note)

    def note_compacting(self, message: JobEnded) -> None:
        """Take note that a job has ended: the next session's turn comes, and none more where the person stopped one."""
        if message.job not in self._compacting:
            return
        self._compacting = [job for job in self._compacting if job is not message.job]
        if message.cancelled and self._waiting:
            self.notify(f"{plural(len(self._waiting), 'session')} that waited stay as they are.", markup=False)
            self._waiting.clear()
        if message.error is not None:
            self.set_timer(_SECONDS_OF_RESULT, self._rest)
        self._go_on()

    def _rest(self) -> None:
        """Give the bar back, unless another compaction shows on it."""
        if not self._compacting:
            self.query_one(CompactionBar).idle()

    def _review(self, prepared: Prepared, compaction: Compaction) -> None:
        from session_tui.tui.screens.compaction import SummaryScreen

        def decided(text: str | None) -> None:
            if text is None:
                self.query_one(CompactionBar).idle()
                self.notify("The summary was discarded; nothing was changed.", markup=False)
            else:
                self._write(prepared, _with_text(compaction, text))

        self.app.push_screen(SummaryScreen(compaction), decided)

    def _write(self, prepared: Prepared, compaction: Compaction) -> None:
        job = Job("Writing the summary", lambda _: self._library.write_compaction(prepared, compaction), self._written)
        self._compacting.append(cast("Job[object]", self.session_app.jobs.run(job)))

    def _written(self, result: CompactResult) -> None:
        more = "saved" if result.tokens_saved >= 0 else "more than before"
        tokens = f"{abs(result.tokens_saved):,} tokens {more}"
        place = {"store": "Written to the store", "overlay": "Kept in our overlay"}.get(
            result.written_to, "Not written"
        )
        honoured = f" Honoured by: {', '.join(result.read_by)}." if result.read_by else ""
        note = f" {result.note}." if result.note else ""
        undone = " u undoes it." if result.written_to == "store" else ""
        said = f"{plural(result.removed_messages, 'message')} summarised, {tokens}. {place}.{honoured}{note}{undone}"
        self.notify(one_line(said), title="Compacted", markup=False)
        self.set_timer(_SECONDS_OF_RESULT, self._rest)
        self.action_refresh_list()

    @property
    def is_compacting(self) -> bool:
        """Whether a compaction runs that the bar offers to stop."""
        return any(job in self._compacting for job in self.session_app.jobs.running)

    def action_undo(self) -> None:
        """Undo the newest change that something was kept for."""
        self.session_app.jobs.run(Job("Undo", lambda _: self._undo(), self._undone))

    def _undo(self) -> tuple[str, SessionKey | Refusal] | None:
        items = self._library.trash.items()
        return (items[0].title, self._library.restore(items[0].trash_id)) if items else None

    def _undone(self, answer: tuple[str, SessionKey | Refusal] | None) -> None:
        match answer:
            case None:
                self.notify("There is nothing to undo.", markup=False)
            case (_, Refusal(reason=reason, hint=hint)):
                self.notify(one_line(f"{reason}. {hint}"), title="Not undone", severity="warning", markup=False)
            case (title, _):
                self.notify(one_line(title) or "Untitled", title="Undone", markup=False)
                self.action_refresh_list()

    def action_cancel_job(self) -> None:
        """Stop the newest job."""
        if not self.session_app.jobs.cancel_newest():
            self.notify("Nothing is running.", markup=False)

    def on_compaction_bar_cancel_asked(self) -> None:
        """Stop the newest job where the bar offers it."""
        self.action_cancel_job()


def _with_text(compaction: Compaction, text: str) -> Compaction:
    """The compaction with the summary as the person left it."""
    summary = compaction.summary
    if summary is None or summary.content == text:
        return compaction
    return replace(compaction, summary=replace(summary, content=text), result=replace(compaction.result, summary=text))
