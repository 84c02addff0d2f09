"""What atmos has tests of its own for, with the values they give; the rest of it stands beside what it is about."""

from __future__ import annotations

import json
import logging
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from session_tui.agents.atmos import Atmos
from session_tui.agents.native import Native
from session_tui.compaction.plan import plan
from session_tui.compaction.summarizers.base import Purpose, SummaryRequest, SummaryText
from session_tui.compaction.summarizers.fallback import Fallback
from session_tui.compaction.summarizers.plain import Plain
from session_tui.compactions import CompactOptions
from session_tui.config import CompactionSection, Config, SummarizerSection
from session_tui.errors import Cancelled, CheckpointError, SummaryError, UnknownSession, UsageError
from session_tui.library import Library
from session_tui.manager import SessionFilter, SessionManager
from session_tui.model import Message, Role, Summary, ToolCall
from session_tui.profiles import settings_of
from session_tui.progress import Progress
from tests.unit.compactions import ask
from tests.unit.managing import NOON, STORES, Clock, Store, put, said, talk, texts
from tests.unit.managing import world as bare
from tests.unit.tables import copied, fixture_home, world

DATABASE = ".atmos/sessions/sessions.db"
EMPTY = "5c1f0a2e-9b1d-4c55-8f10-000000000004"


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made: Store = request.param(bare(tmp_path))
    return made


@pytest.fixture
def manager(store: Store) -> SessionManager:
    return SessionManager(store, clock=Clock())


def aged(store: Store, *days: int) -> None:
    for number in days:
        put(store, f"{number}d", at=NOON - timedelta(days=number), project=f"/harbour/{number}")


def ids(manager: SessionManager) -> list[str]:
    return sorted(session.key.id for session in manager.list_sessions())


# ── retention ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("given", "stay"), [(5, 5), (0, 40), (-1, 40)])
def test_a_maximum_that_means_nothing_is_the_usual_forty(
    manager: SessionManager, store: Store, given: int, stay: int
) -> None:
    aged(store, *range(1, 46))

    gone = manager.clean_beyond(given)

    assert (45 - stay, stay) == (len(gone), len(ids(manager)))
    assert {f"{number}d" for number in range(1, stay + 1)} == set(ids(manager))


def test_of_sessions_40_35_and_10_days_old_those_before_the_cutoff_go(manager: SessionManager, store: Store) -> None:
    aged(store, 40, 35, 10)

    gone = manager.clean_before(NOON - timedelta(days=30))

    assert ["35d", "40d"] == sorted(key.id for key in gone)
    assert ["10d"] == ids(manager)


@pytest.mark.parametrize(("days", "gone"), [(30, 1), (0, 2), (-1, 1), (100, 0)])
def test_a_retention_in_days_is_literal_and_a_negative_one_is_thirty(
    manager: SessionManager, store: Store, days: int, gone: int
) -> None:
    aged(store, 40, 10)

    assert gone == len(manager.clean(days, everything=days == 0))


@pytest.mark.parametrize(
    ("older_than", "gone"),
    [("30d", 1), ("7d", 2), ("240h", 1), ("241h", 1), ("239h", 1), ("2w", 1), ("1m", 1), ("1y", 0), ("0d", 2)],
)
def test_a_retention_may_be_typed_as_a_duration(
    manager: SessionManager, store: Store, older_than: str, gone: int
) -> None:
    aged(store, 40, 10)

    assert gone == len(manager.clean(older_than, everything=older_than == "0d"))


@pytest.mark.parametrize(
    ("older_than", "why"), [("", "no duration"), ("-5d", "no duration"), ("5x", "no unit of time")]
)
def test_what_is_no_duration_cleans_nothing(manager: SessionManager, store: Store, older_than: str, why: str) -> None:
    aged(store, 40)

    with pytest.raises(UsageError, match=why):
        manager.clean(older_than)
    with pytest.raises(UsageError, match="would delete every session"):
        manager.clean("0d")
    assert ["40d"] == ids(manager)


