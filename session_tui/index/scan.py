"""One query's look through the text of one snapshot."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from math import log2
from typing import Final

from session_tui.index.documents import Identity
from session_tui.index.ranking import Tier, is_cjk, tier_at
from session_tui.index.segments import TALK, WORK, count, find
from session_tui.index.snapshot import Lane, Snapshot

_LOOKED_AT: Final = 40
"""How many occurrences of a word in one piece are looked at for the best of them."""
_RANKED_CLOSELY: Final = 400
"""How many sessions, the best and most recent of those found, are ranked by their best occurrence."""
_DAY: Final = 86_400.0
_LEAST: Final = 3
"""Letters from which a word is found inside others; a shorter one must begin a word."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A session that may be found: its identity, its folded title, all folded text the list has of it, and when it
    was last active, in seconds."""

    identity: Identity
    title: str
    haystack: str
    updated: float


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A passage that holds a word: where its message is found again (-1 for none), its part and role, how the word
    stands in it, and the words found there."""

    position: int
    part: str
    role: str
    tier: Tier
    words: tuple[str, ...]


@dataclass(slots=True)
class Match:
    """A session that was found: its place among the candidates, how well, how often the words were said in it, and
    the words as they occur, which differ from those typed where these were mistyped."""

    candidate: int
    tier: Tier
    count: int = 0
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Narrow:
    """Where words may stand: who must have said them, and in which parts; empty for anyone and anywhere."""

    roles: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.roles or self.parts)

    @property
    def titles(self) -> bool:
        """Whether what the list knows of a session counts."""
        return not self.roles and (not self.parts or "title" in self.parts)


@dataclass(slots=True)
class Word:
    """A word being looked for, and for each candidate that holds it the best tier so far, with the lane and offset
    of one occurrence in the segments."""

    text: str
    found: dict[int, tuple[Tier, Lane | None, int]] = field(default_factory=dict)

    @property
    def needles(self) -> tuple[bytes, ...]:
        """What is scanned for: the word, or for a very short one its places after a space or at a line's start."""
        needle = self.text.encode("utf-8", "replace")
        if len(self.text) >= _LEAST or is_cjk(self.text):
            return (needle,)
        return (b" " + needle, b"\n" + needle)


