"""The index's parts by themselves: marks, segments, pieces, ranking, snippets, the vocabulary."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from session_tui.adapters.passages import CONTEXT, Passage, of_call
from session_tui.index import segments
from session_tui.index.documents import Document, Documents, Gathered, Place
from session_tui.index.marks import Marks
from session_tui.index.pieces import Gathering, folded
from session_tui.index.ranking import Tier, is_cjk, tier_at, why
from session_tui.index.segments import TALK, WORK, Segment, SegmentWriter
from session_tui.index.snapshot import Snapshot
from session_tui.index.snippets import snippet, spans
from session_tui.index.vocabulary import Vocabulary


def nothing() -> None:
    """Never stop."""


# ── marks ─────────────────────────────────────────────────────────────────────────────────────────────


def test_marks_come_back_as_they_were_noted() -> None:
    marks = Marks()
    marks.add(0, 0, "user", "text")
    marks.add(10, 5_000_000_000, "tool", "tool_result")
    marks.add(25, CONTEXT, "system", "context")

    again = Marks.unpacked(marks.packed())

    assert [0, 0, 1, 1, 2] == [again.at(offset) for offset in (0, 9, 10, 24, 99)]
    assert [0, 5_000_000_000, -1] == [again.position(number) for number in range(3)]
    assert ["user", "tool", "system"] == [again.role(number) for number in range(3)]
    assert ["text", "tool_result", "context"] == [again.part(number) for number in range(3)]
    assert [10, 25, 40] == [again.end(number, 40) for number in range(3)]


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x02\0\0\0abc", b"\xff\xff\xff\xff" + bytes(40)])
def test_damaged_marks_are_told(data: bytes) -> None:
    if data == b"":
        assert 0 == len(Marks.unpacked(data[:0] + bytes(4)))
        return
    with pytest.raises(ValueError, match="damaged"):
        Marks.unpacked(data)


# ── segments ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_occurrence_in_each_piece_is_found_wherever_chunks_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "CHUNK", 64)
    chance = random.Random(7)
    texts = ["".join(chance.choices("abc \n", k=chance.randint(1, 200))).encode() for _ in range(60)]
    writer = SegmentWriter(tmp_path / "talk.txt")
    starts, ends = [], []
    for text in texts:
        start, _ = writer.append(text)
        starts.append(start)
        ends.append(start + len(text))
        writer.append(b"ab ab waste abc")
    writer.close()
    segment = Segment(tmp_path / "talk.txt")

    for needle in (b"a", b"ab", b"abc", b"cab a", b"bb\nc", b"waste"):
        expected = [(piece, starts[piece] + text.find(needle)) for piece, text in enumerate(texts) if needle in text]
        assert expected == list(segment.first_in_each(needle, starts, ends, nothing)), needle


def test_a_scan_stops_when_it_is_asked_to(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "talk.txt")
    writer.append(b"x" * 100)
    writer.close()

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        list(Segment(tmp_path / "talk.txt").first_in_each(b"x", [0], [100], stop))


# ── pieces ────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_said_and_what_was_done_go_into_different_pieces() -> None:
    gathering = Gathering(work=True)
    found = list(
        gathering.pieces(
            [
                Passage(0, "user", "text", "Why is the\nCOOKIE dropped?"),
                Passage(1, "assistant", "thinking", "the proxy"),
                of_call(2, "assistant", "Bash", {"command": "ls", "nested": [{"file_path": "src/a.py"}, 7, None]}),
                Passage(3, "tool", "tool_result", "boom", has=frozenset({"error"})),
                Passage(4, "assistant", "text", "```py\nx\n```"),
            ]
        )
    )

    assert [(TALK, b"why is the cookie dropped?\n```py x ```\n"), (WORK, b"the proxy\nbash ls src/a.py 7\nboom\n")] == [
        (piece.kind, piece.text) for piece in found
    ]
    assert frozenset({"error", "code"}) == gathering.features().has
    assert frozenset({"bash"}) == gathering.features().tools
    assert frozenset({"src/a.py"}) == gathering.features().files
    assert frozenset({"user", "assistant", "tool"}) == gathering.features().roles


def test_without_work_only_what_was_said_is_gathered() -> None:
    passages = [Passage(0, "user", "text", "hello"), Passage(1, "tool", "tool_result", "secret")]
    assert [b"hello\n"] == [piece.text for piece in Gathering(work=False).pieces(passages)]


def test_a_lone_surrogate_costs_only_itself() -> None:
    assert b"a?b" == folded("a\ud800b")


# ── ranking ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "tier"),
    [
        ("the cookie is", Tier.WORD),
        ("cookie", Tier.WORD),
        ("the cookies", Tier.PREFIX),
        ("setcookie", Tier.PART),
        ("set_cookie_a", Tier.PART),
        ("(cookie)", Tier.WORD),
        ("écookie", Tier.PART),
    ],
)
def test_a_word_is_told_from_its_beginning_and_from_a_part(text: str, tier: Tier) -> None:
    data = text.encode()
    at = data.index(b"cookie")
    assert tier is tier_at(data, at, at + 6, work=False)
    assert tier + 3 == tier_at(data, at, at + 6, work=True)


def test_a_match_says_why() -> None:
    assert ["exact", "prefix", "substring", "typo", "cjk"] == [
        why(Tier.WORD, cjk=False),
        why(Tier.WORK_PREFIX, cjk=False),
        why(Tier.PART, cjk=False),
        why(Tier.TYPO, cjk=False),
        why(Tier.PART, cjk=True),
    ]
    assert [True, True, True, False, False] == [is_cjk(text) for text in ("修复", "ガラス", "한글", "🦩", "naïve")]


# ── snippets ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_snippet_is_one_line_around_the_first_word_with_all_words_marked() -> None:
    text = f"{'lead ' * 100}Here the Cookie\n\x1b[31mis dropped by the proxy. {'tail ' * 100}"

    shown, marked = snippet(text, ("cookie", "proxy"), width=120)

    assert ["Cookie", "proxy"] == [shown[begin:end] for begin, end in marked]
    assert len(shown) <= 120
    assert "\n" not in shown
    assert "\x1b" not in shown


def test_accents_and_ligatures_are_marked_where_they_stand() -> None:
    assert ["Größe"] == [text[a:b] for text in ("Die Größe x",) for a, b in spans(text, ("grosse",))]
    shown, marked = snippet("x " * 5000 + "Ärgerlich é", ("argerlich",))
    assert ["Ärgerlich"] == [shown[begin:end] for begin, end in marked]


def test_spans_that_overlap_are_one() -> None:
    assert ((0, 4),) == spans("abab", ("aba", "bab"))


def test_a_text_without_the_words_is_shown_from_its_beginning() -> None:
    assert ("hello world", ()) == snippet("hello world", ("missing",))


# ── the vocabulary ────────────────────────────────────────────────────────────────────────────────────


def indexed(folder: Path, *texts: str) -> Documents:
    """An index of sessions that said these texts."""
    documents = Documents(folder)
    with documents.connected(make=True) as database:
        names = documents.segments(database, 1)
        writer = SegmentWriter(folder / names[0][1])
        SegmentWriter(folder / names[1][1]).close()
        for number, text in enumerate(texts):
            marks = Marks()
            marks.add(0, number, "user", "text")
            data = folded(text) + b"\n"
            start, checksum = writer.append(data)
            place = Place(0, start, len(data), checksum, marks.packed())
            document = Document("native", "/root", f"s{database.total_changes}", "stamp", "/root")
            documents.commit(database, [Gathered(document, [place])])
        writer.close()
    return documents


def update(folder: Path, vocabulary: Vocabulary) -> int:
    with closing(sqlite3.connect(folder / "index.db")) as database:
        return vocabulary.update(Snapshot.load(database, folder), nothing)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("midleware", "middleware"),
        ("middlewear", "middleware"),
        ("mdidleware", "middleware"),
        ("middlewarre", "middleware"),
        ("xiddleware", "middleware"),
        ("parsr", "parser"),
        ("coookie", "cookie"),
        ("привен", "привет"),
    ],
)
def test_a_mistyped_word_is_found_among_those_that_were_said(tmp_path: Path, typed: str, meant: str) -> None:
    indexed(tmp_path, "The middleware and its parser", "a cookie; привет")
    vocabulary = Vocabulary(tmp_path)
    update(tmp_path, vocabulary)

    assert [meant] == vocabulary.similar(typed)


@pytest.mark.parametrize("typed", ["cat", "pasr", "prsr", "middleware", "xxddlewarexx", "123456", ""])
def test_too_many_mistakes_or_too_short_a_word_find_nothing(tmp_path: Path, typed: str) -> None:
    indexed(tmp_path, "The middleware and its parser cut")
    vocabulary = Vocabulary(tmp_path)
    update(tmp_path, vocabulary)

    assert [] == vocabulary.similar(typed)


def test_words_said_later_are_added_and_nothing_is_read_twice(tmp_path: Path) -> None:
    indexed(tmp_path, "the first cookie")
    vocabulary = Vocabulary(tmp_path)
    assert 2 == update(tmp_path, vocabulary)
    assert 0 == update(tmp_path, vocabulary)

    for number in range(12):
        indexed(tmp_path, f"later said {'abcdefghijkl'[number] * 6}")
        update(tmp_path, vocabulary)

    assert ["cookie"] == vocabulary.similar("cokie")
    assert ["aaaaaa"] == vocabulary.similar("aaaaa")
    assert ["llllll"] == vocabulary.similar("lllll")
    assert len(list(tmp_path.glob("words-*.txt"))) <= 9
