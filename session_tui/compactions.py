"""Compacts sessions of any store: shows the plan, has the summary written, and writes it back or keeps it ourselves.

Three steps, so that a person can look in between: `Compactions.prepare` reads and plans, `Prepared.run` has the
summary written and changes nothing, `Compactions.write` puts it where it belongs, a copy of what it touches having
gone to the trash before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from session_tui.adapters.base import Adapter, Applied, Compactable, Headless, Lockable
from session_tui.adapters.plain_summary import PlainlySummarizing
from session_tui.adapters.shrinking import Shrinkable
from session_tui.compaction.compactor import Compaction, Compactor, Status, unreported
from session_tui.compaction.memory_store import InFiles, InMemory, MemoryStore
from session_tui.compaction.meter import measure
from session_tui.compaction.plan import plan
from session_tui.compaction.settings import CompactionSettings
from session_tui.compaction.summarizers.base import Summarizer
from session_tui.compaction.summarizers.choosing import BUILT_IN, SummarizerSettings, choose
from session_tui.compaction.summarizers.extractive import Extractive
from session_tui.compaction.summarizers.plain import Plain
from session_tui.config import Config
from session_tui.errors import StoreError, UsageError
from session_tui.model import CompactPlan, CompactResult, Meter, Refusal, Session, Transcript
from session_tui.profiles import settings_of
from session_tui.progress import Progress
from session_tui.text import one_line
from session_tui.trash import Trash
from session_tui.userdata import Compaction as Record
from session_tui.userdata import UserData
from session_tui.userdata.summarized import gone_on_from

Target = Literal["store", "overlay", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactOptions:
    """What a person asks of one compaction; ``None`` leaves it to the store's rules and the configuration.

    ``target`` is where the summary goes: the store, our overlay, or nowhere; ``None`` takes the store where it
    can be written to, else the overlay. ``shrink`` moves what is covered from the store to the trash as well.
    """

    ratio: float | None = None
    preserve_recent: int | None = None
    summarizer: str | None = None
    model: str | None = None
    prompt: str = ""
    target: Target | None = None
    even_if_live: bool = False
    shrink: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A compaction that can be run: the session as read, the plan, who writes, and where it will be written.

    ``refusal`` says why the store itself cannot take it, where the summary then goes to the overlay. ``memory``
    receives what is worth remembering, where messages are to be taken away at all; until the summary is written, it is
    ``noted`` here.
    """

    transcript: Transcript
    plan: CompactPlan
    settings: CompactionSettings
    summarizer: Summarizer
    target: Target
    meter: Meter
    options: CompactOptions
    refusal: Refusal | None = None
    memory: MemoryStore | None = None
    noted: InMemory = field(default_factory=InMemory, repr=False)
    adapter: Adapter = field(repr=False)

    @property
    def session(self) -> Session:
        """The session to compact."""
        return self.transcript.session

    def possible(self, options: CompactOptions) -> CompactOptions:
        """``options`` as far as the session's store goes, where they were chosen for several sessions at once."""
        if self.refusal is not None and options.target == "store":
            options = replace(options, target="overlay")
        shrinks = options.shrink and options.target != "overlay" and isinstance(self.adapter, Shrinkable)
        return replace(options, shrink=shrinks)

    def run(
        self,
        progress: Progress,
        *,
        on_status: Callable[[Status], None] = unreported,
        on_text: Callable[[str], None] = lambda _: None,
    ) -> Compaction:
        """Have lasting facts extracted and the summary written; nothing on disk is touched.

        Raises:
            UsageError: there is nothing to compact.
            SummaryError: no summary could be written.
            Cancelled: a stop was asked for.
        """
        compactor = Compactor(
            settings=self.settings,
            summarizer=self.summarizer,
            plain=self.summarizer,
            memory=self.noted if self.memory else None,
            on_status=on_status,
            on_text=on_text,
        )
        return compactor.compact(self.transcript, self.plan, progress, prompt=self.options.prompt)


