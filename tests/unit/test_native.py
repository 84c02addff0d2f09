from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import yaml

from session_tui.adapters import native_schema
from session_tui.adapters.base import Checkable, Deletable, Importing, Renamable, Resumable, Root, Source, World
from session_tui.adapters.writing import Appendable
from session_tui.agents.native import Native
from session_tui.demo.build import expand
from session_tui.errors import StoreDamaged, StoreError, StoreLocked, StoreMissing, UnknownSession
from session_tui.model import (
    Attachment,
    ContextItem,
    Cost,
    Health,
    Image,
    Message,
    Messages,
    MetricRecord,
    ReadFile,
    RedactedThinking,
    Refusal,
    Role,
    Scope,
    Session,
    SessionKey,
    SessionKind,
    SessionState,
    Summary,
    Text,
    Thinking,
    TitleSource,
    TokenSource,
    ToolCall,
    ToolResult,
    Transcript,
    TunnelEvent,
    Usage,
    UsageRecord,
)

MORNING = datetime(2026, 3, 8, 1, 30, 32, 67550, timezone(timedelta(hours=-5)))
ODD = "  Why is my\r\n\tsourdough flat? 🍞\u2028日本語\x00end "
PIXEL = b"\x89PNG\r\n\x1a\n-one-pixel"


def world(place: Path, **more: object) -> World:
    return replace(World(home=place, environ={}, cwd=place, data_dir=place / "data"), **more)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Native:
    return Native(world(tmp_path))


def said(role: Role, text: str, **more: object) -> Message:
    return replace(Message(id="", role=role, blocks=(Text(text),)), **more)  # type: ignore[arg-type]


def begin(store: Native, id: str = "", **more: object) -> SessionKey:
    return store.create_session(replace(Session(key=SessionKey("native", id)), **more)).key  # type: ignore[arg-type]


def read(store: Native, key: SessionKey) -> Transcript:
    return store.read(store.source(key))


