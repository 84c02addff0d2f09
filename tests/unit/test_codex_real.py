"""The Codex adapter against the store that the real program wrote, where it lies beside the checkout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from session_tui.agents.codex import Codex
from session_tui.model import Health, Message, Role, SessionKind, SessionState, ToolCall, ToolResult, Transcript
from tests.unit.tables import SHARED, copied, digest, everything, listed, world

STORE = SHARED / "agents" / "codex"
Told = Mapping[str, Any]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied("agents/codex/store", tmp_path_factory.mktemp("codex") / "home")


@pytest.fixture(scope="module")
def manifest(home: Path) -> Mapping[str, Told]:
    told = json.loads((STORE / "manifest.json").read_text(encoding="utf-8"))
    return {session["id"]: session for session in told["sessions"] if session["stored"]}


@pytest.fixture(scope="module")
def found(home: Path) -> Mapping[str, Transcript]:
    return everything(Codex(world(home)))


def own(transcript: Transcript, told: Told, found: Mapping[str, Transcript]) -> list[Message]:
    """The messages of a session without those it inherited as a fork."""
    parent = found.get(told.get("forked_from", ""))
    inherited = {message.id for message in parent.messages} if parent else set()
    return [message for message in transcript.messages if message.id not in inherited]


def test_every_stored_session_is_found(found: Mapping[str, Transcript], manifest: Mapping[str, Told]) -> None:
    assert set(manifest) == set(found)
    assert {Health.CLEAN} == {transcript.session.health for transcript in found.values()}
    assert [{}] * len(found) == [dict(transcript.unknown_records) for transcript in found.values()]


def test_titles_and_directories_are_those_of_the_program(
    found: Mapping[str, Transcript], manifest: Mapping[str, Told]
) -> None:
    for id, told in manifest.items():
        session = found[id].session
        assert (told["title"].split("\n")[0], told["cwd"]) == (session.title, session.project)
        assert told["user_prompts"][0] == session.first_prompt


def test_prompts_are_told_from_what_was_injected(found: Mapping[str, Transcript], manifest: Mapping[str, Told]) -> None:
    for id, told in manifest.items():
        messages = own(found[id], told, found)
        prompts = [m.text for m in messages if m.role is Role.USER and not (m.is_meta or m.is_summary)]
        assert told["user_prompts"] == prompts


def test_every_answer_and_call_that_was_stored_is_there_once_and_in_order(
    found: Mapping[str, Transcript], manifest: Mapping[str, Told]
) -> None:
    for id, told in manifest.items():
        sent = [r for turn in told["turns"] for r in turn["replies"] if r.get("kind") == "scenario" and turn["rc"] == 0]
        messages = own(found[id], told, found)
        texts = [m.text for m in messages if m.role is Role.ASSISTANT and m.text and not m.is_meta]
        calls = [b.input for m in messages for b in m.blocks if isinstance(b, ToolCall)]
        results = [b.call_id for m in messages for b in m.blocks if isinstance(b, ToolResult)]
        if sent:
            assert [reply["text"] for reply in sent if reply["text"]] == texts
        assert [call["args"] for reply in sent for call in reply.get("tool_calls", ())] == calls
        assert len(calls) == len(set(results)) == len(results)


def test_the_programs_own_view_names_the_same_turns(found: Mapping[str, Transcript]) -> None:
    truth = json.loads((STORE / "app-server-ground-truth.json").read_text(encoding="utf-8"))
    threads = {a["result"]["thread"]["id"]: a["result"]["thread"] for n, a in truth.items() if n.startswith("read_")}

    for id, thread in threads.items():
        items = [item for turn in thread["turns"] for item in turn["items"]]
        messages = [m for m in found[id].messages if not (m.is_meta or m.is_summary)]
        said = [m.text for m in messages if m.role is Role.ASSISTANT and m.text]
        asked = [m.text for m in messages if m.role is Role.USER]
        assert [item["text"] for item in items if item["type"] == "agentMessage"] == said
        told = [[p["text"] for p in i["content"] if p["type"] == "text"] for i in items if i["type"] == "userMessage"]
        assert [part for parts in told for part in parts] == asked


def test_failed_commands_are_errors(found: Mapping[str, Transcript]) -> None:
    truth = json.loads((STORE / "app-server-ground-truth.json").read_text(encoding="utf-8"))
    codes: dict[str, int] = {}
    for name, answer in truth.items():
        if name.startswith("read_"):
            items = (item for turn in answer["result"]["thread"]["turns"] for item in turn["items"])
            codes |= {item["id"]: item["exitCode"] for item in items if item["type"] == "commandExecution"}

    results = {b.call_id: b for t in found.values() for m in t.messages for b in m.blocks if isinstance(b, ToolResult)}

    assert {1} <= {code != 0 for code in codes.values()}
    assert {id: code != 0 for id, code in codes.items()} == {id: results[id].is_error for id in codes}


def test_tokens_count_once(found: Mapping[str, Transcript], manifest: Mapping[str, Told]) -> None:
    for id, transcript in found.items():
        used = transcript.session.token_usage
        last = [record.usage.total for record in transcript.usage]
        assert (used.total if used else 0) == sum(last)
        if manifest[id].get("forked_from"):
            assert 19_941 == sum(last)
        assert 258_400 == transcript.session.context_window


def test_compactions_leave_what_the_program_sends(
    found: Mapping[str, Transcript], manifest: Mapping[str, Told]
) -> None:
    compacted = [found[id] for id, told in manifest.items() if told.get("compacted")]
    assert 2 == len(compacted)

    for transcript in compacted:
        path = Path(transcript.session.path)
        records = [json.loads(raw) for raw in path.read_text(encoding="utf-8").splitlines()]
        number = next(number for number, record in enumerate(records) if record["type"] == "compacted")
        history = records[number]["payload"]["replacement_history"]
        after = [r["payload"] for r in records[number:] if r["type"] == "response_item"]
        sent = ["\n\n".join(part["text"] for part in item["content"]) for item in (*history, *after)]

        assert sorted(sent) == sorted(message.text for message in transcript.messages if not message.archived)
        assert [history[-1]["content"][0]["text"]] == [summary.content for summary in transcript.summaries]


def test_kinds_and_states(found: Mapping[str, Transcript], manifest: Mapping[str, Told]) -> None:
    for id, told in manifest.items():
        session = found[id].session
        is_terminal = not any("exec" in turn["argv"] for turn in told["turns"])
        kind = SessionKind.MAIN if is_terminal else SessionKind.HEADLESS
        assert (SessionKind.FORK if told.get("forked_from") else kind) == session.kind
        assert told.get("forked_from") == session.parent
        assert (SessionState.ARCHIVED if told.get("archived") else SessionState.ACTIVE) == session.state


def test_heads_agree_with_whole_readings(home: Path, found: Mapping[str, Transcript]) -> None:
    for id, head in listed(Codex(world(home))).items():
        session = found[id].session
        for field in ("title", "title_source", "first_prompt", "project", "git_branch", "model", "kind", "parent"):
            assert getattr(session, field) == getattr(head, field)
        for field in ("created_at", "updated_at", "last_active_at", "context_window", "state", "metadata"):
            assert getattr(session, field) == getattr(head, field)


def test_reading_changes_no_byte_and_leaves_no_file(home: Path) -> None:
    before = digest(home)
    codex = Codex(world(home))

    assert len(everything(codex)) == len(listed(codex))
    assert [] == [problem for root in codex.roots() for problem in codex.check(root)]
    assert before == digest(home)
