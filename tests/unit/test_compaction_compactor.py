"""Carrying out a plan: stages, figures, strategies and failures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from session_tui.compaction.compactor import Compaction, Compactor, Stage, Status, marked, shown
from session_tui.compaction.memory_store import InMemory
from session_tui.compaction.plan import plan
from session_tui.compaction.settings import CompactionSettings, Strategy
from session_tui.compaction.summarizers.base import Purpose, SummaryRequest, SummaryText
from session_tui.compaction.summarizers.extractive import Extractive
from session_tui.errors import Cancelled, SessionTuiError, SummaryError, UsageError
from session_tui.model import CompactPlan, Message, Role, Session, SessionKey, Summary, Text, Transcript
from session_tui.progress import Progress
from session_tui.tokens import estimate, estimate_messages

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
TOPICS = ("tulips", "drainage", "compost", "slugs", "frost", "seedlings", "mulch", "hedges", "ponds", "bees")


def talk(count: int) -> list[Message]:
    return [
        Message(
            id=str(i + 1),
            role=Role.ASSISTANT if i % 2 else Role.USER,
            blocks=(
                Text(f"Concerning {TOPICS[i % 10]}, bed {i} should be looked after before the week is over. " * 6),
            ),
        )
        for i in range(count)
    ]


def transcript(messages: list[Message], *summaries: Summary) -> Transcript:
    session = Session(key=SessionKey("native", "garden"))
    return Transcript(session=session, messages=messages, summaries=summaries)


class Scribe:
    """A summarizer that keeps what it was asked and answers one sentence, or raises."""

    name = "scribe"

    def __init__(self, *, fails: Exception | None = None, text: str = "The garden was discussed.") -> None:
        self.requests: list[SummaryRequest] = []
        self.fails = fails
        self.text = text

    def summarize(self, request: SummaryRequest, progress: Progress) -> SummaryText:
        self.requests.append(request)
        if self.fails and request.purpose is Purpose.SUMMARY:
            raise self.fails
        if request.purpose is Purpose.MEMORY:
            return SummaryText(text="- prefers native plants", provider=self.name)
        request.on_text(self.text)
        return SummaryText(text=self.text, provider=self.name, model="quill")


MANUAL = CompactionSettings()


def run(compactor: Compactor, messages: list[Message], *summaries: Summary) -> Compaction:
    made = plan(messages, compactor.settings, manual=True)
    return compactor.compact(transcript(messages, *summaries), made, Progress())


def test_a_compaction_counts_what_it_saves() -> None:
    messages = talk(20)

    done = run(Compactor(summarizer=Scribe()), messages)

    result = done.result
    assert "The garden was discussed." == result.summary
    assert estimate_messages(messages) == result.tokens_before
    assert estimate_messages(messages[8:]) + estimate(result.summary) == result.tokens_after
    assert result.tokens_before - result.tokens_after == result.tokens_saved
    assert (12, 8, "none", "scribe:quill") == (
        result.preserved_messages,
        result.removed_messages,
        result.written_to,
        result.provider,
    )
    assert result.duration >= 0


def test_the_summary_says_what_it_stands_for() -> None:
    compactor = Compactor(summarizer=Scribe(), now=lambda: NOON, new_id=lambda: "sum-1")

    summary = run(compactor, talk(20)).summary

    assert (
        Summary(
            id="sum-1",
            content="The garden was discussed.",
            message_range="Messages 1-8",
            original_ids=tuple("12345678"),
            token_count=estimate("The garden was discussed."),
            provider="scribe:quill",
            compacted_at=NOON,
        )
        == summary
    )


def test_stages_are_told_in_order() -> None:
    told: list[Status] = []

    done = run(Compactor(summarizer=Scribe(), on_status=told.append), talk(20))

    assert [Stage.STARTING, Stage.SUMMARIZING, Stage.COMPLETED] == [status.stage for status in told]
    assert [8, 8, 8] == [status.messages for status in told]
    assert (done.plan.estimated_savings, done.result.tokens_saved) == (told[0].savings, told[2].savings)
    assert done.result is told[2].result
    assert "Compacting conversation (8 messages)..." == told[0].text
    assert f"Conversation compacted (8 messages replaced, ~{done.result.tokens_saved:,} tokens saved)" == told[2].text


def test_a_failure_is_told_and_raised() -> None:
    told: list[Status] = []

    with pytest.raises(SummaryError):
        run(Compactor(summarizer=Scribe(fails=SummaryError("no ink")), on_status=told.append), talk(20))

    assert [Stage.STARTING, Stage.SUMMARIZING, Stage.FAILED] == [status.stage for status in told]
    assert "Compaction failed: no ink" == told[-1].text


def test_being_stopped_ends_in_failure_and_changes_nothing() -> None:
    told: list[Status] = []
    progress = Progress()
    messages = talk(20)

    def stop(status: Status) -> None:
        told.append(status)
        progress.cancel()

    with pytest.raises(Cancelled):
        Compactor(summarizer=Extractive(), on_status=stop).compact(
            transcript(messages), plan(messages, MANUAL, manual=True), progress
        )

    assert Stage.FAILED is told[-1].stage


def test_without_a_plan_there_is_nothing_to_do() -> None:
    with pytest.raises(UsageError, match="plan is missing"):
        Compactor(summarizer=Scribe()).compact(transcript(talk(20)), None, Progress())
    with pytest.raises(UsageError, match="nothing to compact") as caught:
        run(Compactor(summarizer=Scribe()), talk(5))

    assert "Nothing to compact (5 messages, all recent)" == caught.value.hint


def test_a_session_that_changed_meanwhile_is_not_compacted() -> None:
    messages = talk(20)
    made = plan(messages, MANUAL, manual=True)
    messages[2] = replace(messages[2], archived=True)

    with pytest.raises(SessionTuiError, match="has changed"):
        Compactor(summarizer=Scribe()).compact(transcript(messages), made, Progress())


# ── strategies ────────────────────────────────────────────────────────────────────────────────────────


def test_truncating_takes_messages_away_without_a_word() -> None:
    messages = talk(20)
    scribe = Scribe()

    done = run(Compactor(settings=CompactionSettings(strategy=Strategy.TRUNCATE), summarizer=scribe), messages)

    assert (None, "", []) == (done.summary, done.result.summary, scribe.requests)
    assert estimate_messages(messages[8:]) == done.result.tokens_after


def test_a_hybrid_summarizes_where_it_can() -> None:
    settings = CompactionSettings(strategy=Strategy.HYBRID)

    assert run(Compactor(settings=settings, summarizer=Scribe()), talk(20)).summary is not None
    assert run(Compactor(settings=settings), talk(20)).summary is None


def test_summarizing_needs_a_summarizer() -> None:
    with pytest.raises(SummaryError, match="no summarizer"):
        run(Compactor(), talk(20))


def test_without_ai_the_extractive_one_writes() -> None:
    scribe = Scribe()

    done = run(Compactor(settings=CompactionSettings(use_ai_summary=False), summarizer=scribe), talk(20))

    assert ("extractive", []) == (done.result.provider, scribe.requests)


def test_an_empty_summary_is_a_failure() -> None:
    with pytest.raises(SummaryError, match="empty summary"):
        run(Compactor(summarizer=Scribe(text="  \n")), talk(20))


# ── earlier summaries, memory, markers ────────────────────────────────────────────────────────────────

EARLIER = Message(id="s1", role=Role.SYSTEM, blocks=(Text("Before that, a pond was dug."),), is_summary=True)


def test_an_earlier_summary_is_taken_in_and_no_longer_counted() -> None:
    scribe = Scribe()
    messages = [EARLIER, *talk(20)]

    done = run(Compactor(summarizer=scribe), messages)

    assert ("Before that, a pond was dug.",) == scribe.requests[0].previous
    assert EARLIER not in scribe.requests[0].messages
    assert estimate_messages(messages[9:]) + estimate(done.result.summary) == done.result.tokens_after


def test_a_summary_that_stands_in_records_alone_is_taken_in_too() -> None:
    scribe = Scribe()
    kept = Summary(id="r1", content="A pond was dug."), Summary(id="r2", content="Then it leaked.")

    run(Compactor(summarizer=scribe), talk(20), *kept)

    assert ("Then it leaked.",) == scribe.requests[0].previous


def test_summaries_side_by_side_are_left_alone() -> None:
    scribe = Scribe()
    messages = [EARLIER, *talk(20)]
    settings = CompactionSettings(merge_summaries=False)

    done = run(Compactor(settings=settings, summarizer=scribe), messages, Summary(id="r", content="A pond was dug."))

    assert () == scribe.requests[0].previous
    assert estimate_messages([EARLIER, *messages[9:]]) + estimate(done.result.summary) == done.result.tokens_after


def test_compacting_twice_never_summarizes_a_message_twice() -> None:
    messages = talk(30)
    first = run(Compactor(summarizer=Extractive()), messages)
    assert first.summary is not None
    gone = set(first.plan.compact)
    summary = Message(id="s1", role=Role.SYSTEM, blocks=(Text(first.summary.content),), is_summary=True)
    after = [replace(message, archived=message.id in gone) for message in messages]
    scribe = Scribe()

    second = run(Compactor(summarizer=scribe), [*after[: len(gone)], summary, *after[len(gone) :]])

    assert not gone & set(second.plan.compact)
    assert not gone & {message.id for message in scribe.requests[0].messages}
    assert (first.summary.content,) == scribe.requests[0].previous


def test_memory_is_refreshed_from_what_goes_before_it_goes() -> None:
    scribe, memory = Scribe(), InMemory()

    done = run(Compactor(summarizer=scribe, memory=memory), talk(20))

    assert "- prefers native plants" == memory.get(SessionKey("native", "garden"))
    assert [Purpose.MEMORY, Purpose.SUMMARY] == [request.purpose for request in scribe.requests]
    assert "" == done.result.note


def test_a_failing_memory_never_stops_a_compaction() -> None:
    class Full(InMemory):
        def add(self, key: SessionKey, extracted: str) -> str:
            raise OSError("disk full")

    done = run(Compactor(summarizer=Scribe(), memory=Full()), talk(20))

    assert "memory was not refreshed: disk full" == done.result.note
    assert done.summary is not None


def test_the_text_can_be_watched_while_it_is_written() -> None:
    seen: list[str] = []

    run(Compactor(summarizer=Scribe(), on_text=seen.append), talk(20))

    assert ["The garden was discussed."] == seen


def test_a_prompt_of_ones_own_reaches_the_summarizer() -> None:
    scribe, messages = Scribe(), talk(20)

    Compactor(summarizer=scribe).compact(
        transcript(messages), plan(messages, MANUAL, manual=True), Progress(), prompt="In verse, please."
    )

    assert "In verse, please." == scribe.requests[0].prompt


def test_markers_frame_a_summary_where_they_are_wanted() -> None:
    summary = Summary(id="1", content="A pond was dug.", message_range="Messages 1-20")

    assert "[SUMMARY: Messages 1-20]\n\nA pond was dug.\n\n[END SUMMARY]" == marked(summary)
    assert marked(summary) == shown(summary, CompactionSettings(show_summary_markers=True))
    assert "A pond was dug." == shown(summary, CompactionSettings())


def test_a_single_huge_message_is_left_alone() -> None:
    messages = [Message(id="1", role=Role.USER, blocks=(Text("x" * 1_000_000),))]

    assert CompactPlan(keep=("1",), reason="Nothing to compact (1 message, all recent)") == plan(
        messages, MANUAL, manual=True
    )


def test_a_store_may_count_and_mask_in_its_own_way() -> None:
    scribe = Scribe()

    done = run(Compactor(summarizer=scribe, count=lambda message: 7, mask=str.upper), talk(20))

    assert (140, 12 * 7 + 7) == (done.result.tokens_before, done.result.tokens_after)
    assert done.summary is not None
    assert 7 == done.summary.token_count
    assert "WATER" == scribe.requests[0].mask("water")
