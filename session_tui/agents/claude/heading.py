"""What a list shows of a session, taken from its first and last lines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

import msgspec

from session_tui.adapters import files, jsonl, times
from session_tui.adapters.rows import mapping, text
from session_tui.agents.claude import content, lines, places
from session_tui.agents.claude.lines import SYNTHETIC, Record
from session_tui.model import SessionKind, TitleSource
from session_tui.text import title_from_prompt

EDGE: Final = 64 * 1024
_PLACEHOLDERS: Final = ("", "No prompt")
_HEADLESS: Final = "sdk"
TITLES: Final = ("custom-title", "ai-title", "summary")
"""The types of the records that name a session."""
_CONVERSATION: Final = frozenset(("user", "assistant", "system"))


class Facts(lines.Head, rename="camel", gc=False):
    """What a line says of the session as a whole."""

    session_id: str | None = None
    cwd: str | None = None
    git_branch: str | None = None
    entrypoint: str | None = None
    version: str | None = None
    team_name: str | None = None
    request_session_id: str | None = None
    forked_from: dict[str, object] | None = None


_facts = msgspec.json.Decoder(Facts).decode


def facts_of(raw: bytes) -> Facts:
    """What a line says; values of other types than the program writes are left out."""
    try:
        return _facts(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return lines.leniently(raw, Facts)


class Heading(msgspec.Struct):
    """What the first and last lines say; ``name`` is the file's without its ending."""

    name: str
    status: os.stat_result
    project: str | None = None
    git_branch: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    kind: SessionKind = SessionKind.MAIN
    parent: str | None = None
    prompt: str = ""
    model: str = ""
    fill: int | None = None
    version: str = ""
    titles: dict[str, list[Record]] = {}


def heading(name: str, folder: str, edges: jsonl.Edges) -> Heading:
    """The heading of the file ``name`` in the project folder ``folder``."""
    found = Heading(name, edges.status)
    _begin(found, edges.first, folder)
    _inherit(found, edges.first)
    _end(found, edges.last)
    ends = edges.last if edges.last is edges.first else [*edges.first, *edges.last]
    for record in jsonl.typed(ends, *TITLES):
        found.titles.setdefault(text(record["type"]), []).append(record)
    found.titles["summary"] = [each for each in found.titles.get("summary", ()) if _is_own(each, ends)]
    return found


def _begin(found: Heading, first: Iterable[bytes], folder: str) -> None:
    """What the first lines say: where the session began, how it came to be, and what was asked first."""
    is_known = is_own = False
    for raw in first:
        facts = facts_of(raw)
        if facts.cwd and not is_own:
            is_own = places.encoded(facts.cwd) == folder
            found.project = facts.cwd if is_own else found.project or facts.cwd
        found.created_at = found.created_at or times.parse(facts.timestamp)
        if facts.type not in ("user", "assistant"):
            continue
        if not is_known:
            is_known = True
            _descend(found, facts)
        if facts.type == "user" and not found.prompt and not facts.is_meta and not facts.is_compact_summary:
            found.prompt = content.first_prompt(content.message_of(record) for record in jsonl.objects([raw]))
        if found.prompt and is_own:
            return


def _descend(found: Heading, facts: Facts) -> None:
    """What the first message says of where the session comes from."""
    other = facts.session_id if facts.session_id != found.name else None
    if facts.is_sidechain or facts.team_name or found.name.startswith(places.AGENT):
        found.kind, found.parent = SessionKind.SUBAGENT, other
    elif other and places.is_id(found.name):
        found.kind, found.parent = SessionKind.FORK, other
    elif (facts.entrypoint or "").startswith(_HEADLESS):
        found.kind = SessionKind.HEADLESS


def _inherit(found: Heading, first: Iterable[bytes]) -> None:
    """Tell a fork by records that name the session they were copied from."""
    if found.kind is SessionKind.SUBAGENT:
        return
    for raw in first:
        if b'"requestSessionId"' in raw or b'"forkedFrom"' in raw:
            facts = facts_of(raw)
            origin = text(mapping(facts.forked_from).get("sessionId")) or facts.request_session_id
            if origin and origin != found.name:
                found.kind, found.parent = SessionKind.FORK, origin
                return


def _end(found: Heading, last: list[bytes]) -> None:
    """What the last lines say: when, on which branch, with which model, and how full the context was."""
    is_full = is_placed = False
    latest = None
    for raw in reversed(last):
        facts = facts_of(raw)
        latest = latest or times.parse(facts.timestamp)
        if facts.type in _CONVERSATION:
            found.updated_at = found.updated_at or times.parse(facts.timestamp)
        if facts.git_branch and facts.cwd == found.project and not is_placed:
            # the program writes HEAD where it has no name for the branch
            is_placed, found.git_branch = True, None if facts.git_branch == "HEAD" else facts.git_branch
        found.version = found.version or facts.version or ""
        is_full = is_full or facts.subtype == lines.BOUNDARY
        body = facts.message if facts.type == "assistant" else None
        if body and body.model != SYNTHETIC:
            found.model = found.model or body.model or ""
            if not is_full and body.usage and body.usage.fill:
                found.fill, is_full = body.usage.fill, True
        if is_full and is_placed and found.model and found.updated_at:
            break
    found.updated_at = found.updated_at or latest or files.modified_at(found.status)


def _is_own(summary: Record, lines: Iterable[bytes]) -> bool:
    """Whether a summary is of this session: old programs wrote those of others into a new file."""
    leaf = text(summary.get("leafUuid"))
    tight, loose = (f'"uuid":{space}"{leaf}"'.encode("utf-8", "replace") for space in ("", " "))
    return not leaf or any(tight in line or loose in line for line in lines)


def titled(titles: Mapping[str, list[Record]], listed: Record, prompt: str) -> tuple[str, TitleSource]:
    """The title a session goes by and where it comes from: what a person called it, what the list of the project
    or a summary says, what its agent called it, what was asked first."""
    for title in _told(titles.get("custom-title", ()), "customTitle"):
        return title, TitleSource.CUSTOM
    for title in _agents(titles, listed):
        return title, TitleSource.AGENT
    return title_from_prompt(prompt), TitleSource.FIRST_PROMPT if prompt.strip() else TitleSource.NONE


def _agents(titles: Mapping[str, list[Record]], listed: Record) -> Iterator[str]:
    if (summary := text(listed.get("summary"))).strip() not in _PLACEHOLDERS:
        yield summary
    yield from _told(titles.get("summary", ()), "summary")
    yield from _told(titles.get("ai-title", ()), "aiTitle")


def _told(records: Iterable[Record], name: str) -> Iterator[str]:
    """What the records say, the newest first."""
    return (title for record in reversed([*records]) if (title := text(record.get(name))).strip())
