"""The zima adapter: invented stores for every rule, and the real stores beside the checkout."""

from __future__ import annotations

import json
import socket
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from session_tui.adapters import times
from session_tui.agents.zima import Zima, estimate
from session_tui.errors import StoreDamaged, StoreError, StoreMissing
from session_tui.model import (
    Health,
    Message,
    Refusal,
    Role,
    Scope,
    SessionState,
    Text,
    TitleSource,
    TokenSource,
    ToolCall,
    ToolResult,
    Transcript,
)
from tests.unit.tables import change, copied, digest, everything, fixture_home, listed, sha, world

DATABASE = ".zimaos-blue/data/blue.db"
ATTIC, BOILER, JAM, QUIET = (
    "default:web:mara",
    "default:telegram:77:attic",
    "pantry:matrix:@mara:example.test",
    "default:web:quiet",
)
AT = "2026-06-05 08:00:00+08:00"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return fixture_home("zima", tmp_path / "home")


@pytest.fixture
def database(home: Path) -> Path:
    return home / DATABASE


@pytest.fixture
def zima(home: Path) -> Zima:
    return Zima(world(home))


def store(database: Path, column: str, value: object, id: str = QUIET) -> None:
    change(database, f"UPDATE sessions SET {column} = ? WHERE id = ?", (value, id))


def blob(*records: object) -> str:
    return json.dumps({"messages": list(records)}, ensure_ascii=False)


def texts(transcript: Transcript) -> list[str]:
    return [shown(message) for message in transcript.messages]


def shown(message: Message) -> str:
    """A message's text, of a tool's its result."""
    return message.text or "".join(block.text for block in message.blocks if isinstance(block, ToolResult))


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_row_tells_all_that_a_list_shows(zima: Zima) -> None:
    session = listed(zima)[ATTIC]

    assert session.title == "Cold attic"
    assert session.title_source is TitleSource.CUSTOM
    assert session.first_prompt == "How warm is the attic?"
    assert session.project is None
    assert session.tags == ("home", "attic")
    assert session.custom_data == {"room": "attic"}
    assert session.metadata["message_count"] == 4
    assert (session.token_count, session.token_source) == (77, TokenSource.RECORDED)
    assert (session.message_count, session.archived_count, session.compaction_count) == (6, 0, 0)


def test_the_head_and_the_reading_agree(zima: Zima) -> None:
    heads, whole = listed(zima), everything(zima)

    for id, transcript in whole.items():
        known = transcript.session
        if known.token_source is TokenSource.ESTIMATED:
            known = replace(known, token_count=None, token_source=TokenSource.NONE)
        assert heads[id] == known


def test_one_head_is_the_same_as_many(zima: Zima) -> None:
    sources = [source for root in zima.roots() for source in zima.scan(root)]

    assert list(zima.heads(sources)) == [zima.head(source) for source in sources]


@pytest.mark.parametrize(
    ("id", "scope"),
    [
        (ATTIC, Scope("default", "web", "mara")),
        (BOILER, Scope("default", "telegram", "77", "attic")),
        (JAM, Scope("pantry", "matrix", "@mara:example.test")),
    ],
)
def test_the_scope_comes_from_the_columns(zima: Zima, id: str, scope: Scope) -> None:
    assert listed(zima)[id].scope == scope


@pytest.mark.parametrize(
    ("stored", "state"),
    [
        (0, SessionState.ACTIVE),
        (1, SessionState.IDLE),
        (2, SessionState.COMPACTING),
        (3, SessionState.SUSPENDED),
        (4, SessionState.ARCHIVED),
        (5, SessionState.UNKNOWN),
        (-1, SessionState.UNKNOWN),
        ("odd", SessionState.UNKNOWN),
    ],
)
def test_states_no_version_defines_are_unknown(zima: Zima, database: Path, stored: object, state: SessionState) -> None:
    store(database, "state", stored)

    session = listed(zima)[QUIET]

    assert session.state is state
    assert session.extra.get("state", stored) == stored


