"""``stats``: the figures of all sessions, or of those that match a query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

import click

from session_tui import documents
from session_tui.cli.context import global_options
from session_tui.cli.output import Steps, json_option, print_json, say, table
from session_tui.cli.sessions import QUERY_SETTINGS, asked, opened, refresh_option
from session_tui.progress import Progress
from session_tui.text import age, clip, count, homely, one_line, plural, size, stamp

if TYPE_CHECKING:
    from session_tui.activity import Day
    from session_tui.library import Library
    from session_tui.statistics import Group, Ranked, Statistics

_YEAR: Final = 365
_MONTH: Final = 30
_BAR: Final = 20
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_HEIGHTS: Final = " ▁▂▃▄▅▆▇█"
_WIDTH: Final = 80
_NAME: Final = 34
"""Characters that a name takes at most."""
_REF: Final = 46
"""Characters that a ref takes at most; those of ids as long as a UUID stay whole, to be copied."""
_ROWS: Final = 10
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@click.command(context_settings=QUERY_SETTINGS)
@click.argument("query", nargs=-1)
@json_option
@refresh_option
@global_options
def stats(query: tuple[str, ...], as_json: bool, no_refresh: bool) -> None:
    """Sessions, messages, tokens and activity of all sessions, or of those that match QUERY.

    Sub-agents' sessions are among them. What was not read before is read whole; each model answer is counted once,
    however many forks hold a copy of it.
    """
    from session_tui.statistics import statistics

    library = opened()
    text = " ".join(query)
    wanted = asked(library, text, refresh=not no_refresh)
    found = [session for session, _ in library.searches.matching(wanted, library.catalog.sessions, subagents=True)]
    steps = Steps()
    try:
        told = statistics(library, found, Progress(steps), now=datetime.now(UTC))
    finally:
        steps.done()
    if as_json:
        print_json(documents.versioned({"query": text, **_document(library, told)}))
        return
    for line in report(library, told):
        say(line)


# ── as a document ─────────────────────────────────────────────────────────────────────────────────────


def _document(library: Library, told: Statistics) -> documents.Document:
    looks = library.looks()
    return {
        "generated_at": stamp(told.at),
        "sessions": {
            "total": told.sessions,
            "by_kind": {str(kind): number for kind, number in sorted(told.kinds.items())},
            "by_health": {str(health): number for health, number in sorted(told.health.items())},
            "size_bytes": told.size_bytes,
        },
        "messages": {
            "total": told.messages,
            "active": told.messages - told.archived,
            "archived": told.archived,
        },
        "tokens": {
            **asdict(told.tokens),
            "answers": told.answers,
            "repeated_answers": told.repeated,
            "sessions_recorded": told.recorded,
        },
        "context": {"tokens": told.context_tokens, "estimated_tokens": told.estimated_tokens},
        "agents": [
            {"store": group.name, "label": looks[group.name or ""].label, **_group(group)} for group in told.agents
        ],
        "projects": [{"project": group.name, **_group(group)} for group in told.projects],
        "models": [
            {"model": group.name, **{key: value for key, value in _group(group).items() if key != "messages"}}
            for group in told.models
        ],
        "activity": _activity(told),
        "longest": [_ranked(library, one) for one in told.longest],
        "largest": [_ranked(library, one) for one in told.largest],
        "busiest": [_ranked(library, one) for one in told.busiest],
        "index": {
            "path": str(library.searches.documents.folder),
            "sessions": told.index.sessions,
            "size_bytes": told.index.size_bytes,
            "updated_at": stamp(told.index.updated_at),
            "age_seconds": _seconds_since(told.index.updated_at, told.at),
        },
        "trash": {"items": told.trash_items, "size_bytes": told.trash_bytes},
    }


def _group(group: Group) -> documents.Document:
    return {
        "sessions": group.sessions,
        "messages": group.messages,
        "answers": group.answers,
        "tokens": asdict(group.tokens),
        "last_active_at": stamp(group.last_active_at),
    }


def _activity(told: Statistics) -> documents.Document:
    from session_tui.activity import together

    year = told.activity.days(told.at, _YEAR)
    return {
        "days": [
            {"date": day.date.isoformat(), "sessions": day.sessions, "messages": day.messages, "tokens": day.tokens}
            for day in year
            if day.messages or day.tokens
        ],
        "last_30_days": asdict(together(year[-_MONTH:])),
        "last_365_days": asdict(together(year)),
        "hours": list(told.activity.hours),
        "weekdays": list(told.activity.weekdays),
        "undated_messages": told.activity.undated,
    }


def _ranked(library: Library, one: Ranked) -> documents.Document:
    return {
        "ref": library.ref(one.session),
        "title": one.session.title,
        "project": one.session.project,
        "message_count": one.session.message_count,
        "size_bytes": one.session.size_bytes,
        "tokens": one.tokens,
        "updated_at": stamp(one.session.updated_at),
    }


def _seconds_since(moment: datetime | None, now: datetime) -> int | None:
    return max(0, int((now - moment).total_seconds())) if moment else None


# ── on a terminal ─────────────────────────────────────────────────────────────────────────────────────


def report(library: Library, told: Statistics) -> list[str]:
    """The figures in lines of at most 80 cells."""
    looks, home = library.looks(), str(library.world.home)
    lines = table(_totals(told), right=frozenset({1}))
    lines += _groups("AGENT", [(looks[group.name or ""].label, group) for group in told.agents], told.at)
    lines += _groups("PROJECT", [(_place(group.name, home), group) for group in told.projects], told.at)
    lines += _groups("MODEL", [(group.name or "unknown", group) for group in told.models], told.at, counted="answers")
    lines += _when(told)
    lines += _ranking("LONGEST", [(plural(one.session.message_count or 0, "message"), one) for one in told.longest])
    lines += _ranking("LARGEST", [(size(one.session.size_bytes), one) for one in told.largest])
    lines += _ranking("MOST TOKENS", [(count(one.tokens), one) for one in told.busiest])
    index = f"{plural(told.index.sessions, 'session')}, {size(told.index.size_bytes)}"
    if told.index.updated_at:
        index += f", {age(told.index.updated_at, told.at)} old"
    return [*lines, "", f"Index  {index}", f"Trash  {plural(told.trash_items, 'item')}, {size(told.trash_bytes)}"]


def _totals(told: Statistics) -> list[tuple[str, str, str]]:
    tokens = told.tokens
    parts = {"in": tokens.input, "out": tokens.output, "from cache": tokens.cache_read, "to cache": tokens.cache_write}
    kinds = [f"{number:,} {kind}" for kind, number in told.kinds.most_common()]
    damaged = [f"{number:,} {health}" for health, number in told.health.items() if health != "clean"]
    copies = [f"{told.repeated:,} copies in other sessions left out"] if told.repeated else []
    estimated = f", {count(told.estimated_tokens)} of it estimated" if told.estimated_tokens else ""
    return [
        ("Sessions", f"{told.sessions:,}", ", ".join([*kinds, *damaged])),
        ("Messages", f"{told.messages:,}", f"{told.archived:,} archived"),
        ("Tokens", count(tokens.total), ", ".join(f"{count(number)} {name}" for name, number in parts.items())),
        ("Answers", f"{told.answers:,}", ", ".join([f"usage known of {plural(told.recorded, 'session')}", *copies])),
        ("Context", count(told.context_tokens), f"in use by all conversations now{estimated}"),
        ("Size", size(told.size_bytes), ""),
    ]


def _groups(
    heading: str,
    named: Sequence[tuple[str, Group]],
    now: datetime,
    *,
    counted: Literal["messages", "answers"] = "messages",
) -> list[str]:
    shown = named[:_ROWS]
    if not shown:
        return []
    most = max(group.sessions for _, group in shown)
    rows = [
        (
            clip(one_line(name), _NAME),
            f"{group.sessions:,}",
            count((group.messages if counted == "messages" else group.answers) or None),
            count(group.tokens.total or None),
            age(group.last_active_at, now),
            bar(group.sessions, most, 10),
        )
        for name, group in shown
    ]
    lines = table([(heading, "SESSIONS", counted.upper(), "TOKENS", "LAST", ""), *rows], right=frozenset({1, 2, 3, 4}))
    more = [f"and {len(named) - _ROWS:,} more"] if len(named) > _ROWS else []
    return ["", *lines, *more]


def _when(told: Statistics) -> list[str]:
    from session_tui.activity import together

    year = told.activity.days(told.at, _YEAR)
    hours, weekdays = told.activity.hours, told.activity.weekdays
    if not sum(hours):
        return []
    lines = []
    weeks = [sum(day.messages for day in year[max(0, end - 7) : end]) for end in range(_YEAR, 0, -7)][::-1]
    for heading, days, spark in (
        ("LAST 30 DAYS", year[-_MONTH:], sparks((day.messages for day in year[-_MONTH:]), 2)),
        ("LAST 365 DAYS", year, sparks(weeks)),
    ):
        span = together(days)
        figures = (
            f"{plural(span.messages, 'message')} on {plural(span.active_days, 'day')}, {count(span.tokens)} tokens"
        )
        lines += ["", f"{heading}  {figures}", f"  {spark}".rstrip(), f"  {_ends(days, len(spark))}"]
    lines += [
        "",
        "BY HOUR",
        f"  {sparks(hours, 2)}".rstrip(),
        f"  {'0':<12}{'6':<12}{'12':<12}{'18'}",
        "",
        "BY WEEKDAY",
    ]
    most = max(weekdays)
    rows = [
        ("", name, f"{number:,}", bar(number, most, _BAR)) for name, number in zip(_WEEKDAYS, weekdays, strict=True)
    ]
    return [*lines, *table(rows, right=frozenset({2}))]


def _ends(days: Sequence[Day], width: int) -> str:
    first, last = days[0].date.isoformat(), days[-1].date.isoformat()
    return f"{first}{last:>{width - len(first)}}"


def _ranking(heading: str, told: Sequence[tuple[str, Ranked]]) -> list[str]:
    if not told:
        return []
    refs = [clip(one_line(one.session.key.ref), _REF) for _, one in told]
    room = _WIDTH - 6 - max(len(figure) for figure, _ in told) - max(len(ref) for ref in refs)
    rows = [
        (figure, ref, clip(one_line(one.session.title) or "–", room))
        for (figure, one), ref in zip(told, refs, strict=True)
    ]
    return ["", heading, *(f"  {line}" for line in table(rows, right=frozenset({0})))]


def _place(project: str | None, home: str) -> str:
    """A project's directory, its end where it is long."""
    place = homely(project, home) if project else "none"
    return place if len(place) <= _NAME else f"…{place[1 - _NAME :]}"


def bar(number: int, most: int, width: int) -> str:
    """A bar of block characters, ``width`` cells long for ``most``; what is not nothing is seen."""
    if not number or not most:
        return ""
    eighths = max(1, round(number / most * width * 8))
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def sparks(numbers: Iterable[int], width: int = 1) -> str:
    """Columns of block characters, one a number and ``width`` cells wide; what is not nothing is seen."""
    known = list(numbers)
    most = max(known, default=0) or 1
    return "".join(_HEIGHTS[-(-number * 8 // most)] * width for number in known)
