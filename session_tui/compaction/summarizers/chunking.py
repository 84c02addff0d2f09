"""A conversation as plain text for a model, in parts that fit its window."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator

from session_tui.adapters.prompts import is_injected
from session_tui.compaction.summarizers.conversation import CHECK_EVERY, own_words
from session_tui.model import Message, Role, Text, ToolCall, ToolResult
from session_tui.progress import Progress
from session_tui.text import drawable
from session_tui.tokens import estimate

_LONGEST_OUTPUT = 2_000
_LONGEST_INPUT = 1_200
_SLACK = 0.97
"""A cut text is made this much shorter than it need be, since a shorter text has other tokens."""


def render(message: Message, mask: Callable[[str], str]) -> str:
    """What a message says to a summarizer: words, calls and shortened outputs, secrets masked; empty where it
    says nothing a summary may hold (system prompts, summaries, injected context, thinking)."""
    if message.is_meta or message.is_summary or message.role is Role.SYSTEM:
        return ""
    parts: list[str] = []
    for block in message.blocks:
        match block:
            case Text(text=text) if not is_injected(text):
                parts.append(own_words(text))
            case ToolCall(name=name, input=value):
                shown = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
                parts.append(f"[calls {name}] {middle_out(shown, _LONGEST_INPUT)}")
            case ToolResult(text=text, is_error=failed):
                parts.append(f"[{'failed' if failed else 'result'}] {middle_out(text, _LONGEST_OUTPUT)}")
            case _:
                continue
    said = drawable(mask("\n".join(part for part in parts if part)))
    return f"### {message.role.value}\n{said}" if said.strip() else ""


def middle_out(text: str, limit: int) -> str:
    """``text`` with its middle replaced by a note where it is longer than ``limit`` characters."""
    if len(text) <= limit:
        return text
    head = limit * 7 // 10
    return f"{text[:head]}\n[… {len(text) - limit:,} characters left out …]\n{text[len(text) - (limit - head) :]}"


def fitted(text: str, budget: int) -> str:
    """``text`` cut in its middle, with a note, until it has at most ``budget`` tokens."""
    shown = text
    limit = len(text)
    while estimate(shown) > budget and limit > 1:
        limit = max(1, int(limit * min(_SLACK, budget / estimate(shown) * _SLACK)))
        shown = middle_out(text, limit)
    return shown


def parts(messages: Iterable[Message], budget: int, mask: Callable[[str], str], progress: Progress) -> Iterator[str]:
    """The conversation in as few parts of at most ``budget`` tokens as whole messages allow; a single message
    that is longer is cut, with a note.

    Raises:
        Cancelled: a stop was asked for.
    """

    def rendered() -> Iterator[str]:
        for position, message in enumerate(messages):
            if position % CHECK_EVERY == 0:
                progress.check()
            text = render(message, mask)
            if text:
                yield text

    yield from packed(rendered(), budget)


def packed(texts: Iterable[str], budget: int) -> Iterator[str]:
    """``texts``, as many together as fit into ``budget`` tokens, in their order."""
    held: list[str] = []
    size = 0
    for text in texts:
        whole = fitted(text, budget)
        cost = estimate(whole) + 1
        if held and size + cost > budget:
            yield "\n\n".join(held)
            held, size = [], 0
        held.append(whole)
        size += cost
    if held:
        yield "\n\n".join(held)