def test_a_session_is_as_new_as_its_last_activity(zima: Zima) -> None:
    session = listed(zima)[ATTIC]

    assert session.updated_at == session.last_active_at == datetime(2026, 6, 1, 0, 4, 30, 500000, UTC)
    assert session.created_at == datetime(2026, 6, 1, 0, 0, tzinfo=UTC)
    assert session.extra == {"updated_at": "2026-06-01 08:05:00+08:00"}
    assert listed(zima)[JAM].updated_at == datetime(2026, 6, 3, 0, 0, 30, tzinfo=UTC)


def test_no_metadata_is_no_problem(zima: Zima) -> None:
    session = listed(zima)[JAM]

    assert session.health is Health.CLEAN
    assert session.title == "Is there jam left?"
    assert session.title_source is TitleSource.FIRST_PROMPT
    assert session.token_source is TokenSource.NONE


def test_metadata_that_is_no_json_costs_only_itself(zima: Zima, database: Path) -> None:
    store(database, "metadata", "{nope", ATTIC)

    transcript = everything(zima)[ATTIC]

    assert transcript.session.health is Health.PARTIAL
    assert "metadata" in transcript.session.problems[0].what
    assert len(transcript.messages) == 6


@pytest.mark.parametrize(
    "metadata", ["[1]", "7", '{"title": 3, "tags": "x", "custom_data": [], "token_count": "many"}']
)
def test_metadata_of_other_types_is_read_as_far_as_it_goes(zima: Zima, database: Path, metadata: str) -> None:
    store(database, "metadata", metadata, ATTIC)

    session = listed(zima)[ATTIC]

    assert session.health is Health.CLEAN
    assert session.tags == ()
    assert session.custom_data == {}
    assert session.token_source is TokenSource.NONE


# ── messages ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_system_prompt_is_the_first_message(zima: Zima) -> None:
    transcript = everything(zima)[ATTIC]

    assert [message.id for message in transcript.messages] == ["system", "0", "1", "2", "3", "4"]
    assert transcript.messages[0].role is Role.SYSTEM
    assert transcript.messages[0].text == "You keep a house."
    assert transcript.messages[0].is_summary is False
    assert transcript.summaries == ()


def test_calls_have_their_arguments_and_results_their_tools(zima: Zima) -> None:
    messages = everything(zima)[ATTIC].messages

    assert messages[2].blocks == (ToolCall("c1", "sensor", {"room": "attic"}), ToolCall("c2", "now", {}))
    assert messages[3].blocks == (ToolResult("c1", "sensor", "11 °C"),)
    assert messages[4].blocks == (ToolResult("c2", "now", "error: no clock"),)
    assert messages[3].text == ""
    assert all(message.created_at is None and not message.archived for message in messages)


def test_arguments_that_are_no_json_stay_as_they_are(zima: Zima, database: Path) -> None:
    call = {"id": "c", "name": "sh", "arguments": "{ls", "type": "function"}
    store(database, "messages", blob({"role": "assistant", "content": "", "tool_calls": [call, 7]}))

    block = everything(zima)[QUIET].messages[0].blocks

    assert block == (ToolCall("c", "sh", "{ls", extra={"type": "function"}),)


def test_a_result_without_its_call_has_no_tool(zima: Zima, database: Path) -> None:
    store(database, "messages", blob({"role": "tool", "content": "42"}, {"role": "tool", "tool_call_id": "x"}))

    messages = everything(zima)[QUIET].messages

    assert [message.blocks for message in messages] == [(ToolResult("", "", "42"),), (ToolResult("x", "", ""),)]


def test_unknown_fields_and_roles_are_kept(zima: Zima, database: Path) -> None:
    store(database, "messages", blob({"role": "oracle", "content": "Soon.", "mood": "dim"}))
    change(database, "ALTER TABLE sessions ADD COLUMN floor INTEGER")
    store(database, "floor", 3)

    transcript = everything(zima)[QUIET]

    assert transcript.messages[0].role is Role.SYSTEM
    assert transcript.messages[0].extra == {"role": "oracle", "mood": "dim"}
    assert transcript.session.extra["floor"] == 3


