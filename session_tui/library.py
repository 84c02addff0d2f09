"""The one door of both front ends over all stores: what there is, what one holds, how to continue it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from session_tui import forgotten, liveness, query, references, resume
from session_tui.adapters.base import (
    Adapter,
    Lockable,
    Reminded,
    Resumable,
    Root,
    Source,
    World,
    capabilities,
    unreadable,
)
from session_tui.adapters.forgetting import Forgetful
from session_tui.adapters.tails import Tailed
from session_tui.catalog import Catalog, Look, Page
from session_tui.config import Config
from session_tui.errors import AdapterError, AmbiguousRef, SessionTuiError, UnknownSession, UnknownStore
from session_tui.glancing import Seen, glance
from session_tui.index.store import SessionCache
from session_tui.model import (
    Capability,
    CompactResult,
    Launch,
    Meter,
    Refusal,
    Session,
    SessionKey,
    Transcript,
)
from session_tui.ordering import ordered
from session_tui.progress import Progress
from session_tui.registry import Registry, discover
from session_tui.scanning import News, Scanner
from session_tui.surroundings import is_left_out, stores_left_out
from session_tui.userdata import FILE_NAME, UserData

if TYPE_CHECKING:
    from session_tui.compaction.compactor import Compaction
    from session_tui.compactions import Compactions, CompactOptions, Prepared
    from session_tui.searches import Searches
    from session_tui.trash import Trash

_FIRST_ROWS = 100
"""How many sessions a first glance is for: a large screen's."""


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
        glanced: Seen = (),
    ) -> None:
        """Open the library.

        Args:
            stores: the names of the stores to look at; all when empty.
            glanced: sessions that a first glance has shown already.

        Raises:
            UnknownStore: a name among ``stores``, or in the world's roots, is no store's.
        """
        self.config = config or Config()
        self.world = world
        self.registry = registry or discover()
        self.cache = cache
        self._glanced = glanced
        enabled = self._enabled(stores)
        self._shown = frozenset(stores or enabled)
        self._sources: dict[SessionKey, Source] = {}
        self._adapters = {name: self.registry.adapters[name](world) for name in enabled}
        self.catalog = Catalog()
        self.userdata = UserData(world.data_dir / FILE_NAME)
        for adapter in self._adapters.values():
            if isinstance(adapter, Reminded):
                adapter.kept = self.userdata.kept
            if isinstance(adapter, Forgetful):
                adapter.copies = partial(forgotten.copies, trash=lambda: self.trash, adapter=type(adapter)(world))

    def _enabled(self, stores: Sequence[str]) -> list[str]:
        """The stores to look at. With ``stores`` the others only tell of projects, where that can matter."""
        known = self.registry.adapters
        for name in (*stores, *self.world.given):
            if name not in known:
                raise UnknownStore(f"no store is named {name!r}", hint=f"known stores: {', '.join(known)}")
        excluded = stores_left_out(self.config)
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
        newest = (self.cache.newest(limit) if self.cache else []) or self._glanced
        return self._noted([pair for pair in newest if not self._hidden(pair[1])])

    def _noted(self, seen: Seen) -> tuple[Session, ...]:
        """The sessions as they are listed; from now on they can be opened."""
        self._sources = {source.key: source for source, _ in seen} | self._sources
        return tuple(self.userdata.overlay([session for _, session in seen]))

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
        if each and not self._sources:
            asked = [adapter for name, adapter in self._adapters.items() if name in self._shown]
            each(self._noted(glance(asked, _FIRST_ROWS, lambda session: not self._hidden(session))))
        scanner = Scanner(
            world=self.world,
            adapters=self._adapters,
            shown=self._shown,
            cache=self.cache,
            progress=progress or Progress(),
            each=lambda sessions: each([one for one in sessions if not self._hidden(one)]) if each else None,
        )
        found = list(scanner.scan_all())
        self._sources |= {source.key: source for hit in found for source in hit.sources}
        sessions = scanner.heads(found)
        projects = {session.project for session in sessions.values() if session.project}
        mentioned = tuple(Path(project) for project in sorted(projects))
        more = list(scanner.scan_mentioned(mentioned, found))
        sessions |= scanner.heads(more)
        found += more
        found = [hit for hit in found if hit.store in self._shown]
        self._sources = {source.key: source for hit in found for source in hit.sources}
        shown = self.userdata.overlay([session for session in sessions.values() if not self._hidden(session)])
        problems = (*self.registry.problems, *scanner.given_in_vain(found))
        problems += tuple(problem for hit in found for problem in hit.problems) + self.userdata.problems
        self.catalog = Catalog(ordered(shown), tuple(found), problems)
        return self.catalog

    def refresh_roots(self, changed: Mapping[Root, Collection[str]]) -> News:
        """Look again at those of the catalog's roots alone, and take what changed there into the catalog.

        ``changed`` holds the paths that are not as they were below each; a root's own stands for any.
        """
        scanner = Scanner(world=self.world, adapters=self._adapters, shown=self._shown, cache=self.cache)
        news = scanner.again([hit for hit in self.catalog.found if hit.root in changed], changed)
        shown = self.userdata.overlay([session for _, session in news.read if not self._hidden(session)])
        self._sources = news.sources(self._sources)
        self.catalog = news.catalog(self.catalog, shown)
        return news

    def _hidden(self, session: Session) -> bool:
        if session.key.store not in self._shown:
            return True
        return is_left_out(session.project, self.config, self.world)

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
        found = self.searches.matching(self.parsed(text), self.catalog.sessions, subagents=subagents)
        hits = [session for session, _ in found]
        if sort in {"messages", "tokens"}:
            hits = [self.whole(session.key) for session in hits]
        chosen = ordered(hits, sort, reverse=reverse)
        end = None if limit is None else offset + limit
        return Page(chosen[offset:end], len(chosen))

    def parsed(self, text: str) -> query.Query:
        """``text`` as a query; stores that do not exist are mistakes in it."""
        return query.parse(text, stores=tuple(self.registry.adapters))

    @cached_property
    def searches(self) -> Searches:
        """Searches over what these sessions hold."""
        from session_tui.searches import Searches

        folder = (self.cache.file.parent if self.cache else self.world.data_dir) / "index"
        return Searches(folder, self.world, self._adapters, self.config, source=self.source, opened=self.open)

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
        adapter, source = self.adapter(key), self.source(key)
        transcript = adapter.read(source)
        if self.cache:
            self.cache.keep([(source, transcript.session)], whole=True)
        return self.userdata.completed(transcript)

    def tail(self, key: SessionKey) -> Transcript | None:
        """The last messages of a session that takes long to read, for showing them meanwhile; ``None`` for another."""
        adapter = self.adapter(key)
        messages = adapter.tail(self.source(key)) if isinstance(adapter, Tailed) else None
        return None if messages is None else Transcript(session=self._session(key), messages=messages)

    def whole(self, key: SessionKey) -> Session:
        """The session with all its counts, read whole unless that was done before and nothing changed."""
        source = self.source(key)
        kept = self.cache.known([source], whole=True).get(key) if self.cache else None
        if kept:
            return self.userdata.overlay([kept])[0]
        try:
            return self.open(key).session
        except SessionTuiError as error:
            return unreadable(source, error)

    def with_live(self, sessions: Sequence[Session]) -> list[Session]:
        """``sessions`` with ``live`` told: by the program's own lock, else by who has the file open."""
        return liveness.told(sessions, self.adapter)

    def capabilities(self, session: Session) -> tuple[Capability, ...]:
        """What can be done with the session, as far as its store goes."""
        return capabilities(self.adapter(session.key))

    def how_to_resume(self, session: Session) -> Launch | Refusal:
        """How the session's program continues it, unchecked: the program may be missing, the folder gone."""
        adapter = self.adapter(session.key)
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
        from session_tui.profiles import settings_of

        return measure(session, settings_of(self.config, self.adapter(session.key)))

    # ── changing ──────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def trash(self) -> Trash:
        """What changes touched, kept until it expires; a deletion that was cut off is taken back first."""
        from session_tui.trash import Trash

        trash = Trash(self.world.data_dir / "trash")
        with suppress(SessionTuiError):  # What cannot be taken back stays listed as unfinished.
            trash.recover()
        return trash

    @cached_property
    def compactions(self) -> Compactions:
        """Compactions of these sessions."""
        from session_tui.compactions import Compactions

        adapters, memory = list(self._adapters.values()), self.world.data_dir / "memory"
        return Compactions(self.config, self.trash, self.userdata, self.world.environ, adapters, memory=memory)

    def prepare_compaction(self, key: SessionKey, options: CompactOptions) -> Prepared:
        """Read a session and plan its compaction; nothing is changed.

        Raises:
            UsageError: the options make no sense, or the session is open in another program.
            StoreError: it cannot be read.
        """
        transcript = self.open(key)
        live = self.with_live([transcript.session])[0]
        return self.compactions.prepare(self.adapter(key), replace(transcript, session=live), options)

    def write_compaction(self, prepared: Prepared, compaction: Compaction) -> CompactResult:
        """Put a summary where it belongs; a copy of what that touches goes to the trash before.

        Raises:
            StoreError: it could not be written; the store is as it was.
        """
        return self.compactions.write(prepared, compaction, ref=self.ref(prepared.session))

    def restore(self, trash_id: str, *, replace_present: bool = False) -> SessionKey | Refusal:
        """Undo what a trash item was kept for, under the program's own locks.

        Raises:
            UnknownSession: there is no such item.
            StoreError: it could not be restored; nothing was lost.
        """
        item = self.trash.get(trash_id)
        with self._locked(item.key):
            answer = self.trash.restore(item.trash_id, replace=replace_present)
        if isinstance(answer, SessionKey) and item.kind == "compact":
            for id in list(self.userdata.kept(item.key))[-1:]:
                self.userdata.remove_compaction(item.key, id)
        return answer

    def _locked(self, key: SessionKey) -> AbstractContextManager[None]:
        adapter = self._adapters.get(key.store)
        session = next((session for session in self.catalog.sessions if session.key == key), None)
        return adapter.holding(session) if session and isinstance(adapter, Lockable) else nullcontext()

    def adapter_of(self, store: str) -> Adapter:
        """The adapter of a store that is looked at."""
        return self._adapters[store]

    def adapter(self, key: SessionKey) -> Adapter:
        """The adapter of the session's store.

        Raises:
            AdapterError: no adapter that is looked at has it.
        """
        try:
            return self._adapters[key.store]
        except KeyError:
            raise AdapterError(f"no adapter for {key.store}", where=key.ref) from None

    def source(self, key: SessionKey) -> Source:
        """Where the session is read from.

        Raises:
            UnknownSession: it was not there at the last look.
        """
        try:
            return self._sources[key]
        except KeyError:
            raise UnknownSession(f"{key.ref} is not there any more", hint="refresh the list") from None

    def _session(self, key: SessionKey) -> Session:
        for session in self.catalog.sessions:
            if session.key == key:
                return session
        raise UnknownSession(f"{key.ref} is not there any more", hint="refresh the list")
