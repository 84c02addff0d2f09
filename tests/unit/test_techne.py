"""The techne adapter: invented stores for every rule, and the real stores beside the checkout."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from session_tui.adapters import times
from session_tui.agents.techne import Techne, estimate
from session_tui.errors import StoreDamaged, StoreError, StoreMissing
from session_tui.model import (
    Attachment,
    Health,
    Image,
    Launch,
    Message,
    ReadFile,
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
)
from session_tui.text import title_from_prompt
from tests.unit.tables import change, copied, digest, everything, fixture_home, listed, sha, world

DATABASE = ".techne/techne.db"
ID = "7e0d1c9a-44f3-4e0e-9a77-0000000000"
TOOLS, HEADLESS, SUBAGENT, COMPACTED, EMPTY = (f"{ID}0{number}" for number in range(1, 6))
AT = "2026-05-08 09:00:00+02:00"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return fixture_home("techne", tmp_path / "home")


@pytest.fixture
def database(home: Path) -> Path:
    return home / "orchard" / DATABASE


@pytest.fixture
def techne(home: Path) -> Techne:
    return Techne(world(home, cwd=home / "orchard"))


def said(text: str) -> str:
    return json.dumps([{"type": "text", "text": text}], ensure_ascii=False)


def add_message(database: Path, id: str, content: object, *, role: str = "user", at: object = AT) -> None:
    """Add a message to the session that has none."""
    change(database, "INSERT INTO messages VALUES (?, ?, ?, ?, '', ?)", (id, EMPTY, role, content, at))


def ids(transcript: Transcript) -> list[str]:
    return [message.id for message in transcript.messages]


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_row_tells_all_that_a_list_shows(home: Path, techne: Techne) -> None:
    session = listed(techne)[TOOLS]

    assert session.title == "Which trees bear no fruit? <see> orchard.csv & map"
    assert session.title_source is TitleSource.FIRST_PROMPT
    assert session.project == str(home / "orchard")
    assert (session.model, session.provider) == ("claude-sonnet-4-20250514", "anthropic")
    assert (session.message_count, session.archived_count, session.compaction_count) == (4, 0, 0)
    assert session.created_at == datetime(2026, 5, 4, 6, 0, 0, 1000, UTC)
    assert session.context_window == 200_000


def test_the_head_and_the_reading_agree(techne: Techne) -> None:
    heads, whole = listed(techne), everything(techne)

    for id, transcript in whole.items():
        known = replace(transcript.session, token_count=None, token_source=TokenSource.NONE, summary=None)
        assert heads[id] == known


def test_one_head_is_the_same_as_many(techne: Techne) -> None:
    sources = [source for root in techne.roots() for source in techne.scan(root)]

    assert list(techne.heads(sources)) == [techne.head(source) for source in sources]


def test_a_session_is_as_new_as_its_newest_message(techne: Techne, database: Path) -> None:
    sessions = listed(techne)

    assert sessions[TOOLS].updated_at == datetime(2026, 5, 4, 6, 0, 9, tzinfo=UTC)
    assert sessions[EMPTY].updated_at == datetime(2026, 5, 8, 6, 0, tzinfo=UTC)


def test_the_newest_of_messages_in_several_zones_is_the_latest_moment(techne: Techne, database: Path) -> None:
    add_message(database, "a", said("late text, early moment"), at="2026-05-08 23:00:00+10:30")
    add_message(database, "b", said("the newest"), at="2026-05-08 20:00:00.5-02:30")

    session = listed(techne)[EMPTY]

    assert session.updated_at == datetime(2026, 5, 8, 22, 30, 0, 500000, UTC)
    assert ids(everything(techne)[EMPTY]) == ["a", "b"]


@pytest.mark.parametrize(
    ("id", "kind"),
    [(TOOLS, SessionKind.MAIN), (HEADLESS, SessionKind.HEADLESS), (SUBAGENT, SessionKind.SUBAGENT)],
)
def test_the_stored_title_tells_the_kind(techne: Techne, id: str, kind: SessionKind) -> None:
    session = listed(techne)[id]

    assert session.kind is kind
    assert session.parent is None


def test_a_placeholder_without_a_prompt_stays(techne: Techne) -> None:
    session = listed(techne)[EMPTY]

    assert session.title == "New Session"
    assert session.title_source is TitleSource.NONE


@pytest.mark.parametrize("title", ["[bold]x[/bold]", "tab\tand\nnewline", "\x1b[31mred", "שלום"])
def test_a_title_that_was_given_stays_as_it_is(techne: Techne, database: Path, title: str) -> None:
    change(database, "UPDATE sessions SET title = ? WHERE id = ?", (title, TOOLS))

    session = listed(techne)[TOOLS]

    assert session.title == title
    assert session.title_source is TitleSource.CUSTOM


def test_a_title_cut_within_a_character_is_shown_as_replaced(techne: Techne, database: Path) -> None:
    cut = "CAST(x'5B7375622D6167656E743A785D20E69E' AS TEXT)"
    change(database, f"UPDATE sessions SET title = {cut} WHERE id = '{SUBAGENT}'")

    session = listed(techne)[SUBAGENT]

    assert session.title == "[sub-agent:x] \ufffd"
    assert session.health is Health.CLEAN


def test_the_first_prompt_is_the_first_text_of_a_person(techne: Techne, database: Path) -> None:
    image = json.dumps([{"type": "image", "image": {"media_type": "image/png", "data": ""}}])
    add_message(database, "a", image, at="2026-05-08 09:00:00+02:00")
    add_message(database, "b", said("<system-reminder>be brief</system-reminder>"), at="2026-05-08 09:00:01+02:00")
    add_message(database, "c", said("Which ladder?"), at="2026-05-08 09:00:02+02:00")

    assert listed(techne)[EMPTY].first_prompt == "Which ladder?"


def test_files_that_were_read_are_told_with_their_times(techne: Techne) -> None:
    moment = datetime(2026, 5, 4, 6, 0, 4, 700000, UTC)

    assert everything(techne)[TOOLS].files_read == (ReadFile("orchard.csv", moment),)


def test_unknown_columns_are_kept(techne: Techne, database: Path) -> None:
    change(database, "ALTER TABLE sessions ADD COLUMN mood text; UPDATE sessions SET mood = 'calm'")
    change(database, "ALTER TABLE messages ADD COLUMN stars integer; UPDATE messages SET stars = 3 WHERE id = 'm1-2'")
    change(database, "UPDATE messages SET model = 'other' WHERE id = 'm1-4'")

    transcript = everything(techne)[TOOLS]

    assert transcript.session.extra == {"mood": "calm"}
    assert [message.extra for message in transcript.messages] == [{}, {"stars": "3"}, {}, {}]
    assert [message.model for message in transcript.messages] == [None, None, None, "other"]


# ── blocks ────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_kind_of_block_is_read(techne: Techne) -> None:
    messages = everything(techne)[TOOLS].messages

    assert messages[1].blocks == (
        Thinking("The file first.", "c2ln"),
        Text("I look it up."),
        ToolCall("call_1", "read_file", {"path": "orchard.csv"}),
    )
    assert messages[2].blocks == (ToolResult("call_1", "read_file", "tree,kg\nelm,0\npear,41\n"),)
    assert messages[2].text == ""
    assert messages[2].role is Role.TOOL


def test_a_picture_tells_its_size_and_gives_its_bytes(techne: Techne, database: Path) -> None:
    data = base64.b64encode(b"four").decode()
    add_message(database, "a", json.dumps([{"type": "image", "image": {"media_type": "image/png", "data": data}}]))

    block = everything(techne)[EMPTY].messages[0].blocks[0]

    assert isinstance(block, Image)
    assert (block.media_type, block.size) == ("image/png", 4)
    assert block.load is not None
    assert block.load() == b"four"


def test_a_failed_tool_and_unknown_fields_are_kept(techne: Techne, database: Path) -> None:
    result = {"tool_call_id": "c", "name": "bash", "content": "no", "is_error": True, "took": 3}
    add_message(database, "a", json.dumps([{"type": "tool_result", "tool_result": result, "seen": 1}]), role="tool")

    assert everything(techne)[EMPTY].messages[0].blocks == (
        ToolResult("c", "bash", "no", is_error=True, extra={"took": 3, "seen": 1}),
    )


def test_a_block_of_an_unknown_type_is_kept_and_counted(techne: Techne, database: Path) -> None:
    block = {"type": "hologram", "text": "a pear"}
    add_message(database, "a", json.dumps([{"type": "text", "text": "See:"}, block]))

    transcript = everything(techne)[EMPTY]

    assert transcript.messages[0].blocks == (Text("See:"), Attachment("hologram", extra={"block": block}))
    assert transcript.unknown_records == {"hologram": 1}


@pytest.mark.parametrize("content", ['"hello"', "plain, not JSON", '{"type":"text","text":"x"}', "[1, 2]", "7", "[{"])
def test_what_is_no_list_of_blocks_is_shown_as_text(techne: Techne, database: Path, content: str) -> None:
    add_message(database, "a", content)

    message = everything(techne)[EMPTY].messages[0]

    assert message.text == content
    assert message.blocks == (Text(content),)


@pytest.mark.parametrize("content", ["[]", "null", ""])
def test_what_holds_no_blocks_is_kept_as_an_empty_message(techne: Techne, database: Path, content: str) -> None:
    add_message(database, "a", content)

    transcript = everything(techne)[EMPTY]

    assert [message.blocks for message in transcript.messages] == [()]
    assert transcript.session.health is Health.CLEAN


def test_bytes_that_are_no_utf8_are_shown_as_replaced(techne: Techne, database: Path) -> None:
    add_message(database, "a", b'[{"type":"text","text":"caf\xc3"}]')
    add_message(database, "b", b"plain \xff")

    messages = everything(techne)[EMPTY].messages

    assert [message.text for message in messages] == ["caf\ufffd", "plain \ufffd"]
    assert [message.lossy for message in messages] == [True, True]


def test_fields_of_other_types_are_shown_as_text(techne: Techne, database: Path) -> None:
    blocks = [{"type": "text", "text": 7}, {"type": "tool_call", "tool_call": [1]}, {"type": "thinking"}, {"a": 1}]
    add_message(database, "a", json.dumps(blocks), role="narrator", at=b"\xff")

    message = everything(techne)[EMPTY].messages[0]

    assert message.blocks == (
        Text("7"),
        ToolCall("", "", None, extra={}),
        Thinking(""),
        Attachment("None", extra={"block": {"a": 1}}),
    )
    assert message.role is Role.SYSTEM
    assert message.created_at is None


# ── compaction ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_summary_stands_for_all_but_the_six_messages_before_it(techne: Techne) -> None:
    transcript = everything(techne)[COMPACTED]

    before, after = ["m4-3", "m4-4", "m4-5"], ["m4-6", "m4-7", "m4-8", "m4-9", "m4-10", "m4-11"]
    assert ids(transcript) == ["m4-1", "m4-2", "m4-sum1", *before, "m4-sum2", *after]
    assert [m.id for m in transcript.messages if m.archived] == ["m4-1", "m4-2", "m4-3", "m4-4", "m4-5"]
    assert [m.id for m in transcript.messages if m.is_summary] == ["m4-sum1", "m4-sum2"]
    assert transcript.session.summary_message_id == "m4-sum2"
    assert transcript.session.summary == "Rows 1 to 5 are pruned."


def test_summaries_are_told_with_what_they_cover(techne: Techne) -> None:
    first, second = everything(techne)[COMPACTED].summaries

    assert (first.content, first.original_ids) == ("Rows 1 and 2 are pruned.", ("m4-1", "m4-2"))
    assert second.original_ids == ("m4-1", "m4-2", "m4-3", "m4-4", "m4-5")
    assert second.message_range == "Messages 1-5"
    assert second.compacted_at == datetime(2026, 5, 7, 7, 0, 0, 500000, UTC)


def test_summaries_are_not_counted_as_messages(techne: Techne) -> None:
    session = listed(techne)[COMPACTED]

    assert (session.message_count, session.archived_count, session.compaction_count) == (11, 5, 2)


def test_a_summary_of_few_messages_covers_none_and_stays_in_place(techne: Techne, database: Path) -> None:
    for number, role in enumerate(("user", "assistant", "system", "user")):
        add_message(database, f"e{number}", said(f"Line {number}"), role=role, at=f"2026-05-08 09:00:0{number}+02:00")
    change(database, "UPDATE sessions SET summary_message_id = 'e2' WHERE id = ?", (EMPTY,))

    transcript = everything(techne)[EMPTY]

    assert ids(transcript) == ["e0", "e1", "e2", "e3"]
    assert [message.archived for message in transcript.messages] == [False] * 4
    assert [message.is_summary for message in transcript.messages] == [False, False, True, False]
    assert transcript.summaries[0].original_ids == ()


def test_a_system_message_without_a_compaction_is_a_message(techne: Techne, database: Path) -> None:
    add_message(database, "a", said("Answer briefly."), role="system")

    transcript = everything(techne)[EMPTY]

    assert [message.is_summary for message in transcript.messages] == [False]
    assert transcript.session.message_count == 1


def test_a_pointer_to_no_message_archives_nothing_and_is_told(techne: Techne, database: Path) -> None:
    change(database, "UPDATE sessions SET summary_message_id = 'gone' WHERE id = ?", (COMPACTED,))

    transcript = everything(techne)[COMPACTED]

    assert [message for message in transcript.messages if message.archived] == []
    assert transcript.session.health is Health.PARTIAL
    assert "gone" in transcript.session.problems[0].what
    assert transcript.session.message_count == 11


# ── tokens ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("text", "count"), [("", 4), ("a", 5), ("abcd", 5), ("abcde", 6), ("é" * 4, 6)])
def test_tokens_follow_the_programs_rule(text: str, count: int) -> None:
    assert estimate((Text(text),)) == count


def test_calls_results_and_pictures_cost_what_they_hold() -> None:
    call = ToolCall("c", "sh", {"n": 1})
    picture = Image("image/png", 30)

    assert estimate((call,)) == 3 + 4
    assert estimate((ToolResult("c", "sh", "12345"),)) == 2 + 4
    assert estimate((picture,)) == 10 + 4


def test_only_active_messages_are_estimated(techne: Techne) -> None:
    transcript = everything(techne)[COMPACTED]

    active = sum(estimate(message.blocks) for message in transcript.messages if not message.archived)
    assert transcript.session.token_count == active
    assert transcript.session.token_source is TokenSource.ESTIMATED


def test_a_very_long_session_is_estimated_by_its_length(techne: Techne, database: Path) -> None:
    content = said("ladder " * 600_000)
    add_message(database, "a", content)

    assert everything(techne)[EMPTY].session.token_count == len(content) // 4 + 4


def test_an_unknown_model_has_the_programs_default_window(techne: Techne, database: Path) -> None:
    change(database, "UPDATE sessions SET model = 'bespoke' WHERE id = ?", (EMPTY,))

    assert listed(techne)[EMPTY].context_window == 128_000


def test_folded_tools_weigh_little(techne: Techne, database: Path) -> None:
    result = {"tool_call_id": "c", "name": "bash", "content": "x" * 90_000, "is_error": False}
    add_message(database, "a", json.dumps([{"type": "tool_result", "tool_result": result}], separators=(",", ":")))

    messages = everything(techne)[EMPTY].messages

    assert list(getattr(messages, "weights")) == [80]  # noqa: B009


# ── continuing ────────────────────────────────────────────────────────────────────────────────────────────


def launch(answer: Launch | Refusal) -> Launch:
    assert isinstance(answer, Launch), answer
    return answer


def test_a_session_continues_with_its_own_model_from_its_directory(home: Path, techne: Techne) -> None:
    found = launch(techne.resume(listed(techne)[TOOLS]))

    model = ("--provider", "anthropic", "--model", "claude-sonnet-4-20250514")
    assert found.argv == ("techne", "--session", TOOLS, *model)
    assert found.cwd == str(home / "orchard")
    assert found.env == {}


def test_without_a_model_nothing_is_said_of_it(techne: Techne, database: Path) -> None:
    change(database, "UPDATE sessions SET model = '', provider = '' WHERE id = ?", (EMPTY,))

    assert launch(techne.resume(listed(techne)[EMPTY])).argv == ("techne", "--session", EMPTY)


def test_a_store_the_settings_lead_away_from_is_named_in_the_environment(
    home: Path, techne: Techne, database: Path
) -> None:
    (home / ".config" / "techne").mkdir(parents=True)
    (home / ".config" / "techne" / "techne.json").write_text('{"options": {"data_directory": "elsewhere"}}')

    found = launch(techne.resume(listed(techne)[TOOLS]))

    assert found.env == {"TECHNE_OPTIONS__DATA_DIRECTORY": str(database.parent)}


def test_a_database_of_another_name_does_not_continue(tmp_path: Path, database: Path) -> None:
    database.rename(tmp_path / "copy.db")
    techne = Techne(world(tmp_path, given={"techne": (tmp_path / "copy.db",)}))

    answer = techne.resume(listed(techne)[TOOLS])

    assert isinstance(answer, Refusal)
    assert "techne.db" in answer.reason


# ── places ────────────────────────────────────────────────────────────────────────────────────────────────


def found_in(techne: Techne) -> list[Path]:
    return [root.path for root in techne.roots()]


def test_databases_of_the_directories_above_and_mentioned_are_found(home: Path, database: Path) -> None:
    deep = home / "orchard" / "south" / "slope"
    deep.mkdir(parents=True)

    assert found_in(Techne(world(home, cwd=deep))) == [database]
    assert found_in(Techne(replace(world(home), mentioned=(home / "orchard",)))) == [database]
    assert found_in(Techne(world(home))) == []


@pytest.mark.parametrize("place", ["", ".techne", DATABASE])
def test_a_given_root_may_be_the_file_its_folder_or_the_project(home: Path, database: Path, place: str) -> None:
    assert found_in(Techne(world(home, given={"techne": (home / "orchard" / place,)}))) == [database]


def moved(database: Path, folder: Path) -> Path:
    folder.mkdir(parents=True)
    return database.rename(folder / "techne.db")


def test_settings_of_the_directory_name_the_store(home: Path, database: Path) -> None:
    store = moved(database, home / "orchard" / "state")
    (home / "orchard" / ".techne" / "techne.json").write_text('{"options": {"data_directory": "state"}}')
    techne = Techne(world(home, cwd=home / "orchard"))

    assert found_in(techne) == [store]
    assert listed(techne)[TOOLS].project == str(home / "orchard")
    assert launch(techne.resume(listed(techne)[TOOLS])).env == {}


def test_settings_of_the_home_may_name_one_store_for_all(home: Path, database: Path) -> None:
    store = moved(database, home / "stores")
    (home / ".config" / "techne").mkdir(parents=True)
    text = json.dumps({"options": {"data_directory": str(store.parent)}})
    (home / ".config" / "techne" / "techne.json").write_text(text)
    techne = Techne(world(home))

    session = listed(techne)[TOOLS]

    assert session.project is None
    assert launch(techne.resume(session)).cwd is None
    assert launch(techne.resume(session)).env == {}


def test_the_environment_overrides_the_settings(home: Path, database: Path) -> None:
    store = moved(database, home / "stores")
    environ = {"TECHNE_OPTIONS__DATA_DIRECTORY": str(store.parent)}

    assert found_in(Techne(world(home, environ=environ))) == [store]


@pytest.mark.parametrize("text", ["{", "[]", '{"options": 1}', '{"options": {"data_directory": ""}}', "\x00"])
def test_broken_settings_count_as_none(home: Path, database: Path, text: str) -> None:
    (home / "orchard" / ".techne" / "techne.json").write_text(text)

    assert found_in(Techne(world(home, cwd=home / "orchard"))) == [database]


def test_another_programs_sessions_table_is_no_root(tmp_path: Path) -> None:
    place = tmp_path / DATABASE
    place.parent.mkdir()
    change(place, "CREATE TABLE sessions (id TEXT, name TEXT, project_path TEXT)")

    assert found_in(Techne(world(tmp_path))) == []


# ── stamps and damage ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE sessions SET title = 'Elm' WHERE id = '{TOOLS}'",
        f"UPDATE sessions SET summary_message_id = 'm1-1' WHERE id = '{TOOLS}'",
        f"INSERT INTO messages VALUES ('new', '{TOOLS}', 'user', '[]', '', '{AT}')",
        "UPDATE messages SET content = '[]' WHERE id = 'm1-1'",
        "DELETE FROM messages WHERE id = 'm1-4'",
        "UPDATE read_files SET read_at = '2026-05-09 00:00:00+02:00' WHERE path = 'orchard.csv'",
    ],
)
def test_a_stamp_changes_with_its_session_alone(techne: Techne, database: Path, statement: str) -> None:
    def stamps() -> dict[str, str]:
        return {source.key.id: source.stamp for root in techne.roots() for source in techne.scan(root)}

    before = stamps()
    change(database, statement)

    after = stamps()
    assert {id for id in before if before[id] != after[id]} == {TOOLS}


def test_a_truncated_database_gives_what_is_left_of_it(techne: Techne, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        values = [(f"n{n}", EMPTY, said(f"{n} " + "rung " * 200), AT) for n in range(400)]
        connection.executemany("INSERT INTO messages VALUES (?, ?, 'user', ?, '', ?)", values)
    whole = database.read_bytes()
    database.write_bytes(whole[: len(whole) * 6 // 10 // 4096 * 4096])

    found = {}
    with pytest.raises(StoreError):
        for source in techne.scan(techne.roots()[0]):
            found[source.key.id] = source
    transcript = techne.read(found[EMPTY])

    assert len(found) == 5
    assert transcript.session.health is Health.PARTIAL
    assert 50 < len(transcript.messages) < 400
    assert [session.health for session in techne.heads([found[EMPTY]])] == [Health.PARTIAL]


def test_a_file_that_is_no_database_at_its_place_is_told(techne: Techne, database: Path) -> None:
    database.write_bytes(b"garbage " * 1000)
    root = techne.roots()[0]

    with pytest.raises(StoreDamaged):
        list(techne.scan(root))
    assert [problem.path for problem in techne.check(root)] == [str(database)]


def test_a_session_that_vanished_cannot_be_read(techne: Techne, database: Path) -> None:
    sources = [source for root in techne.roots() for source in techne.scan(root)]
    change(database, "DELETE FROM sessions WHERE id = ?", (sources[0].key.id,))

    with pytest.raises(StoreMissing):
        techne.read(sources[0])


def test_rows_of_deleted_sessions_are_told_by_the_check(techne: Techne) -> None:
    problems = [problem.what for root in techne.roots() for problem in techne.check(root)]

    assert problems == ["1 rows of read_files belong to no session"]


# ── no trace ──────────────────────────────────────────────────────────────────────────────────────────────


def use_all(techne: Techne) -> int:
    checked = sum(len(list(techne.check(root))) for root in techne.roots())
    resumed = sum(isinstance(techne.resume(session), Launch) for session in listed(techne).values())
    return checked + resumed + sum(len(list(transcript.messages)) for transcript in everything(techne).values())


def test_reading_changes_no_byte_and_leaves_no_file(home: Path, techne: Techne) -> None:
    before = digest(home)

    assert use_all(techne) == 1 + 5 + 21
    assert digest(home) == before


def test_rows_in_the_log_are_read_and_left_there(home: Path, techne: Techne, database: Path) -> None:
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        values = ("w", EMPTY, said("Only in the log"), AT)
        writer.execute("INSERT INTO messages VALUES (?, ?, 'user', ?, '', ?)", values)
        writer.commit()
        before = digest(home)

        assert everything(techne)[EMPTY].messages[0].text == "Only in the log"
        assert digest(home) == before


# ── real stores ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied("techne", tmp_path_factory.mktemp("real") / "techne")


def manifest(real: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((real / "manifest.json").read_text())["databases"]
    return found


def at(real: Path, database: dict[str, Any]) -> Techne:
    return Techne(world(real, given={"techne": (real / database["db"],)}))


def test_real_sessions_hold_what_their_program_reported(real: Path) -> None:
    compared = 0
    for database in manifest(real):
        found = everything(at(real, database))
        assert set(found) == set(database["list_order"])
        for told in database["sessions"]:
            compare(found[told["id"]], told)
            compared += len(told["messages"])
    assert compared > 200


def compare(transcript: Transcript, told: dict[str, Any]) -> None:
    session = transcript.session
    assert (session.model, session.provider) == (told["model"], told["provider"])
    assert session.summary_message_id == told["summary_message_id"]
    assert session.created_at == times.parse(told["created_at"])
    moments = [times.parse(told["updated_at"]), *(times.parse(row["created_at"]) for row in told["messages"])]
    assert session.updated_at == max(moment for moment in moments if moment)
    compare_title(transcript, told)
    compare_summary(transcript, told)
    by_id = {message.id: message for message in transcript.messages}
    assert [message.id for message in transcript.messages if not message.is_summary] == [
        row["id"] for row in told["messages"] if not by_id[row["id"]].is_summary
    ]
    for row in told["messages"]:
        compare_message(by_id[row["id"]], row)
    assert {(file.path, file.read_at) for file in transcript.files_read} == {
        (file["path"], times.parse(file["read_at"])) for file in told["read_files"]
    }
    assert session.message_count == told["message_count"] - len(transcript.summaries)


def compare_title(transcript: Transcript, told: dict[str, Any]) -> None:
    session = transcript.session
    if told["title"] not in ("New Session", "Non-interactive"):
        assert session.title == told["title"]
        assert (sha(session.title) == told["title_sha256"]) == told["title_valid_utf8"]
    elif session.first_prompt:
        assert session.title == title_from_prompt(session.first_prompt)


def compare_summary(transcript: Transcript, told: dict[str, Any]) -> None:
    rows = [row["id"] for row in told["messages"]]
    pointer = told["summary_message_id"]
    covered = max(0, rows.index(pointer) - 6) if pointer else 0
    assert [message.id for message in transcript.messages if message.archived] == rows[:covered]
    systems = [row["id"] for row in told["messages"] if row["role"] == "system" and row["blocks"]] if pointer else []
    assert [summary.id for summary in transcript.summaries] == systems
    if covered:
        order = ids(transcript)
        assert order[order.index(pointer) - 1] == rows[covered - 1]


def compare_message(message: Message, row: dict[str, Any]) -> None:
    assert message.role.value == row["role"]
    assert message.created_at == times.parse(row["created_at"])
    assert message.model == (row["model"] or None)
    if row.get("plain_text_fallback"):
        assert (sha(message.text), len(message.text.encode())) == (row["sha256"], row["bytes"])
        return
    assert len(message.blocks) == len(row["blocks"])
    for block, told in zip(message.blocks, row["blocks"], strict=True):
        match block:
            case Text(text=text):
                assert (told["type"], told["text_sha256"]) == ("text", sha(text))
            case ToolCall(id=id, name=name):
                assert (told["type"], told["call_id"], told["name"]) == ("tool_call", id, name)
            case ToolResult(call_id=id, name=name, text=text, is_error=is_error):
                expected = {"type": "tool_result", "call_id": id, "name": name, "is_error": is_error}
                assert told == expected | {"content_sha256": sha(text)}
            case Attachment(name=name):
                assert told["type"] == name
            case _:
                assert told["type"] in ("thinking", "image")


def test_real_sub_agents_are_told_from_main_sessions(real: Path) -> None:
    for database in manifest(real):
        for told, session in ((told, listed(at(real, database))[told["id"]]) for told in database["sessions"]):
            assert (session.kind is SessionKind.SUBAGENT) == told["title"].startswith("[sub-agent:")


def test_reading_real_stores_changes_no_byte(real: Path) -> None:
    before = digest(real)

    for database in manifest(real):
        assert use_all(at(real, database)) > 0

    assert digest(real) == before
