"""PicoClaw: one JSON Lines file a session in ``<workspace>/sessions``, a bare message a line, and its meta file.

``NAME.meta.json`` holds the session's real key (its file name has ``_`` for ``:``, ``/`` and ``\\``), a summary, and
``skip``, the number of lines at the start that the program no longer sends. Saving drops these lines for good, so
they are there only after a kill. Up to v0.2.1 a session was one ``NAME.json``; the program takes these in at its next
start and renames them to ``NAME.json.migrated``. There are no titles, no ids and no locks.

Archived are skipped lines, and thoughts without an answer, which newer versions leave out. A session of which only
the ``.migrated`` file is left is in state archived; beside its successor it is a backup, and not listed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from session_tui import model, tokens
from session_tui.adapters import details, files, jsonl, listing, prompts, settings, times
from session_tui.adapters.base import Adapter, Root, Source, World, places
from session_tui.adapters.conversation import Record, titled
from session_tui.adapters.details import Details
from session_tui.adapters.forgetting import Copies, no_copies, with_forgotten
from session_tui.adapters.rows import integer, mapping, text
from session_tui.adapters.tails import TAIL_BYTES, is_long
from session_tui.agents.picoclaw.reading import LINES, SUMMARY_ID, Reading, message_of
from session_tui.errors import StoreDamaged
from session_tui.model import Health, Problem, Session, SessionKey, SessionKind

RESUMABLE: Final = ("agent:", "sk_v1_")
"""How keys begin that the program honours; ``sk_v1_`` from v0.2.7 on."""
META, LEGACY, BACKUP = ".meta.json", ".json", ".json.migrated"
DETAILS: Final = "x_session_tui"
"""The key in a meta file of what the program has no place for."""
ROUTING: Final = ("scope", "aliases")
"""The keys of a meta file that say which conversations are led to the session."""
_BETTER: Final = {LINES: (), LEGACY: (LINES,), META: (LINES, LEGACY), BACKUP: (LINES, LEGACY, META)}
_ALIKE: Final = "PicoClaw cannot open this session either"
_IN_NAMES: Final = str.maketrans(":/\\", "___")
_EDGE: Final = 32 * 1024
_PROMPT_SEARCH: Final = 2000
_DROPPED = re.compile(r"\[(?:System Note: )?Emergency compression dropped (\d+) oldest messages due to context limit\]")
_META_KEYS: Final = ("key", "summary", "skip", "count", "created_at", "updated_at", "scope", "aliases", DETAILS)
_LEGACY_KEYS: Final = ("messages", "created", "updated")


class _Home(NamedTuple):
    """What one configuration says: the workspace of the agent a terminal is routed to, and every workspace."""

    routed: Path
    workspaces: tuple[Path, ...]


class Sessions(Adapter):
    """The sessions of every channel of every agent, read."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._objects = listing.Objects()
        self.copies: Copies = no_copies

    # ── where sessions are ────────────────────────────────────────────────────────────────────────────

    def roots(self) -> Sequence[Root]:
        """``sessions`` of every workspace: the configured ones and those beside the default one.

        The home is ``$PICOCLAW_HOME`` or ``~/.picoclaw``, the configuration ``$PICOCLAW_CONFIG`` or ``config.json``
        in the home; ``$PICOCLAW_AGENTS_DEFAULTS_WORKSPACE`` counts only where the configuration exists.
        """
        home = self._home()
        origin = next(
            (name for name in ("PICOCLAW_CONFIG", "PICOCLAW_HOME") if self.world.environ.get(name)), "default"
        )
        beside = sorted(home.workspaces[0].parent.glob("workspace-*"))
        defaults = ((workspace, origin) for workspace in (*home.workspaces, *beside))
        return places(self.world, self.name, defaults, _below)

    def _given(self) -> dict[str, str]:
        names = ("PICOCLAW_CONFIG", "PICOCLAW_HOME")
        return {name: self.world.environ[name] for name in names if self.world.environ.get(name)}

    def _home(self) -> _Home:
        folder = self.world.variable("PICOCLAW_HOME") or self.world.home / ".picoclaw"
        return self._configured(folder, self.world.variable("PICOCLAW_CONFIG") or folder / "config.json")

    def _configured(self, folder: Path, config: Path) -> _Home:
        told = settings.load(config)
        override = self.world.environ.get("PICOCLAW_AGENTS_DEFAULTS_WORKSPACE", "") if config.is_file() else ""
        named = override or settings.text(told, "agents", "defaults", "workspace")
        default = self.world.expand(named) if named else folder / "workspace"
        listed = settings.at(told, "agents", "list")
        agents = [mapping(agent) for agent in (listed if isinstance(listed, list) else ())]
        owned = [self._workspace(agent, default) for agent in agents]
        chosen = next((place for agent, place in zip(agents, owned, strict=True) if agent.get("default") is True), None)
        return _Home(chosen or next(iter(owned), default), tuple(dict.fromkeys((default, *owned))))

    def _workspace(self, agent: Record, default: Path) -> Path:
        id = _agent_id(text(agent.get("id")))
        if own := text(agent.get("workspace")):
            return self.world.expand(own)
        return default if agent.get("default") is True or id == "main" else default.parent / f"workspace-{id}"

    def scan(self, root: Root) -> Iterator[Source]:
        """One source a session; its id is the key that the meta or legacy file holds, else the file's stem."""
        seen: set[str] = set()
        for path, stem in _sessions(root.path):
            beside = meta_of(path)
            stamp = files.stamp(path, beside)
            held = self._objects.get(beside, stamp.rpartition(";")[2])
            if held is not None and _is_foreign(path, held):
                continue
            told = held or {}
            key = text(told.get("key")) or stem
            id = stem if key in seen else key
            seen.add(id)
            changed = _changed(told) or _modified(path)
            yield Source(SessionKey(self.name, id, str(root.path)), str(path), stamp, changed)

    def held(self, path: Path) -> Record | None:
        """What the meta file beside the lines at ``path``, or the legacy file itself, says of its session;
        ``None`` where that cannot be read, empty where there is none."""
        return self._objects.get(meta_of(path))

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────

    def head(self, source: Source) -> Session:
        """From the meta file and the first and last lines; a legacy file is read as a whole."""
        path = Path(source.path)
        if path.suffix != LINES:
            return self.read(source).session
        status, first, last = jsonl.edges(path, _EDGE)
        prompt = prompts.first_prompt(message_of(record, {}) for record in jsonl.objects(first))
        spoke = next(jsonl.objects(line for line in reversed(last) if b'"model_name"' in line), {})
        ends = (next(jsonl.objects(first), {}), next(jsonl.objects(reversed(last)), {}))
        span = (times.parse(ends[0].get("created_at")), times.parse(ends[1].get("created_at")))
        session = self._session(source, status, text(spoke.get("model_name")), span, prompt)
        held = self.held(path)
        if held is None:
            return _damaged(session)
        count, skip = integer(held.get("count")), integer(held.get("skip")) or 0
        counted = replace(session, message_count=count, archived_count=None if count is None else min(skip, count))
        return details_of(held).over(counted)

    def read(self, source: Source) -> model.Transcript:
        """The lines, with the summary behind those that it stands for, which may be gone from the file since."""
        path = Path(source.path)
        held = self.held(path)
        if held is None and path.suffix != LINES:
            raise StoreDamaged("not a readable session", where=str(path))
        transcript = self._transcript(source, Reading(path, held or {}), held)
        return with_forgotten(transcript, self.copies(source)) if transcript.session.summary else transcript

    def tail(self, source: Source) -> Sequence[model.Message] | None:
        """The last messages of a long file."""
        path = Path(source.path)
        return Reading(path, {}, tail=TAIL_BYTES).messages() if path.suffix == LINES and is_long(path) else None

    def _transcript(self, source: Source, reading: Reading, held: Record | None) -> model.Transcript:
        prompt = prompts.first_prompt(islice(reading.messages(), _PROMPT_SEARCH))
        transcript = reading.transcript(
            self._session(source, reading.records.status, reading.model, reading.span(), prompt)
        )
        if held is None:
            return replace(transcript, session=_damaged(transcript.session))
        return details_of(held).about(transcript)

    def _session(
        self,
        source: Source,
        status: os.stat_result,
        model_name: str,
        span: tuple[datetime | None, datetime | None],
        prompt: str,
    ) -> Session:
        path = Path(source.path)
        held = self.held(path)
        told = held or {}
        summary, scope = text(told.get("summary")), _scope(source.key.id, mapping(told.get("scope")))
        title, title_source = titled("", prompt, summary)
        backup = path.name.endswith(BACKUP)
        dropped = _DROPPED.search(summary) or _DROPPED.search(prompt)
        return Session(
            key=source.key,
            title=title,
            title_source=title_source,
            first_prompt=prompt,
            model=model_name or None,
            state=model.SessionState.ARCHIVED if backup else model.SessionState.ACTIVE,
            kind=_kind(source.key.id, scope),
            scope=scope,
            created_at=times.parse(told.get("created_at") or told.get("created")) or span[0],
            updated_at=_changed(told) or span[1] or files.modified_at(status),
            last_active_at=span[1],
            context_window=tokens.window(model_name),
            summary=summary or None,
            summary_message_id=SUMMARY_ID if summary else None,
            metadata={"dropped_messages": int(dropped[1])} if dropped else {},
            custom_data=_routing(told),
            size_bytes=status.st_size,
            path=source.path,
            extra={name: told[name] for name in told if name not in (*_META_KEYS, *_LEGACY_KEYS)},
        )

    # ── what can be done ──────────────────────────────────────────────────────────────────────────────

    def resume(self, session: Session) -> model.Launch | model.Refusal:
        """``picoclaw agent -s KEY``, where the program honours the key and looks for it: other keys and the
        workspaces of other agents it answers with a new, empty session."""
        key, path = session.key.id, Path(session.path)
        if path.name.endswith(BACKUP):
            return model.Refusal("only the backup from before a migration is left", "hand it off to another session")
        if not key.startswith(RESUMABLE):
            reason = f"PicoClaw continues no session whose key does not begin with {' or '.join(RESUMABLE)}"
            return model.Refusal(reason, "continue it in its own channel, or hand it off")
        environ = self._environ(path.parent)
        if environ is None:
            reason = "it belongs to another agent's workspace than the one a terminal is routed to"
            return model.Refusal(reason, "make that agent the default in PicoClaw's configuration")
        return model.Launch(("picoclaw", "agent", "-s", key), None, environ, self._warning(session, path.parent))

    def _environ(self, sessions: Path) -> Mapping[str, str] | None:
        """The variables by which a terminal is routed to ``sessions``, ``None`` where none do that."""
        given, sessions = self._given(), sessions.resolve()
        if (self._home().routed / "sessions").resolve() == sessions:
            return given
        home = sessions.parent.parent
        config = home / "config.json"
        if (self._configured(home, config).routed / "sessions").resolve() != sessions:
            return None
        return {"PICOCLAW_HOME": str(home)} | ({"PICOCLAW_CONFIG": str(config)} if "PICOCLAW_CONFIG" in given else {})

    def _warning(self, session: Session, sessions: Path) -> str:
        key = session.key.id
        metas = (path for path, _ in _sessions(sessions) if path.suffix == LINES)
        taken = next((held for path in metas if (held := self.held(path)) and key in aliases_of(held)), {})
        if taken:
            return f"newer versions continue {text(taken.get('key'))} instead, which lists this key as an alias"
        if session.scope and session.scope.channel not in ("", "cli"):
            return "a running gateway writes to the same files, and nothing keeps the two apart"
        return ""

    def check(self, root: Root) -> Iterator[Problem]:
        """Files that cannot be read, files that the next start of the program would take in or replace."""
        paths = dict(_sessions(root.path))
        for path in paths:
            held = self.held(path)
            if held is None:
                yield Problem(str(meta_of(path)), "not readable as JSON", _ALIKE)
            elif _is_foreign(path, held):
                yield Problem(str(path), "not a session", "PicoClaw takes it for one at its next start and renames it")
            elif path.suffix == LINES and not held:
                yield Problem(str(path), "no meta file beside it", "its real key is not known")
            if path.suffix == LINES and (older := path.with_suffix(LEGACY)).is_file():
                yield Problem(str(older), f"PicoClaw replaces {path.name} by it at its next start", "move it away")


