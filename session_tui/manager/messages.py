"""What is said in sessions: adding messages, reading them back, and taking them away."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from session_tui.adapters import prompts
from session_tui.adapters.writing import identified
from session_tui.manager.core import Core
from session_tui.manager.system_prompt import leading
from session_tui.model import Message, Role, Session, SessionKey, Text, Transcript


class Conversations(Core):
    """The messages of sessions. Summaries are no messages here; see `Summaries` and `Compacting`."""

    # ── adding ────────────────────────────────────────────────────────────────────────────────────────

    def add_message(self, key: SessionKey, role: Role | str, text: str, *, model: str | None = None) -> Message:
        """Append what ``role`` said, now, and return it as it was written.

        Raises:
            ValueError: there is no such role.
        """
        return self.add_full_message(key, Message(id="", role=Role(role), blocks=(Text(text),), model=model))

    def add_full_message(self, key: SessionKey, message: Message) -> Message:
        """Append a message of any blocks: text, thinking, tool calls and results, pictures. An empty id is filled in,
        and an unknown time is now."""
        return self.add_messages(key, (message,))[0]

    def add_messages(self, key: SessionKey, messages: Sequence[Message]) -> tuple[Message, ...]:
        """Append several messages, all or none, and return them as they were written."""
        dated = self._dated(messages)
        with self._attempt("add a message to", key), self._home(key) as store:
            return store.add_messages(key, dated)
        return dated

    def _dated(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        now = self._clock()
        dated = (message if message.created_at else replace(message, created_at=now) for message in messages)
        return identified(dated)

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────

    def transcript(self, key: SessionKey) -> Transcript:
        """The session with all it holds."""
        with self._attempt("read", key):
            return self._read(key)
        return Transcript(session=Session(key=key))

    def messages(self, key: SessionKey, *, limit: int | None = None, last: int | None = None) -> tuple[Message, ...]:
        """Everything said, archived messages too: all of it, the oldest ``limit``, or the newest ``last``."""
        return self._said(key, lambda message: True, limit=limit, last=last)

    def active_messages(
        self, key: SessionKey, *, limit: int | None = None, last: int | None = None
    ) -> tuple[Message, ...]:
        """What was said and no summary stands for: all of it, the oldest ``limit``, or the newest ``last``."""
        return self._said(key, lambda message: not message.archived, limit=limit, last=last)

    def messages_after(self, key: SessionKey, moment: datetime) -> tuple[Message, ...]:
        """What was said strictly later than ``moment``; a message of unknown time was not."""
        return self._said(key, lambda message: message.created_at is not None and message.created_at > moment)

    def _said(
        self,
        key: SessionKey,
        wanted: Callable[[Message], bool],
        *,
        limit: int | None = None,
        last: int | None = None,
    ) -> tuple[Message, ...]:
        with self._attempt("read", key):
            messages = self._read(key).messages
            if last is not None:
                newest = islice(_chosen(reversed(messages), wanted), max(0, last))
                return tuple(newest)[::-1][: None if limit is None else max(0, limit)]
            return tuple(islice(_chosen(messages, wanted), None if limit is None else max(0, limit)))
        return ()

    def last_message(self, key: SessionKey) -> Message | None:
        """What was said last, ``None`` where nothing was."""
        return next(iter(self.messages(key, last=1)), None)

    def count(self, key: SessionKey) -> int:
        """How many messages there are, archived ones too."""
        with self._attempt("read", key):
            return self._head(key).message_count or 0
        return 0

    def has_user_text(self, key: SessionKey) -> bool:
        """Whether a person has said anything: a user's text that is not blank, nor put there by a program."""
        with self._attempt("read", key):
            return bool(prompts.first_prompt(self._read(key).messages))
        return False

    # ── taking away ───────────────────────────────────────────────────────────────────────────────────

    def set_history(self, key: SessionKey, messages: Sequence[Message], *, keep: bool = True) -> tuple[Message, ...]:
        """Put ``messages`` in the place of all others and return them as they were written."""
        dated = self._dated(messages)

        def replaced(old: Transcript) -> Transcript:
            return _with(old, dated, first_prompt=prompts.first_prompt(dated))

        with self._attempt("replace the messages of", key):
            return tuple(self._revise(key, "overwrite", replaced, keep=keep)[1].messages)
        return dated

    def truncate(self, key: SessionKey, *, last: int, keep: bool = True) -> int:
        """Remove all active messages but the ``last`` newest, and say how many went. The system prompt stays, and what
        a summary stands for as well."""

        def truncated(old: Transcript) -> Transcript:
            prompt = {message.id for message in leading(old.messages)}
            active = [each.id for each in old.messages if not (each.archived or each.is_summary or each.id in prompt)]
            return _without(old, active[: max(0, len(active) - max(0, last))])

        with self._attempt("truncate", key):
            before, after = self._revise(key, "truncate", truncated, keep=keep)
            return len(before.messages) - len(after.messages)
        return 0

    def delete_messages(self, key: SessionKey, ids: Collection[str] | None = None, *, keep: bool = True) -> int:
        """Remove the messages with these ids, without ids all of them and every summary; say how many went."""

        def rest(old: Transcript) -> Transcript:
            return _without(old, [message.id for message in old.messages] if ids is None else ids)

        with self._attempt("delete messages of", key):
            before, after = self._revise(key, "delete messages", rest, keep=keep)
            return len(before.messages) - len(after.messages)
        return 0

    def reclaim(self, key: SessionKey, *, keep: bool = True) -> int:
        """Remove what a summary stands for to save space, and say how many messages went; what is active stays."""

        def active(old: Transcript) -> Transcript:
            return _without(old, [message.id for message in old.messages if message.archived])

        with self._attempt("reclaim the space of", key):
            before, after = self._revise(key, "reclaim", active, keep=keep)
            return len(before.messages) - len(after.messages)
        return 0


def _chosen(messages: Iterable[Message], wanted: Callable[[Message], bool]) -> Iterable[Message]:
    return (message for message in messages if not message.is_summary and wanted(message))


def _without(old: Transcript, ids: Collection[str]) -> Transcript:
    gone = set(ids)
    return _with(old, [message for message in old.messages if message.id not in gone])


def _with(old: Transcript, messages: Sequence[Message], *, first_prompt: str | None = None) -> Transcript:
    """The conversation with other messages; summaries go with theirs, and so does a reference to one."""
    there = {message.id for message in messages}
    session = old.session
    if session.summary_message_id not in there:
        session = replace(session, summary_message_id=None)
    if first_prompt is not None:
        session = replace(session, first_prompt=first_prompt)
    return replace(old, session=session, messages=messages)