# ── sessions and messages ─────────────────────────────────────────────────────────────────────────────────


def test_what_is_missing_is_neither_read_nor_updated_nor_deleted(manager: SessionManager) -> None:
    key = manager.key("nobody")

    for act in (manager.require, manager.delete, lambda key: manager.update(key, lambda session: session)):
        with pytest.raises(UnknownSession, match="nobody"):
            act(key)


def test_a_list_is_of_one_project_the_last_changed_first_and_as_long_as_asked(
    manager: SessionManager, store: Store
) -> None:
    for number in range(5):
        put(store, f"ours {number}", at=NOON + timedelta(days=number), project="/harbour")
        put(store, f"theirs {number}", at=NOON + timedelta(days=number, hours=1), project="/harbour/pier")

    found = manager.list_sessions(SessionFilter(project="/harbour", limit=3))

    assert ["ours 4", "ours 3", "ours 2"] == [session.key.id for session in found]


def test_three_of_five_archived_messages_leave_two_active_of_five(manager: SessionManager) -> None:
    key = talk(manager, *"abcde")

    assert 3 == manager.archive_messages(key, [message.id for message in manager.messages(key, limit=3)])

    assert (["d", "e"], 2, 5) == (
        texts(manager.active_messages(key)),
        len(manager.active_messages(key)),
        manager.count(key),
    )


def test_none_and_a_hundred_messages_can_be_archived_at_once(manager: SessionManager) -> None:
    key = talk(manager, "first")
    manager.add_messages(key, [said(f"tide {number}") for number in range(100)])
    last = [message.id for message in manager.messages(key)[1:]]

    assert (0, 100) == (manager.archive_messages(key, []), manager.archive_messages(key, last))
    assert (["first"], 101) == (texts(manager.active_messages(key)), manager.count(key))


def test_a_deleted_session_leaves_no_row_of_messages_context_or_summaries(tmp_path: Path) -> None:
    store = Native(bare(tmp_path))
    manager = SessionManager(store)
    key, other = talk(manager, "one", "two"), talk(manager, "other")
    for each in (key, other):
        manager.add_context(each, "component", "vpc", "x")
        manager.store_summary(each, Summary(id="s", content="Lamps."))

    manager.delete(key)

    for table, rest in (("messages", 2), ("context", 1), ("summaries", 1)):
        assert [(rest,)] == ask(store.database, f"SELECT COUNT(*) FROM {table}")


