"""A summary as sections of short lines: written in any language, read back, and joined with an earlier one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from session_tui.compaction.summarizers.base import SummaryRequest
from session_tui.compaction.summarizers.conversation import own_words
from session_tui.compaction.summarizers.facts import Command, Facts
from session_tui.compaction.summarizers.language import Language, languages
from session_tui.compaction.summarizers.sentences import sentences
from session_tui.text import clip, drawable, one_line
from session_tui.tokens import estimate


class Section(StrEnum):
    """The parts of a summary in the order they are written."""

    GOAL = "goal"
    EARLIER = "earlier"
    DECISIONS = "decisions"
    RESULTS = "results"
    POINTS = "points"
    WRITTEN = "written"
    READ = "read"
    COMMANDS = "commands"
    OPEN = "open"
    NEXT = "next"
    LATEST = "latest"


FACTS = (Section.WRITTEN, Section.READ, Section.COMMANDS)
_HEADING = re.compile(r"^## (.+?)\s*$")
_RUNS = re.compile(r"^(.*?)(?: \(×(\d+)\))?( ✗)?$")
_LONGEST_COMMAND = 300


@dataclass(frozen=True, slots=True)
class Digest:
    """The lines of each section, without bullets and quotation marks."""

    lines: Mapping[Section, tuple[str, ...]] = field(default_factory=dict)

    def __getitem__(self, section: Section) -> tuple[str, ...]:
        return self.lines.get(section, ())

    @property
    def facts(self) -> Facts:
        """The sections that hold facts, as facts."""
        commands = [_RUNS.match(line) for line in map(_uncoded, self[Section.COMMANDS])]
        return Facts(
            written=tuple(_uncoded(line) for line in self[Section.WRITTEN]),
            read=tuple(_uncoded(line) for line in self[Section.READ]),
            commands=tuple(Command(match[1], int(match[2] or 1), bool(match[3])) for match in commands if match),
        )


def render(digest: Digest, language: Language) -> str:
    """The digest as Markdown with the headings of ``language``; empty sections are left out."""
    parts: list[str] = []
    for section in Section:
        if digest[section]:
            parts.append(f"## {language.headings[section]}\n{_body(section, digest[section])}")
    return "\n\n".join(parts)


def _body(section: Section, lines: Iterable[str]) -> str:
    match section:
        case Section.LATEST:
            return "\n>\n".join("\n".join(f"> {row}".rstrip() for row in line.split("\n")) for line in lines)
        case Section.GOAL | Section.EARLIER:
            return "\n".join(lines)
        case _:
            return "\n".join(f"- {line}" for line in lines)


def parse(text: str) -> Digest | None:
    """A summary with headings of ours, in any language; what stands under none of them is `Section.EARLIER`.
    ``None`` for a text without such a heading."""
    known = {heading: Section(name) for entry in languages().values() for name, heading in entry.headings.items()}
    found: dict[Section, list[str]] = {}
    section = Section.EARLIER
    for row in text.splitlines():
        heading = _HEADING.match(row)
        if heading:
            section = known.get(heading[1], Section.EARLIER)
        elif row.strip():
            found.setdefault(section, []).append(row)
    if not found.keys() - {Section.EARLIER}:
        return None
    return Digest({section: _read_back(section, rows) for section, rows in found.items()})


def _read_back(section: Section, rows: list[str]) -> tuple[str, ...]:
    match section:
        case Section.LATEST:
            quoted = "\n".join(row.removeprefix(">").removeprefix(" ") for row in rows)
            return tuple(part for part in re.split(r"\n\n(?=\S)", quoted) if part.strip())
        case Section.GOAL | Section.EARLIER:
            return tuple(rows)
        case _:
            lines = (row.removeprefix("- ") for row in rows)
            return tuple(line for line in lines if not line.startswith("… +"))


def earlier_digest(request: SummaryRequest) -> Digest:
    """The earlier summaries of ``request`` as one digest; those in other forms stand under `Section.EARLIER`."""
    lines: dict[Section, tuple[str, ...]] = {}
    for text in request.previous:
        clean = drawable(request.mask(own_words(text)))
        digest = parse(clean) or Digest({Section.EARLIER: tuple(sentences(clean))})
        for section in Section:
            lines[section] = tuple(dict.fromkeys((*lines.get(section, ()), *digest[section])))
    return Digest(lines)


def fact_lines(facts: Facts, budget: int) -> dict[Section, tuple[str, ...]]:
    """The sections for ``facts`` within ``budget`` tokens: files written, then commands, then files read, the
    newest of each as far as they fit; a line says how many older ones are left out."""
    lines: dict[Section, tuple[str, ...]] = {}
    wanted: tuple[tuple[Section, list[str]], ...] = (
        (Section.WRITTEN, [_coded(path) for path in facts.written]),
        (Section.COMMANDS, [_command(command) for command in facts.commands]),
        (Section.READ, [_coded(path) for path in facts.read]),
    )
    for section, all_lines in wanted:
        kept = within(all_lines, budget)
        budget -= sum(estimate(line) for line in kept)
        lines[section] = kept
    return lines


def within(lines: list[str], budget: int) -> tuple[str, ...]:
    """The newest lines that ``budget`` tokens hold, with a first line ``… +N`` where N older ones are left out."""
    left = budget
    for number, line in enumerate(reversed(lines)):
        left -= estimate(line) + 1
        if left < 0:
            kept = lines[len(lines) - number :]
            return (f"… +{len(lines) - number}", *kept)
    return tuple(lines)


def _command(command: Command) -> str:
    times = f" (×{command.times})" if command.times > 1 else ""
    return f"{_coded(clip(command.text, _LONGEST_COMMAND))}{times}{' ✗' if command.failed else ''}"


def _coded(text: str) -> str:
    """``text`` as Markdown code on one line."""
    line = one_line(text)
    return f"`` {line} ``" if "`" in line else f"`{line}`"


def _uncoded(line: str) -> str:
    """What `_coded` was given."""
    if line.startswith("`` ") and " ``" in line:
        inner, _, rest = line[3:].rpartition(" ``")
    elif line.startswith("`") and line.count("`") >= 2:
        inner, _, rest = line[1:].rpartition("`")
    else:
        return line
    return inner + rest
