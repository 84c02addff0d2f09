"""A screen over the main one that shows text to read and closes by any of the usual keys."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static


class ReadingScreen(ModalScreen[None]):
    """Shows ``text`` under ``heading``; scrolls where it is longer than the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter,question_mark,f1,i", "dismiss", "Close")]

    def __init__(self, heading: str, text: Content) -> None:
        super().__init__()
        self._heading = heading
        self._text = text

    def compose(self) -> ComposeResult:
        """Lay out the dialog."""
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = Content(self._heading)
            dialog.border_subtitle = "Esc closes"
            yield Static(self._text)
