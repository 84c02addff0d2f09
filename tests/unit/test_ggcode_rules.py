"""What ggcode's own storage promises holds for its sessions here, through the manager and the adapter."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from session_tui.adapters import times
from session_tui.agents.ggcode import Ggcode
from session_tui.agents.memory import Memory
from session_tui.cli.main import main
from session_tui.errors import StoreError, StoreLocked, UnknownSession
from session_tui.manager import SessionFilter, SessionManager, Upkeep
from session_tui.model import (
    Block,
    Health,
    Image,
    Message,
    MetricRecord,
    Role,
    Session,
    SessionKey,
    Text,
    ToolCall,
    ToolResult,
    TunnelEvent,
    Usage,
    UsageRecord,
)
from session_tui.tui.listing import Listing
from tests.unit.killing import held
from tests.unit.managing import said as message
from tests.unit.tables import digest, everything, listed, world

ID, OTHER = "20260525-192706-9f3a1c20b7d4e851", "20260526-080000-00c4d2aa91b3e7f5"
SUMMARY = "[Previous conversation summary]\nThe lamp was trimmed."
MIB = 1024 * 1024
UNSET = "0001-01-01T00:00:00Z"
DAWN = datetime(2026, 7, 10, 6, tzinfo=UTC)
Record = Mapping[str, Any]
Capture = pytest.CaptureFixture[bytes]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def folder(home: Path) -> Path:
    """Where the program keeps its sessions; not there yet."""
    return home / ".ggcode" / "sessions"


@pytest.fixture
def ggcode(home: Path) -> Ggcode:
    return Ggcode(world(home))


@pytest.fixture
def manager(ggcode: Ggcode) -> SessionManager:
    return SessionManager(ggcode)


def said(role: str, *content: object, id: str = "", at: datetime | str | None = None) -> Record:
    """A message record: of a newer program where it has a time."""
    parts = [{"type": "text", "text": part} if isinstance(part, str) else part for part in content]
    stamp = at.isoformat() if isinstance(at, datetime) else at
    told = ({"id": id} if id else {}) | {"role": role, "content": parts}
    return {"type": "message", "message": told} | ({"timestamp": stamp} if stamp else {})


def embedding(*records: Record) -> Record:
    """A checkpoint as old programs write it; without records it is an empty one."""
    items = [record["message"] for record in records]
    return {"type": "checkpoint"} | ({"checkpoint_messages": items} if items else {})


def naming(summary: str, last: str = "") -> Record:
    """A checkpoint as newer programs write it."""
    told = {"checkpoint_summary_msg_id": summary, "checkpoint_last_msg_id": last, "timestamp": UNSET}
    return {"type": "checkpoint", **told}


def write(folder: Path, *records: Record | bytes, id: str = ID) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{id}.jsonl"
    lines = [
        each if isinstance(each, bytes) else json.dumps(each, separators=(",", ":")).encode() + b"\n"
        for each in records
    ]
    path.write_bytes(b"".join(lines))
    return path


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def entries(folder: Path) -> dict[str, dict[str, Any]]:
    """The program's list, by id."""
    return {entry["id"]: entry for entry in json.loads((folder / "index.json").read_text())}


def run(monkeypatch: pytest.MonkeyPatch, capture: Capture, *arguments: str) -> dict[str, Any]:
    """What a command prints as JSON."""
    monkeypatch.setattr(sys, "argv", ["session-tui", *arguments])
    with suppress(SystemExit):
        main()
    told: dict[str, Any] = json.loads(capture.readouterr().out)
    return told


def texts(found: Sequence[Message]) -> list[str]:
    return [each.text for each in found]


def talk(manager: SessionManager, *lines: str, id: str = ID, title: str = "Trim the lamp") -> SessionKey:
    key = manager.create(title, id=id).key
    for line in lines:
        manager.add_message(key, Role.USER, line)
    return key


# ── sessions ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_keeps_its_title_its_workspace_and_two_messages(home: Path, tmp_path: Path) -> None:
    with SessionManager(Ggcode(world(home))) as writer:
        key = writer.create("Trim the lamp", id=ID, project=tmp_path).key
        writer.add_message(key, Role.USER, "The lamp smokes")
        writer.add_message(key, Role.ASSISTANT, "Trim its wick.")

    reader = SessionManager(Ggcode(world(home)))
    session = reader.require(key)

    assert ("Trim the lamp", str(tmp_path)) == (session.title, session.project)
    assert ["The lamp smokes", "Trim its wick."] == texts(reader.messages(key))


