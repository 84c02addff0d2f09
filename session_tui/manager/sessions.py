"""Begins, finds, lists and describes sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from session_tui.compaction.meter import budget
from session_tui.errors import StoreError, UnknownSession
from session_tui.manager.core import Core
from session_tui.manager.filter import SessionFilter
from session_tui.manager.system_prompt import prompt_of, with_prompt
from session_tui.manager.workspace import normalized
from session_tui.model import Scope, Session, SessionKey, SessionState, TitleSource, Transcript
from session_tui.ordering import ordered


class Sessions(Core):
    """Sessions as a whole."""

    # ── beginning ─────────────────────────────────────────────────────────────────────────────────────

    def create(
        self,
        name: str = "",
        *,
        id: str = "",
        project: str | Path | None = None,
        scope: Scope | None = None,
        provider: str | None = None,
        model: str | None = None,
        skill: str | None = None,
        system_prompt: str = "",
        max_tokens: int | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, object] | None = None,
    ) -> Session:
        """Begin a session. It is written once a person has said something in it, and never without that.

        Args:
            name: its title, ``session-YYYYMMDD-HHMMSS`` in local time where none is given; names may repeat.
            max_tokens: its token budget; zero, negative and 8000 stand for the usual window.

        Raises:
            StoreError: there is a session with this id.
        """
        now = self._clock()
        window = None if max_tokens is None else budget(max_tokens)
        session = Session(
            key=self._store.key(id),
            title=name or default_name(now),
            title_source=TitleSource.AGENT,
            project=normalized(project) or None,
            scope=scope,
            provider=provider,
            model=model,
            skill=skill,
            max_tokens=window,
            context_window=window,
            tags=tuple(tags),
            metadata=dict(metadata or {}),
            created_at=now,
            updated_at=now,
            last_active_at=now,
        )
        return self._draft(with_prompt(Transcript(session=session), system_prompt))

    def _draft(self, transcript: Transcript) -> Session:
        key = transcript.session.key
        self._check(key)
        with self._lock:
            if self._is_taken(key):
                raise StoreError(f"session {key.id} is there already", where=key.root)
            self._drafts.create(transcript)
            return self._head(key)

    def _is_taken(self, key: SessionKey) -> bool:
        if self._drafts.get(key) is not None:
            return True
        with self._attempt("look for", key):
            return self._is_written(key)
        return False

    def get_or_create(
        self, scope: Scope | str, *, project: str | Path | None = None, system_prompt: str = ""
    ) -> Session:
        """The session of a composite id such as ``agent:channel:peer``: the one with that id, where that was archived
        the last changed one of the same scope, else a new one.

        Raises:
            ValueError: the text is no composite id.
        """
        wanted = Scope.parse(scope) if isinstance(scope, str) else scope
        with self._lock:
            with self._attempt("look for", self._store.key(wanted.id)):
                found = self._of_scope(wanted)
                if found:
                    return found
                id = "" if self._is_taken(self._store.key(wanted.id)) else wanted.id
                return self.create(id=id, scope=wanted, project=project, system_prompt=system_prompt)
            return self.create(id=wanted.id, scope=wanted, project=project, system_prompt=system_prompt)

    def _of_scope(self, scope: Scope) -> Session | None:
        first = self._found(self._store.key(scope.id))
        if first is None or first.state is not SessionState.ARCHIVED:
            return first
        others = [*(draft.session for draft in self._drafts.all()), *self._heads()]
        alive = (one for one in others if one.scope == scope and one.state is not SessionState.ARCHIVED)
        return next(iter(ordered(alive)), None)

    # ── finding ───────────────────────────────────────────────────────────────────────────────────────

    def get(self, key: SessionKey) -> Session | None:
        """The session, ``None`` where there is none."""
        with self._attempt("read", key):
            return self._found(key)
        return None

    def _found(self, key: SessionKey) -> Session | None:
        try:
            return self._head(key)
        except UnknownSession:
            return None

    def require(self, key: SessionKey) -> Session:
        """The session; this raises whatever is done about failures.

        Raises:
            UnknownSession: there is none.
            StoreError: it cannot be read.
        """
        return self._head(key)

    def get_by_name(self, project: str | Path | None, name: str) -> Session | None:
        """The session with exactly this title in the project, of several the last changed; ``None`` without one."""
        with self._attempt("look for sessions"):
            wanted = normalized(project)
            sessions = [*(self._head(draft.session.key) for draft in self._drafts.all()), *self._heads()]
            found = (one for one in sessions if one.title == name and normalized(one.project) == wanted)
            return next(iter(ordered(found)), None)
        return None

    def list_sessions(self, wanted: SessionFilter | None = None) -> tuple[Session, ...]:
        """The written sessions that match, the last changed first."""
        with self._attempt("list sessions"):
            return (wanted or SessionFilter()).choose(self._heads())
        return ()

    # ── describing ────────────────────────────────────────────────────────────────────────────────────

    def update(self, key: SessionKey, change: Callable[[Session], Session]) -> Session | None:
        """Replace what is known of the session by what ``change`` makes of it, as one step that no other writer comes
        between; its times stay as ``change`` leaves them.

        Returns:
            The session as it is now, ``None`` where that failed and failures are logged.
        """
        with self._attempt("update", key):
            return self._change(key, change)
        return None

    def rename(self, key: SessionKey, title: str) -> None:
        """Give the session a title; the time of its last change stays."""
        self.update(key, lambda session: replace(session, title=title, title_source=TitleSource.CUSTOM))

    def set_state(self, key: SessionKey, state: SessionState) -> None:
        """Say where the session stands; no hook is told."""
        self.update(key, lambda session: replace(session, state=state))

    def set_model(self, key: SessionKey, *, provider: str | None = None, model: str | None = None) -> None:
        """Say which model answers from now on; what is ``None`` stays. The time of the last change stays."""
        self.update(
            key, lambda session: replace(session, provider=provider or session.provider, model=model or session.model)
        )

    def tag(self, key: SessionKey, *names: str) -> None:
        """Add tags; one that is there stays where it is."""
        self.update(key, lambda session: replace(session, tags=tuple(dict.fromkeys((*session.tags, *names)))))

    def untag(self, key: SessionKey, *names: str) -> None:
        """Remove tags; one that is not there is no error."""
        self.update(key, lambda session: replace(session, tags=tuple(tag for tag in session.tags if tag not in names)))

    def set_custom_data(self, key: SessionKey, **values: object) -> None:
        """Add values (JSON) to the session's own data; ``None`` removes one."""

        def merged(session: Session) -> Session:
            data = {**session.custom_data, **values}
            return replace(session, custom_data={name: value for name, value in data.items() if value is not None})

        self.update(key, merged)

    def system_prompt(self, key: SessionKey) -> str:
        """What the conversation begins with as its system prompt, empty where it has none."""
        with self._attempt("read", key):
            return prompt_of(self._read(key).messages)
        return ""

    def set_system_prompt(self, key: SessionKey, text: str) -> None:
        """Put ``text`` in the place of the system prompt; the empty text removes it."""
        with self._attempt("write the system prompt of", key), self._home(key) as store:
            store.revise(key, lambda transcript: with_prompt(transcript, text))


def default_name(moment: datetime) -> str:
    """What a session is called that was begun at ``moment`` without a name."""
    return f"session-{moment.astimezone():%Y%m%d-%H%M%S}"
