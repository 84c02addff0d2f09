"""Searches over the sessions of all stores: the index kept up to date, sessions that answer, passages in them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import perf_counter

from session_tui.adapters.base import Adapter, Resumable, Source, World
from session_tui.adapters.passages import Indexable
from session_tui.catalog import Found
from session_tui.config import Config
from session_tui.errors import SessionTuiError
from session_tui.index.documents import Documents, identity_of
from session_tui.index.ranking import Tier, is_cjk, why
from session_tui.index.refresh import Outcome, Refresher
from session_tui.index.scan import Candidate, Match, Occurrence
from session_tui.index.search import Searcher
from session_tui.index.snippets import snippet
from session_tui.model import Hit, Launch, Message, Session, SessionKey, SessionKind, Transcript
from session_tui.profiles import Dues
from session_tui.progress import Progress
from session_tui.query import Facts, Features, Query, fold, haystack

log = logging.getLogger(__name__)

_HITS_A_SESSION = 20
"""How many passages of one session are told at most, so that one long session does not hide all others."""
_PROMPT = 2000


@dataclass(frozen=True, slots=True)
class Answer:
    """Hits in the order of their sessions, how many sessions answer, and the milliseconds it took."""

    hits: tuple[Hit, ...]
    total: int
    sessions: int
    took_ms: float


class Searches:
    """Finds sessions through the index in one folder."""

    def __init__(
        self,
        folder: Path,
        world: World,
        adapters: Mapping[str, Adapter],
        config: Config,
        *,
        source: Callable[[SessionKey], Source],
        opened: Callable[[SessionKey], Transcript],
    ) -> None:
        """Prepare.

        Args:
            source: where a session is read from; raises `UnknownSession`.
            opened: a session with its messages; raises `StoreError`.
        """
        self.documents = Documents(folder)
        self.searcher = Searcher(self.documents)
        self._world = world
        self._adapters = adapters
        self._source = source
        self._opened = opened
        self._config = config
        self._candidates: tuple[Candidate, ...] = ()
        self._of: tuple[Session, ...] = ()
        self._made: dict[int, Candidate] = {}
        self._lock = Lock()

    # ── keeping up to date ────────────────────────────────────────────────────────────────────────────

    def refresh(
        self,
        found: Sequence[Found],
        progress: Progress,
        *,
        rebuild: bool = False,
        committed: Callable[[], None] = lambda: None,
    ) -> Outcome:
        """Bring the index up to date with what the stores hold now.

        Raises:
            Cancelled: a stop was asked for; what was read before stays.
            StoreError: the index cannot be written.
        """

        def known() -> None:
            self.searcher.reload()
            committed()

        section = self._config.index
        quota = section.tool_text_mb * 1_000_000 if section.tool_text else 0
        refresher = Refresher(self.documents.folder, self._world, self._adapters, work_quota=quota, committed=known)
        sources = [source for hit in found for source in hit.sources]
        complete = [(hit.store, str(hit.root.path)) for hit in found if hit.complete]
        try:
            return refresher.refresh(sources, progress, complete=complete, rebuild=rebuild)
        finally:
            self.searcher.reload()

    def prepare(self, sessions: Sequence[Session]) -> None:
        """Fold what the list knows of ``sessions``, so that the first search among them need not."""
        self._candidates_of(sessions)
        self.searcher.reload()

    # ── sessions ──────────────────────────────────────────────────────────────────────────────────────

    def matching(
        self,
        wanted: Query,
        sessions: Sequence[Session],
        *,
        subagents: bool = False,
        work: bool = True,
        pause: Callable[[], None] = lambda: None,
    ) -> list[tuple[Session, Match | None]]:
        """Those of ``sessions`` that answer ``wanted``: where it asks for words, with what was found and the best
        first; else in their order. Sub-agents' sessions are left out unless ``subagents``, or asked for by name.

        Args:
            work: whether tools and thinking are looked through as well, and mistyped words looked up.
            pause: called every few milliseconds; may raise to stop.
        """
        asked = subagents or "is:subagent" in wanted.text
        accepted = [session for session in sessions if asked or session.kind is not SessionKind.SUBAGENT]
        if wanted.filters:
            facts = self.facts()
            accepted = [session for session in accepted if wanted.accepts(session, facts)]
        if not (wanted.words or wanted.without):
            return [(session, None) for session in accepted]
        return list(self.sessions(wanted, accepted, work=work, pause=pause))

    def facts(self) -> Facts:
        """What filters ask for beyond a session's own fields."""
        features: dict[tuple[str, str, str], Features] | None = None

        def occurring(session: Session) -> Features | None:
            nonlocal features
            if features is None:
                features = self.searcher.features()
            return features.get(_identity(session))

        due = Dues(self._config, self._adapters.__getitem__)
        return Facts(features=occurring, due=due, resumable=self._is_resumable)

    def _is_resumable(self, session: Session) -> bool:
        adapter = self._adapters[session.key.store]
        return isinstance(adapter, Resumable) and isinstance(adapter.resume(session), Launch)

    def sessions(
        self,
        wanted: Query,
        sessions: Sequence[Session],
        *,
        work: bool = True,
        pause: Callable[[], None] = lambda: None,
    ) -> list[tuple[Session, Match]]:
        """Those of ``sessions`` that hold all words of ``wanted``, the best first; ``work`` looks through tools and
        thinking as well. ``pause`` may raise to stop."""
        found = self.searcher.search(wanted, self._candidates_of(sessions), work=work, pause=pause)
        return [(sessions[match.candidate], match) for match in found]

    def _candidates_of(self, sessions: Sequence[Session]) -> tuple[Candidate, ...]:
        """What is compared with of each session, folded once as long as the session stays the same object."""
        with self._lock:
            if len(self._of) != len(sessions) or any(a is not b for a, b in zip(self._of, sessions, strict=True)):
                known = {id(session): one for session, one in zip(self._of, self._candidates, strict=True)}
                self._candidates = tuple(known.get(id(session)) or _candidate(session) for session in sessions)
                self._of = tuple(sessions)
            return self._candidates

    # ── passages ──────────────────────────────────────────────────────────────────────────────────────

    def hits(self, wanted: Query, sessions: Sequence[Session], *, limit: int, offset: int = 0) -> Answer:
        """The passages of ``sessions`` that answer ``wanted``, those of the best session first."""
        began = perf_counter()
        found = self.matching(wanted, sessions)
        hits: list[Hit] = []
        for session, match in found:
            if len(hits) >= offset + limit:
                break
            hits += self._hits_in(session, match, wanted) if match else [_listed(session)]
        took = (perf_counter() - began) * 1000
        return Answer(tuple(hits[offset : offset + limit]), len(hits), len(found), took)

    def _hits_in(self, session: Session, match: Match, wanted: Query) -> Iterator[Hit]:
        """The title where it holds the words, then the passages."""
        texts = match.words or wanted.terms
        title, spans = snippet(session.title, texts)
        passages = self.searcher.occurrences(_identity(session), texts, wanted, limit=_HITS_A_SESSION)
        in_title = spans and not wanted.roles and (not wanted.parts or "title" in wanted.parts)
        if in_title or not passages:
            cjk = any(is_cjk(text) for text in texts)
            kind = "exact" if match.tier <= Tier.IN_TITLE else why(match.tier, cjk=cjk)
            if spans or passages:
                yield Hit(key=session.key, part="title", snippet=title, spans=spans, why=kind)
            else:
                yield _known_to_list(session, texts, kind)
        if passages:
            yield from self._passages(session, passages, typo=match.tier is Tier.TYPO)

    def _passages(self, session: Session, passages: Sequence[Occurrence], *, typo: bool) -> Iterator[Hit]:
        try:
            transcript = self._opened(session.key)
        except SessionTuiError as error:
            log.info("%s was found but cannot be read: %s", session.key.ref, error)
            return
        for one in passages:
            index = transcript.index_at(one.position)
            message = transcript.messages[index] if index is not None else None
            text = _text_of(message, one) if message is not None else _beside(transcript, one)
            shown, spans = snippet(text, one.words)
            cjk = any(is_cjk(word) for word in one.words)
            yield Hit(
                key=session.key,
                part=one.part,
                snippet=shown,
                spans=spans,
                why=why(Tier.TYPO if typo else one.tier, cjk=cjk),
                index=index,
                message_id=message.id if message else None,
                role=one.role,
                created_at=message.created_at if message else None,
            )

    def place(self, key: SessionKey, wanted: Query, words: Sequence[str]) -> int | None:
        """The position of the passage that answers best in one session; ``None`` where only its title does."""
        source = self._source(key)
        found = self.searcher.occurrences(identity_of(source), words or wanted.terms, wanted, limit=1)
        return found[0].position if found and found[0].position >= 0 else None

    def best_hit(self, session: Session, wanted: Query, words: Sequence[str]) -> Hit:
        """The passage of a session that answers best, told without reading the others where its store allows it;
        where only what the list knows answers, its title."""
        texts = tuple(words) or wanted.terms
        found = self.searcher.occurrences(_identity(session), texts, wanted, limit=1)
        if not found:
            return _known_to_list(session, texts, "exact")
        one = found[0]
        shown, marked = snippet(self._text_at(session.key, one), one.words)
        is_typo = not set(one.words) & set(wanted.terms)
        cjk = any(is_cjk(word) for word in one.words)
        kind = why(Tier.TYPO if is_typo else one.tier, cjk=cjk)
        return Hit(key=session.key, part=one.part, snippet=shown, spans=marked, why=kind, role=one.role)

    def _text_at(self, key: SessionKey, one: Occurrence) -> str:
        """The text of a passage as stored; empty where it cannot be read any more."""
        adapter = self._adapters[key.store]
        try:
            source = self._source(key)
            if one.position >= 0 and isinstance(adapter, Indexable) and adapter.appended(source) is not None:
                found = adapter.passages(source, one.position, one.position + 1)
                return _holding([passage.text for passage in found if passage.part == one.part], one.words)
            transcript = self._opened(key)
        except SessionTuiError as error:
            log.info("%s was found but cannot be read: %s", key.ref, error)
            return ""
        index = transcript.index_at(one.position) if one.position >= 0 else None
        return _beside(transcript, one) if index is None else _text_of(transcript.messages[index], one)


