"""``search`` and ``index``: what was said, message by message, and the index that finds it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from session_tui import documents
from session_tui.cli.context import global_options
from session_tui.cli.output import Steps, json_option, narrate, print_json, say
from session_tui.cli.sessions import QUERY_SETTINGS, asked, opened, refresh_option
from session_tui.progress import Progress
from session_tui.text import age, one_line, plural, size, stamp

if TYPE_CHECKING:
    from session_tui.index.documents import State
    from session_tui.library import Library
    from session_tui.model import Hit


@click.command(context_settings=QUERY_SETTINGS)
@click.argument("query", nargs=-1, required=True)
@json_option
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="At most so many hits.")
@click.option("--offset", default=0, show_default=True, type=click.IntRange(min=0), help="Leave out so many first.")
@refresh_option
@global_options
def search(query: tuple[str, ...], as_json: bool, limit: int, offset: int, no_refresh: bool) -> None:
    """Messages that hold the words of QUERY, the best first."""
    library = opened()
    wanted = asked(library, " ".join(query), refresh=not no_refresh)
    answer = library.searches.hits(wanted, library.catalog.sessions, limit=limit, offset=offset)
    sessions = {session.key: session for session in library.catalog.sessions}
    refs = library.refs([sessions[hit.key] for hit in answer.hits])
    if as_json:
        meta = {
            "total": answer.total,
            "offset": offset,
            "limit": limit,
            "returned": len(answer.hits),
            "sessions": answer.sessions,
            "took_ms": round(answer.took_ms, 1),
            "mistakes": [documents.mistake(one) for one in wanted.mistakes],
        }
        hits = [documents.hit(hit, ref=ref) for hit, ref in zip(answer.hits, refs, strict=True)]
        print_json(documents.versioned({"hits": hits, "meta": meta}))
        return
    shown = ""
    for hit, ref in zip(answer.hits, refs, strict=True):
        if ref != shown:
            session = sessions[hit.key]
            title = one_line(session.title) or "–"
            say(f"{click.style(ref, bold=True)}  {age(session.updated_at, datetime.now(UTC))}  {title}")
            shown = ref
        say(f"  {_where(hit):>12}  {_marked(hit)}")
    narrate(f"{plural(answer.sessions, 'session')} · {answer.took_ms:.0f} ms")


def _where(hit: Hit) -> str:
    if hit.index is None:
        return hit.part
    return f"#{hit.index} {hit.role if hit.part == 'text' else hit.part.replace('tool_', '')}"


def _marked(hit: Hit) -> str:
    """The snippet with its matches emphasised, on a terminal that can."""
    parts, last = [], 0
    for begin, end in hit.spans:
        parts += [hit.snippet[last:begin], click.style(hit.snippet[begin:end], bold=True, underline=True)]
        last = end
    return "".join([*parts, hit.snippet[last:]])


@click.command()
@click.option("--rebuild", is_flag=True, help="Read everything anew.")
@click.option("--status", is_flag=True, help="Only tell what is indexed.")
@json_option
@global_options
def index(rebuild: bool, status: bool, as_json: bool) -> None:
    """Bring the search index up to date."""
    library = opened()
    done: dict[str, object] = {}
    if not status:
        steps = Steps()
        outcome = library.searches.refresh(library.catalog.found, Progress(steps), rebuild=rebuild)
        if not outcome.busy:
            library.searches.searcher.update_vocabulary()
        steps.done()
        if outcome.busy:
            narrate("warning: another program is updating the index; it goes on by itself")
        for path, failure in outcome.failures:
            narrate(f"warning: not indexed: {failure} ({path})")
        done = {
            "read": outcome.read,
            "unchanged": outcome.kept,
            "dropped": outcome.dropped,
            "failed": len(outcome.failures),
            "busy": outcome.busy,
            "rebuilt": outcome.rebuilt or rebuild,
        }
    state = library.searches.documents.state()
    if as_json:
        print_json(documents.versioned({"index": _facts(library, state), "refresh": done or None}))
        return
    if done:
        say(f"{done['read']:,} read, {done['unchanged']:,} unchanged, {done['dropped']:,} dropped")
    where = library.searches.documents.folder
    say(f"{plural(state.sessions, 'session')} indexed, {size(state.size_bytes)} in {where}")
    if state.problem:
        say(f"  {state.problem}")


def _facts(library: Library, state: State) -> dict[str, object]:
    return {
        "path": str(library.searches.documents.folder),
        "sessions": state.sessions,
        "size_bytes": state.size_bytes,
        "updated_at": stamp(state.updated_at),
        "health": "clean" if not state.problem else "unreadable",
        "problem": state.problem,
    }
