"""How sessions end: archived, reset, cleared, deleted, or followed by a new one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from session_tui.adapters import prompts
from session_tui.manager.sessions import Sessions, default_name
from session_tui.manager.system_prompt import leading, prompt_of, with_prompt
from session_tui.model import EndReason, Message, Session, SessionKey, SessionState, TitleSource, Transcript


class Endings(Sessions):
    """Ends of sessions. Hooks are told before anything changes, and a copy is kept before anything goes."""

    def archive(self, key: SessionKey) -> None:
        """End the session and put it aside; it stays readable. One that is archived is left as it is."""
        with self._attempt("archive", key):
            self._archive(key, EndReason.ARCHIVE)

    def _archive(self, key: SessionKey, reason: EndReason) -> None:
        if self._head(key).state is SessionState.ARCHIVED:
            return
        self._end(key, reason)
        now = self._clock()

        def archived(session: Session) -> Session:
            if session.state is SessionState.ARCHIVED:
                return session
            return replace(session, state=SessionState.ARCHIVED, updated_at=now)

        self._change(key, archived)

    def reset(self, key: SessionKey, *, keep: bool = True) -> None:
        """End the session and begin it anew: messages and summaries go, the system prompt and all else stay."""
        with self._attempt("reset", key):
            self.require(key)
            self._end(key, EndReason.RESET)
            self._revise(key, "reset", anew, keep=keep)

    def clear(self, key: SessionKey, *, keep: bool = True) -> None:
        """Empty the conversation, system prompt included; title, tags, context and all else stay."""
        with self._attempt("clear", key):
            self._revise(key, "clear", lambda old: emptied(old, ()), keep=keep)

    def delete(self, key: SessionKey, *, keep: bool = True) -> None:
        """End the session and take it away with all that belongs to it."""
        with self._attempt("delete", key):
            self.require(key)
            self._end(key, EndReason.DELETE)
            self._remove(key, lambda _: True, keep=keep)

    def new_session(self, key: SessionKey, name: str = "") -> Session:
        """End a session, archive it, and begin another of the same project, scope, model and system prompt.

        `get_or_create` finds the new one from now on.
        """
        with self._attempt("end", key):
            old = self._read(key)
            self._archive(key, EndReason.NEW)
            return self._successor(old, name)
        return self.create(name)

    def _successor(self, old: Transcript, name: str) -> Session:
        now, session = self._clock(), old.session
        new = Session(
            key=self._store.key(),
            title=name or default_name(now),
            title_source=TitleSource.AGENT,
            project=session.project,
            scope=session.scope,
            parent=session.key.id,
            provider=session.provider,
            model=session.model,
            vendor=session.vendor,
            endpoint=session.endpoint,
            skill=session.skill,
            max_tokens=session.max_tokens,
            context_window=session.context_window,
            created_at=now,
            updated_at=now,
            last_active_at=now,
        )
        return self._draft(with_prompt(Transcript(session=new), prompt_of(old.messages)))


def emptied(old: Transcript, messages: Sequence[Message]) -> Transcript:
    """The session with ``messages`` alone, and nothing that stands for others."""
    session = replace(old.session, first_prompt=prompts.first_prompt(messages), summary=None, summary_message_id=None)
    return replace(old, session=session, messages=messages, summaries=())


def anew(old: Transcript) -> Transcript:
    """The session as it begins: active, with nothing but its system prompt."""
    begun = emptied(old, leading(old.messages))
    return replace(begun, session=replace(begun.session, state=SessionState.ACTIVE))
