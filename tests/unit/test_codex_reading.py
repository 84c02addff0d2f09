"""What a rollout of Codex says: each message once, what is archived, forks, tokens, damage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from session_tui.agents.codex import Codex
from session_tui.model import (
    Attachment,
    Health,
    Image,
    RedactedThinking,
    Role,
    Text,
    Thinking,
    TokenSource,
    ToolCall,
    ToolResult,
    Usage,
)
from tests.unit.codex_rollouts import (
    NEW,
    OLDER,
    active,
    answered,
    asked,
    compacted,
    completed,
    counted,
    event,
    head,
    header,
    item,
    line,
    listed,
    read,
    said,
    shown,
    write,
)
from tests.unit.tables import world

INJECTED = "<environment_context>\n  <cwd>/srv/mill</cwd>\n</environment_context>"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home" / ".codex" / "sessions").mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture
def codex(home: Path) -> Codex:
    return Codex(world(home))


# ── each message once ─────────────────────────────────────────────────────────────────────────────────────


def test_what_events_repeat_is_shown_once_in_either_order(home: Path, codex: Codex) -> None:
    late = said("user", "And now?") + event("user_message", message="And now?")
    write(home, header(), asked("Grind!"), answered("Ground."), late, said("assistant", "Bake."))

    expected = [("user", "Grind!"), ("assistant", "Ground."), ("user", "And now?"), ("assistant", "Bake.")]
    assert expected == shown(read(codex))


def test_what_was_said_twice_is_shown_twice(home: Path, codex: Codex) -> None:
    write(home, header(), asked("continue"), answered("Yes."), asked("continue"), answered("Yes."))

    assert ["continue", "Yes."] * 2 == active(read(codex))


def test_newer_events_repeat_by_items(home: Path, codex: Codex) -> None:
    write(
        home,
        header(),
        said("user", "Grind!", id="m1"),
        completed("UserMessage", id="i1", content=[{"type": "text", "text": "Grind!"}]),
        completed("Reasoning", id="r1", summary_text=["The weir is shut."]),
        item("reasoning", id="r1", summary=[{"type": "summary_text", "text": "The weir is shut."}]),
        completed("CommandExecution", id="c1", command=["ls"], aggregated_output="sluice\n", exit_code=2),
        item("function_call", name="exec", call_id="c1", arguments='{"cmd":"ls"}'),
        item("function_call_output", call_id="c1", output="sluice\n"),
        completed("AgentMessage", id="m2", content=[{"type": "Text", "text": "Done."}]),
        said("assistant", "Done.", id="m2"),
    )

    messages = read(codex).messages

    assert [Role.USER, Role.ASSISTANT, Role.ASSISTANT, Role.TOOL, Role.ASSISTANT] == [m.role for m in messages]
    assert (Thinking("The weir is shut."),) == messages[1].blocks
    assert (ToolResult("c1", "exec", "sluice\n", is_error=True),) == messages[3].blocks


def test_a_rollout_of_events_alone_is_shown_from_them(home: Path, codex: Codex) -> None:
    write(
        home,
        header(),
        event("user_message", message="Grind!", images=["data:image/png;base64,aGk="]),
        event("agent_reasoning", text="Slowly."),
        event("exec_command_end", call_id="c1", command=["ls"], aggregated_output="sluice\n", exit_code=0),
        event("agent_message", message="Ground."),
    )

    asked_for, thought, ran, answer = read(codex).messages

    assert ("Grind!", b"hi") == (
        asked_for.text,
        next(b.load() for b in asked_for.blocks if isinstance(b, Image) and b.load),
    )
    assert (Thinking("Slowly."),) == thought.blocks
    assert (ToolCall("c1", "exec_command", ["ls"]), ToolResult("c1", "exec_command", "sluice\n")) == ran.blocks
    assert "Ground." == answer.text


def test_an_event_that_no_response_item_repeats_stays(home: Path, codex: Codex) -> None:
    write(home, header(), asked("Grind!"), event("agent_message", message="Cut off before it was"), answered("Ground."))

    assert ["Grind!", "Cut off before it was", "Ground."] == active(read(codex))


def test_exact_duplicates_by_id_are_folded(home: Path, codex: Codex) -> None:
    write(
        home, header(), said("user", "Grind!", id="m1"), said("user", "Grind!", id="m1"), said("user", "No!", id="m1")
    )

    assert ["Grind!", "No!"] == active(read(codex))


# ── who said it ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        INJECTED,
        "<user_instructions>\nBe kind.\n</user_instructions>",
        "# AGENTS.md instructions for /srv/mill\n\nBe kind.",
        "<permissions instructions>\nRead only.\n</permissions instructions>",
        "<skill>\n<name>bake</name>\n</skill>",
        "<turn_aborted>\nThe miller stopped it.\n</turn_aborted>",
    ],
)
def test_injected_text_is_no_prompt(home: Path, codex: Codex, text: str) -> None:
    write(home, header(), said("user", text), asked("Grind!"))

    injected, prompt = read(codex).messages

    assert (True, text) == (injected.is_meta, injected.text)
    assert not prompt.is_meta
    assert "Grind!" == head(codex).title


@pytest.mark.parametrize("text", ["<b>bold</b>", "/srv is full", "🌾", '{"a":1}', INJECTED])
def test_what_an_event_tells_a_person_said_is_a_prompt_whatever_it_looks_like(
    home: Path, codex: Codex, text: str
) -> None:
    write(home, header(), asked(text))

    (message,) = read(codex).messages

    assert (False, text) == (message.is_meta, message.text)
    assert text == head(codex).first_prompt == read(codex).session.first_prompt


def test_where_events_tell_prompts_unknown_wrappers_are_none(home: Path, codex: Codex) -> None:
    write(home, header(), said("user", "<weather>\nrain\n</weather>"), asked("Grind!"))

    assert [True, False] == [message.is_meta for message in read(codex).messages]
    assert "Grind!" == head(codex).title == read(codex).session.title


def test_the_kinds_of_parts_tell_who_spoke(home: Path, codex: Codex) -> None:
    def by(kind: str) -> dict[str, object]:
        return {"internal_chat_message_metadata_passthrough": {"content_item_kinds": [kind]}}

    write(home, header(), said("user", "rain", **by("weather.report")), said("user", "<p>", **by("user.text")))

    assert [True, False] == [message.is_meta for message in read(codex).messages]
    assert "<p>" == head(codex).title


def test_what_an_editor_puts_before_a_prompt_is_no_title(home: Path, codex: Codex) -> None:
    text = "# Context from my IDE setup:\n\n## Open tabs:\n- mill.py\n\n## My request for Codex:\nGrind!\n"
    write(home, header(), asked(text))

    assert "Grind!" == head(codex).title
    assert text == read(codex).messages[0].text


def test_a_developers_message_is_the_systems(home: Path, codex: Codex) -> None:
    write(home, header(), said("developer", "Be brief."), asked("Grind!"))

    assert (Role.SYSTEM, True) == (read(codex).messages[0].role, read(codex).messages[0].is_meta)


def test_why_a_turn_ended_is_told_by_the_system(home: Path, codex: Codex) -> None:
    aborted = said("user", "<turn_aborted>\nstopped\n</turn_aborted>") + event("turn_aborted", reason="interrupted")
    failed = event("task_complete", last_agent_message=None, error={"message": "the weir broke"})
    write(home, header(), asked("Grind!"), aborted, event("turn_aborted", reason="replaced"), failed)

    messages = read(codex).messages

    assert [("user", "Grind!"), ("user", "<turn_aborted>\nstopped\n</turn_aborted>")] == shown(read(codex))[:2]
    assert [("system", "replaced"), ("system", "the weir broke")] == shown(read(codex))[2:]
    assert all(message.is_meta for message in messages[1:])


# ── blocks ────────────────────────────────────────────────────────────────────────────────────────────────


def test_tools_of_every_kind(home: Path, codex: Codex) -> None:
    wrapped = json.dumps({"output": "flour\n", "metadata": {"exit_code": 1, "duration_seconds": 0.2}})
    write(
        home,
        header(),
        item("function_call", name="shell", call_id="a", arguments='{"command":["ls"]}'),
        item("function_call_output", call_id="a", output=wrapped),
        item("custom_tool_call", name="apply_patch", call_id="b", input="*** Begin Patch"),
        item("custom_tool_call_output", call_id="b", output={"content": "applied", "success": False}),
        item("local_shell_call", call_id="c", action={"type": "exec", "command": ["ls"]}),
        item("function_call_output", call_id="c", output="Chunk ID: 1\nProcess exited with code 3\nOutput:\nno"),
        item("web_search_call", id="w", action={"type": "search", "query": "rye"}),
        item("function_call", name="view", call_id="d", arguments="not json"),
        item("function_call_output", call_id="d", output=[{"type": "input_text", "text": "seen"}]),
    )

    blocks = [message.blocks[0] for message in read(codex).messages]

    assert ToolCall("a", "shell", {"command": ["ls"]}) == blocks[0]
    told = {"metadata": {"exit_code": 1, "duration_seconds": 0.2}}
    assert ToolResult("a", "shell", "flour\n", is_error=True, extra=told) == blocks[1]
    assert ToolCall("b", "apply_patch", "*** Begin Patch") == blocks[2]
    assert ToolResult("b", "apply_patch", "applied", is_error=True) == blocks[3]
    assert ToolCall("c", "local_shell", {"type": "exec", "command": ["ls"]}) == blocks[4]
    assert (
        ToolResult("c", "local_shell", "Chunk ID: 1\nProcess exited with code 3\nOutput:\nno", is_error=True)
        == blocks[5]
    )
    assert ToolCall("w", "web_search", {"type": "search", "query": "rye"}) == blocks[6]
    assert ToolCall("d", "view", "not json") == blocks[7]
    assert ToolResult("d", "view", "seen") == blocks[8]


def test_reasoning_is_read_where_it_can_be(home: Path, codex: Codex) -> None:
    write(
        home,
        header(),
        item("reasoning", summary=[{"type": "summary_text", "text": "Rye."}], content=None, encrypted_content="c2Vh"),
        item("reasoning", summary=[], content=[{"type": "reasoning_text", "text": "Raw."}]),
        item("reasoning", summary=[], content=None, encrypted_content="bGVk"),
    )

    blocks = [message.blocks for message in read(codex).messages]

    assert [
        (Thinking("Rye.", extra={"encrypted_content": "c2Vh"}),),
        (Thinking("Raw."),),
        (RedactedThinking("bGVk"),),
    ] == blocks


def test_a_picture_stands_without_the_tags_around_it(home: Path, codex: Codex) -> None:
    parts = [
        {"type": "input_text", "text": '<image name=[Image #1] path="/srv/a.png">'},
        {"type": "input_image", "image_url": "data:image/png;base64,aGVsbG8="},
        {"type": "input_text", "text": "</image>"},
        {"type": "input_image", "image_url": "https://mill.example/b.png"},
        {"type": "input_text", "text": "What is it?"},
    ]
    write(home, header(), item("message", role="user", content=parts))

    (message,) = read(codex).messages
    picture, linked, text = message.blocks

    assert isinstance(picture, Image)
    assert ("image/png", 5, b"hello") == (picture.media_type, picture.size, picture.load() if picture.load else b"")
    assert isinstance(linked, Attachment)
    assert "https://mill.example/b.png" == linked.url
    assert Text("What is it?") == text
    assert "What is it?" == head(codex).title


def test_answers_name_their_model_and_unknown_fields_are_kept(home: Path, codex: Codex) -> None:
    write(
        home,
        header(),
        line("turn_context", model="gpt-5"),
        answered("One."),
        line("turn_context", model="gpt-6"),
        item("message", role="assistant", content="Two.", phase="final"),
    )

    one, two = read(codex).messages

    assert ("gpt-5", "gpt-6") == (one.model, two.model)
    assert ("Two.", {"phase": "final"}) == (two.text, two.extra)
    assert "gpt-6" == read(codex).session.model


# ── what is no longer sent ────────────────────────────────────────────────────────────────────────────────


def test_a_compaction_without_a_list_archives_all_before_it(home: Path, codex: Codex) -> None:
    write(home, header(), asked("Grind!"), answered("Ground."), compacted("Flour was ground."), asked("Bake!"))

    transcript = read(codex)

    assert ["Flour was ground.", "Bake!"] == active(transcript)
    assert [False, False, True, False] == [message.is_summary for message in transcript.messages]
    assert ["2", "4"] == list(transcript.summaries[0].original_ids)
    assert (3, 2, 1) == (
        transcript.session.message_count,
        transcript.session.archived_count,
        transcript.session.compaction_count,
    )
    assert "Flour was ground." == transcript.session.summary


def test_what_a_compaction_lists_is_still_sent_and_shown_once(home: Path, codex: Codex) -> None:
    history = [
        listed("developer", "Be brief."),
        listed("user", "Grind!", id="m1"),
        listed("user", "Flour was ground.", id="s1"),
    ]
    write(
        home,
        header(),
        said("user", "Grind!", id="m1"),
        said("assistant", "Ground.", id="m2"),
        compacted("Flour was ground.", *history),
        said("user", "Bake!", id="m3"),
    )

    transcript = read(codex)

    assert ["Grind!", "Be brief.", "Flour was ground.", "Bake!"] == active(transcript)
    assert ["m1", "m2", "3.0", "s1", "m3"] == [message.id for message in transcript.messages]
    assert ("m2",) == transcript.summaries[0].original_ids


def test_a_later_compaction_lets_the_earlier_summary_go(home: Path, codex: Codex) -> None:
    write(home, header(), asked("Grind!"), compacted("First."), asked("Bake!"), compacted("Second."), asked("Eat!"))

    transcript = read(codex)

    assert ["Second.", "Eat!"] == active(transcript)
    assert ["First.", "Second."] == [summary.content for summary in transcript.summaries]
    assert "Second." == transcript.session.summary


def test_a_sealed_summary_is_a_summary(home: Path, codex: Codex) -> None:
    write(home, header(), asked("Grind!"), compacted("", {"type": "compaction", "encrypted_content": "c2Vh"}))

    prompt, summary = read(codex).messages

    assert (True, False, True) == (prompt.archived, summary.archived, summary.is_summary)
    assert (RedactedThinking("c2Vh"),) == summary.blocks


def test_the_summarizers_own_answer_is_no_message_of_the_conversation(home: Path, codex: Codex) -> None:
    output = said("assistant", "<summary>flour</summary>").replace(
        b'"type":"response_item",', b'"type":"response_item","metadata":{"compaction_output":true},'
    )
    write(home, header(), asked("Grind!"), output, compacted("flour"))

    assert [False, True, False] == [message.is_meta for message in read(codex).messages]


def test_turns_rolled_back_are_kept_and_archived(home: Path, codex: Codex) -> None:
    write(
        home,
        header(),
        asked("Grind!"),
        answered("Ground."),
        asked("Bake!"),
        answered("Burnt."),
        asked("Again!"),
        answered("Burnt too."),
        event("thread_rolled_back", num_turns=2),
        asked("Eat!"),
    )

    transcript = read(codex)

    assert ["Grind!", "Ground.", "Eat!"] == active(transcript)
    assert (7, 4) == (transcript.session.message_count, transcript.session.archived_count)


def test_a_summary_does_not_stand_for_what_was_rolled_back(home: Path, codex: Codex) -> None:
    back = event("thread_rolled_back", num_turns=1)
    write(home, header(), asked("Grind!"), asked("Oops"), back, compacted("Flour."))

    (summary,) = read(codex).summaries

    assert (("2",), "Messages 1-1") == (summary.original_ids, summary.message_range)


# ── forks ─────────────────────────────────────────────────────────────────────────────────────────────────


def forked(home: Path) -> None:
    """A session of two turns, and a fork of it after the first."""
    base = [header(OLDER), asked("Grind!"), answered("Ground."), counted(500, 500), asked("Bake!"), counted(900, 400)]
    lines = b"".join(base).splitlines(keepends=True)
    numbered = [raw.replace(b'","type":', b'","ordinal":%d,"type":' % number, 1) for number, raw in enumerate(lines)]
    write(home, *numbered, id=OLDER)
    told = {"thread_id": OLDER, "end_ordinal_exclusive": 6, "end_byte_offset": 1}
    write(home, header(forked_from_id=OLDER, history_base=told), asked("Sift!"), answered("Sifted."), counted(800, 300))


def test_a_fork_shows_what_it_inherited(home: Path, codex: Codex) -> None:
    forked(home)

    transcript = read(codex)

    assert ["Grind!", "Ground.", "Sift!", "Sifted."] == active(transcript)
    assert "Sift!" == transcript.session.title == head(codex).title
    assert len({message.id for message in transcript.messages}) == 4


def test_a_fork_does_not_count_what_it_inherited(home: Path, codex: Codex) -> None:
    forked(home)

    transcript = read(codex)

    assert Usage(300, 0) == transcript.session.token_usage
    assert [Usage(300, 0)] == [record.usage for record in transcript.usage]
    assert (310, TokenSource.RECORDED) == (transcript.session.token_count, transcript.session.token_source)


def test_a_fork_of_a_fork_shows_both(home: Path, codex: Codex) -> None:
    forked(home)
    last = "0197aaaa-9999-7000-8000-0000000000ee"
    told = {"thread_id": NEW, "end_ordinal_exclusive": 999}
    write(home, header(last, forked_from_id=NEW, history_base=told), asked("Knead!"), id=last)

    assert ["Grind!", "Ground.", "Sift!", "Sifted.", "Knead!"] == active(read(codex, last))


def test_a_fork_whose_origin_is_gone_says_so(home: Path, codex: Codex) -> None:
    told = {"thread_id": OLDER, "end_ordinal_exclusive": 6}
    write(home, header(forked_from_id=OLDER, history_base=told), asked("Sift!"))

    session = read(codex).session

    assert Health.PARTIAL is session.health
    assert OLDER in session.problems[0].what


def test_a_fork_that_names_itself_is_no_endless_tale(home: Path, codex: Codex) -> None:
    write(home, header(history_base={"thread_id": NEW, "end_ordinal_exclusive": 6}), asked("Sift!"))

    assert ["Sift!"] == active(read(codex))


def test_an_older_fork_holds_copies_and_counts_them_not(home: Path, codex: Codex) -> None:
    copied = [line("turn_context", model="gpt-5"), asked("Grind!"), counted(500, 500)]
    write(home, header(OLDER), *copied, id=OLDER)
    own = [line("turn_context", model="gpt-5"), asked("Sift!"), counted(800, 300)]
    write(home, header(forked_from_id=OLDER), header(OLDER), *copied, *own)

    transcript = read(codex)

    assert ["Grind!", "Sift!"] == active(transcript)
    assert Usage(300, 0) == transcript.session.token_usage
    assert NEW == transcript.session.key.id


# ── tokens ────────────────────────────────────────────────────────────────────────────────────────────────


def test_tokens_reported_again_count_once(home: Path, codex: Codex) -> None:
    turn = line("turn_context", model="gpt-5")
    write(home, header(), turn, counted(500, 500), counted(500, 500), counted(700, 200), turn, counted(900, 200))

    transcript = read(codex)

    assert Usage(900, 10) == transcript.session.token_usage
    assert [700, 200] == [record.usage.input_tokens for record in transcript.usage]


def test_the_window_is_what_was_recorded(home: Path, codex: Codex) -> None:
    write(
        home,
        header(),
        event("task_started", model_context_window=99_000),
        asked("Grind!"),
        event("token_count", info=None),
    )

    session = read(codex).session

    assert 99_000 == session.context_window == head(codex).context_window
    assert TokenSource.ESTIMATED is session.token_source


# ── ages ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_lines_without_envelope_are_read(home: Path, codex: Codex) -> None:
    records = [
        {"id": NEW, "timestamp": "2025-05-07T07:30:00Z", "instructions": None, "git": {"branch": "weir"}},
        {"record_type": "state"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": INJECTED}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Grind!"}]},
        {"type": "function_call", "name": "shell", "arguments": "{}", "call_id": "a"},
        {"type": "function_call_output", "call_id": "a", "output": "flour"},
    ]
    write(home, *(json.dumps(record).encode() + b"\n" for record in records))

    transcript = read(codex)

    assert ("Grind!", "/srv/mill", "weir") == (
        transcript.session.title,
        transcript.session.project,
        transcript.session.git_branch,
    )
    assert ["user", "user", "assistant", "tool"] == [role for role, _ in shown(transcript)]
    assert (Health.CLEAN, {}) == (transcript.session.health, transcript.unknown_records)


def test_the_oldest_files_are_one_object(home: Path, codex: Codex) -> None:
    items = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Grind!"}]}, 7]
    told = {"session": {"id": NEW, "timestamp": "2025-04-20T06:00:00Z", "cwd": "/srv/mill"}, "items": items}
    write(home, json.dumps(told, indent=1).encode(), ending=".json")

    transcript = read(codex)

    assert ["Grind!"] == active(transcript)
    assert ("Grind!", "/srv/mill") == (head(codex).title, head(codex).project)
    assert Health.PARTIAL is transcript.session.health


def test_records_of_unknown_kinds_are_counted(home: Path, codex: Codex) -> None:
    write(home, header(), line("weather", rain=1), event("dance"), item("dream"), line("world_state", full=True))

    assert {"weather": 1, "event_msg.dance": 1, "response_item.dream": 1} == read(codex).unknown_records


# ── damage ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("bad", [b"\0" * 64 + b"\n", b"{]\n", b"7\n", b'"text"\n', b'{"type":"event_msg"}\n'])
def test_a_bad_line_costs_only_itself(home: Path, codex: Codex, bad: bytes) -> None:
    write(home, header(), asked("Grind!"), bad, answered("Ground."))

    transcript = read(codex)

    assert ["Grind!", "Ground."] == active(transcript)
    assert (Health.PARTIAL, 4) == (transcript.session.health, transcript.session.problems[0].line)


def test_a_torn_last_line_keeps_the_rest(home: Path, codex: Codex) -> None:
    write(home, header(), asked("Grind!"), answered("Ground.")[:-20])

    transcript = read(codex)

    assert "torn" in transcript.session.problems[0].what
    assert ["Grind!", "Ground."] == active(transcript)


def test_invalid_text_is_marked(home: Path, codex: Codex) -> None:
    write(home, header(), said("user", "Gr_nd!").replace(b"Gr_nd", b"Gr\xffnd"))

    (message,) = read(codex).messages

    assert ("Gr\ufffdnd!", True) == (message.text, message.lossy)


@pytest.mark.parametrize(
    "odd",
    [
        item("message", role=7, content=[{"type": "input_text", "text": 5}, "loose", None]),
        item("message", role="user", content={"text": "object"}),
        item("function_call", name=["x"], arguments={"a": 1}, call_id=3),
        item("function_call_output", call_id=None, output=None),
        item("reasoning", summary="plain", content=4),
        event("token_count", info="many"),
        event("token_count", info={"total_token_usage": {"input_tokens": "12", "output_tokens": None}}),
        event("thread_rolled_back", num_turns="two"),
        event("item_completed", item=[1]),
        event("item_completed", item={"type": "UserMessage", "content": "plain"}),
        event("task_complete", error="just text"),
        line("turn_context", model=5, cwd=None),
        line("compacted", message=None, replacement_history=[1, None, {"type": "message"}]),
        line("session_meta", id=5, cwd=["x"], git="main", source=7, history_base="no"),
    ],
)
def test_values_of_other_types_are_no_crash(home: Path, codex: Codex, odd: bytes) -> None:
    write(home, odd, header(), asked("Grind!"), odd, answered("Ground."), odd)

    transcript = read(codex)

    assert "Ground." in [message.text for message in transcript.messages]
    assert len(list(transcript.messages)) == len(transcript.messages)
    assert head(codex).key == transcript.session.key


def test_an_empty_file_is_a_session_without_a_title(home: Path, codex: Codex) -> None:
    write(home)

    session = read(codex).session

    assert ("", 0, Health.CLEAN) == (session.title, session.message_count, session.health)


def test_passages_of_a_grown_file_are_those_of_what_was_added(home: Path, codex: Codex) -> None:
    path = write(home, header(), asked("Grind!"))
    start = path.stat().st_size
    with path.open("ab") as file:
        file.write(answered("Ground."))
    (root,) = codex.roots()
    (source,) = codex.scan(root)

    added = list(codex.passages(source, start, path.stat().st_size))

    assert codex.appended(source) == path
    assert [("assistant", "text", "Ground.")] == [(one.role, one.part, one.text) for one in added]