def rich() -> Transcript:
    """A conversation with a value in every field the model has."""
    messages = (
        said(Role.SYSTEM, "You bake.", id="system", is_meta=True),
        said(
            Role.USER,
            "  Why is my\r\n\tsourdough flat? 🍞\u2028日本語\x00end ",
            id="1",
            created_at=MORNING,
            archived=True,
        ),
        Message(
            id="2",
            role=Role.ASSISTANT,
            model="glm-5-turbo",
            created_at=MORNING + timedelta(seconds=1),
            blocks=(
                Thinking("Starter first.", "c2ln", {"budget": 12}),
                RedactedThinking("sealed=="),
                Text("Let me look.", {"cache_control": {"type": "ephemeral"}}),
                Text(""),
                ToolCall("c1", "read_file", {"path": "starter.md", "lines": [1, 2.5, None, True]}),
                ToolCall("c2", "shell", "not { json"),
                ToolCall("c3", "noop"),
                Image("image/png", len(PIXEL), lambda: PIXEL, {"path": "loaf.png"}),
                Attachment("loaf.pdf", "application/pdf", "media://5d2c", 812, {"ref": 3}),
            ),
            archived=True,
            extra={"request_id": "r-9", "nested": {"a": [1, {"b": None}]}},
        ),
        Message(
            id="3",
            role=Role.TOOL,
            blocks=(
                ToolResult("c1", "read_file", "fed daily", images=(Image("image/gif", 3, lambda: b"GIF"),)),
                ToolResult("c2", "shell", "exit 1", is_error=True, extra={"code": 1}),
            ),
            lossy=True,
        ),
        said(Role.SYSTEM, "The starter was cold.", id="s1", is_summary=True),
        said(Role.USER, "and now?", id="4"),
    )
    session = Session(
        key=SessionKey("native", "bread:web:ana"),
        title="Flat sourdough",
        title_source=TitleSource.CUSTOM,
        first_prompt="Why is my sourdough flat?",
        project="/home/ana/bäckerei",
        git_branch="feature/crust",
        model="glm-5-turbo",
        provider="zai",
        vendor="zai",
        endpoint="cn",
        skill="baker",
        state=SessionState.SUSPENDED,
        kind=SessionKind.FORK,
        parent="older",
        scope=Scope("bread", "web", "ana:1", None),
        created_at=MORNING,
        updated_at=MORNING + timedelta(hours=2),
        last_active_at=MORNING + timedelta(hours=3),
        compacted_at=MORNING + timedelta(hours=1),
        token_count=8123,
        token_source=TokenSource.RECORDED,
        token_usage=Usage(910, 44, 3, 4, 917),
        context_window=64_000,
        max_tokens=8192,
        compaction_count=2,
        summary="The starter was cold.",
        summary_message_id="s1",
        tags=("bread", "週末"),
        pinned=True,
        metadata={"oven": {"celsius": 240.5}, "loud": False},
        custom_data={"note": "", "n": 3},
        extra={"permission_mode": "auto"},
    )
    return Transcript(
        session=session,
        messages=messages,
        summaries=(
            Summary(
                id="s1",
                content="The starter was cold.",
                message_range="Messages 1-2",
                original_ids=("1", "2"),
                token_count=210,
                provider="zai",
                compacted_at=MORNING,
                extra={"model": "x"},
            ),
            Summary(id="s0", content="An older one, whose message is gone."),
        ),
        context=(
            ContextItem("stack_file", "vpc", "a: 1"),
            ContextItem("own_kind", "k", ""),
            ContextItem("own_kind", "k", ""),
        ),
        files_read=(ReadFile("starter.md", MORNING), ReadFile("unknown.md")),
        tunnel_events=(TunnelEvent("ev-1", "text", "msg-2", {"chunk": "a"}), TunnelEvent("ev-2", "end")),
        costs=(Cost({"total_cost_usd": 0.031}, 0.031), Cost("free")),
        usage=(UsageRecord(Usage(1, 2), MORNING, 3, "m", "v", "e", "agent"), UsageRecord(Usage())),
        metrics=(MetricRecord("tool", MORNING, 2, {"tool_duration": 12_000_000, "ok": True}), MetricRecord("llm")),
        unknown_records={"sidebar": 2},
    )


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() + str(path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# ── what is kept ──────────────────────────────────────────────────────────────────────────────────────


def test_a_rich_conversation_comes_back_as_it_was(store: Native) -> None:
    given = rich()
    key = store.create(given)
    got = read(store, key)
    assert given.messages == got.messages
    assert replace(given, messages=(), session=got.session) == replace(got, messages=())
    derived = {
        "key": key,
        "message_count": 5,
        "archived_count": 2,
        "size_bytes": got.session.size_bytes,
        "path": str(store.database),
    }
    assert replace(given.session, **derived) == got.session  # type: ignore[arg-type]
    assert Health.CLEAN is got.session.health


def test_the_bytes_of_pictures_come_back(store: Native) -> None:
    messages = read(store, store.create(rich())).messages
    picture = next(block for block in messages[2].blocks if isinstance(block, Image))
    result = messages[3].blocks[0]
    assert isinstance(result, ToolResult)
    assert [PIXEL, b"GIF"] == [image.load() for image in (picture, *result.images) if image.load]


def test_a_conversation_can_be_moved_on_and_stays_the_same(store: Native, tmp_path: Path) -> None:
    first = read(store, store.create(rich()))
    other = Native(world(tmp_path / "other"))
    second = read(other, other.create(first))
    assert first.messages == second.messages
    assert replace(first.session, key=second.session.key, path=second.session.path) == second.session


def test_times_are_stored_in_utc_with_microseconds(store: Native) -> None:
    store.create(rich())
    with closing(sqlite3.connect(store.database)) as database:
        assert ("2026-03-08T06:30:32.067550Z",) == database.execute("SELECT created_at FROM sessions").fetchone()


def test_unknown_times_stay_unknown(store: Native) -> None:
    session = read(store, store.create(Transcript(session=Session(key=SessionKey("", ""))))).session
    assert (None, None, None) == (session.created_at, session.updated_at, session.last_active_at)


def test_lone_surrogates_are_replaced_and_the_message_says_so(store: Native) -> None:
    key = begin(store)
    store.add_message(key, said(Role.USER, "a\ud800b"))
    message = read(store, key).messages[0]
    assert ("a\ufffdb", True) == (message.text, message.lossy)


@pytest.mark.parametrize("title", ["", "New Session", "New session", "Non-interactive"])
def test_a_placeholder_title_gives_way_to_the_first_prompt(store: Native, title: str) -> None:
    key = begin(store, title=title)
    store.add_messages(
        key, [said(Role.USER, "<system-reminder>be kind</system-reminder>"), said(Role.USER, "\nHow?\nSo")]
    )
    session = store.head(store.source(key))
    assert ("How?", TitleSource.FIRST_PROMPT, "\nHow?\nSo") == (
        session.title,
        session.title_source,
        session.first_prompt,
    )


def test_ids_that_occur_twice_are_told_apart(store: Native) -> None:
    twice = [said(Role.USER, text, id="7") for text in ("one", "two", "three")]
    key = store.create(Transcript(session=Session(key=SessionKey("", "")), messages=twice))
    assert ["7", "7#2", "7#3"] == [message.id for message in read(store, key).messages]


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────


def test_there_is_no_place_before_anything_was_written(store: Native, tmp_path: Path) -> None:
    assert [] == list(store.roots())
    assert [] == list(tmp_path.iterdir())


def test_a_given_place_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="no such file"):
        Native(world(tmp_path, given={"native": (tmp_path / "nowhere",)})).roots()


