"""What the trash keeps comes back byte for byte and row for row, whatever happened meanwhile."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from session_tui.adapters import locks, rows
from session_tui.adapters.base import Belongings, Entries, Rows, World
from session_tui.agents.native import Native
from session_tui.errors import StoreError, StoreLocked, StoreMissing, UsageError
from session_tui.model import Message, Refusal, Role, Session, SessionKey, Summary, Text
from session_tui.trash import Trash, TrashItem

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)

# A chat program's schema: numbered messages, loose context rows, text keys, rows that go with their session.
CHATS = """
CREATE TABLE sessions (id TEXT PRIMARY KEY, name TEXT NOT NULL, updated_at TIMESTAMP NOT NULL, metadata TEXT);
CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
  content TEXT NOT NULL, created_at TIMESTAMP, archived BOOLEAN DEFAULT 0, extra
);
CREATE TABLE context (session_id TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE, key TEXT, value TEXT);
CREATE TABLE summaries (
  id TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE, content TEXT NOT NULL
);
CREATE TABLE read_files (session_id TEXT, path TEXT, read_at DATETIME, PRIMARY KEY (session_id, path)) WITHOUT ROWID;
CREATE INDEX messages_by_session ON messages(session_id);
"""
PARTS = ("messages", "context", "summaries", "read_files")


@pytest.fixture
def trash(tmp_path: Path) -> Trash:
    return Trash(tmp_path / "data" / "trash", clock=ticking())


def ticking(start: datetime = NOON) -> Callable[[], datetime]:
    moments = iter(range(10**9))
    return lambda: start + timedelta(seconds=next(moments))


@pytest.fixture(params=["wal", "delete"])
def chats(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return make_chats(tmp_path / "chats.db", journal=request.param)


def make_chats(path: Path, *, journal: str = "wal") -> Path:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"PRAGMA journal_mode = {journal}")
        database.executescript(CHATS)
        for id in ("garden", "kitchen", "attic"):
            add_session(database, id)
    return path


def add_session(database: sqlite3.Connection, id: str, messages: int = 5) -> None:
    database.execute("INSERT INTO sessions VALUES (?, ?, '2026-11-20 14:34:52.87 -0500 EST m=+0.1', 'null')", (id, id))
    for number in range(messages):
        add_message(database, id, f"{id} says {number} \u2028 naïve\x00 日本")
    odd = "INSERT INTO messages (session_id, content, created_at, archived, extra) VALUES (?, CAST(? AS TEXT), ?, ?, ?)"
    database.execute(odd, (id, b"cut \xe6\x97 here", 1763700000, None, b"\x00\xff blob"))
    database.execute(odd, (id, b"", 0.5, 1, 2**62))
    database.execute(odd, (id, b"1e999", "not a time", 0, float("inf")))
    for value in ("vpc", "vpc", None):
        database.execute("INSERT INTO context VALUES (?, 'stack_file', ?)", (id, value))
    database.execute("INSERT INTO summaries VALUES (?, ?, 'short')", (f"s-{id}", id))
    database.execute("INSERT INTO read_files VALUES (?, 'src/a.py', '2026-11-20 14:34:52-05:00')", (id,))


def add_message(database: sqlite3.Connection, session: str, content: str) -> int:
    added = database.execute("INSERT INTO messages (session_id, content) VALUES (?, ?)", (session, content))
    return added.lastrowid or 0


def write(path: Path, *statements: str, foreign_keys: bool = True) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"PRAGMA foreign_keys = {int(foreign_keys)}")
        for statement in statements:
            database.execute(statement)


def dump(path: Path, *, rowids: bool = True) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table with the storage class and bytes of each value."""
    found: dict[str, list[tuple[object, ...]]] = {}
    with closing(sqlite3.connect(path)) as database:
        tables = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        for name, sql in tables:
            names = [row[1] for row in database.execute(f"PRAGMA table_info({name})")]
            cells = [f"typeof({column}), hex(CAST({column} AS BLOB))" for column in names]
            with_rowid = rowids and "WITHOUT ROWID" not in sql
            asked = ", ".join([*(["rowid"] if with_rowid else []), *cells])
            found[name] = sorted(database.execute(f"SELECT {asked} FROM {name}").fetchall())
    return found


def key(id: str, store: str = "chats") -> SessionKey:
    return SessionKey(store, id, "/root")


def of_chat(path: Path, id: str) -> Belongings:
    parts = [Rows(table, "session_id = ?", (id,)) for table in PARTS]
    return Belongings(database=path, rows=(*parts, Rows("sessions", "id = ?", (id,))))


def delete(trash: Trash, belongings: Belongings, id: str = "garden") -> TrashItem:
    return trash.delete(key(id), f"chats:{id}", f"The {id}", belongings)


def count(path: Path, table: str, where: str = "1") -> int:
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0])


def one(path: Path, query: str) -> object:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchone()[0]


# ── deleting rows ─────────────────────────────────────────────────────────────────────────────────────


def test_deleted_rows_come_back_with_every_value_as_it_was_stored(trash: Trash, chats: Path) -> None:
    before = dump(chats)

    item = delete(trash, of_chat(chats, "garden"))
    left = [count(chats, table, "session_id = 'garden'") for table in PARTS]
    restored = trash.restore(item.trash_id)

    assert [0, 0, 0, 0] == left
    assert key("garden") == restored
    assert before == dump(chats)
    assert () == trash.items()


