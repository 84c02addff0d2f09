"""Lines decoded many at a time: the same lines, places and numbers as one by one, whatever the file holds."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from session_tui.adapters import jsonl
from session_tui.adapters.batches import batches
from session_tui.adapters.jsonl import Line


class Note(msgspec.Struct):
    """A record of the tests."""

    kind: str = ""


DECODER = msgspec.json.Decoder(Note)
GOOD = b'{"kind": "note"}\n'
LONG = b'{"kind": "' + b"x" * 300_000 + b'"}\n'
FILES = {
    "nothing": b"",
    "plain": GOOD * 20_000,
    "a torn last line": GOOD * 3 + b'{"kind": "no',
    "a last line without its end": GOOD * 3 + GOOD[:-1],
    "blank lines": b"\n\n" + GOOD + b"  \n" + GOOD * 9_000 + b"\r\n" + GOOD,
    "Windows line ends": GOOD.replace(b"\n", b"\r\n") * 500,
    "a byte order mark": jsonl.BOM + GOOD * 5,
    "bad lines": GOOD * 5_000 + b"\0\0\n" + GOOD + b'{"kind": 7}\n' + b"{\xff}\n" + GOOD * 5_000,
    "long lines": GOOD + LONG + GOOD + LONG * 2 + LONG[:-1],
    "blanks alone": b" \n \n  ",
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES.keys())
def test_lines_are_those_that_are_read_one_by_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_bytes(content)
    records = jsonl.Records(path)

    found = [
        (batch.line(position), start, end, batch.index + position)
        for batch in batches(records, DECODER, lambda line: Note("bad"))
        for position, (start, end) in enumerate(zip(batch.starts, batch.ends, strict=True))
    ]

    lines = list(records.lines())
    assert lines == [line for line, *_ in found]
    places = [(line.offset, line.offset + line.length, line.index) for line in lines]
    assert places == [(start, end, index) for _, start, end, index in found]


def test_a_line_that_is_not_taken_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_bytes(GOOD + b'{"kind": 7}\n' + GOOD)
    refused: list[Line] = []

    def otherwise(line: Line) -> Note:
        refused.append(line)
        return Note("another")

    kinds = [note.kind for batch in batches(jsonl.Records(path), DECODER, otherwise) for note in batch.values]

    assert ["note", "another", "note"] == kinds
    assert [2] == [line.number for line in refused]
