"""How full a context is said to be."""

from __future__ import annotations

import pytest

from session_tui.compaction.meter import budget, measure, measure_transcript
from session_tui.compaction.settings import CompactionSettings
from session_tui.model import Message, Role, Session, SessionKey, Text, TokenSource, Transcript
from session_tui.tokens import estimate_messages

KEY = SessionKey("native", "1")
WORDS = Message(id="1", role=Role.USER, blocks=(Text("Water the ferns on the north side twice a week. " * 20),))
OLD = Message(id="0", role=Role.USER, blocks=(Text("long gone " * 500),), archived=True)


@pytest.mark.parametrize(("given", "used"), [(0, 200_000), (-5, 200_000), (8_000, 200_000), (64_000, 64_000)])
def test_a_budget_that_is_not_set_is_the_usual_window(given: int, used: int) -> None:
    assert used == budget(given)


def test_recorded_tokens_count_before_estimates() -> None:
    session = Session(key=KEY, token_count=1_500, token_source=TokenSource.RECORDED, context_window=10_000)

    meter = measure(session, CompactionSettings(), [WORDS])

    assert (1_500, 10_000, TokenSource.RECORDED, 0.15) == (meter.tokens, meter.window, meter.source, meter.ratio)
    assert (0.6, 0.75) == (meter.soft, meter.hard)


def test_without_a_record_the_active_messages_are_estimated() -> None:
    transcript = Transcript(session=Session(key=KEY, token_count=9, model="gpt-4o"), messages=(OLD, WORDS))

    meter = measure_transcript(transcript, CompactionSettings())

    assert (estimate_messages([WORDS]), TokenSource.ESTIMATED, 128_000) == (meter.tokens, meter.source, meter.window)


def test_what_a_list_knows_is_an_estimate() -> None:
    session = Session(key=KEY, token_count=700, token_source=TokenSource.NONE)

    assert (700, TokenSource.ESTIMATED) == (
        measure(session, CompactionSettings()).tokens,
        measure(session, CompactionSettings()).source,
    )


def test_nothing_known_is_said_to_be_unknown() -> None:
    meter = measure(Session(key=KEY), CompactionSettings())

    assert (None, TokenSource.NONE, None, 200_000) == (meter.tokens, meter.source, meter.ratio, meter.window)


def test_the_configured_window_is_for_models_nobody_knows() -> None:
    settings = CompactionSettings(default_window=32_000)

    assert 32_000 == measure(Session(key=KEY, model="homemade"), settings).window
    assert 200_000 == measure(Session(key=KEY, model="o3-mini"), settings).window
    assert 50_000 == measure(Session(key=KEY, model="o3-mini", context_window=50_000), settings).window
