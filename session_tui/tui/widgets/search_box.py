"""The text fields of the main screen: one that searches the list, one that finds in a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.highlighter import Highlighter
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from session_tui.query import Mistake
from session_tui.text import one_line


class Struck(Highlighter):
    """Strikes through parts of the query."""

    spans: tuple[tuple[int, int], ...] = ()

    def highlight(self, text: Text) -> None:
        """Mark the parts in ``text``."""
        for begin, end in self.spans:
            text.stylize("strike", begin, end)


class SearchBox(Input):
    """Typing searches at once; arrows and pages move the list's selection without leaving the field."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "rows(1)", "Down", show=False),
        Binding("up", "rows(-1)", "Up", show=False),
        Binding("pagedown", "pages(1)", "Page down", show=False),
        Binding("pageup", "pages(-1)", "Page up", show=False),
        Binding("escape", "leave", "Back", show=False),
        Binding("enter", "submit", "Resume", show=True),
        Binding("tab", "screen.complete", "Complete", show=False, priority=True),
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

    class Turned(Message):
        """Moving by a word from an end of the text: to the agent so many tabs further."""

        def __init__(self, steps: int) -> None:
            super().__init__()
            self.steps = steps

    def __init__(self, value: str, *, id: str, placeholder: str) -> None:
        self._struck = Struck()
        super().__init__(value, id=id, placeholder=placeholder, highlighter=self._struck)

    def show_mistakes(self, mistakes: Sequence[Mistake]) -> None:
        """Strike through what is ignored, and say why in a tooltip and below the box."""
        self._struck.spans = tuple((mistake.start, mistake.end) for mistake in mistakes)
        told = "; ".join(dict.fromkeys(mistake.what for mistake in mistakes))
        self.tooltip = Text(one_line(told)) if told else None
        self.refresh()

    def action_cursor_right_word(self, select: bool = False) -> None:
        """Move by a word; from the end of the text to the next agent."""
        if self.cursor_position >= len(self.value) and not select:
            self.post_message(self.Turned(1))
        else:
            super().action_cursor_right_word(select)

    def action_cursor_left_word(self, select: bool = False) -> None:
        """Move by a word; from the beginning of the text to the agent before."""
        if self.cursor_position == 0 and not select:
            self.post_message(self.Turned(-1))
        else:
            super().action_cursor_left_word(select)

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
