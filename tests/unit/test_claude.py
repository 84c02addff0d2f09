"""Claude Code's sessions: branches, compactions, sub-agents, and files as they come."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from session_tui.adapters import tails
from session_tui.adapters.base import Adapter, Source, World
from session_tui.adapters.outputs import Spilling
from session_tui.agents.claude import Claude, sessions
from session_tui.errors import StoreError, StoreMissing
from session_tui.model import (
    Attachment,
    Health,
    Launch,
    Refusal,
    Role,
    SessionKind,
    TitleSource,
    TokenSource,
    ToolResult,
    Transcript,
)

ID = "0a0a0a0a-1111-4222-8333-444444444444"
OTHER = "0b0b0b0b-1111-4222-8333-444444444444"
CWD = "/srv/mill"
FOLDER = "-srv-mill"
Row = Mapping[str, object]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".claude/projects" / FOLDER).mkdir(parents=True)
    return tmp_path


def adapter_in(home: Path, **environ: str) -> Claude:
    return Claude(World(home=home, environ=environ, cwd=home, data_dir=home / ".data"))


def record(kind: str, id: str, parent: str | None, **more: object) -> Row:
    known: Row = {"parentUuid": parent, "isSidechain": False, "type": kind, "uuid": id, "sessionId": ID, "cwd": CWD}
    usual = {"timestamp": "2026-07-01T08:00:00.000Z", "gitBranch": "main", "entrypoint": "cli"}
    return {**known, **usual, **more}


def user(id: str, parent: str | None, content: object, **more: object) -> Row:
    return record("user", id, parent, message={"role": "user", "content": content}, **more)


def answer(id: str, parent: str | None, *parts: Row, body: Row | None = None, **more: object) -> Row:
    usage = {"input_tokens": 100, "cache_read_input_tokens": 40, "cache_creation_input_tokens": 5, "output_tokens": 7}
    told: Row = {"id": f"msg_{id}", "role": "assistant", "model": "claude-heron-4", "content": list(parts)}
    return record("assistant", id, parent, message={**told, "usage": usage, **(body or {})}, **more)


def said(text: str) -> Row:
    return {"type": "text", "text": text}


def call(id: str, name: str = "Bash", **given: object) -> Row:
    return {"type": "tool_use", "id": id, "name": name, "input": given}


def result(id: str, content: object) -> Row:
    return {"type": "tool_result", "tool_use_id": id, "content": content}


def lines(rows: list[Row]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def write(home: Path, *rows: Row, name: str = ID, folder: str = FOLDER, tail: bytes = b"") -> Path:
    path = home / ".claude/projects" / folder / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lines(list(rows)) + tail)
    return path


def sources(adapter: Adapter) -> dict[str, Source]:
    return {source.key.id: source for root in adapter.roots() for source in adapter.scan(root)}


def read(home: Path, id: str = ID) -> Transcript:
    adapter = adapter_in(home)
    return adapter.read(sources(adapter)[id])


def sent(transcript: Transcript) -> list[str]:
    return [message.id for message in transcript.messages if not message.archived]


def compacted(*, head: str, tail: str, kept: list[str] | None = None) -> Row:
    told: Row = {"preservedSegment": {"headUuid": head, "tailUuid": tail, "anchorUuid": "s"}, "postTokens": 55}
    if kept is not None:
        told = {**told, "preservedMessages": {"anchorUuid": "s", "uuids": kept}}
    return record("system", "b", None, subtype="compact_boundary", logicalParentUuid=tail, compactMetadata=told)


# ── branches ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_branch_left_behind_is_kept_in_file_order_and_archived(home: Path) -> None:
    write(
        home,
        user("1", None, "Grind the rye"),
        answer("2", "1", said("Coarse?")),
        user("3", "2", "Fine"),
        answer("4", "3", said("Fine it is")),
        user("5", "2", "Coarse"),
        answer("6", "5", said("Coarse it is")),
    )

    transcript = read(home)

    assert ["1", "2", "3", "4", "5", "6"] == [message.id for message in transcript.messages]
    assert ["1", "2", "5", "6"] == sent(transcript)
    assert 2 == transcript.session.archived_count


def test_the_leaf_that_the_program_names_ends_the_active_branch(home: Path) -> None:
    rows = [user("1", None, "Grind"), answer("2", "1", said("Done")), user("3", "2", "Again"), user("4", "2", "Rest")]
    write(home, *rows, {"type": "last-prompt", "leafUuid": "3", "sessionId": ID})

    assert ["1", "2", "3"] == sent(read(home))


def test_what_is_said_after_the_named_leaf_counts_more(home: Path) -> None:
    leaf: Row = {"type": "last-prompt", "leafUuid": "1", "sessionId": ID}
    write(home, user("1", None, "Grind"), leaf, answer("2", "1", said("Done")))

    assert ["1", "2"] == sent(read(home))


def test_all_calls_of_one_answer_and_their_results_are_sent(home: Path) -> None:
    write(
        home,
        user("1", None, "Look at both"),
        answer("2", "1", call("c1"), body={"id": "m"}),
        answer("3", "2", call("c2"), body={"id": "m"}),
        user("4", "2", [result("c1", "left")]),
        user("5", "3", [result("c2", "right")]),
        answer("6", "5", said("Both look well")),
    )

    assert 0 == read(home).session.archived_count


def test_a_lost_record_does_not_cut_the_branch(home: Path) -> None:
    write(home, user("1", None, "Grind"), answer("2", "1", said("How?")), user("4", "gone", "Fine"))

    assert ["1", "2", "4"] == sent(read(home))


def test_records_that_name_each_other_in_a_circle_are_read(home: Path) -> None:
    write(home, user("1", "2", "Grind"), answer("2", "1", said("Done")))

    assert ["1", "2"] == sent(read(home))


def test_the_same_record_twice_is_one_message(home: Path) -> None:
    write(home, user("1", None, "Grind"), user("1", None, "Grind"), answer("1", None, said("Another of the same id")))

    assert ["Grind", "Another of the same id"] == [message.text for message in read(home).messages]


def test_records_without_ids_are_told_by_their_place(home: Path) -> None:
    write(home, {"type": "mode"}, {"type": "user", "message": {"role": "user", "content": "Grind"}})

    assert ["1"] == sent(read(home))


def test_attachments_and_progress_carry_the_branch(home: Path) -> None:
    write(
        home,
        user("1", None, "Grind"),
        record("attachment", "2", "1", attachment={"type": "date"}),
        record("progress", "3", "2", data={}),
        answer("4", "3", said("Done")),
    )

    assert ["1", "4"] == sent(read(home))


# ── compactions ───────────────────────────────────────────────────────────────────────────────────────


def compaction(home: Path, **kept: list[str]) -> Transcript:
    write(
        home,
        user("1", None, "Grind"),
        answer("2", "1", said("Done")),
        user("3", "2", "And the oats?"),
        answer("4", "3", said("Done too")),
        compacted(head="3", tail="4", **kept),
        user("s", "b", "All was ground.", isCompactSummary=True, isVisibleInTranscriptOnly=True),
        user("5", "s", "Sweep up"),
    )
    return read(home)


@pytest.mark.parametrize("kept", [{}, {"kept": ["3", "4"]}])
def test_a_compaction_archives_what_it_did_not_keep(home: Path, kept: dict[str, list[str]]) -> None:
    transcript = compaction(home, **kept)

    assert ["s", "3", "4", "5"] == sent(transcript)
    assert ["1", "2", "s", "3", "4", "5"] == [message.id for message in transcript.messages]
    assert (5, 2) == (transcript.session.message_count, transcript.session.archived_count)


def test_a_summary_says_what_it_stands_for(home: Path) -> None:
    transcript = compaction(home)

    (summary,) = transcript.summaries

    assert (("1", "2"), "All was ground.") == (summary.original_ids, summary.content)
    assert "s" == transcript.session.summary_message_id
    assert 1 == transcript.session.compaction_count


def test_right_after_a_compaction_its_own_figure_tells_the_context(home: Path) -> None:
    session = compaction(home).session

    assert (55, TokenSource.RECORDED) == (session.token_count, session.token_source)


def test_a_second_compaction_archives_the_first_summary(home: Path) -> None:
    second = record("system", "b2", None, subtype="compact_boundary", logicalParentUuid="3")
    write(
        home,
        user("1", None, "Grind"),
        record("system", "b1", None, subtype="compact_boundary", logicalParentUuid="1"),
        user("s1", "b1", "Ground.", isCompactSummary=True),
        user("3", "s1", "Sweep"),
        second,
        user("s2", "b2", "Ground and swept.", isCompactSummary=True),
        user("5", "s2", "Lock up"),
    )

    transcript = read(home)

    assert ["s2", "5"] == sent(transcript)
    assert [("1",), ("1", "3")] == [summary.original_ids for summary in transcript.summaries]


def test_an_old_summary_without_a_boundary_is_one_by_its_words(home: Path) -> None:
    text = "This session is being continued from a previous conversation that ran out of context. Ground."
    write(home, user("1", None, "Grind"), user("2", None, text), user("3", "2", "Sweep"))

    transcript = read(home)

    assert ["2", "3"] == sent(transcript)
    assert [("1",)] == [summary.original_ids for summary in transcript.summaries]


# ── who says it ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        "<command-name>/clear</command-name>",
        "<local-command-stdout>Done</local-command-stdout>",
        "<bash-input>ls</bash-input>",
        "<system-reminder>Mind the step</system-reminder>",
        "Caveat: The messages below were generated by the user while running local commands.",
        "[Request interrupted by user for tool use]",
    ],
)
def test_what_the_program_wrote_is_no_prompt(home: Path, text: str) -> None:
    write(home, user("1", None, text), user("2", "1", "Grind"))

    transcript = read(home)

    assert [True, False] == [message.is_meta for message in transcript.messages]
    assert ("Grind", TitleSource.FIRST_PROMPT) == (transcript.session.title, transcript.session.title_source)


@pytest.mark.parametrize("text", ["/srv/mill is where?", "<b>bold</b> words", "🌾", '{"a": 1}'])
def test_what_only_looks_odd_is_a_prompt(home: Path, text: str) -> None:
    write(home, user("1", None, text))

    assert text == read(home).session.first_prompt


def test_a_tool_speaks_for_itself(home: Path) -> None:
    write(home, answer("1", None, call("c1")), user("2", "1", [result("c1", [said("one"), said("two")])]))

    message = read(home).messages[1]

    assert (Role.TOOL, "") == (message.role, message.text)
    assert (ToolResult("c1", "Bash", "one\n\ntwo"),) == message.blocks


def test_an_error_of_the_service_is_shown_but_not_sent(home: Path) -> None:
    error = answer("2", "1", said("API Error: 529"), body={"model": "<synthetic>"}, isApiErrorMessage=True)
    write(home, user("1", None, "Grind"), error)

    message = read(home).messages[1]

    assert (True, True, None) == (message.is_meta, message.archived, message.model)


def test_notices_are_system_messages_that_are_not_sent(home: Path) -> None:
    notice = record("system", "2", "1", subtype="informational", content="The mill is warm")
    write(home, user("1", None, "Grind"), notice, answer("3", "2", said("Done")))

    transcript = read(home)

    assert ["1", "3"] == sent(transcript)
    assert (Role.SYSTEM, "The mill is warm", True) == (
        transcript.messages[1].role,
        transcript.messages[1].text,
        transcript.messages[1].is_meta,
    )


def test_a_prompt_typed_while_the_agent_worked_is_a_prompt(home: Path) -> None:
    queued = {"type": "queued_command", "prompt": "Mind the sieve", "commandMode": "prompt"}
    told = {"type": "queued_command", "prompt": "<task-notification>x</task-notification>"}
    write(
        home,
        user("1", None, "Grind"),
        record("attachment", "2", "1", attachment=queued),
        record("attachment", "3", "2", attachment=told | {"commandMode": "task-notification"}),
    )

    messages = read(home).messages

    assert [("Grind", False), ("Mind the sieve", False)] == [(each.text, each.is_meta) for each in messages[:2]]
    assert messages[2].is_meta


def test_a_sub_agents_talk_inside_the_session_is_kept_apart(home: Path) -> None:
    write(
        home,
        user("1", None, "Grind"),
        user("x", None, "Walk round the mill", isSidechain=True),
        answer("y", "x", said("It stands"), isSidechain=True),
        answer("2", "1", said("Done")),
    )

    transcript = read(home)

    assert ["1", "2"] == sent(transcript)
    assert SessionKind.MAIN is transcript.session.kind
    assert transcript.messages[1].is_meta


# ── titles, kinds, places ─────────────────────────────────────────────────────────────────────────────


def test_the_last_custom_title_is_the_title(home: Path) -> None:
    titles: list[Row] = [{"type": "custom-title", "customTitle": name} for name in ("Old", "New")]
    write(home, user("1", None, "Grind"), *titles, {"type": "ai-title", "aiTitle": "Milling"})

    session = read(home).session

    assert ("New", TitleSource.CUSTOM) == (session.title, session.title_source)


def test_the_list_of_the_project_comes_before_the_agents_title(home: Path) -> None:
    path = write(home, user("1", None, "Grind"), {"type": "ai-title", "aiTitle": "Milling"})
    before = sources(adapter_in(home))[ID].stamp
    listed = {"version": 1, "entries": [{"sessionId": ID, "summary": "Rye for Ana"}]}
    path.with_name("sessions-index.json").write_text(json.dumps(listed))

    session = read(home).session

    assert ("Rye for Ana", TitleSource.AGENT) == (session.title, session.title_source)
    assert before != sources(adapter_in(home))[ID].stamp


def test_the_summary_of_another_session_is_no_title(home: Path) -> None:
    foreign: Row = {"type": "summary", "summary": "Somebody's bread", "leafUuid": "elsewhere"}
    write(home, foreign, user("1", None, "Grind"), {"type": "ai-title", "aiTitle": "Milling"})

    assert "Milling" == read(home).session.title


def test_the_summary_of_this_session_is_its_title(home: Path) -> None:
    own: Row = {"type": "summary", "summary": "Rye", "leafUuid": "1"}
    path = write(home, own, user("1", None, "Grind"), {"type": "ai-title", "aiTitle": "Milling"})
    adapter = adapter_in(home)

    assert "Rye" == read(home).session.title == adapter.head(sources(adapter)[path.stem]).title


def test_the_first_directory_that_names_the_folder_is_the_project(home: Path) -> None:
    rows = [user("1", None, "Grind", cwd="/srv/attic"), user("2", "1", "On", cwd=CWD), user("3", "2", "Up", cwd="/srv")]
    write(home, *rows)

    assert CWD == read(home).session.project


def test_a_branch_that_could_not_be_named_is_unknown(home: Path) -> None:
    write(home, user("1", None, "Grind", gitBranch="HEAD"))

    assert read(home).session.git_branch is None


def test_sessions_run_without_a_terminal_are_headless(home: Path) -> None:
    write(home, user("1", None, "Grind", entrypoint="sdk-cli"))

    assert SessionKind.HEADLESS is read(home).session.kind


@pytest.mark.parametrize(
    "told", [{"requestSessionId": OTHER}, {"forkedFrom": {"sessionId": OTHER, "messageUuid": "1"}}]
)
def test_a_copy_names_the_session_it_was_forked_from(home: Path, told: Row) -> None:
    write(home, user("1", None, "Grind"), {**answer("2", "1", said("Done")), **told})

    session = read(home).session

    assert (SessionKind.FORK, OTHER) == (session.kind, session.parent)


@pytest.mark.parametrize("folder", [FOLDER, f"{FOLDER}/{ID}/subagents", f"{FOLDER}/{ID}/subagents/workflows/wf_1"])
def test_sub_agents_are_sessions_of_their_own(home: Path, folder: str) -> None:
    talk = [user("1", None, "Walk", isSidechain=True), answer("2", "1", said("Walked"), isSidechain=True)]
    path = write(home, *talk, name="agent-77aa", folder=folder)
    path.with_name("agent-77aa.meta.json").write_text('{"description": "A round"}')
    adapter = adapter_in(home)

    transcript = read(home, "agent-77aa")

    assert (SessionKind.SUBAGENT, ID) == (transcript.session.kind, transcript.session.parent)
    assert ("A round", CWD) == (transcript.session.title, transcript.session.project)
    assert ["1", "2"] == sent(transcript)
    assert transcript.session.key == adapter.head(sources(adapter)["agent-77aa"]).key


def test_a_copy_of_a_session_in_another_project_is_told_from_it(home: Path) -> None:
    write(home, user("1", None, "Grind"))
    write(home, user("1", None, "Grind"), folder="-srv-attic")

    assert {ID, f"{FOLDER}/{ID}"} == set(sources(adapter_in(home)))


def test_the_configuration_directory_is_the_one_the_program_is_told(home: Path) -> None:
    write(home, user("1", None, "Grind"))
    (home / ".claude").rename(home / "elsewhere")
    place = str(home / "elsewhere")

    adapter = adapter_in(home, CLAUDE_CONFIG_DIR=place)

    assert [home / "elsewhere/projects"] == [root.path for root in adapter.roots()]
    assert [] == list(adapter_in(home).roots())


@pytest.mark.parametrize("place", ["", ".claude", ".claude/projects", f".claude/projects/{FOLDER}"])
def test_a_given_place_may_be_any_that_holds_sessions(home: Path, place: str) -> None:
    write(home, user("1", None, "Grind"))
    world = World(home=home / "none", environ={}, cwd=home, data_dir=home, given={"claude": (home / place,)})

    assert [ID] == [source.key.id.rpartition("/")[2] for source in sources(Claude(world)).values()]


def test_a_given_place_must_exist(home: Path) -> None:
    world = World(home=home, environ={}, cwd=home, data_dir=home, given={"claude": (home / "none",)})

    with pytest.raises(StoreMissing):
        Claude(world).roots()


def test_a_linked_project_is_looked_into_once(home: Path) -> None:
    write(home, user("1", None, "Grind"))
    projects = home / ".claude/projects"
    (home / "attic").mkdir()
    write(home, user("1", None, "Grind"), name=OTHER).rename(home / "attic" / f"{OTHER}.jsonl")
    for name, target in (("-srv-attic", home / "attic"), ("-srv-again", projects / FOLDER), ("-loop", projects)):
        (projects / name).symlink_to(target)
    (projects / "-self").symlink_to(projects / "-self")

    assert {ID, OTHER} == set(sources(adapter_in(home)))


def test_a_folder_that_cannot_be_listed_hides_no_other(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, user("1", None, "Grind"))
    write(home, user("1", None, "Grind"), name=OTHER, folder="-srv-closed")
    listed = os.scandir

    def refuse(path: str | Path) -> object:
        if str(path).endswith("-srv-closed"):
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    adapter, found = adapter_in(home), list[str]()
    scanned = adapter.scan(adapter.roots()[0])
    with pytest.raises(StoreError, match="permission denied"):
        while True:
            found.append(next(scanned).key.id)

    assert [ID] == found


def test_the_newest_are_those_whose_files_were_changed_last(home: Path) -> None:
    for number, name in enumerate((ID, OTHER)):
        path = write(home, user("1", None, "Grind"), name=name)
        os.utime(path, (1_780_000_000 + number, 1_780_000_000 + number))
    adapter = adapter_in(home)

    assert [OTHER] == [source.key.id for source in adapter.newest(adapter.roots()[0], 1)]


# ── tokens ────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_on_several_lines_is_counted_once(home: Path) -> None:
    more = {"usage": {"input_tokens": 100, "output_tokens": 30}, "id": "m"}
    write(
        home,
        user("1", None, "Grind"),
        answer("2", "1", said("One"), body=more | {"usage": {"input_tokens": 100, "output_tokens": 2}}),
        answer("3", "2", call("c1"), body=more),
    )

    session = read(home).session

    assert session.token_usage is not None
    assert (100, 30) == (session.token_usage.input_tokens, session.token_usage.output_tokens)


def test_the_last_call_tells_how_full_the_context_is(home: Path) -> None:
    path = write(home, user("1", None, "Grind"), answer("2", "1", said("Done")))
    adapter = adapter_in(home)

    session = read(home).session

    assert (152, TokenSource.RECORDED, 200_000) == (session.token_count, session.token_source, session.context_window)
    assert 152 == adapter.head(sources(adapter)[path.stem]).token_count


def test_without_a_recorded_call_tokens_are_estimated(home: Path) -> None:
    write(home, user("1", None, "Grind the rye"))

    session = read(home).session

    assert (4, TokenSource.ESTIMATED) == (session.token_count, session.token_source)


def test_a_fuller_context_than_usual_means_the_longer_window(home: Path) -> None:
    write(home, answer("1", None, said("Done"), body={"usage": {"input_tokens": 300_000, "output_tokens": 1}}))

    assert 1_000_000 == read(home).session.context_window


def test_what_the_program_says_of_the_cost_is_kept(home: Path) -> None:
    costs: list[Row] = [{"type": "cost-state", "totalCostUSD": cost} for cost in (0.5, 0.75)]
    write(home, user("1", None, "Grind"), *costs)

    assert [0.75] == [cost.usd for cost in read(home).costs]


def test_files_that_were_read_are_named(home: Path) -> None:
    write(home, answer("1", None, call("c1", "Read", file_path="rye.txt"), call("c2", "Edit", file_path="oats.txt")))

    assert ["rye.txt"] == [file.path for file in read(home).files_read]


# ── outputs in files of their own ─────────────────────────────────────────────────────────────────────


def spilled(home: Path, place: str = "/gone/tool-results/b1.txt") -> Attachment:
    told = {"persistedOutputPath": place, "persistedOutputSize": 9}
    write(home, user("1", None, [result("c1", "<persisted-output>")], toolUseResult=told))
    block = read(home).messages[0].blocks[1]
    assert isinstance(block, Attachment)
    return block


def test_a_long_output_is_read_when_asked_for(home: Path) -> None:
    adapter, block = adapter_in(home), spilled(home)
    place = home / ".claude/projects" / FOLDER / ID / "tool-results/b1.txt"
    place.parent.mkdir(parents=True)
    place.write_text("rye\noats\n")

    assert isinstance(adapter, Spilling)
    assert ("b1.txt", 9) == (block.name, block.size)
    assert "rye\noats\n" == adapter.spilled(read(home).session, block)


@pytest.mark.parametrize("place", ["/gone/b1.txt", "/etc/..", "/etc/"])
def test_no_other_file_is_read_for_an_output(home: Path, place: str) -> None:
    adapter = adapter_in(home)
    told: Mapping[str, str] = {"persistedOutputPath": place}
    write(home, user("1", None, [result("c1", "x")], toolUseResult=told))
    transcript = read(home)
    blocks = [block for block in transcript.messages[0].blocks if isinstance(block, Attachment)]

    for block in [*blocks, Attachment("passwd", url="/etc/passwd")]:
        with pytest.raises(StoreError):
            adapter.spilled(transcript.session, block)


# ── going on ──────────────────────────────────────────────────────────────────────────────────────────


def test_resuming_and_forking_happen_in_the_project(home: Path) -> None:
    write(home, user("1", None, "Grind"))
    adapter, session = adapter_in(home), read(home).session

    assert Launch(("claude", "--resume", ID), CWD) == adapter.resume(session)
    assert Launch(("claude", "--resume", ID, "--fork-session"), CWD) == adapter.fork(session)


def test_a_store_elsewhere_is_named_to_the_program(home: Path) -> None:
    write(home, user("1", None, "Grind"))
    world = World(home=home / "none", environ={}, cwd=home, data_dir=home, given={"claude": (home,)})
    adapter = Claude(world)

    launch = adapter.resume(adapter.head(sources(adapter)[ID]))

    assert isinstance(launch, Launch)
    assert {"CLAUDE_CONFIG_DIR": str(home / ".claude")} == launch.env


def test_a_file_that_was_renamed_cannot_be_resumed(home: Path) -> None:
    write(home, user("1", None, "Grind"), name="backup")

    assert isinstance(adapter_in(home).resume(read(home, "backup").session), Refusal)


def test_starting_takes_any_prompt_for_a_prompt(home: Path) -> None:
    assert Launch(("claude", "--", "--help"), CWD) == adapter_in(home).start("--help", CWD)


def test_a_session_is_live_while_a_process_says_so(home: Path) -> None:
    write(home, user("1", None, "Grind"))
    write(home, user("1", None, "Grind"), name=OTHER)
    adapter, session, other = adapter_in(home), read(home).session, read(home, OTHER).session
    assert adapter.live(session) is None

    folder = home / ".claude/sessions"
    folder.mkdir()
    (folder / f"{os.getpid()}.json").write_text(json.dumps({"pid": os.getpid(), "sessionId": ID}))
    (folder / "4194999.json").write_text(json.dumps({"pid": 4194999, "sessionId": OTHER}))

    assert adapter.live(session) is True
    assert adapter.live(other) is False


def test_what_belongs_to_a_session_is_its_file_and_its_directories(home: Path) -> None:
    path = write(home, user("1", None, "Grind"))
    for place in (path.with_suffix(""), home / ".claude/session-env" / ID):
        place.mkdir(parents=True)

    belongings = adapter_in(home).belongings(read(home).session)

    assert (path, path.with_suffix(""), home / ".claude/session-env" / ID) == belongings.files


# ── damage ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("bad", [b'{"type":"user","mess', b"\0\0\0\0", b"[1, 2]", b"\xff\xfe{}", b'{"type": 7}', b"7"])
def test_a_bad_line_costs_only_itself(home: Path, bad: bytes) -> None:
    path = write(home, user("1", None, "Grind"))
    path.write_bytes(path.read_bytes() + bad + b"\n" + lines([answer("2", "1", said("Done"))]))

    transcript = read(home)

    assert ["Grind", "Done"] == [message.text for message in transcript.messages]
    assert Health.PARTIAL is transcript.session.health
    assert [2] == [problem.line for problem in transcript.session.problems]


def test_a_torn_last_line_keeps_the_rest(home: Path) -> None:
    write(home, user("1", None, "Grind"), tail=b'{"type":"assistant","uui')

    session = read(home).session

    assert (1, Health.PARTIAL) == (session.message_count, session.health)
    assert "torn" in session.problems[0].what


def test_invalid_text_is_shown_and_marked(home: Path) -> None:
    path = write(home, user("1", None, "Grind RYE"))
    path.write_bytes(path.read_bytes().replace(b"RYE", b"\xff"))

    message = read(home).messages[0]

    assert ("Grind \ufffd", True) == (message.text, message.lossy)


@pytest.mark.parametrize("name", ["usage", "model", "id", "content"])
@pytest.mark.parametrize("value", [7, "x", ["y", {"type": 1}], {"a": None}, None])
def test_values_of_other_types_cost_only_themselves(home: Path, name: str, value: object) -> None:
    write(home, user("1", None, "Grind"), answer("2", "1", said("Done"), body={name: value}), user("3", "2", "On"))

    transcript = read(home)

    assert ["1", "2", "3"] == [message.id for message in transcript.messages]
    assert "On" == transcript.messages[2].text


@pytest.mark.parametrize("name", ["uuid", "parentUuid", "timestamp", "isMeta", "cwd", "sessionId", "type", "message"])
@pytest.mark.parametrize("value", [7, [], {"a": 1}, None])
def test_odd_values_on_a_record_never_stop_a_reading(home: Path, name: str, value: object) -> None:
    write(home, {**user("1", None, "Grind"), name: value}, user("2", "1", "On"))
    adapter = adapter_in(home)

    head, transcript = adapter.head(sources(adapter)[ID]), read(home)

    assert "On" in [message.text for message in transcript.messages]
    assert head.key == transcript.session.key


def test_a_very_long_line_is_read(home: Path) -> None:
    words = "rye " * 3_000_000
    write(home, user("1", None, words), user("2", "1", "On"))

    assert [len(words), 2] == [len(message.text) for message in read(home).messages]


def test_a_corrupt_list_is_told_and_titles_come_from_the_file(home: Path) -> None:
    path = write(home, user("1", None, "Grind"))
    path.with_name("sessions-index.json").write_text("{")
    adapter = adapter_in(home)

    problems = [problem for root in adapter.roots() for problem in adapter.check(root)]

    assert "Grind" == read(home).session.title
    assert [str(path.with_name("sessions-index.json"))] == [problem.path for problem in problems]


def test_unknown_records_are_counted(home: Path) -> None:
    write(home, user("1", None, "Grind"), {"type": "moonphase"}, {"type": "moonphase"}, {"type": "mode"})

    assert {"moonphase": 2} == read(home).unknown_records


def test_unknown_fields_are_kept(home: Path) -> None:
    write(home, user("1", None, "Grind", slug="old-mill"))

    assert "old-mill" == read(home).messages[0].extra["slug"]


def test_the_end_of_a_long_session_can_be_read_by_itself(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [user("u0", None, "start")]
    rows += [
        answer(f"a{number}", f"a{number - 1}" if number else "u0", {"type": "text", "text": f"step {number} " * 50})
        for number in range(60)
    ]
    path = home / ".claude/projects" / FOLDER / f"{ID}.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    adapter = adapter_in(home)
    (source,) = [source for root in adapter.roots() for source in adapter.scan(root)]

    assert adapter.tail(source) is None
    monkeypatch.setattr(tails, "_LONG", 10_000)
    monkeypatch.setattr(sessions, "TAIL_BYTES", 8_000)
    tail = adapter.tail(source)

    assert tail is not None
    whole = adapter.read(source)
    assert 0 < len(tail) < len(whole.messages)
    assert [message.text for message in whole.messages][-len(tail) :] == [message.text for message in tail]