@pytest.mark.parametrize("content", ["nul \x00 inside", "\x1b[31mred", "[bold]x[/]", "  a\r\n\tb \u2028\u202e", "👩‍💻"])
def test_text_is_exactly_what_is_stored(zima: Zima, database: Path, content: str) -> None:
    store(database, "messages", blob({"role": "user", "content": content}))

    message = everything(zima)[QUIET].messages[0]

    assert message.text == content
    assert message.lossy is False


def test_bytes_that_are_no_utf8_are_shown_as_replaced(zima: Zima, database: Path) -> None:
    stored = b'{"messages":[{"role":"user","content":"caf\xc3"},{"role":"user","content":"whole"}]}'
    store(database, "messages", stored)

    messages = everything(zima)[QUIET].messages

    assert [message.text for message in messages] == ["caf\ufffd", "whole"]
    assert [message.lossy for message in messages] == [True, False]


@pytest.mark.parametrize("stored", ["{torn", "7", '"text"', '{"messages": 7}'])
def test_messages_that_cannot_be_read_are_told(zima: Zima, database: Path, stored: str) -> None:
    store(database, "messages", stored)
    store(database, "system_prompt", "Still here.")

    transcript = everything(zima)[QUIET]

    assert texts(transcript) == ["Still here."]
    assert transcript.session.health is Health.PARTIAL
    assert listed(zima)[QUIET].health is Health.PARTIAL


@pytest.mark.parametrize("stored", [None, "", "null", "{}", '{"messages": null}', '{"messages": []}', "[]"])
def test_no_messages_are_no_problem(zima: Zima, database: Path, stored: object) -> None:
    store(database, "messages", stored)

    transcript = everything(zima)[QUIET]

    assert list(transcript.messages) == []
    assert transcript.session.health is Health.CLEAN
    assert transcript.session.message_count == 0


def test_entries_that_are_no_records_are_left_out_and_told(zima: Zima, database: Path) -> None:
    store(database, "messages", blob("text", {"role": "user", "content": "Hello"}, None))

    transcript = everything(zima)[QUIET]

    assert [(message.id, message.text) for message in transcript.messages] == [("1", "Hello")]
    assert "2 of its messages" in transcript.session.problems[0].what


def test_content_of_another_type_is_shown_as_text(zima: Zima, database: Path) -> None:
    store(database, "messages", blob({"role": "user", "content": ["a", 1]}, {"role": "user", "content": None}))

    assert texts(everything(zima)[QUIET]) == ['["a",1]', ""]


# ── compaction ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_marker_in_place_of_the_prompt_is_the_summary(zima: Zima) -> None:
    transcript = everything(zima)[BOILER]

    assert [message.is_summary for message in transcript.messages] == [True, False, False]
    assert transcript.messages[0].id == "system"
    assert transcript.messages[0].text == "[Previous conversation summary: The boiler was bled.]"
    assert transcript.summaries[0].content == "The boiler was bled."
    assert transcript.session.summary == "The boiler was bled."
    assert transcript.session.message_count == 2
    assert transcript.session.compacted_at == datetime(2026, 6, 2, 0, 58, 0, 250000, UTC)


def test_a_marker_tells_the_summary_when_the_metadata_does_not(zima: Zima, database: Path) -> None:
    store(database, "metadata", "{}", BOILER)

    assert everything(zima)[BOILER].session.summary == "The boiler was bled."


def test_a_summary_beside_another_prompt_stands_behind_it(zima: Zima, database: Path) -> None:
    store(database, "system_prompt", "You keep a house.", BOILER)

    transcript = everything(zima)[BOILER]

    assert [(message.id, message.is_summary) for message in transcript.messages][:3] == [
        ("system", False),
        ("summary", True),
        ("0", False),
    ]
    assert transcript.messages[1].text == "The boiler was bled."
    assert transcript.messages[1].created_at == transcript.session.compacted_at
    assert transcript.session.message_count == 3
    assert transcript.summaries[0].id == "summary"