class Scan:
    """The candidates of a query, and where each one's text lies."""

    def __init__(self, snapshot: Snapshot | None, candidates: Sequence[Candidate]) -> None:
        self._snapshot = snapshot
        self._candidates = candidates
        self._place_of: list[int] = []
        self._candidate_of: list[int] = []
        if snapshot is not None:
            self._place_of = [snapshot.places.get(one.identity, -1) for one in candidates]
            self._candidate_of = [-1] * len(snapshot.identities)
            for candidate, place in enumerate(self._place_of):
                if place >= 0:
                    self._candidate_of[place] = candidate

    def fits(self, snapshot: Snapshot | None, candidates: Sequence[Candidate]) -> bool:
        """Whether it is about these."""
        return self._snapshot is snapshot and self._candidates is candidates

    # ── looking ───────────────────────────────────────────────────────────────────────────────────────

    def look_for(
        self, word: Word, among: Collection[int], kinds: Sequence[str], narrow: Narrow, pause: Callable[[], None]
    ) -> None:
        """Note which of the candidates ``among`` hold ``word``, in what the list knows and in the text of ``kinds``."""
        if narrow.titles:
            self._look_in_titles(word, among, only=bool(narrow.parts))
        if self._snapshot is None or narrow.parts == {"title"}:
            return
        for lane in self._snapshot.of_kind(kinds):
            tier = Tier.WORK_PART if lane.kind == WORK else Tier.PART
            for piece, offset in self._holding(lane, word.needles, among, pause):
                candidate = self._candidate_of[lane.documents[piece]]
                known = word.found.get(candidate)
                if known is not None and known[0] <= tier:
                    continue
                if narrow and not self._allows(lane, piece, word, narrow):
                    continue
                word.found[candidate] = (tier, lane, offset)

    def _look_in_titles(self, word: Word, among: Collection[int], *, only: bool) -> None:
        text, candidates = word.text, self._candidates
        short = len(text) < _LEAST and not is_cjk(text)
        for candidate in among:
            one = candidates[candidate]
            if text not in (one.title if only else one.haystack):
                continue
            if short and not _begins_word(text, one.haystack):
                continue
            word.found[candidate] = (Tier.IN_TITLE if text in one.title else Tier.WORD, None, 0)

    def _holding(
        self, lane: Lane, needles: Sequence[bytes], among: Collection[int], pause: Callable[[], None]
    ) -> Iterator[tuple[int, int]]:
        """The pieces of candidates ``among`` that hold one of ``needles``, each with an offset; a piece may come
        twice."""
        candidate_of, documents = self._candidate_of, lane.documents
        if len(among) * 8 < len(self._candidates):
            mine = [piece for piece, place in enumerate(documents) if candidate_of[place] in among]
            if sum(lane.ends[piece] - lane.starts[piece] for piece in mine) * 3 < lane.ends[-1]:
                for piece in mine:
                    pause()
                    text = lane.text(piece)
                    at = next((at for needle in needles if (at := find(text, needle)) >= 0), -1)
                    if at >= 0:
                        yield piece, lane.starts[piece] + at
                return
        everybody = len(among) == len(self._candidates) == len(candidate_of)
        for needle in needles:
            for piece, offset in lane.segment.first_in_each(needle, lane.starts, lane.ends, pause):
                if everybody or candidate_of[documents[piece]] in among:
                    yield piece, offset

    def _allows(self, lane: Lane, piece: int, word: Word, narrow: Narrow) -> bool:
        return any(True for _ in self._passages(lane, piece, (word.text,), narrow))

    def holding(self, text: str, among: Collection[int], pause: Callable[[], None]) -> set[int]:
        """The candidates ``among`` that hold ``text`` as a whole word, in what the list knows or in what was said."""
        found = {candidate for candidate in among if _is_word_in(text, self._candidates[candidate].haystack)}
        if self._snapshot is not None:
            needle = text.encode("utf-8", "replace")
            for lane in self._snapshot.of_kind((TALK,)):
                for piece, _ in self._holding(lane, (needle,), among, pause):
                    candidate = self._candidate_of[lane.documents[piece]]
                    if candidate not in found and _best(lane.text(piece), needle, work=False) is Tier.WORD:
                        found.add(candidate)
        return found

    # ── ranking ───────────────────────────────────────────────────────────────────────────────────────

    def ranked(self, words: Sequence[Word], found: Collection[int], typed: str) -> list[Match]:
        """The candidates ``found`` as matches: the best tier first, then the more recent and the more talked about:
        each doubling of the number of occurrences counts as much as a day."""
        texts = tuple(word.text for word in words)
        matches = [
            Match(candidate, max((word.found[candidate][0] for word in words), default=Tier.WORD), words=texts)
            for candidate in found
        ]
        candidates = self._candidates
        matches.sort(key=lambda match: (match.tier, -candidates[match.candidate].updated))
        closely = matches[:_RANKED_CLOSELY]
        for match in closely:
            self._look_closely(match, words, typed)
        closely.sort(key=lambda match: (match.tier, -self._weight(match)))
        return closely + matches[_RANKED_CLOSELY:]

    def _weight(self, match: Match) -> float:
        return self._candidates[match.candidate].updated + _DAY * log2(1 + match.count)

    def _look_closely(self, match: Match, words: Sequence[Word], typed: str) -> None:
        one = self._candidates[match.candidate]
        said = self._said(match.candidate) if any(word.found[match.candidate][1] for word in words) else []
        tiers = []
        for word in words:
            tier, lane, offset = word.found[match.candidate]
            needle = word.text.encode("utf-8", "replace")
            match.count += sum(count(text, needle) for text in said)
            if tier is Tier.PART:
                tier = min((_best(text, needle, work=False) for text in said), default=tier)
            elif tier is Tier.WORK_PART and lane is not None:
                around = lane.segment.read(max(0, offset - 1), len(needle) + 3)
                tier = _best(around, needle, work=True)
            tiers.append(tier)
        if tiers:
            match.tier = Tier.TITLE if one.title == typed else max(tiers)

    def _said(self, candidate: int) -> list[bytes]:
        assert self._snapshot is not None
        place = self._place_of[candidate]
        return [lane.text(piece) for lane in self._snapshot.of_kind((TALK,)) for piece in lane.of(place)]

    # ── passages ──────────────────────────────────────────────────────────────────────────────────────

    def occurrences(self, identity: Identity, words: Sequence[str], narrow: Narrow, limit: int) -> list[Occurrence]:
        """The passages of one session that hold any of ``words``: at most ``limit``, what was said before tools
        and thinking, those that hold more of the words first."""
        if self._snapshot is None or identity not in self._snapshot.places:
            return []
        place = self._snapshot.places[identity]
        found: list[Occurrence] = []
        for lane in self._snapshot.of_kind((TALK, WORK)):
            for piece in lane.of(place):
                found += self._passages(lane, piece, words, narrow)
                if len(found) > 64 * limit:
                    break
        found.sort(key=lambda one: (one.tier >= Tier.WORK_WORD, -len(one.words), one.tier))
        return found[:limit]

    def _passages(self, lane: Lane, piece: int, words: Sequence[str], narrow: Narrow) -> Iterator[Occurrence]:
        assert self._snapshot is not None
        text, marks = lane.text(piece), self._snapshot.marks(lane.pieces[piece])
        work = lane.kind == WORK
        here: dict[int, dict[str, Tier]] = {}
        for word in words:
            needle, at = word.encode("utf-8", "replace"), -1
            while (at := find(text, needle, at + 1)) >= 0:
                number = marks.at(at)
                tier = tier_at(text, at, at + len(needle), work=work)
                tiers = here.setdefault(number, {})
                tiers[word] = min(tier, tiers.get(word, tier))
                at = marks.end(number, len(text)) - 1 if tier in {Tier.WORD, Tier.WORK_WORD} else at
        for number, tiers in sorted(here.items()):
            role, part = marks.role(number), marks.part(number)
            if (not narrow.roles or role in narrow.roles) and (not narrow.parts or part in narrow.parts):
                yield Occurrence(marks.position(number), part, role, min(tiers.values()), tuple(tiers))


def _best(text: bytes, needle: bytes, *, work: bool) -> Tier:
    """How ``needle`` stands in ``text`` where it stands best, of the first occurrences."""
    best, at = Tier.WORK_PART if work else Tier.PART, -1
    for _ in range(_LOOKED_AT):
        at = find(text, needle, at + 1)
        if at < 0:
            break
        best = min(best, tier_at(text, at, at + len(needle), work=work))
        if best in {Tier.WORD, Tier.WORK_WORD}:
            break
    return best


def _begins_word(text: str, within: str) -> bool:
    at = within.find(text)
    while at > 0 and (within[at - 1].isalnum() or within[at - 1] == "_"):
        at = within.find(text, at + 1)
    return at >= 0


def _is_word_in(text: str, within: str) -> bool:
    if text not in within:
        return False
    encoded = within.encode("utf-8", "replace")
    return _best(encoded, text.encode("utf-8", "replace"), work=False) is Tier.WORD
