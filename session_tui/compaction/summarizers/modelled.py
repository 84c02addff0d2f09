"""Summaries written by a model: in parts where the conversation is long, with the facts added from the record."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from session_tui.compaction.summarizers import instructions
from session_tui.compaction.summarizers.base import Purpose, SummaryRequest, SummaryText, WindowExceeded
from session_tui.compaction.summarizers.chunking import packed, parts
from session_tui.compaction.summarizers.conversation import spoken
from session_tui.compaction.summarizers.digest import FACTS, Digest, Section, earlier_digest, fact_lines, render
from session_tui.compaction.summarizers.extractive import FACTS_SHARE, persons_first
from session_tui.compaction.summarizers.facts import gather
from session_tui.compaction.summarizers.instructions import Prompt
from session_tui.compaction.summarizers.language import Language, detect, language
from session_tui.compaction.summarizers.verbatim import latest_requests
from session_tui.errors import SummaryError
from session_tui.progress import Progress
from session_tui.text import clip, drawable
from session_tui.tokens import estimate

_FILL = 0.75
"""How much of a window the conversation may take: estimates are rough, and instructions need room as well."""
_SMALLEST = 500
_SHRINKS = 3
_LONGEST = 40_000
"""A longer answer, in characters, is no summary."""
_THOUGHT = re.compile(r"\A\s*<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL)
_FENCED = re.compile(r"\A\s*```(?:markdown|md|text)?\n(.*)\n```\s*\Z", re.DOTALL)


class Backend(Protocol):
    """Answers one question; every call stands alone."""

    @property
    def name(self) -> str:
        """The name it has in the configuration."""

    @property
    def model(self) -> str:
        """The model that answers, empty where it is not known."""

    @property
    def window(self) -> int:
        """How many tokens question and answer may have together."""

    def complete(self, prompt: Prompt, progress: Progress, on_text: Callable[[str], None]) -> str:
        """The answer to ``prompt``; ``on_text`` is given the answer as far as it has come.

        Raises:
            WindowExceeded: the question is too long.
            SummaryError: there is no usable answer.
            Cancelled: a stop was asked for; noticed within a second.
        """


@dataclass(frozen=True, slots=True)
class _Task:
    """One request on its way: the language to write in, the earlier summaries, and how to ask."""

    request: SummaryRequest
    language: Language
    earlier: Digest
    progress: Progress


class Modelled:
    """A `Summarizer` that has a `Backend` write the text."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    @property
    def name(self) -> str:
        """The backend's name."""
        return self.backend.name

    def summarize(self, request: SummaryRequest, progress: Progress) -> SummaryText:
        """Write what ``request`` asks for.

        Raises:
            SummaryError: the backend gave no usable answer.
            Cancelled: a stop was asked for.
        """
        said = list(spoken(request.messages, progress))
        tongue = language(request.language) if request.language else detect(persons_first(said))
        task = _Task(request, tongue, earlier_digest(request), progress)
        text = clean(self._write(task), request.mask)
        if request.purpose is Purpose.SUMMARY:
            facts = gather(request.messages, progress).after(task.earlier.facts)
            lines = fact_lines(facts, request.max_tokens * FACTS_SHARE)
            lines[Section.LATEST] = latest_requests(said, request.mask) or task.earlier[Section.LATEST]
            masked = {name: tuple(request.mask(line) for line in lines[name]) for name in (*FACTS, Section.LATEST)}
            text = "\n\n".join(part for part in (text, render(Digest(masked), tongue)) if part)
        request.on_text(text)
        return SummaryText(text=text, provider=self.backend.name, model=self.backend.model)

    def _write(self, task: _Task) -> str:
        """The model's text; asked again with smaller parts where a part did not fit."""
        budget = max(_SMALLEST, int(self.backend.window * _FILL) - task.request.max_tokens)
        for _ in range(_SHRINKS):
            try:
                return self._in_parts(task, budget)
            except WindowExceeded:
                budget = max(_SMALLEST, budget // 2)
        return self._in_parts(task, budget)

    def _in_parts(self, task: _Task, budget: int) -> str:
        request, progress = task.request, task.progress
        previous = _prose(task.earlier, task.language)
        room = max(_SMALLEST, budget - estimate(previous))
        conversation = list(parts(request.messages, room, request.mask, progress))
        if not conversation and not previous:
            raise SummaryError("there is nothing to summarize")
        written: list[str] = []
        for number, part in enumerate(conversation or [""]):
            progress.step(number, len(conversation), f"part {number + 1} of {len(conversation)}")
            written.append(self._ask(task, _question(task, part, previous if number == 0 else "")))
        return self._merged(task, written, budget) if len(written) > 1 else written[0]

    def _merged(self, task: _Task, written: list[str], budget: int) -> str:
        """One text made of several, in rounds where they do not fit together."""
        if task.request.purpose is Purpose.MEMORY:
            return "\n".join(written)
        while len(written) > 1:
            groups = list(packed(written, budget))
            if len(groups) >= len(written):  # no two fit together: shorter ones will
                groups = ["\n\n".join(written[i : i + 2]) for i in range(0, len(written), 2)]
            task.progress.note(f"merging {len(written)} parts")
            tokens, tongue = task.request.max_tokens, task.language.name
            written = [
                self._ask(task, instructions.for_merge(group, max_tokens=tokens, language=tongue)) for group in groups
            ]
        return written[0]

    def _ask(self, task: _Task, prompt: Prompt) -> str:
        answer = clean(self.backend.complete(prompt, task.progress, task.request.on_text), task.request.mask)
        if not answer:
            raise SummaryError(f"{self.backend.name} answered nothing")
        return answer


def _question(task: _Task, conversation: str, previous: str) -> Prompt:
    request = task.request
    if request.purpose is Purpose.MEMORY:
        return instructions.for_memory(
            conversation, max_tokens=request.max_tokens, language=task.language.name, own=request.prompt
        )
    return instructions.for_summary(
        conversation, previous, max_tokens=request.max_tokens, language=task.language.name, own=request.prompt
    )


def _prose(earlier: Digest, tongue: Language) -> str:
    """What earlier summaries say apart from facts and requests, which are carried on without the model."""
    kept = {section: earlier[section] for section in Section if section not in {*FACTS, Section.LATEST}}
    return render(Digest(kept), tongue)


def clean(answer: str, mask: Callable[[str], str]) -> str:
    """A model's answer without its thinking, a fence around it all, secrets and control characters."""
    text = _THOUGHT.sub("", answer)
    fenced = _FENCED.match(text)
    text = drawable(mask(fenced[1] if fenced else text)).strip()
    return text if len(text) <= _LONGEST else clip(text, _LONGEST)
