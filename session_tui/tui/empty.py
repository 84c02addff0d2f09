"""What stands where there is nothing to list: what was looked for, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from textual.content import Content

from session_tui.catalog import Look
from session_tui.text import clip, one_line, plural


def looking() -> list[Content]:
    """While the first look is under way."""
    return [Content("Looking for conversations…").stylize("$text-muted")]


def no_match(text: str, total: int, *, here: bool) -> list[Content]:
    """When nothing matches the query."""
    scope = " of this directory" if here else ""
    wider = ["Ctrl+T searches everywhere"] if here else []
    return [
        Content(f"Nothing matches “{clip(one_line(text), 40)}”").stylize("bold"),
        Content(f"Searched titles, projects and first prompts of {plural(total, 'session')}{scope}.").stylize(
            "$text-muted"
        ),
        Content(""),
        *(Content(line).stylize("$text-muted") for line in [*wider, "Esc clears the search"]),
    ]


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
