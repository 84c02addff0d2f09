"""The line of a text that shows why it was found, and where in it the words stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from session_tui.query import fold, fold_with_positions
from session_tui.text import one_line

_WINDOW: Final = 4000
_OVERLAP: Final = 400
_BEFORE: Final = 60
"""Characters shown before the first word."""


def snippet(text: str, words: Sequence[str], *, width: int = 200) -> tuple[str, tuple[tuple[int, int], ...]]:
    """At most ``width`` characters of ``text`` on one line around the first of ``words`` (folded), and the spans of
    all of them in it; the beginning and no spans where none of them occurs."""
    begin = _place(text, words)
    start = max(0, begin - _BEFORE)
    if start:
        space = text.find(" ", start, begin)
        start = space + 1 if space >= 0 else start
    line = one_line(text[start : start + 2 * width])
    head = "…" if start else ""
    cut = line if len(line) + len(head) <= width else f"{line[: width - len(head) - 1].rstrip()}…"
    shown = f"{head}{cut}"
    return shown, spans(shown, words)


def spans(text: str, words: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Where ``words`` (folded) stand in ``text``, as offsets into it, in order and apart from each other."""
    folded, positions = fold_with_positions(text)
    found: list[tuple[int, int]] = []
    for word in words:
        at = folded.find(word) if word else -1
        while at >= 0:
            found.append((positions[at], positions[at + len(word) - 1] + 1))
            at = folded.find(word, at + len(word))
    apart: list[tuple[int, int]] = []
    for begin, end in sorted(found):
        if apart and begin < apart[-1][1]:
            apart[-1] = (apart[-1][0], max(apart[-1][1], end))
        else:
            apart.append((begin, end))
    return tuple(apart)


def _place(text: str, words: Sequence[str]) -> int:
    """Where the first of ``words`` that occurs at all begins; 0 where none does."""
    if text.isascii():
        plain = text.lower().translate(_SPACES)
        found = (plain.find(word) for word in words)
        return min((at for at in found if at >= 0), default=0)
    for begin in range(0, len(text), _WINDOW):
        window = text[begin : begin + _WINDOW + _OVERLAP].translate(_SPACES)
        if any(word in (folded := fold(window)) for word in words):
            folded, positions = fold_with_positions(window)
            places = [at for word in words if (at := folded.find(word)) >= 0]
            return begin + positions[min(places)] if places else begin
    return 0


_SPACES: Final = {ord(character): " " for character in "\n\r\t"}
