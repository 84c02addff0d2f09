"""The PicoClaw adapter: invented workspaces of every kind, and the real ones beside the checkout."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from session_tui.adapters import times
from session_tui.agents.picoclaw import Picoclaw
from session_tui.errors import StoreMissing
from session_tui.model import (
    Attachment,
    Health,
    Image,
    Launch,
    Message,
    Refusal,
    Role,
    Scope,
    SessionKind,
    SessionState,
    Text,
    Thinking,
    TitleSource,
    TokenSource,
    ToolCall,
    ToolResult,
    Transcript,
)
from tests.unit.tables import TESTS, copied, digest, everything, fixture_home, listed, sha, world

MEMORY = "sk_v1_" + "5d" * 32
CAT = "agent:main:telegram:direct:884422"
DOCK = "agent:dock:slack:channel:c1"
STEM, KEY = "agent_main_cli_direct_ana", "agent:main:cli:direct:ana"

FIXTURE = TESTS / "fixtures" / "picoclaw"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return fixture_home("picoclaw", tmp_path / "home")


@pytest.fixture
def agent(home: Path) -> Path:
    return home / ".picoclaw"


@pytest.fixture
def sessions(agent: Path) -> Path:
    return agent / "workspace" / "sessions"


@pytest.fixture
def picoclaw(home: Path) -> Picoclaw:
    return Picoclaw(world(home))


def write(folder: Path, *lines: object, stem: str = STEM, meta: object = None) -> Path:
    """A session of these lines; bytes stand as they are. Without ``meta`` there is no meta file."""
    folder.mkdir(parents=True, exist_ok=True)
    encoded = [line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines]
    path = folder / f"{stem}.jsonl"
    path.write_bytes(b"".join(encoded))
    if meta is not None:
        path.with_name(f"{stem}.meta.json").write_text(meta if isinstance(meta, str) else json.dumps(meta))
    return path


def user(content: str, **more: object) -> dict[str, object]:
    return {"role": "user", "content": content, **more}


def answer(content: str, **more: object) -> dict[str, object]:
    return {"role": "assistant", "content": content, **more}


def about(key: str = KEY, **more: object) -> dict[str, object]:
    return {"key": key, "summary": "", "skip": 0, "count": 0, **more}


def read(picoclaw: Picoclaw, key: str = KEY) -> Transcript:
    return everything(picoclaw)[key]


def configure(agent: Path, **agents: object) -> None:
    (agent / "config.json").write_text(json.dumps({"agents": agents}))


# ── where sessions are ────────────────────────────────────────────────────────────────────────────────────


def found(picoclaw: Picoclaw) -> set[Path]:
    return {root.path for root in picoclaw.roots()}


def test_the_default_workspace_and_those_beside_it_are_found(agent: Path, picoclaw: Picoclaw) -> None:
    assert {agent / "workspace" / "sessions", agent / "workspace-dock" / "sessions"} == found(picoclaw)


@pytest.mark.parametrize(
    "below, expected",
    [
        (".", ["workspace", "workspace-dock"]),
        (".picoclaw", ["workspace", "workspace-dock"]),
        (".picoclaw/workspace-dock", ["workspace-dock"]),
        (".picoclaw/workspace/sessions", ["workspace"]),
    ],
)
def test_a_given_root_may_be_any_level(home: Path, agent: Path, below: str, expected: list[str]) -> None:
    given = Picoclaw(world(home / "elsewhere", given={"picoclaw": (home / below,)}))

    assert {agent / name / "sessions" for name in expected} == found(given)


def test_a_folder_of_another_name_is_taken_for_its_meta_files(tmp_path: Path) -> None:
    write(tmp_path / "rescued", user("Hi"), meta=about())
    given = Picoclaw(world(tmp_path, given={"picoclaw": (tmp_path / "rescued",)}))

    assert {KEY} == set(listed(given))


def test_a_given_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        Picoclaw(world(tmp_path, given={"picoclaw": (tmp_path / "nowhere",)})).roots()


def test_the_home_may_be_moved(agent: Path, tmp_path: Path) -> None:
    moved = Picoclaw(world(tmp_path / "empty", environ={"PICOCLAW_HOME": str(agent)}))

    assert {agent / "workspace" / "sessions", agent / "workspace-dock" / "sessions"} == found(moved)
    assert {"PICOCLAW_HOME"} == {root.origin for root in moved.roots()}


def test_workspaces_are_where_the_configuration_says(home: Path, agent: Path, tmp_path: Path) -> None:
    for place in ("main", "workspace-night-watch", "own"):
        write(tmp_path / place / "sessions", user("Hi"), meta=about())
    (home / "dory").symlink_to(tmp_path / "own")
    agents = [{"id": "main"}, {"id": "Night Watch!"}, {"id": "dory", "workspace": "~/dory"}, "no agent"]
    configure(agent, defaults={"workspace": str(tmp_path / "main")}, list=agents)

    expected = {tmp_path / place / "sessions" for place in ("main", "workspace-night-watch", "own")}
    assert expected == found(Picoclaw(world(home)))


def test_the_configuration_may_be_elsewhere(home: Path, tmp_path: Path) -> None:
    write(tmp_path / "main" / "sessions", user("Hi"))
    config = tmp_path / "pico.json"
    config.write_text(json.dumps({"agents": {"defaults": {"workspace": str(tmp_path / "main")}}}))

    assert {tmp_path / "main" / "sessions"} == found(Picoclaw(world(home, environ={"PICOCLAW_CONFIG": str(config)})))


@pytest.mark.parametrize("configured", [True, False])
def test_the_workspace_variable_counts_only_with_a_configuration(
    home: Path, agent: Path, tmp_path: Path, configured: bool
) -> None:
    write(tmp_path / "other" / "sessions", user("Hi"))
    if configured:
        configure(agent)

    told = found(Picoclaw(world(home, environ={"PICOCLAW_AGENTS_DEFAULTS_WORKSPACE": str(tmp_path / "other")})))

    assert configured is (tmp_path / "other" / "sessions" in told)


@pytest.mark.parametrize("config", ["{", "[]", '{"agents": 3}', '{"agents": {"list": [null, {"id": 5}]}}'])
def test_a_broken_configuration_leaves_the_default(home: Path, agent: Path, config: str) -> None:
    (agent / "config.json").write_text(config)

    assert agent / "workspace" / "sessions" in found(Picoclaw(world(home)))


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_fixture_is_as_its_expectations_say(home: Path, picoclaw: Picoclaw) -> None:
    found = everything(picoclaw)
    expected = yaml.safe_load((FIXTURE / "expected.yaml").read_text(encoding="utf-8").replace("{{home}}", str(home)))

    assert {told["id"] for told in expected["sessions"]} == set(found)
    for told in expected["sessions"]:
        transcript = found[told["id"]]
        session, answer = transcript.session, picoclaw.resume(transcript.session)
        for field in ("title", "title_source", "project", "message_count", "archived_count", "state", "health"):
            assert told[field] == getattr(session, field)
        assert told["roles"] == [message.role for message in transcript.messages]
        assert told["summaries"] == len(transcript.summaries)
        assert told["resume"] == (list(answer.argv) if isinstance(answer, Launch) else None)


def test_ids_are_the_keys_of_the_meta_and_legacy_files(picoclaw: Picoclaw) -> None:
    assert {MEMORY, CAT, "heartbeat", "cli:default", DOCK} == set(listed(picoclaw))


def test_a_head_tells_all_that_a_list_shows(picoclaw: Picoclaw) -> None:
    session = listed(picoclaw)[MEMORY]

    assert "what is eating <2 GB of RAM?" == session.title == session.first_prompt
    assert TitleSource.FIRST_PROMPT is session.title_source
    assert ("glm-5", None, None) == (session.model, session.project, session.provider)
    assert Scope("main", "cli", "direct") == session.scope
    assert datetime(2026, 6, 10, 9, 12, 40, tzinfo=UTC) == session.created_at
    assert datetime(2026, 6, 10, 7, 12, 50, tzinfo=UTC) == session.updated_at == session.last_active_at
    assert (4, 0, SessionKind.MAIN) == (session.message_count, session.archived_count, session.kind)
    assert ["agent:main:main"] == session.custom_data["aliases"]


@pytest.mark.parametrize("key", [MEMORY, CAT, "heartbeat", "cli:default", DOCK])
def test_head_and_reading_agree(picoclaw: Picoclaw, key: str) -> None:
    head, session = listed(picoclaw)[key], read(picoclaw, key).session
    fields = ("title", "title_source", "first_prompt", "model", "created_at", "updated_at", "scope", "summary", "kind")

    for field in (*fields, "message_count", "archived_count", "health", "state"):
        assert getattr(head, field) == getattr(session, field)


def test_without_a_prompt_the_summary_gives_the_title(sessions: Path, picoclaw: Picoclaw) -> None:
    write(sessions, answer("Done."), meta=about(summary="The bell was polished.\nTwice."))

    session = listed(picoclaw)[KEY]

    assert ("The bell was polished.", TitleSource.AGENT) == (session.title, session.title_source)


def test_a_session_of_which_only_the_meta_is_left_still_has_its_summary(sessions: Path, picoclaw: Picoclaw) -> None:
    write(sessions, meta=about(summary="All was quiet.")).unlink()

    transcript = read(picoclaw)

    assert [("summary", "All was quiet.", True)] == [(m.id, m.text, m.is_summary) for m in transcript.messages]
    assert (0, "All was quiet.") == (transcript.session.message_count, transcript.session.summary)


@pytest.mark.parametrize("key", ["heartbeat", "cron:job-A", "agent:cron-tide-5f1c"])
def test_sessions_without_a_person_are_headless(sessions: Path, picoclaw: Picoclaw, key: str) -> None:
    write(sessions, user("Check the tide"), stem="unattended", meta=about(key))

    assert SessionKind.HEADLESS is everything(picoclaw)[key].session.kind


@pytest.mark.parametrize(
    "key, scope, expected",
    [
        ("agent:main:telegram:direct:31", {}, Scope("main", "telegram", "31")),
        ("agent:a:telegram:bot1:direct:31", {}, Scope("a", "telegram", "31")),
        ("agent:a:direct:31", {}, Scope("a", "", "31")),
        ("agent:main:main", {}, None),
        ("telegram:31", {}, None),
        (
            "k",
            {"agent_id": "main", "channel": "t", "values": {"chat": "group:-100/42"}},
            Scope("main", "t", "-100", "42"),
        ),
        ("k", {"agent_id": "main", "channel": "d", "values": {"sender": "mira"}}, Scope("main", "d", "mira")),
        (
            "k",
            {"agent_id": "a", "channel": "s", "values": {"chat": "channel:c0", "topic": "topic:17.2"}},
            Scope("a", "s", "c0", "17.2"),
        ),
        ("k", {"agent_id": 3, "channel": None, "values": []}, Scope("3", "", "")),
    ],
)
def test_the_scope_comes_from_the_meta_or_the_key(
    sessions: Path, picoclaw: Picoclaw, key: str, scope: object, expected: Scope | None
) -> None:
    write(sessions, user("Hi"), stem="scoped", meta=about(key, scope=scope))

    assert expected == read(picoclaw, key).session.scope


def test_a_stamp_changes_with_lines_and_meta(sessions: Path, picoclaw: Picoclaw) -> None:
    def stamps() -> dict[str, str]:
        return {source.key.id: source.stamp for root in picoclaw.roots() for source in picoclaw.scan(root)}

    before = stamps()
    with (sessions / "heartbeat.jsonl").open("a") as file:
        file.write("\n")
    meta = sessions / "agent_main_telegram_direct_884422.meta.json"
    meta.write_text(meta.read_text().replace("was fed", "was fed well"))

    assert {"heartbeat", CAT} == {id for id, stamp in stamps().items() if stamp != before[id]}
    assert "The harbour cat was fed well." == listed(picoclaw)[CAT].summary


def test_two_files_of_one_key_are_two_sessions(sessions: Path, picoclaw: Picoclaw) -> None:
    write(sessions, user("One"), meta=about())
    write(sessions, user("Two"), stem="zz_copy", meta=about())

    assert ["One", "Two"] == [listed(picoclaw)[id].title for id in (KEY, "zz_copy")]


# ── messages ──────────────────────────────────────────────────────────────────────────────────────────────


def test_calls_results_and_reasoning_are_blocks(picoclaw: Picoclaw) -> None:
    question, call, result, last = read(picoclaw, MEMORY).messages

    assert question.blocks == (Text("what is eating <2 GB of RAM?"), Attachment("", url="media://5d2c"))
    assert call.blocks == (Thinking("check processes"), ToolCall("call_3", "exec", {"command": "ps aux"}))
    assert (Role.TOOL, "") == (result.role, result.text)
    assert result.blocks == (ToolResult("call_3", "exec", "USER PID %MEM indexer"),)
    assert (("The indexer is.", "glm-5"), datetime(2026, 6, 10, 7, 12, 50, tzinfo=UTC)) == (
        (last.text, last.model),
        last.created_at,
    )


def test_everything_attached_is_kept(sessions: Path, picoclaw: Picoclaw) -> None:
    call = {
        "id": "c",
        "type": "function",
        "function": {"name": "look", "arguments": "not json", "thought_signature": "s"},
        "extra_content": {"google": {}},
    }
    file = {"type": "file", "ref": "media://1", "filename": "a.pdf", "content_type": "application/pdf"}
    write(
        sessions,
        user("See", media=["data:image/png;base64,aGk=", "media://2"]),
        answer("", tool_calls=[call]),
        {"role": "tool", "content": "out", "tool_call_id": "gone", "attachments": [file]},
        {"role": "system", "content": "note", "system_parts": [{"type": "text", "text": "part"}], "mood": 1},
    )

    first, second, third, fourth = everything(picoclaw)[STEM].messages

    assert first.blocks == (Text("See"), Image("image/png", 2), Attachment("", url="media://2"))
    image = first.blocks[1]
    assert isinstance(image, Image) and image.load is not None and b"hi" == image.load()
    extra = {"extra_content": {"google": {}}, "thought_signature": "s"}
    assert second.blocks == (ToolCall("c", "look", "not json", extra),)
    kept = {"type": "file", "ref": "media://1"}
    assert third.blocks == (
        ToolResult("gone", "", "out"),
        Attachment("a.pdf", "application/pdf", "media://1", extra=kept),
    )
    assert fourth.is_meta
    assert {"system_parts": [{"type": "text", "text": "part"}], "mood": 1} == fourth.extra


def test_ids_count_every_non_blank_line(sessions: Path, picoclaw: Picoclaw) -> None:
    write(sessions, user("a"), b"\n", b"{broken\n", user("b"), user("b"))

    assert ["0", "2", "3"] == [message.id for message in everything(picoclaw)[STEM].messages]


def test_skipped_lines_are_archived_and_the_summary_stands_behind_them(picoclaw: Picoclaw) -> None:
    transcript = read(picoclaw, CAT)

    assert ["0", "1", "summary", "2", "3"] == [message.id for message in transcript.messages]
    assert [True, True, False, False, False] == [message.archived for message in transcript.messages]
    assert [False, False, True, False, False] == [message.is_summary for message in transcript.messages]
    [summary] = transcript.summaries
    assert ("The harbour cat was fed.", "Messages 1-2", ("0", "1")) == (
        summary.content,
        summary.message_range,
        summary.original_ids,
    )
    session = transcript.session
    assert (4, 2, 1, "summary") == (
        session.message_count,
        session.archived_count,
        session.compaction_count,
        session.summary_message_id,
    )


@pytest.mark.parametrize("skip, active", [(0, ["a", "b"]), (1, ["b"]), (3, ["b"]), (4, []), (99, []), (-1, ["a", "b"])])
def test_bad_lines_count_for_what_is_skipped(sessions: Path, picoclaw: Picoclaw, skip: int, active: list[str]) -> None:
    write(sessions, user("a"), b"{broken\n", b"also broken\n", user("b"), meta=about(skip=skip))

    assert active == [message.text for message in read(picoclaw).messages if not message.archived]


def test_a_summary_alone_stands_first(sessions: Path, picoclaw: Picoclaw) -> None:
    write(sessions, user("a"), meta=about(summary="Before."))

    transcript = read(picoclaw)

    assert ["summary", "0"] == [message.id for message in transcript.messages]
    assert ("", ()) == (transcript.summaries[0].message_range, transcript.summaries[0].original_ids)


def test_a_thought_without_an_answer_is_kept_and_marked(sessions: Path, picoclaw: Picoclaw) -> None:
    thought = answer(" \n", reasoning_content="hm")
    useful = answer("", reasoning_content="hm", tool_calls=[{"id": "c", "function": {"name": "look"}}])
    write(sessions, user("a"), thought, useful, meta=about())

    transcript = read(picoclaw)

    assert [(False, False), (True, True), (False, False)] == [(m.archived, m.is_meta) for m in transcript.messages]
    assert (3, 1) == (transcript.session.message_count, transcript.session.archived_count)


@pytest.mark.parametrize(
    "first, summary",
    [
        ("Hi\n\n[System Note: Emergency compression dropped 6 oldest messages due to context limit]", ""),
        ("Hi", "Before. [Emergency compression dropped 6 oldest messages due to context limit]"),
    ],
)
def test_an_emergency_says_how_many_messages_were_dropped(
    sessions: Path, picoclaw: Picoclaw, first: str, summary: str
) -> None:
    write(sessions, user(first), meta=about(summary=summary))

    assert ("Hi", 6) == (listed(picoclaw)[KEY].title, read(picoclaw).session.metadata["dropped_messages"])


def test_tokens_are_estimated_as_the_program_does(sessions: Path, picoclaw: Picoclaw) -> None:
    write(sessions, user("x" * 100), user("é" * 10), answer("字" * 5), meta=about(skip=1))

    session = read(picoclaw).session

    assert (15 * 2 // 5, TokenSource.ESTIMATED) == (session.token_count, session.token_source)


def test_an_orphan_result_and_a_repeated_message_stay(sessions: Path, picoclaw: Picoclaw) -> None:
    write(sessions, {"role": "tool", "content": "out", "tool_call_id": "x"}, user("go on"), user("go on"), meta=about())

    assert ["", "go on", "go on"] == [message.text for message in read(picoclaw).messages]


# ── older generations ─────────────────────────────────────────────────────────────────────────────────────


def legacy(key: str, *messages: Mapping[str, object], **more: object) -> str:
    times = {"created": "2026-02-01T10:00:00+08:00", "updated": "2026-02-01T11:00:00+08:00"}
    return json.dumps({"key": key, "messages": list(messages), **times, **more}, indent=2)


def test_a_session_that_was_not_migrated_is_read(sessions: Path, picoclaw: Picoclaw) -> None:
    (sessions / "old.json").write_text(legacy("telegram:1/2", user("Hi"), answer("Ho"), summary="Before."))

    transcript = read(picoclaw, "telegram:1/2")

    assert ["summary", "0", "1"] == [message.id for message in transcript.messages]
    session = transcript.session
    assert (2, SessionState.ACTIVE, "Before.") == (session.message_count, session.state, session.summary)
    assert datetime(2026, 2, 1, 2, tzinfo=UTC) == session.created_at
    assert datetime(2026, 2, 1, 3, tzinfo=UTC) == session.updated_at


def test_a_legacy_file_without_a_key_is_named_by_its_stem(sessions: Path, picoclaw: Picoclaw) -> None:
    (sessions / "old.json").write_text(json.dumps({"messages": [user("Hi")]}))

    assert "Hi" == listed(picoclaw)["old"].title


def test_a_backup_beside_its_session_is_not_listed(agent: Path, picoclaw: Picoclaw) -> None:
    assert (agent / "workspace-dock/sessions/agent_dock_slack_channel_c1.json.migrated").exists()
    assert "Moor the barge" == listed(picoclaw)[DOCK].title


def test_a_backup_that_is_all_there_is_is_an_archived_session(sessions: Path, picoclaw: Picoclaw) -> None:
    (sessions / "lost.json.migrated").write_text(legacy("agent:main:lost", user("Remember me")))

    session = listed(picoclaw)["agent:main:lost"]

    assert ("Remember me", SessionState.ARCHIVED) == (session.title, session.state)
    assert isinstance(picoclaw.resume(session), Refusal)


def test_json_that_is_no_session_is_not_listed_but_told(sessions: Path, picoclaw: Picoclaw) -> None:
    (sessions / "note.json").write_text('{"note": 1}')

    problems = [Path(problem.path).name for root in picoclaw.roots() for problem in picoclaw.check(root)]

    assert "note" not in listed(picoclaw)
    assert "note.json" in problems


# ── damage ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("meta", ["{", "", "[]", "\0\0\0", '{"key": "a"'])
def test_a_corrupt_meta_file_leaves_the_lines_and_the_stem(sessions: Path, picoclaw: Picoclaw, meta: str) -> None:
    path = write(sessions, user("Hi"), meta=meta)

    head, transcript = listed(picoclaw)[STEM], everything(picoclaw)[STEM]

    assert Health.PARTIAL is head.health is transcript.session.health
    assert [str(path.with_suffix(".meta.json"))] == [problem.path for problem in transcript.session.problems]
    assert ["Hi"] == [message.text for message in transcript.messages]
    assert str(path.with_suffix(".meta.json")) in [
        problem.path for root in picoclaw.roots() for problem in picoclaw.check(root)
    ]


def test_a_missing_meta_file_leaves_the_lines_and_the_stem(sessions: Path, picoclaw: Picoclaw) -> None:
    path = write(sessions, user("Hi", created_at="2026-06-10T09:00:00Z"))

    session = listed(picoclaw)[STEM]

    assert (Health.CLEAN, "Hi") == (session.health, session.title)
    assert datetime(2026, 6, 10, 9, tzinfo=UTC) == session.created_at == session.updated_at
    assert str(path) in [problem.path for root in picoclaw.roots() for problem in picoclaw.check(root)]


def test_without_any_time_the_files_counts(sessions: Path, picoclaw: Picoclaw) -> None:
    path = write(sessions, user("Hi"))

    session = read(picoclaw, STEM).session

    assert session.created_at is None
    assert datetime.fromtimestamp(path.stat().st_mtime, UTC) == session.updated_at


@pytest.mark.parametrize("line", [b"{broken\n", b"\0\0\0\n", b"[1]\n", b"{}\n", b'{"role":""}\n', b"[" * 9000 + b"\n"])
def test_one_bad_line_costs_only_itself(sessions: Path, picoclaw: Picoclaw, line: bytes) -> None:
    write(sessions, user("before"), line, user("after"), meta=about())

    transcript = read(picoclaw)

    assert ["before", "after"] == [message.text for message in transcript.messages]
    assert [2] == [problem.line for problem in transcript.session.problems]
    assert Health.PARTIAL is transcript.session.health


def test_a_torn_last_line_keeps_the_rest(sessions: Path, picoclaw: Picoclaw) -> None:
    write(sessions, user("before"), b'{"role":"assistant","conte', meta=about())

    transcript = read(picoclaw)

    assert ["before"] == [message.text for message in transcript.messages]
    assert "torn" in transcript.session.problems[0].what


def test_wrong_types_do_not_hurt(sessions: Path, picoclaw: Picoclaw) -> None:
    odd = {"role": "user", "content": 7, "tool_calls": [3, {"function": []}], "media": "x", "created_at": []}
    write(sessions, odd, {"role": 5, "content": None}, meta=about(skip="x", summary=3, scope=[], aliases={}))

    transcript = read(picoclaw)

    assert ["summary", "0", "1"] == [message.id for message in transcript.messages]
    assert "7" == transcript.messages[1].text
    assert Role.SYSTEM is transcript.messages[2].role


def test_invalid_utf8_is_shown_and_marked(sessions: Path, picoclaw: Picoclaw) -> None:
    write(sessions, b'{"role":"user","content":"caf\xe9"}\n', meta=about())

    [message] = read(picoclaw).messages

    assert ("caf\ufffd", True) == (message.text, message.lossy)


def test_a_line_above_the_programs_limit_is_read_and_told(sessions: Path, picoclaw: Picoclaw) -> None:
    write(sessions, user("x" * 11 * 1024 * 1024), answer("Phew."), meta=about())

    transcript = read(picoclaw)

    assert [11 * 1024 * 1024, 5] == [len(message.text) for message in transcript.messages]
    assert Health.PARTIAL is transcript.session.health


def test_a_corrupt_legacy_file_is_unreadable_and_the_rest_listed(sessions: Path, picoclaw: Picoclaw) -> None:
    (sessions / "old.json").write_text('{"key": "a", "messages": [')

    heads = listed(picoclaw)

    assert Health.UNREADABLE is heads["old"].health
    assert Health.CLEAN is heads[MEMORY].health


def test_reading_changes_no_byte_and_leaves_no_file(home: Path, picoclaw: Picoclaw) -> None:
    before = digest(home)

    heads, whole = listed(picoclaw), everything(picoclaw)
    answers = [picoclaw.resume(session) for session in heads.values()]
    problems = [problem for root in picoclaw.roots() for problem in picoclaw.check(root)]

    assert whole and answers and problems == []
    assert before == digest(home)


# ── what can be done ──────────────────────────────────────────────────────────────────────────────────────


def test_opaque_and_agent_keys_are_resumed(picoclaw: Picoclaw) -> None:
    heads = listed(picoclaw)

    assert Launch(("picoclaw", "agent", "-s", MEMORY)) == picoclaw.resume(heads[MEMORY])
    launch = picoclaw.resume(heads[CAT])
    assert isinstance(launch, Launch)
    assert ("picoclaw", "agent", "-s", CAT) == launch.argv
    assert "gateway" in launch.warning


@pytest.mark.parametrize("key", ["heartbeat", "cli:default", DOCK])
def test_what_the_program_would_not_open_is_refused(picoclaw: Picoclaw, key: str) -> None:
    refusal = picoclaw.resume(listed(picoclaw)[key])

    assert isinstance(refusal, Refusal)
    assert refusal.reason and refusal.hint


def test_the_default_agent_of_the_configuration_is_the_one_resumed(home: Path, agent: Path) -> None:
    configure(agent, list=[{"id": "main"}, {"id": "dock", "workspace": str(agent / "workspace-dock"), "default": True}])
    picoclaw = Picoclaw(world(home))
    heads = listed(picoclaw)

    assert isinstance(picoclaw.resume(heads[DOCK]), Launch)
    assert isinstance(picoclaw.resume(heads[MEMORY]), Refusal)


def test_the_first_agent_is_the_default_where_none_is_marked(home: Path, agent: Path) -> None:
    configure(agent, list=[{"id": "dock"}, {"id": "main"}])
    picoclaw = Picoclaw(world(home))

    assert isinstance(picoclaw.resume(listed(picoclaw)[DOCK]), Launch)


def test_variables_that_led_there_are_passed_on(agent: Path, tmp_path: Path) -> None:
    moved = Picoclaw(world(tmp_path / "empty", environ={"PICOCLAW_HOME": str(agent)}))

    launch = moved.resume(listed(moved)[MEMORY])

    assert isinstance(launch, Launch)
    assert {"PICOCLAW_HOME": str(agent)} == launch.env


def test_a_given_home_is_named_to_the_program(agent: Path, tmp_path: Path) -> None:
    environ = {"PICOCLAW_CONFIG": str(tmp_path / "none.json")}
    given = Picoclaw(world(tmp_path / "empty", environ=environ, given={"picoclaw": (agent,)}))

    launch = given.resume(listed(given)[MEMORY])

    assert isinstance(launch, Launch)
    assert {"PICOCLAW_HOME": str(agent), "PICOCLAW_CONFIG": str(agent / "config.json")} == launch.env


def test_a_key_that_became_an_alias_is_resumed_with_a_warning(sessions: Path, picoclaw: Picoclaw) -> None:
    write(sessions, user("Promoted"), stem="sk_v1_aa", meta=about("sk_v1_aa", aliases=["agent:main:main", CAT]))

    launch = picoclaw.resume(listed(picoclaw)[CAT])

    assert isinstance(launch, Launch)
    assert "sk_v1_aa" in launch.warning


def test_check_tells_of_a_legacy_file_that_would_replace_its_session(sessions: Path, picoclaw: Picoclaw) -> None:
    write(sessions, user("Newer"), meta=about())
    (sessions / f"{STEM}.json").write_text(legacy(KEY, user("Older")))

    problems = [Path(problem.path).name for root in picoclaw.roots() for problem in picoclaw.check(root)]

    assert [f"{STEM}.json"] == problems
    assert "Newer" == listed(picoclaw)[KEY].title


# ── the real stores ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def real(tmp_path: Path) -> Path:
    return copied("picoclaw", tmp_path / "real")


Stored = tuple[Mapping[str, Any], Transcript]


@pytest.fixture
def told(real: Path) -> list[Stored]:
    """What the program told of each session, beside our reading of it."""
    manifest = json.loads((real / "manifest.json").read_text(encoding="utf-8"))
    found = []
    for store in manifest["stores"]:
        if not store["kind"].startswith("what"):
            given = Picoclaw(world(real, given={"picoclaw": (real / store["dir"],)}))
            read = everything(given)
            assert sorted(read) == sorted(session["key"] for session in store["sessions"])
            found += [(session, read[session["key"]]) for session in store["sessions"]]
    return found


def sent(transcript: Transcript) -> Iterator[Message]:
    return (message for message in transcript.messages if not message.archived and not message.is_summary)


def text_of(message: Message) -> str:
    results = [block.text for block in message.blocks if isinstance(block, ToolResult)]
    return results[0] if message.role is Role.TOOL else message.text


def test_all_real_workspaces_are_found_below_their_home(real: Path) -> None:
    given = Picoclaw(world(real, given={"picoclaw": (real,)}))

    assert {real / name / "sessions" for name in ("workspace", "workspace-old", "workspace-sales")} == found(given)


def test_the_real_history_is_what_is_active(told: list[Stored]) -> None:
    for session, transcript in told:
        expected = [(m["role"], m["sha256"], m.get("model_name")) for m in session["history"]]
        assert expected == [(str(m.role), sha(text_of(m)), m.model) for m in sent(transcript)]
        assert [times.parse(m.get("created_at")) for m in session["history"]] == [
            m.created_at for m in sent(transcript)
        ]


def test_real_calls_and_reasoning_are_whole(told: list[Stored]) -> None:
    for session, transcript in told:
        for expected, message in zip(session["history"], sent(transcript), strict=True):
            calls = [(block.id, block.name) for block in message.blocks if isinstance(block, ToolCall)]
            assert [call["id"] for call in expected.get("tool_calls", [])] == [id for id, _ in calls]
            thoughts = [sha(block.text) for block in message.blocks if isinstance(block, Thinking)]
            assert [expected[name] for name in ("reasoning_sha256",) if name in expected] == thoughts


def test_real_sessions_have_their_counts_times_and_summaries(told: list[Stored]) -> None:
    for expected, transcript in told:
        session = transcript.session
        assert times.parse(expected.get("created_at") or expected.get("created")) == session.created_at
        assert times.parse(expected.get("updated_at") or expected.get("updated")) == session.updated_at
        assert expected["summary"] == (session.summary or "")
        assert expected.get("skip", 0) == session.archived_count
        assert expected.get("jsonl_lines", expected["history_len"]) == session.message_count
        assert Health.CLEAN is session.health


def test_real_rows_agree_with_the_readings(real: Path) -> None:
    given = Picoclaw(world(real, given={"picoclaw": (real / "workspace",)}))
    heads, whole = listed(given), everything(given)

    assert 23 == len(heads)
    for id, head in heads.items():
        session = whole[id].session
        for field in ("title", "model", "created_at", "updated_at", "message_count", "archived_count", "scope"):
            assert getattr(session, field) == getattr(head, field)


def test_the_real_promoted_key_is_told(real: Path, told: list[Stored]) -> None:
    given = Picoclaw(world(real, given={"picoclaw": (real / "workspace",)}))
    for expected, transcript in told:
        answer = given.resume(transcript.session)
        if isinstance(answer, Launch) and expected["resolved_key"] != expected["key"]:
            assert expected["resolved_key"] in answer.warning


def test_reading_the_real_stores_changes_no_byte(real: Path) -> None:
    before = digest(real)
    given = Picoclaw(world(real, given={"picoclaw": (real,)}))

    listed(given)

    assert everything(given)
    assert before == digest(real)