def test_two_sessions_are_listed_with_their_workspaces(folder: Path, manager: SessionManager, tmp_path: Path) -> None:
    places = {ID: tmp_path / "hall", OTHER: tmp_path / "tower"}
    for id, place in places.items():
        place.mkdir()
        manager.add_message(manager.create(id=id, project=place).key, Role.USER, "Light it")

    expected = {id: str(place) for id, place in places.items()}
    assert expected == {session.key.id: session.project for session in manager.list_sessions()}
    assert expected == {id: entry["workspace"] for id, entry in entries(folder).items()}
    hall = manager.list_sessions(SessionFilter(project=tmp_path / "hall"))
    assert [ID] == [session.key.id for session in hall]


def test_a_message_can_be_appended_to_a_session_that_was_never_written(folder: Path, manager: SessionManager) -> None:
    key = manager.create("Trim the lamp", id=ID).key
    before = folder.exists()

    manager.add_message(key, Role.USER, "The lamp smokes")

    assert before is False
    assert ["The lamp smokes"] == texts(manager.messages(key))
    assert (folder / f"{ID}.jsonl").is_file()


def test_the_events_of_a_stream_and_that_they_are_all_come_back(
    folder: Path, home: Path, manager: SessionManager
) -> None:
    key = talk(manager, "The lamp smokes")
    events = (TunnelEvent("ev-1", "text", "msg-2", {"chunk": "Trim"}), TunnelEvent("ev-2", "done", "msg-2"))
    for event in events:
        manager.append_tunnel_event(key, event)
    manager.update(key, lambda session: replace(session, metadata={"tunnel_events_complete": True}))

    again = SessionManager(Ggcode(world(home)))

    assert events == again.tunnel_events(key)
    assert again.require(key).metadata["tunnel_events_complete"] is True
    metas = [record for record in records(folder / f"{ID}.jsonl") if record["type"] == "meta"]
    assert metas[-1]["tunnel_events_complete"] is True


def test_what_the_program_says_later_of_itself_is_not_hidden_by_what_was_kept(
    folder: Path, manager: SessionManager
) -> None:
    key = talk(manager, "The lamp smokes")
    manager.update(key, lambda session: replace(session, metadata={"permission_mode": "plan"}))
    with (folder / f"{ID}.jsonl").open("a") as file:
        file.write(json.dumps({"type": "meta", "title": "Trim", "permission_mode": "auto"}) + "\n")

    assert "auto" == manager.require(key).metadata["permission_mode"]


def test_an_export_says_all_that_was_said(manager: SessionManager) -> None:
    key = talk(manager, "The lamp smokes", "And now?")

    document = manager.export(key, format="markdown")

    for part in ("Trim the lamp", "The lamp smokes", "And now?"):
        assert part in document


def test_a_deleted_session_cannot_be_loaded(folder: Path, manager: SessionManager) -> None:
    key = talk(manager, "The lamp smokes")

    manager.delete(key)

    with pytest.raises(UnknownSession):
        manager.require(key)
    with pytest.raises(UnknownSession):
        manager.transcript(key)
    assert {} == entries(folder)


def test_a_cutoff_in_the_future_cleans_one_session_away(manager: SessionManager) -> None:
    key = talk(manager, "The lamp smokes")

    assert (key,) == manager.clean_before(datetime.now(UTC) + timedelta(hours=1))
    assert () == manager.list_sessions()


def test_home_says_where_sessions_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture) -> None:
    found = []
    for name, id in (("one", ID), ("two", OTHER)):
        write(tmp_path / name / ".ggcode" / "sessions", said("user", "Light it"), id=id)
        monkeypatch.setenv("HOME", str(tmp_path / name))
        told = run(monkeypatch, capfdbinary, "list", "--json", "--store", "ggcode")
        found.append([session["id"] for session in told["sessions"]])

    assert [[ID], [OTHER]] == found


# ── checkpoints of old programs ───────────────────────────────────────────────────────────────────────────


