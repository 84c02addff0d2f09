"""What every part of the main screen may ask of the whole: the app, and another look at the stores."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, cast

from textual.screen import Screen

if TYPE_CHECKING:
    from session_tui.tui.app import SessionApp


class Looking(Screen[None]):
    """The main screen as its parts know it."""

    @property
    def session_app(self) -> SessionApp:
        """The app this screen belongs to."""
        return cast("SessionApp", self.app)

    @abstractmethod
    def action_refresh_list(self) -> None:
        """Look at every store again."""
