"""Which sessions a reference names: an id, a prefix of one, or a title, with a store and a root's tag."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable

from session_tui.model import Session

MIN_PREFIX = 4
_POINTING = 8
"""The characters from which a text may be an id that was pasted."""
_TAGGED = re.compile(r"(?P<id>.*)@(?P<tag>[0-9a-f]{6})")


def candidates(ref: str, sessions: Iterable[Session], stores: Collection[str]) -> list[Session]:
    """The sessions that ``ref`` names; one when it is unambiguous, none when nothing answers to it.

    The text before the first colon is a store only when it is among ``stores``; ids may hold ``:`` and ``@``.
    Tried in turn: the whole as an id, the part before the last ``@`` and six hex digits as an id in the root
    of that tag, the same two as prefixes of at least `MIN_PREFIX` characters, an exact title.
    """
    store, colon, rest = ref.partition(":")
    if colon and store in stores:
        found = _named(rest, [session for session in sessions if session.key.store == store])
        if found:
            return found
    return _named(ref, list(sessions))


def pointed_at(text: str, sessions: Iterable[Session], home: str) -> list[Session]:
    """The sessions that a pasted text points at: by an id, a ref, or the path of the file they lie in, with or
    without its folders; none where it is no such thing. Cheap enough for every key."""
    bare = text.strip().removeprefix("file://").strip("'\"")
    if len(bare) < _POINTING or "\n" in bare or not any(sign in bare for sign in "0123456789/\\"):
        return []
    path = f"{home}{bare[1:]}" if bare.startswith("~/") else bare
    ending = path if path.startswith("/") else f"/{path}"
    rest = bare.partition(":")[2]
    ids = {bare, rest, rest.rpartition("@")[0]} - {""}
    return [
        session
        for session in sessions
        if (session.key.id in ids and bare in (session.key.id, session.key.ref, session.key.tagged_ref))
        or session.path.endswith(ending)
    ]


def _named(text: str, sessions: list[Session]) -> list[Session]:
    if not text:
        return []
    for accepts in _steps(text):
        if found := [session for session in sessions if accepts(session)]:
            return found
    return []


def _steps(text: str) -> list[Callable[[Session], bool]]:
    steps: list[Callable[[Session], bool]] = [lambda session: session.key.id == text]
    tagged = _TAGGED.fullmatch(text)
    if tagged:
        id, tag = tagged["id"], tagged["tag"]
        steps.append(lambda session: session.key.id == id and session.key.tag == tag)
    if len(text) >= MIN_PREFIX:
        steps.append(lambda session: session.key.id.startswith(text))
    if tagged and len(tagged["id"]) >= MIN_PREFIX:
        id, tag = tagged["id"], tagged["tag"]
        steps.append(lambda session: session.key.id.startswith(id) and session.key.tag == tag)
    steps.append(lambda session: session.title == text)
    return steps
