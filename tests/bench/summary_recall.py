"""How much of what was planted in a few conversations the extractive summary keeps. Prints a table.

python tests/bench/summary_recall.py [--show NAME]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from session_tui.compaction.summarizers.base import SummaryRequest
from session_tui.compaction.summarizers.extractive import Extractive
from session_tui.model import Message, Role, Text, ToolCall, ToolResult
from session_tui.progress import Progress
from session_tui.tokens import estimate, estimate_messages

CONVERSATIONS = Path(__file__).with_name("conversations")
KINDS = ("written", "commands", "read", "decisions", "values", "open")


@dataclass(frozen=True)
class Planted:
    """A conversation and the facts in it. A fact is kept when one line of the summary has all its words."""

    name: str
    messages: tuple[Message, ...]
    facts: Mapping[str, list[list[str]]]


def load() -> list[Planted]:
    """Every planted conversation, by name."""
    return [_planted(path) for path in sorted(CONVERSATIONS.glob("*.yaml"))]


def _planted(path: Path) -> Planted:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    facts = {kind: [item if isinstance(item, list) else [item] for item in data["facts"][kind]] for kind in KINDS}
    return Planted(path.stem, tuple(_messages(data["messages"])), facts)


def _messages(turns: Iterable[dict[str, object]]) -> Iterable[Message]:
    for number, turn in enumerate(turns):
        role = Role.USER if "user" in turn else Role.ASSISTANT
        calls = turn.get("calls", [])
        assert isinstance(calls, list)
        blocks = [ToolCall(f"c{number}-{i}", call["name"], call["input"]) for i, call in enumerate(calls)]
        yield Message(id=str(number), role=role, blocks=(Text(str(turn[role])), *blocks))
        if calls:
            results = (
                ToolResult(f"c{number}-{i}", call["name"], call["result"], is_error=call.get("error", False))
                for i, call in enumerate(calls)
            )
            yield Message(id=f"{number}r", role=Role.TOOL, blocks=tuple(results))


def kept(summary: str, fact: Iterable[str]) -> bool:
    """Whether one line of the summary has all words of the fact."""
    needles = [str(word).lower() for word in fact]
    return any(all(word in line for word in needles) for line in summary.lower().splitlines())


def recall(planted: Planted, summary: str) -> dict[str, tuple[int, int]]:
    """For each kind of fact, how many are kept and how many there are."""
    return {kind: (sum(kept(summary, fact) for fact in facts), len(facts)) for kind, facts in planted.facts.items()}


def summarize(messages: tuple[Message, ...]) -> str:
    """The extractive summary with default limits."""
    return Extractive().summarize(SummaryRequest(messages=messages), Progress()).text


def long_conversation(count: int) -> tuple[Message, ...]:
    """The planted conversations, numbered apart and repeated until there are ``count`` messages."""
    pool = [message for planted in load() for message in planted.messages]
    return tuple(
        Message(
            id=str(i),
            role=pool[i % len(pool)].role,
            blocks=tuple(
                Text(f"{block.text} Round {i // len(pool)} of case {i}.") if isinstance(block, Text) else block
                for block in pool[i % len(pool)].blocks
            ),
        )
        for i in range(count)
    )


def main() -> None:
    """Print the table, and how long 5,000 messages take."""
    show = sys.argv[2] if sys.argv[1:2] == ["--show"] else ""
    totals = {kind: [0, 0] for kind in KINDS}
    print(f"{'conversation':18}{''.join(f'{kind:>11}' for kind in KINDS)}{'tokens':>14}")
    for planted in load():
        summary = summarize(planted.messages)
        figures = recall(planted, summary)
        for kind, (found, planned) in figures.items():
            totals[kind][0] += found
            totals[kind][1] += planned
        cells = "".join(f"{f'{found}/{planned}':>11}" for found, planned in figures.values())
        print(f"{planted.name:18}{cells}{estimate_messages(planted.messages):>8} →{estimate(summary):>4}")
        if planted.name == show:
            print(summary)
            print([fact for facts in planted.facts.values() for fact in facts if not kept(summary, fact)])
    print(f"{'kept':18}{''.join(f'{found / planned:>11.0%}' for found, planned in totals.values())}")
    messages = long_conversation(5_000)
    started = time.perf_counter()
    summary = summarize(messages)
    print(f"5,000 messages: {time.perf_counter() - started:.2f} s, {estimate(summary)} tokens")


if __name__ == "__main__":
    main()
