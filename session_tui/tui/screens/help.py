"""All keys, made of the commands table."""

from __future__ import annotations

from textual.content import Content

from session_tui.tui.commands import Pane, offered, spelled
from session_tui.tui.screens.dialog import ReadingScreen

_TITLES = {
    Pane.LIST: "In the list",
    Pane.VIEWER: "In the viewer",
    Pane.ANYWHERE: "Anywhere",
}


class HelpScreen(ReadingScreen):
    """Every command with its keys."""

    def __init__(self) -> None:
        super().__init__("Keys", help_lines())


def help_lines() -> list[tuple[Content, Content]]:
    """The commands by where their keys work: keys and sentence."""
    lines: list[tuple[Content, Content]] = []
    for pane, title in _TITLES.items():
        lines += [(Content(title).stylize("bold $text-primary"), Content(""))]
        for command in offered():
            if command.pane is pane:
                keys = Content(spelled(command.keys) or "palette").stylize("$text-accent")
                lines.append((keys, Content(command.help)))
        lines.append((Content(""), Content("")))
    while_typing = "move the selection while typing, Enter resumes it"
    return [*lines, (Content("↑ ↓ PgUp PgDn").stylize("$text-accent"), Content(while_typing))]
