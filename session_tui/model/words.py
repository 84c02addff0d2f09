"""The words a session is described with; each is also how it is written in documents."""

from __future__ import annotations

from enum import StrEnum


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