def test_a_session_without_messages_is_exported_with_a_warning(
    manager: SessionManager, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = talk(manager, "hello", name="lamps")
    file = tmp_path / "lamps.json"
    with caplog.at_level(logging.WARNING, "session_tui"):
        manager.export(key)
        sound = caplog.text
        manager.clear(key)
        manager.export(key, format="markdown")
        readable = caplog.text
        manager.export(key, file)

    assert ("", "") == (sound, readable)
    assert "will not be re-importable" in caplog.text
    assert "lamps" == json.loads(file.read_text())["session"]["name"]
    with pytest.raises(CheckpointError, match="at least one message"):
        manager.validate(file)


# ── when ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_program_s_defaults_hold_for_its_sessions(tmp_path: Path) -> None:
    atmos = Atmos(world(tmp_path))

    usual = settings_of(Config(), atmos)
    switched_off = settings_of(Config(compaction=CompactionSection(enabled=False)), atmos)

    assert (0.75, 0.4, 10, True, False) == (
        usual.trigger_threshold,
        usual.compact_ratio,
        usual.preserve_recent,
        usual.use_ai_summary,
        usual.show_summary_markers,
    )
    fifty = [said(f"tide {number}", id=str(number)) for number in range(50)]
    due = replace(usual, max_messages=50)
    assert (20, 0) == (
        len(plan(fifty, due).compact),
        len(plan(fifty, replace(due, enabled=switched_off.enabled)).compact),
    )


# ── the summary that needs no model ───────────────────────────────────────────────────────────────────────


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = fixture_home("atmos", tmp_path / "home")
    with closing(sqlite3.connect(home / "harbour" / DATABASE)) as database, database:
        for turn in range(24):
            role = "assistant" if turn % 2 else "user"
            text = f"Turn {turn}: how high is the tide? " + "Ebb and flow. " * 20 * (turn == 3)
            values = (EMPTY, role, text, f"2026-03-05 08:{turn:02}:00.5 -0500 EST")
            database.execute("INSERT INTO messages (session_id, role, content, created_at) VALUES (?, ?, ?, ?)", values)
    return home


@pytest.fixture
def atmos(home: Path) -> Atmos:
    return Atmos(world(home, cwd=home / "harbour"))


def test_the_plain_summary_has_a_head_roles_excerpts_and_a_closing_count(atmos: Atmos) -> None:
    messages = [said("Dim the lamp."), said("x" * 200, Role.ASSISTANT), said("y" * 201), said("", Role.SYSTEM)]

    assert (
        "SUMMARY OF EARLIER CONVERSATION:\n\n"
        "[user]: Dim the lamp.\n\n"
        f"[assistant]: {'x' * 200}\n\n"
        f"[user]: {'y' * 200}...\n\n"
        "[system]: \n\n"
        "(Summarized 4 messages)\n"
    ) == atmos.plain_summary(messages)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("é" * 100, "é" * 100),  # 200 bytes
        ("é" * 101, "é" * 100 + "..."),
        ("x" + "é" * 100, "x" + "é" * 99 + "..."),  # the cut goes through a character
        ("潮" * 67, "潮" * 66 + "..."),
        ("\ud800" * 67, "\ufffd" * 66 + "..."),
    ],
)
def test_an_excerpt_is_cut_by_bytes_and_is_always_text(atmos: Atmos, text: str, kept: str) -> None:
    assert f"[user]: {kept}\n\n" in atmos.plain_summary([said(text)])


def library(home: Path, *, ai: bool = False, name: str = "openai") -> Library:
    """A library whose model nobody answers for."""
    summarizer = SummarizerSection(name=name, model="none", base_url="http://127.0.0.1:9/v1", timeout=1)
    config = Config(compaction=CompactionSection(use_ai_summary=ai, refresh_memory=False), summarizer=summarizer)
    made = Library(world(home, cwd=home / "harbour"), config=config)
    made.refresh()
    return made


