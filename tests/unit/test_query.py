"""The search language: words, phrases, exclusions, filters, mistakes with their places, completion."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from session_tui import query
from session_tui.model import Session, SessionKey, SessionKind, SessionState

SESSION = Session(
    key=SessionKey("native", "abc-123"),
    title="Größe der Café-Karte",
    project="/home/ana/tabs",
    first_prompt="Fix lexer",
)
NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)


def accepted(text: str, sessions: list[Session], **facts: object) -> list[str]:
    wanted = query.parse(text)
    assert not wanted.mistakes, wanted.mistakes
    known = query.Facts(now=NOW, **facts)  # type: ignore[arg-type]
    return [session.key.id for session in sessions if wanted.accepts(session, known)]


def named(id: str, **fields: object) -> Session:
    return Session(key=SessionKey(str(fields.pop("store", "native")), id), **fields)  # type: ignore[arg-type]


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
        ("->", False),
    ],
)
def test_a_session_matches_when_all_its_words_do(text: str, matches: bool) -> None:
    assert matches == query.parse(text).matches(query.haystack(SESSION))


def test_an_empty_query_is_false() -> None:
    assert not query.parse("   ")
    assert query.parse("x")


def test_the_word_being_typed_is_open_and_a_finished_one_is_not() -> None:
    assert [False, True] == [word.open for word in query.parse("cookie pro").words]
    assert [False] == [word.open for word in query.parse("cookie ").words]
    assert [False] == [word.open for word in query.parse('"cookie"').words]


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("Ärger", "arger"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("ｆｕｌｌ", "full"),
        ("한글", "한글"),
        ("ガラス", "ガラス"),
        ("⚠️", "⚠"),
        ("İstanbul", "istanbul"),
    ],
)
def test_case_accents_and_compatibility_forms_do_not_count(typed: str, folded: str) -> None:
    assert folded == query.fold(typed)


def test_folding_by_character_tells_where_each_comes_from() -> None:
    folded, positions = query.fold_with_positions("Maß é")
    assert "mass e" == folded
    assert [0, 1, 2, 2, 3, 4, 5] == positions


@pytest.mark.parametrize("text", ["src/x/engine.rs:12", "std::vector", "https://example.org/a", "a.b(c)", "C:\\work"])
def test_code_and_paths_are_words(text: str) -> None:
    wanted = query.parse(text)
    assert (query.fold(text),) == wanted.terms
    assert () == wanted.filters


def test_an_option_is_a_word_and_a_dash_before_a_letter_excludes() -> None:
    wanted = query.parse("--fork -draft")
    assert ("--fork",) == wanted.terms
    assert ("draft",) == wanted.excluded


def test_stores_and_lists_and_negation() -> None:
    sessions = [named("a", store="native"), named("b", store="memory"), named("c", store="other")]
    assert ["a"] == accepted("agent:native", sessions)
    assert ["a", "b"] == accepted("store:native,memory", sessions)
    assert ["b", "c"] == accepted("-agent:native", sessions)
    assert ["b", "c"] == accepted("!agent:native", sessions)
    assert ["c"] == accepted("agent:!native,!memory", sessions)
    assert ["a"] == accepted("AGENT:NATIVE", sessions)


def test_an_unknown_store_is_named_with_its_place() -> None:
    wanted = query.parse("cookie agent:atmso", stores=("atmos", "native"))
    assert (7, 18) == (wanted.mistakes[0].start, wanted.mistakes[0].end)
    assert "atmso" in wanted.mistakes[0].what
    assert () == wanted.filters
    assert ("cookie",) == wanted.terms


def test_projects_branches_models_and_tags() -> None:
    sessions = [
        named("a", project="/home/ana/Tabs", git_branch="feature/login", model="glm-5", tags=("Later", "ui")),
        named("b", project="/home/ana/my tools", git_branch="main", model="opus"),
        named("c"),
    ]
    assert ["a"] == accepted("project:tabs", sessions)
    assert ["a"] == accepted("dir:/home/ana/tabs/", sessions)
    assert ["b"] == accepted('project:"my tools"', sessions)
    assert ["a"] == accepted("branch:login", sessions)
    assert ["b"] == accepted("model:opus", sessions)
    assert ["a"] == accepted("tag:later", sessions)
    assert ["b", "c"] == accepted("-tag:later", sessions)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("date:today", ["today"]),
        ("date:yesterday", ["yesterday"]),
        ("date:<2d", ["today", "yesterday"]),
        ("date:>1w", ["april", "old"]),
        ("date:2026-05", ["today", "yesterday"]),
        ("date:2026-05-19", ["yesterday"]),
        ("date:2026-04-30..2026-05-19", ["yesterday", "april"]),
        ("date:..2026-04", ["april", "old"]),
        ("date:2025", ["old"]),
        ("date:today,2025", ["today", "old"]),
        ("-date:2026", ["old", "unknown"]),
    ],
)
def test_dates(text: str, ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = [
        named("today", updated_at=NOW - timedelta(hours=1)),
        named("yesterday", updated_at=NOW - timedelta(days=1)),
        named("april", updated_at=datetime(2026, 4, 30, 12, tzinfo=UTC)),
        named("old", updated_at=datetime(2025, 12, 30, 12, tzinfo=UTC)),
        named("unknown"),
    ]
    assert ids == accepted(text, sessions)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("tokens:>50k", ["big"]),
        ("tokens:<=50k", ["small"]),
        ("messages:10..20", ["small"]),
        ("messages:12", ["small"]),
        ("size:>5MB", ["big"]),
        ("size:<5MB", ["small"]),
        ("-size:>5MB", ["small", "unknown"]),
    ],
)
def test_amounts(text: str, ids: list[str]) -> None:
    sessions = [
        named("big", token_count=60_000, message_count=500, size_bytes=6_000_000),
        named("small", token_count=50_000, message_count=12, size_bytes=900),
        named("unknown"),
    ]
    assert ids == accepted(text, sessions)


def test_flags_ask_for_what_a_session_is() -> None:
    sessions = [
        named("full", token_count=90, context_window=100, compaction_count=1),
        named("calm", token_count=10, context_window=100, message_count=0),
        named("agent", kind=SessionKind.SUBAGENT, state=SessionState.ARCHIVED, pinned=True, live=True),
    ]
    assert ["full"] == accepted("is:compactable", sessions)
    assert ["calm", "agent"] == accepted("-is:compactable", sessions)
    assert ["full"] == accepted("is:compacted is:compactable", sessions)
    assert ["calm"] == accepted("is:empty", sessions)
    assert ["agent"] == accepted("is:subagent,fork is:pinned is:live state:archived", sessions)
    assert ["calm"] == accepted("is:resumable", sessions, resumable=lambda session: session.key.id == "calm")
    assert ["calm"] == accepted("is:compactable", sessions, due=lambda session: session.key.id == "calm")
    assert ["full"] == accepted("is:protected", sessions, protected=lambda session: session.key.id == "full")


def test_what_occurs_in_messages_is_asked_of_the_features() -> None:
    features = {
        "a": query.Features(frozenset({"error"}), frozenset({"bash"}), frozenset({"src/lex.go"}), frozenset({"user"})),
        "b": query.Features(frozenset({"code"}), frozenset({"edit"}), frozenset(), frozenset({"assistant"})),
    }
    sessions = [named("a"), named("b"), named("unread", summary="so far")]

    def ids(text: str) -> list[str]:
        return accepted(text, sessions, features=lambda session: features.get(session.key.id))

    assert ["a"] == ids("has:error")
    assert ["unread"] == ids("has:summary")
    assert ["a"] == ids("tool:Bash")
    assert ["a", "b"] == ids("tool:bash,edit")
    assert ["a"] == ids("file:lex.go")
    assert ["b", "unread"] == ids("-file:lex.go")
    assert ["b", "unread"] == ids("role:assistant")


def test_expiry_is_asked_in_time_left() -> None:
    sessions = [named("soon"), named("late"), named("never")]
    left = {"soon": timedelta(days=3), "late": timedelta(days=20)}
    assert ["soon"] == accepted("expires:<7d", sessions, expires_in=lambda session: left.get(session.key.id))
    assert ["late"] == accepted("expires:>7d", sessions, expires_in=lambda session: left.get(session.key.id))


def test_roles_and_parts_narrow_where_words_may_stand() -> None:
    assert frozenset({"user"}) == query.parse("x role:user").roles
    assert frozenset({"user", "assistant"}) == query.parse("x role:user,assistant").roles
    assert frozenset({"assistant", "system", "tool"}) == query.parse("x -role:user").roles
    assert frozenset({"tool_call", "tool_result"}) == query.parse("x in:tools").parts
    assert "tool_result" not in query.parse("x -in:tool_result").parts
    assert frozenset() == query.parse("x").parts


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("x date:someday", (2, 14), "2026-05"),
        ("date:2026-13", (0, 12), "no day"),
        ("date:2026-05..2026-04", (0, 21), "ends before"),
        ("is:nonsense", (0, 11), "compactable"),
        ("has:everything", (0, 14), "error"),
        ("tokens:many", (0, 11), ">50k"),
        ("role:nobody", (0, 11), "assistant"),
        ("state:gone", (0, 10), "archived"),
        ("in:here", (0, 7), "thinking"),
        ("agent:", (0, 6), "value"),
        ("date:<3x", (0, 8), "no unit"),
        ("expires:7d", (0, 10), "<7d"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_costs_only_itself(text: str, place: tuple[int, int], told: str) -> None:
    wanted = query.parse(text)
    assert place == (wanted.mistakes[0].start, wanted.mistakes[0].end)
    assert told in wanted.mistakes[0].what
    assert () == wanted.filters


@pytest.mark.parametrize(
    ("text", "completed"),
    [
        ("ag", "agent:"),
        ("cookie agent:at", "cookie agent:atmos"),
        ("agent:native,at", "agent:native,atmos"),
        ("agent:!at", "agent:!atmos"),
        ("-agent:at", "-agent:atmos"),
        ("is:pin", "is:pinned"),
        ("date:to", "date:today"),
        ("project:tool", 'project:"/home/ana/my tools"'),
        ("agent:atmos", None),
        ("zzz", None),
        ("model", None),
        ("-branch", None),
        ("a", None),
        ("cookie ", None),
        ("foo:ba", None),
    ],
)
def test_tab_completes_the_filter_at_the_end(text: str, completed: str | None) -> None:
    assert completed == query.complete(text, {"agent": ("native", "atmos"), "project": ("/home/ana/my tools",)})


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        (("cafe",), "Un Café!", ["Café"]),
        (("cafe",), "Cafe\u0301", ["Cafe\u0301"]),
        (("a b",), "see A\n B, a b", ["a b"]),
        (("parse", "parser"), "Parser", ["Parser"]),
        (("a.b(",), "x a.b(c)", ["a.b("]),
        (("修复",), "已修复。", ["修复"]),
    ],
)
def test_folded_words_are_found_in_texts_as_written(words: tuple[str, ...], text: str, found: list[str]) -> None:
    wanted = query.pattern(words)
    assert wanted is not None
    assert found == wanted.findall(text)


def test_no_words_have_no_pattern() -> None:
    assert query.pattern(()) is None
    assert query.pattern((" ",)) is None
