"""Figures of many sessions together: messages, tokens, agents, projects, models, and when all that was.

Every model answer is counted once, in the oldest of the sessions that hold a copy of it; so is the activity that a
fork inherited, as far as answers tell of it. What a store does not record is not made up: sessions without recorded
usage are told apart, and messages without a time appear on no day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from heapq import nlargest
from typing import Final

from session_tui.activity import UNKNOWN, Activity
from session_tui.adapters.base import Source, unreadable
from session_tui.adapters.tallies import Answer, Tallied, Tally, of_transcript
from session_tui.errors import SessionTuiError
from session_tui.facets import facets
from session_tui.index.documents import State
from session_tui.index.tallies import TallyCache
from session_tui.library import Library
from session_tui.model import Health, Session, SessionKind, TokenSource
from session_tui.progress import Progress

_AT_ONCE: Final = 1000
"""Sessions whose readings are looked up together; so many are held at a time."""
_KEPT_AT_ONCE: Final = 50
_RANKED: Final = 5
_UNSET: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Tokens:
    """Tokens that answers used; ``total`` may exceed the sum of the others where a provider reported it apart."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    total: int = 0

    def add(self, answer: Answer) -> None:
        """Count one answer."""
        self.input += answer.input_tokens
        self.output += answer.output_tokens
        self.cache_read += answer.cache_read_tokens
        self.cache_write += answer.cache_write_tokens
        self.total += answer.total


@dataclass(slots=True)
class Group:
    """What belongs to one agent, project or model; ``name`` is ``None`` where that is not known."""

    name: str | None
    sessions: int = 0
    messages: int = 0
    answers: int = 0
    tokens: Tokens = field(default_factory=Tokens)
    last_active_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """A session, read whole, and the tokens that are counted as its own."""

    session: Session
    tokens: int


@dataclass(slots=True)
class Statistics:
    """The figures. ``recorded`` is the number of sessions whose usage is known, ``repeated`` that of answers left
    out because another session holds them; ``context_tokens`` is what all conversations take of their contexts now,
    ``estimated_tokens`` the part of it that no program recorded."""

    at: datetime
    activity: Activity
    sessions: int = 0
    kinds: Counter[SessionKind] = field(default_factory=Counter)
    health: Counter[Health] = field(default_factory=Counter)
    messages: int = 0
    archived: int = 0
    tokens: Tokens = field(default_factory=Tokens)
    answers: int = 0
    repeated: int = 0
    recorded: int = 0
    context_tokens: int = 0
    estimated_tokens: int = 0
    size_bytes: int = 0
    agents: tuple[Group, ...] = ()
    projects: tuple[Group, ...] = ()
    models: tuple[Group, ...] = ()
    longest: tuple[Ranked, ...] = ()
    """Those with most messages."""
    largest: tuple[Ranked, ...] = ()
    """Those with most bytes."""
    busiest: tuple[Ranked, ...] = ()
    """Those whose answers used most tokens."""
    index: State = field(default_factory=State)
    trash_items: int = 0
    trash_bytes: int = 0


def statistics(
    library: Library,
    sessions: Sequence[Session],
    progress: Progress,
    *,
    now: datetime,
    zone: tzinfo | None = None,
) -> Statistics:
    """The figures of ``sessions`` of the library's last look. What was not read before is read whole, one session
    after the other; what was read is kept, whether or not the work comes to its end.

    Args:
        zone: the time zone that days and hours are told in; the machine's own without it.

    Raises:
        Cancelled: a stop was asked for.
    """
    counting = _Counting(sessions, now, zone)
    with closing(_readings(library, sessions, progress)) as readings:
        for session, tally in readings:
            counting.add(session, tally)
    result = counting.result()
    result.index = library.searches.documents.state()
    items = library.trash.items()
    result.trash_items, result.trash_bytes = len(items), sum(item.size_bytes for item in items)
    return result


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────


def _age(session: Session) -> tuple[datetime, bool, datetime, str]:
    """Orders sessions so that an original comes before its forks, which may have copied its times."""
    is_copy = session.kind is not SessionKind.MAIN
    return session.created_at or _UNSET, is_copy, session.updated_at or _UNSET, session.key.tagged_ref


def _readings(library: Library, sessions: Sequence[Session], progress: Progress) -> Generator[tuple[Session, Tally]]:
    """Each session with all its counts, and its tally, the oldest first."""
    by_age = sorted(sessions, key=_age)
    kept = TallyCache(library.cache.file.with_name("tallies.db")) if library.cache else None
    for start in range(0, len(by_age), _AT_ONCE):
        sources = [library.source(session.key) for session in by_age[start : start + _AT_ONCE]]
        whole = library.cache.known(sources, whole=True) if library.cache else {}
        tallies = kept.known(sources) if kept else {}
        new = _New(library, kept)
        try:
            for number, source in enumerate(sources, start):
                progress.step(number, len(by_age), "counting sessions")
                session, tally = whole.get(source.key), tallies.get(source.key)
                if session is None or tally is None:
                    session, tally = new.read(source)
                yield library.userdata.overlay([session])[0], tally
        finally:
            new.keep()
    if kept:
        _forget_gone(library, kept)


def _forget_gone(library: Library, kept: TallyCache) -> None:
    for hit in library.catalog.found:
        if hit.complete:
            kept.forget((hit.store, str(hit.root.path)), [source.key.id for source in hit.sources])


