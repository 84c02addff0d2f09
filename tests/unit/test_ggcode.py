"""The ggcode adapter: invented stores of both generations, and the real store beside the checkout."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from session_tui.adapters import times
from session_tui.agents.ggcode import Ggcode
from session_tui.errors import StoreError, StoreMissing
from session_tui.model import (
    Attachment,
    Health,
    Image,
    Launch,
    Message,
    RedactedThinking,
    Refusal,
    Role,
    SessionKind,
    Text,
    Thinking,
    TitleSource,
    TokenSource,
    ToolCall,
    ToolResult,
    Transcript,
    Usage,
)
from tests.unit.tables import TESTS, copied, digest, everything, fixture_home, listed, world

HERE = "20260702-081500-3f9c2a7710de5b64"
KILLED = "20260525-192706-9f3a1c20b7d4e851"
HORN = "20260526-070000-00c4d2aa91b3e7f5"
UNUSED = "20260703-060000-aaaa000011112222"
TORN = "20260704-100000-77aa88bb99cc00dd"
NEW = "20260710-120000-1111222233334444"

FIXTURE = TESTS / "fixtures" / "ggcode"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = fixture_home("ggcode", tmp_path / "home")
    for path in home.rglob("*.json*"):
        path.write_text(path.read_text(encoding="utf-8").replace("{{home}}", str(home)), encoding="utf-8")
    return home


@pytest.fixture
def sessions(home: Path) -> Path:
    return home / ".ggcode" / "sessions"


@pytest.fixture
def ggcode(home: Path) -> Ggcode:
    return Ggcode(world(home))


def said(role: str, *content: object, id: str = "", at: str = "", **more: object) -> dict[str, object]:
    parts = [{"type": "text", "text": part} if isinstance(part, str) else part for part in content]
    message = ({"id": id} if id else {}) | {"role": role, "content": parts}
    return {"type": "message", "message": message} | ({"timestamp": at} if at else {}) | more


def checkpoint(*records: Mapping[str, Any]) -> dict[str, object]:
    return {"type": "checkpoint", "checkpoint_messages": [record["message"] for record in records]}


def named(summary: str, last: str = "") -> dict[str, object]:
    return {"type": "checkpoint", "checkpoint_summary_msg_id": summary, "checkpoint_last_msg_id": last}


def write(folder: Path, *records: object, id: str = NEW) -> Path:
    """A session of these records; bytes stand as they are."""
    lines = [r if isinstance(r, bytes) else json.dumps(r, separators=(",", ":")).encode() + b"\n" for r in records]
    path = folder / f"{id}.jsonl"
    path.write_bytes(b"".join(lines))
    return path


def read(ggcode: Ggcode, id: str = NEW) -> Transcript:
    return everything(ggcode)[id]


def shown(transcript: Transcript) -> list[str]:
    return [message.text for message in transcript.messages]


def active(transcript: Transcript) -> list[str]:
    return [message.text for message in transcript.messages if not message.archived]


SUMMARY = "[Previous conversation summary]\nThe reed was cracked."


# ── where sessions are ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("below", [".", ".ggcode", ".ggcode/sessions"])
def test_a_given_root_may_be_the_sessions_the_agents_home_or_a_persons(home: Path, below: str) -> None:
    given = Ggcode(world(home / "elsewhere", given={"ggcode": (home / below,)}))

    assert [home / ".ggcode" / "sessions"] == [root.path for root in given.roots()]


def test_a_directory_of_another_name_is_taken_for_its_session_files(tmp_path: Path) -> None:
    (tmp_path / "rescued").mkdir()
    write(tmp_path / "rescued", said("user", "Anyone there?"))

    given = Ggcode(world(tmp_path, given={"ggcode": (tmp_path / "rescued",)}))

    assert {NEW} == set(listed(given))


def test_a_directory_without_sessions_is_no_root(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("{}\n")

    assert [] == Ggcode(world(tmp_path, given={"ggcode": (tmp_path,)})).roots()


def test_a_given_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        Ggcode(world(tmp_path, given={"ggcode": (tmp_path / "nowhere",)})).roots()


def test_a_given_file_is_no_folder_of_sessions(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n")
    ggcode = Ggcode(world(tmp_path, given={"ggcode": (tmp_path / "a.jsonl",)}))

    with pytest.raises(StoreError):
        everything(ggcode)


def test_no_home_no_roots(tmp_path: Path) -> None:
    assert [] == Ggcode(world(tmp_path)).roots()


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_fixture_is_as_its_expectations_say(home: Path, ggcode: Ggcode) -> None:
    found = everything(ggcode)
    expected = yaml.safe_load((FIXTURE / "expected.yaml").read_text(encoding="utf-8").replace("{{home}}", str(home)))

    assert {told["id"] for told in expected["sessions"]} == set(found)
    for told in expected["sessions"]:
        transcript = found[told["id"]]
        session, answer = transcript.session, ggcode.resume(transcript.session)
        for field in ("title", "title_source", "project", "message_count", "archived_count", "state", "health"):
            assert told[field] == getattr(session, field)
        assert told["roles"] == [message.role for message in transcript.messages]
        assert told["summaries"] == len(transcript.summaries)
        assert told["resume"] == (list(answer.argv) if isinstance(answer, Launch) else None)


def test_every_file_is_listed_and_entries_without_a_file_are_not(ggcode: Ggcode) -> None:
    assert {HERE, KILLED, HORN, UNUSED, TORN} == set(listed(ggcode))


def test_a_head_tells_all_that_a_list_shows(home: Path, ggcode: Ggcode) -> None:
    session = listed(ggcode)[HERE]

    assert session.title == session.first_prompt == "Why do the gulls circle the east tower?"
    assert session.title_source is TitleSource.AGENT
    assert session.project == str(home / "lighthouse")
    assert ("glm-5-turbo", "zai", "zai", "cn-coding-openai") == (
        session.model,
        session.provider,
        session.vendor,
        session.endpoint,
    )
    assert session.created_at == datetime(2026, 7, 2, 8, 15, 0, 100000, timezone(timedelta(hours=2)))
    assert session.updated_at == datetime(2026, 7, 2, 8, 21, 6, 200000, timezone(timedelta(hours=2)))
    assert (200_000, 8192) == (session.context_window, session.max_tokens)
    assert (1212, TokenSource.RECORDED) == (session.token_count, session.token_source)
    assert session.token_usage == Usage(1600, 40, 512, 0, 1212)
    assert session.metadata == {"preview": "And the west tower?", "permission_mode": "auto", "sidebar_visible": False}
    assert session.message_count is None


@pytest.mark.parametrize("id", [HERE, KILLED, HORN, UNUSED, TORN])
def test_head_and_reading_agree(ggcode: Ggcode, id: str) -> None:
    head, session = listed(ggcode)[id], read(ggcode, id).session

    for field in ("title", "title_source", "first_prompt", "project", "model", "created_at", "updated_at", "kind"):
        assert getattr(head, field) == getattr(session, field)


def test_a_killed_old_session_takes_title_and_place_from_the_index(home: Path, ggcode: Ggcode) -> None:
    session = listed(ggcode)[KILLED]

    assert "Count the lamps in the long hall" == session.title
    assert str(home / "hall") == session.project
    assert datetime(2026, 5, 25, 11, 41, 55, 900000, UTC) == session.updated_at


@pytest.mark.parametrize("index_time, expected", [("2026-07-11T00:00:00Z", "Index"), ("2026-07-09T00:00:00Z", "Meta")])
def test_the_newer_of_meta_and_index_wins(sessions: Path, ggcode: Ggcode, index_time: str, expected: str) -> None:
    meta = {"type": "meta", "title": "Meta", "model": "m", "updated_at": "2026-07-10T00:00:00Z"}
    write(sessions, said("user", "Hello"), meta)
    entry = {"id": NEW, "title": "Index", "workspace": "/w", "updated_at": index_time}
    (sessions / "index.json").write_text(json.dumps([entry]))

    session = listed(ggcode)[NEW]

    assert (expected, "m", "/w") == (session.title, session.model, session.project)
    assert times.parse(max(index_time, "2026-07-10T00:00:00Z")) == session.updated_at


def test_an_empty_later_value_does_not_hide_an_earlier_one(sessions: Path, ggcode: Ggcode) -> None:
    first = {"type": "meta", "title": "Kept", "workspace": "/w", "context_window": 8000, "permission_mode": "auto"}
    write(sessions, first, said("user", "Hello"), {"type": "meta", "title": "Later", "model": "m"})

    session = read(ggcode).session

    assert ("Later", "/w", 8000) == (session.title, session.project, session.context_window)
    assert session.metadata["permission_mode"] == "auto"


@pytest.mark.parametrize("placeholder", ["New session", "新会话", "", "  "])
def test_a_placeholder_gives_way_to_the_first_prompt(sessions: Path, ggcode: Ggcode, placeholder: str) -> None:
    write(sessions, said("user", "\n  Oil the hinges\nplease"), {"type": "meta", "title": placeholder})

    session = listed(ggcode)[NEW]

    assert ("Oil the hinges", TitleSource.FIRST_PROMPT) == (session.title, session.title_source)
    assert "\n  Oil the hinges\nplease" == session.first_prompt


def test_a_hostile_title_is_kept_as_stored(sessions: Path, ggcode: Ggcode) -> None:
    title = "[red]x[/red]\x1b[31m\u202e\n\x00"
    write(sessions, said("user", "Hi"), {"type": "meta", "title": title})

    assert title == listed(ggcode)[NEW].title


def test_times_that_were_not_set_come_from_the_id_and_the_file(sessions: Path, ggcode: Ggcode) -> None:
    path = write(sessions, said("user", "Hi", at="0001-01-01T00:00:00Z"))

    session = read(ggcode).session

    assert datetime(2026, 7, 10, 12).astimezone() == session.created_at
    assert datetime.fromtimestamp(path.stat().st_mtime, UTC) == session.updated_at
    assert read(ggcode).messages[0].created_at is None


def test_a_branch_is_a_fork(sessions: Path, ggcode: Ggcode) -> None:
    write(sessions, said("user", "Hi"), {"type": "meta", "title": "Branch: Wind the great clock"})

    assert SessionKind.FORK is listed(ggcode)[NEW].kind


def test_a_long_first_line_still_gives_the_prompt(sessions: Path, ggcode: Ggcode) -> None:
    write(sessions, said("user", "tide " * 40_000), *[said("assistant", "So it is.")] * 400)

    assert listed(ggcode)[NEW].first_prompt == "tide " * 40_000


def test_a_stamp_changes_with_the_file_and_with_its_index_entry(sessions: Path, ggcode: Ggcode) -> None:
    def stamps() -> dict[str, str]:
        return {source.key.id: source.stamp for root in ggcode.roots() for source in ggcode.scan(root)}

    before = stamps()
    index = (sessions / "index.json").read_text(encoding="utf-8")
    (sessions / "index.json").write_text(index.replace("long hall", "great hall"), encoding="utf-8")
    with (sessions / f"{TORN}.jsonl").open("ab") as file:
        file.write(b"\n")

    assert {KILLED, TORN} == {id for id, stamp in stamps().items() if stamp != before[id]}
    assert "Count the lamps in the great hall" == listed(ggcode)[KILLED].title


# ── messages ──────────────────────────────────────────────────────────────────────────────────────────────


def test_blocks_of_every_type_are_read(sessions: Path, ggcode: Ggcode) -> None:
    data = base64.b64encode(b"not really a picture").decode()
    picture = {"type": "image", "image_mime": "image/png", "image_data": data}
    result = {"type": "tool_result", "tool_id": "c", "tool_name": "look", "output": "out", "is_error": True}
    write(
        sessions,
        said("user", "Look", picture),
        said(
            "assistant",
            {"type": "text", "reasoning_content": "Hm."},
            {"type": "thinking", "reasoning_content": "Well.", "thinking_signature": "sig"},
            {"type": "redacted_thinking", "thinking_data": "sealed"},
            {"type": "text"},
            {"type": "text", "text": "Ah.", "cache": True},
            {"type": "tool_use", "tool_id": "c", "tool_name": "look", "input": {"at": "roof"}},
            {"type": "hologram", "beam": 3},
        ),
        said("user", result | {"images": [{"mime": "image/png", "base64": data}]}),
    )

    user, assistant, tool = read(ggcode).messages

    assert user.blocks == (Text("Look"), Image("image/png", 20))
    image = user.blocks[1]
    assert isinstance(image, Image) and image.load is not None and image.load() == b"not really a picture"
    assert assistant.blocks == (
        Thinking("Hm."),
        Thinking("Well.", "sig"),
        RedactedThinking("sealed"),
        Text("Ah.", {"cache": True}),
        ToolCall("c", "look", {"at": "roof"}),
        Attachment("hologram", extra={"type": "hologram", "beam": 3}),
    )
    assert tool.blocks == (ToolResult("c", "look", "out", True, (Image("image/png", 20),)),)
    assert (tool.role, tool.text) == (Role.USER, "")


def test_system_prompts_and_synthetic_texts_are_marked_and_never_a_title(sessions: Path, ggcode: Ggcode) -> None:
    write(
        sessions,
        said("system", "You keep the lighthouse."),
        said("user", "The previous response was empty. Please try again."),
        said("user", "Additional project memory now applies to /w. Review it."),
        said("user", "Trim the wick"),
    )

    transcript = read(ggcode)

    assert [True, True, True, False] == [message.is_meta for message in transcript.messages]
    assert (4, 0, "Trim the wick") == (
        transcript.session.message_count,
        transcript.session.archived_count,
        transcript.session.title,
    )


def test_ids_without_a_store_id_count_every_non_blank_record(sessions: Path, ggcode: Ggcode) -> None:
    write(sessions, {"type": "meta", "title": "x"}, b"\n  \n", b"{broken\n", said("user", "Hi"), said("user", "Ho"))

    assert ["2", "3"] == [message.id for message in read(ggcode).messages]


def test_exact_duplicates_by_id_are_folded_and_others_kept(sessions: Path, ggcode: Ggcode) -> None:
    write(
        sessions,
        said("user", "continue", id="a", at="2026-07-10T12:00:00Z"),
        said("user", "continue", id="a", at="2026-07-10T12:00:01Z"),
        said("user", "continue", id="b"),
        said("user", "continue"),
        said("user", "continue"),
        said("user", "something else", id="a"),
    )

    transcript = read(ggcode)

    assert ["a", "b", "3", "4", "a"] == [message.id for message in transcript.messages]
    assert [False, False, False, False, True] == [message.archived for message in transcript.messages]


def test_content_may_be_null_or_plain_text(sessions: Path, ggcode: Ggcode) -> None:
    nothing = {"type": "message", "message": {"role": "assistant", "content": None}}
    plain = {"type": "message", "message": {"role": "user", "content": "just a string"}}
    write(sessions, said("user", "Hi"), nothing, plain)

    transcript = read(ggcode)

    assert ["Hi", "", "just a string"] == shown(transcript)
    assert [False, False, True] == [message.archived for message in transcript.messages]
    assert Health.PARTIAL is transcript.session.health


def test_unknown_fields_and_types_are_kept(sessions: Path, ggcode: Ggcode) -> None:
    meta = {"type": "meta", "title": "x", "mood": "calm"}
    odd = {"type": "message", "message": {"role": "narrator", "content": [], "tone": 1}, "beat": 2}
    write(sessions, meta, odd, {"type": "weather"}, {"type": "weather"})

    transcript = read(ggcode)

    assert {"mood": "calm"} == transcript.session.extra
    assert {"role": "narrator", "tone": 1, "beat": 2} == transcript.messages[0].extra
    assert {"weather": 2} == transcript.unknown_records


def test_usage_measurements_costs_and_events_are_read(ggcode: Ggcode) -> None:
    here, horn = read(ggcode, HERE), read(ggcode, HORN)

    assert [(900, 1, "agent"), (1212, 2, "agent")] == [
        (record.usage.prompt_tokens_total, record.turn, record.source) for record in here.usage
    ]
    assert [("tool", 1, 12_000_000)] == [(m.type, m.turn, m.values["tool_duration"]) for m in here.metrics]
    assert [0.031] == [cost.usd and round(cost.usd, 6) for cost in horn.costs]
    assert [("ev-1", "text", "s-1", {"chunk": "The reed"})] == [
        (event.id, event.type, event.stream_id, event.data) for event in horn.tunnel_events
    ]


def test_spaced_records_are_read_alike(sessions: Path, ggcode: Ggcode) -> None:
    records = [said("user", "Hi", id="a"), {"type": "meta", "title": "Spaced"}]
    (sessions / f"{NEW}.jsonl").write_text("".join(json.dumps(record) + "\r\n" for record in records))

    assert ("Spaced", "Hi") == (listed(ggcode)[NEW].title, read(ggcode).messages[0].text)


# ── checkpoints ───────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_checkpoint_everything_is_active(ggcode: Ggcode) -> None:
    transcript = read(ggcode, KILLED)

    assert ["Count the lamps in the long hall", "continue", "continue"] == active(transcript)


def test_a_named_checkpoint_archives_what_stands_before_its_summary(ggcode: Ggcode) -> None:
    transcript = read(ggcode, HERE)

    assert [True] * 4 + [False] * 3 == [message.archived for message in transcript.messages]
    assert [False] * 4 + [True, False, False] == [message.is_summary for message in transcript.messages]
    [summary] = transcript.summaries
    assert ("msg_0a5", "Messages 1-4") == (summary.id, summary.message_range)
    assert ("msg_0a1", "msg_0a2", "msg_0a3", "msg_0a4") == summary.original_ids
    session = transcript.session
    assert (6, 4, 1) == (session.message_count, session.archived_count, session.compaction_count)
    assert ("msg_0a5", summary.content) == (session.summary_message_id, session.summary)
    assert datetime(2026, 7, 2, 6, 20, tzinfo=UTC) == session.compacted_at == summary.compacted_at


def test_a_summary_written_early_moves_behind_what_it_covers(sessions: Path, ggcode: Ggcode) -> None:
    write(
        sessions,
        said("user", "one", id="1"),
        said("system", SUMMARY, id="s"),
        said("user", "two", id="2"),
        named("s", "2"),
        said("user", "three", id="3"),
    )

    transcript = read(ggcode)

    assert ["one", "two", SUMMARY, "three"] == shown(transcript)
    assert [SUMMARY, "three"] == active(transcript)
    assert ("1", "2") == transcript.summaries[0].original_ids


@pytest.mark.parametrize("last", ["", "nobody"])
def test_a_missing_last_message_leaves_all_after_the_summary_active(sessions: Path, ggcode: Ggcode, last: str) -> None:
    records = [said("user", str(n), id=str(n)) for n in range(4)]
    write(sessions, *records[:1], said("system", SUMMARY, id="s"), named("s", last), *records[1:])

    assert [SUMMARY, "1", "2", "3"] == active(read(ggcode))


def test_the_newest_summary_that_is_there_decides(sessions: Path, ggcode: Ggcode) -> None:
    write(
        sessions,
        said("user", "one", id="1"),
        said("system", SUMMARY, id="s1"),
        named("s1"),
        said("user", "two", id="2"),
        said("system", SUMMARY + " Twice.", id="s2"),
        named("s2"),
        said("user", "three", id="3"),
        named("never written"),
        {"type": "checkpoint"},
    )

    transcript = read(ggcode)

    assert [SUMMARY + " Twice.", "three"] == active(transcript)
    assert [("1",), ("1", "2")] == [summary.original_ids for summary in transcript.summaries]
    assert (3, 2, 2) == (
        transcript.session.message_count,
        transcript.session.archived_count,
        transcript.session.compaction_count,
    )


def make_old(sessions: Path) -> None:
    """Take away what tells that a program newer than v1.3.33 had the store."""
    for lock in sessions.glob("*.flock"):
        lock.unlink()


def test_embedded_messages_equal_to_the_last_records_are_these_records(sessions: Path, ggcode: Ggcode) -> None:
    make_old(sessions)
    transcript = read(ggcode, HORN)

    assert [
        ("1", "You keep the lighthouse in order.", True),
        ("2", "Repair the fog horn", True),
        ("3", "The reed is cracked.", True),
        ("7.0", "[Previous conversation summary]\nThe horn's reed was cracked.", False),
        ("5", "Order a new reed", False),
        ("6", "Ordered, it comes by Thursday's boat.", False),
        ("7.3", "Which boat?", False),
        ("9", "The Petrel, at noon.", False),
    ] == [(message.id, message.text, message.archived) for message in transcript.messages]
    assert (7, 3) == (transcript.session.message_count, transcript.session.archived_count)
    assert ("1", "2", "3") == transcript.summaries[0].original_ids


@pytest.mark.parametrize("mark", ["index.json.flock", f"{HORN}.jsonl.flock"])
def test_a_newer_program_goes_on_from_the_summary_and_what_came_after_the_checkpoint(
    sessions: Path, ggcode: Ggcode, mark: str
) -> None:
    make_old(sessions)
    (sessions / mark).touch()

    transcript = read(ggcode, HORN)

    assert ["[Previous conversation summary]\nThe horn's reed was cracked.", "The Petrel, at noon."] == active(
        transcript
    )
    assert (7, 6, 1) == (
        transcript.session.message_count,
        transcript.session.archived_count,
        transcript.session.compaction_count,
    )


def test_a_record_of_a_newer_program_tells_its_rules_too(sessions: Path, ggcode: Ggcode) -> None:
    make_old(sessions)
    kept = said("user", "kept")
    write(sessions, said("user", "one"), kept, checkpoint(said("system", SUMMARY), kept), said("user", "two", at=""))
    old = active(read(ggcode))
    write(sessions, said("user", "one"), kept, checkpoint(said("system", SUMMARY), kept), said("user", "two", at="x"))

    assert [SUMMARY, "kept", "two"] == old
    assert [SUMMARY, "two"] == active(read(ggcode))


def test_a_second_embedded_checkpoint_repeats_nothing(sessions: Path, ggcode: Ggcode) -> None:
    make_old(sessions)
    prompt, later = said("system", "You keep the horn."), said("system", SUMMARY + " Mended.")
    one, two, three = (said("user", text) for text in ("one", "two", "three"))
    first, own = said("system", SUMMARY), said("assistant", "Noted.")
    write(
        sessions,
        one,
        two,
        checkpoint(prompt, first, two, own),
        three,
        checkpoint(prompt, later, own, three),
        said("user", "four"),
    )

    transcript = read(ggcode)

    assert ["one", "You keep the horn.", SUMMARY, "two", SUMMARY + " Mended.", "Noted.", "three", "four"] == shown(
        transcript
    )
    assert ["You keep the horn.", SUMMARY + " Mended.", "Noted.", "three", "four"] == active(transcript)


def test_an_embedded_checkpoint_at_the_end_is_the_whole_context(sessions: Path, ggcode: Ggcode) -> None:
    make_old(sessions)
    write(sessions, said("user", "one"), checkpoint(said("system", SUMMARY), said("user", "kept")))

    assert [SUMMARY, "kept"] == active(read(ggcode))


def test_an_empty_checkpoint_stands_for_nothing(sessions: Path, ggcode: Ggcode) -> None:
    write(sessions, said("user", "one"), checkpoint(), said("user", "two"))

    assert ["one", "two"] == active(read(ggcode))


def test_a_prompt_recorded_before_a_checkpoint_says_nothing_of_the_context_after(
    sessions: Path, ggcode: Ggcode
) -> None:
    usage = {"type": "usage", "usage_entry": {"source": "agent", "usage": {"input_tokens": 9000}}}
    write(sessions, said("user", "x" * 36, id="1"), usage, said("system", SUMMARY, id="s"), named("s"))

    session = read(ggcode).session

    assert TokenSource.ESTIMATED is session.token_source
    assert 0 < (session.token_count or 0) < 100
    assert listed(ggcode)[NEW].token_count is None


def test_tokens_used_by_helpers_are_not_the_context(sessions: Path, ggcode: Ggcode) -> None:
    def used(source: str, count: int) -> dict[str, object]:
        entry = {"source": source, "usage": {"input_tokens": count, "cache_read_tokens": 5}}
        return {"type": "usage", "usage_entry": entry}

    write(sessions, said("user", "Hi"), used("agent", 100), used("subagent", 7000))

    assert (105, TokenSource.RECORDED) == (read(ggcode).session.token_count, read(ggcode).session.token_source)


# ── damage ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_torn_last_line_keeps_the_rest(ggcode: Ggcode) -> None:
    transcript = read(ggcode, TORN)

    assert ["Wind the great clock"] == shown(transcript)
    assert Health.PARTIAL is transcript.session.health
    [problem] = transcript.session.problems
    assert 3 == problem.line
    assert "torn" in problem.what


@pytest.mark.parametrize(
    "line", [b"{broken\n", b"\x00\x00\x00\n", b"[1, 2]\n", b'"text"\n', b'{"type":"message"}\n', b"[" * 9000 + b"\n"]
)
def test_one_bad_line_costs_only_itself(sessions: Path, ggcode: Ggcode, line: bytes) -> None:
    write(sessions, said("user", "before"), line, said("user", "after"))

    transcript = read(ggcode)

    assert ["before", "after"] == shown(transcript)
    assert [2] == [problem.line for problem in transcript.session.problems]


def test_wrong_types_do_not_hurt(sessions: Path, ggcode: Ggcode) -> None:
    odd = {"type": "message", "message": {"id": 7, "role": "user", "content": [3, "bare", {"type": 1, "text": None}]}}
    meta = {"type": "meta", "title": 12, "workspace": ["a"], "token_usage": "many", "created_at": 5, "updated_at": {}}
    write(sessions, odd, meta, {"type": "usage", "usage_entry": 3}, {"type": "cost", "cost": [1]}, {"type": 5})

    transcript = read(ggcode)

    assert ("7", "bare") == (transcript.messages[0].id, transcript.messages[0].text)
    assert "12" == transcript.session.title


def test_invalid_utf8_is_shown_and_marked(sessions: Path, ggcode: Ggcode) -> None:
    line = b'{"type":"message","message":{"role":"user","content":[{"type":"text","text":"caf\xe9"}]}}\n'
    write(sessions, line, said("user", "café"))

    assert [("caf\ufffd", True), ("café", False)] == [(m.text, m.lossy) for m in read(ggcode).messages]


def test_a_line_above_the_programs_limit_is_kept_and_told(sessions: Path, ggcode: Ggcode) -> None:
    write(sessions, said("user", "before"), said("assistant", "x" * 11 * 1024 * 1024), said("user", "after"))

    transcript = read(ggcode)

    assert [6, 11 * 1024 * 1024, 5] == [len(text) for text in shown(transcript)]
    assert [False, True, False] == [message.archived for message in transcript.messages]
    assert Health.PARTIAL is transcript.session.health


@pytest.mark.parametrize("index", ["{", "{}", "[1, null, {}]", "\x00" * 40])
def test_a_corrupt_index_hides_no_session(sessions: Path, ggcode: Ggcode, index: str) -> None:
    (sessions / "index.json").write_text(index)

    assert {HERE, KILLED, HORN, UNUSED, TORN} == set(listed(ggcode))


def test_a_folder_or_pipe_in_the_place_of_a_file_is_no_session(sessions: Path, ggcode: Ggcode) -> None:
    import os

    (sessions / "folder.jsonl").mkdir()
    os.mkfifo(sessions / "pipe.jsonl")

    assert {HERE, KILLED, HORN, UNUSED, TORN} == set(listed(ggcode))


def test_a_session_deleted_meanwhile_is_unreadable_and_the_rest_listed(sessions: Path, ggcode: Ggcode) -> None:
    sources = [source for root in ggcode.roots() for source in ggcode.scan(root)]
    (sessions / f"{HERE}.jsonl").unlink()

    heads = {session.key.id: session.health for session in ggcode.heads(sources)}

    assert Health.UNREADABLE is heads[HERE]
    assert Health.CLEAN is heads[HORN]
    with pytest.raises(StoreError):
        ggcode.read(next(source for source in sources if source.key.id == HERE))


def test_messages_can_be_read_after_their_file_was_replaced(sessions: Path, ggcode: Ggcode) -> None:
    transcript = read(ggcode, HORN)
    (sessions / "other").write_text("")
    (sessions / "other").replace(sessions / f"{HORN}.jsonl")

    assert "The Petrel, at noon." == transcript.messages[-1].text


def test_a_message_cut_off_meanwhile_is_empty_and_marked(sessions: Path, ggcode: Ggcode) -> None:
    path = write(sessions, *[said("user", f"number {n}", id=str(n)) for n in range(400)])
    transcript = read(ggcode)
    path.write_text("")

    message = transcript.messages[399]

    assert ("399", Role.USER, (), True) == (message.id, message.role, message.blocks, message.lossy)


def test_reading_changes_no_byte_and_leaves_no_file(home: Path, ggcode: Ggcode) -> None:
    before = digest(home)

    heads, whole = listed(ggcode), everything(ggcode)
    for session in heads.values():
        ggcode.live(session)
        ggcode.resume(session)
    problems = [problem for root in ggcode.roots() for problem in ggcode.check(root)]

    assert whole and problems
    assert before == digest(home)


# ── what can be done ──────────────────────────────────────────────────────────────────────────────────────


def test_a_session_is_resumed_by_its_whole_id_in_its_workspace(home: Path, ggcode: Ggcode) -> None:
    heads = listed(ggcode)

    assert Launch(("ggcode", "--resume", HERE), str(home / "lighthouse")) == ggcode.resume(heads[HERE])
    assert Launch(("ggcode", "--resume", UNUSED), None) == ggcode.resume(heads[UNUSED])


@pytest.mark.parametrize("id", ["-rf", "a.b", "a b", "x" * 129, "über"])
def test_an_id_the_program_does_not_accept_is_refused(sessions: Path, ggcode: Ggcode, id: str) -> None:
    write(sessions, said("user", "Hi"), id=id)

    answer = ggcode.resume(listed(ggcode)[id])

    assert isinstance(answer, Refusal)
    assert answer.reason and answer.hint


def test_a_held_lock_is_live_and_a_stale_one_is_not(sessions: Path, ggcode: Ggcode) -> None:
    lock = sessions / f"{HERE}.lock"
    lock.write_text("13461")
    session = listed(ggcode)[HERE]

    assert ggcode.live(session) is False
    with lock.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert ggcode.live(session) is True
    assert "13461" == lock.read_text()


def test_without_any_lock_file_live_cannot_be_known(sessions: Path, ggcode: Ggcode) -> None:
    session = listed(ggcode)[KILLED]
    assert ggcode.live(session) is False

    (sessions / "index.json.flock").unlink()

    assert ggcode.live(session) is None


def test_check_tells_what_index_and_files_do_not_share(sessions: Path, ggcode: Ggcode) -> None:
    write(sessions, said("user", "lost"), id="_invalid_id_")

    [root] = ggcode.roots()
    told = [(Path(problem.path).name, problem.what) for problem in ggcode.check(root)]

    assert ("index.json", "it lists 20260101-000000-dead00000000beef, which has no file") in told
    assert {f"{UNUSED}.jsonl", f"{TORN}.jsonl", "_invalid_id_.jsonl"} == {name for name, _ in told} - {"index.json"}


def test_check_tells_of_a_corrupt_index(sessions: Path, ggcode: Ggcode) -> None:
    (sessions / "index.json").write_text("[{")

    [root] = ggcode.roots()

    assert [str(sessions / "index.json")] == [problem.path for problem in ggcode.check(root)]


# ── many messages ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_large_session_is_estimated_from_its_bytes(sessions: Path, ggcode: Ggcode) -> None:
    write(sessions, *[said("user", "fog " * 250, id=str(n)) for n in range(2000)])

    session = read(ggcode).session

    assert TokenSource.ESTIMATED is session.token_source
    assert 500_000 < (session.token_count or 0) < 650_000


def test_weights_follow_what_is_shown(sessions: Path, ggcode: Ggcode) -> None:
    output = {"type": "tool_result", "tool_id": "c", "tool_name": "look", "output": "y" * 50_000}
    write(sessions, said("user", "x" * 5000), said("user", output))

    text, tool = getattr(read(ggcode).messages, "weights")  # noqa: B009 - Sequence does not promise it

    assert 5000 <= text < 5200
    assert tool < 200


# ── the real store ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def real(tmp_path: Path) -> Path:
    return copied("ggcode", tmp_path / "real")


@pytest.fixture
def manifest(real: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((real / "manifest.json").read_text(encoding="utf-8"))
    return told


def adapter(real: Path) -> Ggcode:
    return Ggcode(world(real, given={"ggcode": (real,)}))


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def said_by(message: Message) -> list[str]:
    return [sha(block.text) for block in message.blocks if isinstance(block, Text)]


def told_by(message: Mapping[str, Any]) -> list[str]:
    return [block["text_sha256"] for block in message["blocks"] if block["type"] == "text" and "text_sha256" in block]


def full(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Sessions of which the manifest tells every message under the ids that are in the files."""
    legacy = manifest["kinds"]["legacy"]
    yield from (session for session in manifest["sessions"] if "messages" in session and session["id"] != legacy)