def test_only_the_sessions_own_rows_go(trash: Trash, chats: Path) -> None:
    others = {table: rows for table, rows in dump(chats).items() if table != "sqlite_sequence"}

    delete(trash, of_chat(chats, "garden"))

    left = dump(chats)
    assert [3 - 1] == [len(left["sessions"])]
    for table, kept in left.items():
        assert table == "sqlite_sequence" or set(kept) < set(others[table])


def test_sessions_written_in_between_stay(trash: Trash, chats: Path) -> None:
    garden = of_chat(chats, "garden")
    item = delete(trash, garden)
    with closing(sqlite3.connect(chats)) as database, database:
        add_session(database, "cellar")
    expected = dump(chats, rowids=False)

    trash.restore(item.trash_id)

    now = dump(chats, rowids=False)
    assert all(set(expected[table]) <= set(now[table]) for table in expected)
    assert [3 + 1, 4 * 8, 4 * 3] == [count(chats, table) for table in ("sessions", "messages", "context")]
    delete(trash, garden)
    assert expected == dump(chats, rowids=False)


def test_loose_rows_whose_place_was_taken_come_back_once(trash: Trash, tmp_path: Path) -> None:
    chats = make_chats(tmp_path / "chats.db")
    item = delete(trash, of_chat(chats, "attic"), "attic")
    write(chats, "INSERT INTO context VALUES ('kitchen', 'a', 'b')", "INSERT INTO context VALUES ('kitchen', 'c', 'd')")

    trash.restore(item.trash_id)

    assert 3 == count(chats, "context", "session_id = 'attic'")
    assert 2 == count(chats, "context", "session_id = 'attic' AND value = 'vpc'")
    assert 5 == count(chats, "context", "session_id = 'kitchen'")


def test_rows_that_a_foreign_key_takes_along_are_kept_too(trash: Trash, chats: Path) -> None:
    before = dump(chats)
    only_the_session = Belongings(database=chats, rows=(Rows("sessions", "id = ?", ("garden",)),))

    item = delete(trash, only_the_session)
    taken_along = count(chats, "messages", "session_id = 'garden'")
    trash.restore(item.trash_id)

    assert 0 == taken_along
    assert before == dump(chats)


def test_whole_trees_of_sub_sessions_come_back(trash: Trash, tmp_path: Path) -> None:
    path = tmp_path / "tree.db"
    write(
        path,
        "CREATE TABLE runs (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES runs(id) ON DELETE CASCADE, name)",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, run INTEGER REFERENCES runs ON DELETE SET NULL, note)",
        "INSERT INTO runs VALUES (1, NULL, 'root'), (2, 1, 'child'), (3, 2, 'grandchild'), (4, NULL, 'other')",
        "INSERT INTO notes VALUES (10, 1, 'a'), (11, 3, 'b'), (12, 4, 'c')",
    )
    before = dump(path)

    item = delete(trash, Belongings(database=path, rows=(Rows("runs", "id = ?", (1,)),)))
    left = (count(path, "runs"), count(path, "notes", "run IS NULL"))
    trash.restore(item.trash_id)

    assert (1, 2) == left
    assert before == dump(path)


def test_a_table_this_version_lacks_is_left_out(trash: Trash, chats: Path) -> None:
    belongings = of_chat(chats, "garden")
    before = dump(chats)

    item = delete(trash, Belongings(database=chats, rows=(Rows("telemetry", "session = ?", (1,)), *belongings.rows)))
    trash.restore(item.trash_id)

    assert before == dump(chats)


def test_counts_that_triggers_keep_are_right_again(trash: Trash, tmp_path: Path) -> None:
    path = tmp_path / "counted.db"
    write(
        path,
        "CREATE TABLE sessions (id TEXT PRIMARY KEY, total INTEGER)",
        "CREATE TABLE messages (id INTEGER PRIMARY KEY, session TEXT REFERENCES sessions(id) ON DELETE CASCADE)",
        "CREATE TRIGGER up AFTER INSERT ON messages BEGIN "
        "UPDATE sessions SET total = total + 1 WHERE id = new.session; END",
        "CREATE TRIGGER down AFTER DELETE ON messages BEGIN "
        "UPDATE sessions SET total = total - 1 WHERE id = old.session; END",
        "INSERT INTO sessions VALUES ('a', 0)",
        "INSERT INTO messages (session) VALUES ('a'), ('a'), ('a')",
    )
    before = dump(path)
    parts = (Rows("messages", "session = ?", ("a",)), Rows("sessions", "id = ?", ("a",)))

    item = delete(trash, Belongings(database=path, rows=parts))
    trash.restore(item.trash_id)

    assert before == dump(path)
    assert 3 == one(path, "SELECT total FROM sessions")


def test_a_row_that_something_else_needs_keeps_the_session(trash: Trash, chats: Path) -> None:
    write(
        chats,
        "CREATE TABLE invoices (session_id TEXT REFERENCES sessions(id))",
        "INSERT INTO invoices VALUES ('garden')",
    )
    before = dump(chats)

    with pytest.raises(StoreError) as caught:
        delete(trash, of_chat(chats, "garden"))

    assert "refuses" in caught.value.what
    assert caught.value.hint
    assert before == dump(chats)
    assert () == trash.items()