def test_two_messages_of_a_checkpoint_and_two_later_are_four(folder: Path, manager: SessionManager) -> None:
    inside = (said("system", SUMMARY), said("user", "And the wick?"))
    write(folder, said("user", "one"), said("assistant", "two"), embedding(*inside), *pair())

    sent = manager.compacted(manager.key(ID))

    assert [SUMMARY, "And the wick?", "Is it lit?", "It is."] == texts(sent)
    assert Role.SYSTEM is sent[0].role


def pair() -> tuple[Record, Record]:
    return said("user", "Is it lit?"), said("assistant", "It is.")


def test_without_a_checkpoint_all_three_are_sent(folder: Path, manager: SessionManager) -> None:
    write(folder, said("user", "one"), *pair())

    assert ["one", "Is it lit?", "It is."] == texts(manager.compacted(manager.key(ID)))


def test_of_two_checkpoints_the_second_and_what_came_later_are_three(folder: Path, manager: SessionManager) -> None:
    first = embedding(said("system", SUMMARY), said("user", "one"))
    second = embedding(said("system", SUMMARY + " Twice."), said("user", "two"))
    write(folder, said("user", "one"), first, said("user", "two"), second, said("assistant", "three"))

    assert [SUMMARY + " Twice.", "two", "three"] == texts(manager.compacted(manager.key(ID)))


def test_after_an_empty_checkpoint_only_later_messages_are_sent(folder: Path, manager: SessionManager) -> None:
    meta = {"type": "meta", "title": "Trim the lamp", "workspace": "/hall", "model": "glm-5"}
    write(folder, meta, said("user", "one"), said("assistant", "two"), embedding(), said("user", "three"))
    key = manager.key(ID)

    session = manager.require(key)

    assert ["three"] == texts(manager.compacted(key))
    assert ["one", "two", "three"] == texts(manager.messages(key))
    assert ("Trim the lamp", "/hall", "glm-5") == (session.title, session.project, session.model)
    assert (3, 2) == (session.message_count, session.archived_count)


def test_a_checkpoint_behind_an_empty_one_says_alone_what_is_sent(folder: Path, manager: SessionManager) -> None:
    kept = said("user", "one")
    write(folder, kept, embedding(), said("system", "Mind the oil."), embedding(said("system", SUMMARY), kept))

    assert [SUMMARY, "one"] == sorted(texts(manager.compacted(manager.key(ID))))


def test_a_new_history_is_sent_whole_though_there_was_an_empty_checkpoint(
    folder: Path, manager: SessionManager
) -> None:
    path = write(folder, said("user", "one"), embedding(), said("user", "two"))
    key = manager.key(ID)

    manager.set_history(key, manager.messages(key)[:1])
    manager.set_history(key, [message("three"), message("four")])

    assert ["three", "four"] == texts(manager.compacted(key))
    assert "checkpoint" not in {record["type"] for record in records(path)}


def test_a_checkpoint_is_newer_in_the_list_and_leaves_the_title(folder: Path, manager: SessionManager) -> None:
    key = talk(manager, *(f"tide {number}" for number in range(20)))
    listed_as = entries(folder)[ID] | {"updated_at": "2026-05-25T19:27:06.12Z"}
    (folder / "index.json").write_text(json.dumps([listed_as]))

    result = manager.compact(key)

    entry = entries(folder)[ID]
    moment = times.parse(entry["updated_at"])
    assert result.removed_messages
    assert moment is not None
    assert moment > datetime(2026, 5, 26, tzinfo=UTC)
    assert ("Trim the lamp", "Trim the lamp") == (entry["title"], manager.require(key).title)


def test_a_compacted_conversation_makes_the_file_it_needs(folder: Path, home: Path, manager: SessionManager) -> None:
    memory = Memory(world(home))
    source = SessionManager(memory)
    talk(source, *(f"tide {number}" for number in range(20)))
    source.compact(source.key(ID))
    sent = texts(source.compacted(source.key(ID)))

    (key,) = manager.migrate(memory).keys

    assert 1 == [record["type"] for record in records(folder / f"{key.id}.jsonl")].count("checkpoint")
    assert sent == [text.removeprefix("[Previous conversation summary]\n") for text in texts(manager.compacted(key))]
    assert len(sent) < 20


# ── sessions in which nothing was said ────────────────────────────────────────────────────────────────────