def test_every_real_file_is_listed(real: Path, manifest: dict[str, Any]) -> None:
    assert {session["id"] for session in manifest["sessions"]} == set(listed(adapter(real)))


def test_real_messages_have_their_ids_roles_and_texts(real: Path, manifest: dict[str, Any]) -> None:
    found = everything(adapter(real))
    for session in full(manifest):
        messages = {message.id: message for message in found[session["id"]].messages}
        assert {message["id"] for message in session["messages"]} == set(messages)
        for told in session["messages"]:
            assert told["role"] == messages[told["id"]].role
            assert told_by(told) == said_by(messages[told["id"]])


def test_real_tool_results_and_calls_are_whole(real: Path, manifest: dict[str, Any]) -> None:
    found = everything(adapter(real))
    for session in full(manifest):
        blocks = [block for message in found[session["id"]].messages for block in message.blocks]
        told = [block for message in session["messages"] for block in message["blocks"]]
        outputs = sorted(sha(block.text) for block in blocks if isinstance(block, ToolResult))
        calls = sorted(block.id for block in blocks if isinstance(block, ToolCall))
        assert sorted(block["output_sha256"] for block in told if block["type"] == "tool_result") == outputs
        assert sorted(block["tool_id"] for block in told if block["type"] == "tool_use") == calls


