"""The one door of both front ends over all stores: what there is, what one holds, how to continue it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from session_tui import query, references, resume
from session_tui.adapters import locks
from session_tui.adapters.base import (
    Adapter,
    Checkable,
    Guarded,
    Resumable,
    Root,
    Source,
    World,
    capabilities,
    unreadable,
)
from session_tui.catalog import Catalog, Found, Look, Page
from session_tui.config import Config
from session_tui.errors import AdapterError, AmbiguousRef, SessionTuiError, UnknownSession, UnknownStore
from session_tui.index.store import SessionCache
from session_tui.model import (
    Capability,
    Launch,
    Meter,
    Problem,
    Refusal,
    Session,
    SessionKey,
    SessionKind,
    Transcript,
)
from session_tui.ordering import ordered
from session_tui.progress import Progress
from session_tui.registry import Registry, discover

_FIRST_BATCH = 64
"""How many heads are read before the first are told of: about as many as a screen shows."""
_BATCH = 256


class Library:
    """Sessions of all stores in one world.

    Every method may be called from any thread. Adapters that fail cost only themselves: what went wrong
    stands in the catalog's problems.
    """

    def __init__(
        self,
        world: World,
        *,
        config: Config | None = None,
        cache: SessionCache | None = None,
        registry: Registry | None = None,
        stores: Sequence[str] = (),
    ) -> None:
        """Open the library.

        Args:
            stores: the names of the stores to look at; all when empty.

        Raises:
            UnknownStore: a name among ``stores``, or in the world's roots, is no store's.
        """
        self.config = config or Config()
        self.world = world
        self.registry = registry or discover()
        self.cache = cache
        enabled = self._enabled(stores)
        self._shown = frozenset(stores or enabled)
        self._sources: dict[SessionKey, Source] = {}
        self._adapters = {name: self.registry.adapters[name](world) for name in enabled}
        self.catalog = Catalog()

    def _enabled(self, stores: Sequence[str]) -> list[str]:
        """The stores to look at. With ``stores`` the others only tell of projects, where that can matter."""
        known = self.registry.adapters
        for name in (*stores, *self.world.given):
            if name not in known:
                raise UnknownStore(f"no store is named {name!r}", hint=f"known stores: {', '.join(known)}")
        excluded = set(self.config.exclude.stores)
        excluded |= {name for name, section in self.config.stores.items() if not section.enabled}
        if stores and all(name in self.world.given for name in stores):
            return [name for name in known if name in stores]
        return [name for name in known if name in stores or name not in excluded]

    # ── what there is ─────────────────────────────────────────────────────────────────────────────────

    def looks(self) -> dict[str, Look]:
        """How each store's agent is shown, by the store's name."""
        kinds = self.registry.adapters.values()
        return {kind.name: Look(kind.name, kind.label, kind.mark, kind.color) for kind in kinds}

    def searched(self) -> tuple[str, ...]:
        """The names of the stores that are looked for on this machine."""
        adapters = self.registry.adapters
        return tuple(name for name in adapters if name in self._shown and adapters[name].is_stored)

    def snapshot(self, limit: int = 1000) -> tuple[Session, ...]:
        """The newest sessions as they were last seen, at once and without looking at any store."""
        newest = self.cache.newest(limit) if self.cache else []
        shown = [pair for pair in newest if not self._hidden(pair[1])]
        self._sources = {source.key: source for source, _ in shown} | self._sources
        return tuple(session for _, session in shown)

    def refresh(
        self,
        progress: Progress | None = None,
        *,
        each: Callable[[Sequence[Session]], None] | None = None,
    ) -> Catalog:
        """Look at every store and return what there is now.

        ``each`` is told of sessions as they become known, the newest first, while the work goes on.

        Raises:
            Cancelled: a stop was asked for; the catalog is the one before.
            StoreMissing: a root given by ``--root`` does not exist.
        """
        progress = progress or Progress()
        found = list(self._scan_all(self._adapters.values(), progress))
        sessions = self._heads(found, progress, each)
        mentioned = tuple(sorted({Path(session.project) for session in sessions.values() if session.project}))
        more = list(self._scan_mentioned(mentioned, found, progress))
        sessions |= self._heads(more, progress, each)
        found += more
        found = [hit for hit in found if hit.store in self._shown]
        self._sources = {source.key: source for hit in found for source in hit.sources}
        shown = [session for session in sessions.values() if not self._hidden(session)]
        problems = (*self.registry.problems, *self._given_in_vain(found))
        problems += tuple(problem for hit in found for problem in hit.problems)
        self.catalog = Catalog(ordered(shown), tuple(found), problems)
        return self.catalog

    def _scan_all(self, adapters: Iterable[Adapter], progress: Progress) -> Iterator[Found]:
        for adapter in adapters:
            progress.note(f"looking for {adapter.label} sessions")
            for root in self._roots(adapter):
                yield self._scan(adapter, root)

    def _given_in_vain(self, found: Sequence[Found]) -> Iterator[Problem]:
        fruitful = {hit.store for hit in found}
        for name, paths in self.world.given.items():
            if name in self._shown and name not in fruitful:
                for path in paths:
                    yield Problem(str(path), f"no {name} sessions there", "check the path given with --root")

    def _roots(self, adapter: Adapter) -> Sequence[Root]:
        try:
            return adapter.roots()
        except SessionTuiError:
            if adapter.name in self.world.given:
                raise
            return ()

    def _scan_mentioned(
        self, projects: tuple[Path, ...], found: Sequence[Found], progress: Progress
    ) -> Iterator[Found]:
        """Roots that only show up in project directories which other stores' sessions name."""
        seen = {(hit.store, hit.root.path) for hit in found}
        world = replace(self.world, mentioned=projects)
        for name, adapter in self._adapters.items():
            if name in self.world.given or name not in self._shown:
                continue
            for root in self._roots(type(adapter)(world)):
                if (name, root.path) not in seen:
                    progress.check()
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

    def _heads(
        self, found: Sequence[Found], progress: Progress, each: Callable[[Sequence[Session]], None] | None
    ) -> dict[SessionKey, Session]:
        sources = [source for hit in found for source in hit.sources]
        heads = self.cache.known(sources) if self.cache else {}
        if each and heads:
            each([session for session in heads.values() if not self._hidden(session)])
        missing = sorted((source for source in sources if source.key not in heads), key=_hint_of_time, reverse=True)
        start, batch = 0, _FIRST_BATCH
        while start < len(missing):
            progress.step(start, len(missing), "reading sessions")
            read = list(self._read_heads(missing[start : start + batch]))
            start, batch = start + batch, _BATCH
            heads.update((session.key, session) for _, session in read)
            if self.cache:
                self.cache.keep(read)
            if each:
                each([session for _, session in read if not self._hidden(session)])
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
            adapter = self._adapters[store]
            try:
                yield from zip(mine, adapter.heads(mine), strict=True)
            except SessionTuiError as error:
                yield from ((source, unreadable(source, error)) for source in mine)

    def _hidden(self, session: Session) -> bool:
        if session.key.store not in self._shown:
            return True
        if not self.config.exclude.projects or not session.project:
            return False
        project = Path(session.project)
        return any(project.is_relative_to(self.world.expand(text)) for text in self.config.exclude.projects)

    # ── choosing ──────────────────────────────────────────────────────────────────────────────────────

    def page(
        self,
        text: str = "",
        *,
        sort: str = "updated",
        reverse: bool = False,
        offset: int = 0,
        limit: int | None = 50,
        subagents: bool = False,
    ) -> Page:
        """The sessions that match ``text``, sorted, from ``offset`` on, at most ``limit`` of them.

        Sub-agents' sessions are left out unless ``subagents``. Sorting by messages, tokens or size reads
        every matching session whole.
        """
        wanted = query.parse(text)
        hits = [
            session
            for session in self.catalog.sessions
            if (subagents or session.kind is not SessionKind.SUBAGENT)
            and (not wanted or wanted.matches(query.haystack(session)))
        ]
        if sort in {"messages", "tokens"}:
            hits = [self.whole(session.key) for session in hits]
        chosen = ordered(hits, sort, reverse=reverse)
        end = None if limit is None else offset + limit
        return Page(chosen[offset:end], len(chosen))

    def resolve(self, ref: str) -> Session:
        """The session that ``ref`` names: an id, a unique prefix of four characters or more, or a title,
        each with or without ``STORE:`` in front and ``@ROOTTAG`` behind.

        Raises:
            UnknownSession: nothing answers to it.
            AmbiguousRef: several sessions do.
        """
        found = references.candidates(ref, self.catalog.sessions, self.registry.adapters)
        if not found:
            stores = ", ".join(self.searched())
            raise UnknownSession(f"no session answers to {ref!r}", hint=f"searched: {stores}; try `session-tui list`")
        if len(found) > 1:
            refs = tuple(self.tagged_ref(session) for session in found[:20])
            raise AmbiguousRef(
                f"{len(found)} sessions answer to {ref!r}", candidates=refs, hint="name one of them by its ref"
            )
        return found[0]

    def ref(self, session: Session) -> str:
        """The session's ref, with the root's tag where two roots hold the same id."""
        key = session.key
        same = [other for other in self.catalog.sessions if (other.key.store, other.key.id) == (key.store, key.id)]
        return key.tagged_ref if len(same) > 1 else key.ref

    def refs(self, sessions: Sequence[Session]) -> list[str]:
        """The refs of many sessions, in their order."""
        times = Counter((session.key.store, session.key.id) for session in self.catalog.sessions)
        keys = [session.key for session in sessions]
        return [key.tagged_ref if times[key.store, key.id] > 1 else key.ref for key in keys]

    @staticmethod
    def tagged_ref(session: Session) -> str:
        """The ref that is unambiguous whatever other roots hold."""
        return session.key.tagged_ref

    # ── one session ───────────────────────────────────────────────────────────────────────────────────

    def open(self, key: SessionKey) -> Transcript:
        """The session with its messages, as it is now.

        Raises:
            UnknownSession: it is in no catalog that was read.
            StoreError: it cannot be read.
        """
        adapter, source = self._adapter(key), self._source(key)
        transcript = adapter.read(source)
        if self.cache:
            self.cache.keep([(source, transcript.session)], whole=True)
        return transcript

    def whole(self, key: SessionKey) -> Session:
        """The session with all its counts, read whole unless that was done before and nothing changed."""
        source = self._source(key)
        kept = self.cache.known([source], whole=True).get(key) if self.cache else None
        if kept:
            return kept
        try:
            return self.open(key).session
        except SessionTuiError as error:
            return unreadable(source, error)

    def with_live(self, sessions: Sequence[Session]) -> list[Session]:
        """``sessions`` with ``live`` told: by the program's own lock, else by who has the file open."""
        opened = locks.open_elsewhere(session.path for session in sessions if session.path)
        return [replace(session, live=self._live(session, opened)) for session in sessions]

    def _live(self, session: Session, opened: frozenset[str] | None) -> bool | None:
        adapter = self._adapter(session.key)
        told = adapter.live(session) if isinstance(adapter, Guarded) else None
        if told or opened is None:
            return told
        return session.path in opened

    def capabilities(self, session: Session) -> tuple[Capability, ...]:
        """What can be done with the session, as far as its store goes."""
        return capabilities(self._adapter(session.key))

    def how_to_resume(self, session: Session) -> Launch | Refusal:
        """How the session's program continues it, unchecked: the program may be missing, the folder gone."""
        adapter = self._adapter(session.key)
        if not isinstance(adapter, Resumable):
            return Refusal(f"no terminal command resumes a {adapter.label} session")
        return adapter.resume(session)

    def resume(self, key: SessionKey, *, directory: str | None = None) -> Launch | Refusal:
        """How to continue the session now, checked, or why it cannot be.

        ``directory`` replaces the session's own.
        """
        session = self.with_live([self._session(key)])[0]
        launch = self.how_to_resume(session)
        if isinstance(launch, Refusal):
            return launch
        return resume.checked(launch, session, self.world.environ, directory)

    def meter(self, session: Session) -> Meter:
        """How full the session's context is, by what is known of it without its messages."""
        from session_tui.compaction.meter import measure
        from session_tui.compaction.settings import CompactionSettings

        values = msgspec.structs.asdict(self.config.compaction)
        return measure(session, CompactionSettings(**values, default_window=self.config.context_window))

    # ── the stores as a whole ─────────────────────────────────────────────────────────────────────────

    def check(self) -> Iterator[tuple[Found, tuple[Problem, ...]]]:
        """Every root with all its problems: the listing's, the store's own, and those of its sessions,
        which are read whole for it."""
        for hit in self.catalog.found:
            adapter = self._adapters[hit.store]
            problems = [*hit.problems]
            try:
                if isinstance(adapter, Checkable):
                    problems += adapter.check(hit.root)
            except SessionTuiError as error:
                problems.append(Problem(error.where or str(hit.root.path), error.what, error.hint))
            for source in hit.sources:
                problems += self.whole(source.key).problems
            yield hit, tuple(dict.fromkeys(problems))

    def unknown_records(self) -> dict[str, dict[str, int]]:
        """Record types no adapter has a name for, by store, with how often they occur."""
        seen: dict[str, Counter[str]] = {}
        for key in self._sources:
            try:
                records = self._adapter(key).read(self._source(key)).unknown_records
            except SessionTuiError:
                continue  # `check` tells of it
            seen.setdefault(key.store, Counter()).update(records)
        return {store: dict(counts) for store, counts in seen.items() if counts}

    def _adapter(self, key: SessionKey) -> Adapter:
        try:
            return self._adapters[key.store]
        except KeyError:
            raise AdapterError(f"no adapter for {key.store}", where=key.ref) from None

    def _source(self, key: SessionKey) -> Source:
        try:
            return self._sources[key]
        except KeyError:
            raise UnknownSession(f"{key.ref} is not there any more", hint="refresh the list") from None

    def _session(self, key: SessionKey) -> Session:
        for session in self.catalog.sessions:
            if session.key == key:
                return session
        raise UnknownSession(f"{key.ref} is not there any more", hint="refresh the list")


def _hint_of_time(source: Source) -> float:
    return source.updated_at.timestamp() if source.updated_at else 0.0
