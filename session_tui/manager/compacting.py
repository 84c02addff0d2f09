"""When sessions are due for compaction, doing it, and the conversation as a model gets it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from session_tui.compaction import memory
from session_tui.compaction import plan as planning
from session_tui.compaction.compactor import Compaction, Compactor, Stage, Status, marked
from session_tui.compaction.fitting import fitting
from session_tui.compaction.memory import Refreshed
from session_tui.compaction.meter import measure
from session_tui.compaction.settings import OURS, CompactionSettings
from session_tui.compaction.summarizers.extractive import Extractive
from session_tui.errors import Cancelled, SessionTuiError, UsageError
from session_tui.manager.core import Core
from session_tui.model import (
    CompactPlan,
    CompactResult,
    Message,
    Meter,
    Session,
    SessionKey,
    SessionState,
    Text,
    Transcript,
)
from session_tui.progress import Progress
from session_tui.tokens import estimate_message

_log = logging.getLogger(__name__)


class Compacting(Core):
    """Compaction of sessions by the manager's `Compactor`; nothing is lost, what a summary stands for is archived."""

    # ── when ──────────────────────────────────────────────────────────────────────────────────────────

    def meter(self, key: SessionKey) -> Meter:
        """How full the session's context is."""
        settings = self._compactor.settings if self._compactor else OURS
        with self._attempt("read", key):
            return measure(self._head(key), settings)
        return measure(Session(key=key), settings)

    def plan(self, key: SessionKey, *, manual: bool = False) -> CompactPlan:
        """What a compaction would do now; a ``manual`` one does not ask whether it is due."""
        with self._attempt("read", key):
            return self._plan(self._read(key), manual=manual)
        return CompactPlan(reason="The session cannot be read")

    def _plan(self, transcript: Transcript, *, manual: bool) -> CompactPlan:
        if self._compactor is None:
            return CompactPlan(reason="Compaction is not set up")
        settings = self._compactor.settings
        meter = measure(transcript.session, settings)
        return planning.plan(transcript.messages, settings, meter=meter, manual=manual)

    def is_compaction_due(self, key: SessionKey) -> bool:
        """Whether there is something to compact and it is time to."""
        with self._attempt("read", key):
            return bool(self._compactor) and bool(self.plan(key))
        return False

    def has_compaction_become_due(self, key: SessionKey, before: float) -> bool:
        """Whether the context has just filled to the threshold; ``before`` is its ratio of before."""
        with self._attempt("read", key):
            return planning.is_due_on_transition(before, *self._ratio(key))
        return False

    def is_refresh_due(self, key: SessionKey) -> bool:
        """Whether memory is to be refreshed: the context is past the soft threshold, but not due for compaction."""
        with self._attempt("read", key):
            return planning.is_refresh_due(*self._ratio(key))
        return False

    def has_refresh_become_due(self, key: SessionKey, before: float) -> bool:
        """Whether the context has just come between the two thresholds; ``before`` is its ratio of before."""
        with self._attempt("read", key):
            return planning.is_refresh_due_on_transition(before, *self._ratio(key))
        return False

    def _ratio(self, key: SessionKey) -> tuple[float | None, CompactionSettings | None]:
        return (self.meter(key).ratio, self._compactor.settings) if self._compactor else (None, None)

    # ── doing it ──────────────────────────────────────────────────────────────────────────────────────

    def compact(
        self, key: SessionKey, plan: CompactPlan | None = None, *, prompt: str = "", progress: Progress | None = None
    ) -> CompactResult:
        """Compact the session now, whether that is due or not; ``prompt`` replaces the instructions of a model.

        While it goes on the session is in the state ``compacting``. Memory is refreshed first.

        Raises:
            UsageError: there is nothing to compact, or compaction is not set up.
            SummaryError: no summary could be written; nothing has changed.
            StoreError: the session has changed since the plan was made.
            Cancelled: ``progress`` was told to stop; nothing has changed.
        """
        with self._attempt("compact", key):
            transcript = self._read(key)
            wanted = plan or self._plan(transcript, manual=True)
            return self._compact(transcript, wanted, prompt, progress or Progress())
        return _NOTHING

    def _compact(self, transcript: Transcript, plan: CompactPlan, prompt: str, progress: Progress) -> CompactResult:
        compactor = self._set_up()
        if not plan:
            raise UsageError("nothing to compact", hint=plan.reason)
        key = transcript.session.key
        told: list[Status] = []
        with self._compacting(key):
            # that it is done is told once it is stored
            running = replace(compactor, on_status=lambda status: _pass_on(status, compactor.on_status, told))
            compaction = running.compact(transcript, plan, progress, prompt=prompt)
            try:
                self._keep_compaction(key, compaction)
            except SessionTuiError as error:
                compactor.on_status(Status(Stage.FAILED, len(plan.compact), plan.estimated_savings, error=str(error)))
                raise
        result = replace(compaction.result, written_to="store")
        for status in told:
            compactor.on_status(replace(status, result=result))
        return result

    def _set_up(self) -> Compactor:
        if self._compactor is None:
            raise UsageError("compactor not configured", hint="give the session manager a Compactor")
        return self._compactor

    @contextmanager
    def _compacting(self, key: SessionKey) -> Iterator[None]:
        before = SessionState.ACTIVE

        def begun(session: Session) -> Session:
            nonlocal before
            before = SessionState.ACTIVE if session.state is SessionState.COMPACTING else session.state
            return replace(session, state=SessionState.COMPACTING)

        def ended(session: Session) -> Session:
            return replace(session, state=before) if session.state is SessionState.COMPACTING else session

        self._change(key, begun)
        try:
            yield
        finally:
            self._change(key, ended)

    def _keep_compaction(self, key: SessionKey, compaction: Compaction) -> None:
        plan, now = compaction.plan, self._clock()
        with self._home(key) as store:
            if compaction.summary:
                store.compact(key, compaction.summary, archive=plan.carried)
            else:
                store.revise(key, lambda transcript: _put_aside(transcript, plan, now))

    def refresh_memory(self, key: SessionKey, *, prompt: str = "", progress: Progress | None = None) -> Refreshed:
        """Extract what is worth remembering from the active messages into the memory store, without compacting.

        What fails is told in the answer's note.

        Raises:
            UsageError: compaction is not set up.
            Cancelled: ``progress`` was told to stop.
        """
        with self._attempt("refresh the memory of", key):
            compactor = self._set_up()
            if compactor.memory is None:
                return Refreshed(note="no memory store is configured")
            transcript = self._read(key)
            return memory.refresh(
                transcript.session.key,
                [message for message in transcript.messages if not message.archived],
                summarizer=compactor.summarizer or Extractive(),
                store=compactor.memory,
                settings=compactor.settings,
                progress=progress or Progress(),
                prompt=prompt,
            )
        return Refreshed(note="memory was not refreshed", failed=True)

    # ── the result ────────────────────────────────────────────────────────────────────────────────────

    def compacted(
        self,
        key: SessionKey,
        *,
        last: int | None = None,
        max_tokens: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[Message, ...]:
        """The conversation as a model is to get it: summaries and active messages, compacted first when that is due;
        all of it, or what costs at most ``max_tokens`` (the oldest go, the system prompt stays), or the newest
        ``last``.

        A compaction that fails is logged, and the conversation comes as it is.
        """
        with self._attempt("read", key):
            shown = self._shown(self._compacted_when_due(key, progress or Progress()))
            if max_tokens is not None:
                shown = fitting(shown, max_tokens, self._compactor.count if self._compactor else estimate_message)
            return shown if last is None else shown[max(0, len(shown) - last) :]
        return ()

    def _compacted_when_due(self, key: SessionKey, progress: Progress) -> Transcript:
        transcript = self._read(key)
        plan = self._plan(transcript, manual=False)
        if not plan:
            return transcript
        try:
            self._compact(transcript, plan, "", progress)
        except Cancelled:
            raise
        except SessionTuiError as error:
            _log.warning("cannot compact %s: %s", key.ref, error)
        return self._read(key)

    def _shown(self, transcript: Transcript) -> tuple[Message, ...]:
        active = (message for message in transcript.messages if not message.archived)
        if not (self._compactor and self._compactor.settings.show_summary_markers):
            return tuple(active)
        framed = {summary.id: marked(summary) for summary in transcript.summaries}
        return tuple(
            replace(message, blocks=(Text(framed[message.id]),)) if message.id in framed else message
            for message in active
        )


_NOTHING = CompactResult(
    summary="", tokens_before=0, tokens_after=0, tokens_saved=0, preserved_messages=0, removed_messages=0, duration=0.0
)


def _pass_on(status: Status, tell: Callable[[Status], None], later: list[Status]) -> None:
    if status.stage is Stage.COMPLETED:
        later.append(status)
    else:
        tell(status)


def _put_aside(transcript: Transcript, plan: CompactPlan, now: datetime) -> Transcript:
    """The session after a compaction that writes no summary."""
    gone = set(plan.compact)
    messages = [replace(each, archived=True) if each.id in gone else each for each in transcript.messages]
    count = (transcript.session.compaction_count or 0) + 1
    session = replace(transcript.session, compaction_count=count, compacted_at=now)
    return replace(transcript, session=session, messages=messages)
