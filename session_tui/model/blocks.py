"""What a message is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TypeAlias

from session_tui.model.lean import dataclass

Json: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Text:
    """What was said, exactly as stored."""

    text: str
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Thinking:
    """A model's reasoning, with the provider's signature where there is one."""

    text: str
    signature: str = ""
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RedactedThinking:
    """Reasoning that the provider handed out sealed."""

    data: str
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's request to run a tool; ``input`` is the decoded JSON, or the raw text where it is none."""

    id: str
    name: str
    input: object = None
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave back for the call ``call_id``."""

    call_id: str
    name: str
    text: str
    is_error: bool = False
    images: tuple[Image, ...] = ()
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Image:
    """A picture: its media type, its size in bytes, and the bytes themselves on demand."""

    media_type: str
    size: int
    load: Callable[[], bytes] | None = field(default=None, compare=False, repr=False)
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file or reference that went along with a message."""

    name: str
    media_type: str = ""
    url: str = ""
    size: int | None = None
    extra: Json = field(default_factory=dict)


Block: TypeAlias = Text | Thinking | RedactedThinking | ToolCall | ToolResult | Image | Attachment