def test_a_database_another_program_holds_is_left_alone(
    trash: Trash, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "BUSY_SECONDS", 0.05)
    chats = make_chats(tmp_path / "chats.db")
    before = dump(chats)

    with closing(sqlite3.connect(chats, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLocked):
            delete(trash, of_chat(chats, "garden"))
        holder.execute("ROLLBACK")

    assert before == dump(chats)
    assert () == trash.items()


def test_a_session_that_is_written_while_it_is_deleted_loses_nothing(trash: Trash, tmp_path: Path) -> None:
    chats = make_chats(tmp_path / "chats.db")
    before = count(chats, "messages", "session_id = 'garden'")
    committed: list[int] = []
    started = threading.Event()

    def keep_writing() -> None:
        with closing(sqlite3.connect(chats, isolation_level=None, timeout=30)) as database:
            database.execute("PRAGMA foreign_keys = ON")
            for number in range(2_000):
                try:
                    committed.append(add_message(database, "garden", f"late {number}"))
                except sqlite3.IntegrityError:
                    return  # the session is gone by now
                started.set()

    writer = threading.Thread(target=keep_writing)
    writer.start()
    started.wait(30)
    item = delete(trash, of_chat(chats, "garden"))
    writer.join()
    trash.restore(item.trash_id)

    assert before + len(committed) == count(chats, "messages", "session_id = 'garden'")


# ── restoring rows ────────────────────────────────────────────────────────────────────────────────────


def test_a_session_that_is_there_again_is_not_overwritten(trash: Trash, chats: Path) -> None:
    item = delete(trash, of_chat(chats, "garden"))
    write(chats, "INSERT INTO sessions VALUES ('garden', 'another', '2026-11-21', '{}')")
    present = dump(chats)

    answer = trash.restore(item.trash_id)

    assert isinstance(answer, Refusal)
    assert "garden" in answer.reason
    assert answer.hint
    assert present == dump(chats)
    assert (item,) == trash.items()


def test_what_is_replaced_is_kept_first(trash: Trash, chats: Path) -> None:
    before = dump(chats, rowids=False)
    item = delete(trash, of_chat(chats, "garden"))
    write(chats, "INSERT INTO sessions VALUES ('garden', 'another', '2026-11-21', '{}')")
    present = dump(chats)

    assert key("garden") == trash.restore(item.trash_id, replace=True)
    replaced = dump(chats, rowids=False)
    (overwrite,) = trash.items()
    undone = trash.restore(overwrite.trash_id)

    assert before == replaced
    assert "overwrite" == overwrite.kind
    assert key("garden") == undone
    assert present == dump(chats)


def test_a_row_of_another_session_is_never_overwritten(trash: Trash, tmp_path: Path) -> None:
    path = tmp_path / "reused.db"
    write(
        path,
        "CREATE TABLE messages (id INTEGER PRIMARY KEY, session TEXT, text TEXT)",
        "INSERT INTO messages VALUES (1, 'a', 'mine'), (2, 'b', 'yours')",
    )
    item = delete(trash, Belongings(database=path, rows=(Rows("messages", "session = ?", ("a",)),)))
    write(path, "INSERT INTO messages VALUES (1, 'b', 'also yours')")
    present = dump(path)

    answer = trash.restore(item.trash_id, replace=True)

    assert isinstance(answer, Refusal)
    assert "belongs to something else" in answer.reason
    assert present == dump(path)
    assert (item,) == trash.items()


def test_a_table_that_lost_a_column_is_refused(trash: Trash, chats: Path) -> None:
    item = delete(trash, of_chat(chats, "garden"))
    write(chats, "ALTER TABLE messages DROP COLUMN extra")

    answer = trash.restore(item.trash_id)

    assert isinstance(answer, Refusal)
    assert "no column extra" in answer.reason


def test_a_table_that_gained_a_column_takes_its_rows_back(trash: Trash, chats: Path) -> None:
    item = delete(trash, of_chat(chats, "garden"))
    write(chats, "ALTER TABLE messages ADD COLUMN mood TEXT DEFAULT 'calm'")

    trash.restore(item.trash_id)

    assert 8 == count(chats, "messages", "session_id = 'garden' AND mood = 'calm'")


def test_a_database_that_is_gone_is_said(trash: Trash, tmp_path: Path) -> None:
    chats = make_chats(tmp_path / "chats.db")
    item = delete(trash, of_chat(chats, "garden"))
    chats.rename(tmp_path / "elsewhere.db")

    with pytest.raises(StoreMissing):
        trash.restore(item.trash_id)

    assert (item,) == trash.items()


# ── undoing changes of rows ───────────────────────────────────────────────────────────────────────────


def compact(path: Path, trash: Trash, *, summary: str = "s-new") -> TrashItem:
    with trash.around(key("garden"), "chats:garden", "The garden", of_chat(path, "garden"), "compact") as item:
        write(
            path,
            "UPDATE messages SET archived = 1 WHERE session_id = 'garden' AND id <= 3",
            f"INSERT INTO summaries VALUES ('{summary}', 'garden', 'seeds were bought')",
            "UPDATE sessions SET updated_at = '2026-11-21 12:00:00.5+01:00' WHERE id = 'garden'",
        )
    return item


def test_a_compaction_is_undone(trash: Trash, chats: Path) -> None:
    before = dump(chats)

    item = compact(chats, trash)
    compacted = dump(chats)
    trash.restore(item.trash_id)

    assert before != compacted
    assert before == dump(chats)


def test_undoing_a_compaction_keeps_what_was_said_since(trash: Trash, chats: Path) -> None:
    item = compact(chats, trash)
    write(
        chats,
        "INSERT INTO messages (session_id, content) VALUES ('garden', 'and the shed?')",
        "UPDATE sessions SET updated_at = '2026-11-21 13:00:00+01:00', name = 'sheds' WHERE id = 'garden'",
    )

    assert key("garden") == trash.restore(item.trash_id)

    assert 1 == count(chats, "messages", "content = 'and the shed?'")
    assert 0 == count(chats, "messages", "session_id = 'garden' AND id <= 3 AND archived = 1")
    assert 0 == count(chats, "summaries", "id = 's-new'")
    assert "2026-11-21 13:00:00+01:00" == one(chats, "SELECT updated_at FROM sessions WHERE id = 'garden'")
    assert "sheds" == one(chats, "SELECT name FROM sessions WHERE id = 'garden'")


def test_rows_that_a_change_did_not_add_stay_when_it_says_which_it_added(trash: Trash, chats: Path) -> None:
    item = trash.keep(key("garden"), "chats:garden", "", of_chat(chats, "garden"), "compact")
    write(
        chats,
        "INSERT INTO summaries VALUES ('ours', 'garden', 'seeds')",
        "INSERT INTO summaries VALUES ('theirs', 'garden', 'meanwhile')",
    )
    trash.changed(item, added=[Rows("summaries", "id = ?", ("ours",))])

    trash.restore(item.trash_id)

    assert 0 == count(chats, "summaries", "id = 'ours'")
    assert 1 == count(chats, "summaries", "id = 'theirs'")


def test_content_that_was_written_again_is_a_conflict(trash: Trash, chats: Path) -> None:
    before = dump(chats)
    with trash.around(key("garden"), "chats:garden", "", of_chat(chats, "garden"), "rename") as item:
        write(chats, "UPDATE sessions SET name = 'plants' WHERE id = 'garden'")
    write(chats, "UPDATE sessions SET name = 'trees' WHERE id = 'garden'")

    refused = trash.restore(item.trash_id)
    name = one(chats, "SELECT name FROM sessions WHERE id = 'garden'")
    restored = trash.restore(item.trash_id, replace=True)

    assert isinstance(refused, Refusal)
    assert "name of row garden" in refused.reason
    assert "trees" == name
    assert key("garden") == restored
    assert before == dump(chats)


def test_a_column_named_volatile_keeps_its_newest_value(trash: Trash, tmp_path: Path) -> None:
    path = tmp_path / "revised.db"
    write(path, "CREATE TABLE s (id TEXT PRIMARY KEY, revision INTEGER, title)", "INSERT INTO s VALUES ('a', 1, 'old')")
    belongings = Belongings(database=path, rows=(Rows("s", "id = ?", ("a",), volatile=("revision",)),))
    with trash.around(key("a"), "chats:a", "", belongings, "rename") as item:
        write(path, "UPDATE s SET revision = 2, title = 'new'")
    write(path, "UPDATE s SET revision = 3")

    trash.restore(item.trash_id)

    assert (3, "old") == (one(path, "SELECT revision FROM s"), one(path, "SELECT title FROM s"))


def test_sums_kept_by_triggers_are_right_after_an_undo_between_writes(trash: Trash, tmp_path: Path) -> None:
    path = tmp_path / "summed.db"
    write(
        path,
        "CREATE TABLE s (id TEXT PRIMARY KEY, tokens INTEGER DEFAULT 0)",
        "CREATE TABLE m (id INTEGER PRIMARY KEY, s TEXT, tokens INTEGER, archived INTEGER DEFAULT 0)",
        "CREATE TRIGGER a AFTER INSERT ON m BEGIN UPDATE s SET tokens = tokens + new.tokens WHERE id = new.s; END",
        "CREATE TRIGGER b AFTER UPDATE OF archived ON m BEGIN UPDATE s SET "
        "tokens = tokens - new.tokens * (new.archived - old.archived) WHERE id = new.s; END",
        "INSERT INTO s (id) VALUES ('x')",
        "INSERT INTO m (s, tokens) VALUES ('x', 100), ('x', 20), ('x', 3)",
    )
    belongings = Belongings(database=path, rows=(Rows("m", "s = ?", ("x",)), Rows("s", "id = ?", ("x",))))
    with trash.around(key("x"), "chats:x", "", belongings, "compact") as item:
        write(path, "UPDATE m SET archived = 1 WHERE id < 3")
    write(path, "INSERT INTO m (s, tokens) VALUES ('x', 5000)")

    trash.restore(item.trash_id)

    assert 5123 == one(path, "SELECT tokens FROM s")


def test_changes_are_undone_from_the_last_to_the_first(trash: Trash, chats: Path) -> None:
    before = dump(chats)
    first = compact(chats, trash, summary="s-1")
    second = compact(chats, trash, summary="s-2")

    too_early = trash.restore(first.trash_id)
    undone = [trash.restore(second.trash_id), trash.restore(first.trash_id)]

    assert isinstance(too_early, Refusal)
    assert second.trash_id in too_early.hint
    assert [key("garden")] * 2 == undone
    assert before == dump(chats)


def test_messages_that_were_cleared_come_back(trash: Trash, chats: Path) -> None:
    before = dump(chats)
    with trash.around(key("garden"), "chats:garden", "", of_chat(chats, "garden"), "clear") as item:
        write(chats, "DELETE FROM messages WHERE session_id = 'garden'")
    with closing(sqlite3.connect(chats)) as database, database:
        later = add_message(database, "garden", "starting over")

    trash.restore(item.trash_id)

    assert 9 == count(chats, "messages", "session_id = 'garden'")
    write(chats, f"DELETE FROM messages WHERE id = {later}")
    after = dump(chats)
    assert {**before, "sqlite_sequence": after["sqlite_sequence"]} == after


def test_a_change_that_failed_leaves_no_item(trash: Trash, chats: Path) -> None:
    with (
        pytest.raises(RuntimeError),
        trash.around(key("garden"), "chats:garden", "", of_chat(chats, "garden"), "compact"),
    ):
        raise RuntimeError("the summarizer is gone")

    assert () == trash.items()


def test_a_change_that_failed_half_way_can_be_undone(trash: Trash, chats: Path) -> None:
    before = dump(chats)
    with (
        pytest.raises(RuntimeError),
        trash.around(key("garden"), "chats:garden", "", of_chat(chats, "garden"), "compact"),
    ):
        write(chats, "UPDATE messages SET archived = 1 WHERE session_id = 'garden'")
        raise RuntimeError("cut off")

    (item,) = trash.items()
    trash.restore(item.trash_id)

    assert before == dump(chats)


# ── files ─────────────────────────────────────────────────────────────────────────────────────────────


def seen(folder: Path) -> dict[str, tuple[object, ...]]:
    """What every path below ``folder`` holds, with mode and time."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        name = os.fspath(path.relative_to(folder))
        if stat.S_ISLNK(status.st_mode):
            found[name] = ("link", os.fspath(path.readlink()))
        elif stat.S_ISDIR(status.st_mode):
            found[name] = ("directory", oct(status.st_mode))
        else:
            found[name] = ("file", oct(status.st_mode), status.st_mtime_ns, path.read_bytes())
    return found


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    (folder / "a" / "subagents" / "empty").mkdir(parents=True)
    (folder / "a.jsonl").write_bytes(b'{"n":1}\n{"n":2}\n{"torn')
    (folder / "a.meta.json").write_bytes(b'{\n  "skip": 0\n}')
    (folder / "b.jsonl").write_bytes(b"other\n")
    (folder / "a" / "subagents" / "x.jsonl").write_bytes(bytes(range(256)) * 9000)
    (folder / "a" / "outside").symlink_to(folder / "b.jsonl")
    (folder / "a" / "up").symlink_to("..")
    (folder / "a.jsonl").chmod(0o640)
    (folder / "a" / "subagents").chmod(0o750)
    os.utime(folder / "a.jsonl", ns=(10**18, 1_700_000_000_123_456_789))
    return folder


def of_store(store: Path) -> Belongings:
    return Belongings(files=(store / "a.jsonl", store / "a.meta.json", store / "a.title", store / "a"))


def test_deleted_files_come_back_byte_for_byte(trash: Trash, store: Path) -> None:
    before = seen(store)

    item = delete(trash, of_store(store))
    left = sorted(seen(store))
    restored = trash.restore(item.trash_id)

    assert ["b.jsonl"] == left
    assert key("garden") == restored
    assert before == seen(store)


def test_links_are_kept_as_links_and_never_followed(trash: Trash, store: Path) -> None:
    item = delete(trash, of_store(store))

    copies = {path.name for path in trash.kept_files(item)}

    assert b"other\n" == (store / "b.jsonl").read_bytes()
    assert {"a.jsonl", "a.meta.json", "x.jsonl"} == copies


def test_a_directory_that_is_a_link_now_is_not_written_into(trash: Trash, store: Path, tmp_path: Path) -> None:
    item = delete(trash, Belongings(files=(store / "a" / "subagents" / "x.jsonl",)))
    (store / "a" / "subagents").rename(tmp_path / "moved")
    (store / "a" / "subagents").symlink_to(tmp_path / "moved")

    answers = [trash.restore(item.trash_id), trash.restore(item.trash_id, replace=True)]

    assert all(isinstance(answer, Refusal) and "leads elsewhere" in answer.reason for answer in answers)
    assert ["empty"] == [path.name for path in (tmp_path / "moved").iterdir()]
    assert (item,) == trash.items()


def test_names_that_are_no_text_are_kept(trash: Trash, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9\n.jsonl"))
    odd.write_bytes(b"x")

    item = delete(trash, Belongings(files=(odd,)))
    gone = not odd.exists()
    trash.restore(item.trash_id)

    assert gone
    assert b"x" == odd.read_bytes()


def test_a_pipe_is_left_alone(trash: Trash, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(StoreError) as caught:
        delete(trash, Belongings(files=(tmp_path / "a.jsonl", tmp_path / "pipe")))

    assert "neither a file nor a directory" in caught.value.what
    assert (tmp_path / "a.jsonl").exists()
    assert () == trash.items()


def rewrite(trash: Trash, path: Path, data: bytes) -> TrashItem:
    with trash.around(key("garden"), "store:garden", "", Belongings(files=(path,)), "compact") as item:
        path.write_bytes(data)
    return item


def test_a_rewritten_file_comes_back(trash: Trash, store: Path) -> None:
    before = seen(store)

    item = rewrite(trash, store / "a.jsonl", b"summary\n")
    trash.restore(item.trash_id)

    assert before == seen(store)


def test_lines_appended_since_stay_behind_the_restored_part(trash: Trash, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"one\ntwo\n")
    item = rewrite(trash, path, b"one\ntwo\nsummary\ncheckpoint\n")
    with path.open("ab") as file:
        file.write(b"three\n")

    trash.restore(item.trash_id)

    assert b"one\ntwo\nthree\n" == path.read_bytes()


def test_lines_a_program_dropped_since_come_back_before_the_new_ones(trash: Trash, tmp_path: Path) -> None:
    path, meta = tmp_path / "a.jsonl", tmp_path / "a.meta.json"
    path.write_bytes(b"one\ntwo\nthree\nfour\n")
    meta.write_bytes(b'{"skip": 0}')
    with trash.around(
        key("garden"), "store:garden", "", Belongings(files=(path, meta)), "compact", expires=False
    ) as item:
        meta.write_bytes(b'{"skip": 2}')
    path.write_bytes(b"three\nfour\nfive\n")

    with trash.open_kept(item, path) as archived:
        lines = archived.read()
    trash.restore(item.trash_id)

    assert b"one\ntwo\nthree\nfour\n" == lines
    assert b"one\ntwo\nthree\nfour\nfive\n" == path.read_bytes()
    assert b'{"skip": 0}' == meta.read_bytes()


def test_a_file_the_change_made_goes_again(trash: Trash, tmp_path: Path) -> None:
    named, unnamed = tmp_path / "named", tmp_path / "unnamed"
    item = trash.keep(key("garden"), "store:garden", "", Belongings(files=(named,)), "compact")
    named.write_bytes(b"1")
    unnamed.write_bytes(b"2")
    trash.changed(item, created=[unnamed])

    trash.restore(item.trash_id)

    assert (False, False) == (named.exists(), unnamed.exists())


def test_a_file_that_is_another_now_is_not_overwritten(trash: Trash, store: Path) -> None:
    item = delete(trash, of_store(store))
    (store / "a.jsonl").write_bytes(b"a new conversation\n")

    refused = trash.restore(item.trash_id)
    left = sorted(seen(store))
    trash.restore(item.trash_id, replace=True)
    (overwrite,) = trash.items()
    with trash.open_kept(overwrite, store / "a.jsonl") as kept:
        replaced = kept.read()

    assert isinstance(refused, Refusal)
    assert ["a.jsonl", "b.jsonl"] == left
    assert b'{"n":1}\n{"n":2}\n{"torn' == (store / "a.jsonl").read_bytes()
    assert b"a new conversation\n" == replaced


def test_a_change_nobody_confirmed_is_undone_only_by_replacing(trash: Trash, store: Path) -> None:
    item = trash.keep(key("garden"), "store:garden", "", of_store(store), "compact")
    before = seen(store)
    (store / "a.jsonl").write_bytes(b"summary\n")

    refused = trash.restore(item.trash_id)
    trash.restore(item.trash_id, replace=True)

    assert isinstance(refused, Refusal)
    assert before == seen(store)


def test_the_folder_a_session_lay_in_is_made_again(trash: Trash, tmp_path: Path) -> None:
    path = tmp_path / "project" / "sessions" / "a.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    item = delete(trash, Belongings(files=(path,)))
    path.parent.rmdir()
    path.parent.parent.rmdir()

    trash.restore(item.trash_id)

    assert b"x" == path.read_bytes()


def test_a_kept_file_that_is_not_there_is_said(trash: Trash, store: Path) -> None:
    item = delete(trash, of_store(store))

    with pytest.raises(StoreMissing):
        trash.open_kept(item, store / "b.jsonl")


# ── entries in shared files ───────────────────────────────────────────────────────────────────────────

INDEX = (
    b'\xef\xbb\xbf[\n  {"id": "a", "title": "\\u003c1\\u003e"},\n  {"title" : "zwei \xe6\x97", "id":"b", "n": 1.50},\n'
    b'  {"id": "c"}\n]\n'
)


def of_index(path: Path, value: str) -> Belongings:
    return Belongings(entries=(Entries(path, "id", value, lock=path.with_name("index.lock")),))


@pytest.mark.parametrize("value", ["a", "b", "c"])
@pytest.mark.parametrize("index", [INDEX, INDEX[3:], b'[{"id":"a"},{"id":"b"},{"id":"c"}]'])
def test_an_entry_leaves_a_list_and_comes_back_to_the_byte(
    trash: Trash, tmp_path: Path, value: str, index: bytes
) -> None:
    path = tmp_path / "index.json"
    path.write_bytes(index)

    item = delete(trash, of_index(path, value))
    left = [entry["id"] for entry in json.loads(path.read_bytes().decode("utf-8-sig", "replace"))]
    trash.restore(item.trash_id)

    assert [each for each in "abc" if each != value] == left
    assert index == path.read_bytes()


def test_the_only_entry_leaves_an_empty_list(trash: Trash, tmp_path: Path) -> None:
    path = tmp_path / "index.json"
    path.write_bytes(b'[ {"id": "a"} ]')

    item = delete(trash, of_index(path, "a"))
    left = json.loads(path.read_bytes())
    path.write_bytes(b"[]\n")
    trash.restore(item.trash_id)

    assert [] == left
    assert b'[{"id": "a"}]\n' == path.read_bytes()


def test_an_entry_comes_back_into_a_list_that_was_written_since(trash: Trash, tmp_path: Path) -> None:
    path = tmp_path / "index.json"
    path.write_bytes(INDEX)
    item = delete(trash, of_index(path, "b"))
    path.write_bytes(b'[{"id":"c"},{"id":"d"}]')

    trash.restore(item.trash_id)

    assert b'[{"title" : "zwei \xe6\x97", "id":"b", "n": 1.50},{"id":"c"},{"id":"d"}]' == path.read_bytes()


@pytest.mark.parametrize("order", ["abc", "cab", "bca"])
@pytest.mark.parametrize("index", [INDEX, b'[{"id":"a"},{"id":"b"},{"id":"c"}]', b'[\n {"id":"b"}\n]'])
def test_entries_come_back_to_their_places_in_any_order(trash: Trash, tmp_path: Path, order: str, index: bytes) -> None:
    path = tmp_path / "index.json"
    path.write_bytes(index)
    items = {value: delete(trash, of_index(path, value), value) for value in "abc"}

    for value in order:
        trash.restore(items[value].trash_id)

    assert index == path.read_bytes()


def test_lines_leave_a_history_and_come_back(trash: Trash, tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    before = b'{"id":"a","n":1}\n\n{"id":"b"}\nnot json\n{"id":"a","n":2}'
    path.write_bytes(before)

    item = delete(trash, of_index(path, "a"))
    left = path.read_bytes()
    trash.restore(item.trash_id)
    restored = path.read_bytes()
    second = delete(trash, of_index(path, "a"))
    with path.open("ab") as file:
        file.write(b'{"id":"c"}\n')
    trash.restore(second.trash_id)

    assert b'\n{"id":"b"}\nnot json\n' == left
    assert before == restored
    assert b'\n{"id":"b"}\nnot json\n{"id":"c"}\n{"id":"a","n":1}\n{"id":"a","n":2}' == path.read_bytes()


def test_an_entry_the_program_wrote_again_stays(trash: Trash, tmp_path: Path) -> None:
    path = tmp_path / "index.json"
    path.write_bytes(b'[{"id":"a","n":1}]')
    with trash.around(key("a"), "store:a", "", of_index(path, "a"), "compact") as item:
        path.write_bytes(b'[{"id":"a","n":2}]')
    path.write_bytes(b'[{"id":"a","n":3}]')

    assert key("a") == trash.restore(item.trash_id)

    assert b'[{"id":"a","n":3}]' == path.read_bytes()


def test_an_entry_a_change_altered_is_as_before(trash: Trash, tmp_path: Path) -> None:
    path = tmp_path / "index.json"
    path.write_bytes(b'[{"id":"a","n":1},{"id":"b"}]')
    with trash.around(key("a"), "store:a", "", of_index(path, "a"), "compact") as item:
        path.write_bytes(b'[{"id":"a","n":2},{"id":"b"}]')

    trash.restore(item.trash_id)

    assert [{"id": "a", "n": 1}, {"id": "b"}] == json.loads(path.read_bytes())


@pytest.mark.parametrize("index", [b"[{broken", b'{"id": "a"}', b"", None])
def test_a_list_nobody_can_read_is_left_alone(trash: Trash, tmp_path: Path, index: bytes | None) -> None:
    path = tmp_path / "index.json"
    if index is not None:
        path.write_bytes(index)
    session = tmp_path / "a.jsonl"
    session.write_bytes(b"x")

    item = delete(trash, Belongings(files=(session,), entries=of_index(path, "a").entries))
    trash.restore(item.trash_id)

    assert index == (path.read_bytes() if path.exists() else None)
    assert b"x" == session.read_bytes()


def test_a_list_whose_lock_is_held_brings_the_files_back(
    trash: Trash, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, session = tmp_path / "index.json", tmp_path / "a.jsonl"
    path.write_bytes(INDEX)
    session.write_bytes(b"x")
    (tmp_path / "index.lock").touch()
    moments = iter([0.0, 0.0, *[10.0**6] * 100])
    monkeypatch.setattr(locks, "monotonic", lambda: next(moments))

    with locks.holding(tmp_path / "index.lock"), pytest.raises(StoreLocked):
        moments = iter([0.0, *[10.0**6 * n for n in range(1, 100)]])
        delete(trash, Belongings(files=(session,), entries=of_index(path, "a").entries))

    assert (b"x", INDEX) == (session.read_bytes(), path.read_bytes())


# ── the trash itself ──────────────────────────────────────────────────────────────────────────────────


def test_looking_into_the_trash_makes_nothing(tmp_path: Path) -> None:
    trash = Trash(tmp_path / "data" / "trash")

    found = (trash.items(), trash.size_bytes(), trash.expire(), trash.empty(), trash.recover())

    assert ((), 0, (), (), ()) == found
    assert [] == list(tmp_path.iterdir())


def test_only_the_owner_can_read_the_trash(trash: Trash, store: Path, tmp_path: Path) -> None:
    delete(trash, of_store(store))

    folder = tmp_path / "data" / "trash"
    modes = {oct(stat.S_IMODE(path.stat().st_mode)) for path in folder.rglob("*") if path.is_file()}
    folders = {oct(stat.S_IMODE(path.stat().st_mode)) for path in (folder, *folder.rglob("*")) if path.is_dir()}

    assert {"0o600"} == modes
    assert {"0o700"} == folders


def test_an_item_says_whose_it_is(trash: Trash, store: Path) -> None:
    item = delete(trash, of_store(store))

    assert "20261121-120000-" == item.trash_id[:16]
    assert 22 == len(item.trash_id)
    assert ("chats:garden", "The garden", "delete", key("garden")) == (item.ref, item.title, item.kind, item.key)
    assert NOON == item.trashed_at
    assert timedelta(days=30, seconds=1) == (item.expires_at or NOON) - NOON
    assert item.size_bytes >= 256 * 9000
    assert (item,) == trash.items() == trash.of(key("garden"))
    assert () == trash.of(key("kitchen"))


def test_ids_sort_by_time_and_are_never_given_twice(tmp_path: Path) -> None:
    moments = [NOON, NOON, NOON + timedelta(microseconds=40), NOON + timedelta(seconds=1)]
    trash = Trash(tmp_path / "trash", clock=lambda: moment)

    ids = []
    for moment in moments * 20:  # noqa: B007 - the clock tells it
        ids.append(trash.keep(key("a"), "x:a", "", Belongings(), "rename").trash_id)

    assert len(ids) == len(set(ids))
    assert all(early[:20] <= late[:20] for early, late in pairwise(ids[:4]))


def test_an_item_is_found_by_the_beginning_of_its_id(trash: Trash, store: Path) -> None:
    item = delete(trash, of_store(store))

    assert item == trash.get(item.trash_id[:10])
    with pytest.raises(UsageError):
        trash.get("1999")
    with pytest.raises(UsageError):
        trash.restore("")


def test_items_go_when_their_time_is_over(trash: Trash, store: Path) -> None:
    item = delete(trash, of_store(store))
    stays = trash.keep(key("b"), "x:b", "", Belongings(files=(store / "b.jsonl",)), "compact", expires=False)

    early = trash.expire(NOON + timedelta(days=29))
    late = trash.expire(NOON + timedelta(days=3000))

    assert ((), (item,)) == (early, late)
    assert (stays,) == trash.items()


def test_an_item_can_be_told_to_stay_and_to_go(trash: Trash, store: Path) -> None:
    item = delete(trash, of_store(store))

    staying = trash.expiring(item.trash_id, expires=False)
    going = trash.expiring(item.trash_id, expires=True)

    assert staying.expires_at is None
    assert going.expires_at is not None
    assert (going,) == trash.items()


def test_emptying_spares_items_that_are_to_stay(trash: Trash, store: Path) -> None:
    files = Belongings(files=(store / "b.jsonl",))
    old = trash.keep(key("old"), "x:old", "", files, "rename")
    stays = trash.keep(key("stays"), "x:stays", "", files, "compact", expires=False)
    new = trash.keep(key("new"), "x:new", "", files, "rename")

    nothing = trash.empty(older_than=timedelta(days=1))
    everything = trash.empty()
    named = trash.empty(ids=[stays.trash_id])

    assert ((), (new, old), (stays,)) == (nothing, everything, named)
    assert 0 == trash.size_bytes()


def test_a_wrong_id_empties_nothing(trash: Trash, store: Path) -> None:
    item = delete(trash, of_store(store))

    with pytest.raises(UsageError):
        trash.empty(ids=[item.trash_id, "20200101-000000-000000"])

    assert (item,) == trash.items()


def test_an_item_of_a_newer_program_is_left_alone(trash: Trash, store: Path, tmp_path: Path) -> None:
    item = delete(trash, of_store(store))
    file = tmp_path / "data" / "trash" / item.trash_id / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"version": 99, "surprise": 1}))

    found = (trash.items(), trash.empty(), trash.expire(NOON + timedelta(days=99)))

    assert ((), (), ()) == found
    assert file.exists()
    with pytest.raises(StoreError):
        trash.restore(item.trash_id)


# ── the native store ──────────────────────────────────────────────────────────────────────────────────


def said(number: int) -> Message:
    return Message(id=f"m{number}", role=Role.USER, blocks=(Text(f"message {number}"),))


@pytest.fixture
def native(tmp_path: Path) -> Native:
    return Native(World(home=tmp_path, environ={}, cwd=tmp_path, data_dir=tmp_path / "data"))


def test_a_native_session_comes_back_whole(trash: Trash, native: Native) -> None:
    session = native.create_session(Session(key=SessionKey("native", "a"), title="Sheds"))
    native.add_messages(session.key, [said(number) for number in range(20)])
    native.compact(session.key, Summary(id="s", content="sheds were discussed", original_ids=("m0", "m1")))
    before = native.read(native.source(session.key))

    item = trash.delete(session.key, "native:a", "Sheds", native.belongings(session))
    gone = list(native.scan(native.roots()[0]))
    trash.restore(item.trash_id)
    after = native.read(native.source(session.key))

    assert [] == gone
    assert (before.session, list(before.messages), before.summaries) == (
        after.session,
        list(after.messages),
        after.summaries,
    )


def test_a_native_compaction_is_undone_though_the_session_went_on(trash: Trash, native: Native) -> None:
    session = native.create_session(Session(key=SessionKey("native", "a"), title="Sheds"))
    native.add_messages(session.key, [said(number) for number in range(20)])
    before = native.read(native.source(session.key)).session
    with trash.around(session.key, "native:a", "Sheds", native.belongings(session), "compact") as item:
        native.compact(session.key, Summary(id="s", content="sheds", original_ids=("m0", "m1", "m2")))
    native.add_message(session.key, said(20))

    assert session.key == trash.restore(item.trash_id)

    after = native.read(native.source(session.key))
    assert [f"m{number}" for number in range(21)] == [message.id for message in after.messages]
    assert (0, 21, before.compaction_count) == (
        after.session.archived_count,
        after.session.message_count,
        after.session.compaction_count,
    )
    assert () == after.summaries