def _below(path: Path) -> Iterator[Path]:
    """The sessions of a workspace, an agent's home or a person's home, or ``path`` itself."""
    home = path / ".picoclaw"
    if home.is_dir():
        path = home
    found = [place for place in (path / "sessions", *sorted(path.glob("workspace*/sessions"))) if place.is_dir()]
    if found:
        yield from found
    elif path.is_dir() and (path.name == "sessions" or any(path.glob(f"*{META}"))):
        yield path


def _sessions(folder: Path) -> Iterator[tuple[Path, str]]:
    """The files that stand for sessions, with their stems: of each stem the lines, else the legacy file, else
    its backup or a lone meta file."""
    there = {entry.name for entry in files.entries(folder) if entry.is_file()}
    doubled = (name for name in there if name.endswith(LINES) and name.removesuffix(LINES) + LEGACY in there)
    names = there - {name for name in doubled if gives_way(folder / name)}
    for name in sorted(names):
        suffix = next((end for end in (LINES, META, BACKUP, LEGACY) if name.endswith(end)), "")
        stem = name.removesuffix(suffix)
        if suffix and not any(stem + end in names for end in _BETTER[suffix]):
            yield folder / name, stem


def gives_way(path: Path) -> bool:
    """Whether the lines at ``path`` are none while there is a legacy file, which the program shows then."""
    try:
        return path.with_suffix(LEGACY).is_file() and not path.stat().st_size
    except OSError:
        return False


