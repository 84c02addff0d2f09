"""``stores`` and ``doctor``: what was found where, and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from session_tui import documents
from session_tui.cli.context import global_options, settings
from session_tui.cli.output import Steps, json_option, print_json, say, table
from session_tui.model import Health, Problem
from session_tui.progress import Progress
from session_tui.text import one_line, plural

if TYPE_CHECKING:
    from session_tui.catalog import Found
    from session_tui.library import Library


def _looked() -> Library:
    library = settings().library()
    steps = Steps()
    library.refresh(Progress(steps))
    steps.done()
    return library


@click.command()
@json_option
@global_options
def stores(as_json: bool) -> None:
    """Every store that is known, and where sessions of it were found."""
    library = _looked()
    looks = library.looks()
    rows: list[dict[str, object]] = [
        {
            "store": hit.store,
            "label": looks[hit.store].label,
            "root": str(hit.root.path),
            "origin": hit.root.origin,
            "found": True,
            "sessions": len(hit.sources),
        }
        for hit in library.catalog.found
    ]
    found = {row["store"] for row in rows}
    for name in library.searched():
        if name not in found:
            missing = {"root": None, "origin": None, "found": False, "sessions": 0}
            rows.append({"store": name, "label": looks[name].label, **missing})
    if as_json:
        print_json(documents.versioned({"stores": rows}))
        return
    cells = [
        (str(row["store"]), f"{row['sessions']:,}" if row["found"] else "–", str(row["root"] or "not found"))
        for row in rows
    ]
    for line in table([("STORE", "SESSIONS", "ROOT"), *cells], right=frozenset({1})):
        say(line)


@click.command()
@json_option
@global_options
def doctor(as_json: bool) -> None:
    """What was found where, what could not be read and why; reads every session whole."""
    from session_tui.diagnosis import check, unknown_records

    library = _looked()
    reports = [_report(hit, problems) for hit, problems in check(library)]
    general = [documents.problem(problem) for problem in (*library.registry.problems, *_of_index(library))]
    unknown = unknown_records(library)
    if as_json:
        print_json(documents.versioned({"stores": reports, "problems": general, "unknown_records": unknown}))
        return
    for report in reports:
        say(f"{report['store']}  {report['root']}  {report['sessions']} sessions: {report['health']}")
        for problem in _listed(report["problems"]):
            say(f"  {problem}")
    for problem in _listed(general):
        say(problem)
    for store, counts in unknown.items():
        kinds = ", ".join(f"{one_line(kind)} ×{times}" for kind, times in sorted(counts.items()))
        say(f"{store}: unknown record types: {kinds}")
    wrong = sum(len(_listed(report["problems"])) for report in reports) + len(general)
    say("no problems found" if not wrong else plural(wrong, "problem"))


def _of_index(library: Library) -> list[Problem]:
    held = library.searches.documents
    what, _, hint = (held.state().problem or "").partition("; ")
    return [Problem(str(held.folder), what, hint)] if what else []


def _report(hit: Found, problems: tuple[Problem, ...]) -> dict[str, object]:
    health = Health.CLEAN if not problems else Health.PARTIAL if hit.sources or hit.complete else Health.UNREADABLE
    return {
        "store": hit.store,
        "root": str(hit.root.path),
        "origin": hit.root.origin,
        "found": True,
        "sessions": len(hit.sources),
        "health": health,
        "problems": [documents.problem(problem) for problem in problems],
    }


def _listed(problems: object) -> list[str]:
    assert isinstance(problems, list)
    lines = []
    for problem in problems:
        line = f":{problem['line']}" if problem["line"] else ""
        hint = f" — {problem['hint']}" if problem["hint"] else ""
        lines.append(one_line(f"{problem['path']}{line}: {problem['what']}{hint}"))
    return [f"{line} (×{times})" if times > 1 else line for line, times in Counter(lines).items()]