@pytest.mark.parametrize("path", ["data", "data/sessions.db"])
def test_a_given_place_is_the_file_or_its_directory(store: Native, tmp_path: Path, path: str) -> None:
    begin(store, "one")
    given = Native(world(tmp_path, data_dir=tmp_path / "empty", given={"native": (tmp_path / path,)}))
    assert [Root(store.database, "--root")] == list(given.roots())
    assert store.database == given.database


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "sessions.db")) as database:
        database.execute("CREATE TABLE sessions (id TEXT, name TEXT)")
    before = digest(tmp_path)
    assert [] == list(Native(world(tmp_path, data_dir=tmp_path)).roots())
    given = Native(world(tmp_path, given={"native": (tmp_path / "sessions.db",)}))
    with pytest.raises(StoreDamaged, match="another program"):
        list(given.scan(given.roots()[0]))
    with pytest.raises(StoreDamaged, match="another program"):
        begin(given)
    assert before == digest(tmp_path)


def test_an_empty_file_holds_no_sessions(store: Native) -> None:
    store.database.parent.mkdir()
    store.database.touch()
    assert [[]] == [list(store.scan(root)) for root in store.roots()]
    assert 0 == store.database.stat().st_size


def test_reading_changes_no_byte_and_leaves_no_file(store: Native, tmp_path: Path) -> None:
    store.create(rich())
    before = digest(tmp_path)
    for root in store.roots():
        sources = list(store.scan(root))
        assert 1 == len(list(store.heads(sources)))
        assert 6 == len(store.read(sources[0]).messages)
        assert [] == list(store.check(root))
    assert before == digest(tmp_path)


def test_what_stands_in_the_log_alone_is_read_and_left_there(store: Native, tmp_path: Path) -> None:
    key = begin(store)
    with closing(sqlite3.connect(store.database)) as holder:
        holder.execute("SELECT * FROM sessions").fetchone()
        store.add_message(key, said(Role.USER, "in the log"))
        before = digest(tmp_path)
        assert Path(f"{store.database}-wal").stat().st_size
        assert ["in the log"] == [message.text for message in read(store, key).messages]
        assert before == digest(tmp_path)