def stem_of(key: str) -> str:
    """The name of the files of the session ``key``, without what they end in."""
    return key.translate(_IN_NAMES)


def meta_of(path: Path) -> Path:
    """The meta file of the lines at ``path``; any other file says itself what there is to say."""
    return path.with_suffix(META) if path.suffix == LINES else path


def _damaged(session: Session) -> Session:
    """A session whose meta file cannot be read; the program then refuses everything but appending to it."""
    problem = Problem(str(meta_of(Path(session.path))), "the meta file cannot be read", _ALIKE)
    return replace(session, health=Health.PARTIAL, problems=(problem, *session.problems))


def _is_foreign(path: Path, held: Record) -> bool:
    return not path.name.endswith((LINES, META)) and not held.keys() & {"key", "messages"}


def _changed(held: Record) -> datetime | None:
    return times.parse(held.get("updated_at") or held.get("updated"))


def _modified(path: Path) -> datetime | None:
    try:
        return files.modified_at(path.stat())
    except OSError:
        return None


def _agent_id(id: str) -> str:
    """An agent's id as the program spells it in directory names."""
    plain = id.strip().lower()
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", plain):
        return plain
    return re.sub(r"[^a-z0-9_-]+", "-", plain).strip("-")[:64] or "main"


def aliases_of(held: Record) -> list[str]:
    """The further keys of the session that a meta file names, each once and without its own."""
    named = held.get("aliases")
    found = [alias for alias in (named if isinstance(named, list) else ()) if isinstance(alias, str)]
    return [alias for alias in dict.fromkeys(found) if alias not in ("", held.get("key"))]


