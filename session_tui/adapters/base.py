"""The contract between a store and everything above it.

An adapter names its `roots`, lists the `Source`s below one, and reads a source: whole (`read`) or only
what a list shows (`head`). Everything else is an optional protocol; *having the method is the capability*.
Adapters hold no state but the `World` they were made for and never write: only the protocols that say so do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import field
from datetime import datetime
from heapq import nlargest
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from session_tui.errors import SessionTuiError, StoreMissing
from session_tui.model import (
    Capability,
    CompactPlan,
    Health,
    Launch,
    Problem,
    Refusal,
    Session,
    SessionKey,
    Summary,
    Transcript,
)
from session_tui.model.lean import dataclass


@dataclass(frozen=True, slots=True)
class World:
    """All an adapter may know of the machine, passed in so that tests can make one.

    ``given`` are roots from ``--root``: they replace every other place. ``configured`` come from the
    configuration: they are added. ``mentioned`` are project directories that other stores name.
    """

    home: Path
    environ: Mapping[str, str]
    cwd: Path
    data_dir: Path
    given: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    configured: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    mentioned: tuple[Path, ...] = ()

    def variable(self, name: str) -> Path | None:
        """A path from the environment with ``~`` expanded to this world's home, or ``None``."""
        value = self.environ.get(name, "")
        return self.expand(value) if value else None

    def expand(self, text: str) -> Path:
        """``text`` as a path, a leading ``~`` standing for this world's home."""
        if text == "~":
            return self.home
        return self.home / text[2:] if text.startswith("~/") else Path(text)

    def project_places(self) -> Iterator[Path]:
        """The current directory, its parents, and every mentioned project directory, each once."""
        seen: set[Path] = set()
        for place in (self.cwd, *self.cwd.parents, *self.mentioned):
            if place not in seen:
                seen.add(place)
                yield place


@dataclass(frozen=True, slots=True)
class Root:
    """A place that holds sessions of one store: a directory or a database file, as a real path.

    ``origin`` says how it was found: ``default``, ``config``, ``--root``, ``project``, or a variable's name.
    """

    path: Path
    origin: str = "default"


@dataclass(frozen=True, slots=True)
class Source:
    """One session before it is read. ``stamp`` changes whenever a reading would; ``updated_at`` is a hint
    good enough to order by until the session's head is known."""

    key: SessionKey
    path: str
    stamp: str
    updated_at: datetime | None = None


class Adapter(ABC):
    """A store of one agent program. Subclasses live in `session_tui.agents` or in a plug-in."""

    name: ClassVar[str]
    """The store's name in refs, options and configuration; lower-case letters and digits."""
    label: ClassVar[str]
    """The program's name as people write it."""
    mark: ClassVar[str] = "●"
    """One cell that stands for the agent where there is no room for its name."""
    color: ClassVar[str] = "#9aa5b1"
    """The agent's colour, readable on dark and light grounds."""
    program: ClassVar[str | None] = None
    """The executable that continues sessions, or ``None``."""
    yolo: ClassVar[tuple[str, ...]] = ()
    """The arguments, right after the program's name, that make it ask for no permission; empty where it has none."""
    is_stored: ClassVar[bool] = True
    """Whether sessions outlive their process, so that it is worth telling where they were looked for."""

    forgets_compacted: ClassVar[bool] = False
    """Whether its program soon drops what a compaction covers, so that our copy of it must not expire."""
    compaction_note: ClassVar[str] = ""
    """What its program makes of a compaction, where a person should know that beforehand."""

    def __init__(self, world: World) -> None:
        self.world = world

    @abstractmethod
    def roots(self) -> Sequence[Root]:
        """Every place that exists and may hold sessions, each once. Costs a few stats, opens at most
        configuration files.

        Raises:
            StoreMissing: a place given by ``--root`` does not exist.
        """

    @abstractmethod
    def scan(self, root: Root) -> Iterator[Source]:
        """The sessions below ``root``, cheaply: stats or one query, no parsing.

        Raises:
            StoreError: the root cannot be listed; what was yielded before stands, nothing may be pruned.
        """

    def newest(self, root: Root, limit: int) -> Sequence[Source]:
        """At most ``limit`` sources below ``root``, the last changed first, so far as that can be told cheaply.

        Adapters over many files override this, to make no source of all the others. Raises as `scan` does.
        """
        return nlargest(limit, self.scan(root), key=changed)

    @abstractmethod
    def head(self, source: Source) -> Session:
        """What a list shows of a session, from its first and last bytes; counts it would have to read
        everything for stay ``None``.

        Raises:
            StoreError: it cannot be read at all.
        """

    @abstractmethod
    def read(self, source: Source) -> Transcript:
        """The session with all its messages, decoded on demand where there are many.

        Raises:
            StoreError: it cannot be read at all. Single unreadable records only lower its health.
        """

    def heads(self, sources: Sequence[Source]) -> Iterator[Session]:
        """The heads of many sources, in their order; one that cannot be read yields an `unreadable` one.

        Adapters over databases override this to ask once for all.
        """
        for source in sources:
            try:
                yield self.head(source)
            except SessionTuiError as error:
                yield unreadable(source, error)


