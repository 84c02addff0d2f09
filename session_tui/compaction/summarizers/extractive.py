"""The embedded summarizer: it quotes the sentences that matter, offline, the same text for the same messages.

Facts come from tool calls, the last requests word for word; decisions, results, open questions and next steps
are found by the phrases of the conversation's language, and what is left is ranked by `rank`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from session_tui.compaction.hygiene import NO_MEMORY, normalize
from session_tui.compaction.summarizers.base import Purpose, SummaryRequest, SummaryText
from session_tui.compaction.summarizers.conversation import Said, spoken
from session_tui.compaction.summarizers.digest import Digest, Section, earlier_digest, fact_lines, render, within
from session_tui.compaction.summarizers.evidence import Sentence, weigh
from session_tui.compaction.summarizers.facts import Facts, gather
from session_tui.compaction.summarizers.language import Language, detect, language
from session_tui.compaction.summarizers.rank import scores, words
from session_tui.compaction.summarizers.verbatim import goal, latest_requests
from session_tui.errors import SummaryError
from session_tui.progress import Progress
from session_tui.text import drawable
from session_tui.tokens import estimate

FACTS_SHARE = 3
"""The facts may take this many times the tokens of what is said."""
_LEAST = 300
"""A summary may say this much however short the conversation is."""
_PROPORTION = 0.3
"""Above that, it may say this share of the conversation, up to the limit asked for."""
# What each section may take of the budget at first; what it leaves goes to the others, in this order.
_SHARES = (
    (Section.DECISIONS, 0.45),
    (Section.RESULTS, 0.20),
    (Section.OPEN, 0.15),
    (Section.NEXT, 0.10),
    (Section.POINTS, 0.10),
)
_RANKED = 4_000
_ALIKE = 0.7
_CARRIED = 5.0
"""How much a line of an earlier summary matters: it was chosen once already."""
_ERROR = 6.0


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that may be chosen: its place in the text, and how much it matters."""

    order: int
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class _Reading:
    """All that was taken from the messages and the summaries before them."""

    request: SummaryRequest
    said: Sequence[Said]
    sentences: Sequence[Sentence]
    language: Language
    earlier: Digest

    def bag(self, text: str) -> frozenset[str]:
        """The words of ``text`` that say something."""
        return frozenset(words(text, self.language.stop))


class Extractive:
    """Summarizes by quoting; needs nothing but the messages and never fails for want of a network."""

    name = "extractive"

    def summarize(self, request: SummaryRequest, progress: Progress) -> SummaryText:
        """Write what ``request`` asks for; a custom prompt changes nothing.

        Raises:
            SummaryError: there is nothing to summarize.
            Cancelled: a stop was asked for.
        """
        progress.note("reading")
        said = list(spoken(request.messages, progress))
        tongue = language(request.language) if request.language else detect(persons_first(said))
        reading = _Reading(request, said, weigh(said, tongue, progress), tongue, earlier_digest(request))
        if request.purpose is Purpose.MEMORY:
            text = _memory(reading)
        else:
            facts = gather(request.messages, progress)
            progress.note("ranking")
            text = render(_digest(reading, facts, progress), tongue)
            if not text:
                raise SummaryError("there is nothing to summarize")
        request.on_text(text)
        return SummaryText(text=text, provider=self.name)


def persons_first(said: Sequence[Said]) -> Iterator[str]:
    """The texts to tell the language by: people's, and the models' only where there are none."""
    own = [item.text for item in said if item.by_person]
    yield from own or [item.text for item in said]


