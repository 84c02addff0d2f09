"""Everything is found: words, parts of identifiers, paths, accents, scripts without word borders, tools, thinking."""

from __future__ import annotations

from pathlib import Path

import pytest

from session_tui.model import Hit, Summary
from session_tui.query import parse
from session_tui.userdata.marks import Compaction
from tests.unit.searching import Desk, called, gave, said, session_id, thought, write

LATE = "2026-07-01T08:00:00.000Z"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    home = tmp_path_factory.mktemp("home")
    write(
        home,
        0,
        said("user", "Hello"),
        said("assistant", "the middleware drops the cookie"),
        called("Bash", {"command": "rg zebra src"}),
    )
    write(home, 1, said("user", "Hello"), said("assistant", "handleCookieTimeout(ctx) in src/net/engine_42.rs:137"))
    write(
        home,
        2,
        said("user", "Hello"),
        said("assistant", "digest 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
    )
    write(home, 3, said("user", "Hello"), said("assistant", "un café à la crème, Größe"), thought("maybe a giraffe"))
    write(home, 4, said("user", "Hello"), said("assistant", "这里修复了登录的问题。カタカナのテスト 한국어를 찾아"))
    write(home, 5, said("user", "Hello"), said("assistant", "done 🦩🪩 ok ⚠️"), gave("tool says walrus", is_error=True))
    write(home, 6, said("user", "Hello"), said("assistant", "alpha then\nbravo but not charlie"))
    write(
        home,
        7,
        said("user", "Hello"),
        said("assistant", "alpha bravo\n  charlie"),
        called("Edit", {"file_path": "src/lex.go"}),
    )
    write(home, 8, said("user", "cookie parser in the title"), said("assistant", "alpha"))
    write(
        home, 9, said("user", "Hello"), said("assistant", "a.b(c) and snake_case_name; x86 db io"), said("user", "owl")
    )
    desk = Desk(home)
    desk.refresh()
    desk.searches.searcher.update_vocabulary()
    return desk


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("middleware", {0}),
        ("drops cookie", {0}),
        ("cookie", {0, 1, 8}),
        ("CookieTime", {1}),
        ("src/net/engine_42.rs:137", {1}),
        ("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", {2}),
        ("7d659a2f", {2}),
        ("cafe creme", {3}),
        ("CAFÉ", {3}),
        ("grosse", {3}),
        ("修复", {4}),
        ("登录的", {4}),
        ("タカナ", {4}),
        ("한국", {4}),
        ("🦩🪩", {5}),
        ("⚠", {5}),
        ('"alpha bravo"', {7}),
        ('"alpha then bravo"', {6}),
        ("alpha charlie", {6, 7}),
        ("alpha -charlie", {8}),
        ("alpha -char", {6, 7, 8}),
        ("snake_case", {9}),
        ("a.b(c)", {9}),
        ("db", {9}),
        ("io x8", {9}),
        ("zebra", {0}),
        ("walrus", {5}),
        ("giraffe", {3}),
        ("lex.go", {7}),
        ("missing-entirely", set()),
        ("cookie walrus", set()),
    ],
)
def test_what_was_said_thought_or_done_is_found(desk: Desk, text: str, numbers: set[int]) -> None:
    assert numbers == set(desk.find(text))


@pytest.mark.parametrize("text", ["midleware", "middlewear", "middlewaer", "cokie midleware"])
def test_a_mistyped_word_is_found(desk: Desk, text: str) -> None:
    assert [0] == desk.find(text)


def test_a_mistyped_word_never_outranks_one_that_is_right(tmp_path: Path) -> None:
    write(tmp_path, 0, said("user", "Hello"), said("assistant", "parser"))
    write(tmp_path, 1, said("user", "Hello"), said("assistant", "parsed"))
    desk = Desk(tmp_path)
    desk.refresh()
    desk.searches.searcher.update_vocabulary()

    assert [0] == desk.find("parser")
    assert [1] == desk.find("parsed")
    assert {0, 1} == set(desk.find("parsen"))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("cookie in:title", {8}),
        ("cookie -in:title", {0, 1, 8}),
        ("giraffe in:thinking", {3}),
        ("giraffe in:text", set()),
        ("zebra in:tool_call", {0}),
        ("walrus in:tools", {5}),
        ("owl role:user", {9}),
        ("owl role:assistant", set()),
        ("middleware role:assistant", {0}),
        ("walrus role:tool", {5}),
    ],
)
def test_where_a_word_stands_can_be_asked_for(desk: Desk, text: str, numbers: set[int]) -> None:
    assert numbers == set(desk.find(text))


