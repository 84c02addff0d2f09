"""Words, phrases and exclusions; case and accents do not count."""

from __future__ import annotations

import pytest

from session_tui import query
from session_tui.model import Session, SessionKey

SESSION = Session(
    key=SessionKey("native", "abc-123"),
    title="Größe der Café-Karte",
    project="/home/ana/tabs",
    first_prompt="Fix lexer",
)


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("cafe", True),
        ("GROSSE karte", True),
        ("karte missing", False),
        ('"der cafe"', True),
        ('"karte der"', False),
        ("tabs -lexer", False),
        ("tabs -parser", True),
        ("abc-123", True),
        ('"unclosed', False),
        ("-", True),
    ],
)
def test_a_session_matches_when_all_its_words_do(text: str, matches: bool) -> None:
    assert matches == query.parse(text).matches(query.haystack(SESSION))


def test_an_empty_query_is_false() -> None:
    assert not query.parse("   ")
    assert query.parse("x")
