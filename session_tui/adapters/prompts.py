"""Is this "user" record a person's? Agents store reminders, wrappers and notices under the same role.

Only patterns that several programs share live here; what one program alone writes is known to its own file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from session_tui.model import Message, Role, Text

# A whole text inside one tag that programs, not people, write; and notices in brackets.
_INJECTED = re.compile(
    r"\s*(?:<(?P<tag>system-reminder|environment_context|user_instructions|command-name|command-message|"
    r"command-args|local-command-stdout|local-command-stderr|local-command-caveat|task-notification|turn_aborted|"
    r"user_shell_command|permissions instructions|INSTRUCTIONS)>.*|\[Request interrupted by user[^\]]*\]\s*)$",
    re.DOTALL,
)


def is_injected(text: str) -> bool:
    """Whether ``text`` as a whole was written by a program: context, command wrappers, reminders."""
    return bool(_INJECTED.match(text))


def first_prompt(messages: Iterable[Message]) -> str:
    """The first thing a person said: the first user text that is not injected, no summary and not blank."""
    for message in messages:
        if message.role is not Role.USER or message.is_meta or message.is_summary:
            continue
        for block in message.blocks:
            if isinstance(block, Text) and block.text.strip() and not is_injected(block.text):
                return block.text
    return ""
