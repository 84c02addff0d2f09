"""What the main screen does with the selected session: continue it, copy it, tell all about it."""

from __future__ import annotations

from session_tui.errors import LaunchError
from session_tui.library import Library
from session_tui.model import Launch, Refusal, Session, SessionKey
from session_tui.text import one_line
from session_tui.tui.jobs import Job
from session_tui.tui.listing import Listing
from session_tui.tui.screens.looking import Looking
from session_tui.tui.widgets.session_list import SessionList


class Continuing(Looking):
    """Resume, copy, details."""

    _library: Library
    _listing: Listing

    @property
    def _selected(self) -> Session | None:
        return self.query_one("#list", SessionList).selected

    def action_resume(self) -> None:
        """Continue the selected session in its agent; with no session at all, open the sample home."""
        session = self._selected
        if session is None:
            if not self._listing.total and not self.session_app.demo:
                self.action_demo()
            return
        work = Job("Resume", lambda _: self._library.resume(session.key), self._resume, quiet=True)
        self.session_app.jobs.run(work)

    def _resume(self, answer: Launch | Refusal) -> None:
        if isinstance(answer, Refusal):
            self._tell_refusal(answer)
            return
        try:
            code = self.session_app.launch(self.app, answer)
        except LaunchError as error:
            self._tell_refusal(Refusal(str(error), error.hint))
            return
        if code:
            self.notify(f"{answer.argv[0]} ended with exit code {code}", severity="warning", markup=False)
        self.action_refresh_list()

    def _tell_refusal(self, refusal: Refusal) -> None:
        hint = f". {refusal.hint[:1].upper()}{refusal.hint[1:]}" if refusal.hint else ""
        self.notify(one_line(f"{refusal.reason}{hint}."), title="Cannot resume", severity="warning", markup=False)

    def action_copy_resume(self) -> None:
        """Copy the shell line that resumes the selected session."""
        from session_tui.resume import shell_line

        session = self._selected
        if session is None:
            return
        answer = self._library.how_to_resume(session)
        if isinstance(answer, Refusal):
            self._tell_refusal(answer)
        else:
            self.session_app.copy(shell_line(answer), "the resume command")

    def action_copy_session(self) -> None:
        """Copy the selected session as Markdown."""
        session = self._selected
        if session is not None:
            job = Job("Copying", lambda _: self._as_markdown(session.key), self._copy_session, quiet=True)
            self.session_app.jobs.run(job)

    def _as_markdown(self, key: SessionKey) -> str:
        from session_tui.checkpoint.markdown import render

        transcript = self._library.open(key)
        return "\n".join(render(transcript, transcript.messages))

    def _copy_session(self, text: str) -> None:
        self.session_app.copy(text, "the session")

    def action_details(self) -> None:
        """Show all that is known of the selected session."""
        from session_tui.tui.screens.details import DetailsScreen

        session = self._selected
        if session is not None:
            answer = self._library.how_to_resume(session)
            self.app.push_screen(DetailsScreen(session, self._library.ref(session), answer))

    def action_demo(self) -> None:
        """Leave and open the sample home."""
        self.app.exit("demo")
