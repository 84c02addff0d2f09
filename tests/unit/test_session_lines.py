"""Which line shows which session: under headings, folded or not, in one line or two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from session_tui.catalog import Look
from session_tui.model import Session, SessionKey
from session_tui.tui.grouping import grouped
from session_tui.tui.widgets.session_lines import Group, Lines
from session_tui.tui.widgets.tab_line import Tally, line, tabs

GROUPS = [Group("a", "A", 3), Group("b", "B", 2), Group("c", "C", 4)]
LOOKS = {name: Look(name, name.title(), name[0].upper(), "") for name in ("oak", "elm", "ash")}
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def drawn(lines: Lines) -> str:
    """Every line: a group's key, or a session's number and a mark for each further line of it."""
    places = [lines.at(line) for line in range(len(lines))]
    return " ".join((place.group.key if place.group else f"{place.row}{'+' * place.part}") for place in places if place)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (Lines(0), ""),
        (Lines(3), "0 1 2"),
        (Lines(2, 2), "0 0+ 1 1+"),
        (Lines(9, 1, GROUPS), "a 0 1 2 b 3 4 c 5 6 7 8"),
        (Lines(9, 2, GROUPS, {"a", "c"}), "a b 3 3+ 4 4+ c"),
    ],
)
def test_every_line_has_its_session_or_heading(lines: Lines, expected: str) -> None:
    assert expected == drawn(lines)
    assert lines.at(-1) is None
    assert lines.at(len(lines)) is None


@pytest.mark.parametrize("height", [1, 2])
@pytest.mark.parametrize("folded", [frozenset[str](), frozenset({"b"}), frozenset({"a", "c"})])
def test_lines_and_sessions_lead_to_each_other(height: int, folded: frozenset[str]) -> None:
    lines = Lines(9, height, GROUPS, folded)
    for row in range(9):
        place = lines.at(lines.of(row))
        group = lines.group_of(row)
        assert place is not None and group is not None
        assert group == place.group if group.key in folded else row == place.row


def test_moves_pass_over_folded_sessions_and_stop_at_the_ends() -> None:
    lines = Lines(9, 1, GROUPS, {"b"})

    assert [2, 5, 2, 0, 8] == [
        lines.moved(2, 0),
        lines.moved(2, 1),
        lines.moved(5, -1),
        lines.moved(5, -99),
        lines.moved(0, 99),
    ]
    assert 5 == lines.nearest(3)


def test_a_last_group_that_is_folded_leads_to_the_session_before() -> None:
    assert 4 == Lines(9, 1, GROUPS, {"c"}).nearest(7)


def test_the_sessions_in_a_window_are_told() -> None:
    lines = Lines(9, 2, GROUPS, {"b"})

    assert [1, 2, 5] == list(lines.shown(3, 10))
    assert [0, 1, 2, 5, 6, 7, 8] == list(lines.shown(0, 99))
    assert [3, 4] == list(Lines(9).shown(3, 5))


def session(number: int, store: str, *, project: str | None = "/srv/x", days: float | None = 0) -> Session:
    updated = None if days is None else NOON - timedelta(days=days)
    return Session(key=SessionKey(store, f"s{number}"), project=project, updated_at=updated)


def test_groups_keep_the_order_in_which_they_come_first() -> None:
    sessions = [session(0, "oak"), session(1, "elm"), session(2, "oak"), session(3, "rye")]

    rows, groups = grouped(sessions, "agent", looks=LOOKS, home="/home/a", now=NOON, sort="updated")

    assert ["s0", "s2", "s1", "s3"] == [row.key.id for row in rows]
    assert [("Oak", 2, "oak"), ("Elm", 1, "elm"), ("rye", 1, "rye")] == [
        (group.label, group.count, group.store) for group in groups
    ]


def test_projects_are_told_from_home_and_those_without_together() -> None:
    sessions = [session(0, "oak", project="/home/a/x"), session(1, "oak", project=None)]

    _, groups = grouped(sessions, "project", looks=LOOKS, home="/home/a", now=NOON, sort="updated")

    assert ["~/x", "no project"] == [group.label for group in groups]


def test_dates_are_days_then_weeks_then_months() -> None:
    ages = [0.1, 1, 3, 20, 50, 52, 400, 3, None]
    sessions = [session(number, "oak", days=age) for number, age in enumerate(ages)]

    rows, groups = grouped(sessions, "date", looks=LOOKS, home="", now=NOON, sort="updated")

    assert len(rows) == len(sessions)
    assert ["Today", "Yesterday", "Past 7 days", "Past 30 days"] == [group.label for group in groups[:4]]
    assert ["October 2026", "September 2026", "October 2025", "no date"][-2:] == [group.label for group in groups[-2:]]
    assert [1, 1, 2, 1] == [group.count for group in groups[:4]]


def test_no_grouping_is_the_sessions_as_they_are() -> None:
    sessions = (session(0, "oak"), session(1, "elm"))

    assert (sessions, ()) == grouped(sessions, "none", looks=LOOKS, home="", now=NOON, sort="updated")


TALLIES = [Tally("oak", 1200), Tally("elm", 5), Tally("ash", 0)]


def words(width: int, chosen: frozenset[str] = frozenset()) -> str:
    return "".join(text for text, _ in line(tabs(TALLIES, chosen, LOOKS, width), width))


def test_tabs_drop_names_then_agents_without_an_answer_then_the_last() -> None:
    assert " All 1,205 · O Oak 1,200 · E Elm 5 · A Ash 0 ".ljust(60) == words(60)
    assert " All 1,205 · O 1,200 · E 5 · A 0 ".ljust(40) == words(40)
    assert " All 1,205 · O 1,200 · E 5 ".ljust(30) == words(30)
    assert " All 1,205 · O 1,200 ".ljust(24) == words(24)
    assert " All 1,205 · E 5 ".ljust(24) == words(24, frozenset({"elm"}))


def test_tabs_say_which_are_chosen_and_where_they_stand() -> None:
    placed = tabs(TALLIES, frozenset({"elm"}), LOOKS, 60)
    text = words(60, frozenset({"elm"}))

    assert ["", "oak", "elm", "ash"] == [tab.store for tab in placed]
    assert "E Elm 5" == text[placed[2].start : placed[2].start + placed[2].width].strip()
    assert {"tab chosen", "tab chosen agent:elm"} == {style for _, style in placed[2].pieces}
    assert {"tab none", "tab none agent:ash"} == {style for _, style in placed[3].pieces}
