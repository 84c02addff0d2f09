"""``resume``: continue a session in its agent."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from session_tui import documents
from session_tui.cli.context import global_options
from session_tui.cli.output import json_option, narrate, print_json, say
from session_tui.cli.sessions import opened
from session_tui.errors import LaunchError, UnknownSession, UsageError
from session_tui.model import Launch, Refusal

if TYPE_CHECKING:
    from session_tui.library import Library
    from session_tui.model import Session


@click.command(context_settings={"ignore_unknown_options": False})
@click.argument("ref", required=False)
@click.argument("extra", nargs=-1, type=click.UNPROCESSED)
@click.option("--print", "only_print", is_flag=True, help="Print the shell line instead of running it.")
@json_option
@click.option("--last", is_flag=True, help="The most recent session that can be resumed.")
@click.option("--in", "directory", metavar="DIR", type=click.Path(path_type=Path), help="Run it in this directory.")
@global_options
def resume(
    ref: str | None, extra: tuple[str, ...], only_print: bool, as_json: bool, last: bool, directory: Path | None
) -> None:
    """Continue the session REF in its agent and directory; EXTRA arguments (after --) go to the agent."""
    library = opened()
    session = _wanted(library, ref, last=last)
    if directory is not None and not directory.is_dir():
        raise UsageError(f"no such folder: {directory}", hint="name an existing one with --in")
    place = str(directory.absolute()) if directory else None
    answer = library.resume(session.key, directory=place)
    launch = _with_extra(answer, extra)
    if as_json:
        # A script that asks how gets the answer even where only the program is missing on this machine.
        told = documents.launch(launch)
        print_json(documents.versioned({"ref": library.ref(session), "resume": told}))
        sys.exit(1 if isinstance(answer, Refusal) else 0)
    if only_print:
        _print_line(library, session, launch, extra, place)
        return
    _start(launch)


def _wanted(library: Library, ref: str | None, *, last: bool) -> Session:
    if ref is not None and not last:
        return library.resolve(ref)
    if not last:
        raise UsageError("no session named", hint="session-tui resume REF, or resume --last")
    for session in library.page(limit=None).sessions:
        if isinstance(library.how_to_resume(session), Launch) and not _is_empty(library, session):
            return session
    raise UnknownSession("no session can be resumed", hint="`session-tui stores` tells what was found")


def _is_empty(library: Library, session: Session) -> bool:
    """Whether nothing was ever said in it."""
    if session.message_count is None and not session.first_prompt:
        session = library.whole(session.key)
    return session.message_count == 0


def _with_extra(answer: Launch | Refusal, extra: tuple[str, ...]) -> Launch | Refusal:
    if isinstance(answer, Refusal) or not extra:
        return answer
    return Launch((*answer.argv, *extra), answer.cwd, answer.env, answer.warning)


def _print_line(
    library: Library, session: Session, answer: Launch | Refusal, extra: tuple[str, ...], place: str | None
) -> None:
    """Print the line for a shell; a program that is missing here is only warned of, the line may go elsewhere."""
    from session_tui.resume import shell_line

    if isinstance(answer, Launch):
        say(shell_line(answer))
        return
    plain = _with_extra(library.how_to_resume(session), extra)
    if isinstance(plain, Launch) and answer.reason.endswith("is not on the PATH"):
        narrate(f"warning: {answer.reason}")
        say(shell_line(Launch(plain.argv, place or plain.cwd, plain.env)))
        return
    raise LaunchError(answer.reason, hint=answer.hint)


def _start(answer: Launch | Refusal) -> None:
    from session_tui.resume import become

    if isinstance(answer, Refusal):
        raise LaunchError(answer.reason, hint=answer.hint)
    if answer.warning:
        narrate(f"warning: {answer.warning}")
    become(answer)
