"""The text fields of the main screen: one that searches the list, one that finds in a conversation."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input


class SearchBox(Input):
    """Typing searches at once; arrows and pages move the list's selection without leaving the field."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "rows(1)", "Down", show=False),
        Binding("up", "rows(-1)", "Up", show=False),
        Binding("pagedown", "pages(1)", "Page down", show=False),
        Binding("pageup", "pages(-1)", "Page up", show=False),
        Binding("escape", "leave", "Back", show=False),
        Binding("enter", "submit", "Resume", show=True),
        Binding("f1", "screen.show_help", "Help", show=True),
    ]

    class Moved(Message):
        """The selection is to move by so many rows, or pages."""

        def __init__(self, rows: int, *, page: bool = False) -> None:
            super().__init__()
            self.rows = rows
            self.page = page

    class Left(Message):
        """Escape: clear the query, or go to the list."""

    def action_rows(self, rows: int) -> None:
        """Move the selection by rows."""
        self.post_message(self.Moved(rows))

    def action_pages(self, pages: int) -> None:
        """Move the selection by pages."""
        self.post_message(self.Moved(pages, page=True))

    def action_leave(self) -> None:
        """Clear the query, or go to the list."""
        self.post_message(self.Left())


class FindBox(Input):
    """Finds text in the conversation shown; hidden until it is opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", show=True),
        Binding("enter", "submit", "To the match", show=True),
    ]

    class Closed(Message):
        """The find was ended."""

    @property
    def is_open(self) -> bool:
        """Whether the field is on screen."""
        return self.has_class("-open")

    def open(self) -> None:
        """Show the field, with what was looked for last."""
        self.add_class("-open")
        self.focus()
        self.action_select_all()

    def close(self) -> None:
        """Hide the field and forget what was looked for."""
        self.remove_class("-open")
        self.value = ""
        self.border_subtitle = ""

    def action_close(self) -> None:
        """End the find."""
        self.close()
        self.post_message(self.Closed())

    def tell(self, current: int, total: int, *, done: bool) -> None:
        """Say which match of how many is shown, within the field's suggestion area."""
        more = "" if done else "…"
        self.tooltip = f"{current} of {total}{more}"
        self.placeholder = self.tooltip
