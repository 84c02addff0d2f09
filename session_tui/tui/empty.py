"""What stands where there is nothing to list: what was looked for, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from textual.content import Content

from session_tui.catalog import Look
from session_tui.text import clip, one_line, plural

_MISTAKES = 3


def looking() -> list[Content]:
    """While the first look is under way."""
    return [Content("Looking for conversations…").stylize("$text-muted")]


def no_match(
    text: str,
    total: int,
    *,
    here: bool,
    mistakes: Sequence[tuple[str, str]] = (),
    elsewhere: int = 0,
    note: str = "",
) -> list[Content]:
    """When nothing matches the query.

    Args:
        mistakes: parts of the query that were ignored, each with why.
        elsewhere: how many sessions of other agents than the one asked for would match.
        note: what is still going on.
    """
    scope = " of this directory" if here else ""
    searched = f"Searched titles, messages, tools and thinking of {plural(total, 'session')}{scope}."
    lines = [Content(f"Nothing matches “{clip(one_line(text), 40)}”").stylize("bold")]
    lines += [_muted(note or searched), Content("")]
    for part, what in mistakes[:_MISTAKES]:
        lines.append(
            Content(f"“{clip(one_line(part), 24)}” was ignored: {clip(one_line(what), 80)}").stylize("$text-warning")
        )
    lines += [Content("")] if mistakes else []
    if elsewhere:
        verb = "matches" if elsewhere == 1 else "match"
        lines.append(_muted(f"F3 shows other agents: {plural(elsewhere, 'session')} {verb} there"))
    lines += [_muted("Ctrl+T searches everywhere")] if here else []
    return [*lines, _muted("Esc clears the search")]


def _muted(words: str) -> Content:
    return Content(words).stylize("$text-muted")


def nothing_here(cwd: Path) -> list[Content]:
    """When no session belongs to the current directory."""
    return [
        Content("No conversations in this directory").stylize("bold"),
        Content(one_line(str(cwd))).stylize("$text-muted"),
        Content(""),
        Content("Ctrl+T shows those of everywhere").stylize("$text-muted"),
    ]


def no_sessions(looks: Iterable[Look]) -> list[Content]:
    """When no store holds any session: what was looked for, and the sample home."""
    names = ", ".join(look.label for look in looks)
    return [
        Content("No conversations found yet").stylize("bold"),
        Content(""),
        Content(f"Looked for sessions of {names}").stylize("$text-muted"),
        Content("in their usual places and in this directory.").stylize("$text-muted"),
        Content(""),
        Content("Press Enter to open a sample home").stylize("$text-accent"),
        Content("or name a place: session-tui --root STORE=PATH").stylize("$text-muted"),
        Content("`session-tui stores` lists every place that was looked at.").stylize("$text-muted"),
    ]
