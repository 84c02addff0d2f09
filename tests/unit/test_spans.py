"""Lines as views: the same as lines of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_tui.adapters import jsonl, spans
from session_tui.errors import StoreError

TEXTS = st.lists(st.sampled_from([b"{}", b" ", b"", b"\r", b'{"a":1}', b"\xef\xbb\xbf", b"\t{}\r", b"x" * 9])).map(
    b"\n".join
)


def both(path: Path, start: int = 0) -> tuple[list[jsonl.Line], list[jsonl.Line]]:
    with path.open("rb") as file:
        own = list(jsonl.lines(file.fileno(), start=start))
    return own, [span.line() for span in spans.opened(path, start=start)]


@given(data=TEXTS)
def test_views_are_the_lines(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    path.write_bytes(data)

    expected, actual = both(path)

    assert expected == actual


def test_lines_longer_than_the_buffer_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"first\n" + b"y" * 3_500_000 + b"\nlast")

    expected, actual = both(path)

    assert expected == actual
    assert actual[2].torn


def test_a_grown_file_is_read_from_where_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"one\ntwo\nthree\n")

    assert [(8, b"three")] == [(span.offset, bytes(span.raw)) for span in spans.opened(path, start=8)]


def test_a_line_beyond_all_measure_has_no_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "MAX_LINE", 1 << 21)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"one\n" + b"y" * 5_000_000 + b"\nthree\n")

    found = [(span.offset, span.length, bytes(span.raw)) for span in spans.opened(path)]

    assert [(0, 4, b"one"), (4, 5_000_001, b""), (5_000_005, 6, b"three")] == found


def test_a_missing_file_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        next(spans.opened(tmp_path / "none"))
