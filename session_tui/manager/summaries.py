"""Summaries that an agent wrote by itself, and flags on what they stand for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime

from session_tui.adapters.writing import summary_message
from session_tui.errors import UsageError
from session_tui.manager.core import Core
from session_tui.manager.system_prompt import leading
from session_tui.model import SessionKey, Summary, Transcript

_ID = "summary"
_NEVER = datetime.min.replace(tzinfo=UTC)


class Summaries(Core):
    """The summaries of sessions."""

    def summary(self, key: SessionKey) -> str:
        """The text that stands for the older part of the conversation, empty where there is none."""
        with self._attempt("read", key):
            return self._head(key).summary or ""
        return ""

    def set_summary(self, key: SessionKey, text: str) -> None:
        """Let ``text`` stand for the older part of the conversation, in place of every other summary; the empty text
        takes them away. The compacted view begins with it."""
        with self._attempt("write the summary of", key), self._home(key) as store:
            store.revise(key, lambda old: _summarized(old, text, self._clock()))

    def set_summary_message(self, key: SessionKey, message_id: str) -> None:
        """Say which message holds the summary.

        Raises:
            UsageError: there is no such message.
        """

        def referred(old: Transcript) -> Transcript:
            text = next((message.text for message in old.messages if message.id == message_id), None)
            if text is None:
                raise UsageError(f"no message {message_id}", where=key.ref)
            return replace(old, session=replace(old.session, summary=text, summary_message_id=message_id))

        with self._attempt("write the summary of", key), self._home(key) as store:
            store.revise(key, referred)

    def store_summary(self, key: SessionKey, summary: Summary) -> Summary:
        """Keep a summary with its message behind the last one it stands for, and return it as it was written. What it
        stands for is not archived by this."""
        dated = replace(summary, compacted_at=summary.compacted_at or self._clock())
        with self._attempt("write a summary of", key), self._home(key) as store:
            return store.store_summary(key, dated)
        return dated

    def summaries(self, key: SessionKey) -> tuple[Summary, ...]:
        """Every summary, the oldest first."""
        with self._attempt("read", key):
            return tuple(sorted(self._read(key).summaries, key=lambda summary: summary.compacted_at or _NEVER))
        return ()

    def archive_messages(self, key: SessionKey, ids: Collection[str]) -> int:
        """Flag messages as no longer sent, and say how many were not so before. Without ids nothing is done."""
        with self._attempt("archive messages of", key), self._home(key) as store:
            return store.archive_messages(key, ids) if ids else 0
        return 0


def _summarized(old: Transcript, text: str, now: datetime) -> Transcript:
    """The session with ``text`` as its only active summary, before what is still sent."""
    others = [message for message in old.messages if message.id != _ID]
    messages = [replace(message, archived=True) if message.is_summary else message for message in others]
    summaries = [summary for summary in old.summaries if summary.id != _ID]
    if text:
        summary = Summary(id=_ID, content=text, compacted_at=now)
        prompt = {message.id for message in leading(messages)}
        places = (at for at, each in enumerate(messages) if not each.archived and each.id not in prompt)
        messages.insert(next(places, len(messages)), summary_message(summary))
        summaries.append(summary)
    session = replace(old.session, summary=text or None, summary_message_id=_ID if text else None)
    return replace(old, session=session, messages=messages, summaries=tuple(summaries))
