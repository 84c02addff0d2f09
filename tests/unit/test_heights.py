"""The tree of heights always agrees with a plain list of them."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from session_tui.tui.viewer.heights import Heights

ROWS = st.lists(st.integers(0, 9), max_size=70)
CHANGES = st.lists(st.tuples(st.integers(0, 1 << 30), st.integers(0, 9)), max_size=30)


@given(ROWS, CHANGES)
def test_sums_agree_with_a_plain_list_after_any_changes(rows: list[int], changes: list[tuple[int, int]]) -> None:
    heights = Heights(rows)

    for position, height in changes if rows else ():
        rows[position % len(rows)] = height
        heights.set(position % len(rows), height)

    assert [0, *accumulate(rows)] == [heights.before(index) for index in range(len(rows) + 1)]
    assert sum(rows) == heights.total
    assert rows == [heights[index] for index in range(len(heights))]


@given(ROWS)
def test_every_row_is_found_in_the_message_that_holds_it(rows: list[int]) -> None:
    heights = Heights(rows)

    found = [heights.find(row) for row in range(sum(rows))]

    assert [(message, row) for message, height in enumerate(rows) for row in range(height)] == found


def test_rows_outside_give_the_nearest_one() -> None:
    heights = Heights([0, 2, 0, 3, 0])

    assert (1, 0) == heights.find(-5)
    assert (3, 2) == heights.find(99)


def test_nothing_but_empty_messages_gives_the_beginning() -> None:
    assert (0, 0) == Heights([]).find(4)
    assert (0, 0) == Heights([0, 0]).find(4)
