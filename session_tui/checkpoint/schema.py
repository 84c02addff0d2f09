"""Checkpoint version 1.0: its fields, and when one is sound enough to be imported.

    version, exported_at, exported_by?
    session      name, provider, model, skill?, project_path, created_at, updated_at, metadata?
    messages     list of role (user, assistant, system), content, created_at, archived?
    context?     project_instructions?, files_accessed?, working_directory?
    statistics   message_count, user_messages, assistant_messages, total_tokens?, tool_calls?
    x_session_tui?   the conversation without loss, see `session_tui.checkpoint.whole`

Times are RFC 3339. Fields of other names are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from session_tui.errors import CheckpointError
from session_tui.model import Role

VERSION: Final = "1.0"
WHOLE: Final = "x_session_tui"
"""The field that holds the conversation without loss."""
ROLES: Final = (Role.USER, Role.ASSISTANT, Role.SYSTEM)
DEEPEST: Final = 200
"""Levels that a document may nest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFields:
    """What a checkpoint says of its session; times as they are written."""

    name: str = ""
    provider: str = ""
    model: str = ""
    skill: str = ""
    project_path: str = ""
    created_at: object = None
    updated_at: object = None
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFields:
    """A message of a checkpoint."""

    role: str = ""
    content: str = ""
    created_at: object = None
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextFields:
    """What a session was about, as far as its program wrote it down."""

    project_instructions: str = ""
    files_accessed: tuple[str, ...] = ()
    working_directory: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsFields:
    """Counts of a checkpoint; only that of all messages is ever checked."""

    message_count: int = 0
    total_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A decoded checkpoint, sound or not."""

    version: str = ""
    session: SessionFields = field(default_factory=SessionFields)
    messages: tuple[MessageFields, ...] = ()
    context: ContextFields = field(default_factory=ContextFields)
    statistics: StatisticsFields = field(default_factory=StatisticsFields)


def fields_of(document: object) -> Checkpoint:
    """The fields of a decoded document, which need not be sound; what is null is as if it were not there.

    Raises:
        CheckpointError: it is no object, nested too deeply, or a field holds another type of value.
    """
    if not isinstance(document, Mapping):
        raise CheckpointError("not a checkpoint: an object is expected")
    check_depth(document)
    known = {name: _known(document.get(name)) for name in Checkpoint.__slots__}
    messages = known.get("messages")
    if isinstance(messages, list):
        known["messages"] = [_known(message) for message in messages]
    try:
        return msgspec.convert(_known(known), Checkpoint)
    except msgspec.ValidationError as error:
        raise CheckpointError(f"not a readable checkpoint: {error}") from error


def _known(value: object) -> object:
    """An object without what is null in it; any other value as it is."""
    if not isinstance(value, Mapping):
        return value
    return {name: item for name, item in value.items() if item is not None}


def check_depth(document: object) -> None:
    """Let pass what nests at most `DEEPEST` levels.

    Raises:
        CheckpointError: it nests deeper.
    """
    level: list[object] = [document]
    for _ in range(DEEPEST):
        level = [child for value in level for child in _children(value)]
        if not level:
            return
    raise CheckpointError(f"nested more than {DEEPEST} levels deep")


def _children(value: object) -> list[object]:
    values = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [child for child in values if isinstance(child, Mapping | list | tuple)]


def validate(checkpoint: Checkpoint | None) -> None:
    """Let pass what can be imported.

    Raises:
        CheckpointError: it cannot; the first reason in the order that programs of this format check them.
    """
    if checkpoint is None:
        raise CheckpointError("checkpoint is nil")
    if not checkpoint.version:
        raise CheckpointError("checkpoint version is missing")
    if checkpoint.version != VERSION:
        raise CheckpointError(f"unsupported checkpoint version: {checkpoint.version} (expected: {VERSION})")
    for name in ("name", "provider", "model"):
        if not getattr(checkpoint.session, name):
            raise CheckpointError(f"session {name} is required")
    _validate_messages(checkpoint)


def _validate_messages(checkpoint: Checkpoint) -> None:
    if not checkpoint.messages:
        raise CheckpointError("checkpoint must contain at least one message")
    for number, message in enumerate(checkpoint.messages):
        if not message.role:
            raise CheckpointError(f"message role is required: message {number}")
        if message.role not in ROLES:
            expected = ", ".join(ROLES)
            raise CheckpointError(
                f"invalid message role: message {number} has role '{message.role}' (expected: {expected})"
            )
    said, found = checkpoint.statistics.message_count, len(checkpoint.messages)
    if said != found:
        raise CheckpointError(
            f"statistics message count does not match actual messages: count is {said} but found {found}"
        )
