"""OpenAI Codex: one JSON Lines file a session, a rollout, below ``~/.codex/sessions`` by year, month and day.

Old rollouts may be packed; archived ones lie in ``archived_sessions``. Names that people gave stand in
``session_index.jsonl``. The databases beside them hold nothing that the rollouts do not say, and are not read.

Archived is what the program would not send next: what a compaction covers and does not list, and what was rolled
back. A fork holds only what came after it; what came before is read from the rollout that it was forked from.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from heapq import nlargest
from os import stat_result
from pathlib import Path
from typing import ClassVar

from session_tui import tokens
from session_tui.adapters import files, locks, times
from session_tui.adapters.base import Adapter, Belongings, Entries, Root, Source, World, places
from session_tui.adapters.passages import Passage
from session_tui.adapters.tallies import Tally, answers
from session_tui.agents.codex import heading, names
from session_tui.agents.codex import places as homes
from session_tui.agents.codex.heading import Heading, usage
from session_tui.agents.codex.passages import passages
from session_tui.agents.codex.places import Rollout
from session_tui.agents.codex.reading import WHOLE, Base, Reading
from session_tui.errors import StoreError
from session_tui.model import (
    Launch,
    Problem,
    Refusal,
    Session,
    SessionKey,
    SessionKind,
    SessionState,
    TitleSource,
    TokenSource,
    Transcript,
    UsageRecord,
)
from session_tui.text import title_from_prompt

_LOCKS = "thread-writer-locks"


class Codex(Adapter):
    """The sessions, forks and sub-agents' talks of Codex."""

    name = "codex"
    label = "Codex"
    mark = "◎"
    color = "#7a9df0"
    program = "codex"
    yolo: ClassVar[tuple[str, ...]] = ("--dangerously-bypass-approvals-and-sandbox",)
    """What makes the program ask for nothing; it stands right after the program's name."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._names = names.Names()

    # ── what there is ─────────────────────────────────────────────────────────────────────────────────

    def roots(self) -> Sequence[Root]:
        """``CODEX_HOME``, else ``~/.codex``, and the home that Xcode gives the program."""
        return places(self.world, self.name, homes.default_homes(self.world), homes.below)

    def scan(self, root: Root) -> Iterator[Source]:
        """Every session, archived ones among them, each once."""
        place, given = str(root.path), self._names.of(str(root.path))
        for rollout in homes.rollouts(root.path):
            try:
                status = rollout.entry.stat()
            except OSError:
                continue
            yield self._source(place, rollout, status, given)

    def newest(self, root: Root, limit: int) -> Sequence[Source]:
        """The files modified last."""
        found: list[tuple[int, str, Rollout, stat_result]] = []
        for rollout in homes.rollouts(root.path):
            try:
                status = rollout.entry.stat()
            except OSError:
                continue
            found.append((status.st_mtime_ns, rollout.path, rollout, status))
        place, given = str(root.path), self._names.of(str(root.path))
        return [self._source(place, rollout, status, given) for _, _, rollout, status in nlargest(limit, found)]

    def _source(self, root: str, rollout: Rollout, status: stat_result, names: Mapping[str, str]) -> Source:
        name = names.get(rollout.id)
        told = zlib.crc32(name.encode("utf-8", "surrogatepass")) if name else "-"
        stamp = f"{files.stamp_of(status)};{told};{'archived' if rollout.archived else 'kept'}"
        key = SessionKey(self.name, rollout.id, root)
        return Source(key, rollout.path, stamp, files.modified_at(status))

    def head(self, source: Source) -> Session:
        """From the first and the last 64 KB."""
        return self._session(source, heading.heading(Path(source.path)))

    def read(self, source: Source) -> Transcript:
        """The whole file, after what it was forked from; a message is decoded when it is asked for."""
        return self._transcript(source, *self._read(source))

    def _read(self, source: Source) -> tuple[Heading, Reading]:
        path = Path(source.path)
        if path.suffix == WHOLE:
            reading = Reading(path)
            return heading.of_whole(reading), reading
        found = heading.heading(path)
        problems: list[Problem] = []
        reading = Reading(path, self._bases(source, found, problems))
        reading.problems.extend(problems)
        if found.forked_from and found.forked_at == (None, None):
            parent = homes.find(Path(source.key.root), found.forked_from)
            if parent is not None and parent != path:
                reading.without_copies_of(Reading(parent))
        return found, reading

    def tallied(self, source: Source) -> tuple[Transcript, Tally]:
        """The messages of the rollout itself alone, and what each of its turns used."""
        found, reading = self._read(source)
        transcript = self._transcript(source, found, reading)
        return transcript, Tally(reading.moments(), answers(transcript.usage))

    def appended(self, source: Source) -> Path | None:
        """The rollout, unless it is packed or of the oldest kind."""
        path = Path(source.path)
        return path if path.suffix == ".jsonl" else None

    def passages(self, source: Source, start: int, end: int, *, work: bool = True) -> Iterator[Passage]:
        """The passages of a rollout's own lines; what a fork inherited is found where it was said."""
        return passages(Path(source.path), start, end, work=work)

    def _transcript(self, source: Source, found: Heading, reading: Reading) -> Transcript:
        found.turn, found.name = reading.turn, reading.name or found.name
        found.fill, found.window, found.used = reading.fill, reading.window, reading.used()
        found.is_whole, found.prompt = True, found.prompt or reading.first_prompt()
        transcript = reading.transcript(self._session(source, found))
        provider = transcript.session.provider or ""
        turns = tuple(
            UsageRecord(usage(counts), times.parse(turn.at), turn.number, turn.model or "", provider)
            for turn, counts in reading.usage()
        )
        return replace(transcript, usage=turns, unknown_records=dict(reading.unknown))

    def _bases(self, source: Source, found: Heading, problems: list[Problem]) -> Sequence[Base]:
        """The rollouts that hold what came before a fork, oldest first."""
        bases: list[Base] = []
        seen = {source.key.id}
        until: int | None = None
        while found.forked_from and found.forked_at != (None, None) and found.forked_from not in seen:
            seen.add(found.forked_from)
            path = homes.find(Path(source.key.root), found.forked_from)
            if path is None:
                what = f"it was forked from {found.forked_from}, which is gone"
                problems.append(Problem(source.path, what, "what was said before the fork cannot be shown"))
                break
            ordinal, offset = found.forked_at
            until = ordinal if until is None or ordinal is None else min(until, ordinal)
            bases.insert(0, Base(path, until, offset))
            found = heading.heading(path)
        return bases

    def _session(self, source: Source, found: Heading) -> Session:
        given = self._names.of(source.key.root).get(source.key.id) or found.name
        title = given if given.strip() else title_from_prompt(found.prompt)
        title_source = TitleSource.FIRST_PROMPT if title else TitleSource.NONE
        is_archived = homes.is_archived(Path(source.path), Path(source.key.root))
        used = found.used if found.kind is not SessionKind.FORK or found.is_whole else None
        return Session(
            key=source.key,
            title=title,
            title_source=TitleSource.CUSTOM if given.strip() else title_source,
            first_prompt=found.prompt,
            project=found.project,
            git_branch=found.git_branch,
            model=found.model,
            provider=found.told("model_provider"),
            state=SessionState.ARCHIVED if is_archived else SessionState.ACTIVE,
            kind=found.kind,
            parent=found.parent,
            created_at=found.created_at(Path(source.path).name),
            updated_at=found.updated_at,
            last_active_at=times.parse(found.last_at),
            token_count=found.fill,
            token_source=TokenSource.RECORDED if found.fill else TokenSource.NONE,
            token_usage=usage(used) if used else None,
            context_window=found.window or tokens.window(found.model),
            metadata=found.metadata,
            size_bytes=found.status.st_size,
            path=source.path,
        )

    # ── what can be done ──────────────────────────────────────────────────────────────────────────────

    def resume(self, session: Session) -> Launch | Refusal:
        """``codex resume ID`` in the directory that the session was started in."""
        return self._continued(session, "resume")

    def fork(self, session: Session) -> Launch | Refusal:
        """``codex fork ID``: a new session goes on from a copy."""
        return self._continued(session, "fork")

    def _continued(self, session: Session, command: str) -> Launch | Refusal:
        id = session.key.id
        if session.path.endswith(WHOLE):
            return Refusal("Codex no longer reads sessions of this age", "export it, or hand it off to a new session")
        if not homes.is_id(id):
            return Refusal(f"Codex does not accept the id {id!r}", "it takes UUIDs; the file may have been renamed")
        if session.state is SessionState.ARCHIVED:
            return Refusal("the session is archived", f"bring it back first: codex unarchive {id}")
        root = Path(session.key.root)
        if not homes.is_home(root):
            return Refusal("Codex does not look for sessions here", f"put it below {homes.SESSIONS} in Codex's home")
        return Launch((self.program, command, id), session.project, homes.environment(self.world, root))

    def start(self, prompt: str, cwd: str | None) -> Launch | Refusal:
        """``codex PROMPT`` in ``cwd``."""
        return Launch((self.program, "--", prompt), cwd)

    def headless(self) -> tuple[str, ...]:
        """``codex exec -``, which reads a prompt, may read files alone, prints the answer and keeps no session."""
        return (self.program, "exec", "--skip-git-repo-check", "--sandbox", "read-only", "--ephemeral", "-")

    def belongings(self, session: Session) -> Belongings:
        """The file, packed or not, and the names given to the session. The program's databases and its list of all
        prompts are its own to bring up to date."""
        path, index = Path(session.path), Path(session.key.root, names.INDEX)
        twins = (twin for twin in homes.twins(path) if twin.is_file())
        named = session.key.id in self._names.of(session.key.root)
        return Belongings(tuple(twins), entries=(Entries(index, "id", session.key.id),) if named else ())

    def live(self, session: Session) -> bool | None:
        """Whether the program holds its lock on the session; old programs have none, so that its absence says
        nothing."""
        try:
            held = (entry for entry in files.entries(Path(session.key.root, _LOCKS)) if session.key.id in entry.name)
            return True if any(locks.is_held(Path(entry.path)) for entry in held) else None
        except StoreError:
            return None

    def check(self, root: Root) -> Iterator[Problem]:
        """A list of names that cannot be read."""
        problem = names.problem(root.path)
        if problem is not None:
            yield problem