def test_heads_come_in_the_order_asked_for_and_gone_ones_are_unreadable(store: Native) -> None:
    for id in ("a", "b"):
        begin(store, id, title=id.upper())
    sources = [store.source(SessionKey("native", id)) for id in ("b", "a")]
    store.delete_session(SessionKey("native", "a"))
    heads = list(store.heads(sources))
    assert [("B", Health.CLEAN), ("", Health.UNREADABLE)] == [(head.title, head.health) for head in heads]


def test_a_stamp_changes_with_every_change(store: Native) -> None:
    key = begin(store)
    changes: list[Callable[[], object]] = [
        lambda: store.add_message(key, said(Role.USER, "a", id="1")),
        lambda: store.archive_messages(key, ["1"]),
        lambda: store.add_context(key, ContextItem("query", "a", "b")),
        lambda: store.append_cost(key, Cost(1)),
        lambda: store.update_session(Session(key=key, pinned=True)),
        lambda: store.rename(Session(key=key), "new"),
    ]
    stamps = [store.source(key).stamp]
    for change in changes:
        change()
        stamps.append(store.source(key).stamp)
    assert len(changes) + 1 == len(set(stamps))


def test_a_large_session_is_opened_without_its_texts(store: Native) -> None:
    long = "x" * 2_000
    messages = [said(Role.USER if i % 2 else Role.ASSISTANT, f"{i} {long}", id=str(i)) for i in range(3_000)]
    key = store.create(Transcript(session=Session(key=SessionKey("", "")), messages=messages))
    got = read(store, key).messages
    assert isinstance(got, Messages)
    assert [len(message.text) for message in messages] == list(got.weights)
    assert messages[2_999] == got[-1]
    assert messages == list(got)


def test_a_message_removed_while_a_large_session_is_open_is_empty(store: Native) -> None:
    messages = [said(Role.USER, "x" * 10_000, id=str(i)) for i in range(500)]
    key = store.create(Transcript(session=Session(key=SessionKey("", "")), messages=messages))
    got = read(store, key).messages
    store.delete_messages(key, ["400"])
    assert ("", True, messages[401]) == (got[400].text, got[400].is_meta, got[401])


def test_resuming_is_refused_with_a_way_out(store: Native) -> None:
    answer = store.resume(Session(key=SessionKey("native", "1")))
    assert isinstance(answer, Refusal)
    assert "program that wrote them" in answer.reason
    assert "export" in answer.hint


def test_it_can_do_what_a_store_of_sessions_must(store: Native) -> None:
    for protocol in (Appendable, Checkable, Deletable, Importing, Renamable, Resumable):
        assert isinstance(store, protocol)
    assert store.program is None


def test_the_fixture_reads_as_expected(tmp_path: Path) -> None:
    fixture = Path(__file__).parents[1] / "fixtures" / "native"
    expand(fixture / "home", tmp_path, home=tmp_path, now=MORNING)
    expected = yaml.safe_load((fixture / "expected.yaml").read_text().replace("{{home}}", str(tmp_path)))
    store = Native(world(tmp_path, data_dir=tmp_path / expected["data_dir"]))
    for wanted in expected["sessions"]:
        got = read(store, SessionKey("native", wanted["id"]))
        found = {name: getattr(got.session, name) for name in wanted if hasattr(got.session, name)}
        roles, summaries = [message.role.value for message in got.messages], len(got.summaries)
        assert wanted == found | {"roles": roles, "summaries": summaries, "resume": None, "id": got.session.key.id}


def test_the_fixture_has_the_schema_of_today(store: Native, tmp_path: Path) -> None:
    fixture = Path(__file__).parents[1] / "fixtures" / "native" / "home"
    expand(fixture, tmp_path / "home", home=tmp_path, now=MORNING)
    begin(store)
    assert schema(store.database) == schema(tmp_path / "home/.local/share/session-tui/sessions.db")


# ── damage ────────────────────────────────────────────────────────────────────────────────────────────


def spoil(store: Native, *statements: str) -> None:
    with closing(sqlite3.connect(store.database)) as database, database:
        for statement in statements:
            database.execute(statement)


