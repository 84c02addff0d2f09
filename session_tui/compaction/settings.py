"""What decides when a conversation is compacted, how much of it, and how its summary is made."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum

import msgspec

from session_tui.errors import ConfigError


class Strategy(StrEnum):
    """What stands in for the messages that a compaction takes away."""

    SUMMARIZE = "summarize"
    """A summary; without a summarizer the compaction fails."""
    TRUNCATE = "truncate"
    """Nothing."""
    HYBRID = "hybrid"
    """A summary where there is a summarizer, else nothing."""

    @classmethod
    def parse(cls, name: str) -> Strategy:
        """The strategy called ``name``; one nobody knows means to truncate, as in the systems that have it."""
        return cls(name) if name in tuple(cls) else cls.TRUNCATE


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactionSettings:
    """The rules of one store. The defaults are ours; `of` reads those of other programs from plain data.

    Raises:
        ConfigError: a value makes no sense.
    """

    enabled: bool = True
    """Whether conversations become due; a compaction by hand is always possible."""
    trigger_threshold: float = 0.75
    """Share of the context window (or of ``max_messages``) from which compaction is due."""
    compact_ratio: float = 0.4
    """Share of the active messages that one compaction takes away, the oldest first; 1 means all but the recent."""
    preserve_recent: int = 10
    """How many of the newest messages always stay."""
    max_messages: int = 0
    """How many messages count as full; 0 means that their number never makes a conversation due."""
    message_threshold: float | None = None
    """Share of ``max_messages`` where it differs from ``trigger_threshold``."""
    min_messages: int = 0
    """A conversation with fewer active messages is never due."""
    use_ai_summary: bool = True
    """Whether the summarizer may be a model; otherwise the plain one of the store's program, or the extractive one,
    is used."""
    show_summary_markers: bool = False
    """Whether summaries are framed by lines that say which messages they stand for."""
    strategy: Strategy = Strategy.SUMMARIZE
    """What stands in for the messages taken away."""
    summary_tokens: int = 500
    """About how many tokens a summary may say; facts from tool calls have a bound of their own."""
    refresh_memory: bool = True
    """Whether lasting facts are extracted before messages are taken away."""
    soft_threshold: float = 0.6
    """Share of the context window from which memory is refreshed."""
    extract_tokens: int = 500
    """About how many tokens one memory refresh may say."""
    turn_aligned: bool = False
    """Whether what stays must begin with a person's message."""
    keep_system: bool = True
    """Whether system prompts stay although they are old."""
    merge_summaries: bool = True
    """Whether an earlier summary is taken into the new one; otherwise it stays beside it."""
    default_window: int = 0
    """Context window in tokens where nothing else says it; 0 means the usual one."""

    def __post_init__(self) -> None:
        for name in ("trigger_threshold", "compact_ratio", "soft_threshold", "message_threshold"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= 1:
                raise ConfigError(f"{name} must be above 0 and at most 1, not {value}", where=f"compaction.{name}")
        for name in ("preserve_recent", "max_messages", "min_messages"):
            value = getattr(self, name)
            if value < 0:
                raise ConfigError(f"{name} must not be negative, but is {value}", where=f"compaction.{name}")
        for name in ("summary_tokens", "extract_tokens"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1", where=f"compaction.{name}")

    @classmethod
    def of(cls, values: Mapping[str, object], base: CompactionSettings | None = None) -> CompactionSettings:
        """``base`` (default: ours) with ``values`` by field name in place of its own.

        Raises:
            ConfigError: a key nobody knows, or a value of another kind.
        """
        known = sorted(field.name for field in fields(cls))
        for name in values:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"known keys: {', '.join(known)}"
                raise ConfigError(f"unknown key `{name}`", where="compaction", hint=hint)
        merged = {**asdict(base or cls()), **values}
        merged["strategy"] = Strategy.parse(str(merged["strategy"]))
        try:
            return msgspec.convert(merged, cls)
        except msgspec.ValidationError as error:
            raise ConfigError(str(error), where="compaction") from error

    @property
    def messages_due(self) -> int:
        """From how many active messages compaction is due by their number; 0 for never."""
        threshold = self.trigger_threshold if self.message_threshold is None else self.message_threshold
        return int(self.max_messages * threshold)


OURS = CompactionSettings()
"""The rules where neither a store nor the configuration says otherwise."""
