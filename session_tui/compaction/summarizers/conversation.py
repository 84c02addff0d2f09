"""What people and models said to each other, without what programs put in between."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from session_tui.adapters.prompts import is_injected
from session_tui.model import Message, Role, Text
from session_tui.progress import Progress
from session_tui.text import scrub

# Context that programs slip into a text that is otherwise a person's.
_SLIPPED_IN = re.compile(
    r"<(system-reminder|environment_context|user_instructions|local-command-stdout|local-command-stderr|"
    r"local-command-caveat|task-notification|additional_metadata|INSTRUCTIONS)>.*?</\1>",
    re.DOTALL | re.IGNORECASE,
)
LONGEST = 48_000
"""How many characters of an utterance are held: its start and its end."""
CHECK_EVERY = 64
"""After how many messages an inner loop asks whether to stop."""


@dataclass(frozen=True, slots=True)
class Said:
    """One utterance: the position of its message, whether a person said it, and its text."""

    position: int
    by_person: bool
    text: str


def spoken(messages: Iterable[Message], progress: Progress) -> Iterator[Said]:
    """The utterances of people and models, oldest first; system prompts, summaries, tool output, thinking and
    injected context are left out.

    Raises:
        Cancelled: a stop was asked for.
    """
    for position, message in enumerate(messages):
        if position % CHECK_EVERY == 0:
            progress.check()
        if message.is_meta or message.is_summary or message.role not in {Role.USER, Role.ASSISTANT}:
            continue
        text = "\n\n".join(
            block.text for block in message.blocks if isinstance(block, Text) and not is_injected(block.text)
        )
        text = own_words(text)
        if len(text) > LONGEST:
            text = f"{text[: LONGEST // 2]}\n\n{text[-LONGEST // 2 :]}"
        if text:
            yield Said(position, message.role is Role.USER, text)


def own_words(text: str) -> str:
    """``text`` without the context that a program slipped in, and without what cannot be encoded."""
    if "<" in text:
        text = _SLIPPED_IN.sub("", text)
    return scrub(text).strip()