def test_an_empty_session_makes_neither_file_nor_list(home: Path, folder: Path, manager: SessionManager) -> None:
    key = manager.create("Trim the lamp", id=ID, system_prompt="Keep the light.").key
    manager.rename(key, "Oil the lamp")
    manager.tag(key, "night")
    manager.add_message(key, Role.ASSISTANT, "How can I help?")
    manager.close()

    assert not folder.exists()
    assert [] == [path for path in home.rglob("*") if path.is_file()]


def test_a_session_that_was_emptied_keeps_its_file(folder: Path, manager: SessionManager) -> None:
    key = talk(manager, "The lamp smokes")

    manager.clear(key)

    assert (folder / f"{ID}.jsonl").is_file()
    assert [(ID, 0)] == [(session.key.id, session.message_count) for session in manager.list_sessions()]


PICTURE = Image("image/png", 3, lambda: b"abc")
RESULT = ToolResult("call_7", "read_file", "1 lamp")


@pytest.mark.parametrize(
    ("role", "blocks", "counts"),
    [
        (Role.USER, (Text("The lamp smokes"),), True),
        (Role.USER, (Text("  \n\t "),), False),
        (Role.USER, (), False),
        (Role.USER, (RESULT,), False),
        (Role.USER, (RESULT, Text("And now?")), True),
        (Role.USER, (PICTURE,), False),
        (Role.USER, (Text(" "), PICTURE), False),
        (Role.USER, (Text("Look"), PICTURE), True),
        (Role.ASSISTANT, (Text("The lamp smokes"),), False),
        (Role.SYSTEM, (Text("Keep the light."),), False),
    ],
)
def test_only_text_of_a_person_makes_a_session(
    folder: Path, manager: SessionManager, role: Role, blocks: tuple[Block, ...], counts: bool
) -> None:
    key = manager.create(id=ID).key

    manager.add_full_message(key, Message(id="", role=role, blocks=blocks))

    assert counts is manager.has_user_text(key)
    assert counts is (folder / f"{ID}.jsonl").exists()


def test_a_file_without_a_meta_record_gets_one_that_says_all_that_is_known(
    folder: Path, manager: SessionManager
) -> None:
    path = write(folder, said("user", "The lamp smokes"))
    entry = {"id": ID, "title": "The lamp", "workspace": "/hall", "model": "glm-5", "vendor": "zai", "msg_count": 1}
    (folder / "index.json").write_text(json.dumps([entry]))

    manager.rename(manager.key(ID), "Trim the lamp")

    (meta,) = [record for record in records(path) if record["type"] == "meta"]
    told = {name: meta[name] for name in ("session_id", "title", "workspace", "model", "vendor")}
    assert {"session_id": ID, "title": "Trim the lamp", "workspace": "/hall", "model": "glm-5", "vendor": "zai"} == told


def test_files_in_which_nothing_was_said_are_listed_and_stay(folder: Path, ggcode: Ggcode) -> None:
    write(folder, {"type": "meta", "title": "Nothing yet"})
    write(folder, id=OTHER)
    before = digest(folder)
    manager = SessionManager(ggcode, upkeep=Upkeep(delete_after=timedelta(0)))

    found = {session.key.id: session.message_count for session in manager.list_sessions()}
    manager.recover()
    manager.maintain(datetime.now(UTC) + timedelta(days=900))
    manager.statistics()
    manager.close()

    assert {ID: 0, OTHER: 0} == found
    assert before == digest(folder)


def test_an_empty_file_is_unlisted_until_its_first_message(folder: Path, manager: SessionManager) -> None:
    path = write(folder)
    (folder / "index.json.flock").touch()
    os.utime(path, (0, 0))
    key = manager.key(ID)
    before = manager.require(key).updated_at

    manager.add_message(key, Role.USER, "The lamp smokes")

    after = manager.require(key).updated_at
    assert before == datetime(1970, 1, 1, tzinfo=UTC)
    assert after is not None
    assert after > before
    assert 1 == entries(folder)[ID]["msg_count"]
    assert ["message"] == [record["type"] for record in records(path)]


def test_the_last_session_is_one_in_which_something_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture
) -> None:
    folder = tmp_path / ".ggcode" / "sessions"
    os.utime(write(folder, said("user", "Light it")), (1, 1))
    write(folder, id=OTHER)
    monkeypatch.setenv("HOME", str(tmp_path))

    told = run(monkeypatch, capfdbinary, "resume", "--last", "--json", "--in", str(tmp_path))

    assert f"ggcode:{ID}" == told["ref"]


