"""What each sentence of a conversation gives away: a decision, a result, an open question, a next step, a wish."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from session_tui.compaction.summarizers.conversation import CHECK_EVERY, Said
from session_tui.compaction.summarizers.language import Language, language
from session_tui.compaction.summarizers.sentences import sentences
from session_tui.progress import Progress

# Words of ASCII letters that name something: figures, paths, code, constants, named errors.
_RUN = re.compile(r"[!-~]+")
_CONCRETE = re.compile(r"\d|[`_/=]|Error|Exception|[A-Z]{3}|[a-z][A-Z]")
_NAME = re.compile(r"[^\s.:!?]\s[\"'(*]*[A-Z]")
_ASKS = ("?", "？")
_RESULT_FROM = 3
"""How many concrete things, a telling phrase counting as two, make a sentence a result."""
_READ = 700_000
"""About how many characters are read of a conversation, an equal share of each utterance, people's thrice."""
_LEAST_READ = 240
# Marks that stand between the words of a phrase and its neighbours; the colon is part of some phrases.
_MARKS = str.maketrans("", "", '.,!;()"“”*')


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, where it stands, who said it, and how strongly it belongs to each kind (0 for not at all)."""

    order: int
    position: int
    by_person: bool
    text: str
    decision: int = 0
    result: int = 0
    open: int = 0
    next: int = 0
    preference: int = 0


@dataclass(slots=True)
class _Phrases:
    """The phrases to look for: those of the conversation's language, and the English ones that mix into any."""

    decision: tuple[str, ...]
    leaning: tuple[str, ...]
    reason: tuple[str, ...]
    narration: tuple[str, ...]
    open: tuple[str, ...]
    next: tuple[str, ...]
    result: tuple[str, ...]
    preference: tuple[str, ...]

    @classmethod
    def of(cls, spoken: Language) -> _Phrases:
        """The phrases for a conversation in ``spoken``."""
        both = [spoken] if spoken.code == "en" else [spoken, language("en")]
        return cls(
            decision=tuple(phrase for entry in both for phrase in entry.decision),
            leaning=tuple(phrase for entry in both for phrase in entry.leaning),
            reason=tuple(phrase for entry in both for phrase in entry.reason),
            narration=tuple(phrase for entry in both for phrase in entry.narration),
            open=tuple(phrase for entry in both for phrase in entry.open),
            next=tuple(phrase for entry in both for phrase in entry.next),
            result=tuple(phrase for entry in both for phrase in entry.result),
            preference=tuple(phrase for entry in both for phrase in entry.preference),
        )


def weigh(utterances: Sequence[Said], spoken: Language, progress: Progress) -> list[Sentence]:
    """Every sentence of the utterances with what it gives away; of long ones in long conversations only those
    at the start and the end. A reason that follows a decision as a sentence of its own is joined to it.

    Raises:
        Cancelled: a stop was asked for.
    """
    phrases = _Phrases.of(spoken)
    found: list[Sentence] = []
    share = max(_LEAST_READ, _READ // max(1, len(utterances)))
    for number, said in enumerate(utterances):
        if number % CHECK_EVERY == 0:
            progress.check()
        for text in sentences(said.text, limit=share * (3 if said.by_person else 1)):
            before = found[-1] if found and found[-1].position == said.position else None
            if before and before.decision and _explains(text, phrases):
                found[-1] = _weighed(f"{before.text} {text}", before.order, said, phrases)
            else:
                found.append(_weighed(text, len(found), said, phrases))
    return found


def _weighed(text: str, order: int, said: Said, phrases: _Phrases) -> Sentence:
    padded = f" {text.lower().translate(_MARKS)} "
    asks = text.rstrip("\"'”’」』)）*_").endswith(_ASKS)
    is_open = asks or (_any(phrases.open, padded) and _any(phrases.open, _claim(padded, phrases)))
    concrete = [run for run in _RUN.findall(text) if _CONCRETE.search(run)]
    is_concrete = bool(concrete) or bool(_NAME.search(text))
    return Sentence(
        order=order,
        position=said.position,
        by_person=said.by_person,
        text=text,
        decision=0 if is_open else _decision(padded, phrases, by_person=said.by_person, is_concrete=is_concrete),
        result=0 if asks else _result(concrete, padded, phrases),
        open=(2 if asks else 3) if is_open else 0,
        next=2 if _any(phrases.next, padded) and not asks else 0,
        preference=2 if said.by_person and not asks and _any(phrases.preference, padded) else 0,
    )


def _decision(padded: str, phrases: _Phrases, *, by_person: bool, is_concrete: bool) -> int:
    """The strength of a decision: plain words for it count most, then a reason, a person, something named.

    What merely tells of the next move ("let me look …") is none unless it gives a reason.
    """
    said = 4 if _any(phrases.decision, padded) else 0
    leans = 2 if _any(phrases.leaning, padded) else 0
    if not (said or leans):
        return 0
    reason = 2 if _any(phrases.reason, padded) else 0
    told = 3 if not said and not by_person and _any(phrases.narration, padded) else 0
    return max(0, said + leans + reason + by_person + is_concrete - told)


def _result(concrete: list[str], padded: str, phrases: _Phrases) -> int:
    if not concrete:
        return 0
    named_error = any("Error" in thing or "Exception" in thing for thing in concrete)
    score = min(len(concrete), 4) + (2 if named_error or _any(phrases.result, padded) else 0)
    return score if score >= _RESULT_FROM else 0


def _claim(padded: str, phrases: _Phrases) -> str:
    """A sentence up to its reason: what is uncertain in the reason does not make the claim so."""
    return padded[: min((at for phrase in phrases.reason if (at := padded.find(phrase)) > 0), default=len(padded))]


def _explains(text: str, phrases: _Phrases) -> bool:
    """Whether the sentence begins with a reason."""
    start = text.lower()[:16]
    return any(start.startswith(phrase.lstrip()) for phrase in phrases.reason)


def _any(phrases: tuple[str, ...], padded: str) -> bool:
    return any(map(padded.__contains__, phrases))  # three times as fast as a generator, and asked a million times
