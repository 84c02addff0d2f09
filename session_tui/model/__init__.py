"""The values that cross borders: sessions, messages and their blocks, and what can be done with them.

Everything here is frozen, typed and free of paths to databases, widgets and connections.
Times are aware datetimes or ``None`` for unknown; a time is never made up.
"""

from __future__ import annotations

from session_tui.model.actions import CompactPlan, CompactResult, Launch, Meter, Refusal
from session_tui.model.blocks import (
    Attachment,
    Block,
    Image,
    Json,
    RedactedThinking,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from session_tui.model.hits import Hit
from session_tui.model.keys import Scope, SessionKey
from session_tui.model.messages import Message, Messages
from session_tui.model.records import (
    ContextItem,
    Cost,
    MetricRecord,
    ReadFile,
    Summary,
    TunnelEvent,
    Usage,
    UsageRecord,
)
from session_tui.model.sessions import Problem, Session, Transcript
from session_tui.model.words import (
    Capability,
    EndReason,
    Health,
    Role,
    SessionKind,
    SessionState,
    TitleSource,
    TokenSource,
)

__all__ = [
    "Attachment",
    "Block",
    "Capability",
    "CompactPlan",
    "CompactResult",
    "ContextItem",
    "Cost",
    "EndReason",
    "Health",
    "Hit",
    "Image",
    "Json",
    "Launch",
    "Message",
    "Messages",
    "Meter",
    "MetricRecord",
    "Problem",
    "ReadFile",
    "RedactedThinking",
    "Refusal",
    "Role",
    "Scope",
    "Session",
    "SessionKey",
    "SessionKind",
    "SessionState",
    "Summary",
    "Text",
    "Thinking",
    "TitleSource",
    "TokenSource",
    "ToolCall",
    "ToolResult",
    "Transcript",
    "TunnelEvent",
    "Usage",
    "UsageRecord",
]