def test_a_summary_without_a_prompt_comes_first(zima: Zima, database: Path) -> None:
    store(database, "system_prompt", None, BOILER)

    assert [message.id for message in everything(zima)[BOILER].messages] == ["summary", "0", "1"]


# ── tokens and budget ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("text", "count"), [("", 4), ("one", 5), ("one two three", 7), ("word " * 10, 17)])
def test_tokens_follow_the_programs_rule(text: str, count: int) -> None:
    assert estimate(text) == count


def test_tokens_are_estimated_where_none_are_recorded(zima: Zima) -> None:
    session = everything(zima)[JAM].session

    assert (session.token_count, session.token_source) == (estimate("Is there jam left?"), TokenSource.ESTIMATED)


@pytest.mark.parametrize(
    ("said", "budget"), [(0, 200_000), (8000, 200_000), (-5, 200_000), (64000, 64000), ("x", 200_000)]
)
def test_the_budget_is_set_right_as_the_program_does(zima: Zima, home: Path, said: object, budget: int) -> None:
    (home / ".zimaos-blue" / "config.yaml").write_text(f"session:\n  max_tokens: {said}\n")

    session = listed(zima)[QUIET]

    assert (session.max_tokens, session.context_window) == (budget, budget)


# ── continuing ────────────────────────────────────────────────────────────────────────────────────────────


def test_no_session_continues_in_a_terminal(zima: Zima) -> None:
    answer = zima.resume(listed(zima)[BOILER])

    assert isinstance(answer, Refusal)
    assert answer.reason == "no terminal command resumes a ZimaOS session"
    assert "telegram" in answer.hint


def test_a_server_that_answers_makes_its_sessions_live(zima: Zima, home: Path) -> None:
    session = listed(zima)[QUIET]
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        (home / ".zimaos-blue" / "config.yaml").write_text(f"server:\n  port: {port}\n")

        assert zima.live(session) is True

    assert zima.live(session) is None


@pytest.mark.parametrize("text", ["", "server:\n  port: many\n", "server:\n  port: 70000\n", "server: [\n"])
def test_without_a_port_it_cannot_be_known(zima: Zima, home: Path, text: str) -> None:
    (home / ".zimaos-blue" / "config.yaml").write_text(text)

    assert zima.live(listed(zima)[QUIET]) is None


def test_the_environment_may_name_the_port(home: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        zima = Zima(world(home, environ={"BLUE_SERVER_PORT": str(server.getsockname()[1])}))

        assert zima.live(listed(zima)[QUIET]) is True


# ── places ────────────────────────────────────────────────────────────────────────────────────────────────


def found_in(zima: Zima) -> list[Path]:
    return [root.path for root in zima.roots()]


@pytest.mark.parametrize("folder", [".zimaos-blue", ".zimaos-blue-dev", ".zimaos-blue-cellar"])
@pytest.mark.parametrize("name", ["blue.db", "sessions.db"])
def test_the_server_and_its_profiles_are_found(tmp_path: Path, database: Path, folder: str, name: str) -> None:
    place = tmp_path / "other" / folder / "data" / name
    place.parent.mkdir(parents=True)
    database.rename(place)

    assert found_in(Zima(world(tmp_path / "other"))) == [place]


def test_a_configured_relative_path_keeps_only_its_name(home: Path, database: Path) -> None:
    database.rename(database.with_name("chat.db"))
    text = "session:\n  persistence:\n    path: deep/down/chat.db\n"
    (home / ".zimaos-blue" / "config.yaml").write_text(text)

    assert found_in(Zima(world(home))) == [database.with_name("chat.db")]


def test_a_configured_absolute_path_is_taken(home: Path, database: Path, tmp_path: Path) -> None:
    database.rename(tmp_path / "kept.db")
    work = tmp_path / "work"
    work.mkdir()
    (work / "config.yml").write_text(f"session:\n  persistence:\n    path: {tmp_path}/kept.db\n")

    assert found_in(Zima(world(home, cwd=work))) == [tmp_path / "kept.db"]


@pytest.mark.parametrize("place", ["", ".zimaos-blue", ".zimaos-blue/data", DATABASE])
def test_a_given_root_may_be_the_file_its_folder_or_a_home(home: Path, database: Path, place: str) -> None:
    assert found_in(Zima(world(home, given={"zima": (home / place,)}))) == [database]


def test_a_database_without_sessions_is_no_root_and_no_error(home: Path, zima: Zima, database: Path) -> None:
    change(database, "DROP TABLE sessions")

    assert found_in(zima) == []
    given = Zima(world(home, given={"zima": (database,)}))
    assert [list(given.scan(root)) for root in given.roots()] in ([], [[]])


# ── stamps and damage ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("state", 3),
        ("metadata", '{"title":"Warm attic"}'),
        ("messages", '{"messages":[]}'),
        ("system_prompt", None),
        ("last_active_at", AT),
        ("compacted_at", AT),
    ],
)
def test_a_stamp_changes_with_its_session_alone(zima: Zima, database: Path, column: str, value: object) -> None:
    def stamps() -> dict[str, str]:
        return {source.key.id: source.stamp for root in zima.roots() for source in zima.scan(root)}

    before = stamps()
    store(database, column, value, ATTIC)

    after = stamps()
    assert {id for id in before if before[id] != after[id]} == {ATTIC}


