"""A screen over the main one that shows text to read and closes by any of the usual keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static


class ReadingScreen(ModalScreen[None]):
    """Shows lines of two columns under ``heading``; scrolls where they are more than the screen holds."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter,question_mark,f1,i", "dismiss", "Close")]

    def __init__(self, heading: str, lines: Sequence[tuple[Content, Content]]) -> None:
        super().__init__()
        self._heading = heading
        self._lines = lines

    def compose(self) -> ComposeResult:
        """Lay out the dialog."""
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = Content(self._heading)
            dialog.border_subtitle = "Esc closes"
            for name, value in self._lines:
                with Horizontal(classes="line"):
                    yield Static(name, classes="name")
                    yield Static(value, classes="value")
