"""The search language: what a person types, as a `Query`."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from session_tui.model import Session

_TOKEN = re.compile(r'(?P<minus>-)?(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))')


@dataclass(frozen=True, slots=True)
class Query:
    """What must occur (``terms``) and what must not (``excluded``), folded; ``text`` is what was typed."""

    text: str = ""
    terms: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms or self.excluded)

    def matches(self, haystack: str) -> bool:
        """Whether a `fold`-ed text holds every term and none of the excluded ones."""
        return all(term in haystack for term in self.terms) and not any(term in haystack for term in self.excluded)


def parse(text: str) -> Query:
    """``text`` as a query: words, ``"phrases"`` and ``-words``."""
    terms: list[str] = []
    excluded: list[str] = []
    for token in _TOKEN.finditer(text):
        phrase = token["phrase"]
        folded = fold(token["word"] if phrase is None else phrase)
        if folded.strip():
            (excluded if token["minus"] else terms).append(folded)
    return Query(text, tuple(terms), tuple(excluded))


def fold(text: str) -> str:
    """``text`` as it is compared: case and accents do not count, nor do compatibility forms."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def haystack(session: Session) -> str:
    """What a query is compared with while there is no index: title, project, first prompt, id and branch."""
    key = session.key
    parts = (session.title, session.project, session.first_prompt[:2000], key.id, key.store, session.git_branch)
    return fold("\n".join(part for part in (*parts, *session.tags) if part))
