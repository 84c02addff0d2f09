"""The command ``session-tui``: without a command it opens the UI, the arguments being the query."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from importlib import import_module
from typing import TYPE_CHECKING

import click

from session_tui import __version__, first_screen
from session_tui.cli.context import Settings, global_options
from session_tui.cli.output import narrate, report
from session_tui.errors import SessionTuiError, UsageError

if TYPE_CHECKING:
    from session_tui.glancing import Seen

_COMMANDS = {
    "list": "sessions:list_sessions",
    "search": "searching:search",
    "show": "sessions:show",
    "resume": "resuming:resume",
    "index": "searching:index",
    "stores": "stores:stores",
    "doctor": "stores:doctor",
    "stats": "figures:stats",
    "config": "configuring:config",
    "compact": "compacting:compact",
    "trash": "trashing:trash",
    "themes": "looks:themes",
    "demo": "screen:demo",
}
_DEFAULT = ("ui", "screen:ui")


class Commands(click.Group):
    """Imports a command when it is used; what is no command is a query for the UI."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in the order they are documented."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        place = dict([_DEFAULT], **_COMMANDS).get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(import_module(f"session_tui.cli.{module}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command the arguments start with, or the UI with all of them as its query."""
        if args and args[0] in _COMMANDS:
            return super().resolve_command(ctx, args)
        name = _DEFAULT[0]
        return name, self.get_command(ctx, name), args


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="session-tui")
@global_options
@click.pass_context
def cli(context: click.Context) -> None:
    """Find, read, continue and compact the conversations of AI agents.

    Without a command the UI opens, with the arguments as its query.
    """
    if context.invoked_subcommand in _COMMANDS:
        gc.enable()
    if context.invoked_subcommand is None:
        from session_tui.cli.screen import ui

        context.invoke(ui, query=())


def main(glanced: Seen = ()) -> int:
    """Run the command line and return its exit code: 0 done, 1 failed, 2 wrong usage.

    ``glanced`` are sessions that are on screen already.
    """
    settings = Settings(glanced=glanced)
    try:
        result = cli.main(prog_name="session-tui", standalone_mode=False, obj=settings)
    except Exception as error:
        return _failed(error, settings)
    return result if isinstance(result, int) else 0


def _failed(error: Exception, settings: Settings) -> int:
    first_screen.take_back()
    if settings.debug:
        traceback.print_exc()
    match error:
        case SessionTuiError():
            report(error)
            return error.exit_code
        case click.ClickException():
            report(UsageError(error.format_message(), hint="session-tui --help"))
            return 2
        case click.Abort():
            narrate("stopped")
            return 130
        case BrokenPipeError():
            # Whoever read our output has gone; the interpreter must not fail over it once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        case _:
            report(
                SessionTuiError(f"{type(error).__name__}: {error}", hint="run it again with --debug for the details")
            )
            return 1
