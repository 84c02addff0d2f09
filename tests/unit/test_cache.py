"""The cache answers by stamp, and whatever is wrong with it costs only speed."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from session_tui.adapters.base import Source
from session_tui.index.store import VERSION, SessionCache
from session_tui.model import Problem, Scope, Session, SessionKey

KEY = SessionKey("native", "one", "/root")
SOURCE = Source(KEY, "/root/one", "stamp-1")
SESSION = Session(
    key=KEY,
    title="Größe",
    scope=Scope("a", "b", "c"),
    created_at=datetime(2026, 5, 1, 10, 0, 0, 123456, tzinfo=UTC),
    metadata={"nested": {"list": [1, None, "x"]}},
    tags=("a", "b"),
    problems=(Problem("p", "w", "h", 3),),
)


@pytest.fixture
def cache(tmp_path: Path) -> SessionCache:
    return SessionCache(tmp_path / "cache" / "sessions.db")


def test_what_was_kept_is_known_while_its_stamp_holds(cache: SessionCache) -> None:
    cache.keep([(SOURCE, SESSION)])

    assert {KEY: SESSION} == cache.known([SOURCE])
    assert {} == cache.known([Source(KEY, "/root/one", "stamp-2")])


def test_a_head_is_not_taken_for_a_whole_reading(cache: SessionCache) -> None:
    cache.keep([(SOURCE, SESSION)])
    assert {} == cache.known([SOURCE], whole=True)

    cache.keep([(SOURCE, SESSION)], whole=True)
    assert {KEY: SESSION} == cache.known([SOURCE], whole=True)


def test_an_empty_cache_makes_no_file(cache: SessionCache) -> None:
    assert {} == cache.known([SOURCE])
    assert not cache.file.exists()


@pytest.mark.parametrize("garbage", [b"", b"garbage" * 1000, b"SQLite format 3\0" + b"x" * 5000])
def test_garbage_is_replaced(cache: SessionCache, garbage: bytes) -> None:
    cache.file.parent.mkdir()
    cache.file.write_bytes(garbage)

    cache.keep([(SOURCE, SESSION)])

    assert {KEY: SESSION} == SessionCache(cache.file).known([SOURCE])


def test_another_version_is_replaced(cache: SessionCache) -> None:
    cache.keep([(SOURCE, SESSION)])
    with closing(sqlite3.connect(cache.file)) as database:
        database.execute(f"PRAGMA user_version={VERSION + 1}")

    assert {} == SessionCache(cache.file).known([SOURCE])


def test_a_folder_that_cannot_be_written_costs_only_speed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = SessionCache(tmp_path / "file" / "sessions.db")

    cache.keep([(SOURCE, SESSION)])

    assert {} == cache.known([SOURCE])


def test_a_name_that_is_no_text_is_not_kept(cache: SessionCache) -> None:
    odd = Source(SessionKey("native", "bad\udcff", "/root"), "/root/bad\udcff", "s")

    cache.keep([(odd, Session(key=odd.key)), (SOURCE, SESSION)])

    assert {KEY: SESSION} == cache.known([SOURCE])


def test_several_threads_may_keep_at_once(cache: SessionCache) -> None:
    def keep(number: int) -> None:
        key = SessionKey("native", str(number), "/root")
        cache.keep([(Source(key, "", "s"), Session(key=key))])

    threads = [threading.Thread(target=keep, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {str(number) for number in range(16)} == {session.key.id for _, session in cache.newest(100)}


def test_our_files_are_ours_alone(cache: SessionCache) -> None:
    cache.keep([(SOURCE, SESSION)])

    assert 0o600 == cache.file.stat().st_mode & 0o777
    assert 0o700 == cache.file.parent.stat().st_mode & 0o777
