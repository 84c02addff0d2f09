"""Claude Code's sessions against stores that the program itself wrote."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from session_tui.adapters.base import World
from session_tui.agents.claude import Claude
from session_tui.model import Role, SessionKind, Text, Thinking, ToolCall, Transcript
from tests.fixture_homes import digest

DATA = Path(__file__).resolve().parents[3] / "shared/data/agents/claude"
recorded = pytest.mark.skipif(not DATA.exists(), reason="the recorded stores are not here")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("recorded") / "home"
    shutil.copytree(DATA / "store", place, copy_function=shutil.copyfile)
    for path in [place, *place.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    return place


@pytest.fixture(scope="module")
def transcripts(home: Path) -> Mapping[str, Transcript]:
    adapter = Claude(World(home=home, environ={}, cwd=home, data_dir=home / ".data"))
    return {source.key.id: adapter.read(source) for root in adapter.roots() for source in adapter.scan(root)}


def told() -> list[dict[str, Any]]:
    manifest = json.loads((DATA / "manifest.json").read_text(encoding="utf-8"))
    return [session for session in manifest["sessions"] if session["stored"]]


def label(session: Mapping[str, Any]) -> set[str]:
    return {turn["label"] for turn in session["turns"]}


def one(transcripts: Mapping[str, Transcript], name: str) -> Transcript:
    return next(transcripts[session["id"]] for session in told() if name in label(session))


@recorded
def test_every_recorded_session_is_there_and_its_sub_agent(transcripts: Mapping[str, Transcript]) -> None:
    agents = {id for id, each in transcripts.items() if each.session.kind is SessionKind.SUBAGENT}

    assert {session["id"] for session in told()} == set(transcripts) - agents
    assert 1 == len(agents)


@recorded
def test_recorded_prompts_are_the_prompts(transcripts: Mapping[str, Transcript]) -> None:
    for session in told():
        spoken = transcripts[session["id"]].messages
        prompts = [each.text for each in spoken if each.role is Role.USER and not (each.is_meta or each.is_summary)]
        expected = [prompt for prompt in session["user_prompts"] if prompt != "/compact"]

        assert expected == prompts[-len(expected) :]
        assert "forked_from" in session or expected == prompts


@recorded
def test_recorded_answers_are_there_in_order(transcripts: Mapping[str, Transcript]) -> None:
    for session in told():
        if "G3err" in label(session):
            continue
        blocks = [block for message in transcripts[session["id"]].messages for block in message.blocks]
        texts = [block.text for block in blocks if isinstance(block, Text | Thinking)]
        calls = [(block.name, block.input) for block in blocks if isinstance(block, ToolCall)]
        sent = [reply for turn in session["turns"] for reply in turn["replies"] if reply["kind"] == "scenario"]
        wanted = [each for reply in sent for each in (reply.get("thinking_sent"), reply.get("text")) if each]
        missing = {text for turn in session["turns"] for text in turn["missing_from_store"]}
        answers = iter(texts)

        assert [] == [text for text in wanted if text not in missing and text not in answers]
        for reply in sent:
            for call in reply.get("tool_calls", ()):
                found = [given for name, given in calls if name == call["name"] and isinstance(given, Mapping)]
                assert any(call["args"].items() <= given.items() for given in found)


@recorded
def test_recorded_titles_and_directories_are_the_sessions(transcripts: Mapping[str, Transcript]) -> None:
    for session in told():
        found = transcripts[session["id"]].session

        assert session["cwd"] == found.project
        assert session["title"] in (None, found.title)


@recorded
def test_recorded_costs_agree_with_the_tokens_counted(transcripts: Mapping[str, Transcript]) -> None:
    for session in told():
        transcript = transcripts[session["id"]]
        used = transcript.session.token_usage
        # what was copied from the session forked is told as its cost, and so are a sub-agent's and a summary's calls
        if "forked_from" in session or label(session) & {"S1", "G1p1", "G2abort", "G3err"}:
            continue
        record = transcript.costs[0].record
        assert isinstance(record, Mapping)
        counted = [each["inputTokens"] + each["outputTokens"] for each in record["modelUsage"].values()]

        assert used is not None
        assert sum(counted) == used.total


@recorded
def test_the_recorded_fork_holds_what_it_inherited(transcripts: Mapping[str, Transcript]) -> None:
    (fork,) = [session for session in told() if "forked_from" in session]
    found, parent = transcripts[fork["id"]], transcripts[fork["forked_from"]]

    assert (SessionKind.FORK, fork["forked_from"]) == (found.session.kind, found.session.parent)
    assert [each.id for each in parent.messages] == [each.id for each in found.messages[: len(parent.messages)]]
    assert 0 == found.session.archived_count


@recorded
def test_what_was_sent_after_the_recorded_compaction_is_active(transcripts: Mapping[str, Transcript]) -> None:
    transcript = one(transcripts, "G1compact")

    active = [each for each in transcript.messages if not each.archived]

    assert active[0].is_summary
    assert active[1].text.startswith("Rollback added")
    assert 6 == transcript.session.archived_count == len(transcript.summaries[0].original_ids)


@recorded
def test_recorded_parallel_calls_are_all_active(transcripts: Mapping[str, Transcript]) -> None:
    assert 0 == one(transcripts, "A3").session.archived_count


@recorded
def test_reading_the_recorded_store_changes_nothing(home: Path) -> None:
    before = digest(home)
    adapter = Claude(World(home=home, environ={}, cwd=home, data_dir=home / ".data"))

    for root in adapter.roots():
        for source in adapter.scan(root):
            adapter.live(adapter.head(source))
            list(adapter.read(source).messages)
        list(adapter.check(root))

    assert before == digest(home)
