"""The system prompt: the system message that a conversation begins with, unless that is a summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from session_tui.model import Message, Role, Text, Transcript

ID: Final = "system"


def leading(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The message that is the system prompt, or nothing."""
    return tuple(message for message in islice(messages, 1) if message.role is Role.SYSTEM and not message.is_summary)


def prompt_of(messages: Sequence[Message]) -> str:
    """The text of the system prompt, empty where there is none."""
    return "".join(message.text for message in leading(messages))


def with_prompt(transcript: Transcript, text: str) -> Transcript:
    """The conversation with ``text`` as its system prompt, without one where it is empty."""
    old = leading(transcript.messages)
    rest = transcript.messages[len(old) :]
    new = [replace(message, blocks=(Text(text),)) for message in old] or [_message(rest, text)]
    return replace(transcript, messages=(*(new if text else ()), *rest))


def _message(rest: Sequence[Message], text: str) -> Message:
    taken = any(message.id == ID for message in rest)
    return Message(id="" if taken else ID, role=Role.SYSTEM, blocks=(Text(text),))
