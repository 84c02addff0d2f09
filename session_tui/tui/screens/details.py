"""All that is known of a session."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from textual.content import Content

from session_tui import text
from session_tui.model import Launch, Refusal, Session
from session_tui.resume import shell_line
from session_tui.tui.screens.dialog import ReadingScreen


class DetailsScreen(ReadingScreen):
    """The facts of one session, a line each."""

    def __init__(self, session: Session, ref: str, resume: Launch | Refusal) -> None:
        lines = [
            (Content(name).stylize("$text-muted"), Content(text.one_line(value)))
            for name, value in facts(session, ref, resume)
            if value
        ]
        super().__init__("Details", lines)


def facts(session: Session, ref: str, resume: Launch | Refusal) -> Iterator[tuple[str, str]]:
    """Names and values, in the order they matter; empty values are left out by the reader."""
    yield "Title", session.title
    yield "Ref", ref
    yield "Project", session.project or ""
    yield "Branch", session.git_branch or ""
    yield (
        "Model",
        " · ".join(part for part in (session.provider, session.vendor, session.endpoint, session.model) if part),
    )
    yield "State", f"{session.state}, {session.kind}" + (f", part of {session.parent}" if session.parent else "")
    yield "Scope", session.scope.id if session.scope else ""
    yield "Skill", session.skill or ""
    yield "Tags", ", ".join(session.tags)
    yield "Created", _moment(session.created_at)
    yield "Updated", _moment(session.updated_at)
    yield "Last active", _moment(session.last_active_at)
    yield "Compacted", _moment(session.compacted_at)
    yield "Messages", f"{text.count(session.message_count)}, {text.count(session.archived_count)} archived"
    yield (
        "Tokens",
        f"{text.count(session.token_count)} ({session.token_source}) of {text.count(session.context_window)}",
    )
    yield "Size", text.size(session.size_bytes)
    yield "File", session.path
    yield "Health", str(session.health)
    for problem in session.problems:
        place = f", line {problem.line}" if problem.line else ""
        yield "Problem", f"{problem.what} ({problem.path}{place})"
    yield "Resume", shell_line(resume) if isinstance(resume, Launch) else resume.reason


def _moment(value: datetime | None) -> str:
    return value.astimezone().strftime("%Y-%m-%d %H:%M:%S %z") if value else ""
