"""How well a session answers: the better the place and the closer the word, the lower the tier."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Tier(IntEnum):
    """Kinds of match, the best first. What stands in tools and thinking comes after what was said, and a word that
    only resembles the one typed after everything else."""

    TITLE = 0
    """The title is what was typed."""
    IN_TITLE = 1
    """Every word stands in the title."""
    WORD = 2
    PREFIX = 3
    PART = 4
    WORK_WORD = 5
    WORK_PREFIX = 6
    WORK_PART = 7
    TYPO = 8


_WORK: Final = Tier.WORK_WORD - Tier.WORD
_WHY: Final = {Tier.WORD: "exact", Tier.PREFIX: "prefix", Tier.PART: "substring"}
_WORD_BYTES: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_") | frozenset(range(0x80, 0x100))
_CJK: Final = (
    (0x1100, 0x11FF),
    (0x2E80, 0x9FFF),
    (0xAC00, 0xD7FF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


def is_cjk(text: str) -> bool:
    """Whether ``text`` holds Chinese, Japanese or Korean, where words have no borders."""
    return any(first <= ord(character) <= last for character in text for first, last in _CJK)


def tier_at(text: bytes, start: int, end: int, *, work: bool) -> Tier:
    """How the bytes between ``start`` and ``end`` stand in ``text``: as a word, its beginning, or inside one."""
    begins = start == 0 or text[start - 1] not in _WORD_BYTES or text[start] not in _WORD_BYTES
    stops = end >= len(text) or text[end] not in _WORD_BYTES or text[end - 1] not in _WORD_BYTES
    tier = Tier.WORD if begins and stops else Tier.PREFIX if begins else Tier.PART
    return Tier(tier + _WORK) if work else tier


def why(tier: Tier, *, cjk: bool) -> str:
    """The word for a match in documents: exact, prefix, substring, typo or cjk."""
    if tier is Tier.TYPO:
        return "typo"
    if cjk:
        return "cjk"
    plain = Tier(tier - _WORK) if Tier.WORK_WORD <= tier <= Tier.WORK_PART else tier
    return _WHY.get(plain, "exact")