def test_a_truncated_database_gives_what_is_left_of_it(zima: Zima, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        many = blob(*({"role": "user", "content": f"{n} " + "brick " * 20} for n in range(60)))
        sql = "INSERT INTO sessions VALUES (?, 'a', 'c', 'p', NULL, 0, '{}', ?, NULL, ?, ?, ?, NULL)"
        connection.executemany(sql, [(f"n{n}", many, AT, AT, AT) for n in range(60)])
    whole = database.read_bytes()
    database.write_bytes(whole[: len(whole) // 2 // 4096 * 4096])

    found = {}
    with pytest.raises(StoreError):
        for source in zima.scan(zima.roots()[0]):
            found[source.key.id] = source
    heads = {session.key.id: session for session in zima.heads(list(found.values()))}

    assert 10 < len(found) < 64
    assert heads[ATTIC].title == "Cold attic"
    assert len(zima.read(found[ATTIC]).messages) == 6
    assert len(zima.read(found["n3"]).messages) == 60


def test_a_file_that_is_no_database_at_its_place_is_told(zima: Zima, database: Path) -> None:
    database.write_bytes(b"garbage " * 1000)
    root = zima.roots()[0]

    with pytest.raises(StoreDamaged):
        list(zima.scan(root))
    assert [problem.path for problem in zima.check(root)] == [str(database)]


def test_a_session_that_vanished_cannot_be_read(zima: Zima, database: Path) -> None:
    sources = [source for root in zima.roots() for source in zima.scan(root)]
    change(database, "DELETE FROM sessions WHERE id = ?", (sources[0].key.id,))

    with pytest.raises(StoreMissing):
        zima.read(sources[0])


def test_missing_columns_cost_only_themselves(tmp_path: Path) -> None:
    place = tmp_path / DATABASE
    place.parent.mkdir(parents=True)
    change(place, "CREATE TABLE sessions (id TEXT, agent_id TEXT, channel_id TEXT, peer_id TEXT)")
    change(place, "INSERT INTO sessions VALUES ('a:c:p', 'a', 'c', 'p')")

    transcript = everything(Zima(world(tmp_path)))["a:c:p"]

    assert transcript.session.scope == Scope("a", "c", "p")
    assert list(transcript.messages) == []


# ── no trace ──────────────────────────────────────────────────────────────────────────────────────────────


def use_all(zima: Zima) -> int:
    checked = sum(len(list(zima.check(root))) for root in zima.roots())
    refused = sum(isinstance(zima.resume(session), Refusal) for session in listed(zima).values())
    return checked + refused + sum(len(list(transcript.messages)) for transcript in everything(zima).values())


def test_reading_changes_no_byte_and_leaves_no_file(home: Path, zima: Zima) -> None:
    before = digest(home)

    assert use_all(zima) == 4 + 10
    assert digest(home) == before


def test_rows_in_the_log_are_read_and_left_there(home: Path, zima: Zima, database: Path) -> None:
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("UPDATE sessions SET system_prompt = 'Only in the log' WHERE id = ?", (QUIET,))
        writer.commit()
        before = digest(home)

        assert texts(everything(zima)[QUIET]) == ["Only in the log"]
        assert digest(home) == before


# ── real stores ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied("zima", tmp_path_factory.mktemp("real") / "zima")


def manifest(real: Path) -> list[dict[str, Any]]:
    files = [json.loads((real / f"manifest-{name}.json").read_text()) for name in ("new", "old")]
    return [database for file in files for database in file["databases"]]


def at(real: Path, database: dict[str, Any]) -> Zima:
    return Zima(world(real, given={"zima": (real / database["db"],)}))


def test_real_sessions_hold_what_their_program_reported(real: Path) -> None:
    compared = 0
    for database in manifest(real):
        found = everything(at(real, database))
        assert set(found) == {told["id"] for told in database["sessions"]} == set(database["list_order"])
        for told in database["sessions"]:
            compare(found[told["id"]], told)
            compared += len(told["messages"])
    assert compared > 500


def compare(transcript: Transcript, told: dict[str, Any]) -> None:
    session = transcript.session
    assert session.scope == Scope(told["agent_id"], told["channel_id"], told["peer_id"], told["thread_id"] or None)
    assert (session.state.value, session.metadata) == (told["state_name"], told["metadata"])
    assert session.tags == tuple(told["metadata"].get("tags", ()))
    assert session.custom_data == told["metadata"].get("custom_data", {})
    assert session.token_count == told["metadata"]["token_count"]
    assert session.created_at == times.parse(told["stored"]["created_at"])
    assert session.updated_at == session.last_active_at == times.parse(told["stored"]["last_active_at"])
    assert session.compacted_at == times.parse(told["stored"]["compacted_at"])
    assert [(message.role.value, sha(shown(message))) for message in transcript.messages] == [
        (row["role"], row["sha256"]) for row in told["messages"]
    ]
    assert session.message_count == len(told["messages"]) - len(transcript.summaries)
    for message, row in zip(transcript.messages, told["messages"], strict=True):
        compare_calls(message, row)
    compare_prompt(transcript, told)


def compare_calls(message: Message, row: dict[str, Any]) -> None:
    calls = [block for block in message.blocks if isinstance(block, ToolCall)]
    assert [(call.id, call.name) for call in calls] == [
        (call["id"], call["name"]) for call in row.get("tool_calls", ())
    ]
    for result in (block for block in message.blocks if isinstance(block, ToolResult)):
        assert result.call_id == row["tool_call_id"]


def compare_prompt(transcript: Transcript, told: dict[str, Any]) -> None:
    summary = told["metadata"].get("summary")
    if told["stored"]["system_prompt_null"]:
        assert all(message.id.isdigit() for message in transcript.messages)
        return
    first = transcript.messages[0]
    assert (first.id, first.role, sha(first.text)) == ("system", Role.SYSTEM, told["system_prompt_sha256"])
    assert first.is_summary == (summary is not None)
    assert [found.content for found in transcript.summaries] == ([summary] if summary else [])
    assert first.blocks == (Text(first.text),)


def test_the_real_order_is_that_of_the_last_activity(real: Path) -> None:
    for database in manifest(real):
        sessions = listed(at(real, database)).values()
        moments = {session.key.id: session.last_active_at or datetime.min.replace(tzinfo=UTC) for session in sessions}
        assert database["list_order"] == sorted(moments, key=moments.__getitem__, reverse=True)


def test_real_sessions_are_counted_by_state(real: Path) -> None:
    for database in manifest(real):
        states = [session.state.value for session in listed(at(real, database)).values()]
        assert {state: states.count(state) for state in database["count_by_state"]} == database["count_by_state"]


def test_reading_real_stores_changes_no_byte(real: Path) -> None:
    before = digest(real)

    for database in manifest(real):
        assert use_all(at(real, database)) > 0

    assert digest(real) == before
