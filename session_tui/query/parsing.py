"""From what was typed to a `Query`: words, phrases, exclusions, filters, and the mistakes with their places."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from session_tui.model import Session
from session_tui.query.facts import Facts
from session_tui.query.filters import FILTERS, Filter, compile_filter
from session_tui.query.folding import fold

_TOKEN = re.compile(
    r"""(?P<sign>[-!])?(?P<name>[a-z]+):(?P<values>(?:"[^"]*"?|[^\s"])*)   # a filter
      | (?P<minus>-)?"(?P<phrase>[^"]*)"?                                 # a phrase
      | (?P<word>\S+)                                                     # a word""",
    re.VERBOSE | re.IGNORECASE,
)
_VALUE = re.compile(r'((?:"[^"]*"?|[^",])+)')
_LETTERS = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Term:
    """Something that must occur, folded: a word or a phrase, and its place in the query. ``open`` marks the word
    being typed, which stands for every word that begins with it."""

    text: str
    start: int
    end: int
    phrase: bool = False
    open: bool = False


@dataclass(frozen=True, slots=True)
class Mistake:
    """A part of the query that is ignored because it cannot be read: its place, and what would be right."""

    start: int
    end: int
    what: str


@dataclass(frozen=True, slots=True)
class Query:
    """What a person asks for: all of ``words`` must occur and none of ``without``, and every filter accepts."""

    text: str = ""
    words: tuple[Term, ...] = ()
    without: tuple[Term, ...] = ()
    filters: tuple[Filter, ...] = ()
    mistakes: tuple[Mistake, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.words or self.without or self.filters)

    @property
    def terms(self) -> tuple[str, ...]:
        """The texts that must occur, folded."""
        return tuple(word.text for word in self.words)

    @property
    def excluded(self) -> tuple[str, ...]:
        """The texts that must not occur, folded."""
        return tuple(word.text for word in self.without)

    @property
    def roles(self) -> frozenset[str]:
        """Who must have said the words; empty for anyone."""
        return self._narrowed([filter.roles for filter in self.filters if filter.name == "role"])

    @property
    def parts(self) -> frozenset[str]:
        """Where in a session the words must stand; empty for anywhere."""
        return self._narrowed([filter.parts for filter in self.filters if filter.name == "in"])

    @staticmethod
    def _narrowed(sets: list[frozenset[str]]) -> frozenset[str]:
        return frozenset.intersection(*sets) or frozenset({"-"}) if sets else frozenset()

    def apart(self, *names: str) -> tuple[Query, tuple[Filter, ...]]:
        """The query without the filters of these names, and those filters."""
        taken = tuple(filter for filter in self.filters if filter.name in names)
        return (replace(self, filters=tuple(one for one in self.filters if one not in taken)) if taken else self), taken

    def accepts(self, session: Session, facts: Facts) -> bool:
        """Whether every filter accepts the session."""
        return all(filter.accepts(session, facts) for filter in self.filters)

    def matches(self, haystack: str) -> bool:
        """Whether a `fold`-ed text holds every word and none of the excluded ones."""
        return all(term in haystack for term in self.terms) and not any(term in haystack for term in self.excluded)


def parse(text: str, *, stores: Collection[str] = ()) -> Query:
    """``text`` as a query. With ``stores``, the names of the known ones, another name in ``agent:`` is a mistake."""
    words: list[Term] = []
    without: list[Term] = []
    filters: list[Filter] = []
    mistakes: list[Mistake] = []
    for token in _TOKEN.finditer(text):
        start, end = token.span()
        name = (token["name"] or "").lower()
        if name in FILTERS:
            try:
                filters.append(_filter(name, token, stores))
            except ValueError as error:
                mistakes.append(Mistake(start, end, str(error)))
            continue
        if token[0] == "-":
            continue  # An exclusion that is only begun.
        typed, excluded = _typed(token)
        folded = fold(typed)
        if folded.strip():
            phrase = token["phrase"] is not None
            is_open = not phrase and end == len(text)
            (without if excluded else words).append(Term(folded, start, end, phrase, is_open))
    return Query(text, tuple(words), tuple(without), tuple(filters), tuple(mistakes))


def _typed(token: re.Match[str]) -> tuple[str, bool]:
    """The word or phrase itself, and whether it must not occur. A dash before a letter excludes; ``--flag``, ``->``
    and a lone dash are text."""
    if token["phrase"] is not None:
        return token["phrase"], bool(token["minus"])
    typed = token[0]
    excluded = len(typed) > 1 and typed[0] == "-" and typed[1] != "-" and bool(_LETTERS.match(typed[1]))
    return (typed[1:] if excluded else typed), excluded


def _filter(name: str, token: re.Match[str], stores: Collection[str]) -> Filter:
    values = [value.replace('"', "").strip() for value in _VALUE.findall(token["values"])]
    if name in {"agent", "store"} and stores:
        for value in values:
            if (plain := value.lstrip("!-").lower()) and plain not in stores:
                raise ValueError(f"no store is named {plain!r}; known: {', '.join(stores)}")
    return compile_filter(
        name, [value for value in values if value], negated=bool(token["sign"]), start=token.start(), end=token.end()
    )