class Compactions:
    """Compactions of the sessions of one library."""

    def __init__(
        self,
        config: Config,
        trash: Trash,
        userdata: UserData,
        environ: Mapping[str, str],
        adapters: Sequence[Adapter],
        *,
        memory: Path,
    ) -> None:
        """Compact with what is given; ``memory`` is the folder for lasting facts, made when there are any."""
        self._config = config
        self._trash = trash
        self._userdata = userdata
        self._environ = environ
        self._memory = InFiles(memory)
        self._presets = {one.name: tuple(one.headless()) for one in adapters if isinstance(one, Headless)}

    @property
    def summarizers(self) -> tuple[str, ...]:
        """The names of all that can write: the built-in ones, and the agents that answer without their screen."""
        return (*BUILT_IN, *sorted(self._presets))

    def prepare(self, adapter: Adapter, transcript: Transcript, options: CompactOptions) -> Prepared:
        """Plan a compaction by hand: whether it is due is not asked.

        Raises:
            UsageError: the options make no sense, or the session is open elsewhere.
        """
        session = transcript.session
        settings = self._asked_for(settings_of(self._config, adapter), options)
        if session.live and not options.even_if_live:
            raise UsageError("the session is open in another program", hint="close it there, or use --even-if-live")
        refusal = self._refusal(adapter, session)
        if (options.target == "store" or options.shrink) and refusal is not None:
            raise UsageError(refusal.reason, hint=refusal.hint or "use --to overlay")
        if options.shrink:
            self._check_shrinking(adapter, options)
        target: Target = options.target or ("overlay" if refusal else "store")
        if target == "overlay":
            transcript = gone_on_from(transcript, self._userdata.own_compactions(session.key))
        meter = measure(session, settings, None)
        return Prepared(
            transcript=transcript,
            plan=plan(transcript.messages, settings, meter=meter, manual=True),
            settings=settings,
            summarizer=self._summarizer(adapter, settings, options),
            target=target,
            meter=meter,
            options=options,
            refusal=refusal,
            memory=None if target == "none" else self._memory,
            adapter=adapter,
        )

    @staticmethod
    def _asked_for(settings: CompactionSettings, options: CompactOptions) -> CompactionSettings:
        if options.ratio is not None:
            if not 0 < options.ratio <= 1:
                raise UsageError(f"the ratio {options.ratio} is not between 0 and 1")
            settings = replace(settings, compact_ratio=options.ratio)
        if options.preserve_recent is not None:
            settings = replace(settings, preserve_recent=max(0, options.preserve_recent))
        return settings

    @staticmethod
    def _check_shrinking(adapter: Adapter, options: CompactOptions) -> None:
        if not isinstance(adapter, Shrinkable):
            hint = "leave out --shrink: the summary takes the place of what it covers in the way of the program"
            raise UsageError(f"{adapter.label} sessions need no shrinking", hint=hint)
        if options.target not in {None, "store"}:
            raise UsageError("--shrink changes the store", hint="leave out --to, or use --to store")

    @staticmethod
    def _refusal(adapter: Adapter, session: Session) -> Refusal | None:
        if not isinstance(adapter, Compactable):
            return Refusal(f"{adapter.label} has no way to take a summary", "it is kept in our overlay")
        return adapter.refuses_compaction(session)

    def _summarizer(self, adapter: Adapter, settings: CompactionSettings, options: CompactOptions) -> Summarizer:
        if settings.use_ai_summary or options.summarizer not in {None, Plain.name, Extractive.name}:
            return self._chosen(options)
        if isinstance(adapter, PlainlySummarizing) and options.summarizer != Extractive.name:
            return Plain(adapter.plain_summary)
        return Extractive()

    def _chosen(self, options: CompactOptions) -> Summarizer:
        section = self._config.summarizer
        settings = SummarizerSettings(**msgspec.structs.asdict(section))
        if options.summarizer is not None and options.summarizer != section.name:
            settings = replace(settings, name=options.summarizer)
        if options.model is not None:
            settings = replace(settings, model=options.model)
        return choose(settings, presets=self._presets, environ=self._environ)

    def write(self, prepared: Prepared, compaction: Compaction, *, ref: str = "") -> CompactResult:
        """Put a summary where `prepare` said, and return the result with where it went.

        Raises:
            StoreError: it could not be written; the store is as it was.
        """
        summary = compaction.summary
        if prepared.target == "none" or summary is None:
            return replace(compaction.result, written_to="none")
        unnoted = self._note(prepared)
        applied = Applied()
        if prepared.target == "store":
            applied = self._apply(prepared, compaction, ref)
        for record in self._records(prepared, compaction, applied):
            self._userdata.keep_compaction(prepared.session.key, record)
        note = "; ".join(note for note in (compaction.result.note, unnoted, applied.note) if note)
        return replace(compaction.result, written_to=prepared.target, note=note, read_by=applied.read_by)

    @staticmethod
    def _note(prepared: Prepared) -> str:
        """Keep the facts that were noted; a sentence where that failed, empty otherwise."""
        key = prepared.session.key
        facts = prepared.noted.get(key)
        if facts and prepared.memory:
            try:
                prepared.memory.add(key, facts)
            except StoreError as error:
                return f"memory was not refreshed: {one_line(str(error))}"
        return ""

    @staticmethod
    def _records(prepared: Prepared, compaction: Compaction, applied: Applied) -> Iterator[Record]:
        """What goes on our record: the compaction, under the ids that a store wants to be reminded of."""
        summary, plan = compaction.summary, compaction.plan
        if summary is None:
            return
        if not applied.kept:
            yield Record(summary=summary, plan=plan, written_to=prepared.target)
        for id, kept in applied.kept.items():
            yield Record(
                summary=replace(summary, id=id), plan=replace(plan, keep=tuple(kept)), written_to=prepared.target
            )

    def _apply(self, prepared: Prepared, compaction: Compaction, ref: str) -> Applied:
        adapter, session, summary = prepared.adapter, prepared.session, compaction.summary
        if not isinstance(adapter, Compactable) or summary is None:
            raise StoreError(f"{adapter.label} cannot take a summary", where=session.path)
        name, shrinks = ref or session.key.ref, prepared.options.shrink
        if shrinks and isinstance(adapter, Shrinkable):
            touched = adapter.touched_by_shrink(session, compaction.plan, summary)
        else:
            touched = adapter.touched(session, compaction.plan)
        expires = not (adapter.forgets_compacted or shrinks)
        kept = self._trash.around(session.key, name, session.title, touched, "compact", expires=expires)
        with self._locked(adapter, session), kept as item:
            if shrinks and isinstance(adapter, Shrinkable):
                return adapter.shrink(session, compaction.plan, summary, partial(self._trash.take, item))
            return adapter.apply(session, compaction.plan, summary)

    @staticmethod
    def _locked(adapter: Adapter, session: Session) -> AbstractContextManager[None]:
        return adapter.holding(session) if isinstance(adapter, Lockable) else nullcontext()
