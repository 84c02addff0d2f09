"""The atmos adapter: invented stores for every rule, and the real stores beside the checkout."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from session_tui import tokens
from session_tui.adapters import times
from session_tui.adapters.base import Root
from session_tui.agents.atmos import Atmos
from session_tui.errors import StoreDamaged, StoreError, StoreMissing
from session_tui.model import (
    ContextItem,
    Health,
    Launch,
    Refusal,
    Role,
    SessionKey,
    TitleSource,
    TokenSource,
    Transcript,
)
from tests.unit.tables import change, copied, digest, everything, fixture_home, listed, sha, world

DATABASE = ".atmos/sessions/sessions.db"
ID = "5c1f0a2e-9b1d-4c55-8f10-0000000000"
LAMPS, OLD_TIDE, NEW_TIDE, EMPTY, FERRY = (f"{ID}0{number}" for number in range(1, 6))
AT = "2026-03-09 10:00:00 -0500 EST"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return fixture_home("atmos", tmp_path / "home")


@pytest.fixture
def database(home: Path) -> Path:
    return home / "harbour" / DATABASE


@pytest.fixture
def atmos(home: Path) -> Atmos:
    return Atmos(world(home, cwd=home / "harbour"))


def add_session(database: Path, id: str, name: str, project_path: str, *, metadata: object = "null") -> None:
    values = (id, name, project_path, "m", "p", "", AT, AT, metadata)
    change(database, "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)


def add_message(database: Path, id: int, session: str, content: object, *, role: str = "user", at: object = AT) -> None:
    change(database, "INSERT INTO messages VALUES (?, ?, ?, ?, ?, 0)", (id, session, role, content, at))


def add_summary(database: Path, id: str, session: str, ids: str, span: str) -> None:
    values = (id, session, ids, span, "So far, so dark.", 2, "2026-03-09 11:00:00 -0500 EST")
    change(database, "INSERT INTO message_summaries VALUES (?, ?, '', ?, ?, ?, ?, ?)", values)


def ids(transcript: Transcript) -> list[str]:
    return [message.id for message in transcript.messages]


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_row_tells_all_that_a_list_shows(home: Path, atmos: Atmos) -> None:
    session = listed(atmos)[LAMPS]

    assert session.title == "lamp schedule"
    assert session.title_source is TitleSource.CUSTOM
    assert session.first_prompt == "Which lamps burn past midnight?"
    assert session.project == str(home / "harbour")
    assert (session.model, session.provider, session.skill) == ("claude-sonnet-4", "anthropic", "stack-analyzer")
    assert session.created_at == datetime(2026, 3, 2, 14, 0, 0, 4568, UTC)
    assert session.updated_at == datetime(2026, 3, 2, 16, 30, 0, 500000, UTC)
    assert session.compacted_at == datetime(2026, 3, 2, 15, 0, 5, 700000, UTC)
    assert (session.message_count, session.archived_count, session.compaction_count) == (6, 4, 1)
    assert session.metadata == {"owner": "Noor", "ratio": 0.5}
    assert session.context_window == 200_000


def test_the_head_and_the_reading_agree(atmos: Atmos) -> None:
    heads, whole = listed(atmos), everything(atmos)

    for id, transcript in whole.items():
        known = replace(transcript.session, token_count=None, token_source=TokenSource.NONE, summary=None)
        assert heads[id] == known


def test_one_head_is_the_same_as_many(atmos: Atmos) -> None:
    sources = [source for root in atmos.roots() for source in atmos.scan(root)]

    assert list(atmos.heads(sources)) == [atmos.head(source) for source in sources]


def test_a_name_the_program_made_up_stays_but_is_its_own(atmos: Atmos) -> None:
    session = listed(atmos)[EMPTY]

    assert session.title == "session-20260305-070000"
    assert session.title_source is TitleSource.AGENT
    assert session.message_count == 0


def test_a_blank_name_gives_way_to_the_first_prompt(atmos: Atmos, database: Path) -> None:
    add_session(database, "blank", "  ", ".")
    add_message(database, 100, "blank", "\n\n")
    add_message(database, 101, "blank", "<system-reminder>be brief</system-reminder>")
    add_message(database, 102, "blank", "\n Where is the rope? \nThe long one.")

    session = listed(atmos)["blank"]

    assert session.title == "Where is the rope?"
    assert session.title_source is TitleSource.FIRST_PROMPT
    assert session.first_prompt == "\n Where is the rope? \nThe long one."


def test_metadata_that_is_no_json_costs_only_itself(atmos: Atmos, database: Path) -> None:
    add_session(database, "odd", "odd", ".", metadata="{nope")

    session = listed(atmos)["odd"]

    assert session.health is Health.PARTIAL
    assert "metadata" in session.problems[0].what
    assert session.title == "odd"


@pytest.mark.parametrize("metadata", [None, "", "null", "{}", "[1]", "7"])
def test_metadata_without_fields_is_empty_and_sound(atmos: Atmos, database: Path, metadata: object) -> None:
    add_session(database, "bare", "bare", ".", metadata=metadata)

    session = listed(atmos)["bare"]

    assert session.metadata == {}
    assert session.health is Health.CLEAN


def test_unknown_columns_are_kept(atmos: Atmos, database: Path) -> None:
    change(database, f"ALTER TABLE sessions ADD COLUMN mood TEXT; UPDATE sessions SET mood='calm' WHERE id='{LAMPS}'")
    change(database, "ALTER TABLE messages ADD COLUMN stars INTEGER; UPDATE messages SET stars=3 WHERE id=2")

    transcript = everything(atmos)[LAMPS]

    assert transcript.session.extra == {"mood": "calm"}
    assert [message.extra for message in transcript.messages][:3] == [{}, {"stars": "3"}, {}]


def test_ten_thousand_sessions_are_asked_for_together(atmos: Atmos, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        values = [(f"s{n}", f"n{n}", ".", "m", "p", "", AT, AT, "null") for n in range(1200)]
        connection.executemany("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        sql = "INSERT INTO messages (session_id, role, content, created_at) VALUES (?, 'user', ?, ?)"
        connection.executemany(sql, [(f"s{n}", f"Prompt {n}", AT) for n in range(1200)])

    found = listed(atmos)

    assert len(found) == 1205
    assert {found[f"s{n}"].first_prompt for n in range(1200)} == {f"Prompt {n}" for n in range(1200)}


# ── one session ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_summary_stands_behind_the_range_it_covers(atmos: Atmos) -> None:
    transcript = everything(atmos)[LAMPS]

    summary = "5d000000-0000-4000-8000-000000000001"
    assert ids(transcript) == ["1", "2", "3", "4", summary, "5", "6"]
    assert [message.archived for message in transcript.messages] == [True] * 4 + [False] * 3
    assert [message.is_summary for message in transcript.messages] == [False] * 4 + [True] + [False] * 2
    assert transcript.messages[4].role is Role.ASSISTANT
    assert transcript.messages[4].created_at == datetime(2026, 3, 2, 15, 0, 5, 700000, UTC)
    assert transcript.messages[4].text == transcript.summaries[0].content
    assert transcript.summaries[0].original_ids == ("1", "2", "3", "4")
    assert transcript.summaries[0].message_range == "Messages 1-4"
    assert transcript.summaries[0].token_count == 25


def test_summaries_of_one_range_are_all_kept(atmos: Atmos, database: Path) -> None:
    add_summary(database, "later", LAMPS, "[1,2,3,4]", "Messages 1-4")

    transcript = everything(atmos)[LAMPS]

    assert ids(transcript)[4:6] == ["5d000000-0000-4000-8000-000000000001", "later"]
    assert transcript.session.compaction_count == 2
    assert transcript.session.message_count == 6
    assert transcript.session.summary == "So far, so dark."


def test_a_summary_whose_archiving_was_cut_short_archives_nothing(atmos: Atmos, database: Path) -> None:
    add_summary(database, "early", NEW_TIDE, "[9]", "Messages 9-9")

    transcript = everything(atmos)[NEW_TIDE]

    assert ids(transcript) == ["9", "early"]
    assert transcript.session.archived_count == 0


@pytest.mark.parametrize("stored", ["", "junk", "{}", "null", "\x00"])
def test_a_summary_with_unreadable_ids_stands_where_its_range_says(atmos: Atmos, database: Path, stored: str) -> None:
    add_summary(database, "vague", LAMPS, stored, "Messages 1-2")

    assert ids(everything(atmos)[LAMPS])[:4] == ["1", "2", "vague", "3"]


def test_a_summary_of_nothing_known_stands_behind_what_is_archived(atmos: Atmos, database: Path) -> None:
    add_summary(database, "lost", LAMPS, "[901]", "who knows")
    add_summary(database, "alone", EMPTY, "[901]", "who knows")

    whole = everything(atmos)
    assert ids(whole[LAMPS])[5] == "lost"
    assert ids(whole[EMPTY]) == ["alone"]


def test_an_archived_flag_that_is_null_is_not_set(atmos: Atmos) -> None:
    message = everything(atmos)[LAMPS].messages[-1]

    assert message.id == "6"
    assert message.archived is False


def test_a_zone_without_letters_is_read_by_its_offset(atmos: Atmos) -> None:
    transcript = everything(atmos)[FERRY]

    assert transcript.session.updated_at == datetime(2026, 3, 6, 6, 15, 0, 100000, UTC)
    assert transcript.messages[2].created_at == datetime(2026, 3, 6, 0, 30, 9, 1, UTC)
    assert transcript.session.health is Health.CLEAN


def test_messages_of_several_zones_stand_in_the_order_of_their_moments(atmos: Atmos, database: Path) -> None:
    add_message(database, 100, EMPTY, "second", at="2026-03-09 10:00:00 +0800 CST")
    add_message(database, 101, EMPTY, "first", at="2026-03-09 01:00:00 +0000 UTC")
    add_message(database, 102, EMPTY, "beside the first", at="not a time")
    add_message(database, 103, EMPTY, "third", at="2026-03-08 23:00:00.5-05:00")

    transcript = everything(atmos)[EMPTY]

    assert ids(transcript) == ["101", "102", "100", "103"]
    assert transcript.messages[1].created_at is None


def test_messages_of_one_moment_stand_in_the_order_they_were_written(atmos: Atmos, database: Path) -> None:
    for id in (101, 100, 102):
        add_message(database, id, EMPTY, "at once")

    assert ids(everything(atmos)[EMPTY]) == ["100", "101", "102"]


@pytest.mark.parametrize(
    "content",
    [
        "\x1b]0;owned\x07\x1b[31mred\x1b[0m",
        "[bold]not markup[/bold]",
        "nul \x00 inside",
        "line\u2028separator \u202edesrever\u202c",
        "  spaces stay  \r\n\ttabs too \n",
        "",
    ],
)
def test_text_is_exactly_what_is_stored(atmos: Atmos, database: Path, content: str) -> None:
    add_message(database, 100, EMPTY, content)

    message = everything(atmos)[EMPTY].messages[0]

    assert message.text == content
    assert message.lossy is False


def test_bytes_that_are_no_utf8_are_shown_as_replaced(atmos: Atmos, database: Path) -> None:
    change(database, f"INSERT INTO messages VALUES (100, '{EMPTY}', 'user', CAST(x'636166C3' AS TEXT), '{AT}', 0)")
    cut = "CAST(x'73756D2E2EE7' AS TEXT)"
    change(database, f"UPDATE message_summaries SET summary_content = {cut}")

    whole = everything(atmos)

    assert whole[EMPTY].messages[0].text == "caf\ufffd"
    assert whole[EMPTY].messages[0].lossy
    assert whole[LAMPS].messages[4].text == "sum..\ufffd"
    assert whole[LAMPS].messages[4].lossy
    assert whole[LAMPS].session.health is Health.CLEAN


@pytest.mark.parametrize(("value", "text"), [(17, "17"), (2.5, "2.5"), (b"blob \xff", "blob \ufffd")])
def test_values_of_other_types_are_shown_as_text(atmos: Atmos, database: Path, value: object, text: str) -> None:
    add_message(database, 100, EMPTY, value, role="narrator", at=1_770_000_000)

    message = everything(atmos)[EMPTY].messages[0]

    assert message.text == text
    assert message.role is Role.SYSTEM
    assert message.extra == {"role": "narrator"}
    assert message.created_at == datetime(2026, 2, 2, 2, 40, tzinfo=UTC)


def test_context_is_kept_in_order_with_types_of_any_name(atmos: Atmos) -> None:
    assert everything(atmos)[LAMPS].context == (
        ContextItem("stack_file", "harbour/lamps.yaml", "lamps: [pier, mole, hall]"),
        ContextItem("setting", "units", "metric"),
        ContextItem("weather", "wind", "NW 4"),
    )


def test_tokens_are_estimated_over_what_is_still_sent(atmos: Atmos) -> None:
    transcript = everything(atmos)[LAMPS]

    assert transcript.session.token_source is TokenSource.ESTIMATED
    assert transcript.session.token_count == tokens.estimate_messages(transcript.messages)


def test_a_very_long_session_is_estimated_by_its_length(atmos: Atmos, database: Path) -> None:
    add_message(database, 100, EMPTY, "lantern " * 600_000)

    assert everything(atmos)[EMPTY].session.token_count == round(4_800_000 / 3.6)


# ── continuing ────────────────────────────────────────────────────────────────────────────────────────────


def launch(answer: Launch | Refusal) -> Launch:
    assert isinstance(answer, Launch), answer
    return answer


def refusal(answer: Launch | Refusal) -> Refusal:
    assert isinstance(answer, Refusal), answer
    return answer


def test_a_session_continues_by_name_from_its_project(home: Path, atmos: Atmos) -> None:
    found = launch(atmos.resume(listed(atmos)[LAMPS]))

    assert found.argv == ("atmos", "ai", "chat", "--session=lamp schedule")
    assert found.cwd == str(home / "harbour")
    assert found.warning == ""


def test_only_the_latest_of_two_namesakes_continues(atmos: Atmos) -> None:
    sessions = listed(atmos)

    assert launch(atmos.resume(sessions[NEW_TIDE])).argv[-1] == "--session=tide table"
    assert "named 'tide table' too" in refusal(atmos.resume(sessions[OLD_TIDE])).reason
    assert "rename" in refusal(atmos.resume(sessions[OLD_TIDE])).hint


def test_namesakes_of_different_projects_both_continue(home: Path, atmos: Atmos, database: Path) -> None:
    add_session(database, "guest", "tide table", str(home / "harbour"))

    sessions = listed(atmos)

    assert isinstance(atmos.resume(sessions[NEW_TIDE]), Launch)
    assert launch(atmos.resume(sessions["guest"])).argv == ("atmos", "ai", "chat", "--session=tide table")


def test_an_absolute_project_elsewhere_is_given_as_base_path(atmos: Atmos, database: Path) -> None:
    add_session(database, "guest", "--help", "/srv/elsewhere")

    found = launch(atmos.resume(listed(atmos)["guest"]))

    assert found.argv == ("atmos", "ai", "chat", "--session=--help", "--base-path", "/srv/elsewhere")
    assert found.cwd == "/srv/elsewhere"
    assert "looks for it in /srv/elsewhere" in found.warning


def test_an_absolute_project_under_a_relative_base_path_is_given_as_base_path(
    home: Path, atmos: Atmos, database: Path
) -> None:
    (home / "harbour" / "atmos.yaml").write_text("base_path: .\nai:\n  enabled: true\n")
    add_session(database, "guest", "from below", str(home / "harbour"))

    found = launch(atmos.resume(listed(atmos)["guest"]))

    assert found.argv[-2:] == ("--base-path", str(home / "harbour"))
    assert found.warning == ""


def test_a_relative_base_path_leads_from_the_directory_above(home: Path, atmos: Atmos, database: Path) -> None:
    add_session(database, "infra", "from above", "harbour")
    add_session(database, "moved", "moved away", "pier")

    sessions = listed(atmos)

    assert sessions["infra"].project == str(home / "harbour")
    assert launch(atmos.resume(sessions["infra"])).cwd == str(home)
    assert sessions["moved"].project == str(home / "harbour" / "pier")


@pytest.mark.parametrize("name", ["", "   "])
def test_a_session_without_a_name_does_not_continue(atmos: Atmos, database: Path, name: str) -> None:
    add_session(database, "blank", name, ".")

    assert "no name" in refusal(atmos.resume(listed(atmos)["blank"])).reason


def test_a_name_no_command_line_can_carry_does_not_continue(atmos: Atmos, database: Path) -> None:
    add_session(database, "nul", "a\x00b", ".")
    change(database, f"INSERT INTO sessions VALUES ('cut', CAST(x'61C3' AS TEXT), '.', '', '', '', '{AT}', '{AT}', '')")

    sessions = listed(atmos)

    assert "command line" in refusal(atmos.resume(sessions["nul"])).reason
    assert "command line" in refusal(atmos.resume(sessions["cut"])).reason


def test_a_deleted_session_does_not_continue(atmos: Atmos, database: Path) -> None:
    session = listed(atmos)[LAMPS]
    change(database, f"DELETE FROM sessions WHERE id = '{LAMPS}'")

    assert "no longer" in refusal(atmos.resume(session)).reason


def test_a_session_whose_times_the_program_cannot_read_continues_with_a_warning(atmos: Atmos) -> None:
    assert "show it empty" in launch(atmos.resume(listed(atmos)[FERRY])).warning


# ── places ────────────────────────────────────────────────────────────────────────────────────────────────


def found_in(atmos: Atmos) -> list[Path]:
    return [root.path for root in atmos.roots()]


def test_databases_of_the_directories_above_are_found(home: Path, database: Path) -> None:
    deep = home / "harbour" / "pier" / "lamps"
    deep.mkdir(parents=True)

    assert found_in(Atmos(world(home, cwd=deep))) == [database]
    assert found_in(Atmos(world(home))) == []


def test_databases_of_mentioned_projects_are_found(home: Path, database: Path) -> None:
    mentioned = replace(world(home), mentioned=(home / "harbour", home / "gone"))

    assert found_in(Atmos(mentioned)) == [database]


@pytest.mark.parametrize("place", ["", ".atmos", ".atmos/sessions", DATABASE])
def test_a_given_root_may_be_the_file_its_folder_the_home_or_the_project(
    home: Path, database: Path, place: str
) -> None:
    given = world(home, given={"atmos": (home / "harbour" / place,)})

    assert found_in(Atmos(given)) == [database]


def test_any_database_in_a_given_folder_counts_when_it_holds_our_tables(tmp_path: Path, database: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    database.rename(folder / "winter.db")
    change(folder / "other.db", "CREATE TABLE sessions (id TEXT, title TEXT)")
    (folder / "junk.db").write_bytes(b"no database")

    assert found_in(Atmos(world(tmp_path, given={"atmos": (folder,)}))) == [folder / "winter.db"]


def test_a_given_root_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        Atmos(world(tmp_path, given={"atmos": (tmp_path / "nowhere",)})).roots()


def test_a_given_file_of_another_program_is_told(tmp_path: Path) -> None:
    change(tmp_path / "other.db", "CREATE TABLE sessions (id TEXT, title TEXT); INSERT INTO sessions VALUES ('a', 'b')")
    atmos = Atmos(world(tmp_path, given={"atmos": (tmp_path / "other.db",)}))

    with pytest.raises(StoreDamaged, match="not those of Atmos"):
        list(atmos.scan(atmos.roots()[0]))


def test_the_configured_directory_is_searched(tmp_path: Path, database: Path) -> None:
    project, store = tmp_path / "project", tmp_path / "stores" / "ai"
    project.mkdir()
    store.mkdir(parents=True)
    database.rename(store / "sessions.db")
    text = f"vendor: !repo-root ../x\nai:\n  sessions:\n    path: {store}\n"
    (project / "atmos.yaml").write_text(text)

    assert found_in(Atmos(world(tmp_path, cwd=project))) == [store / "sessions.db"]
    assert found_in(Atmos(world(tmp_path, given={"atmos": (project,)}))) == [store / "sessions.db"]


def test_the_base_path_and_a_relative_directory_lead_to_the_store(tmp_path: Path, database: Path) -> None:
    store = tmp_path / "infra" / "state" / "ai"
    store.mkdir(parents=True)
    database.rename(store / "sessions.db")
    (tmp_path / "atmos.yaml").write_text("base_path: ./infra\nai:\n  sessions:\n    path: state/ai\n")

    atmos = Atmos(world(tmp_path))

    assert found_in(atmos) == [store / "sessions.db"]
    assert listed(atmos)[LAMPS].project == str(tmp_path)


def test_the_environment_names_base_path_and_configuration(tmp_path: Path, home: Path, database: Path) -> None:
    away = tmp_path / "away"
    (away / "conf").mkdir(parents=True)
    (away / "conf" / "atmos.yaml").write_text(f"ai:\n  sessions:\n    path: {database.parent}\n")
    named = world(tmp_path, cwd=away, environ={"ATMOS_CLI_CONFIG_PATH": str(away / "conf")})
    based = world(tmp_path, cwd=away, environ={"ATMOS_BASE_PATH": str(home / "harbour")})

    assert found_in(Atmos(named)) == [database]
    assert found_in(Atmos(based)) == [database]


@pytest.mark.parametrize("text", ["ai: [", "- a\n- b\n", "ai: 7\n", "", "\x00ai:\n"])
def test_a_broken_configuration_counts_as_none(home: Path, database: Path, text: str) -> None:
    (home / "harbour" / "atmos.yaml").write_text(text)

    assert found_in(Atmos(world(home, cwd=home / "harbour"))) == [database]


def test_another_programs_sessions_table_is_no_root(tmp_path: Path) -> None:
    place = tmp_path / DATABASE
    place.parent.mkdir(parents=True)
    change(place, "CREATE TABLE sessions (id TEXT, title TEXT)")

    assert found_in(Atmos(world(tmp_path))) == []


# ── stamps ────────────────────────────────────────────────────────────────────────────────────────────────


def stamps(atmos: Atmos) -> dict[str, str]:
    return {source.key.id: source.stamp for root in atmos.roots() for source in atmos.scan(root)}


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE sessions SET name = 'dusk' WHERE id = '{LAMPS}'",
        f"UPDATE sessions SET metadata = '{{}}' WHERE id = '{LAMPS}'",
        f"INSERT INTO messages VALUES (100, '{LAMPS}', 'user', 'And now?', '{AT}', 0)",
        "UPDATE messages SET archived = 1 WHERE id = 5",
        "UPDATE messages SET content = content || '!' WHERE id = 5",
        "DELETE FROM messages WHERE id = 5",
        "DELETE FROM message_summaries",
        "UPDATE message_summaries SET summary_content = 'shorter'",
        f"INSERT INTO session_context VALUES ('{LAMPS}', 'query', 'k', 'v')",
    ],
)
def test_a_stamp_changes_with_its_session_alone(atmos: Atmos, database: Path, statement: str) -> None:
    before = stamps(atmos)

    change(database, statement)

    after = stamps(atmos)
    assert {id for id in before if before[id] != after[id]} == {LAMPS}


def test_the_scan_orders_by_the_time_of_the_last_change(atmos: Atmos) -> None:
    sources = [source for root in atmos.roots() for source in atmos.scan(root)]

    assert {source.key.id: source.updated_at for source in sources}[FERRY] == datetime(
        2026, 3, 6, 6, 15, 0, 100000, UTC
    )


# ── damage ────────────────────────────────────────────────────────────────────────────────────────────────


def crowded(database: Path) -> None:
    """Many pages of messages, so that a cut lies within them."""
    with closing(sqlite3.connect(database)) as connection, connection:
        sql = "INSERT INTO messages (session_id, role, content, created_at) VALUES (?, 'user', ?, ?)"
        connection.executemany(sql, [(EMPTY, f"{n} " + "plank " * 200, AT) for n in range(400)])


def test_a_truncated_database_gives_what_is_left_of_it(atmos: Atmos, database: Path) -> None:
    crowded(database)
    whole = database.read_bytes()
    database.write_bytes(whole[: len(whole) * 6 // 10 // 4096 * 4096])
    root = atmos.roots()[0]

    found = {}
    with pytest.raises(StoreError):
        for source in atmos.scan(root):
            found[source.key.id] = source
    transcript = atmos.read(found[EMPTY])

    assert set(found) == {LAMPS, OLD_TIDE, NEW_TIDE, EMPTY, FERRY}
    assert transcript.session.health is Health.PARTIAL
    assert 50 < len(transcript.messages) < 400
    assert transcript.messages[0].text.startswith("0 plank")
    assert [session.health for session in atmos.heads([found[EMPTY]])] == [Health.PARTIAL]
    assert atmos.read(found[LAMPS]).messages[0].text == "Which lamps burn past midnight?"
    assert any("malformed" in problem.what for problem in atmos.check(root))


@pytest.mark.parametrize("content", [b"", b"garbage " * 1000, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_file_that_is_no_database_at_its_place_is_told(atmos: Atmos, database: Path, content: bytes) -> None:
    database.write_bytes(content)

    roots = atmos.roots()
    problems = [problem for root in roots for problem in atmos.check(root)]

    if content:
        assert [problem.path for problem in problems] == [str(database)]
        with pytest.raises(StoreError):
            list(atmos.scan(roots[0]))
    else:
        assert roots == []


def test_a_database_that_vanished_makes_its_sessions_unreadable(atmos: Atmos, database: Path) -> None:
    sources = [source for root in atmos.roots() for source in atmos.scan(root)]
    database.unlink()

    assert {session.health for session in atmos.heads(sources)} == {Health.UNREADABLE}
    with pytest.raises(StoreMissing):
        atmos.read(sources[0])


def test_a_session_that_vanished_makes_only_itself_unreadable(atmos: Atmos, database: Path) -> None:
    sources = [source for root in atmos.roots() for source in atmos.scan(root)]
    change(database, f"DELETE FROM sessions WHERE id = '{EMPTY}'")

    found = {session.key.id: session.health for session in atmos.heads(sources)}

    assert found.pop(EMPTY) is Health.UNREADABLE
    assert set(found.values()) == {Health.CLEAN}


def test_missing_columns_and_tables_cost_only_themselves(tmp_path: Path) -> None:
    place = tmp_path / DATABASE
    place.parent.mkdir(parents=True)
    change(place, "CREATE TABLE sessions (id TEXT PRIMARY KEY, name TEXT, project_path TEXT, updated_at TEXT)")
    change(place, "CREATE TABLE messages (id INTEGER PRIMARY KEY, session_id TEXT, role TEXT, content TEXT)")
    change(
        place,
        "INSERT INTO sessions VALUES ('a', 'plain', '.', NULL); INSERT INTO messages VALUES (1, 'a', 'user', 'Hi')",
    )

    transcript = everything(Atmos(world(tmp_path)))["a"]

    assert transcript.session.title == "plain"
    assert [message.text for message in transcript.messages] == ["Hi"]
    assert transcript.session.updated_at is None
    assert transcript.messages[0].created_at is None


def test_a_database_without_messages_is_listed_as_partial(tmp_path: Path) -> None:
    place = tmp_path / DATABASE
    place.parent.mkdir(parents=True)
    change(place, "CREATE TABLE sessions (id TEXT, name TEXT, project_path TEXT)")
    change(place, "INSERT INTO sessions VALUES ('a', 'bare', '.')")
    atmos = Atmos(world(tmp_path))
    key = SessionKey("atmos", "a", str(place))

    with pytest.raises(StoreError):
        list(atmos.scan(atmos.roots()[0]))
    sources = scanned(atmos)

    assert [source.key for source in sources] == [key]
    assert atmos.head(sources[0]).health is Health.PARTIAL
    assert list(atmos.read(sources[0]).messages) == []


def scanned(atmos: Atmos) -> list[Any]:
    """The sources that a scan yields before it fails."""
    found = []
    with pytest.raises(StoreError):
        for source in atmos.scan(atmos.roots()[0]):
            found.append(source)
    return found


def test_ids_of_any_kind_can_be_read(atmos: Atmos, database: Path) -> None:
    change(database, f"INSERT INTO sessions VALUES (NULL, 'nameless', '.', '', '', '', '{AT}', '{AT}', '')")
    change(database, f"INSERT INTO sessions VALUES (x'C3', 'blob', '.', '', '', '', '{AT}', '{AT}', '')")
    change(database, f"INSERT INTO sessions VALUES (CAST(x'61C3' AS TEXT), 'cut', '.', '', '', '', '{AT}', '{AT}', '')")
    change(database, f"INSERT INTO messages VALUES (100, CAST(x'61C3' AS TEXT), 'user', 'Found', '{AT}', 0)")

    found = {transcript.session.title: transcript for transcript in everything(atmos).values()}

    assert {"nameless", "blob", "cut"} <= set(found)
    assert found["cut"].messages[0].text == "Found"
    assert {session.health for session in listed(atmos).values()} == {Health.CLEAN}


def test_orphans_are_told_by_the_check(atmos: Atmos, database: Path) -> None:
    change(database, f"INSERT INTO messages VALUES (100, 'gone', 'user', 'Hello?', '{AT}', 0)")

    assert ["1 rows of messages belong to no session"] == [
        problem.what for root in atmos.roots() for problem in atmos.check(root)
    ]


# ── no trace ──────────────────────────────────────────────────────────────────────────────────────────────


def use_all(atmos: Atmos) -> Iterator[object]:
    for root in atmos.roots():
        yield list(atmos.check(root))
    for session in listed(atmos).values():
        yield atmos.resume(session)
    for transcript in everything(atmos).values():
        yield list(transcript.messages)


def test_reading_changes_no_byte_and_leaves_no_file(home: Path, atmos: Atmos) -> None:
    before = digest(home)

    used = list(use_all(atmos))

    assert len(used) == 11
    assert digest(home) == before


def test_rows_in_the_log_are_read_and_left_there(home: Path, atmos: Atmos, database: Path) -> None:
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute(f"INSERT INTO messages VALUES (100, '{EMPTY}', 'user', 'Only in the log', '{AT}', 0)")
        writer.commit()
        before = digest(home)

        found = everything(atmos)[EMPTY]

        assert found.messages[0].text == "Only in the log"
        assert digest(home) == before


def test_a_database_that_is_held_exclusively_is_read_all_the_same(atmos: Atmos, database: Path) -> None:
    with closing(sqlite3.connect(database)) as holder:
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")

        assert len(everything(atmos)) == 5


# ── real stores ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied("atmos", tmp_path_factory.mktemp("real") / "atmos")


def manifest(real: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((real / "manifest.json").read_text())["databases"]
    return found


def at(real: Path, database: dict[str, Any]) -> Atmos:
    return Atmos(world(real, given={"atmos": (real / database["db"],)}))


def test_real_sessions_hold_what_their_program_reported(real: Path) -> None:
    compared = 0
    for database in manifest(real):
        found = everything(at(real, database))
        assert len(found) == database["counts"]["sessions"]
        assert sum(len(transcript.summaries) for transcript in found.values()) == database["counts"]["summaries"]
        for project in database["projects"]:
            for told in project["sessions"]:
                compare(found[told["id"]], told, project["project_path"])
                compared += 1
    assert compared == 30


def compare(transcript: Transcript, told: dict[str, Any], project: str) -> None:
    session = transcript.session
    assert (session.title, session.project, session.message_count) == (told["name"], project, told["message_count"])
    assert (session.model or "", session.provider, session.skill or "") == (
        told["model"],
        told["provider"],
        told["skill"],
    )
    assert session.created_at == times.parse(told["created_at"])
    assert session.updated_at == times.parse(told["updated_at"])
    assert session.metadata == (told["metadata"] or {})
    assert sorted((item.type, item.key, sha(item.value)) for item in transcript.context) == sorted(
        (item["type"], item["key"], item["sha256"]) for item in told["context"]
    )
    messages = [message for message in transcript.messages if not message.is_summary]
    if "messages_error" in told:
        stored = [(row["id"], row["role"], row["bytes"], row["created_raw"]) for row in told["stored_message_times"]]
        assert [(m.id, m.role.value, len(m.text.encode())) for m in messages] == [
            (str(id), role, size) for id, role, size, _ in stored
        ]
        assert [m.created_at for m in messages] == [times.parse(raw) for *_, raw in stored]
        return
    assert [(m.id, m.role.value, sha(m.text), m.created_at) for m in messages] == [
        (str(row["id"]), row["role"], row["sha256"], times.parse(row["created_at"])) for row in told["messages"]
    ]
    assert [int(m.id) for m in messages if m.archived] == told["archived_message_ids"]
    assert [int(m.id) for m in messages if not m.archived] == told["active_message_ids"]
    compare_summaries(transcript, told)


def compare_summaries(transcript: Transcript, told: dict[str, Any]) -> None:
    assert [(s.id, s.message_range, s.original_ids, s.token_count) for s in transcript.summaries] == [
        (row["id"], row["message_range"], tuple(map(str, row["original_message_ids"])), row["token_count"])
        for row in told["summaries"]
    ]
    order = ids(transcript)
    for summary, row in zip(transcript.summaries, told["summaries"], strict=True):
        assert summary.compacted_at == times.parse(row["compacted_at"])
        assert order.index(summary.id) == order.index(summary.original_ids[-1]) + 1
        if row["valid_utf8"]:
            assert sha(summary.content) == row["sha256"]
        else:
            assert transcript.messages[order.index(summary.id)].lossy
            assert "\ufffd" in summary.content


def test_real_namesakes_continue_as_their_program_finds_them(real: Path) -> None:
    for database in manifest(real):
        atmos = at(real, database)
        sessions = listed(atmos)
        for project in database["projects"]:
            for told in project["sessions"]:
                can = isinstance(atmos.resume(sessions[told["id"]]), Launch)
                assert can == (told["id_found_by_name"] == told["id"])


def test_real_orders_can_be_had_from_the_stored_times(real: Path) -> None:
    for database in manifest(real):
        sessions = listed(at(real, database))
        for project in database["projects"]:
            stored = {told["id"]: told["stored"]["updated_raw"] for told in project["sessions"]}
            assert project["list_order"] == sorted(stored, key=stored.__getitem__, reverse=True)
            assert set(project["list_order"]) <= set(sessions)


def test_reading_real_stores_changes_no_byte(real: Path) -> None:
    before = digest(real)

    for database in manifest(real):
        assert list(use_all(at(real, database)))

    assert digest(real) == before


def test_a_real_log_holds_sessions_of_its_own(real: Path) -> None:
    hot = Root((real / "hot-wal" / DATABASE).resolve())
    atmos = Atmos(world(real, given={"atmos": (hot.path,)}))

    assert sum(len(transcript.messages) for transcript in everything(atmos).values()) == 7
    assert len(list(atmos.scan(hot))) == 3
