"""Carries out a compaction plan: refreshes memory, has the summary written, and counts what it saves.

Nothing is stored here. What comes out is a `Summary` for a store to keep in place of the messages it names.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from uuid import uuid4

from session_tui.compaction.masking import mask as mask_secrets
from session_tui.compaction.memory import refresh
from session_tui.compaction.memory_store import MemoryStore
from session_tui.compaction.plan import message_range
from session_tui.compaction.settings import OURS, CompactionSettings, Strategy
from session_tui.compaction.summarizers.base import Summarizer, SummaryRequest, SummaryText, unheard
from session_tui.compaction.summarizers.extractive import Extractive
from session_tui.errors import SessionTuiError, SummaryError, UsageError
from session_tui.model import CompactPlan, CompactResult, Message, Messages, Role, Summary, Text, Transcript
from session_tui.progress import Progress
from session_tui.text import one_line, plural
from session_tui.tokens import estimate_message


class Stage(StrEnum):
    """How far a compaction is."""

    STARTING = "starting"
    SUMMARIZING = "summarizing"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Status:
    """One report: how many messages are replaced, and the tokens it saves (expected, once completed true).

    ``result`` stands only with `Stage.COMPLETED`, ``error`` only with `Stage.FAILED`.
    """

    stage: Stage
    messages: int
    savings: int
    note: str = ""
    result: CompactResult | None = None
    error: str = ""

    @property
    def text(self) -> str:
        """The status as a sentence."""
        match self.stage:
            case Stage.STARTING:
                return f"Compacting conversation ({plural(self.messages, 'message')})..."
            case Stage.SUMMARIZING:
                return f"Summarizing {plural(self.messages, 'message')}" + (f": {self.note}" if self.note else "")
            case Stage.COMPLETED:
                count = plural(self.messages, "message")
                return f"Conversation compacted ({count} replaced, ~{self.savings:,} tokens saved)"
            case Stage.FAILED:
                return f"Compaction failed: {self.error}"


def unreported(status: Status) -> None:
    """Take a status and do nothing with it."""


@dataclass(frozen=True, slots=True)
class Compaction:
    """What a compaction came to: its figures, the plan it carried out, and the summary to be stored (none
    where the messages are merely taken away)."""

    plan: CompactPlan
    result: CompactResult
    summary: Summary | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compactor:
    """Runs plans. Every part can be replaced; without a summarizer only truncating is possible.

    ``count`` says what a message costs in tokens, ``mask`` removes secrets from all that is sent and written,
    ``memory`` receives what is extracted beforehand, ``plain`` writes where the settings want no model to.
    """

    settings: CompactionSettings = OURS
    summarizer: Summarizer | None = None
    plain: Summarizer = field(default_factory=Extractive)
    memory: MemoryStore | None = None
    on_status: Callable[[Status], None] = unreported
    on_text: Callable[[str], None] = unheard
    count: Callable[[Message], int] = estimate_message
    mask: Callable[[str], str] = mask_secrets
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    new_id: Callable[[], str] = lambda: str(uuid4())

    def compact(
        self, transcript: Transcript, plan: CompactPlan | None, progress: Progress, *, prompt: str = ""
    ) -> Compaction:
        """Carry out ``plan`` on ``transcript``; ``prompt`` replaces the instructions of a model.

        Raises:
            UsageError: there is no plan, or nothing in it.
            SummaryError: no summary could be written.
            SessionTuiError: the session is not the one that was planned for.
            Cancelled: a stop was asked for.
        """
        if plan is None:
            raise UsageError("the compact plan is missing")
        if not plan:
            raise UsageError("nothing to compact", hint=plan.reason)
        started = time.monotonic()
        self.on_status(Status(Stage.STARTING, len(plan.compact), plan.estimated_savings))
        try:
            compaction = self._carried_out(transcript, plan, progress, prompt, started)
        except Exception as error:
            said = one_line(str(error))
            self.on_status(Status(Stage.FAILED, len(plan.compact), plan.estimated_savings, error=said))
            raise
        result = compaction.result
        self.on_status(Status(Stage.COMPLETED, len(plan.compact), result.tokens_saved, result.note, result))
        return compaction

    def _carried_out(
        self, transcript: Transcript, plan: CompactPlan, progress: Progress, prompt: str, started: float
    ) -> Compaction:
        survey = _survey(transcript, plan, self.count)
        notes = [self._remembered(transcript, survey.gone, progress)]
        previous = _texts(survey.carried, transcript) if self.settings.merge_summaries else ()
        written = self._summarized(survey.gone, previous, plan, progress, prompt)
        notes.append(written.note if written else "")
        summary = self._summary(plan, written) if written else None
        before = survey.tokens
        after = survey.tokens_kept + (summary.token_count or 0 if summary else 0)
        result = CompactResult(
            summary=summary.content if summary else "",
            tokens_before=before,
            tokens_after=after,
            tokens_saved=before - after,
            preserved_messages=len(plan.keep),
            removed_messages=len(plan.compact),
            duration=time.monotonic() - started,
            provider=written.author if written else "",
            note="; ".join(note for note in notes if note),
        )
        return Compaction(plan, result, summary)

    def _remembered(self, transcript: Transcript, messages: Sequence[Message], progress: Progress) -> str:
        """Refresh memory; a sentence where that failed, empty otherwise."""
        writer = self._writer()
        if self.memory is None or writer is None:
            return ""
        refreshed = refresh(
            transcript.session.key,
            messages,
            summarizer=writer,
            store=self.memory,
            settings=self.settings,
            progress=progress,
            mask=self.mask,
        )
        return refreshed.note if refreshed.failed else ""

    def _writer(self) -> Summarizer | None:
        return self.summarizer if self.settings.use_ai_summary else self.plain

    def _summarized(
        self,
        messages: Sequence[Message],
        previous: tuple[str, ...],
        plan: CompactPlan,
        progress: Progress,
        prompt: str,
    ) -> SummaryText | None:
        """The text in place of ``messages``, or ``None`` where the strategy is to have none."""
        writer = self._writer()
        strategy = self.settings.strategy
        if strategy is Strategy.TRUNCATE or (strategy is Strategy.HYBRID and writer is None):
            return None
        if writer is None:
            raise SummaryError("no summarizer is configured", hint="choose one, or the strategy `truncate`")
        self.on_status(Status(Stage.SUMMARIZING, len(plan.compact), plan.estimated_savings, writer.name))
        request = SummaryRequest(
            messages=messages,
            previous=previous,
            max_tokens=self.settings.summary_tokens,
            prompt=prompt,
            on_text=self.on_text,
            mask=self.mask,
        )
        written = writer.summarize(request, progress)
        if not written.text.strip():
            raise SummaryError(f"{writer.name} wrote an empty summary")
        progress.check()
        return written

    def _summary(self, plan: CompactPlan, written: SummaryText) -> Summary:
        said = Message(id="", role=Role.SYSTEM, blocks=(Text(written.text),))
        return Summary(
            id=self.new_id(),
            content=written.text,
            message_range=message_range(plan.compact),
            original_ids=plan.compact,
            token_count=self.count(said),
            provider=written.author,
            compacted_at=self.now(),
        )


def marked(summary: Summary) -> str:
    """A summary framed by lines that say which messages it stands for."""
    return f"[SUMMARY: {summary.message_range}]\n\n{summary.content}\n\n[END SUMMARY]"


def shown(summary: Summary, settings: CompactionSettings) -> str:
    """A summary as the settings want it: framed or plain."""
    return marked(summary) if settings.show_summary_markers else summary.content


@dataclass(frozen=True, slots=True)
class _Survey:
    """What a plan means for a session: the messages that go, decoded when asked for, the summaries carried
    forward, and the tokens of all active messages and of those that stay."""

    gone: Sequence[Message]
    carried: tuple[Message, ...]
    tokens: int
    tokens_kept: int


def _survey(transcript: Transcript, plan: CompactPlan, count: Callable[[Message], int]) -> _Survey:
    """Look at each message once.

    Raises:
        SessionTuiError: messages that were planned for are no longer there.
    """
    messages = transcript.messages
    wanted, summaries = set(plan.compact), set(plan.carried)
    gone: list[int] = []
    carried: list[Message] = []
    tokens = tokens_kept = 0
    for position, message in enumerate(messages):
        if message.archived:
            continue
        cost = count(message)
        tokens += cost
        if message.is_summary and message.id in summaries:
            carried.append(message)
        elif not message.is_summary and message.id in wanted:
            gone.append(position)
        else:
            tokens_kept += cost
    if len(gone) < len(plan.compact) or len(carried) < len(plan.carried):
        raise SessionTuiError(
            "the session has changed since the compaction was planned", hint="plan it anew and look at it again"
        )
    weights = [1] * len(gone)
    return _Survey(Messages(weights, lambda i: messages[gone[i]], keep=0), tuple(carried), tokens, tokens_kept)


def _texts(carried: Sequence[Message], transcript: Transcript) -> tuple[str, ...]:
    """The summaries to take into the new one: those among the messages, as their store's records say them; the
    last of the records where none is a message."""
    if not any(message.is_summary for message in transcript.messages):
        return tuple(summary.content for summary in transcript.summaries[-1:])
    by_id = {summary.id: summary.content for summary in transcript.summaries}
    return tuple(by_id.get(message.id) or message.text for message in carried)
