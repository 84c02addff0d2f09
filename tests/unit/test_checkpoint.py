"""Conversations leave as documents and come back as they were."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from session_tui.checkpoint import exporting, importing, yaml_text
from session_tui.checkpoint.exporting import Format
from session_tui.checkpoint.schema import fields_of, validate
from session_tui.errors import CheckpointError, StoreError, UsageError
from session_tui.model import (
    Image,
    Message,
    Role,
    Session,
    SessionKey,
    Text,
    Transcript,
)
from session_tui.registry import discover
from tests.fixture_homes import AGENTS, build
from tests.unit.checkpoints import NOON, PIXEL, exported, rich

EXPORTS = Path(__file__).parents[2] / "../shared/data/atmos"


# ── round trips ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("format", [Format.JSON, Format.YAML])
def test_everything_comes_back(tmp_path: Path, format: Format) -> None:
    file = tmp_path / f"orchard.{format}"

    exporting.write(file, exported(rich(), format))

    assert rich() == importing.read(file)


@pytest.mark.parametrize("format", [Format.JSON, Format.YAML])
def test_the_bytes_of_pictures_come_back(tmp_path: Path, format: Format) -> None:
    file = exporting.write(tmp_path / f"orchard.{format}", exported(rich(), format))

    picture = importing.read(file).messages[0].blocks[1]

    assert isinstance(picture, Image)
    assert picture.load is not None
    assert picture.load() == PIXEL


def test_a_bare_session_comes_back(tmp_path: Path) -> None:
    bare = Transcript(session=Session(key=SessionKey("orchard", "o-2")), messages=(Message(id="1", role=Role.TOOL),))

    file = exporting.write(tmp_path / "bare", exported(bare))

    assert bare == importing.read(file)


@given(text=st.text(st.sampled_from("\n\r\t ab-:#\"'|>%@{[1.~\\\0\x1b\x85\u2028\ufeff\uffff😀_&*!"), max_size=12))
def test_any_text_survives_yaml(text: str) -> None:
    document: dict[str, object] = {"content": text, text: [text, {"deep": text}]}

    assert document == yaml_text.loads(yaml_text.dumps(document))


def test_numbers_and_words_survive_yaml() -> None:
    document: dict[str, object] = {
        "values": [0, -12, 1.5, 1e20, 1e-7, True, False, None, {}, [], "Null", "1", "1.5", "TRUE", "0x1f"]
    }

    assert document == yaml_text.loads(yaml_text.dumps(document))


# ── what is written ───────────────────────────────────────────────────────────────────────────────────


def test_the_fields_are_sound_for_other_programs() -> None:
    document = json.loads(exported(rich()))

    validate(fields_of(document))
    assert ["user", "assistant", "assistant", "assistant", "user"] == [each["role"] for each in document["messages"]]
    assert document["messages"][2]["content"] == "in\tMarch\r\n"
    assert document["messages"][2]["created_at"] == "2026-06-01T12:00:00.123456Z"
    assert {"message_count": 5, "user_messages": 2, "assistant_messages": 3, "total_tokens": 420, "tool_calls": 2} == (
        document["statistics"]
    )
    assert {
        "project_instructions": "Be kind.",
        "files_accessed": ["/home/ana/orchard/plan.txt"],
        "working_directory": "/home/ana/orchard",
    } == document["context"]


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    talk = Transcript(
        session=Session(key=SessionKey("orchard", "o-3"), first_prompt="Dig\nhere"),
        messages=(Message(id="1", role=Role.USER, blocks=(Text("Dig\nhere"),)),),
    )

    document = json.loads(exported(talk))

    assert {
        "name": "Dig",
        "provider": "unknown",
        "model": "unknown",
        "project_path": "",
        "created_at": "2026-06-01T12:00:00.123456Z",
        "updated_at": "2026-06-01T12:00:00.123456Z",
    } == document["session"]
    assert "context" not in document


def test_a_summary_is_told_where_its_messages_are_gone() -> None:
    whole_talk = rich()
    cut = Transcript(session=whole_talk.session, messages=whole_talk.messages[2:], summaries=whole_talk.summaries)

    contents = [message["content"] for message in json.loads(exported(cut))["messages"]]

    assert contents[0] == "Grafting was discussed."


def test_json_is_indented_and_safe_in_a_web_page() -> None:
    text = exported(rich())

    assert text.startswith('{\n  "version": "1.0",\n  "exported_at": "2026-06-01T12:00:00.123456Z",\n')
    assert text.endswith("}\n")
    assert "Graft \\u003cthe\\u003e pear \\u0026 plum" in text
    assert set() == set("<>&\u2028") & set(text)


def test_yaml_has_times_without_quotes_and_texts_as_blocks() -> None:
    talk = Transcript(
        session=Session(key=SessionKey("orchard", "o-4"), title="lines"),
        messages=(Message(id="1", role=Role.USER, blocks=(Text("first\n\nsecond\n"),)),),
    )

    text = exported(talk, Format.YAML)

    assert "exported_at: 2026-06-01T12:00:00.123456Z\n" in text
    assert "content: |\n    first\n\n    second\n" in text
    assert yaml.safe_load(text)["version"] == "1.0"


def test_context_and_metadata_stay_behind_when_not_wanted() -> None:
    document = json.loads(exported(rich(), include_context=False, include_metadata=False))

    transcript = importing.transcript_of(document)

    assert "context" not in document
    assert "metadata" not in document["session"]
    assert ((), (), {}) == (transcript.context, transcript.files_read, transcript.session.metadata)


def test_markdown_is_for_reading() -> None:
    text = exported(rich(), Format.MARKDOWN)

    assert text.startswith("# Graft <the> pear & plum\n")
    assert "In March." in text


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("json", None, Format.JSON),
        ("yaml", "a.json", Format.YAML),
        ("yml", None, Format.YAML),
        ("markdown", None, Format.MARKDOWN),
        ("md", "a.yaml", Format.MARKDOWN),
        ("", "a.json", Format.JSON),
        ("", "a.yaml", Format.YAML),
        ("", "a.yml", Format.YAML),
        ("", "a.md", Format.MARKDOWN),
        ("", "a.markdown", Format.MARKDOWN),
        ("", "a.ckpt", Format.JSON),
        ("", "yaml", Format.JSON),
        ("", None, Format.JSON),
    ],
)
def test_the_format_is_what_was_asked_for_else_the_extension(name: str, path: str | None, expected: Format) -> None:
    assert expected is exporting.format_of(name, path)


def test_a_format_of_no_name_we_know_is_refused() -> None:
    with pytest.raises(UsageError) as raised:
        exporting.format_of("toml", "a.json")

    assert str(raised.value) == "unsupported export format: toml (supported: json, yaml, markdown)"


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    file = tmp_path / "notes.json"
    file.write_text("mine")

    with pytest.raises(StoreError, match="there is a file already"):
        exporting.write(file, "theirs")
    kept = file.read_text()
    exporting.write(file, "theirs", overwrite=True)

    assert (kept, file.read_text()) == ("mine", "theirs")


def test_a_link_to_nowhere_is_not_followed(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "elsewhere.json")

    with pytest.raises(StoreError, match="there is a file already"):
        exporting.write(link, "text")

    assert not (tmp_path / "elsewhere.json").exists()


def test_folders_on_the_way_are_made_and_the_file_is_private(tmp_path: Path) -> None:
    file = exporting.write(tmp_path / "a" / "b" / "c.json", "text")

    assert file.read_text() == "text"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


# ── real files ────────────────────────────────────────────────────────────────────────────────────────

real = pytest.mark.skipif(not EXPORTS.is_dir(), reason="the recorded exports are not here")


@real
def test_recorded_exports_are_judged_as_their_own_program_does() -> None:
    found = {}
    recorded = json.loads((EXPORTS / "manifest.json").read_text())["exports"]
    for each in recorded:
        try:
            importing.check(EXPORTS / each["file"])
            found[each["file"]] = "ok"
        except CheckpointError as error:
            found[each["file"]] = error.what

    assert {each["file"]: each["validate"] for each in recorded} == found


@real
@pytest.mark.parametrize("name", ["compact-simple", "ctx-and-meta", "edited-system", "odd", "vpc-review"])
def test_a_recorded_export_is_written_again_as_it_was(name: str) -> None:
    document = importing.load(EXPORTS / "exports" / f"{name}.json")
    assert isinstance(document, dict)

    again = exporting.document(importing.transcript_of(document), at=NOON, by="ana")

    calls = {"tool_calls": 3} if name == "edited-system" else {}
    assert document["statistics"] == {**mapping_of(again["statistics"]), **calls}
    assert untimed(document["session"]) == untimed(mapping_of(again["session"]))
    assert [untimed(message) for message in document["messages"]] == [
        untimed(message) for message in list_of(again["messages"])
    ]


def list_of(value: object) -> list[Any]:
    assert isinstance(value, list)
    return value


def mapping_of(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)
    return value


def untimed(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if not name.endswith("_at")}


# ── conversations of every store ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("format", [Format.JSON, Format.YAML])
def test_the_sessions_of_every_store_come_back(agent: str, format: Format, tmp_path: Path) -> None:
    home = build(agent, tmp_path)
    adapter = discover().adapters[agent](home.world)
    readable = 0

    for root in adapter.roots():
        for source in adapter.scan(root):
            try:
                transcript = adapter.read(source)
            except StoreError:
                continue
            if transcript.messages:
                file = exporting.write(tmp_path / f"{readable}.{format}", exported(transcript, format))
                readable += 1
                assert replace(transcript, messages=tuple(transcript.messages)) == importing.read(file)

    assert readable > 0