def test_the_real_context_is_what_is_active(real: Path, manifest: dict[str, Any]) -> None:
    found = everything(adapter(real))
    for session in full(manifest):
        ids = [message.id for message in found[session["id"]].messages if not message.archived]
        assert [message["id"] for message in session["context"]] == ids


def test_the_real_legacy_checkpoint_is_taken_apart(real: Path, manifest: dict[str, Any]) -> None:
    [told] = [session for session in manifest["sessions"] if session["kind"] == "legacy"]
    transcript = everything(adapter(real))[told["id"]]

    expected = [(message["role"], told_by(message)) for message in told["messages"]]
    found = [(str(message.role), said_by(message)) for message in transcript.messages]
    assert sorted(expected) == sorted(found)
    active = [said_by(message)[0] for message in transcript.messages if not message.archived]
    assert [message["first_block_sha256"] for message in told["context"]] == active
    assert (12, 8) == (transcript.session.message_count, transcript.session.archived_count)


def test_real_sessions_have_their_counts_times_and_names(real: Path, manifest: dict[str, Any]) -> None:
    found = everything(adapter(real))
    unlisted = {manifest["kinds"][kind] for kind in ("empty", "orphan", "assistant-only")}
    for told in manifest["sessions"]:
        transcript = found[told["id"]]
        session = transcript.session
        assert told["message_count"] == len(transcript.messages)
        assert (told["usage_entries"], told["metrics"]) == (len(transcript.usage), len(transcript.metrics))
        if told["id"] in unlisted:
            continue
        assert times.parse(told["created_at"]) == session.created_at
        assert times.parse(told["updated_at"]) == session.updated_at
        assert told["title"] in (session.title, "New session")
        assert (told["vendor"], told["model"]) == (session.vendor, session.model)
        assert told["workspace"] == (session.project or "/")
        if told["context_window"]:
            assert told["context_window"] == session.context_window
        if session.token_usage:
            assert told["token_usage"]["input_tokens"] == session.token_usage.input_tokens


