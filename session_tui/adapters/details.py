"""What a session of our own making holds that its store's format has no place for, as one JSON object.

Programs that share the format leave the object out. It repeats nothing that the format can say itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field, fields, replace
from typing import Final

import msgspec

from session_tui.model import (
    ContextItem,
    Cost,
    Json,
    MetricRecord,
    ReadFile,
    Session,
    SessionKey,
    Summary,
    Transcript,
    TunnelEvent,
    UsageRecord,
)
from session_tui.model.lean import dataclass

FIELDS: Final = (
    "title",
    "title_source",
    "project",
    "git_branch",
    "model",
    "provider",
    "vendor",
    "endpoint",
    "skill",
    "state",
    "kind",
    "parent",
    "scope",
    "created_at",
    "last_active_at",
    "compacted_at",
    "compaction_count",
    "token_usage",
    "context_window",
    "max_tokens",
    "tags",
    "pinned",
    "metadata",
    "custom_data",
)
"""The fields of a session that can be kept; the others follow from the messages and files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """``session`` holds fields of `Session` as plain data; ``summaries`` are told apart by id."""

    session: Json = field(default_factory=dict)
    context: tuple[ContextItem, ...] = ()
    files_read: tuple[ReadFile, ...] = ()
    summaries: tuple[Summary, ...] = ()
    tunnel_events: tuple[TunnelEvent, ...] = ()
    costs: tuple[Cost, ...] = ()
    usage: tuple[UsageRecord, ...] = ()
    metrics: tuple[MetricRecord, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to keep."""
        return any(getattr(self, each.name) for each in fields(self))

    def over(self, session: Session) -> Session:
        """``session`` with the kept fields in place of its own."""
        if not self.session:
            return session
        kept = _session(self.session)
        return replace(session, **{name: getattr(kept, name) for name in self.session if name in FIELDS})

    def told(self, shown: Session, wanted: Session, *, without: Collection[str] = ()) -> Details:
        """These details with all that ``wanted`` has otherwise than ``shown``, except the fields ``without``."""
        plain = msgspec.to_builtins(wanted, builtin_types=())
        names = [name for name in FIELDS if name not in without]
        changed = {name: plain[name] for name in names if getattr(shown, name) != getattr(wanted, name)}
        return replace(self, session={**self.session, **changed})

    def about(self, transcript: Transcript) -> Transcript:
        """``transcript`` with what is kept here: session fields, context, files and all that was said of its
        summaries."""
        own = {summary.id: summary for summary in self.summaries}
        # one that the program has written anew since is not the one that was kept
        own = {each.id: own[each.id] for each in transcript.summaries if _says(each, own.get(each.id))}
        summaries = tuple(own.get(each.id, each) for each in transcript.summaries)
        current = own.get(transcript.session.summary_message_id or "")
        session = self.over(transcript.session)
        return replace(
            transcript,
            session=replace(session, summary=current.content) if current else session,
            summaries=summaries,
            context=self.context or transcript.context,
            files_read=self.files_read or transcript.files_read,
            tunnel_events=self.tunnel_events or transcript.tunnel_events,
            costs=self.costs or transcript.costs,
            usage=self.usage or transcript.usage,
            metrics=self.metrics or transcript.metrics,
        )

    def plain(self) -> dict[str, object]:
        """The details as JSON can hold them, without what is empty."""
        told: dict[str, object] = msgspec.to_builtins(self)
        return {name: value for name, value in told.items() if value}


def _says(shown: Summary, kept: Summary | None) -> bool:
    return kept is not None and shown.content.endswith(kept.content)


def parse(value: object) -> Details:
    """The details that ``plain`` wrote; empty ones where the value is anything else."""
    try:
        found = msgspec.convert(value, Details, strict=False)
        found.over(Session(key=SessionKey("", "")))
    except msgspec.ValidationError:
        return Details()
    return found


def _session(kept: Mapping[str, object]) -> Session:
    return msgspec.convert({**kept, "key": {"store": "", "id": ""}}, Session, strict=False)
