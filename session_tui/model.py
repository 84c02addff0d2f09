"""The values that cross borders: sessions, messages and their blocks, and what can be done with them.

Everything here is frozen, typed and free of paths to databases, widgets and connections.
Times are aware datetimes or ``None`` for unknown; a time is never made up.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias, overload

Json: TypeAlias = "Mapping[str, object]"


class Role(StrEnum):
    """Who speaks in a message."""

    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"
    TOOL = "tool"


class SessionState(StrEnum):
    """Where a session stands in its life; ``UNKNOWN`` for values no version of its program defines."""

    ACTIVE = "active"
    IDLE = "idle"
    COMPACTING = "compacting"
    SUSPENDED = "suspended"
    ARCHIVED = "archived"
    UNKNOWN = "unknown"


class SessionKind(StrEnum):
    """How a session came to be."""

    MAIN = "main"
    SUBAGENT = "subagent"
    FORK = "fork"
    HEADLESS = "headless"


class TitleSource(StrEnum):
    """Where a session's title comes from: our overlay, a person, its agent, the first prompt, or nowhere."""

    OWN = "own"
    CUSTOM = "custom"
    AGENT = "agent"
    FIRST_PROMPT = "first_prompt"
    NONE = "none"


class TokenSource(StrEnum):
    """Whether a token count was recorded by the program, estimated by us, or is not known."""

    RECORDED = "recorded"
    ESTIMATED = "estimated"
    NONE = "none"


class Health(StrEnum):
    """How much of a session could be read."""

    CLEAN = "clean"
    PARTIAL = "partial"
    UNREADABLE = "unreadable"


class EndReason(StrEnum):
    """Why a session ended, as told to end hooks."""

    ARCHIVE = "archive"
    RESET = "reset"
    DELETE = "delete"
    TIMEOUT = "timeout"
    NEW = "new"


class Capability(StrEnum):
    """What an adapter can do with its sessions; derived from the methods it has."""

    READ = "read"
    RESUME = "resume"
    FORK = "fork"
    DELETE = "delete"
    RENAME = "rename"
    COMPACT = "compact"
    IMPORT = "import"
    APPEND = "append"
    START = "start"
    HEADLESS = "headless"


@dataclass(frozen=True, slots=True)
class SessionKey:
    """Which session: the store's name, the store's own id, and the root (real path) it was found under."""

    store: str
    id: str
    root: str = ""

    @property
    def ref(self) -> str:
        """``STORE:ID``, as `list` prints it where no two roots hold the same id."""
        return f"{self.store}:{self.id}"

    @property
    def tag(self) -> str:
        """Six hex digits that tell two roots of one store apart."""
        return hashlib.sha256(self.root.encode("utf-8", "surrogateescape")).hexdigest()[:6]

    @property
    def tagged_ref(self) -> str:
        """``STORE:ID@ROOTTAG``, which is always accepted."""
        return f"{self.ref}@{self.tag}"

    @classmethod
    def parse(cls, ref: str) -> SessionKey:
        """Split ``STORE:ID``; the id may hold further colons. Without a colon the store is empty."""
        store, colon, id = ref.partition(":")
        return cls(store, id) if colon else cls("", ref)


@dataclass(frozen=True, slots=True)
class Scope:
    """The composite identity chat gateways give a session: agent, channel, peer and an optional thread."""

    agent: str
    channel: str
    peer: str
    thread: str | None = None

    @property
    def id(self) -> str:
        """The parts joined by colons, the thread only where there is one."""
        return ":".join([self.agent, self.channel, self.peer, *([self.thread] if self.thread else [])])

    @classmethod
    def parse(cls, text: str) -> Scope:
        """Read ``agent:channel:peer[:thread]``; parts after the fourth are dropped.

        Raises:
            ValueError: fewer than three parts.
        """
        parts = text.split(":")
        if len(parts) < 3:
            raise ValueError(f"invalid session ID format: {text}")
        return cls(parts[0], parts[1], parts[2], parts[3] if len(parts) > 3 else None)


