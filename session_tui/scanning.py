"""Looks at stores: what their roots hold, and the heads of the sessions that were not known before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from session_tui.adapters.base import Adapter, Root, Source, World, unreadable
from session_tui.catalog import Catalog, Found
from session_tui.errors import SessionTuiError
from session_tui.index.store import SessionCache
from session_tui.model import Problem, Session, SessionKey
from session_tui.ordering import ordered
from session_tui.progress import Progress

_FIRST_BATCH = 64
"""How many heads are read before the first are told of: about as many as a screen shows."""
_BATCH = 256
_SPARE = 8
"""How many more files than those that changed are asked for where the last ones are, since others may follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """One look at the stores. ``shown`` names those whose sessions are wanted; the others only tell of projects.
    ``each`` is told of sessions as they become known."""

    world: World
    adapters: Mapping[str, Adapter]
    shown: frozenset[str]
    cache: SessionCache | None
    progress: Progress = field(default_factory=Progress)
    each: Callable[[Sequence[Session]], None] = lambda _: None

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

    def again(self, before: Sequence[Found], changed_paths: Mapping[Root, Collection[str]]) -> News:
        """What changed below the roots of ``before`` since then; only heads of sessions that did are read."""
        changed: list[Source] = []
        found, gone = [], frozenset[SessionKey]()
        for hit in before:
            known = {source.key: source for source in hit.sources}
            now = self._newest(hit, changed_paths[hit.root]) or self._scan(self.adapters[hit.store], hit.root)
            missing = known.keys() - {source.key for source in now.sources}
            if now.complete:
                gone |= missing
            else:
                now = replace(now, sources=(*now.sources, *(known[key] for key in missing)))
            changed += [source for source in now.sources if _differs(source, known.get(source.key))]
            found.append(now)
            if self.cache and now.complete and missing:
                self.cache.forget((now.store, str(now.root.path)), [source.key.id for source in now.sources])
        read = list(self._read_heads(changed))
        if self.cache:
            self.cache.keep(read)
        return News(tuple(found), tuple(read), gone)

    def _newest(self, before: Found, paths: Collection[str]) -> Found | None:
        """``before`` with the files at ``paths`` as they are now, where it is certain that nothing else changed."""
        by_path = {source.path: source for source in before.sources}
        if len(by_path) != len(before.sources) or before.root.path.is_file() or not by_path.keys() >= set(paths):
            return None
        try:
            last = self.adapters[before.store].newest(before.root, len(paths) + _SPARE)
        except SessionTuiError:
            # A whole look tells of it.
            return None
        new = {source.key: source for source in last}
        if any(by_path[path].key not in new for path in paths) or new.keys() - {one.key for one in before.sources}:
            return None
        return replace(before, sources=tuple(new.get(source.key, source) for source in before.sources))

    def _read_heads(self, sources: Sequence[Source]) -> Iterator[tuple[Source, Session]]:
        """The heads of ``sources``, asked of each adapter at once."""
        for store in {source.key.store: None for source in sources}:
            mine = [source for source in sources if source.key.store == store]
            adapter = self.adapters[store]
            try:
                yield from zip(mine, adapter.heads(mine), strict=True)
            except SessionTuiError as error:
                yield from ((source, unreadable(source, error)) for source in mine)


@dataclass(frozen=True, slots=True)
class News:
    """What another look at some roots brought: what they hold now, the sessions that came or changed, with their
    sources, and the keys of those that went."""

    found: tuple[Found, ...]
    read: tuple[tuple[Source, Session], ...]
    gone: frozenset[SessionKey]

    @property
    def keys(self) -> frozenset[SessionKey]:
        """The sessions that came, changed or went."""
        return self.gone | {source.key for source, _ in self.read}

    def differing(self) -> Iterator[Found]:
        """What an index must know of: whole roots where sessions went, else only what came or changed."""
        gone_from = {(key.store, key.root) for key in self.gone}
        read = [source for source, _ in self.read]
        for hit in self.found:
            if (hit.store, str(hit.root.path)) in gone_from:
                yield hit
            else:
                keys = {source.key for source in hit.sources}
                yield replace(hit, sources=tuple(source for source in read if source.key in keys), complete=False)

    def sources(self, before: Mapping[SessionKey, Source]) -> dict[SessionKey, Source]:
        """``before`` with what changed."""
        kept = {key: source for key, source in before.items() if key not in self.gone}
        return kept | {source.key: source for source, _ in self.read}

    def catalog(self, before: Catalog, sessions: Sequence[Session]) -> Catalog:
        """``before`` with ``sessions``, those of the changed ones that are listed, and with the problems of now."""
        new = {(hit.store, hit.root): hit for hit in self.found}
        known = {(hit.store, hit.root): hit for hit in before.found}
        found = tuple((known | new).values())
        told = {problem for hit in before.found for problem in hit.problems}
        problems = [problem for problem in before.problems if problem not in told]
        problems += [problem for hit in found for problem in hit.problems]
        keys = self.keys
        kept = [session for session in before.sessions if session.key not in keys]
        return Catalog(ordered([*kept, *sessions]), found, tuple(problems))


def _differs(source: Source, before: Source | None) -> bool:
    return before is None or (source.stamp, source.path) != (before.stamp, before.path)


def _hint_of_time(source: Source) -> float:
    return source.updated_at.timestamp() if source.updated_at else 0.0