def _routing(held: Record) -> Record:
    told = {name: held[name] for name in ROUTING if name in held}
    return told | {"aliases": aliases_of(held)} if "aliases" in told else told


def details_of(held: Record) -> Details:
    """What a meta file keeps of ours; what leads to the session is always as the program has it."""
    found = details.parse(held.get(DETAILS, {}))
    if "custom_data" not in found.session:
        return found
    data = {**mapping(found.session["custom_data"]), **_routing(held)}
    return replace(found, session={**found.session, "custom_data": data})


def _scope(key: str, scope: Record) -> model.Scope | None:
    """Agent, channel, peer and thread, from the recorded scope or from a key that spells them out:
    ``agent:ID[:CHANNEL[:ACCOUNT]]:KIND:PEER``."""
    if scope:
        values = mapping(scope.get("values"))
        kind, _, chat = text(values.get("chat")).partition(":")
        peer, _, forum = chat.partition("/") if kind == "group" else (chat or kind, "", "")
        thread = text(values.get("topic")).rpartition(":")[2] or forum or None
        channel = text(scope.get("channel"))
        return model.Scope(text(scope.get("agent_id")), channel, peer or text(values.get("sender")), thread)
    found = re.fullmatch(r"agent:([^:]+)(?::([^:]+))?(?::[^:]+)?:(?:direct|group|channel):(.+)", key)
    return model.Scope(found[1], found[2] or "", found[3]) if found else None


def _kind(key: str, scope: model.Scope | None) -> SessionKind:
    unattended = key == "heartbeat" or key.startswith(("cron:", "agent:cron-")) or (scope and scope.channel == "cron")
    return SessionKind.HEADLESS if unattended else SessionKind.MAIN
