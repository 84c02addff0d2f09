"""The app: themes, jobs, the clipboard and the terminal; what is on screen is the browser's."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
import termios
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from textual.app import App, SystemCommand
from textual.screen import Screen
from textual.theme import Theme

from session_tui import first_screen, logs
from session_tui.errors import ConfigError, SessionTuiError
from session_tui.library import Library
from session_tui.paths import Places
from session_tui.text import one_line
from session_tui.tui import clipboard, launcher, themes
from session_tui.tui.commands import offered, spelled
from session_tui.tui.jobs import JobEnded, Jobs, JobStepped
from session_tui.tui.screens.browser import Browser
from session_tui.tui.screens.looking import Launcher
from session_tui.tui.viewer import calm_gc

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_LOOKS_AT_TERMINAL = 2.0


class SessionApp(App[object]):
    """Lists sessions, shows their messages, and hands the terminal to their agents."""

    TITLE = "session-tui"
    CSS_PATH = "app.tcss"
    COMMAND_PALETTE_BINDING = "ctrl+p"

    def __init__(
        self,
        library: Library,
        *,
        places: Places,
        query: str = "",
        theme: str | None = None,
        demo: bool = False,
        launch: Launcher = launcher.run,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Make the app over ``library``.

        Args:
            demo: it runs on the sample home.
            launch: runs an agent in the terminal; tests put their own.
            clock: the present, for ages.
        """
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (160, "-huge")]
        self.library = library
        self.places = places
        self.demo = demo
        self.clock = clock
        self.launch = launch
        self.jobs = Jobs(self)
        self._wanted_theme = theme or library.config.theme
        self._browser = Browser(library, query=query, clock=clock)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own variables, made of whatever theme is in force, so that any theme will do."""
        return themes.variable_defaults(self.current_theme)

    def on_mount(self) -> None:
        """Load the themes and open the browser."""
        self._load_themes()
        if self.library.config.keymap:
            self.set_keymap(self.library.config.keymap)
        self._leave_on_signals()
        self.push_screen(self._browser)
        self.call_after_refresh(_after_first_paint)

    def _leave_on_signals(self) -> None:
        """Leave in good order, the terminal as it was, when the terminal or the system asks us to end."""
        if self.is_headless:
            return
        for name in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(name, self.exit, None, 128 + name)
        self.set_interval(_SECONDS_BETWEEN_LOOKS_AT_TERMINAL, self._leave_without_terminal)

    def _leave_without_terminal(self) -> None:
        """Leave when the terminal is gone without a word: nothing can be read from it or drawn on it any more, and
        waiting for keys would keep a processor busy for ever."""
        try:
            termios.tcgetattr(sys.__stdin__.fileno() if sys.__stdin__ else 0)
        except (termios.error, OSError, ValueError):
            log.info("the terminal is gone")
            self.exit(None, 128 + signal.SIGHUP)

    def _fatal_error(self) -> None:
        """Leave after an error nothing caught: the details go to the log, the person is told by `run`."""
        log.critical("the UI failed", exc_info=True)
        self._close_messages_no_wait()

    def _load_themes(self) -> None:
        loaded, problems = themes.load(themes.directories(self.places.themes_dir), self)
        for theme in loaded:
            self.register_theme(theme)
        for problem in problems:
            self.notify(
                one_line(f"{Path(problem.path).name}: {problem.what}"),
                title="Theme left out",
                severity="warning",
                markup=False,
            )
        try:
            self.theme = self._chosen(loaded)
        except ConfigError as error:
            self.notify(one_line(f"{error}. {error.hint}"), severity="warning", markup=False)

    def _chosen(self, loaded: list[Theme]) -> str:
        if self._wanted_theme in self.available_themes:
            return self._wanted_theme
        names = ", ".join(theme.name for theme in loaded)
        raise ConfigError(f"no theme is named {self._wanted_theme!r}", hint=f"themes: {names}")

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette's entries: every command that has a sentence, with its keys."""
        for command in offered():
            keys = f" ({spelled(command.keys)})" if command.keys else ""
            yield SystemCommand(f"{command.title}{keys}", command.help, self._runner(command.action, command.pane))
        for saved in self._browser.saved_searches():
            search = partial(self._browser.search_for, saved.query)
            yield SystemCommand(f"Search: {one_line(saved.name)}", one_line(saved.query), search)

    def _runner(self, action: str, pane: str) -> Callable[[], object]:
        async def run() -> None:
            namespace = self.screen.query_one(f"#{pane}") if pane in {"list", "viewer"} else self
            await self.run_action(action, namespace)

        return run

    def copy_to_clipboard(self, text: str) -> None:
        """Copy ``text`` by the way that works here; used by every copy, a mouse selection's too."""
        self.copy(text, "selection")

    def copy(self, text: str, what: str) -> None:
        """Copy ``text`` and say that it is ``what`` that was copied, and how much."""
        self._clipboard = text

        def written(sequence: str) -> None:
            if self._driver is not None:
                self._driver.write(sequence)

        way = clipboard.copy(text, environ=self.library.world.environ, write=written)
        if way:
            size = f"{len(text):,} characters" if len(text) > 200 else one_line(text)
            self.notify(size, title=f"Copied {what}", markup=False)
        else:
            self.notify("no clipboard takes that much", title=f"Not copied: {what}", severity="warning", markup=False)

    def on_job_stepped(self, message: JobStepped) -> None:
        """Show how far a job is."""
        self._browser.when_up(self._browser.note_step, message)

    def on_job_ended(self, message: JobEnded) -> None:
        """Tell of a job that failed, and hand on what one that did not returned; not any more while the app closes."""
        if not self._browser.is_up:
            return
        job = message.job
        self._browser.note_end(message)
        if message.error is None:
            if job.done:
                job.done(message.result)
        elif message.cancelled:
            self.notify(f"{job.title}: stopped", markup=False)
        else:
            hint = f" {message.error.hint}" if message.error.hint else ""
            self.notify(one_line(f"{message.error}.{hint}"), title=job.title, severity="error", markup=False)

    def keep_first_screen(self) -> None:
        """Keep what is on screen, to be shown at the next start before the UI is there."""
        if self.is_headless or self.demo:
            return
        lines = self.screen._compositor.render_strips()
        drawn = "\r\n".join(strip.render(self.console) for strip in lines)
        try:
            first_screen.keep(drawn, columns=self.size.width, lines=self.size.height)
        except OSError as error:
            log.warning("the first screen was not kept: %s", error)

    async def action_quit(self) -> None:
        """Stop every job and leave."""
        self.jobs.cancel_all()
        self.exit()


def _after_first_paint() -> None:
    calm_gc()
    gc.enable()


def run(library: Library, *, places: Places, query: str = "", theme: str | None = None, demo: bool = False) -> bool:
    """Run the UI until the person leaves; whether the sample home was asked for instead.

    Raises:
        SessionTuiError: the UI failed; the terminal is as it was.
        SystemExit: a signal asked us to end; the code is 128 and its number, as shells have it.
    """
    logs.write_to(places.log_file)
    app = SessionApp(library, places=places, query=query, theme=theme, demo=demo)
    first_screen.hand_over()
    answer = app.run()
    if app.return_code == 1:
        raise SessionTuiError("the UI failed", where=str(places.log_file), hint="the log there says why")
    if app.return_code:
        raise SystemExit(app.return_code)
    return answer == "demo"