def changed(source: Source) -> float:
    """When ``source`` was changed, in seconds of the epoch, to order by; 0 where that is not known."""
    return source.updated_at.timestamp() if source.updated_at else 0.0


def unreadable(source: Source, error: SessionTuiError) -> Session:
    """The session to list for a source that could not be read, with the reason as its problem."""
    problem = Problem(error.where or source.path, error.what, error.hint)
    return Session(
        key=source.key,
        path=source.path,
        updated_at=source.updated_at,
        health=Health.UNREADABLE,
        problems=(problem,),
    )


def places(
    world: World, store: str, defaults: Iterator[tuple[Path, str]], below: Callable[[Path], Iterator[Path]]
) -> list[Root]:
    """The roots of a store: those given by ``--root`` alone, else its defaults and the configured ones.

    ``below`` finds the stores at a given path: the path itself, then the relative places the adapter knows.
    A given file is a root whatever it holds, so that reading it tells what is wrong with it.

    Raises:
        StoreMissing: a given path does not exist.
    """
    found: dict[Path, Root] = {}

    def add(path: Path, origin: str) -> None:
        real = path.resolve()
        found.setdefault(real, Root(real, origin))

    given = world.given.get(store)
    if given is not None:
        for path in given:
            if not path.exists():
                raise StoreMissing(
                    "no such file or directory", where=str(path), hint="check the path given with --root"
                )
            hits = list(below(path)) or ([path] if path.is_file() else [])
            for hit in hits:
                add(hit, "--root")
        return list(found.values())
    for path, origin in defaults:
        for hit in below(path):
            add(hit, origin)
    for path in world.configured.get(store, ()):
        for hit in below(path):
            add(hit, "config")
    return list(found.values())


# ── optional protocols ────────────────────────────────────────────────────────────────────────────────


@runtime_checkable
class Checkable(Protocol):
    """A store that can be examined as a whole."""

    def check(self, root: Root) -> Iterator[Problem]:
        """What is wrong with the store apart from single sessions: index files, orphans, integrity."""


@runtime_checkable
class Guarded(Protocol):
    """A store whose program says when a session is in use."""

    def live(self, session: Session) -> bool | None:
        """Whether the program has the session open now; ``None`` when it cannot be known."""


@runtime_checkable
class Resumable(Protocol):
    """A store whose sessions its program can continue in a terminal."""

    def resume(self, session: Session) -> Launch | Refusal:
        """How to continue ``session``, or why its program cannot; looks at no file but the store's own."""


@runtime_checkable
class Forkable(Protocol):
    """A program that can continue a copy of a session."""

    def fork(self, session: Session) -> Launch | Refusal:
        """How to continue a copy of ``session``, leaving it as it is."""


@runtime_checkable
class Startable(Protocol):
    """A program that can be started with a first prompt."""

    def start(self, prompt: str, cwd: str | None) -> Launch | Refusal:
        """How to start a new session in ``cwd`` with ``prompt`` as its first message."""


@runtime_checkable
class Headless(Protocol):
    """A program that answers one prompt on standard input and exits."""

    def headless(self) -> tuple[str, ...]:
        """The argument list; the prompt goes to standard input, the answer comes from standard output."""


