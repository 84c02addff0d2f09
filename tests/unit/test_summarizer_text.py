"""Sentences, languages, ranking, and conversations as text for a model."""

from __future__ import annotations

from itertools import pairwise

import pytest

from session_tui.compaction.summarizers.chunking import fitted, middle_out, packed, parts, render
from session_tui.compaction.summarizers.digest import Section
from session_tui.compaction.summarizers.language import Language, detect, language, languages
from session_tui.compaction.summarizers.rank import scores, words
from session_tui.compaction.summarizers.sentences import LONGEST, sentences
from session_tui.model import Message, Role, Text, Thinking, ToolCall
from session_tui.progress import Progress
from session_tui.tokens import estimate

MANY = "We talked about the weather and the neighbours for a while. "


# ── sentences, languages, ranking ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One is here now. Two is there! Is three here?", ["One is here now.", "Two is there!", "Is three here?"]),
        ("Use v1.2.3 of lexer.py, e.g. on Mondays.", ["Use v1.2.3 of lexer.py, e.g. on Mondays."]),
        ("今天浇水。明天施肥！后天呢？", ["今天浇水。", "明天施肥！", "后天呢？"]),
        ("彼は「はい。」と言った。次に進みます。", ["彼は「はい。」", "と言った。", "次に進みます。"]),
        ("오늘은 물을 줍니다. 내일은 쉽니다.", ["오늘은 물을 줍니다.", "내일은 쉽니다."]),
        ("A line that is\nwrapped by hand.", ["A line that is wrapped by hand."]),
        ("中文的一行\n接着下一行。", ["中文的一行接着下一行。"]),
        ("## A heading of size\n- first of the items\n2. second of the items", None),
        (
            "Before the code.\n```\nwe_decided = 'not prose'\n```\nAfter the code.",
            ["Before the code.", "After the code."],
        ),
        ("Unclosed code here.\n```py\nwe_decided = 1", ["Unclosed code here."]),
        ("| a | b |\n|---|---|\nThe table is gone.", ["The table is gone."]),
        ("This is **bold text** here.", ["This is bold text here."]),
        ("ok", []),
        ("", []),
    ],
)
def test_text_is_split_into_sentences(text: str, expected: list[str] | None) -> None:
    wanted = ["A heading of size", "first of the items", "second of the items"] if expected is None else expected

    assert wanted == list(sentences(text))


def test_a_sentence_without_end_is_cut() -> None:
    assert [LONGEST] == [len(sentence) for sentence in sentences("word " * 1_000)]


def test_of_an_overlong_text_whole_sentences_at_both_ends_are_read() -> None:
    text = " ".join(f"Sentence number {i} is here." for i in range(1_000))

    read = list(sentences(text, limit=600))

    assert "Sentence number 0 is here." == read[0]
    assert "Sentence number 999 is here." == read[-1]
    assert 30 > len(read)
    assert all(sentence.startswith("Sentence") and sentence.endswith("here.") for sentence in read)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Please find out why the pump does not start and fix it.", "en"),
        ("帮我把 src/session_store.py 里的 retry_limit 改成 5，谢谢。", "zh"),
        ("src/session_store.py の retry_limit を 5 に変更してください。", "ja"),
        ("src/session_store.py 의 retry_limit 을 5로 바꿔 주세요.", "ko"),
        ("Bitte sieh nach, warum die Pumpe nicht mehr anspringt.", "de"),
        ("Regarde pourquoi la pompe ne démarre plus, s'il te plaît.", "fr"),
        ("Mira por qué la bomba ya no arranca, por favor.", "es"),
        ("Veja por que a bomba não liga mais, por favor.", "pt"),
        ("Guarda perché la pompa non si avvia più, per favore.", "it"),
        ("Посмотри, почему насос больше не включается.", "ru"),
        ("", "en"),
        ("12345 +++", "en"),
        ("```\nfor x in y: pass\n```", "en"),
    ],
)
def test_the_language_is_told_from_the_text(text: str, code: str) -> None:
    assert code == detect([text]).code


def test_a_language_is_found_by_its_code() -> None:
    assert ("pt", "zh", "en") == (language("pt-BR").code, language("zh_Hans").code, language("tlh").code)


def test_every_language_has_every_heading_and_they_differ() -> None:
    for entry in languages().values():
        assert set(Section) == set(entry.headings)
        assert len(Section) == len(set(entry.headings.values()))


@pytest.mark.parametrize("entry", languages().values(), ids=lambda entry: entry.code)
def test_phrases_are_written_as_they_are_matched(entry: Language) -> None:
    phrases = [
        phrase
        for kind in ("decision", "leaning", "reason", "narration", "open", "next", "result", "preference")
        for phrase in getattr(entry, kind)
    ]

    assert [] == [phrase for phrase in phrases if phrase != phrase.lower() or set(phrase) & set('.,!;()"*')]


def test_words_of_scripts_without_spaces_are_pairs_of_letters() -> None:
    assert ["浇花", "花水", "fern", "2026"] == words("浇花水 the Fern 2026", {"the"})


def test_what_shares_the_most_ranks_highest() -> None:
    bags = [words(text) for text in ("pump valve tank", "pump valve leak", "sunny day outside", "pump tank leak valve")]

    ranked = scores(bags, Progress())

    assert 3 == max(range(4), key=ranked.__getitem__)
    assert 2 == min(range(4), key=ranked.__getitem__)
    assert [] == scores([], Progress())


# ── as text for a model ───────────────────────────────────────────────────────────────────────────────


def test_a_message_is_rendered_with_its_calls() -> None:
    message = Message(
        id="1", role=Role.ASSISTANT, blocks=(Thinking("hm"), Text("On it."), ToolCall("c", "bash", {"command": "make"}))
    )

    assert '### assistant\nOn it.\n[calls bash] {"command": "make"}' == render(message, str)


def test_parts_hold_whole_messages_within_the_budget() -> None:
    messages = [Message(id=str(i), role=Role.USER, blocks=(Text(f"Message {i}. {MANY}"),)) for i in range(40)]

    made = list(parts(messages, 150, str, Progress()))

    assert all(estimate(part) <= 150 for part in made)
    assert [f"Message {i}." for i in range(40)] == [
        line[: line.index(".") + 1] for part in made for line in part.splitlines() if line.startswith("Message")
    ]


def test_no_part_could_take_the_next_message_as_well() -> None:
    made = list(packed(["word " * 30] * 10, 100))

    assert all(estimate(one) + estimate(other) > 100 for one, other in pairwise(made))


@pytest.mark.parametrize("text", ["word " * 5_000, "浇水" * 5_000, "a浇" * 4_000])
def test_a_text_is_cut_to_the_budget_with_a_note(text: str) -> None:
    cut = fitted(text, 300)

    assert 200 <= estimate(cut) <= 300
    assert "characters left out …]" in cut
    assert text.startswith(cut[:50])
    assert text.endswith(cut[-20:])


def test_what_fits_is_not_cut() -> None:
    assert "short" == fitted("short", 300)
    assert "short" == middle_out("short", 5)