def test_without_a_model_a_compaction_writes_what_the_program_would(home: Path, atmos: Atmos) -> None:
    compacting = library(home)
    prepared = compacting.prepare_compaction(compacting.resolve(EMPTY).key, CompactOptions())
    gone = [message for message in prepared.transcript.messages if message.id in prepared.plan.compact]

    result = compacting.write_compaction(prepared, prepared.run(Progress()))

    expected = atmos.plain_summary(gone)
    assert ("plain", "plain", "store", expected) == (
        prepared.summarizer.name,
        result.provider,
        result.written_to,
        result.summary,
    )
    query = "SELECT summary_content, token_count, provider FROM message_summaries WHERE session_id = ?"
    assert [(expected, len(expected.encode()) // 4, "")] == ask(home / "harbour" / DATABASE, query, EMPTY)
    assert len(expected.encode()) // 4 > 0
    assert f"{'Turn 3: how high is the tide? ' + 'Ebb and flow. ' * 20:.200}..." in expected
    assert expected.endswith(f"(Summarized {len(gone)} messages)\n")


def test_the_extractive_summarizer_writes_where_it_is_asked_for(home: Path) -> None:
    compacting = library(home)

    prepared = compacting.prepare_compaction(
        compacting.resolve(EMPTY).key, CompactOptions(summarizer="extractive", target="none")
    )

    assert "extractive" == prepared.summarizer.name
    assert "extractive" == prepared.run(Progress()).result.provider


def test_with_a_model_the_plain_summary_is_not_written(home: Path) -> None:
    compacting = library(home, ai=True, name="extractive")

    prepared = compacting.prepare_compaction(compacting.resolve(EMPTY).key, CompactOptions(target="none"))

    assert "extractive" == prepared.run(Progress()).result.provider


class Away:
    """A model that does not answer."""

    name = "away"

    def summarize(self, request: SummaryRequest, progress: Progress) -> SummaryText:
        raise SummaryError("nobody answers")


def test_a_failing_model_can_give_way_to_the_plain_summary(atmos: Atmos) -> None:
    messages = [said("Which lamps burn past midnight?"), said("Three.", Role.ASSISTANT)]
    summarizer = Fallback(Away(), Plain(atmos.plain_summary))

    written = summarizer.summarize(SummaryRequest(messages=messages), Progress())

    assert (atmos.plain_summary(messages), "plain") == (written.text, written.author)
    assert "away failed (nobody answers); summarized by plain instead" == written.note


def test_secrets_go_before_a_text_is_cut(atmos: Atmos) -> None:
    key = "sk-ant-" + "a1B2c3D4" * 5
    messages = [said("x" * 190 + f" {key} and more")]

    written = Plain(atmos.plain_summary).summarize(SummaryRequest(messages=messages), Progress())

    assert "sk-ant-a1" not in written.text


def test_what_is_worth_remembering_is_not_left_to_the_plain_summary(atmos: Atmos) -> None:
    request = SummaryRequest(messages=[said("I prefer metric units in every chart.")], purpose=Purpose.MEMORY)

    written = Plain(atmos.plain_summary).summarize(request, Progress())

    assert ("- I prefer metric units in every chart.", "extractive") == (written.text, written.provider)


def test_earlier_summaries_stand_before_the_plain_one_and_the_text_can_be_watched(atmos: Atmos) -> None:
    seen: list[str] = []
    request = SummaryRequest(messages=[said("And now?")], previous=("A pond was dug.",), on_text=seen.append)

    written = Plain(atmos.plain_summary).summarize(request, Progress())

    assert f"A pond was dug.\n\n{atmos.plain_summary([said('And now?')])}" == written.text
    assert [written.text] == seen


def test_a_plain_summary_can_be_stopped(atmos: Atmos) -> None:
    progress = Progress()
    progress.cancel()

    with pytest.raises(Cancelled):
        Plain(atmos.plain_summary).summarize(SummaryRequest(messages=[said("Stop.")]), progress)


def test_only_texts_are_quoted(atmos: Atmos) -> None:
    call = Message(id="", role=Role.ASSISTANT, blocks=(ToolCall("c", "dim", {"lamp": "pier"}),))

    assert "[assistant]: \n\n" in atmos.plain_summary([call])


def test_real_plain_summaries_are_what_we_would_write(tmp_path: Path) -> None:
    real = copied("atmos", tmp_path / "real")
    compared = 0
    for database in sorted(real.rglob("sessions.db")):
        atmos = Atmos(world(real, given={"atmos": (database,)}))
        query = "SELECT session_id, original_message_ids, CAST(summary_content AS BLOB) FROM message_summaries"
        for row in ask(database, query):
            compared += compare(atmos, database, *row)
    assert compared >= 2


def compare(atmos: Atmos, database: Path, session: object, covered: object, content: object) -> bool:
    """Whether a stored summary is a plain one, which then is the one we write but for torn characters."""
    assert isinstance(content, bytes)
    if not content.startswith(b"SUMMARY OF EARLIER"):
        return False
    query = "SELECT role, content FROM messages WHERE session_id = ? AND id = ?"
    found = [ask(database, query, session, id)[0] for id in json.loads(str(covered))]
    messages = [said(str(text), Role(str(role))) for role, text in found]
    assert content.decode("utf-8", "ignore") == atmos.plain_summary(messages)
    return True
