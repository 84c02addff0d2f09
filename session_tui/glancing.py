"""A first glance at stores: the sessions changed last, before anything else is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from session_tui.adapters.base import Adapter, Source, changed
from session_tui.errors import SessionTuiError
from session_tui.model import Session, SessionKey
from session_tui.ordering import ordered

Seen: TypeAlias = "Sequence[tuple[Source, Session]]"
"""Sessions with the sources they were read from, the newest first."""

_SPARE = 3
"""How many times as many sources as rows are asked for, since some turn out not to be listed."""


def glance(adapters: Iterable[Adapter], limit: int, is_listed: Callable[[Session], bool]) -> Seen:
    """At most ``limit`` of the sessions changed last for which ``is_listed`` holds.

    What cannot be read now is left out; a whole look tells of it.
    """
    asked = {adapter.name: adapter for adapter in adapters}
    waiting = [source for adapter in asked.values() for source in _newest(adapter, limit * _SPARE)]
    waiting.sort(key=changed, reverse=True)
    seen: dict[SessionKey, tuple[Source, Session]] = {}
    while waiting and len(seen) < limit:
        some, waiting = waiting[:limit], waiting[limit:]
        for store in {source.key.store: None for source in some}:
            mine = [source for source in some if source.key.store == store]
            seen |= {pair[0].key: pair for pair in _heads(asked[store], mine) if is_listed(pair[1])}
    return [seen[session.key] for session in ordered(session for _, session in seen.values())[:limit]]


def _newest(adapter: Adapter, limit: int) -> Iterator[Source]:
    try:
        for root in adapter.roots():
            yield from adapter.newest(root, limit)
    except SessionTuiError:
        return


def _heads(adapter: Adapter, sources: Sequence[Source]) -> Seen:
    try:
        return list(zip(sources, adapter.heads(sources), strict=True))
    except SessionTuiError:
        return []
