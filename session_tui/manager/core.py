"""What every part of a manager stands on: where a session is, what is kept before a change, and what is done
about failures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Final, Literal, TypeVar

from session_tui.adapters import prompts
from session_tui.adapters.base import Compactable, Source
from session_tui.compaction.compactor import Compactor
from session_tui.compaction.memory_store import MemoryStore
from session_tui.compaction.settings import CompactionSettings
from session_tui.compaction.summarizers.base import Summarizer
from session_tui.compaction.summarizers.extractive import Extractive
from session_tui.errors import Cancelled, SessionTuiError, StoreError, StoreLocked, UnknownSession, UsageError
from session_tui.hooks import EndHook, Hooks
from session_tui.manager.drafts import Drafts
from session_tui.manager.store import Keeper, SessionStore, keeper_of
from session_tui.model import EndReason, Session, SessionKey, Transcript

EMBEDDED: Final = Compactor(summarizer=Extractive())
_NEEDED: Final = frozenset({"turn_aligned", "keep_system", "merge_summaries"})
"""Rules about what a compaction may take away, not about when."""
_ATTEMPTS: Final = 20
T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """After how long without activity `maintain` acts; ``None`` for never. ``usual`` names common values."""

    idle_after: timedelta | None = None
    """An active session becomes idle."""
    archive_after: timedelta | None = None
    """A session has timed out: it ends and is archived."""
    delete_after: timedelta | None = None
    """A session archived so long ago goes to the trash, unless it is pinned or tagged."""

    @classmethod
    def usual(cls) -> Upkeep:
        """Idle after half an hour, archived after a week, deleted thirty days after that."""
        return cls(
            idle_after=timedelta(minutes=30), archive_after=timedelta(hours=168), delete_after=timedelta(hours=720)
        )


class _Moved(Exception):
    """Somebody wrote to the session between the copy and the change."""


def _now() -> datetime:
    return datetime.now(UTC)


class Core:
    """Sessions of one store; see `session_tui.manager.SessionManager` for what it is made of."""

    def __init__(
        self,
        store: SessionStore,
        *,
        compactor: Compactor | None = EMBEDDED,
        summarizer: Summarizer | None = None,
        memory: MemoryStore | None = None,
        hooks: Hooks | Sequence[EndHook] = (),
        keeper: Keeper | None = None,
        upkeep: Upkeep | None = None,
        on_error: Literal["raise", "log"] = "raise",
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._store = store
        self._drafts = Drafts(store.world, store)
        self._compactor = _by_rules_of(
            store, _with_parts(compactor, summarizer, memory), is_usual=compactor is EMBEDDED
        )
        self._hooks = hooks if isinstance(hooks, Hooks) else _all_of(hooks)
        self._keeper = keeper or keeper_of(store)
        self._upkeep = upkeep or Upkeep()
        self._on_error = on_error
        self._clock = clock
        self._lock = RLock()
        self._closed = False

    def key(self, ref: str) -> SessionKey:
        """The key of this store's session with the id ``ref``, which may have ``STORE:`` in front."""
        return self._store.key(ref.removeprefix(f"{self._store.name}:"))

    def add_end_hook(self, hook: EndHook) -> None:
        """Tell ``hook`` as well, after those given before it, whenever a session ends."""
        self._hooks.add(hook)

    # ── where a session is ────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _home(self, key: SessionKey) -> Iterator[SessionStore]:
        """The store that holds the session. A draft that was changed is written at the end if a person has said
        something in it; where that fails, nothing has changed."""
        self._check(key)
        with self._lock:
            draft = self._drafts.get(key)
            if draft is not None:
                yield self._drafts
                if self._drafts.get(key) is not draft:
                    self._write(key, draft)
                return
        yield self._store

    def _check(self, key: SessionKey | None = None) -> None:
        if self._closed:
            raise UsageError("the session manager is closed", hint="open another one")
        if key and key.store not in ("", self._store.name):
            raise UnknownSession(f"no such session: {key.ref}", hint=f"this manager keeps {self._store.name} sessions")

    def _write(self, key: SessionKey, before: Transcript) -> None:
        """Write a draft in which a person has said something; on failure it is made what it was ``before``."""
        draft = self._drafts.get(key)
        if draft is None or not prompts.first_prompt(draft.messages):
            return
        try:
            self._begin(draft)
        except SessionTuiError:
            if self._on_error == "raise":
                self._drafts.put_back(before)
            raise
        self._drafts.delete_session(key)

    def _begin(self, draft: Transcript) -> None:
        key = draft.session.key
        try:
            self._store.create(draft)
        except StoreError:
            if not self._is_written(key):
                raise
            # another process began the session under the same id since
            self._store.add_messages(key, draft.messages)

    def _is_written(self, key: SessionKey) -> bool:
        try:
            self._store.source(key)
        except UnknownSession:
            return False
        return True

    def _read(self, key: SessionKey) -> Transcript:
        with self._home(key) as store:
            return store.read(store.source(key))

    def _head(self, key: SessionKey) -> Session:
        with self._home(key) as store:
            return _counted(store, store.source(key), store.head(store.source(key)))

    def _heads(self) -> Iterator[Session]:
        """Every session that is written, at the place where new ones go."""
        self._check()
        place = self._store.key().root
        for root in self._store.roots():
            if str(root.path) == place:
                sources = list(self._store.scan(root))
                for source, head in zip(sources, self._store.heads(sources), strict=True):
                    yield _counted(self._store, source, head)

    def _change(self, key: SessionKey, change: Callable[[Session], Session]) -> Session:
        with self._home(key) as store:
            return store.change_session(key, change)

    # ── failures ──────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _attempt(self, what: str, key: SessionKey | None = None) -> Iterator[None]:
        """Let a failure pass, or log it and go on behind the block, as the caller chose."""
        try:
            yield
        except Cancelled:
            raise
        except SessionTuiError as error:
            if self._on_error == "raise":
                raise
            _log.warning("cannot %s%s: %s", what, f" {key.ref}" if key else "", error)

    # ── ends and copies ───────────────────────────────────────────────────────────────────────────────

    def _end(self, key: SessionKey, reason: EndReason) -> None:
        """Tell the hooks that a session ends. One that was never written has nothing to end."""
        if self._drafts.get(key) is None:
            self._hooks.ended(self._head(key), reason)

    def _revise(
        self, key: SessionKey, kind: str, change: Callable[[Transcript], Transcript], *, keep: bool
    ) -> tuple[Transcript, Transcript]:
        """Put what ``change`` makes of the session in its place; the session before and after. Where messages go, a
        copy of the session as it was is kept first."""

        def revise(store: SessionStore, seen: Transcript, still: Callable[[], None]) -> tuple[Transcript, Transcript]:
            def apply(now: Transcript) -> Transcript:
                still()
                return change(now)

            loses = {each.id for each in seen.messages} - {each.id for each in change(seen).messages}
            with self._kept(seen.session, kind, store, keep=keep and bool(loses)):
                return seen, store.revise(key, apply)

        return self._unhindered(key, revise)

    def _remove(self, key: SessionKey, wanted: Callable[[Session], bool], *, keep: bool) -> bool:
        """Delete the session if it is ``wanted`` gone, after a copy was kept, and say whether it was."""

        def remove(store: SessionStore, seen: Transcript, still: Callable[[], None]) -> bool:
            if not wanted(seen.session):
                return False
            with self._kept(seen.session, "delete", store, keep=keep):
                store.delete_session(key, before=lambda _: still())
            return True

        return self._unhindered(key, remove)

    def _unhindered(self, key: SessionKey, act: Callable[[SessionStore, Transcript, Callable[[], None]], T]) -> T:
        """What ``act`` makes of the session as it was read; again when somebody wrote to it before the change.

        ``act`` is given a function that tells of that within the change.
        """
        for _ in range(_ATTEMPTS):
            with suppress(_Moved), self._home(key) as store:
                source = store.source(key)

                def still(store: SessionStore = store, stamp: str = source.stamp) -> None:
                    if store.source(key).stamp != stamp:
                        raise _Moved

                return act(store, store.read(source), still)
        raise StoreLocked("somebody keeps writing to the session", where=key.ref, hint="try again")

    def _kept(self, session: Session, kind: str, store: SessionStore, *, keep: bool) -> AbstractContextManager[object]:
        if not keep or self._keeper is None or store is self._drafts:
            return nullcontext()
        return self._keeper.around(session, kind)


def _all_of(hooks: Sequence[EndHook]) -> Hooks:
    told = Hooks()
    for hook in hooks:
        told.add(hook)
    return told


def _by_rules_of(store: SessionStore, compactor: Compactor | None, *, is_usual: bool) -> Compactor | None:
    """``compactor`` with the store's own rules where the caller brought none, and in any case with those without
    which its program could not take the result."""
    rules = store.compaction if isinstance(store, Compactable) else {}
    if compactor is None or not rules:
        return compactor
    chosen = rules if is_usual else {name: value for name, value in rules.items() if name in _NEEDED}
    return replace(compactor, settings=CompactionSettings.of(chosen, compactor.settings))


def _with_parts(
    compactor: Compactor | None, summarizer: Summarizer | None, memory: MemoryStore | None
) -> Compactor | None:
    if compactor is None:
        return None
    return replace(compactor, summarizer=summarizer or compactor.summarizer, memory=memory or compactor.memory)


def _counted(store: SessionStore, source: Source, head: Session) -> Session:
    """``head`` with its counts; a store whose heads do not know them is read whole."""
    return head if head.message_count is not None else store.read(source).session
