"""How texts are compared: case, accents and compatibility forms do not count."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

from session_tui.model import Session

_MARKS = re.compile("[\u0300-\u036f\ufe0e\ufe0f]")
"""Combining accents, and the selectors that ask for an emoji's coloured or plain form."""

_SUMMARY_COMPARED = 20_000


def fold(text: str) -> str:
    """``text`` as it is compared. Syllables and kana stay whole; only accents fall away."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold())))


def fold_with_positions(text: str) -> tuple[str, list[int]]:
    """``text`` folded character by character, and for each folded character the place it comes from; one more
    position stands for the end."""
    folded: list[str] = []
    positions: list[int] = []
    for at, character in enumerate(text):
        part = fold(character)
        folded.append(part)
        positions.extend([at] * len(part))
    positions.append(len(text))
    return "".join(folded), positions


def haystack(session: Session) -> str:
    """What a query is compared with where only the list is known: title, project, first prompt, id, branch, tags,
    and the summary in use, which may stand nowhere in the session's own store."""
    key, summary = session.key, (session.summary or "")[:_SUMMARY_COMPARED]
    parts = (session.title, session.project, session.first_prompt[:2000], key.id, key.store, session.git_branch)
    return fold("\n".join(part for part in (*parts, summary, *session.tags) if part))


def pattern(words: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern that finds any of ``words`` (folded) in a text as it was written; ``None`` without words.

    Where a word has a plain Latin letter, the letter with an accent counts as well; blanks stand for any blanks.
    """
    wanted = sorted({word for word in words if word.strip()}, key=len, reverse=True)
    if not wanted:
        return None
    variants = _variants()
    spelled = ("".join(variants.get(letter) or re.escape(letter) for letter in word) for word in wanted)
    return re.compile("|".join(spelled), re.IGNORECASE)


@lru_cache(maxsize=1)
def _variants() -> Mapping[str, str]:
    """For each plain Latin letter a pattern of it and its accented forms."""
    forms: dict[str, list[str]] = {}
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        plain = fold(chr(code))
        if len(plain) == 1 and plain.isascii() and plain.isalpha():
            forms.setdefault(plain, []).append(chr(code))
    spelled = {plain: f"[{plain}{''.join(accented)}]{_MARKS.pattern}?" for plain, accented in forms.items()}
    return {**spelled, " ": r"\s"}
