"""All keys, made of the commands table."""

from __future__ import annotations

from textual.content import Content

from session_tui.tui.commands import Pane, offered, spelled
from session_tui.tui.screens.dialog import ReadingScreen

_TITLES = {
    Pane.LIST: "In the list",
    Pane.VIEWER: "In the viewer",
    Pane.ANYWHERE: "Anywhere, also while typing",
}
_KEY_CELLS = 14


class HelpScreen(ReadingScreen):
    """Every command with its keys."""

    def __init__(self) -> None:
        super().__init__("Keys", help_text())


def help_text() -> Content:
    """The commands by where their keys work, one line each."""
    lines: list[Content] = []
    for pane, title in _TITLES.items():
        lines += [Content(title).stylize("bold $text-primary")]
        for command in offered():
            if command.pane is pane:
                keys = spelled(command.keys) or "palette"
                lines.append(Content(f"{keys:<{_KEY_CELLS}} ").stylize("$text-accent") + Content(command.help))
        lines.append(Content(""))
    lines.append(
        Content("In the search box ↑ ↓ PgUp PgDn move the selection and Enter resumes it.").stylize("$text-muted")
    )
    return Content("\n").join(lines)