# ── checkpoints of newer programs ─────────────────────────────────────────────────────────────────────────


def test_six_records_are_shown_and_four_are_sent(folder: Path, manager: SessionManager) -> None:
    spoken = [said("user", f"tide {number}", id=f"msg_{number}", at=DAWN) for number in range(5)]
    summary = said("system", SUMMARY, id="msg_s", at=DAWN)
    write(folder, *spoken[:2], summary, naming("msg_s", "msg_1"), *spoken[2:])
    key = manager.key(ID)

    assert ["tide 0", "tide 1", SUMMARY, "tide 2", "tide 3", "tide 4"] == texts(manager.transcript(key).messages)
    assert [SUMMARY, "tide 2", "tide 3", "tide 4"] == texts(manager.compacted(key))


@pytest.mark.parametrize("last", ["", "msg_0"])
def test_a_checkpoint_that_names_no_summary_stands_for_nothing(
    folder: Path, manager: SessionManager, last: str
) -> None:
    write(folder, *(said("user", f"tide {n}", id=f"msg_{n}", at=DAWN) for n in range(2)), naming("", last))

    assert ["tide 0", "tide 1"] == texts(manager.compacted(manager.key(ID)))


def test_an_old_checkpoint_is_read_as_newer_programs_convert_it(folder: Path, home: Path) -> None:
    one, two, three = (said("user", text) for text in ("one", "two", "three"))
    write(folder, one, two, embedding(said("system", SUMMARY), two), three)
    summary = said("system", SUMMARY, id="msg_s", at=UNSET)
    write(folder, one, two, naming("msg_s"), summary, said("user", "three", id="msg_3"), id=OTHER)
    (folder / "index.json.flock").touch()
    before = digest(folder)
    manager = SessionManager(Ggcode(world(home)))

    sent = [texts(manager.compacted(manager.key(id))) for id in (ID, OTHER)]

    assert [[SUMMARY, "three"]] * 2 == sent
    assert before == digest(folder)


@pytest.mark.parametrize("first", [True, False])
def test_an_old_checkpoint_beside_a_newer_one_is_left_out(folder: Path, manager: SessionManager, first: bool) -> None:
    old = embedding(said("system", SUMMARY + " Long ago."), said("user", "one"))
    summary = said("system", SUMMARY, id="msg_s", at=DAWN)
    write(
        folder,
        said("user", "one"),
        *([old] if first else []),
        said("user", "two", id="msg_2", at=DAWN),
        summary,
        naming("msg_s", "msg_2"),
        *([] if first else [old]),
        said("user", "three", id="msg_3", at=DAWN),
    )

    sent = manager.compacted(manager.key(ID))

    assert [SUMMARY, "three"] == texts(sent)


def test_ids_are_the_same_at_every_reading_and_no_other_file_is_left(
    folder: Path, home: Path, manager: SessionManager
) -> None:
    key = talk(manager, *(f"tide {number}" for number in range(20)))
    before = [each.id for each in manager.messages(key)]

    manager.compact(key)
    manager.rename(key, "Ebb")
    readings = [[each.id for each in SessionManager(Ggcode(world(home))).messages(key)] for _ in range(2)]

    assert [before, before] == readings
    names = {f"{ID}.jsonl", f"{ID}.jsonl.flock", "index.json", "index.json.flock"}
    assert names == {path.name for path in folder.iterdir()}


def test_titles_and_previews_are_cut_between_characters(folder: Path, manager: SessionManager) -> None:
    words = "灯台の灯りが消えた" * 40
    key = talk(manager, words, title="灯" * 70)
    write(folder, said("user", words), id=OTHER)

    title = manager.require(manager.key(OTHER)).title
    entry = json.loads((folder / "index.json").read_bytes().decode())[0]

    assert words[:199] + "…" == title
    assert ("灯" * 70, words[:117] + "...") == (entry["title"], entry["preview"])
    assert "\ufffd" not in (folder / f"{key.id}.jsonl").read_bytes().decode()


