"""Text as sentences, in any script: prose only, without code, tables and the marks of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST = 320
"""How many characters of a sentence are looked at; the rest is cut off."""
_SHORTEST = 12
_SHORTEST_WIDE = 4
_FENCE = re.compile(r"^ {0,3}(```+|~~~+).*?(?:^ {0,3}\1`*~* *$|\Z)", re.MULTILINE | re.DOTALL)
_STARTS = re.compile(r"\s*(?:[-*+•·]\s+(?:\[[ xX]\]\s+)?|\(?\d{1,3}[.)、]\s*(?=\D)|#{1,6}\s+|>\s?)")
_RULE = re.compile(r"\s*(?:[-=*_]{3,}|\|.*\|?)\s*$")
# After a full stop of its own script, or after a western one that a space follows.
_END = re.compile(r"(?<=[。！？｡])[」』”’）)\"]*(?=\S|\s|$)|(?<=[.!?…])[\"'”’)\]*_`]*\s+")
_STOP = re.compile(r"[。！？｡\n]|[.!?…](?=\s)")
_ABBREVIATED = re.compile(
    r"(?:^|[\s(])(?:e\.g|i\.e|etc|vs|cf|approx|no|dr|mr|mrs|st|z\.\s?b|d\.\s?h|u\.\s?a|bzw|ca|usw|p\.\s?ex|c\.-à-d|ej"
    r"|p\.\s?ej|т\.\s?е|т\.\s?к|т\.\s?д|\w)\.$",
    re.IGNORECASE,
)
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_EMPHASIS = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")


def sentences(text: str, *, limit: int = 24_000) -> Iterator[str]:
    """The sentences of ``text``, each as one line of at most `LONGEST` characters, too short ones left out.

    Of a text longer than ``limit`` characters only the sentences at its start and at its end are given.
    """
    if len(text) > limit:
        text = f"{_whole(text[: limit * 2 // 3], at_end=True)}\n\n{_whole(text[-limit // 3 :], at_end=False)}"
    for paragraph in _paragraphs(text):
        for sentence in _split(paragraph):
            plain = " ".join(_EMPHASIS.sub(r"\2", sentence).split())
            if len(plain) >= (_SHORTEST_WIDE if _WIDE.search(plain) else _SHORTEST):
                yield plain if len(plain) <= LONGEST else plain[: LONGEST - 1].rstrip() + "…"


def _whole(part: str, *, at_end: bool) -> str:
    """``part`` without the sentence that was cut at its end or its start."""
    ends = [match.end() for match in _STOP.finditer(part)]
    if not ends:
        return part
    return part[: ends[-1]] if at_end else part[ends[0] :]


def _paragraphs(text: str) -> Iterator[str]:
    """Lines that belong together, joined; a list item, heading or blank line begins anew."""
    if "```" in text or "~~~" in text:
        text = _FENCE.sub("\n\n", text)
    held: list[str] = []
    for line in text.splitlines():
        start = _STARTS.match(line)
        if (start or not line.strip() or _RULE.match(line)) and held:
            yield _joined(held)
            held = []
        if not _RULE.match(line):
            rest = line[start.end() :] if start else line
            if rest.strip():
                held.append(rest.strip())
    if held:
        yield _joined(held)


def _joined(lines: list[str]) -> str:
    joined = lines[0]
    for line in lines[1:]:
        joined += line if _WIDE.match(joined[-1]) or joined[-1] in "，、。" else f" {line}"
    return joined


def _split(paragraph: str) -> Iterator[str]:
    start = 0
    for end in _END.finditer(paragraph):
        part = paragraph[start : end.end()]
        if not part.strip() or _ABBREVIATED.search(part.rstrip()):
            continue
        yield part.strip()
        start = end.end()
    if paragraph[start:].strip():
        yield paragraph[start:].strip()