def _digest(reading: _Reading, facts: Facts, progress: Progress) -> Digest:
    request, earlier = reading.request, reading.earlier
    lines: dict[Section, tuple[str, ...]] = {
        Section.GOAL: earlier[Section.GOAL] or goal(reading.said, request.mask),
        Section.EARLIER: within(list(earlier[Section.EARLIER]), request.max_tokens // 2),
        Section.LATEST: latest_requests(reading.said, request.mask) or earlier[Section.LATEST],
    }
    budget = _budget(reading) - sum(estimate(line) for name in (Section.GOAL, Section.EARLIER) for line in lines[name])
    taken = (*lines[Section.GOAL], *lines[Section.LATEST])
    lines |= _chosen(_candidates(reading, facts, progress), budget, reading, taken=taken)
    for section, fact in fact_lines(facts.after(earlier.facts), request.max_tokens * FACTS_SHARE).items():
        lines[section] = tuple(request.mask(line) for line in fact)
    return Digest(lines)


def _budget(reading: _Reading) -> int:
    """How many tokens the chosen sentences may take together: in proportion to what there is, with a bound."""
    length = sum(estimate(item.text) for item in reading.said)
    length += sum(estimate(line) for section in Section for line in reading.earlier[section])
    return min(reading.request.max_tokens, max(_LEAST, int(length * _PROPORTION)))


def _candidates(reading: _Reading, facts: Facts, progress: Progress) -> dict[Section, list[_Line]]:
    """The lines each section may choose from. Questions and steps count only towards the end: earlier ones
    were answered and done."""
    count = max(1, len(reading.sentences))
    rank = _ranked(reading, progress)
    lines: dict[Section, list[_Line]] = {section: [] for section, _ in _SHARES}
    for item in reading.sentences:
        age = item.order / count
        if item.decision:
            lines[Section.DECISIONS].append(_Line(item.order, item.text, item.decision + age))
        elif item.open and (item.open > 2 or age > 0.6):
            lines[Section.OPEN].append(_Line(item.order, item.text, item.open + 3 * age))
        if item.next and age > 0.5:
            lines[Section.NEXT].append(_Line(item.order, item.text, item.next + 2 * age))
        if item.result:
            lines[Section.RESULTS].append(_Line(item.order, item.text, item.result + age))
        # What a person says weighs more; what shares less than the average sentence is a pleasantry.
        weight = rank.get(item.order, 0.0) * (2 if item.by_person else 1)
        if weight > 1 and not item.open:
            lines[Section.POINTS].append(_Line(item.order, item.text, weight))
    lines[Section.RESULTS] += [_Line(count + number, line, _ERROR) for number, line in enumerate(facts.errors)]
    for section, chosen in lines.items():
        carried = () if section is Section.NEXT and chosen else reading.earlier[section]
        chosen[:0] = [_Line(number - len(carried), line, _CARRIED) for number, line in enumerate(carried)]
    return lines


def _ranked(reading: _Reading, progress: Progress) -> dict[int, float]:
    """How much each sentence shares with the others, by its order; of very many only an even selection."""
    picked = reading.sentences[:: 1 + len(reading.sentences) // _RANKED]
    found = scores([words(item.text, reading.language.stop) for item in picked], progress)
    return {item.order: score for item, score in zip(picked, found, strict=True)}


def _chosen(
    candidates: dict[Section, list[_Line]], budget: int, reading: _Reading, *, taken: Iterable[str]
) -> dict[Section, tuple[str, ...]]:
    """The best lines of each section within the budget: by its share first, then from what the others left."""
    seen = [reading.bag(text) for text in taken]
    chosen: dict[Section, list[_Line]] = {section: [] for section, _ in _SHARES}
    ordered = {name: sorted(lines, key=lambda line: (-line.score, line.order)) for name, lines in candidates.items()}
    left = float(budget)
    for by_share in (True, False):
        for section, share in _SHARES:
            allowance = min(left, budget * share) if by_share else left
            for line in ordered[section]:
                cost = estimate(line.text) + 2
                if cost > allowance:
                    continue
                bag = reading.bag(line.text)
                if _is_known(bag, seen):
                    continue
                chosen[section].append(line)
                seen.append(bag)
                allowance -= cost
                left -= cost
    return {
        section: tuple(drawable(reading.request.mask(line.text)) for line in sorted(lines, key=lambda line: line.order))
        for section, lines in chosen.items()
    }


def _is_known(bag: frozenset[str], seen: Sequence[frozenset[str]]) -> bool:
    """Whether nearly all words of a line stand in one that was taken already."""
    return any(len(bag & other) >= _ALIKE * len(bag) for other in seen) if bag else True


def _memory(reading: _Reading) -> str:
    """What people said of their wishes, then what was decided, as lines within the limit; else `NO_MEMORY`."""
    wishes = [item for item in reading.sentences if item.preference]
    decisions = [item for item in reading.sentences if item.decision > 4 and not item.preference]
    left = reading.request.max_tokens
    kept: list[str] = []
    for item in (*wishes, *decisions):
        left -= estimate(item.text) + 2
        if left < 0:
            break
        kept.append(f"- {reading.request.mask(item.text)}")
    return normalize("\n".join(kept)) or NO_MEMORY