def test_unreadable_values_cost_only_themselves(store: Native) -> None:
    key = store.create(rich())
    spoil(
        store,
        "UPDATE messages SET blocks = '{torn', role = 'oracle' WHERE id = '1'",
        "UPDATE messages SET blocks = x'ff00', extra = 7 WHERE id = '4'",
        "UPDATE sessions SET tags = 'x', state = 'dreaming', created_at = 'soon', metadata = '[1]', max_tokens = x'00'",
        "UPDATE records SET value = '{}' WHERE kind = 'usage'",
    )
    got = read(store, key)
    assert (Role.SYSTEM, "{torn", True) == (got.messages[1].role, got.messages[1].text, got.messages[1].lossy)
    assert (SessionState.UNKNOWN, None, (), {}, None) == (
        got.session.state,
        got.session.created_at,
        got.session.tags,
        got.session.metadata,
        got.session.max_tokens,
    )
    assert ("Let me look.\n\n", ()) == (got.messages[2].text, got.usage)
    assert Health.PARTIAL is got.session.health
    assert 6 <= len(got.session.problems)


def test_a_file_that_is_no_database_is_told(store: Native) -> None:
    store.database.parent.mkdir()
    store.database.write_bytes(b"sour dough " * 500)
    (root,) = store.roots()
    with pytest.raises(StoreDamaged, match="not a readable database"):
        list(store.scan(root))
    assert ["not a readable database"] == [problem.what[:23] for problem in store.check(root)]


def test_a_truncated_database_never_crashes(store: Native) -> None:
    key = store.create(rich())
    for i in range(200):
        store.add_message(key, said(Role.USER, f"{i} " + "x" * 2_000))
    whole = store.database.read_bytes()
    for share in (0.1, 0.4, 0.7, 0.95):
        store.database.write_bytes(whole[: int(len(whole) * share)])
        (root,) = store.roots()
        assert list(store.check(root))
        try:
            got = store.read(Source(key, str(store.database), ""))
        except StoreError:
            continue
        assert Health.PARTIAL is got.session.health


def test_a_newer_schema_is_refused_and_left_alone(store: Native, tmp_path: Path) -> None:
    key = begin(store)
    spoil(store, f"PRAGMA user_version = {native_schema.SCHEMA.version + 1}")
    before = digest(tmp_path)
    (root,) = store.roots()
    acts: list[Callable[[], object]] = [
        lambda: list(store.scan(root)),
        lambda: store.read(Source(key, key.root, "")),
        lambda: store.add_message(key, said(Role.USER, "a")),
        lambda: begin(store),
    ]
    for act in acts:
        with pytest.raises(StoreError, match="newer session-tui") as caught:
            act()
        assert "update session-tui" == caught.value.hint
    assert ["update session-tui"] == [problem.hint for problem in store.check(root)]
    assert before == digest(tmp_path)


def test_rows_without_their_session_are_told(store: Native) -> None:
    begin(store)
    spoil(store, "INSERT INTO context (session, type, key, value) VALUES ('gone', 'query', 'k', 'v')")
    (root,) = store.roots()
    assert ["1 rows belong to no session"] == [problem.what for problem in store.check(root)]


# ── the database ──────────────────────────────────────────────────────────────────────────────────────