def test_usage_and_measurements_outlast_checkpoints_and_the_last_turn_is_the_highest(manager: SessionManager) -> None:
    key = talk(manager, *(f"tide {number}" for number in range(20)))
    manager.append_usage(key, UsageRecord(Usage(900, 40), DAWN, 7))
    manager.append_metric(key, MetricRecord("tool", DAWN, 9, {"tool_name": "read_file"}))

    manager.compact(key)
    manager.append_usage(key, UsageRecord(Usage(100, 4), DAWN, 8))

    info = manager.info(key)
    assert [(900, 7), (100, 8)] == [(each.usage.input_tokens, each.turn) for each in manager.usage(key)]
    assert [("tool", 9)] == [(each.type, each.turn) for each in manager.metrics(key)]
    assert info is not None
    assert (9, 1000) == (info.last_turn, info.usage.input_tokens)


@pytest.mark.parametrize("newest", [True, False])
def test_stream_events_are_nothing_that_a_model_is_sent(folder: Path, manager: SessionManager, newest: bool) -> None:
    at = DAWN if newest else None
    event = {"type": "tunnel_event", "tunnel_event": {"event_id": "ev-1", "type": "text", "data": {"chunk": "Li"}}}
    write(folder, said("user", "Light it", at=at), event, said("assistant", "Lit.", at=at))
    key = manager.key(ID)

    manager.append_tunnel_event(key, TunnelEvent("ev-2", "done"))

    assert ["Light it", "Lit."] == texts(manager.compacted(key))
    assert 2 == manager.count(key)


# ── damage ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_whose_only_prompt_is_too_long_a_line_is_never_removed(folder: Path, ggcode: Ggcode) -> None:
    path = write(folder, said("user", "x" * 11 * MIB, at=DAWN), said("assistant", "Phew.", at=DAWN))
    size = path.stat().st_size
    manager = SessionManager(ggcode, upkeep=Upkeep(delete_after=timedelta(0)))
    key = manager.key(ID)

    listed_there = [session.key for session in manager.list_sessions()]
    manager.recover()
    manager.maintain()

    assert [key] == listed_there
    assert manager.has_user_text(key)
    assert size == path.stat().st_size


@pytest.mark.parametrize("at", [DAWN, None])
def test_a_torn_line_gets_one_line_end_and_what_follows_survives(
    folder: Path, manager: SessionManager, at: datetime | None
) -> None:
    path = write(folder, said("user", "one", at=at), b'{"type":"message","mess')
    before = path.read_bytes()
    key = manager.key(ID)

    manager.add_message(key, Role.USER, "two")
    manager.add_message(key, Role.USER, "three")

    added = path.read_bytes().removeprefix(before)
    assert [b"", True, True] == [line.startswith(b"{") or line for line in added.splitlines()]
    assert added.endswith(b"}\n")
    assert ["one", "two", "three"] == texts(manager.messages(key))


def test_a_file_that_fails_while_it_is_read_does_not_end_there(
    folder: Path, ggcode: Ggcode, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, *(said("user", "tide " * 200, id=str(number)) for number in range(600)))
    (source,) = [source for root in ggcode.roots() for source in ggcode.scan(root)]
    really = os.pread

    def fail(descriptor: int, length: int, offset: int) -> bytes:
        if offset >= 1 << 18:
            raise OSError(errno.EIO, "Input/output error")
        return really(descriptor, length, offset)

    whole = ggcode.read(source)
    with monkeypatch.context() as patched:
        patched.setattr(os, "pread", fail)
        (head,) = ggcode.heads([source])
        with pytest.raises(StoreError, match="input/output error"):
            ggcode.read(source)
        with pytest.raises(StoreError, match="input/output error"):
            whole.messages[599].text  # noqa: B018 - looking is what fails

    assert Health.UNREADABLE is head.health
    assert 600 == len(whole.messages)


# ── windows ───────────────────────────────────────────────────────────────────────────────────────────────


def days(count: int, *, minutes: float = 9.6) -> list[Record]:
    """So many messages, by default six hundred of them within four days."""
    moments = [DAWN + timedelta(minutes=minutes * number) for number in range(count)]
    roles = ["user" if number % 2 == 0 else "assistant" for number in range(count)]
    return [said(roles[n], f"tide {n}", id=f"msg_{n}", at=moments[n]) for n in range(count)]


def test_of_a_long_session_what_was_said_within_a_day_of_its_end_is_recent(
    folder: Path, manager: SessionManager
) -> None:
    late = said("system", "A turn digest.", id="digest", at=DAWN + timedelta(days=30))
    write(folder, *days(600), late)

    recent = texts(manager.recent(manager.key(ID)))

    assert [*(f"tide {number}" for number in range(449, 600)), "A turn digest."] == recent
    assert 601 == manager.count(manager.key(ID))


