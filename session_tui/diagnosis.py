"""What is wrong with the stores, and what they hold that no adapter has a name for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from session_tui.adapters.base import Checkable
from session_tui.catalog import Found
from session_tui.errors import SessionTuiError
from session_tui.library import Library
from session_tui.model import Problem


def check(library: Library) -> Iterator[tuple[Found, tuple[Problem, ...]]]:
    """Every root of the last look with all its problems: the listing's, the store's own, and those of its
    sessions, which are read whole for it."""
    for hit in library.catalog.found:
        problems = [*hit.problems]
        adapter = library.adapter_of(hit.store)
        try:
            if isinstance(adapter, Checkable):
                problems += adapter.check(hit.root)
        except SessionTuiError as error:
            problems.append(Problem(error.where or str(hit.root.path), error.what, error.hint))
        for source in hit.sources:
            problems += library.whole(source.key).problems
        yield hit, tuple(dict.fromkeys(problems))


def unknown_records(library: Library) -> dict[str, dict[str, int]]:
    """Record types no adapter has a name for, by store, with how often they occur."""
    seen: dict[str, Counter[str]] = {}
    for hit in library.catalog.found:
        for source in hit.sources:
            try:
                records = library.adapter(source.key).read(source).unknown_records
            except SessionTuiError:
                continue  # `check` tells of it
            seen.setdefault(hit.store, Counter()).update(records)
    return {store: dict(counts) for store, counts in seen.items() if counts}