class _New:
    """Reads what was not read before, and has it kept a few sessions at a time."""

    def __init__(self, library: Library, kept: TallyCache | None) -> None:
        self._library = library
        self._kept = kept
        self._read: list[tuple[Source, Session, Tally]] = []

    def read(self, source: Source) -> tuple[Session, Tally]:
        """One session; one that cannot be read has no figures."""
        adapter = self._library.adapter(source.key)
        try:
            if isinstance(adapter, Tallied):
                transcript, tally = adapter.tallied(source)
            else:
                transcript = adapter.read(source)
                tally = of_transcript(transcript)
        except SessionTuiError as error:
            return unreadable(source, error), Tally()
        self._read.append((source, transcript.session, tally))
        if len(self._read) >= _KEPT_AT_ONCE:
            self.keep()
        return transcript.session, tally

    def keep(self) -> None:
        """Have kept what was read since the last time."""
        if self._library.cache:
            self._library.cache.keep([(source, session) for source, session, _ in self._read], whole=True)
        if self._kept:
            self._kept.keep((source, tally) for source, _, tally in self._read)
        self._read = []


# ── counting ──────────────────────────────────────────────────────────────────────────────────────────


class _Counting:
    """Adds up sessions, which come oldest first."""

    def __init__(self, sessions: Sequence[Session], now: datetime, zone: tzinfo | None) -> None:
        known = facets(sessions)
        self._agents = {
            one.name: Group(one.name, one.sessions, last_active_at=one.last_active_at) for one in known.agents
        }
        self._projects = {
            one.name: Group(one.name, one.sessions, last_active_at=one.last_active_at) for one in known.projects
        }
        self._models: dict[str | None, Group] = {}
        self._projects_of = {session.key: session.project for session in sessions}
        self._outputs: dict[str, dict[int, int]] = {}
        """The output tokens counted of each answer that may come again, by store."""
        self._told = Statistics(now, Activity(zone))

    def add(self, session: Session, tally: Tally) -> None:
        """Count one session."""
        told = self._told
        agent, project = self._agents[session.key.store], self._projects[self._projects_of[session.key]]
        told.sessions += 1
        told.kinds[session.kind] += 1
        told.health[session.health] += 1
        told.messages += session.message_count or 0
        told.archived += session.archived_count or 0
        told.context_tokens += session.token_count or 0
        told.estimated_tokens += (session.token_count or 0) * (session.token_source is not TokenSource.RECORDED)
        told.size_bytes += session.size_bytes or 0
        for group in (agent, project):
            group.messages += session.message_count or 0
        used = Tokens()
        models: set[str | None] = set()
        inherited = 0
        for answer in tally.answers or _in_total(session):
            known = self._known(session.key.store, answer)
            told.repeated += known is not None
            inherited = max(inherited, answer.place + 1) if known is not None else inherited
            new = answer if known is None else _grown(answer, known)
            is_one = known is None and bool(tally.answers)
            told.answers += is_one
            model = self._model(answer.model or session.model)
            models.add(model.name)
            for group in (agent, project, model):
                group.answers += is_one
                group.tokens.add(new)
            used.add(new)
            told.tokens.add(new)
            told.activity.spend(new.at, new.total)
        for name in models or {session.model}:
            self._note_model(self._model(name), session)
        told.recorded += bool(tally.answers) or session.token_usage is not None
        told.activity.add(tally.moments[inherited:])
        self._rank(Ranked(session, used.total))

    def _known(self, store: str, answer: Answer) -> int | None:
        """The output counted already of an answer that another session, or this one, holds as well."""
        if not answer.id:
            return None
        outputs = self._outputs.setdefault(store, {})
        known = outputs.get(answer.id)
        outputs[answer.id] = max(known or 0, answer.output_tokens)
        return known

    def _model(self, name: str | None) -> Group:
        return self._models.setdefault(name, Group(name))

    @staticmethod
    def _note_model(group: Group, session: Session) -> None:
        at = session.last_active_at or session.updated_at
        group.sessions += 1
        if at and (group.last_active_at is None or at > group.last_active_at):
            group.last_active_at = at

    def _rank(self, one: Ranked) -> None:
        told = self._told
        told.longest = tuple(nlargest(_RANKED, (*told.longest, one), lambda each: each.session.message_count or 0))
        told.largest = tuple(nlargest(_RANKED, (*told.largest, one), lambda each: each.session.size_bytes or 0))
        told.busiest = tuple(nlargest(_RANKED, (*told.busiest, one), lambda each: each.tokens))

    def result(self) -> Statistics:
        """The figures so far."""
        told = self._told
        told.agents, told.projects = tuple(self._agents.values()), tuple(self._projects.values())
        told.models = tuple(sorted(self._models.values(), key=lambda group: (-group.sessions, group.name or "")))
        told.longest = tuple(one for one in told.longest if one.session.message_count)
        told.largest = tuple(one for one in told.largest if one.session.size_bytes)
        told.busiest = tuple(one for one in told.busiest if one.tokens)
        return told


def _in_total(session: Session) -> tuple[Answer, ...]:
    """What is recorded of a session as a whole alone, as if it were one answer of unknown time."""
    return (Answer.of(session.token_usage, at=UNKNOWN),) if session.token_usage else ()


def _grown(answer: Answer, counted: int) -> Answer:
    """What a copy of an answer tells beyond the ``counted`` tokens of output: more, where an earlier copy was made
    while the answer was given."""
    more = max(0, answer.output_tokens - counted)
    return Answer(answer.id, answer.at, answer.place, answer.model, 0, more, 0, 0, more)
