"""Looks at stores: what their roots hold, and the heads of the sessions that were not known before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from session_tui.adapters.base import Adapter, Root, Source, World, unreadable
from session_tui.catalog import Found
from session_tui.errors import SessionTuiError
from session_tui.index.store import SessionCache
from session_tui.model import Problem, Session, SessionKey
from session_tui.progress import Progress

_FIRST_BATCH = 64
"""How many heads are read before the first are told of: about as many as a screen shows."""
_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """One look at the stores. ``shown`` names those whose sessions are wanted; the others only tell of projects.
    ``each`` is told of sessions as they become known."""

    world: World
    adapters: Mapping[str, Adapter]
    shown: frozenset[str]
    cache: SessionCache | None
    progress: Progress
    each: Callable[[Sequence[Session]], None]

    def scan_all(self) -> Iterator[Found]:
        """What every root of every store holds.

        Raises:
            Cancelled: a stop was asked for.
            StoreMissing: a root given by ``--root`` does not exist.
        """
        for adapter in self.adapters.values():
            self.progress.note(f"looking for {adapter.label} sessions")
            for root in self._roots(adapter):
                yield self._scan(adapter, root)

    def given_in_vain(self, found: Sequence[Found]) -> Iterator[Problem]:
        """The given roots of stores that nothing was found for."""
        fruitful = {hit.store for hit in found}
        for name, paths in self.world.given.items():
            if name in self.shown and name not in fruitful:
                for path in paths:
                    yield Problem(str(path), f"no {name} sessions there", "check the path given with --root")

    def _roots(self, adapter: Adapter) -> Sequence[Root]:
        try:
            return adapter.roots()
        except SessionTuiError:
            if adapter.name in self.world.given:
                raise
            return ()

    def scan_mentioned(self, projects: tuple[Path, ...], found: Sequence[Found]) -> Iterator[Found]:
        """Roots that only show up in project directories which other stores' sessions name."""
        seen = {(hit.store, hit.root.path) for hit in found}
        world = replace(self.world, mentioned=projects)
        for name, adapter in self.adapters.items():
            if name in self.world.given or name not in self.shown:
                continue
            for root in self._roots(type(adapter)(world)):
                if (name, root.path) not in seen:
                    self.progress.check()
                    yield self._scan(adapter, root)

    @staticmethod
    def _scan(adapter: Adapter, root: Root) -> Found:
        sources: list[Source] = []
        try:
            sources.extend(adapter.scan(root))
        except SessionTuiError as error:
            problem = Problem(error.where or str(root.path), error.what, error.hint)
            return Found(adapter.name, root, tuple(sources), (problem,), complete=False)
        return Found(adapter.name, root, tuple(sources))

    def heads(self, found: Sequence[Found]) -> dict[SessionKey, Session]:
        """The sessions of ``found`` by key: those whose stamps hold from the cache, the others read now."""
        sources = [source for hit in found for source in hit.sources]
        heads = self.cache.known(sources) if self.cache else {}
        if heads:
            self.each(list(heads.values()))
        missing = sorted((source for source in sources if source.key not in heads), key=_hint_of_time, reverse=True)
        start, batch = 0, _FIRST_BATCH
        while start < len(missing):
            self.progress.step(start, len(missing), "reading sessions")
            read = list(self._read_heads(missing[start : start + batch]))
            start, batch = start + batch, _BATCH
            heads.update((session.key, session) for _, session in read)
            if self.cache:
                self.cache.keep(read)
            self.each([session for _, session in read])
        if self.cache:
            for hit in found:
                if hit.complete:
                    root = (hit.store, str(hit.root.path))
                    self.cache.forget(root, [source.key.id for source in hit.sources])
        return heads

    def _read_heads(self, sources: Sequence[Source]) -> Iterator[tuple[Source, Session]]:
        """The heads of ``sources``, asked of each adapter at once."""
        for store in {source.key.store: None for source in sources}:
            mine = [source for source in sources if source.key.store == store]
            adapter = self.adapters[store]
            try:
                yield from zip(mine, adapter.heads(mine), strict=True)
            except SessionTuiError as error:
                yield from ((source, unreadable(source, error)) for source in mine)


def _hint_of_time(source: Source) -> float:
    return source.updated_at.timestamp() if source.updated_at else 0.0
