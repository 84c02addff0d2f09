"""When a conversation is compacted, and which of its messages go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from session_tui.compaction.plan import (
    is_due,
    is_due_on_transition,
    is_refresh_due,
    is_refresh_due_on_transition,
    message_range,
    plan,
)
from session_tui.compaction.settings import CompactionSettings, Strategy
from session_tui.errors import ConfigError
from session_tui.model import CompactPlan, Message, Meter, Role, Text, TokenSource, ToolCall, ToolResult


def talk(count: int) -> list[Message]:
    return [
        Message(
            id=str(i + 1), role=Role.ASSISTANT if i % 2 else Role.USER, blocks=(Text(f"Remark number {i + 1} of ours"),)
        )
        for i in range(count)
    ]


def calls(id: str, *call_ids: str) -> Message:
    return Message(id=id, role=Role.ASSISTANT, blocks=tuple(ToolCall(call, "look", {}) for call in call_ids))


def results(id: str, *call_ids: str, role: Role = Role.TOOL) -> Message:
    return Message(id=id, role=role, blocks=tuple(ToolResult(call, "look", "seen") for call in call_ids))


def meter(tokens: int, window: int = 1000) -> Meter:
    return Meter(tokens, window, TokenSource.RECORDED, 0.6, 0.75)


BY_COUNT = CompactionSettings(max_messages=50)


@pytest.mark.parametrize(
    ("count", "limit", "ratio", "preserve", "gone"),
    [
        (30, 50, 0.4, 10, 0),
        (36, 50, 0.4, 10, 0),
        (37, 50, 0.4, 10, 14),  # int(50 × 0.75) is 37
        (38, 50, 0.4, 10, 15),
        (45, 50, 0.4, 10, 18),
        (50, 50, 0.4, 10, 20),
        (25, 30, 0.8, 20, 5),
        (100, 0, 0.4, 10, 0),
        (0, 50, 0.4, 10, 0),
    ],
)
def test_the_oldest_go_as_worked_out(count: int, limit: int, ratio: float, preserve: int, gone: int) -> None:
    settings = CompactionSettings(max_messages=limit, compact_ratio=ratio, preserve_recent=preserve)

    made = plan(talk(count), settings)

    assert tuple(str(i + 1) for i in range(gone)) == made.compact
    assert tuple(str(i + 1) for i in range(gone, count)) == made.keep


def test_a_plan_says_why_and_what_it_saves() -> None:
    messages = [Message(id=str(i), role=Role.USER, blocks=(Text("é" * 9),)) for i in range(38)]

    made = plan(messages, BY_COUNT)

    assert "Reached 75% capacity (38/50 messages)" == made.reason
    assert 15 * (18 // 4) == made.estimated_savings


def test_nothing_is_due_where_compaction_is_not_enabled() -> None:
    made = plan(talk(45), CompactionSettings(max_messages=50, enabled=False))

    assert not made
    assert "Compaction is not enabled" == made.reason


def test_a_plan_without_messages_says_why_not() -> None:
    assert "Not due yet (30/50 messages)" == plan(talk(30), BY_COUNT).reason
    assert "Not due yet (1 message)" == plan(talk(1), CompactionSettings()).reason
    assert "Not due yet (100/1,000 tokens)" == plan(talk(30), CompactionSettings(), meter=meter(100)).reason
    assert "Nothing to compact (10 messages, all recent)" == plan(talk(10), BY_COUNT, manual=True).reason


def test_by_hand_neither_threshold_nor_switch_counts() -> None:
    made = plan(talk(20), CompactionSettings(enabled=False), manual=True)

    assert ("1", "2", "3", "4", "5", "6", "7", "8") == made.compact
    assert "Asked for (20 messages)" == made.reason


def test_tokens_make_a_conversation_due_as_well() -> None:
    made = plan(talk(20), CompactionSettings(), meter=meter(750))

    assert 8 == len(made.compact)
    assert "Reached 75% of the context window (750/1,000 tokens)" == made.reason
    assert not plan(talk(20), CompactionSettings(), meter=meter(749))


def test_a_conversation_of_unknown_size_is_not_due() -> None:
    unknown = Meter(None, 1000, TokenSource.NONE, 0.6, 0.75)

    assert not plan(talk(20), CompactionSettings(), meter=unknown)


def test_a_threshold_of_messages_may_differ_from_that_of_tokens() -> None:
    settings = CompactionSettings(max_messages=21, message_threshold=1, compact_ratio=1, preserve_recent=4)

    assert not plan(talk(20), settings)
    assert 17 == len(plan(talk(21), settings).compact)


def test_a_short_conversation_is_never_due_however_full() -> None:
    settings = CompactionSettings(trigger_threshold=0.9, min_messages=9, compact_ratio=1, preserve_recent=6)

    assert not plan(talk(8), settings, meter=meter(950))
    assert 3 == len(plan(talk(9), settings, meter=meter(950)).compact)


# ── what belongs together ─────────────────────────────────────────────────────────────────────────────


def with_pair_at(*positions: int, count: int = 20) -> list[Message]:
    messages = talk(count)
    for position in positions:
        messages[position] = calls(f"c{position}", f"call{position}")
        messages[position + 1] = results(f"r{position}", f"call{position}")
    return messages


def test_a_cut_between_a_call_and_its_result_moves_back() -> None:
    made = plan(with_pair_at(7), CompactionSettings(), manual=True)  # 20 × 0.4 would cut at 8

    assert "c7" in made.keep
    assert "r7" in made.keep
    assert 7 == len(made.compact)


def test_a_cut_right_after_a_result_stays() -> None:
    made = plan(with_pair_at(6), CompactionSettings(), manual=True)

    assert {"c6", "r6"} <= set(made.compact)
    assert 8 == len(made.compact)


def test_parallel_calls_wait_for_their_last_result() -> None:
    messages = [*talk(4), calls("c", "a", "b"), results("ra", "a"), results("rb", "b"), *talk(13)]
    settings = CompactionSettings(compact_ratio=0.3, preserve_recent=5)  # would cut at 6, between the results

    made = plan(messages, settings, manual=True)

    assert 4 == len(made.compact)


def test_results_in_a_persons_record_belong_to_their_call_too() -> None:
    messages = [*talk(7), calls("c", "a"), results("r", "a", role=Role.USER), *talk(11)]

    made = plan(messages, CompactionSettings(turn_aligned=False), manual=True)

    assert {"c", "r"} <= set(made.keep)


def test_a_result_without_an_id_belongs_to_the_message_before_it() -> None:
    messages = [*talk(7), calls("c", ""), results("r", ""), *talk(11)]

    made = plan(messages, CompactionSettings(), manual=True)

    assert 7 == len(made.compact)


def test_call_ids_used_again_tie_to_the_latest_call() -> None:
    messages = [calls("c1", "x"), results("r1", "x"), *talk(5), calls("c2", "x"), results("r2", "x"), *talk(11)]

    made = plan(messages, CompactionSettings(), manual=True)

    assert {"c1", "r1"} <= set(made.compact)
    assert {"c2", "r2"} <= set(made.keep)


def test_where_nothing_earlier_fits_the_cut_moves_on_but_not_into_the_recent() -> None:
    messages = [calls("c", "long"), *talk(8), results("r", "long"), *talk(10)]

    made = plan(messages, CompactionSettings(), manual=True)

    assert {"c", "r"} <= set(made.compact)
    assert 10 == len(made.compact)
    assert not plan([calls("c", "long"), *talk(18), results("r", "long")], CompactionSettings(), manual=True)


def test_what_stays_can_be_made_to_begin_with_a_person() -> None:
    messages = with_pair_at(9)
    settings = CompactionSettings(turn_aligned=True, compact_ratio=1, preserve_recent=8)  # would cut at 12

    assert "13" == plan(messages, settings, manual=True).keep[0]
    messages[12] = calls("late", "late")
    assert "9" == plan(messages, settings, manual=True).keep[0]


def test_a_single_turn_is_not_cut_where_turns_stay_whole() -> None:
    messages = [talk(1)[0], *(calls(f"c{i}", f"{i}") for i in range(20))]

    assert not plan(messages, CompactionSettings(turn_aligned=True), manual=True)


# ── what was compacted before, and what always stays ──────────────────────────────────────────────────


def compacted(count: int = 20) -> list[Message]:
    old = [replace(message, id=f"old{message.id}", archived=True) for message in talk(20)]
    summary = Message(id="s1", role=Role.SYSTEM, blocks=(Text("What was before"),), is_summary=True)
    return [*old, summary, *talk(count)]


def test_archived_messages_are_not_compacted_again_and_their_summary_is_carried() -> None:
    made = plan(compacted(), CompactionSettings(), manual=True)

    assert ("s1",) == made.carried
    assert not {id for id in (*made.compact, *made.keep) if id.startswith("old") or id == "s1"}
    assert 8 == len(made.compact)


def test_summaries_do_not_count_as_messages() -> None:
    assert not plan(compacted(36), BY_COUNT)
    assert plan(compacted(37), BY_COUNT)


def test_a_store_may_keep_summaries_side_by_side() -> None:
    made = plan(compacted(), CompactionSettings(merge_summaries=False), manual=True)

    assert () == made.carried
    assert "s1" not in made.compact


def test_an_outdated_summary_is_not_carried() -> None:
    messages = compacted()
    messages[20] = replace(messages[20], archived=True)

    assert () == plan(messages, CompactionSettings(), manual=True).carried


def test_system_prompts_stay_unless_a_store_counts_them_as_messages() -> None:
    messages = [Message(id="prompt", role=Role.SYSTEM, blocks=(Text("Be kind."),)), *talk(19)]

    ours = plan(messages, CompactionSettings(), manual=True)
    theirs = plan(messages, CompactionSettings(keep_system=False), manual=True)

    assert ("prompt", "8") == ours.keep[:2]
    assert 7 == len(ours.compact)
    assert "prompt" == theirs.compact[0]


def test_a_plan_looks_at_each_message_once() -> None:
    seen: list[str] = []

    def stream() -> Iterator[Message]:
        for message in talk(40):
            seen.append(message.id)
            yield message

    plan(stream(), BY_COUNT)

    assert 40 == len(seen)


def test_a_range_is_named_by_its_first_and_last_id() -> None:
    assert "Messages 1-20" == message_range([str(i) for i in range(1, 21)])
    assert "Message 7" == message_range(["7"])
    assert "" == message_range([])


def test_an_empty_plan_is_false() -> None:
    assert not CompactPlan(reason="nothing")
    assert CompactPlan(compact=("1",))


# ── thresholds ────────────────────────────────────────────────────────────────────────────────────────

HARD_AT_80 = CompactionSettings(trigger_threshold=0.8)


@pytest.mark.parametrize(
    ("tokens", "window", "due"), [(180_000, 200_000, True), (90, 100, True), (89, 100, False), (50_000, 200_000, False)]
)
def test_due_from_the_threshold_on(tokens: int, window: int, due: bool) -> None:
    assert due is is_due(meter(tokens, window).ratio, CompactionSettings(trigger_threshold=0.9))


def test_a_window_of_zero_is_never_full() -> None:
    assert not is_due(meter(90, 0).ratio, CompactionSettings())


def test_due_on_the_way_up_only() -> None:
    assert is_due_on_transition(0.6, 0.82, HARD_AT_80)
    assert not is_due_on_transition(0.85, 0.9, HARD_AT_80)
    assert not is_due_on_transition(0.6, 0.79, HARD_AT_80)


@pytest.mark.parametrize(("ratio", "due"), [(0.59, False), (0.6, True), (0.79, True), (0.8, False), (0.95, False)])
def test_memory_is_refreshed_between_the_thresholds(ratio: float, due: bool) -> None:
    assert due is is_refresh_due(ratio, HARD_AT_80)


def test_memory_is_refreshed_on_entering_the_window_from_either_side() -> None:
    assert is_refresh_due_on_transition(0.5, 0.65, HARD_AT_80)
    assert is_refresh_due_on_transition(0.85, 0.65, HARD_AT_80)
    assert not is_refresh_due_on_transition(0.62, 0.65, HARD_AT_80)


def test_where_compaction_is_not_set_up_nothing_is_ever_due() -> None:
    assert not is_due(0.99, None)
    assert not is_due_on_transition(0.1, 0.99, None)
    assert not is_refresh_due(0.7, None)
    assert not is_refresh_due_on_transition(0.1, 0.7, None)
    assert not is_refresh_due(0.7, CompactionSettings(refresh_memory=False))
    assert not is_refresh_due(0.7, CompactionSettings(enabled=False))


# ── settings ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_defaults_are_those_of_the_systems_we_serve() -> None:
    settings = CompactionSettings()

    assert (0.75, 0.4, 10) == (settings.trigger_threshold, settings.compact_ratio, settings.preserve_recent)
    assert (True, False) == (settings.use_ai_summary, settings.show_summary_markers)
    assert (True, 0.6, 500) == (settings.refresh_memory, settings.soft_threshold, settings.extract_tokens)
    assert (500, Strategy.SUMMARIZE) == (settings.summary_tokens, settings.strategy)


def test_a_profile_is_plain_data_over_ours() -> None:
    settings = CompactionSettings.of({"trigger_threshold": 0.8, "preserve_recent": 5, "strategy": "hybrid"})

    assert (0.8, 5, Strategy.HYBRID, 0.4) == (
        settings.trigger_threshold,
        settings.preserve_recent,
        settings.strategy,
        settings.compact_ratio,
    )
    assert settings == CompactionSettings.of({}, settings)


def test_an_unknown_strategy_means_to_truncate() -> None:
    assert Strategy.TRUNCATE is CompactionSettings.of({"strategy": "wishful"}).strategy


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"triger_threshold": 0.8}, "triger_threshold"),
        ({"trigger_threshold": 1.5}, "trigger_threshold"),
        ({"compact_ratio": 0}, "compact_ratio"),
        ({"preserve_recent": -1}, "preserve_recent"),
        ({"summary_tokens": 0}, "summary_tokens"),
        ({"preserve_recent": "many"}, "preserve_recent"),
    ],
)
def test_settings_that_make_no_sense_are_named(values: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        CompactionSettings.of(values)

    assert said in str(caught.value)


def test_a_misspelt_key_is_told_its_neighbour() -> None:
    with pytest.raises(ConfigError) as caught:
        CompactionSettings.of({"triger_threshold": 0.8})

    assert "did you mean `trigger_threshold`?" == caught.value.hint
