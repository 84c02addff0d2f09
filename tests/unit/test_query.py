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


def test_flags_ask_for_what_a_session_is() -> None:
    full = Session(key=SessionKey("native", "full"), token_count=90, context_window=100, compaction_count=1)
    calm = Session(key=SessionKey("native", "calm"), token_count=10, context_window=100)
    unknown = Session(key=SessionKey("native", "unknown"))

    def ids(text: str) -> list[str]:
        wanted = query.parse(text)
        return [one.key.id for one in (full, calm, unknown) if wanted.accepts(one)]

    assert ["full"] == ids("is:compactable")
    assert ["calm", "unknown"] == ids("-is:compactable")
    assert ["full"] == ids("is:compacted is:compactable")


def test_an_unknown_flag_is_a_word_like_any_other() -> None:
    assert ("is:nonsense",) == query.parse("is:nonsense").terms
