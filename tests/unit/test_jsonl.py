"""JSON Lines as other programs leave them: every way a line can be wrong costs that line alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from session_tui.adapters import files, jsonl
from session_tui.errors import StoreDamaged, StoreMissing


def lines(path: Path, *, start: int = 0) -> list[jsonl.Line]:
    with files.opened(path) as descriptor:
        return list(jsonl.lines(descriptor, start=start))


def written(folder: Path, data: bytes) -> Path:
    path = folder / "a.jsonl"
    path.write_bytes(data)
    return path


def test_lines_are_numbered_among_all_and_among_the_non_blank(tmp_path: Path) -> None:
    found = lines(written(tmp_path, b'{"a":1}\n\n \t\n{"a":2}\n'))

    assert [(0, 1, b'{"a":1}'), (1, 4, b'{"a":2}')] == [(line.index, line.number, line.raw) for line in found]


def test_offsets_and_lengths_name_the_lines(tmp_path: Path) -> None:
    data = b'\xef\xbb\xbf{"a":1}\r\n\n{"b":2}\n'
    path = written(tmp_path, data)

    assert [b'\xef\xbb\xbf{"a":1}\r\n', b'{"b":2}\n'] == [
        data[line.offset : line.offset + line.length] for line in lines(path)
    ]
    assert [b'{"a":1}', b'{"b":2}'] == [line.raw for line in lines(path)]


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    text = '"a\u2028b\u0085c\x0bd"'.encode()

    assert [text] == [line.raw for line in lines(written(tmp_path, text + b"\n"))]


@pytest.mark.parametrize("data, torn", [(b'{"a":1}', True), (b'{"a":1}\n', False)])
def test_a_last_line_without_an_end_is_torn(tmp_path: Path, data: bytes, torn: bool) -> None:
    [line] = lines(written(tmp_path, data))

    assert (torn, b'{"a":1}') == (line.torn, line.raw)


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    assert [] == lines(written(tmp_path, b""))


def test_lines_longer_than_a_chunk_are_whole(tmp_path: Path) -> None:
    long = b'"' + b"x" * 900_000 + b'"'

    found = lines(written(tmp_path, b"1\n" + long + b"\n2\n" + long))

    assert [b"1", long, b"2", long] == [line.raw for line in found]
    assert [0, 2, 2 + len(long) + 1, 4 + len(long) + 1] == [line.offset for line in found]


def test_a_line_above_the_limit_is_named_but_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "MAX_LINE", 600_000)
    long = b"x" * 900_000

    found = lines(written(tmp_path, b"1\n" + long + b"\n2\n"))

    assert [(0, b"1", 2), (1, b"", 900_001), (2, b"2", 2)] == [(line.index, line.raw, line.length) for line in found]


def test_reading_starts_where_it_is_told(tmp_path: Path) -> None:
    assert [b"2", b"3"] == [line.raw for line in lines(written(tmp_path, b"1\n2\n3\n"), start=2)]


def test_two_readers_of_one_descriptor_do_not_disturb_each_other(tmp_path: Path) -> None:
    with files.opened(written(tmp_path, b"1\n2\n3\n")) as descriptor:
        first, second = jsonl.lines(descriptor), jsonl.lines(descriptor)
        pairs = [(one.raw, other.raw) for one, other in zip(first, second, strict=True)]

    assert [(b"1", b"1"), (b"2", b"2"), (b"3", b"3")] == pairs


# ── decoding ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "raw, value, lossy",
    [
        (b'{"a":"\xe2\x82\xac"}', {"a": "€"}, False),
        (b'{"a":"\xe9"}', {"a": "\ufffd"}, True),
        (b'{"a":"\\ud800x"}', {"a": "\ufffdx"}, True),
        ('{"a":"\ufffd"}'.encode(), {"a": "\ufffd"}, False),
        (b'{"a":NaN}', None, False),
    ],
)
def test_invalid_text_is_replaced_and_told(raw: bytes, value: object, lossy: bool) -> None:
    decoded = jsonl.decode(raw)

    assert lossy is decoded.lossy
    assert value is None or value == decoded.value


@pytest.mark.parametrize("raw", [b"", b"{", b"\0\0\0\0", b"[" * 100_000, b'{"a":1}{"b":2}'])
def test_what_is_no_json_is_damaged(raw: bytes) -> None:
    with pytest.raises(StoreDamaged):
        jsonl.decode(raw)


# ── ends of a file ────────────────────────────────────────────────────────────────────────────────────────


def test_a_small_files_edges_are_the_same_lines(tmp_path: Path) -> None:
    edges = jsonl.edges(written(tmp_path, b'\xef\xbb\xbf{"a":1}\n\n{"b"'), 100)

    assert [b'{"a":1}', b'{"b"'] == edges.first == edges.last
    assert os.stat_result is type(edges.status)


def test_a_large_files_edges_hold_whole_lines_alone(tmp_path: Path) -> None:
    data = b"".join(b'{"n":%03d}\n' % number for number in range(100))

    edges = jsonl.edges(written(tmp_path, data), 25)

    assert ([b'{"n":000}', b'{"n":001}'], [b'{"n":098}', b'{"n":099}']) == (edges.first, edges.last)


def test_a_long_first_line_is_read_to_its_end(tmp_path: Path) -> None:
    long = b'"' + b"x" * 200 + b'"'

    edges = jsonl.edges(written(tmp_path, long + b"\n1\n" * 40), 30)

    assert long == edges.first[0]


def test_the_tail_leaves_a_cut_line_out(tmp_path: Path) -> None:
    assert [b"3"] == jsonl.tail(written(tmp_path, b"1111\n2222\n3\n"), 5)


def test_the_edges_of_a_missing_file_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        jsonl.edges(tmp_path / "nowhere", 10)


def test_typed_finds_records_by_type_and_leaves_bad_ones_out() -> None:
    raw = [b'{"type":"a","n":1}', b'{"type": "b"}', b'{"type":"a"', b'{"n":{"type":"a"}}', b'["type","a"]', b"7"]

    assert [{"type": "a", "n": 1}] == list(jsonl.typed(raw, "a"))
    assert ["a", "b"] == [record["type"] for record in jsonl.typed(raw, "a", "b")]


def test_objects_leaves_out_what_is_none() -> None:
    assert [{"a": 1}, {}] == list(jsonl.objects([b'{"a":1}', b"[]", b"{", b"{}"]))


# ── records read again ────────────────────────────────────────────────────────────────────────────────────


def test_records_are_read_again_by_number_and_by_place(tmp_path: Path) -> None:
    records = jsonl.Records(written(tmp_path, b'\xef\xbb\xbf{"a":1}\n\n{"a":2}\r\n{"a":3}'))

    found = list(records.lines())
    numbers = [records.keep(line) for line in found]

    assert [{"a": 1}, {"a": 2}, {"a": 3}] == [records.decoded(number).value for number in numbers]
    assert {"a": 2} == records.at(found[1].offset, found[1].length).value


def test_records_of_a_replaced_file_are_those_of_the_old_one(tmp_path: Path) -> None:
    path = written(tmp_path, b'{"a":1}\n')
    records = jsonl.Records(path)
    [number] = [records.keep(line) for line in records.lines()]
    (tmp_path / "b").write_bytes(b'{"b":2}\n')
    (tmp_path / "b").replace(path)

    assert {"a": 1} == records.decoded(number).value


def test_lines_keep_their_records_open(tmp_path: Path) -> None:
    path = written(tmp_path, b'{"a":1}\n')

    assert [b'{"a":1}'] == [line.raw for line in jsonl.Records(path).lines()]


def test_a_record_cut_off_meanwhile_is_damaged(tmp_path: Path) -> None:
    path = written(tmp_path, b'{"a":1}\n{"a":2}\n')
    records = jsonl.Records(path)
    *_, last = list(records.lines())
    os.truncate(path, 3)

    with pytest.raises(StoreDamaged):
        records.at(last.offset, last.length)


def test_records_close_their_file(tmp_path: Path) -> None:
    path = written(tmp_path, b"{}\n")

    def opened() -> list[str]:
        return [name for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")]  # noqa: PTH110, PTH208

    before = len(opened())
    records = jsonl.Records(path)
    during = len(opened())
    del records

    assert (before + 1, before) == (during, len(opened()))
