"""``list`` and ``show``."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from session_tui import documents
from session_tui.cli.context import global_options, settings
from session_tui.cli.output import Steps, json_option, narrate, print_json, say, table
from session_tui.ordering import SORTS
from session_tui.progress import Progress
from session_tui.text import age, count

if TYPE_CHECKING:
    from session_tui.library import Library
    from session_tui.model import Message, Session, Transcript
    from session_tui.query import Query

QUERY_SETTINGS = {"ignore_unknown_options": True}
"""Unknown dash arguments belong to the query: ``list -draft`` leaves out what holds "draft"."""


def opened() -> Library:
    """The library after one look at every store; problems are narrated, not raised."""
    library = settings().library()
    steps = Steps()
    library.refresh(Progress(steps))
    steps.done()
    for problem in library.catalog.problems:
        narrate(f"warning: {problem.what} ({problem.path})")
    return library


refresh_option = click.option("--no-refresh", is_flag=True, help="Search the index as it is, without updating it.")


def asked(library: Library, text: str, *, refresh: bool) -> Query:
    """What a query asks for; its mistakes are told, and where it asks for words the index is brought up to date."""
    wanted = library.parsed(text)
    for mistake in wanted.mistakes:
        narrate(f"warning: ignored {text[mistake.start : mistake.end]!r}: {mistake.what}")
    if refresh and (wanted.words or wanted.without or wanted.filters):
        steps = Steps()
        library.searches.refresh(library.catalog.found, Progress(steps))
        steps.done()
    return wanted


def row(library: Library, session: Session, ref: str) -> documents.Document:
    """The JSON row of a session."""
    return documents.session(
        session, ref=ref, capabilities=library.capabilities(session), resume=library.how_to_resume(session)
    )


def rows(library: Library, sessions: Sequence[Session]) -> list[documents.Document]:
    """The JSON rows of sessions, read whole, with ``live`` told."""
    whole = library.with_live([library.whole(session.key) for session in sessions])
    return [row(library, session, ref) for session, ref in zip(whole, library.refs(whole), strict=True)]


@click.command("list", context_settings=QUERY_SETTINGS)
@click.argument("query", nargs=-1)
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="At most so many.")
@click.option("--offset", default=0, show_default=True, type=click.IntRange(min=0), help="Leave out so many first.")
@click.option("--all", "every", is_flag=True, help="All that match, without a limit.")
@click.option("--sort", default="updated", show_default=True, type=click.Choice(SORTS), help="Order by this.")
@click.option("--reverse", is_flag=True, help="Turn the order around.")
@click.option("--include-subagents", is_flag=True, help="Sub-agents' sessions as well.")
@refresh_option
@global_options
def list_sessions(
    query: tuple[str, ...],
    as_json: bool,
    as_csv: bool,
    limit: int,
    offset: int,
    every: bool,
    sort: str,
    reverse: bool,
    include_subagents: bool,
    no_refresh: bool,
) -> None:
    """Sessions that match QUERY, newest first."""
    library = opened()
    text = " ".join(query)
    asked(library, text, refresh=not no_refresh)
    page = library.page(
        text,
        sort=sort,
        reverse=reverse,
        offset=offset,
        limit=None if every else limit,
        subagents=include_subagents or every,
    )
    if as_json:
        shown = rows(library, page.sessions)
        print_json(documents.page(shown, total=page.total, offset=offset, limit=None if every else limit))
    elif as_csv:
        sys.stdout.write(_csv(rows(library, page.sessions)))
    else:
        for line in _lines(library, page.sessions):
            say(line)
        if page.total > len(page.sessions):
            narrate(f"{len(page.sessions)} of {page.total} sessions; --all lists them all")


_CSV_COLUMNS = ("ref", "title", "project", "model", "state", "created_at", "updated_at", "message_count", "token_count")


def _csv(shown: Sequence[documents.Document]) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(_CSV_COLUMNS)
    for document in shown:
        writer.writerow([_csv_cell(document[column]) for column in _CSV_COLUMNS])
    return buffer.getvalue()


def _csv_cell(value: object) -> object:
    """A cell no spreadsheet takes for a formula."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return "" if value is None else value


def _lines(library: Library, sessions: Sequence[Session]) -> list[str]:
    now = datetime.now(UTC)
    cells = [
        (ref, age(session.updated_at, now), count(session.message_count), session.project or "", session.title or "–")
        for ref, session in zip(library.refs(sessions), sessions, strict=True)
    ]
    return table(cells, right=frozenset({1, 2}))


@click.command()
@click.argument("refs", nargs=-1, required=True, metavar="REF…")
@json_option
@click.option(
    "--messages",
    "part",
    default="all",
    show_default=True,
    type=click.Choice(("all", "active", "archived")),
    help="Which messages.",
)
@click.option("--tools", is_flag=True, help="Tool calls and their results in full.")
@click.option("--thinking", is_flag=True, help="The model's reasoning as well.")
@global_options
def show(refs: tuple[str, ...], as_json: bool, part: str, tools: bool, thinking: bool) -> None:
    """Conversations, as Markdown or JSON."""
    library = opened()
    sessions = [library.resolve(ref) for ref in refs]
    if as_json:
        shown = [_document(library, session, part) for session in sessions]
        print_json(documents.versioned(shown[0] if len(shown) == 1 else {"transcripts": shown}))
        return
    from session_tui.checkpoint.markdown import render

    for session in sessions:
        transcript = library.open(session.key)
        chosen = (message for _, message in _chosen(transcript, part))
        for piece in render(transcript, chosen, tools=tools, thinking=thinking):
            say(piece)


def _document(library: Library, session: Session, part: str) -> documents.Document:
    transcript = library.open(session.key)
    whole = library.with_live([transcript.session])[0]
    return documents.transcript(transcript, row(library, whole, library.ref(whole)), _chosen(transcript, part))


def _chosen(transcript: Transcript, part: str) -> Iterator[tuple[int, Message]]:
    for index, message in enumerate(transcript.messages):
        if part == "all" or message.archived == (part == "archived"):
            yield index, message
