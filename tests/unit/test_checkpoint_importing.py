"""Checkpoints of any origin are read, judged in a fixed order, and bounded."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from session_tui.checkpoint import importing, whole
from session_tui.checkpoint.schema import DEEPEST, WHOLE, validate
from session_tui.errors import CheckpointError, StoreDamaged, StoreMissing
from session_tui.model import (
    Role,
    Session,
    SessionKey,
    Transcript,
)
from tests.unit.checkpoints import NOON, exported, sound

# ── what is read ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("extension", ["json", "yaml", "ckpt"])
def test_a_checkpoint_of_another_program_is_read(tmp_path: Path, extension: str) -> None:
    file = tmp_path / f"kettle.{extension}"
    file.write_text(yaml.safe_dump(sound()) if extension == "yaml" else json.dumps(sound()))

    transcript = importing.read(file)

    session = transcript.session
    assert ("kettle", "tin", "copper-2", "/home/ana/kettle", {"litres": 2}) == (
        session.title,
        session.provider,
        session.model,
        session.project,
        session.metadata,
    )
    assert session.created_at == datetime(2026, 3, 1, 15, 0, 0, 123456, tzinfo=UTC)
    assert [(Role.USER, "Why does it <whistle> & hum?", False), (Role.ASSISTANT, "", True)] == [
        (message.role, message.text, message.archived) for message in transcript.messages
    ]
    assert [("project_instructions", "Descale."), ("working_directory", "/src")] == [
        (item.type, item.value) for item in transcript.context
    ]
    assert ["a.md"] == [file.path for file in transcript.files_read]


def test_context_is_left_out_on_request() -> None:
    transcript = importing.transcript_of(sound(), include_context=False)

    assert ((), ()) == (transcript.context, transcript.files_read)


def without(*path: str) -> Callable[[dict[str, Any]], object]:
    def change(document: dict[str, Any]) -> object:
        for name in path[:-1]:
            document = document[name]
        return document.pop(path[-1])

    return change


REASONS: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (without("version"), "checkpoint version is missing"),
    (lambda it: it.update(version="2.0"), "unsupported checkpoint version: 2.0 (expected: 1.0)"),
    (without("session", "name"), "session name is required"),
    (without("session", "provider"), "session provider is required"),
    (without("session", "model"), "session model is required"),
    (lambda it: it.update(messages=[]), "checkpoint must contain at least one message"),
    (lambda it: it["messages"][0].update(role=None), "message role is required: message 0"),
    (
        lambda it: it["messages"][1].update(role="tool"),
        "invalid message role: message 1 has role 'tool' (expected: user, assistant, system)",
    ),
    (
        lambda it: it["statistics"].update(message_count=5),
        "statistics message count does not match actual messages: count is 5 but found 2",
    ),
]


@pytest.mark.parametrize(("change", "reason"), REASONS, ids=[reason for _, reason in REASONS])
def test_what_is_not_sound_is_refused_with_its_reason(change: Callable[[dict[str, Any]], object], reason: str) -> None:
    document = sound()
    change(document)

    with pytest.raises(CheckpointError) as raised:
        importing.transcript_of(document)

    assert raised.value.what == reason


@pytest.mark.parametrize("first", range(len(REASONS)))
def test_of_several_reasons_the_first_is_told(first: int) -> None:
    document = sound()
    for change, _ in reversed(REASONS[first:]):
        change(document)

    with pytest.raises(CheckpointError) as raised:
        importing.transcript_of(document)

    assert raised.value.what == REASONS[first][1]


def test_no_checkpoint_at_all_is_refused() -> None:
    with pytest.raises(CheckpointError, match=r"^checkpoint is nil$"):
        validate(None)


def test_unquoted_numbers_of_yaml_are_texts_where_texts_belong(tmp_path: Path) -> None:
    file = tmp_path / "kettle.yaml"
    file.write_text(
        "version: 1.0\nsession: {name: 7, provider: true, model: 4}\n"
        "messages: [{role: user, content: 12}]\nstatistics: {message_count: 1}\n"
    )

    transcript = importing.read(file)

    assert ("7", "true", "4", "12") == (
        transcript.session.title,
        transcript.session.provider,
        transcript.session.model,
        transcript.messages[0].text,
    )


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.json", "", "not JSON"),
        ("a.json", "{", "not JSON"),
        ("a.json", "[]", "an object is expected"),
        ("a.json", "null", "version is missing"),
        ("a.json", "[" * 100_000, "nested too deeply|not JSON"),
        ("a.json", f'{{"a": {"[" * 300}{"]" * 300}}}', "nested more than 200 levels"),
        ("a.json", '{"session": 3}', "not a readable checkpoint"),
        ("a.json", '{"messages": {"role": "user"}}', "not a readable checkpoint"),
        ("a.yaml", "", "version is missing"),
        ("a.yaml", "a: [", "not YAML"),
        ("a.yaml", "- 1", "an object is expected"),
        ("a.yaml", BOMB, "aliases are not accepted"),
        ("a.yaml", f"a: {'[' * 300}{']' * 300}", "nested more than 200 levels"),
        ("a.yaml", f"a: {'[' * 100_000}", "nested more than 200 levels"),
        ("a.yaml", "a: !!python/object:os.system {}", "types are not accepted"),
        ("a.yaml", "a: !!python/name:os.system x", "types are not accepted"),
        ("a.yaml", "a: 1\n---\nb: 2\n", "more than one YAML document"),
        ("a.yaml", "? [a]\n: 1\n", "keys must be texts"),
        ("a.md", "# kettle", r"unsupported checkpoint format: markdown \(supported: json, yaml\)"),
    ],
)
def test_a_broken_file_is_refused_in_one_sentence(tmp_path: Path, name: str, text: str, reason: str) -> None:
    file = tmp_path / name
    file.write_text(text)

    with pytest.raises(CheckpointError, match=reason) as raised:
        importing.check(file)

    assert raised.value.where == str(file)


def test_yaml_in_another_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"a: \xff\n")

    with pytest.raises(CheckpointError, match="not UTF-8"):
        importing.check(file)


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    with file.open("wb") as sparse:
        sparse.truncate(importing.LARGEST + 1)

    with pytest.raises(StoreDamaged, match="larger than"):
        importing.check(file)


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        importing.read(tmp_path / "none.json")


@pytest.mark.parametrize(
    "value",
    [
        3,
        {"version": 2},
        {"version": 1},
        {"version": 1, "transcript": {"session": {"key": 1}}},
        {"version": 1, "transcript": {"session": {"key": {"store": "s", "id": "1"}}, "messages": [{"role": "cat"}]}},
    ],
)
def test_a_damaged_whole_is_told_and_what_to_do_about_it(value: object) -> None:
    with pytest.raises(CheckpointError, match=f"^{WHOLE} cannot be read: ") as raised:
        importing.transcript_of(sound() | {WHOLE: value})

    assert WHOLE in raised.value.hint


def test_what_nests_too_deeply_is_not_exported() -> None:
    deep: dict[str, object] = {}
    for _ in range(DEEPEST):
        deep = {"in": deep}
    talk = Transcript(session=Session(key=SessionKey("orchard", "o-5"), metadata=deep))

    with pytest.raises(CheckpointError, match="nested"):
        exported(talk)


def test_what_json_has_no_word_for_is_text() -> None:
    assert ["inf", "b'x'", "2026-06-01T12:00:00.123456Z"] == whole.plain([float("inf"), b"x", NOON])
