"""The filters of the search language: for each name, how its values are read and what they ask of a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from session_tui.model import Role, Session, SessionKind, SessionState
from session_tui.query.amounts import compile_amount
from session_tui.query.dates import compile_age, compile_date
from session_tui.query.facts import Facts
from session_tui.query.folding import fold

Test = Callable[[Session, Facts], bool]

PARTS = ("text", "thinking", "tool_call", "tool_result", "title", "summary", "context")
"""What ``in:`` can ask for: where in a session a word stands."""
_IN_SHORT = {"tools": ("tool_call", "tool_result"), "tool": ("tool_call", "tool_result")}
_HAS = ("error", "image", "summary", "code")


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter as typed: it accepts what one of ``wanted`` accepts (or anything, without any) and none of
    ``unwanted``. ``roles`` and ``parts`` narrow where words may stand instead. ``start`` and ``end`` are its place
    in the query."""

    name: str
    start: int
    end: int
    negated: bool = False
    wanted: tuple[Test, ...] = ()
    unwanted: tuple[Test, ...] = ()
    roles: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()

    def accepts(self, session: Session, facts: Facts) -> bool:
        """Whether the session is what the filter asks for."""
        wanted = not self.wanted or any(test(session, facts) for test in self.wanted)
        return (wanted and not any(test(session, facts) for test in self.unwanted)) != self.negated


_FLAGS: dict[str, Test] = {
    "archived": lambda session, _: session.state is SessionState.ARCHIVED,
    "bookmarked": lambda session, facts: facts.bookmarked(session),
    "compactable": lambda session, facts: facts.due(session),
    "compacted": lambda session, _: bool(session.compaction_count or session.summary),
    "empty": lambda session, _: session.message_count == 0,
    "fork": lambda session, _: session.kind is SessionKind.FORK,
    "headless": lambda session, _: session.kind is SessionKind.HEADLESS,
    "live": lambda session, _: session.live is True,
    "pinned": lambda session, _: session.pinned,
    "protected": lambda session, facts: facts.protected(session),
    "resumable": lambda session, facts: facts.resumable(session),
    "subagent": lambda session, _: session.kind is SessionKind.SUBAGENT,
}
FLAGS = tuple(_FLAGS)
"""What ``is:`` can ask for."""


def _store(value: str) -> Test:
    return lambda session, _: session.key.store == value.lower()


def _project(value: str) -> Test:
    wanted = fold(value.rstrip("/") or value)
    return lambda session, _: wanted in fold(session.project or "")


def _branch(value: str) -> Test:
    return lambda session, _: fold(value) in fold(session.git_branch or "")


def _model(value: str) -> Test:
    return lambda session, _: fold(value) in fold(session.model or "")


def _tag(value: str) -> Test:
    return lambda session, _: fold(value) in {fold(tag) for tag in session.tags}


def _state(value: str) -> Test:
    try:
        wanted = SessionState(value.lower())
    except ValueError:
        raise ValueError(f"a state is one of {', '.join(SessionState)}") from None
    return lambda session, _: session.state is wanted


def _is(value: str) -> Test:
    if value.lower() not in _FLAGS:
        raise ValueError(f"is: knows {', '.join(_FLAGS)}")
    return _FLAGS[value.lower()]


def _has(value: str) -> Test:
    wanted = value.lower()
    if wanted not in _HAS:
        raise ValueError(f"has: knows {', '.join(_HAS)}")

    def test(session: Session, facts: Facts) -> bool:
        features = facts.features(session)
        return (features is not None and wanted in features.has) or (wanted == "summary" and bool(session.summary))

    return test


def _tool(value: str) -> Test:
    wanted = fold(value)

    def test(session: Session, facts: Facts) -> bool:
        features = facts.features(session)
        return features is not None and any(wanted in tool for tool in features.tools)

    return test


def _file(value: str) -> Test:
    wanted = fold(value)

    def test(session: Session, facts: Facts) -> bool:
        features = facts.features(session)
        return features is not None and any(wanted in file for file in features.files)

    return test