@pytest.mark.parametrize(("count", "shown"), [(499, 499), (500, 151)])
def test_a_session_of_fewer_than_five_hundred_messages_is_recent_as_a_whole(
    folder: Path, manager: SessionManager, count: int, shown: int
) -> None:
    write(folder, *days(count))

    assert shown == len(manager.recent(manager.key(ID)))


def test_unknown_times_are_recent_and_times_within_a_text_are_none(folder: Path, manager: SessionManager) -> None:
    spoken = days(600)
    pasted = 'as in "timestamp":"2020-01-01T00:00:00Z","role":"user"'
    spoken[10] = said("user", "when?", id="msg_10", at=UNSET)
    spoken[598] = said("user", pasted, id="msg_598", at=DAWN + timedelta(minutes=9.6 * 598))
    write(folder, *spoken)

    recent = texts(manager.recent(manager.key(ID)))

    assert ("when?", "tide 449", pasted) == (recent[0], recent[1], recent[-2])
    assert 152 == len(recent)


def test_a_prompt_from_long_before_keeps_its_session(folder: Path, ggcode: Ggcode) -> None:
    answers = [replaced(record, "assistant") for record in days(600)]
    path = write(folder, said("user", "Watch the tide", id="first", at=DAWN - timedelta(days=9)), *answers)
    before = path.read_bytes()
    manager = SessionManager(ggcode, upkeep=Upkeep(delete_after=timedelta(0)))
    key = manager.key(ID)

    recent = manager.recent(key)
    manager.list_sessions()
    manager.recover()
    manager.maintain()

    assert {Role.ASSISTANT} == {each.role for each in recent}
    assert manager.has_user_text(key)
    assert before == path.read_bytes()


def replaced(record: Record, role: str) -> Record:
    return {**record, "message": {**record["message"], "role": role}}


def test_a_capped_conversation_is_the_last_two_hundred_behind_a_note(folder: Path, manager: SessionManager) -> None:
    write(folder, *days(250))

    note, *rest = manager.capped(manager.key(ID))

    assert (Role.SYSTEM, True) == (note.role, note.is_meta)
    assert "50 earlier messages" in note.text
    assert [f"tide {number}" for number in range(50, 250)] == texts(rest)


def test_a_conversation_of_two_hundred_is_not_cut(folder: Path, manager: SessionManager) -> None:
    write(folder, *days(200))

    assert [f"tide {number}" for number in range(200)] == texts(manager.capped(manager.key(ID)))


def test_the_cap_keeps_the_last_thing_a_person_said(folder: Path, manager: SessionManager) -> None:
    spoken = days(250)
    write(folder, *spoken[:11], *(replaced(record, "assistant") for record in spoken[11:]))

    note, *rest = manager.capped(manager.key(ID))

    assert "10 earlier messages" in note.text
    assert [f"tide {number}" for number in range(10, 250)] == texts(rest)


def test_the_cap_does_not_part_results_from_their_call(folder: Path, manager: SessionManager) -> None:
    spoken = days(250)
    call = {"type": "tool_use", "tool_name": "look", "tool_id": "c", "input": {}}
    result = {"type": "tool_result", "tool_name": "look", "tool_id": "c", "output": "dark"}
    spoken[49], spoken[50] = said("assistant", call, at=DAWN), said("user", result, at=DAWN)
    write(folder, *spoken)

    note, first, second, *_ = manager.capped(manager.key(ID))

    assert "49 earlier messages" in note.text
    assert ([ToolCall("c", "look", {})], ["dark"]) == (
        list(first.blocks),
        [block.text for block in second.blocks if isinstance(block, ToolResult)],
    )


# ── the list, locks, names ────────────────────────────────────────────────────────────────────────────────


def test_the_list_is_never_behind_what_was_said(folder: Path, manager: SessionManager) -> None:
    key = manager.create(id=ID).key
    counts, moments = [], []
    for number in range(3):
        manager.add_message(key, Role.USER, f"tide {number}")
        counts.append(entries(folder)[ID]["msg_count"])
        moments.append(times.parse(entries(folder)[ID]["updated_at"]))

    assert [1, 2, 3] == counts
    assert None not in moments
    assert sorted(set(moments), key=str) == moments


