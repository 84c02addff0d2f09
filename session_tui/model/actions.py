"""What can be asked of a session, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from session_tui.model.lean import dataclass
from session_tui.model.words import TokenSource


@dataclass(frozen=True, slots=True)
class Launch:
    """How to continue a session: the argument list, the directory, and variables to add to the environment.

    ``warning`` is a sentence to show before starting, empty where there is nothing to say.
    """

    argv: tuple[str, ...]
    cwd: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something sound cannot be done (now), in one sentence, and what to do about it in another."""

    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Meter:
    """How full a session's context is. ``soft`` and ``hard`` are ratios of ``window``."""

    tokens: int | None
    window: int | None
    source: TokenSource
    soft: float
    hard: float

    @property
    def ratio(self) -> float | None:
        """Tokens as a share of the window, unknown where either is."""
        if self.tokens is None or not self.window:
            return None
        return self.tokens / self.window


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactPlan:
    """Which messages a compaction would replace by a summary, by id, and why.

    ``compact`` and ``keep`` are the active messages, oldest first; ``carried`` are the active summaries that
    the new one takes in. ``estimated_savings`` is in tokens: a quarter of each replaced message's bytes.
    Nothing is to be done where ``compact`` is empty; ``reason`` then says why not.
    """

    compact: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    estimated_savings: int = 0
    reason: str = ""

    def __bool__(self) -> bool:
        """Whether there is anything to compact."""
        return bool(self.compact)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactResult:
    """What a compaction did: token and message counts before and after, seconds, and where it was written.

    ``written_to`` is ``store``, ``overlay`` or ``none``; ``read_by`` names the program's entry points that
    honour it; ``provider`` wrote the summary; ``note`` is a sentence for the person, empty where all is said.
    """

    summary: str
    tokens_before: int
    tokens_after: int
    tokens_saved: int
    preserved_messages: int
    removed_messages: int
    duration: float
    written_to: str = "none"
    provider: str = ""
    note: str = ""
    read_by: tuple[str, ...] = ()
