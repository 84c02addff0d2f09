"""Markdown becomes lines for the terminal, whatever was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.content import Content

from session_tui.tui.viewer import code, looks, markdown, tables
from session_tui.tui.viewer.parts import Line


def drawn(text: str, width: int = 60) -> list[str]:
    return [(line.first.plain + line.content.plain).rstrip() for line in markdown.lines(text, width)]


def styles_of(line: Line, words: str) -> set[str]:
    start = line.content.plain.index(words)
    spans = [*line.content.spans, *(line.tint() if line.tint else ())]
    return {str(span.style) for span in spans if span.start <= start < span.end}


def test_blocks_stand_a_row_apart_and_line_ends_stay() -> None:
    assert ["Plan", "", "first line", "second line", "", "next"] == drawn("# Plan\nfirst line\nsecond line\n\nnext")


def test_lists_nest_with_marks_of_their_own() -> None:
    text = "- tea\n  - green\n    - sencha\n- coffee\n\n7. seven\n8. eight"

    assert ["• tea", "  ◦ green", "    ▪ sencha", "• coffee", "", "7. seven", "8. eight"] == drawn(text)


def test_wrapped_rows_of_an_item_hang_below_its_text() -> None:
    line = markdown.lines("10. ten", 40)[0]

    assert line.rest is not None
    assert ("10. ", "    ") == (line.first.plain, line.rest.plain)


def test_items_set_apart_by_the_writer_stay_apart() -> None:
    assert ["1. one", "", "   more", "", "2. two"] == drawn("1. one\n\n   more\n\n2. two")


def test_tasks_show_whether_they_are_done() -> None:
    assert ["• [x] bake", "• [ ] eat"] == drawn("- [X] bake\n- [ ] eat")


def test_an_empty_item_keeps_its_mark() -> None:
    assert ["• a", "•", "• b"] == drawn("- a\n-\n- b")


def test_quotes_carry_a_bar_on_every_row() -> None:
    assert ["│ said", "│", "│ │ before", "│", "│ • point"] == drawn("> said\n>\n> > before\n>\n> - point")


def test_code_keeps_its_spaces_and_names_its_language() -> None:
    assert ["  python", "  if a:", "      b()"] == drawn("```python\nif a:\n    b()\n```")


def test_code_is_coloured_by_its_language() -> None:
    lines = code.lines("return 'x'  # why", "python")

    assert {looks.KEYWORD} == styles_of(lines[1], "return")
    assert {looks.STRING} == styles_of(lines[1], "'x'")
    assert {looks.COMMENT} == styles_of(lines[1], "# why")


def test_an_unknown_language_is_named_and_left_plain() -> None:
    assert ["  gibberish", "  a = 1"] == drawn("```gibberish\na = 1\n```")


def test_a_text_over_several_lines_is_coloured_on_each_whichever_is_asked_for_first() -> None:
    lines = code.lines('"""one\n\ntwo"""\nreturn', "python")

    assert {looks.KEYWORD} == styles_of(lines[4], "return")
    assert {looks.STRING} == styles_of(lines[3], "two") == styles_of(lines[1], "one")


def test_a_diff_tells_what_came_and_went() -> None:
    lines = code.lines("-old\n+new", "diff")

    assert {looks.DELETED} == styles_of(lines[1], "-old")
    assert {looks.INSERTED} == styles_of(lines[2], "+new")


def test_inline_styles_lie_on_their_words() -> None:
    line = markdown.lines("a **bold** *slanted* ~~gone~~ `code`", 60)[0]

    assert "a bold slanted gone code" == line.content.plain
    assert [{"bold"}, {"italic"}, {"strike"}, {looks.CODE}] == [
        styles_of(line, word) for word in ("bold", "slanted", "gone", "code")
    ]


def test_a_link_shows_its_address_once() -> None:
    assert ["see the log (https://a.example/log)"] == drawn("see [the log](https://a.example/log)")
    assert ["https://a.example/"] == drawn("<https://a.example/>")


def test_a_picture_is_told_by_its_words() -> None:
    assert ["▣ a chart"] == drawn("![a chart](chart.png)")


def test_html_stays_text() -> None:
    assert ["<b>bold</b> &", "", "<script>alert(1)</script>"] == drawn("<b>bold</b> &amp;\n\n<script>alert(1)</script>")


def test_table_cells_line_up_by_cells_not_characters() -> None:
    rows = drawn("| name | n |\n|:--|--:|\n| 数据 | 1 |\n| ab | 22 |")

    assert ["name │  n", "─────┼───", "数据 │  1", "ab   │ 22"] == rows
    assert {9} == {cell_len(row) for row in rows}


def test_a_wide_table_is_wrapped_into_the_width() -> None:
    rows = drawn("| a | b |\n|--|--|\n| short | " + "many words " * 12 + "|", width=30)

    assert max(map(cell_len, rows)) <= 30
    assert 12 == " ".join(rows).count("many")


@given(st.lists(st.integers(1, 200), min_size=1, max_size=12), st.integers(1, 160))
def test_columns_never_get_more_than_they_want_nor_more_than_there_is(wanted: list[int], width: int) -> None:
    widths = tables.fit(wanted, width)

    assert all(got <= wish for got, wish in zip(widths, wanted, strict=True))
    assert sum(widths) <= max(width, 3 * len(wanted))
    assert widths == wanted or sum(wanted) > width


def test_characters_written_as_references_cannot_smuggle_controls() -> None:
    text = "".join(drawn("&#27;[31m &#x202e;reversed &#10;next &#7;"))

    assert not any(ord(character) < 32 or 0x202A <= ord(character) <= 0x202E for character in text)


@pytest.mark.parametrize("text", ["> " * 300 + "deep", "- " * 300 + "deep", "[a]: http://only.a.definition", "***"])
def test_nothing_written_goes_unseen(text: str) -> None:
    assert "".join(drawn(text)).strip()


@given(st.text(alphabet="ab*_`~[]()!<>#-+|\n\t 1.\\&;:数\x1b\u202e\ud800", max_size=200), st.integers(5, 80))
def test_any_text_becomes_lines_without_controls(text: str, width: int) -> None:
    for line in markdown.lines(text, width):
        for content in (line.first, line.rest or Content(""), line.content):
            assert not any(ord(character) < 32 or character in "\u202e\ud800" for character in content.plain)
