"""Changing sessions of zima, read back as the program does."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from session_tui.adapters import times
from session_tui.adapters.base import Compactable, Deletable, Renamable
from session_tui.agents.zima import Zima
from session_tui.errors import StoreDamaged, StoreLocked
from session_tui.model import CompactPlan, Refusal
from session_tui.trash import Trash
from tests.unit.compactions import (
    AT,
    TEXT,
    active,
    ask,
    carry_out,
    compact,
    dump,
    held,
    names,
    plan_for,
    read,
    refused,
    summary,
)
from tests.unit.tables import change, copied, fixture_home, listed, world

DATABASE = ".zimaos-blue/data/blue.db"
ATTIC, BOILER, JAM, QUIET = (
    "default:web:mara",
    "default:telegram:77:attic",
    "pantry:matrix:@mara:example.test",
    "default:web:quiet",
)
MARKER = f"[Previous conversation summary: {TEXT}]"
# What the two drivers read: numeric offsets both, Go's own spelling the older one alone.
NUMERIC = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,9})?[+-]\d\d:\d\d")
GO_STRING = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,9})? [+-]\d{4} ([A-Z]{3,5}|[+-]\d\d)( m=[+-]\d+\.\d+)?")
TURNS = 12


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = fixture_home("zima", tmp_path / "home")
    said = '"content":"Turn {0}: \\u003cis\\u003e it warm?","mood":{0}'
    roles = ("user", "assistant")
    records = [f'{{"role":"{roles[turn % 2]}",{said.format(turn)}}}' for turn in range(TURNS - 2)]
    records.append('{"role":"assistant","content":"","tool_calls":[{"id":"c9","name":"sensor","arguments":"{}"}]}')
    records.append('{"role":"tool","content":"19 °C at last","tool_call_id":"c9"}')
    stored = f'{{"messages":[{",".join(records)}],"revision":7}}'
    change(home / DATABASE, "UPDATE sessions SET messages = ? WHERE id IN (?, ?)", (stored, ATTIC, BOILER))
    return home


@pytest.fixture
def database(home: Path) -> Path:
    return home / DATABASE


@pytest.fixture
def zima(home: Path) -> Zima:
    return Zima(world(home))


@pytest.fixture
def trash(tmp_path: Path) -> Trash:
    return Trash(tmp_path / "trash")


class Loaded:
    """A row as the program loads it."""

    def __init__(self, database: Path, id: str) -> None:
        columns = "state, metadata, messages, system_prompt, created_at, updated_at, last_active_at, compacted_at"
        ((self.state, metadata, messages, self.prompt, *moments),) = ask(
            database, f"SELECT {columns} FROM sessions WHERE id = ?", id
        )
        self.raw_metadata, self.raw_messages = str(metadata), str(messages)
        self.metadata: dict[str, Any] = json.loads(self.raw_metadata)
        self.messages: list[dict[str, Any]] = json.loads(self.raw_messages)["messages"]
        self.created, self.updated, self.active, self.compacted = map(str, moments)


def cost(text: str) -> int:
    """The program's own estimate."""
    return max(int(len(text.split()) * 1.3) + 4, 1)


# ── compacting ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_program_loads_what_was_kept_and_the_summary(zima: Zima, database: Path, trash: Trash) -> None:
    before = Loaded(database, ATTIC)

    done = compact(zima, ATTIC, trash)

    after = Loaded(database, ATTIC)
    assert ("system", *map(str, range(TURNS - 5, TURNS))) == done.plan.keep
    assert before.messages[-5:] == after.messages
    assert (MARKER, 0) == (after.prompt, after.state)
    assert TEXT == after.metadata["summary"]
    assert (6, 1) == (after.metadata["message_count"], after.metadata["compaction_count"])
    costs = sum(cost(message["content"]) for message in after.messages)
    assert costs + cost(MARKER) == after.metadata["token_count"]
    assert {"room": "attic", "original_system_prompt": "You keep a house."} == after.metadata["custom_data"]
    assert ("Cold attic", ["home", "attic"]) == (after.metadata["title"], after.metadata["tags"])


def test_times_are_spelled_as_the_driver_of_the_row_does(zima: Zima, database: Path, trash: Trash) -> None:
    compact(zima, ATTIC, trash)

    after = Loaded(database, ATTIC)
    assert NUMERIC.fullmatch(after.compacted) and NUMERIC.fullmatch(after.updated)
    assert AT == times.parse(after.compacted) == times.parse(after.updated)