def test_real_list_rows_agree_with_the_readings(real: Path) -> None:
    heads, whole = listed(adapter(real)), everything(adapter(real))
    for id, head in heads.items():
        session = whole[id].session
        for field in ("title", "first_prompt", "project", "model", "created_at", "updated_at", "token_usage"):
            assert getattr(session, field) == getattr(head, field)
        if head.token_count:
            assert session.token_count == head.token_count


def test_the_real_torn_session_is_partial_and_the_others_clean(real: Path, manifest: dict[str, Any]) -> None:
    partial = [id for id, transcript in everything(adapter(real)).items() if transcript.session.problems]

    assert [manifest["kinds"]["torn-repaired"]] == partial


def test_the_real_stale_lock_is_not_live(real: Path, manifest: dict[str, Any]) -> None:
    ggcode = adapter(real)

    assert ggcode.live(listed(ggcode)[manifest["kinds"]["stale-lock"]]) is False


def test_check_tells_the_real_orphans_and_the_lost_file(real: Path, manifest: dict[str, Any]) -> None:
    ggcode = adapter(real)
    [root] = ggcode.roots()

    problems: Sequence[str] = [f"{problem.path} {problem.what}" for problem in ggcode.check(root)]

    for kind in ("gone", "orphan", "empty"):
        assert any(manifest["kinds"][kind] in problem for problem in problems)


def test_reading_the_real_store_changes_no_byte(real: Path) -> None:
    before = digest(real)

    listed(adapter(real))
    found = everything(adapter(real))

    assert found
    assert before == digest(real)