def schema(path: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").fetchall()


def version_one(path: Path) -> None:
    """A database as it was after the first step."""
    with native_schema.changing(path) as database:
        database.execute("DROP TABLE records")
        database.execute("ALTER TABLE sessions DROP COLUMN unknown_records")
        database.execute("DELETE FROM _sqlite_migrations WHERE name = 'telemetry'")
        database.execute("INSERT INTO sessions (id, title) VALUES ('old', 'Kept')")
        database.execute("PRAGMA user_version = 1")


def test_a_new_database_is_private_and_whole(store: Native) -> None:
    begin(store)
    assert 0o600 == stat.S_IMODE(store.database.stat().st_mode)
    assert 0o700 == stat.S_IMODE(store.database.parent.stat().st_mode)
    assert [store.database.name] == [path.name for path in store.database.parent.iterdir()]
    with closing(sqlite3.connect(store.database)) as database:
        assert (native_schema.SCHEMA.version,) == database.execute("PRAGMA user_version").fetchone()
        assert ("wal",) == database.execute("PRAGMA journal_mode").fetchone()


def test_an_older_database_is_read_as_it_is(store: Native, tmp_path: Path) -> None:
    version_one(store.database)
    before = digest(tmp_path)
    got = read(store, SessionKey("native", "old"))
    assert ("Kept", (), Health.CLEAN) == (got.session.title, got.usage, got.session.health)
    assert before == digest(tmp_path)


def test_an_older_database_is_copied_before_it_grows(store: Native, tmp_path: Path) -> None:
    version_one(store.database)
    key = SessionKey("native", "old")
    store.append_cost(key, Cost(1, 0.5))
    (copy,) = (store.database.parent / "backups").iterdir()
    assert (0o600, 0o700) == (stat.S_IMODE(copy.stat().st_mode), stat.S_IMODE(copy.parent.stat().st_mode))
    with closing(sqlite3.connect(copy)) as database:
        assert (1,) == database.execute("PRAGMA user_version").fetchone()
        assert [("old", "Kept")] == database.execute("SELECT id, title FROM sessions").fetchall()
    got = read(store, key)
    assert ("Kept", (Cost(1, 0.5),)) == (got.session.title, got.costs)
    fresh = tmp_path / "fresh" / "sessions.db"
    with native_schema.changing(fresh):
        assert schema(fresh)
    assert [row[1] for row in schema(fresh)] == [row[1] for row in schema(store.database)]


def test_a_step_that_fails_leaves_the_database_as_it_was(store: Native, monkeypatch: pytest.MonkeyPatch) -> None:
    version_one(store.database)
    before = schema(store.database)

    def fails(database: object) -> None:
        raise sqlite3.OperationalError("out of flour")

    failing = replace(native_schema.SCHEMA, steps=(native_schema.SCHEMA.steps[0], ("telemetry", fails)))
    monkeypatch.setattr(native_schema, "SCHEMA", failing)
    with pytest.raises(StoreError, match="out of flour"):
        begin(store)
    assert before == schema(store.database)


def test_a_held_database_is_told_and_nothing_is_written(store: Native, monkeypatch: pytest.MonkeyPatch) -> None:
    key = begin(store)
    monkeypatch.setattr("session_tui.adapters.rows.BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(store.database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLocked):
            store.add_message(key, said(Role.USER, "a"))
        holder.execute("ROLLBACK")
    assert 0 == store.head(store.source(key)).message_count


def test_a_change_that_fails_half_way_is_taken_back(store: Native) -> None:
    key = begin(store)
    store.add_message(key, said(Role.USER, "a", id="1"))
    with pytest.raises(StoreError, match="message 1 is there already"):
        store.add_messages(key, [said(Role.USER, "b", id="2"), said(Role.USER, "c", id="1")])
    with pytest.raises(StoreError):
        store.compact(key, Summary(id="1", content="clash", original_ids=("1",)))
    assert [("a", False)] == [(message.text, message.archived) for message in read(store, key).messages]


def test_nothing_is_made_by_a_change_of_a_session_that_is_not_there(store: Native, tmp_path: Path) -> None:
    with pytest.raises(UnknownSession):
        store.add_message(SessionKey("native", "nobody"), said(Role.USER, "a"))
    assert [] == list(tmp_path.iterdir())


def test_the_rows_that_belong_to_a_session_are_all_of_them(store: Native) -> None:
    key = store.create(rich())
    begin(store, "other")
    belongings = store.belongings(Session(key=key))
    with closing(sqlite3.connect(store.database)) as database, database:
        for part in belongings.rows:
            assert database.execute(f"DELETE FROM {part.table} WHERE {part.where}", part.values).rowcount
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        left = {name: database.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in tables}
    assert {"sessions": 1} == {
        name: number for name, number in left.items() if number and not name.startswith(("_", "sqlite_"))
    }


def test_counts_follow_the_rows_whoever_changes_them(store: Native) -> None:
    key = store.create(rich())
    spoil(store, "DELETE FROM messages WHERE id = '4'", "UPDATE messages SET archived = 1 WHERE id = '3'")
    session = store.head(store.source(key))
    assert (4, 3) == (session.message_count, session.archived_count)


# ── many at once ──────────────────────────────────────────────────────────────────────────────────────

WRITER = """
import sys
from pathlib import Path
from session_tui.adapters.base import World
from session_tui.agents.native import Native
from session_tui.model import Message, Role, SessionKey, Text
place, name, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
store = Native(World(home=place, environ={}, cwd=place, data_dir=place / "data"))
for i in range(number):
    message = Message(id=f"{name}{i}", role=Role.USER, blocks=(Text("x" * 100),))
    store.add_message(SessionKey("native", "shared"), message)
    print(i, flush=True)
"""


def writer(place: Path, name: str, number: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(native_schema.__file__).parents[2])}
    arguments = [sys.executable, "-c", WRITER, str(place), name, str(number)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_two_processes_lose_no_message(store: Native, tmp_path: Path) -> None:
    key = begin(store, "shared")
    number = 1_000
    writers = [writer(tmp_path, name, number) for name in "ab"]
    assert [("", 0), ("", 0)] == [(process.communicate()[1], process.returncode) for process in writers]
    ids = [message.id for message in read(store, key).messages]
    for name in "ab":
        assert [f"{name}{i}" for i in range(number)] == [id for id in ids if id.startswith(name)]


def test_a_killed_writer_leaves_a_whole_store_with_all_it_had_said(store: Native, tmp_path: Path) -> None:
    key = begin(store, "shared")
    (root,) = store.roots()
    for number in range(6):
        process = writer(tmp_path, f"r{number}-", 100_000)
        assert process.stdout
        for _ in range(5 + 7 * number):
            told = int(process.stdout.readline())
        process.kill()
        process.communicate()
        ids = [message.id for message in read(store, key).messages if message.id.startswith(f"r{number}-")]
        assert told + 1 <= len(ids)
        assert [f"r{number}-{i}" for i in range(len(ids))] == ids
        assert [] == list(store.check(root))


def test_what_is_read_while_another_process_writes_is_whole(store: Native, tmp_path: Path) -> None:
    key = begin(store, "shared")
    process = writer(tmp_path, "w", 300)
    seen = 0
    while process.poll() is None:
        got = read(store, key)
        ids = [message.id for message in got.messages]
        assert [f"w{i}" for i in range(len(ids))] == ids
        assert (len(ids), True) == (got.session.message_count, len(ids) >= seen)
        seen = len(ids)
    assert ("", 300) == (process.communicate()[1], len(read(store, key).messages))


def test_threads_lose_no_message(store: Native) -> None:
    key = begin(store)

    def write(name: str) -> None:
        for i in range(40):
            store.add_message(key, said(Role.USER, name, id=f"{name}{i}"))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcdef"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    session = store.head(store.source(key))
    assert (240, 240) == (session.message_count, len({message.id for message in read(store, key).messages}))


def test_many_first_writers_make_one_store(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def write(id: str) -> None:
        try:
            begin(Native(world(tmp_path)), id)
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(str(number),)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = Native(world(tmp_path))
    assert [] == failures
    assert 12 == len([source for root in store.roots() for source in store.scan(root)])


def test_a_time_in_utc_says_when_a_message_came(store: Native) -> None:
    key = begin(store, created_at=MORNING, updated_at=MORNING, token_count=5, token_source=TokenSource.RECORDED)
    before = datetime.now(UTC)
    store.add_message(key, said(Role.USER, "a"))
    session = store.head(store.source(key))
    assert session.updated_at is not None
    assert before <= session.updated_at <= datetime.now(UTC)
    assert (TokenSource.ESTIMATED, 1) == (session.token_source, session.token_count)
