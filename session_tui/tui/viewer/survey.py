"""What only a look at every message tells: which are archived, which are prompts, where summaries belong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from session_tui.model import Message, Summary
from session_tui.tui.viewer import blocks
from session_tui.tui.viewer.source import Source


@dataclass(frozen=True, slots=True)
class Survey:
    """Runs of archived messages, the prompts by position, and summaries that no message holds, each by the
    position of the message it stands before."""

    archived: tuple[range, ...] = ()
    prompts: tuple[int, ...] = ()
    cards: dict[int, Summary] = field(default_factory=dict)

    def archived_between(self, first: int, last: int) -> int:
        """How many messages the archived runs hold that end after the message before ``first`` and before ``last``."""
        return sum(len(run) for run in self.archived if first <= run.stop <= last)

    def run_start(self, message: int) -> int:
        """Where the run of archived messages begins that holds ``message``."""
        return next((run.start for run in self.archived if message in run), message)

    def card_between(self, first: int, last: int) -> Summary | None:
        """The newest summary that stands before one of the messages ``first`` to ``last``."""
        return next((self.cards[index] for index in range(last, first - 1, -1) if index in self.cards), None)


def survey(source: Source, summaries: Sequence[Summary], is_stopped: Callable[[], bool]) -> Survey | None:
    """Look at every message; ``None`` when told to stop."""
    flags = bytearray(len(source))
    prompts: list[int] = []
    covered_end: dict[str, int] = {}
    said: set[str] = set()
    by_original = {original: summary.id for summary in summaries for original in summary.original_ids}
    for index in range(len(source)):
        if is_stopped():
            return None
        message = source[index]
        if not isinstance(message, Message):
            continue
        flags[index] = message.archived
        if blocks.is_prompt(message):
            prompts.append(index)
        if message.is_summary:
            said |= {message.id, message.text.strip()}
        if message.id in by_original:
            covered_end[by_original[message.id]] = index + 1
    runs = _runs(flags)
    end = runs[-1].stop if runs else 0
    cards = {
        covered_end.get(summary.id, end): summary
        for summary in summaries
        if summary.id not in said and summary.content.strip() and summary.content.strip() not in said
    }
    return Survey(runs, tuple(prompts), cards)


def _runs(flags: bytearray) -> tuple[range, ...]:
    """The runs of set flags."""
    runs, start = [], flags.find(1)
    while start != -1:
        stop = flags.find(0, start)
        stop = len(flags) if stop == -1 else stop
        runs.append(range(start, stop))
        start = flags.find(1, stop)
    return tuple(runs)