def test_the_count_in_the_list_never_goes_back(folder: Path, manager: SessionManager) -> None:
    key = talk(manager, "tide 0")
    (folder / "index.json").write_text(json.dumps([{**entries(folder)[ID], "msg_count": 40}]))

    manager.add_message(key, Role.USER, "tide 1")

    assert 40 == entries(folder)[ID]["msg_count"]
    assert 2 == manager.count(key)


def test_a_list_that_is_corrupt_is_not_written_over_by_a_message(folder: Path, manager: SessionManager) -> None:
    key = talk(manager, "tide 0")
    (folder / "index.json").write_text('[{"id":"other"},')

    manager.add_message(key, Role.USER, "tide 1")

    assert '[{"id":"other"},' == (folder / "index.json").read_text()
    assert ["tide 0", "tide 1"] == texts(manager.messages(key))


def test_a_lock_that_is_held_stays_and_a_stale_one_goes(
    folder: Path, manager: SessionManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("session_tui.agents.ggcode.appending.PATIENCE", 0.05)
    key = talk(manager, "tide 0")
    lock = folder / f"{ID}.lock"

    with held(lock):
        holder = lock.read_text()
        with pytest.raises(StoreLocked):
            manager.add_message(key, Role.USER, "tide 1")
        kept = lock.read_text()
    manager.add_message(key, Role.USER, "tide 2")

    assert holder == kept != ""
    assert not lock.exists()
    assert ["tide 0", "tide 2"] == texts(manager.messages(key))


@pytest.mark.parametrize("id", ["-rf", "a.b", "../up", "a b", "x" * 129, "über"])
def test_an_id_that_is_not_accepted_is_refused_before_anything_is_written(
    home: Path, manager: SessionManager, id: str
) -> None:
    key = manager.create(id=id).key

    with pytest.raises(StoreError, match="does not accept"):
        manager.add_message(key, Role.USER, "tide 0")

    assert [] == [path for path in home.rglob("*") if path.is_file()]


@pytest.mark.parametrize("place", ["my.store v1.2/sessions", "C:\\kept\\here/sessions", "a.jsonl/.ggcode/sessions"])
def test_ids_are_the_names_of_files_wherever_these_are(tmp_path: Path, place: str) -> None:
    write(tmp_path / place, said("user", "Light it"))
    write(tmp_path / place, said("user", "Light it"), id="kept.before\\upgrade")

    found = listed(Ggcode(world(tmp_path, given={"ggcode": (tmp_path / place,)})))

    assert {ID, "kept.before\\upgrade"} == set(found)


@pytest.mark.parametrize("needle", ["LAMP", "lamp", "LaMp"])
def test_search_knows_no_case_and_sorts_before_it_cuts(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture, needle: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    ids = [f"2026052{number}-080000-00c4d2aa91b3e7f5" for number in range(5)]
    for number, id in enumerate(ids):
        os.utime(write(folder, said("user", f"Trim the Lamp {number}"), id=id), (number * 7 % 5 + 1,) * 2)
    write(folder, said("user", "Oil the hinges"))

    told = run(monkeypatch, capfdbinary, "list", needle, "--json", "--limit", "2")

    assert [ids[2], ids[4]] == [session["id"] for session in told["sessions"]]
    assert 5 == told["meta"]["total"]


def test_a_directory_has_none_of_the_sessions_without_one(tmp_path: Path) -> None:
    listing = Listing(tmp_path, here=True)
    sessions = [
        Session(key=SessionKey("s", id), project=project)
        for id, project in (("none", None), ("empty", ""), ("here", str(tmp_path)))
    ]

    listing.update(sessions)

    assert ["here"] == [session.key.id for session in listing.scoped()]


def test_no_message_is_lost_to_the_eye_that_stands_in_the_file(folder: Path, ggcode: Ggcode) -> None:
    again = said("user", "continue")
    write(folder, again, said("user", "continue", id="a"), said("user", "continue", id="b"), again, again)
    repeated = write(folder, *(said("user", "continue", id="a"),) * 2, id=OTHER)

    found = everything(ggcode)

    assert 5 == len(found[ID].messages)
    assert ["a"] == [each.id for each in found[OTHER].messages]
    assert 2 == len(records(repeated))
