"""A reference is an id, a prefix or a title; stores, colons and tags in it are told apart."""

from __future__ import annotations

import pytest

from session_tui.model import Session, SessionKey
from session_tui.references import candidates

FIRST = Session(key=SessionKey("zima", "default:web:u1", "/a"), title="Twin")
SECOND = Session(key=SessionKey("atmos", "0a71310f-d492", "/a"), title="Twin")
THIRD = Session(key=SessionKey("atmos", "0a71999f-d492", "/a"), title="vpc: review")
FOURTH = Session(key=SessionKey("atmos", "0a71999f-d492", "/b"), title="other root")
FIFTH = Session(key=SessionKey("picoclaw", "matrix:@mira:example.test", "/a"), title="")
ALL = [FIRST, SECOND, THIRD, FOURTH, FIFTH]


@pytest.mark.parametrize(
    ("ref", "found"),
    [
        ("atmos:0a71310f-d492", [SECOND]),
        ("0a71310f-d492", [SECOND]),
        ("0a713", [SECOND]),
        ("0a7", []),
        ("0a71", [SECOND, THIRD, FOURTH]),
        ("default:web:u1", [FIRST]),
        ("zima:default:web:u1", [FIRST]),
        ("matrix:@mira:example.test", [FIFTH]),
        ("Twin", [FIRST, SECOND]),
        ("atmos:Twin", [SECOND]),
        ("vpc: review", [THIRD]),
        ("0a71999f-d492", [THIRD, FOURTH]),
        (f"atmos:0a71999f-d492@{FOURTH.key.tag}", [FOURTH]),
        (f"0a719@{FOURTH.key.tag}", [FOURTH]),
        (f"atmos:0a71310f-d492@{SECOND.key.tag}", [SECOND]),
        ("", []),
        ("nothing", []),
    ],
)
def test_a_reference_names_sessions(ref: str, found: list[Session]) -> None:
    assert found == candidates(ref, ALL, {"atmos", "zima", "picoclaw"})
