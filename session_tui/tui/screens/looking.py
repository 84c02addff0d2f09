"""What every part of the main screen may ask of the whole: its app, and another look at the stores."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Protocol, cast

from textual.app import App
from textual.screen import Screen

from session_tui.model import Launch
from session_tui.tui.jobs import Jobs


class Host(Protocol):
    """The app as its screens know it."""

    jobs: Jobs
    """The running jobs."""
    demo: bool
    """Whether it runs on the sample home."""

    @property
    def launch(self) -> Launcher:
        """Runs an agent in the terminal."""

    def copy(self, text: str, what: str) -> None:
        """Copy ``text`` and say that it is ``what`` that was copied."""

    def keep_first_screen(self) -> None:
        """Keep what is on screen for the next start."""


class Launcher(Protocol):
    """Hands the terminal to an agent, and returns its exit code."""

    def __call__(self, app: App[Any], launch: Launch) -> int:
        """Run ``launch``.

        Raises:
            LaunchError: it could not be started.
        """


class Looking(Screen[None]):
    """The main screen as its parts know it."""

    @property
    def session_app(self) -> Host:
        """The app this screen belongs to."""
        return cast(Host, self.app)

    @property
    def is_up(self) -> bool:
        """Whether the screen is there with all its parts; while the app closes they go one by one."""
        return self.is_attached and bool(self.query("#bar"))

    def when_up(self, callback: Callable[..., object], *args: object) -> None:
        """Call ``callback``, unless the app is closing: what a thread has to say then comes too late."""
        if self.is_up:
            callback(*args)

    @abstractmethod
    def action_refresh_list(self) -> None:
        """Look at every store again."""