def _candidate(session: Session) -> Candidate:
    updated = session.updated_at.timestamp() if session.updated_at else 0.0
    return Candidate(_identity(session), fold(session.title), haystack(session), updated)


def _identity(session: Session) -> tuple[str, str, str]:
    return session.key.store, session.key.root, session.key.id


def _known_to_list(session: Session, texts: Sequence[str], kind: str) -> Hit:
    """Which of the texts that the list knows of a session holds the words: its title, first prompt, summary (which may
    stand in our overlay alone), project, branch or tags."""
    prompt, key = session.first_prompt[:_PROMPT], session.key
    for part, text in (
        ("title", session.title),
        ("title", prompt),
        ("summary", session.summary or ""),
        ("context", session.project or ""),
        ("context", " ".join((session.git_branch or "", *session.tags, key.id))),
    ):
        shown, marked = snippet(text, texts)
        if marked:
            return Hit(key=key, part=part, snippet=shown, spans=marked, why=kind)
    return Hit(key=key, part="title", snippet=snippet(prompt or session.title, texts)[0], why=kind)


def _listed(session: Session) -> Hit:
    """The hit of a session that only filters were asked of."""
    return Hit(key=session.key, part="title", snippet=snippet(session.title, ())[0])


def _text_of(message: Message, one: Occurrence) -> str:
    from session_tui.adapters.passages import of_message

    texts = [passage.text for passage in of_message(message, 0) if passage.part == one.part]
    return _holding(texts, one.words) or message.text


def _holding(texts: Sequence[str], words: Sequence[str]) -> str:
    """The first of ``texts`` that holds any of ``words``, or just the first."""
    holding = (text for text in texts if any(word in fold(text) for word in words))
    return next(holding, texts[0] if texts else "")


def _beside(transcript: Transcript, one: Occurrence) -> str:
    """The text of a summary or piece of context that belongs to no message."""
    from session_tui.adapters.passages import CONTEXT, of_transcript

    for passage in of_transcript(transcript):
        if (
            passage.position == CONTEXT
            and passage.part == one.part
            and any(word in fold(passage.text) for word in one.words)
        ):
            return passage.text
    return ""