# ── blocks ────────────────────────────────────────────────────────────────────────────────────────────


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One record of a conversation.

    ``archived`` means that the program would no longer send it to the model; ``is_summary`` that it stands
    for earlier messages; ``is_meta`` that neither a person nor a model said it; ``lossy`` that invalid text
    is shown as U+FFFD. ``extra`` holds the record's fields this model has no name for.
    """

    id: str
    role: Role
    blocks: tuple[Block, ...] = ()
    created_at: datetime | None = None
    model: str | None = None
    archived: bool = False
    is_summary: bool = False
    is_meta: bool = False
    lossy: bool = False
    extra: Json = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The text blocks joined by a blank line, exactly as stored."""
        return "\n\n".join(block.text for block in self.blocks if isinstance(block, Text))


class Messages(Sequence[Message]):
    """A transcript's messages, each decoded when it is asked for.

    ``weights`` says roughly how many characters each message shows, so that a viewer can lay out fifty
    thousand of them without decoding one. The most recent ``keep`` decoded messages are kept.
    """

    __slots__ = ("_build", "_keep", "_kept", "weights")

    def __init__(self, weights: Sequence[int], build: Callable[[int], Message], *, keep: int = 256) -> None:
        self.weights = weights
        self._build = build
        self._keep = keep
        self._kept: OrderedDict[int, Message] = OrderedDict()

    @classmethod
    def of(cls, messages: Sequence[Message]) -> Messages:
        """Wrap messages that are decoded already."""
        return cls([len(message.text) for message in messages], messages.__getitem__, keep=0)

    def __len__(self) -> int:
        return len(self.weights)

    @overload
    def __getitem__(self, index: int) -> Message: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Message]: ...

    def __getitem__(self, index: int | slice) -> Message | Sequence[Message]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        message = self._kept.get(index)
        if message is None:
            message = self._build(index)
            if self._keep:
                self._kept[index] = message
                if len(self._kept) > self._keep:
                    self._kept.pop(next(iter(self._kept)), None)
        return message

    def __iter__(self) -> Iterator[Message]:
        for index in range(len(self)):
            yield self._kept.get(index) or self._build(index)


# ── what a session holds besides messages ─────────────────────────────────────────────────────────────


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
    """A piece of context kept with a session. Known types: `CONTEXT_TYPES`; any other is kept as it is."""

    type: str
    key: str
    value: str


CONTEXT_TYPES = ("stack_file", "component", "setting", "query", "atmos_md")


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


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read: where, what, and what to do. ``line`` counts from one."""

    path: str
    what: str
    hint: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Everything known of a session without its messages. ``None`` means not known (or not yet counted)."""

    key: SessionKey
    title: str = ""
    title_source: TitleSource = TitleSource.NONE
    first_prompt: str = ""
    project: str | None = None
    git_branch: str | None = None
    model: str | None = None
    provider: str | None = None
    vendor: str | None = None
    endpoint: str | None = None
    skill: str | None = None
    state: SessionState = SessionState.ACTIVE
    kind: SessionKind = SessionKind.MAIN
    parent: str | None = None
    scope: Scope | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    last_active_at: datetime | None = None
    compacted_at: datetime | None = None
    message_count: int | None = None
    archived_count: int | None = None
    token_count: int | None = None
    token_source: TokenSource = TokenSource.NONE
    token_usage: Usage | None = None
    context_window: int | None = None
    max_tokens: int | None = None
    compaction_count: int | None = None
    summary: str | None = None
    summary_message_id: str | None = None
    tags: tuple[str, ...] = ()
    pinned: bool = False
    metadata: Json = field(default_factory=dict)
    custom_data: Json = field(default_factory=dict)
    size_bytes: int | None = None
    path: str = ""
    live: bool | None = None
    health: Health = Health.CLEAN
    problems: tuple[Problem, ...] = ()
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """A session with all it holds; ``messages`` is in conversation order, a summary after what it covers."""

    session: Session
    messages: Sequence[Message] = ()
    summaries: tuple[Summary, ...] = ()
    context: tuple[ContextItem, ...] = ()
    files_read: tuple[ReadFile, ...] = ()
    tunnel_events: tuple[TunnelEvent, ...] = ()
    costs: tuple[Cost, ...] = ()
    usage: tuple[UsageRecord, ...] = ()
    metrics: tuple[MetricRecord, ...] = ()
    unknown_records: Mapping[str, int] = field(default_factory=dict)


# ── what can be asked of a session ────────────────────────────────────────────────────────────────────


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


# ── compaction ────────────────────────────────────────────────────────────────────────────────────────


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