def _role(value: str) -> Test:
    roles = _roles(value)

    def test(session: Session, facts: Facts) -> bool:
        features = facts.features(session)
        return features is None or not roles.isdisjoint(features.roles)

    return test


def _roles(value: str) -> frozenset[str]:
    try:
        return frozenset({Role(value.lower()).value})
    except ValueError:
        raise ValueError(f"a role is one of {', '.join(Role)}") from None


def _parts(value: str) -> frozenset[str]:
    wanted = value.lower().replace("-", "_")
    if wanted in PARTS:
        return frozenset({wanted})
    if wanted in _IN_SHORT:
        return frozenset(_IN_SHORT[wanted])
    raise ValueError(f"in: knows {', '.join(PARTS)}")


def _in(value: str) -> Test:
    _parts(value)
    return lambda session, _: True


def _date(value: str) -> Test:
    within = compile_date(value)
    return lambda session, facts: session.updated_at is not None and within(session.updated_at, facts.now.astimezone())


def _expires(value: str) -> Test:
    if value[:1] not in {"<", ">"}:
        raise ValueError("expires: takes <7d or >7d")
    bound, sooner = compile_age(value[1:]), value[0] == "<"

    def test(session: Session, facts: Facts) -> bool:
        left = facts.expires_in(session)
        return left is not None and (left < bound if sooner else left > bound)

    return test


def _tokens(value: str) -> Test:
    fits = compile_amount(value)
    return lambda session, _: session.token_count is not None and fits(session.token_count)


def _messages(value: str) -> Test:
    fits = compile_amount(value)
    return lambda session, _: session.message_count is not None and fits(session.message_count)


def _size(value: str) -> Test:
    fits = compile_amount(value)
    return lambda session, _: session.size_bytes is not None and fits(session.size_bytes)


_COMPILE: dict[str, Callable[[str], Test]] = {
    "agent": _store,
    "store": _store,
    "project": _project,
    "dir": _project,
    "branch": _branch,
    "model": _model,
    "date": _date,
    "tag": _tag,
    "state": _state,
    "role": _role,
    "in": _in,
    "tool": _tool,
    "file": _file,
    "is": _is,
    "has": _has,
    "tokens": _tokens,
    "messages": _messages,
    "size": _size,
    "expires": _expires,
}
FILTERS = tuple(_COMPILE)
"""The names a filter can have."""


def compile_filter(name: str, values: list[str], *, negated: bool, start: int, end: int) -> Filter:
    """The filter ``name:`` with its comma list; a value with ``!`` or ``-`` in front must not hold.

    Raises:
        ValueError: a value cannot be read; the message says what can.
    """
    compile_one = _COMPILE[name]
    wanted: list[Test] = []
    unwanted: list[Test] = []
    narrow: set[str] = set()
    for value in values:
        plain = value.lstrip("!-") if value[:1] in {"!", "-"} else value
        if not plain:
            raise ValueError(f"{name}: needs a value")
        (wanted if plain is value else unwanted).append(compile_one(plain))
        if name in {"role", "in"}:
            narrow |= _narrowed(name, plain) if plain is value else frozenset()
            if plain is not value:
                narrow |= _everything(name) - _narrowed(name, plain)
    if not (wanted or unwanted):
        raise ValueError(f"{name}: needs a value")
    if negated and narrow:
        narrow = set(_everything(name)) - narrow
    if name == "role":
        # Negated, it says who must not have said the words, not who must be absent.
        tests = () if negated or unwanted else tuple(wanted)
        return Filter(name, start, end, wanted=tests, roles=frozenset(narrow))
    if name == "in":
        return Filter(name, start, end, parts=frozenset(narrow))
    return Filter(name, start, end, negated, tuple(wanted), tuple(unwanted))


def _narrowed(name: str, value: str) -> frozenset[str]:
    return _roles(value) if name == "role" else _parts(value)


def _everything(name: str) -> frozenset[str]:
    return frozenset(Role) if name == "role" else frozenset(PARTS)
