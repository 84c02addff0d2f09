"""What is hidden in the conversations, to be found again: for each class of query some needles, where each stands,
and sessions that hold something alike and must not be found."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from rapidfuzz.distance import OSA

DEPTHS: Final = (0.02, 0.25, 0.5, 0.75, 0.999)
"""How deep in the longest session needles are hidden, as shares of its bytes."""
_APART: Final = 5
"""Letters in which any two words of needles differ, so that no typing mistake leads to the wrong one."""
_RARE_EMOJI: Final = ("🦩🪩", "🪬🫧", "🧿🛼", "🪤🫥", "🪹🫕", "🪃🪆", "🦚🪐", "🪸🫖")
_RARE_HAN: Final = "龘靐齉爩鱻麤灪纞虋讟钀骊鸾鹦鼍齑龌龢"
_RARE_KANA: Final = "ヂヅヴヷヸヹヺヰヱゔゕゖゎヮ"
_RARE_HANGUL: Final = "뷁뚫꿻쀍뙱휋퓽쯟뢟궭쫓"
_ACCENTED: Final = str.maketrans("aeiou", "áèîöū")


@dataclass(frozen=True, slots=True)
class Plant:
    """A text to be put into a session: where (user, assistant, code, title, call, output or thinking), and how deep
    as a share of the session's bytes."""

    where: str
    text: str
    depth: float


@dataclass(slots=True)
class Needle:
    """A query, the ids of the sessions that must be found with it and of those that must not."""

    kind: str
    query: str
    expect: list[str] = field(default_factory=list)
    decoys: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Hidden:
    """How one needle is looked for, what is planted where, and what in the sessions that must not be found."""

    query: str
    texts: tuple[tuple[str, str], ...]
    decoys: tuple[str, ...] = ()


class _Words:
    """Words that occur nowhere else and are far from each other."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self._made: list[str] = []

    def word(self) -> str:
        """A new one, of ten letters."""
        while True:
            made = "".join(self.dice.choice("xz") + self.dice.choice("aeiou") for _ in range(2))
            made += "".join(self.dice.choice("bdgklmnprtv") + self.dice.choice("aeiou") for _ in range(3))
            if all(OSA.distance(made, other, score_cutoff=_APART) >= _APART for other in self._made):
                self._made.append(made)
                return made

    def rare(self, characters: str, number: int) -> str:
        """Characters that no other text holds, in an order of their own."""
        while (made := "".join(self.dice.sample(characters, number))) in self._made:
            pass
        self._made.append(made)
        return made


def _said(where: str) -> Callable[[_Words, int], _Hidden]:
    def hidden(words: _Words, _: int) -> _Hidden:
        word = words.word()
        return _Hidden(word, ((where, word),))

    return hidden


def _phrase(words: _Words, _: int) -> _Hidden:
    first, second, third = words.word(), words.word(), words.word()
    scattered = f"{third} before {first} and later {second}"
    return _Hidden(f'"{first} {second} {third}"', (("assistant", f"{first} {second} {third}"),), (scattered,))


def _several(words: _Words, _: int) -> _Hidden:
    first, second = words.word(), words.word()
    return _Hidden(f"{first} {second}", (("user", first), ("assistant", second)), (first, second))


def _identifier(words: _Words, number: int) -> _Hidden:
    name = f"{words.word()}_{number}_total"
    return _Hidden(name, (("code", f"return {name}(self, {number})"),))


def _infix(words: _Words, _: int) -> _Hidden:
    word = words.word()
    return _Hidden(word, (("code", f"on{word.capitalize()}Closed(event)"),))


def _path(words: _Words, number: int) -> _Hidden:
    path = f"lib/{words.word()}/wheel_{number}.rs:{number + 100}"
    return _Hidden(path, (("assistant", f"look at {path} first"),))


def _hash(words: _Words, _: int) -> _Hidden:
    digest = f"{words.dice.getrandbits(256):064x}"
    return _Hidden(digest, (("assistant", f"sha256 {digest}"),))


def _prefix(words: _Words, _: int) -> _Hidden:
    word = words.word()
    return _Hidden(word[:7], (("user", f"{word}ration"),))


def _typo(words: _Words, number: int) -> _Hidden:
    word = words.word()
    at = 4 + number % 5
    mistaken = (
        word[:at] + word[at + 1 :],
        word[:at] + "y" + word[at + 1 :],
        word[:at] + "y" + word[at:],
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    )
    return _Hidden(mistaken[number % 4], (("assistant", word),))


def _accents(words: _Words, number: int) -> _Hidden:
    word = words.word()
    plain, accented = word, word.translate(_ACCENTED)
    return _Hidden(*((plain, (("user", accented),)) if number % 2 else (accented, (("user", plain),))))


def _script(characters: str, length: int, around: str) -> Callable[[_Words, int], _Hidden]:
    def hidden(words: _Words, _: int) -> _Hidden:
        text = words.rare(characters, length)
        return _Hidden(text, (("assistant", f"{around}{text}{around}"),))

    return hidden


def _emoji(words: _Words, number: int) -> _Hidden:
    pair = _RARE_EMOJI[number % len(_RARE_EMOJI)]
    return _Hidden(pair, (("assistant", f"done {pair} then"),))


_KINDS: Final[dict[str, Callable[[_Words, int], _Hidden]]] = {
    "word of a user": _said("user"),
    "word of an assistant": _said("assistant"),
    "phrase": _phrase,
    "several words": _several,
    "identifier": _identifier,
    "infix": _infix,
    "path": _path,
    "hash": _hash,
    "prefix": _prefix,
    "typo": _typo,
    "accents": _accents,
    "Chinese": _script(_RARE_HAN, 2, "测试"),
    "Japanese": _script(_RARE_KANA, 3, "テスト"),
    "Korean": _script(_RARE_HANGUL, 2, "코드"),
    "emoji": _emoji,
    "title": _said("title"),
    "tool input": _said("call"),
    "tool output": _said("output"),
    "thinking": _said("thinking"),
}


def hide(
    seed: int, sessions: list[str], giant: str | None, *, each: int
) -> tuple[list[Needle], dict[str, list[Plant]]]:
    """Hide ``each`` needles of every class in some of ``sessions``, and ten deep in the ``giant`` one; returns them,
    and what is to be planted in each session, by id."""
    words = _Words(random.Random(f"needles {seed}"))
    plants: dict[str, list[Plant]] = {}
    needles = list(_hidden(words, [id for id in sessions if id != giant], plants, min(each, len(_RARE_EMOJI))))
    for depth in DEPTHS if giant else ():
        assert giant is not None
        for where in ("assistant", "output"):
            word = words.word()
            plants.setdefault(giant, []).append(Plant(where, word, depth))
            needles.append(Needle(f"{where} at {depth * 100:g} % of the longest", word, [giant]))
    return needles, plants


def _hidden(words: _Words, sessions: list[str], plants: dict[str, list[Plant]], each: int) -> Iterator[Needle]:
    dice = words.dice
    for kind, make in _KINDS.items():
        for number in range(each):
            hidden = make(words, number)
            chosen = dice.sample(sessions, dice.randint(1, 3) + len(hidden.decoys))
            needle = Needle(kind, hidden.query, chosen[len(hidden.decoys) :], chosen[: len(hidden.decoys)])
            for id in needle.expect:
                plants.setdefault(id, []).extend(Plant(*text, dice.random()) for text in hidden.texts)
            for id, decoy in zip(needle.decoys, hidden.decoys, strict=True):
                plants.setdefault(id, []).append(Plant("assistant", decoy, dice.random()))
            yield needle