@pytest.fixture(params=["America/Caracas", "UTC", "Asia/Kathmandu"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", str(request.param))
    time.tzset()
    yield str(request.param)
    monkeypatch.undo()
    time.tzset()


def test_the_older_driver_finds_a_spelling_it_can_read(zima: Zima, database: Path, trash: Trash, zone: str) -> None:
    change(database, "UPDATE sessions SET updated_at = '2026-06-01 08:05:00 +0800 CST m=+3.5' WHERE id = ?", (ATTIC,))

    compact(zima, ATTIC, trash)

    after = Loaded(database, ATTIC)
    # It reads no abbreviation of four digits, as a zone of half hours would have.
    spelling = NUMERIC if zone == "Asia/Kathmandu" else GO_STRING
    assert spelling.fullmatch(after.compacted) and spelling.fullmatch(after.updated)
    assert AT == times.parse(after.compacted)


def test_kept_messages_and_unknown_keys_stay_byte_for_byte(zima: Zima, database: Path, trash: Trash) -> None:
    change(database, "UPDATE sessions SET metadata = json_insert(metadata, '$.colour', 'red') WHERE id = ?", (ATTIC,))
    before = Loaded(database, ATTIC)

    compact(zima, ATTIC, trash)

    after = Loaded(database, ATTIC)
    assert before.raw_messages.index(after.raw_messages[13:-16])
    assert after.raw_messages.endswith('],"revision":7}')
    assert after.raw_messages.startswith('{"messages":[{"role":"assistant","content":"Turn 7: \\u003cis\\u003e')
    order = ["title", "summary", "tags", "custom_data", "message_count", "token_count", "compaction_count", "colour"]
    assert order == list(after.metadata)
    assert not set("<>&\u2028") & set(after.raw_metadata)
    assert before.active == after.active and before.created == after.created


def test_we_read_it_back_as_it_was_planned(zima: Zima, trash: Trash) -> None:
    done = compact(zima, ATTIC, trash)

    after = read(zima, ATTIC)
    assert done.texts(done.plan.keep[1:]) == active(after)
    assert [MARKER] == active(after, summaries=True)
    assert (TEXT, 1, AT) == (after.session.summary, after.session.compaction_count, after.session.compacted_at)
    assert "Cold attic" == after.session.title


def test_the_person_is_told_where_the_prompt_went(zima: Zima, trash: Trash) -> None:
    assert "original_system_prompt" in compact(zima, ATTIC, trash).applied.note
    assert "" == compact(zima, BOILER, trash).applied.note


def test_nothing_else_changes(zima: Zima, database: Path, trash: Trash) -> None:
    before = dump(database)

    done = compact(zima, ATTIC, trash)

    after = dump(database)
    attic = (b"text", ATTIC.encode())
    assert ("server",) == done.applied.read_by
    assert [row for row in before["sessions"] if row["id"] != attic] == [
        row for row in after["sessions"] if row["id"] != attic
    ]
    assert before["apps"] == after["apps"]
    assert {b"text"} == {row["messages"][0] for row in after["sessions"]}
    assert {database.name} == names(database.parent)


def test_undoing_gives_back_every_row(zima: Zima, database: Path, trash: Trash) -> None:
    before = dump(database)
    done = compact(zima, ATTIC, trash)

    assert trash.restore(done.item) == done.before.session.key

    assert before == dump(database)


def test_a_second_compaction_takes_the_first_summary_in(zima: Zima, database: Path, trash: Trash) -> None:
    done = compact(zima, BOILER, trash)

    after = Loaded(database, BOILER)
    assert ("system",) == done.plan.carried
    assert (MARKER, 2) == (after.prompt, after.metadata["compaction_count"])
    assert "custom_data" not in after.metadata
    assert [MARKER] == active(read(zima, BOILER), summaries=True)


def test_a_summary_that_is_not_taken_in_is_not_lost(zima: Zima, database: Path, trash: Trash) -> None:
    before = read(zima, BOILER)
    plan = plan_for(zima, before)

    carry_out(zima, before, CompactPlan(compact=plan.compact, keep=plan.keep), trash)

    assert f"The boiler was bled.\n\n{TEXT}" == Loaded(database, BOILER).metadata["summary"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sessions SET last_active_at = '2026-06-01 09:04:30.5+08:00' WHERE id = ?",
        "UPDATE sessions SET messages = '{\"messages\":[]}' WHERE id = ?",
        'UPDATE sessions SET messages = replace(messages, \']\', \',{"role":"user","content":"!"}]\') WHERE id = ?',
        "DELETE FROM sessions WHERE id = ?",
    ],
)
def test_a_session_that_changed_meanwhile_is_refused(zima: Zima, database: Path, trash: Trash, statement: str) -> None:
    before = read(zima, BOILER)
    change(database, statement, (BOILER,))

    refused(zima, before, plan_for(zima, before), database, trash)


@pytest.mark.parametrize(
    ("column", "value"),
    [("metadata", "[1, 2]"), ("metadata", '{"custom_data":[1]}'), ("messages", '[{"role":"user","content":"!"}]')],
)
def test_what_cannot_be_rewritten_without_loss_is_refused(
    zima: Zima, database: Path, trash: Trash, column: str, value: str
) -> None:
    before = read(zima, ATTIC)
    change(database, f"UPDATE sessions SET {column} = ? WHERE id = ?", (value, ATTIC))

    error = refused(zima, before, plan_for(zima, before), database, trash)

    assert isinstance(error, StoreDamaged)


def test_a_failure_in_the_middle_leaves_the_store_as_it_was(zima: Zima, database: Path, trash: Trash) -> None:
    change(database, "CREATE TRIGGER stop AFTER UPDATE ON sessions BEGIN SELECT RAISE(ABORT, 'enough'); END")
    before = read(zima, ATTIC)

    assert "enough" in refused(zima, before, plan_for(zima, before), database, trash).what


def test_a_database_that_another_holds_is_refused(zima: Zima, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, stood = read(zima, ATTIC), dump(database)
    plan = plan_for(zima, before)

    with held(database, monkeypatch), pytest.raises(StoreLocked):
        zima.apply(before.session, plan, summary(plan))

    assert stood == dump(database)


def test_a_server_that_answers_keeps_its_sessions(home: Path, database: Path, trash: Trash) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        zima = Zima(world(home, environ={"BLUE_SERVER_PORT": str(server.getsockname()[1])}))
        before = read(zima, ATTIC)
        refusal = zima.refuses_compaction(before.session)

        error = refused(zima, before, plan_for(zima, before), database, trash)
        with pytest.raises(StoreLocked):
            zima.rename(before.session, "Warm attic")

    assert isinstance(refusal, Refusal) and "is running" in refusal.reason
    assert isinstance(error, StoreLocked)
    assert zima.refuses_compaction(before.session) is None


def test_a_database_that_another_process_has_open_is_left_alone(zima: Zima, database: Path, trash: Trash) -> None:
    before = read(zima, ATTIC)
    with database.open("rb") as file, subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[file.fileno()]) as cat:
        refusal = zima.refuses_compaction(before.session)

        refused(zima, before, plan_for(zima, before), database, trash)
        assert cat.stdin
        cat.stdin.close()

    assert isinstance(refusal, Refusal) and "another program" in refusal.reason
    assert zima.refuses_compaction(before.session) is None


# ── renaming and deleting ─────────────────────────────────────────────────────────────────────────────────


def test_a_new_title_stands_first_in_the_metadata(zima: Zima, database: Path) -> None:
    before = Loaded(database, QUIET)

    zima.rename(listed(zima)[QUIET], "Quiet <room>")

    after = Loaded(database, QUIET)
    assert '{"title":"Quiet \\u003croom\\u003e",' + before.raw_metadata[1:] == after.raw_metadata
    assert (before.messages, before.active) == (after.messages, after.active)
    assert NUMERIC.fullmatch(after.updated)
    assert "Quiet <room>" == listed(zima)[QUIET].title


def test_metadata_is_begun_for_a_title_and_an_empty_one_goes(zima: Zima, database: Path) -> None:
    zima.rename(listed(zima)[JAM], "Jam")
    assert '{"title":"Jam"}' == Loaded(database, JAM).raw_metadata

    zima.rename(listed(zima)[JAM], "")
    assert "{}" == Loaded(database, JAM).raw_metadata


def test_a_deleted_session_comes_back(zima: Zima, database: Path, trash: Trash) -> None:
    before = dump(database)
    session = listed(zima)[ATTIC]

    item = trash.delete(session.key, session.key.ref, session.title, zima.belongings(session))

    assert ATTIC not in listed(zima)
    assert session.key == trash.restore(item.trash_id)
    assert before == dump(database)


def test_it_can_be_compacted_renamed_and_deleted(zima: Zima) -> None:
    assert isinstance(zima, Compactable) and isinstance(zima, Renamable) and isinstance(zima, Deletable)


# ── the real stores ───────────────────────────────────────────────────────────────────────────────────────


def test_real_sessions_are_compacted_and_given_back(tmp_path: Path, trash: Trash) -> None:
    real = copied("zima", tmp_path / "real")
    done = 0
    for database in sorted(real.rglob("*.db")):
        zima, found = Zima(world(real, given={"zima": (database,)})), names(database.parent)
        for id in listed(zima):
            if plan_for(zima, read(zima, id)):
                compact_and_undo(zima, database, id, trash)
                done += 1
        assert names(database.parent) <= found
    assert done >= 20


def compact_and_undo(zima: Zima, database: Path, id: str, trash: Trash) -> None:
    before, stood = Loaded(database, id), dump(database)

    done = compact(zima, id, trash)

    after = Loaded(database, id)
    kept = [name for name in done.plan.keep if name != "system"]
    assert [before.messages[int(name)] for name in kept] == after.messages
    assert MARKER == after.prompt
    assert len(kept) + 1 == after.metadata["message_count"]
    assert before.metadata["compaction_count"] + 1 == after.metadata["compaction_count"]
    for moment in (after.compacted, after.updated):
        assert NUMERIC.fullmatch(moment) or ("old-driver" in str(database) and GO_STRING.fullmatch(moment))
    assert done.texts(tuple(kept)) == active(read(zima, id))
    assert [MARKER] == active(read(zima, id), summaries=True)
    assert done.before.session.key == trash.restore(done.item)
    assert stood == dump(database)
