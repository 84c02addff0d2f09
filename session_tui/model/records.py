"""What a session holds besides messages."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime

from session_tui.model.blocks import Json
from session_tui.model.lean import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Text that stands for earlier messages: which ones (``original_ids``), in words (``message_range``)."""

    id: str
    content: str
    message_range: str = ""
    original_ids: tuple[str, ...] = ()
    token_count: int | None = None
    provider: str = ""
    compacted_at: datetime | None = None
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContextItem:
    """A piece of context kept with a session. Types are the program's own words, such as
    ``stack_file``, ``component``, ``setting`` or ``query``; any is kept as it is."""

    type: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file the agent read, and when."""

    path: str
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TunnelEvent:
    """One event of a shared session's live stream."""

    id: str
    type: str
    stream_id: str = ""
    data: object = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a session cost as its program wrote it down, and the US dollars in it where they can be read."""

    record: object
    usd: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as reported by a provider."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    prompt_tokens_total: int | None = None

    @property
    def total(self) -> int:
        """Everything the provider processed: prompt, cached prompt and answer."""
        prompt = self.input_tokens + self.cache_read_tokens + self.cache_write_tokens
        return max(prompt, self.prompt_tokens_total or 0) + self.output_tokens


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """Token usage of one model call."""

    usage: Usage
    at: datetime | None = None
    turn: int = 0
    model: str = ""
    vendor: str = ""
    endpoint: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class MetricRecord:
    """Measurements of one model or tool call; durations in nanoseconds, as recorded."""

    type: str
    at: datetime | None = None
    turn: int = 0
    values: Json = field(default_factory=dict)
