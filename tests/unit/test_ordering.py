"""Newest first, unknown last, ties by ref."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from session_tui.model import Session, SessionKey
from session_tui.ordering import SORTS, ordered


def session(id: str, *, day: int | None = None, title: str = "", messages: int | None = None) -> Session:
    updated = datetime(2026, 5, day, tzinfo=UTC) if day else None
    return Session(key=SessionKey("native", id), updated_at=updated, title=title, message_count=messages)


def ids(sessions: tuple[Session, ...]) -> str:
    return "".join(one.key.id for one in sessions)


def test_the_newest_stands_first_and_the_unknown_last() -> None:
    sessions = [session("c"), session("a", day=3), session("d", day=9), session("b", day=3)]

    assert "dabc" == ids(ordered(sessions))


def test_reverse_leaves_the_unknown_last() -> None:
    sessions = [session("c"), session("a", day=3), session("d", day=9)]

    assert "adc" == ids(ordered(sessions, reverse=True))


def test_titles_go_from_a_to_z() -> None:
    sessions = [session("1", title="pear"), session("2", title="Apple"), session("3")]

    assert "213" == ids(ordered(sessions, "title"))


def test_counts_go_from_the_largest_down() -> None:
    sessions = [session("1", messages=2), session("2", messages=30), session("3")]

    assert "213" == ids(ordered(sessions, "messages"))


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_keeps_every_session(sort: str) -> None:
    sessions = [session(str(n), day=n + 1 if n % 2 else None) for n in range(9)]

    assert {one.key for one in sessions} == {one.key for one in ordered(sessions, sort)}