@runtime_checkable
class Renamable(Protocol):
    """A store that can hold another title for a session."""

    def rename(self, session: Session, title: str) -> None:
        """Give ``session`` the title, as its program would.

        Raises:
            StoreError: it could not be written; the store is as it was.
        """


@runtime_checkable
class Deletable(Protocol):
    """A store whose sessions can be taken away."""

    def belongings(self, session: Session) -> Belongings:
        """All files and rows that belong to ``session`` alone; only the trash removes them."""


@runtime_checkable
class Lockable(Protocol):
    """A store whose program has locks that a change must be made under."""

    def holding(self, session: Session) -> AbstractContextManager[None]:
        """Hold the program's locks on ``session`` while it is changed.

        Raises:
            StoreLocked: the program holds them; it is to be closed first.
        """


@dataclass(frozen=True, slots=True)
class Applied:
    """What a compaction written back comes to: the program's entry points that honour it, a sentence for the
    person where something is left to say, and what a `Reminded` store is to be reminded of from then on."""

    read_by: tuple[str, ...] = ()
    note: str = ""
    kept: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@runtime_checkable
class Compactable(Protocol):
    """A store that a compaction can be written back to, so that its program goes on from it."""

    compaction: ClassVar[Mapping[str, object]]
    """The program's own rules as plain data for `CompactionSettings.of`; empty for ours."""

    def refuses_compaction(self, session: Session) -> Refusal | None:
        """Why a compaction cannot be written back now, or ``None``."""

    def touched(self, session: Session, plan: CompactPlan) -> Belongings:
        """All that `apply` will change; a copy of it goes to the trash before."""

    def apply(self, session: Session, plan: CompactPlan, summary: Summary) -> Applied:
        """Write the compaction as the program would have: one short transaction or one atomic replacement.
        Callers hold `Lockable.holding` and have kept a copy of what is touched.

        Raises:
            StoreError: it could not be written, or the session was changed since it was read; the store is as it
                was.
        """


@runtime_checkable
class Reminded(Protocol):
    """A store that cannot say which messages a compaction left in place, so that our own record of it does."""

    kept: Callable[[SessionKey], Mapping[str, Collection[str]]]
    """What is on record of a session: the ids that stayed active, by the id of each summary written back. Who
    keeps the record sets this."""


@runtime_checkable
class Importing(Protocol):
    """A store that a genuine session of its own can be created in."""

    def create(self, transcript: Transcript) -> SessionKey:
        """Write ``transcript`` as a new session and return its key.

        Raises:
            StoreError: it could not be written; the store is as it was.
        """


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table of a database: those for which ``where`` (SQL, with ``values``) holds.

    ``volatile`` names columns, such as counters, whose newest value stands when a change is undone after the
    row was written again; times are known to be such and need not be named.
    """

    table: str
    where: str
    values: tuple[object, ...]
    volatile: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entries:
    """What a file shared by many sessions says of one: the objects whose ``field`` is ``value``, in a JSON
    array or, where the name ends in ``.jsonl``, one a line. ``lock`` is the file its writers hold a ``flock``
    on, held where it exists."""

    path: Path
    field: str
    value: str
    lock: Path | None = None


@dataclass(frozen=True, slots=True)
class Belongings:
    """What makes up one session on disk: whole files and directories, its entries in shared files, and rows of
    one database in the order to remove them (parts before what they are parts of)."""

    files: tuple[Path, ...] = ()
    database: Path | None = None
    rows: tuple[Rows, ...] = ()
    entries: tuple[Entries, ...] = ()


_CAPABILITIES: dict[Capability, type] = {
    Capability.RESUME: Resumable,
    Capability.FORK: Forkable,
    Capability.DELETE: Deletable,
    Capability.RENAME: Renamable,
    Capability.COMPACT: Compactable,
    Capability.IMPORT: Importing,
    Capability.START: Startable,
    Capability.HEADLESS: Headless,
}


def capabilities(adapter: Adapter) -> tuple[Capability, ...]:
    """What ``adapter`` can do, told by the methods it has."""
    return (Capability.READ, *(name for name, kind in _CAPABILITIES.items() if isinstance(adapter, kind)))
