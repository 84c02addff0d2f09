"""The figures of a session's file: its messages' times and its answers' tokens, in one pass that decodes no words.

An answer stands on several lines, one for each of its parts, each with the usage of the whole as far as it was known;
the largest is true. Its id and that of the request stay the same in the files of forks and of resumed sessions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from session_tui import model
from session_tui.activity import quarter
from session_tui.adapters import times
from session_tui.adapters.spans import opened
from session_tui.adapters.tallies import Answer, Tally, identity
from session_tui.agents.claude.lines import FAILURES, SYNTHETIC, Usage, leniently


class _Body(msgspec.Struct, gc=False):
    id: str | None = None
    model: str | None = None
    usage: Usage | None = None


class _Line(msgspec.Struct, rename="camel", gc=False):
    type: str = ""
    uuid: str | None = None
    request_id: str | None = None
    timestamp: str | None = None
    is_compact_summary: bool | None = None
    message: _Body | None = None


_SAID: Final = ("user", "assistant")
_line = msgspec.json.Decoder(_Line).decode


def tally(path: Path) -> Tally:
    """The figures of the session in ``path``.

    Raises:
        StoreError: it cannot be read.
    """
    moments: list[int] = []
    answers: dict[str, Answer] = {}
    seen: set[str] = set()
    for span in opened(path):
        try:
            line = _line(span.raw)
        except FAILURES:
            line = leniently(bytes(span.raw), _Line)
        body = line.message
        if body is None or line.type not in _SAID or line.is_compact_summary or line.uuid in seen:
            continue
        if line.uuid:
            seen.add(line.uuid)
        moments.append(quarter(times.parse(line.timestamp)))
        if line.type == "assistant" and body.usage and body.model and body.model != SYNTHETIC:
            name = (body.id or line.uuid or str(span.index)) + (line.request_id or "")
            _count(answers, name, body, moments)
    return Tally(moments, list(answers.values()))


def _count(answers: dict[str, Answer], name: str, body: _Body, moments: list[int]) -> None:
    known, place = answers.get(name), len(moments) - 1
    told = body.usage or Usage()
    if known is not None and known.output_tokens > (told.output_tokens or 0):
        answers[name] = msgspec.structs.replace(known, place=place)
        return
    used = model.Usage(
        told.input_tokens or 0,
        told.output_tokens or 0,
        told.cache_read_input_tokens or 0,
        told.cache_creation_input_tokens or 0,
    )
    at = known.at if known else moments[place]
    answers[name] = Answer.of(used, id=identity(name), at=at, place=place, model=body.model or "")
