"""Words that were said, for looking up mistyped ones.

Kept as runs: files with a word a line, sorted, each made from the pieces that came after the one before. A word
with one mistake keeps its first or its second half; with two mistakes it keeps one of its thirds. So a look-up
scans for these in the runs, and measures only what it finds.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

from session_tui.adapters.files import write_atomic
from session_tui.index.segments import TALK, find
from session_tui.index.snapshot import Snapshot

log = logging.getLogger(__name__)

_WORDS: Final = re.compile(rb"(?:[a-z_]|[\xc3-\xd4][\x80-\xbf]){4,32}")
_BORDERS: Final = bytes(byte if byte in b"_abcdefghijklmnopqrstuvwxyz" or byte >= 0x80 else 0x20 for byte in range(256))
"""Turns what stands in no word into spaces; `_WORDS` then looks at what is left, which comes again and again, once."""
_RUN: Final = re.compile(r"words-(\d+)-(\d+)\.txt")
_MOST_RUNS: Final = 8
_MOST_FOUND: Final = 20_000
_MOST_SIMILAR: Final = 8
ONE_FROM: Final = 4
"""Letters from which one mistake is forgiven."""
TWO_FROM: Final = 8
"""Letters from which two mistakes are forgiven."""


class Vocabulary:
    """The words of one index, in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _runs(self) -> list[tuple[int, Path]]:
        """The runs in order, each with the number of the last piece it was made from."""
        found = ((_RUN.fullmatch(path.name), path) for path in self._folder.glob("words-*.txt"))
        return sorted((int(match[2]), path) for match, path in found if match)

    def update(self, snapshot: Snapshot, pause: Callable[[], None]) -> int:
        """Add a run made from what was said since the last one; returns how many words it has.

        Raises:
            StoreError: it cannot be written.
        """
        runs = self._runs()
        since = runs[-1][0] if runs else 0
        words: set[bytes] = set()
        tokens: set[bytes] = set()
        last = since
        for lane in snapshot.of_kind((TALK,)):
            for at, piece in enumerate(lane.pieces):
                if piece > since:
                    pause()
                    tokens.update(lane.text(at).translate(_BORDERS).split())
                    last = max(last, piece)
        if last == since:
            return 0
        words.update(word for token in tokens for word in _WORDS.findall(token))
        if len(runs) >= _MOST_RUNS:
            for _, path in runs:
                words.update(path.read_bytes().split())
        write_atomic(self._folder / f"words-{since}-{last}.txt", b"\n".join([b"", *sorted(words), b""]))
        if len(runs) >= _MOST_RUNS:
            for _, path in runs:
                path.unlink(missing_ok=True)
        return len(words)

    def similar(self, word: str) -> list[str]:
        """Known words that differ from ``word`` by one mistake (from four letters) or two (from eight), the closest
        first. A mistake is a letter too many, missing, another one, or two in the wrong order."""
        mistakes = 2 if len(word) >= TWO_FROM else 1 if len(word) >= ONE_FROM else 0
        if not mistakes or not _WORDS.fullmatch(word.encode("utf-8", "replace")):
            return []
        from rapidfuzz.distance import OSA

        found: dict[str, int] = {}
        for candidate in self._resembling(word, mistakes):
            distance = OSA.distance(word, candidate, score_cutoff=mistakes)
            if 0 < distance <= mistakes:
                found[candidate] = distance
        return sorted(found, key=lambda one: (found[one], one))[:_MOST_SIMILAR]

    def _resembling(self, word: str, mistakes: int) -> Iterator[str]:
        parts = _parts(word.encode("utf-8", "replace"), mistakes + 1)
        for _, path in self._runs():
            try:
                text = path.read_bytes()
            except OSError as error:
                log.info("words are not looked up: %s", error)
                continue
            # One letter less at the start, so that two swapped ones across the cut leave it whole.
            for needle in (b"\n" + parts[0][:-1], *parts[1:-1], parts[-1] + b"\n"):
                yield from _lines_with(text, needle)


def _parts(word: bytes, number: int) -> list[bytes]:
    cuts = [len(word) * part // number for part in range(number + 1)]
    return [word[begin:end] for begin, end in pairwise(cuts)]


def _lines_with(text: bytes, needle: bytes) -> Iterator[str]:
    at = find(text, needle)
    for _ in range(_MOST_FOUND):
        if at < 0:
            return
        begin = text.rfind(b"\n", 0, at + 1) + 1
        end = text.find(b"\n", at + 1 if text[at : at + 1] == b"\n" else at)
        yield text[begin:end].decode("utf-8", "replace")
        at = find(text, needle, end)