def test_titles_come_before_what_was_said_and_that_before_tools(tmp_path: Path) -> None:
    write(tmp_path, 0, said("user", "Hello"), gave("cookie"))
    write(tmp_path, 1, said("user", "Hello"), said("assistant", "a cookie"))
    write(tmp_path, 2, said("user", "Hello"), said("assistant", "cookies"))
    write(tmp_path, 3, said("user", "Hello"), said("assistant", "setcookie"))
    write(tmp_path, 4, said("user", "cookie jar"))
    write(tmp_path, 5, said("user", "cookie"))
    desk = Desk(tmp_path)
    desk.refresh()

    assert [5, 4, 1, 2, 3, 0] == desk.find("cookie")
    assert [5, 4, 1, 2, 3] == desk.find("cookie", work=False)


def test_of_equals_the_more_recent_comes_first_and_then_the_more_talked_about(tmp_path: Path) -> None:
    def day(number: int, days: int, text: str) -> None:
        answer = said("assistant", text)
        answer["timestamp"] = f"2026-07-{days:02}T08:00:00.000Z"
        question = said("user", "Hello") | {"timestamp": f"2026-07-{days:02}T08:00:00.000Z"}
        write(tmp_path, number, question, answer)

    day(0, 1, "cookie")
    day(1, 20, "cookie")
    day(2, 19, "cookie " * 30)
    desk = Desk(tmp_path)
    desk.refresh()

    assert [2, 1, 0] == desk.find("cookie")


def hits(desk: Desk, text: str, limit: int = 50) -> list[Hit]:
    return list(desk.searches.hits(parse(text), desk.sessions, limit=limit).hits)


def test_a_hit_is_a_message_with_the_words_marked(desk: Desk) -> None:
    (hit,) = hits(desk, "middleware")

    assert session_id(0) == hit.key.id
    assert (1, "assistant", "text", "exact") == (hit.index, hit.role, hit.part, hit.why)
    assert ["middleware"] == [hit.snippet[begin:end] for begin, end in hit.spans]
    assert hit.message_id == desk.library.open(hit.key).messages[1].id
    assert hit.created_at is not None


@pytest.mark.parametrize(
    ("text", "part", "why"),
    [
        ("middle", "text", "prefix"),
        ("CookieTime", "text", "substring"),
        ("修复", "text", "cjk"),
        ("midleware", "text", "typo"),
        ("zebra", "tool_call", "exact"),
        ("walrus", "tool_result", "exact"),
        ("giraffe", "thinking", "exact"),
        ('"parser in the title"', "title", "exact"),
    ],
)
def test_a_hit_says_where_and_why(desk: Desk, text: str, part: str, why: str) -> None:
    assert (part, why) in {(hit.part, hit.why) for hit in hits(desk, text)}


def test_hits_are_counted_and_cut(desk: Desk) -> None:
    answer = desk.searches.hits(parse("cookie"), desk.sessions, limit=2)
    assert 2 == len(answer.hits)
    assert 3 == answer.sessions
    assert answer.took_ms > 0


def test_features_tell_what_occurs(desk: Desk) -> None:
    features = {identity[2]: found for identity, found in desk.searches.searcher.features().items()}
    assert "error" in features[session_id(5)].has
    assert {"bash"} == features[session_id(0)].tools
    assert {"src/lex.go"} == features[session_id(7)].files
    assert {"user", "assistant", "tool"} == features[session_id(5)].roles


def test_without_an_index_titles_are_found(tmp_path: Path) -> None:
    write(tmp_path, 0, said("user", "cookie"))
    desk = Desk(tmp_path)
    desk.library.refresh()
    assert [0] == desk.find("cookie")


def test_every_session_answers_an_empty_query(desk: Desk) -> None:
    assert 10 == len(desk.find(""))


def test_a_summary_that_stands_in_our_overlay_alone_is_found(tmp_path: Path) -> None:
    write(tmp_path, 0, said("user", "Hello"), said("assistant", "nothing special"))
    desk = Desk(tmp_path)
    desk.refresh()
    key = desk.sessions[0].key
    summary = Summary(id="s1", content="They agreed to plant a baobab.", original_ids=("1",))
    desk.library.userdata.keep_compaction(key, Compaction(summary, written_to="overlay"))
    desk.library.refresh()

    assert [0] == desk.find("baobab")
    (hit,) = hits(desk, "baobab")
    assert "summary" == hit.part
    assert ["baobab"] == [hit.snippet[begin:end] for begin, end in hit.spans]
