"""The search language: what a person types, as a `Query`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from session_tui.model import Session, SessionKind, SessionState

_TOKEN = re.compile(r'(?P<minus>-)?(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))')


HARD = 0.75
"""Share of the context window from which a session is due for compaction, where nothing else is said."""


def _is_compactable(session: Session, hard: float) -> bool:
    return (session.token_count or 0) >= hard * (session.context_window or float("inf"))


_FLAGS: dict[str, Callable[[Session, float], bool]] = {
    "archived": lambda session, _: session.state is SessionState.ARCHIVED,
    "compactable": _is_compactable,
    "compacted": lambda session, _: bool(session.compaction_count or session.summary),
    "empty": lambda session, _: session.message_count == 0,
    "fork": lambda session, _: session.kind is SessionKind.FORK,
    "live": lambda session, _: session.live is True,
    "pinned": lambda session, _: session.pinned,
    "subagent": lambda session, _: session.kind is SessionKind.SUBAGENT,
}
FLAGS = tuple(_FLAGS)
"""What ``is:`` can ask for."""


@dataclass(frozen=True, slots=True)
class Query:
    """What must occur (``terms``) and what must not (``excluded``), folded; ``text`` is what was typed."""

    text: str = ""
    terms: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    flags: tuple[tuple[str, bool], ...] = ()
    """Flags of ``is:`` by name, and whether they must hold."""

    def __bool__(self) -> bool:
        return bool(self.terms or self.excluded or self.flags)

    def accepts(self, session: Session, *, hard: float = HARD) -> bool:
        """Whether every flag is as it must be; ``hard`` is the share of the window that makes a session due."""
        return all(_FLAGS[name](session, hard) == wanted for name, wanted in self.flags)

    def matches(self, haystack: str) -> bool:
        """Whether a `fold`-ed text holds every term and none of the excluded ones."""
        return all(term in haystack for term in self.terms) and not any(term in haystack for term in self.excluded)


def parse(text: str) -> Query:
    """``text`` as a query: words, ``"phrases"``, ``-words`` and ``is:`` flags (see `FLAGS`)."""
    terms: list[str] = []
    excluded: list[str] = []
    flags: list[tuple[str, bool]] = []
    for token in _TOKEN.finditer(text):
        phrase = token["phrase"]
        name = (token["word"] or "").removeprefix("is:")
        if name != token["word"] and name in _FLAGS:
            flags.append((name, not token["minus"]))
            continue
        folded = fold(token["word"] if phrase is None else phrase)
        if folded.strip():
            (excluded if token["minus"] else terms).append(folded)
    return Query(text, tuple(terms), tuple(excluded), tuple(flags))


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
