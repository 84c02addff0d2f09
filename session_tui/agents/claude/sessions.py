"""Claude Code: one JSON Lines file a session in a folder per project below ``~/.claude/projects``.

Every record of a conversation names the one before it: a tree, of which the program goes on from one branch (see
`branches`). Archived is what it would not send next: other branches, what stands before the last compaction and was
not kept by it, notices that it only shows, and the talk of sub-agents that older programs wrote in between.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from heapq import nlargest
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from session_tui import model, tokens
from session_tui.adapters import files, jsonl, listing
from session_tui.adapters.base import Adapter, Belongings, Root, Source, World, places
from session_tui.adapters.listing import Entries
from session_tui.adapters.passages import Passage
from session_tui.adapters.rows import integer, mapping, text
from session_tui.adapters.tails import TAIL_BYTES, is_long
from session_tui.adapters.tallies import Tally
from session_tui.agents.claude import content, heading
from session_tui.agents.claude import places as folders
from session_tui.agents.claude.heading import Heading, titled
from session_tui.agents.claude.passages import passages
from session_tui.agents.claude.places import AGENT, INDEX, LINES, META, Found
from session_tui.agents.claude.reading import Reading
from session_tui.agents.claude.tallying import tally
from session_tui.errors import StoreDamaged
from session_tui.model import Attachment, Problem, Session, SessionKey, SessionKind, TokenSource

_LONG_WINDOW: Final = 1_000_000
"""Tokens; the window of the models that can be asked for a longer one than usual."""
_PROMPT_SEARCH: Final = 2000
_OUTPUT_LIMIT: Final = 64 * 1024 * 1024
_BESIDE: Final = ("session-env", "file-history")
"""Directories of the program with one for each session in them."""


class Claude(Adapter):
    """The sessions, forks and sub-agents' talks of Claude Code."""

    name = "claude"
    label = "Claude Code"
    mark = "✳"
    color = "#d97757"
    program = "claude"
    yolo = ("--dangerously-skip-permissions",)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._objects = listing.Objects()
        self._lists: dict[str, tuple[object, Entries]] = {}

    # ── what there is ─────────────────────────────────────────────────────────────────────────────────

    def roots(self) -> Sequence[Root]:
        """``projects`` in the directory that ``CLAUDE_CONFIG_DIR`` names, else in ``~/.claude`` and its like."""
        return places(self.world, self.name, folders.defaults(self.world), folders.below)

    def scan(self, root: Root) -> Iterator[Source]:
        """Every session, those of sub-agents among them. An id that comes again is told from the first by the
        folders it stands in."""
        lists: dict[str, Entries] = {}
        return (self._source(key, found, lists) for key, found in self._found(root))

    def newest(self, root: Root, limit: int) -> Sequence[Source]:
        """The sessions whose files were changed last; sources are made of these alone."""
        latest = nlargest(limit, self._found(root), key=lambda each: each[1].status.st_mtime)
        lists: dict[str, Entries] = {}
        return [self._source(key, found, lists) for key, found in latest]

    def _found(self, root: Root) -> Iterator[tuple[SessionKey, Found]]:
        seen: set[str] = set()
        place = str(root.path)
        for found in folders.sessions(root.path):
            id = found.path[found.path.rindex("/") + 1 :].removesuffix(LINES)
            if id in seen:
                id = os.path.relpath(found.path, root.path).removesuffix(LINES)
            seen.add(id)
            yield SessionKey(self.name, id, place), found

    def _source(self, key: SessionKey, found: Found, lists: dict[str, Entries]) -> Source:
        stamp = files.stamp_of(found.status)
        if key.id.rpartition("/")[2].startswith(AGENT):
            stamp = f"{stamp};{files.stamp(_meta(found.path))}"
        else:
            folder, _, name = found.path.rpartition("/")
            entries = lists.get(folder)
            if entries is None:
                entries = lists[folder] = self._list(folder)
            if entries and (listed := entries.get(name.removesuffix(LINES))):
                stamp = f"{stamp};{zlib.crc32(msgspec.json.encode(listed.get('summary')))}"
        return Source(key, found.path, stamp, files.modified_at(found.status))

    def _listed(self, path: str) -> Mapping[str, object]:
        """What the project's list, which may be missing or old, says of the session at ``path``."""
        folder, _, name = path.rpartition("/")
        return self._list(folder).get(name.removesuffix(LINES), {})

    def _list(self, folder: str) -> Entries:
        told = self._objects.get(Path(folder, INDEX)) or {}
        known, entries = self._lists.get(folder, (None, {}))
        if known is not told:
            rows = told.get("entries")
            entries = (
                {text(mapping(row).get("sessionId")): mapping(row) for row in rows} if isinstance(rows, list) else {}
            )
            self._lists[folder] = (told, entries)
        return entries

    def head(self, source: Source) -> Session:
        """From the first and the last 64 KB."""
        return self._session(source, self._heading(source))

    def read(self, source: Source) -> model.Transcript:
        """The whole file; a message is decoded when it is asked for."""
        found = self._heading(source)
        reading = Reading(Path(source.path))
        found.model = reading.model or found.model
        found.titles |= {kind: told for kind, told in reading.titles.items() if kind != "summary"}
        found.titles["summary"] = reading.summaries()
        found.prompt = found.prompt or content.first_prompt(islice(reading.messages(), _PROMPT_SEARCH))
        transcript = reading.transcript(self._session(source, found))
        session = replace(
            transcript.session,
            token_usage=reading.usage(),
            context_window=_window(found.model, transcript.session.token_count),
        )
        return replace(
            transcript,
            session=session,
            costs=reading.costs(),
            files_read=reading.files_read(),
            unknown_records=dict(reading.unknown),
        )

    def tail(self, source: Source) -> Sequence[model.Message] | None:
        """The last messages of a long file."""
        path = Path(source.path)
        return Reading(path, tail=TAIL_BYTES).messages() if is_long(path) else None

    def appended(self, source: Source) -> Path:
        """The session's file: the program only ever adds to it."""
        return Path(source.path)

    def passages(self, source: Source, start: int, end: int, *, work: bool = True) -> Iterator[Passage]:
        """The texts of the file's own lines, those of all branches."""
        return passages(Path(source.path), start, end, work=work)

    def tallied(self, source: Source) -> tuple[model.Transcript, Tally]:
        """The file's messages and answers; what a fork inherited is told by the answers' ids."""
        return self.read(source), tally(Path(source.path))

    def _heading(self, source: Source) -> Heading:
        path = Path(source.path)
        found = heading.heading(path.stem, _project_folder(path), jsonl.edges(path, heading.EDGE))
        if found.kind is SessionKind.SUBAGENT and path.parent.name != _project_folder(path):
            found.parent = _owner(path)
        return found

    def _session(self, source: Source, found: Heading) -> Session:
        listed: Mapping[str, object] = self._listed(source.path)
        if found.kind is SessionKind.SUBAGENT:
            listed = {"summary": (self._objects.get(_meta(source.path)) or {}).get("description")}
        title, title_source = titled(found.titles, listed, found.prompt)
        return Session(
            key=source.key,
            title=title,
            title_source=title_source,
            first_prompt=found.prompt,
            project=found.project,
            git_branch=found.git_branch,
            model=found.model or None,
            provider="anthropic" if found.model.startswith("claude") else None,
            kind=found.kind,
            parent=found.parent,
            created_at=found.created_at,
            updated_at=found.updated_at,
            last_active_at=found.updated_at,
            token_count=found.fill,
            token_source=TokenSource.RECORDED if found.fill else TokenSource.NONE,
            context_window=_window(found.model, found.fill),
            metadata={"version": found.version} if found.version else {},
            size_bytes=found.status.st_size,
            path=source.path,
        )

    # ── what can be done ──────────────────────────────────────────────────────────────────────────────

    def resume(self, session: Session) -> model.Launch | model.Refusal:
        """``claude --resume ID`` in the session's project, the one place where every version looks for the id."""
        return self._continued(session)

    def fork(self, session: Session) -> model.Launch | model.Refusal:
        """``claude --resume ID --fork-session``: a copy under another id goes on."""
        return self._continued(session, "--fork-session")

    def _continued(self, session: Session, *options: str) -> model.Launch | model.Refusal:
        id = Path(session.path).stem
        if session.kind is SessionKind.SUBAGENT:
            hint = f"resume the session it belongs to: {session.parent}" if session.parent else ""
            return model.Refusal("Claude Code cannot continue a sub-agent's conversation by itself", hint)
        if not folders.is_id(id):
            reason = f"Claude Code does not accept the id {id!r}"
            return model.Refusal(reason, "it takes UUIDs; the file may have been renamed")
        environment = folders.environment(self.world, session.key.root)
        return model.Launch(("claude", "--resume", id, *options), session.project, environment)

    def start(self, prompt: str, cwd: str | None) -> model.Launch | model.Refusal:
        """``claude PROMPT`` in ``cwd``."""
        return model.Launch(("claude", "--", prompt), cwd)

    def headless(self) -> tuple[str, ...]:
        """``claude -p``, which reads a prompt and prints the answer."""
        return ("claude", "-p")

    def belongings(self, session: Session) -> Belongings:
        """The file, the directory of the same name, and what the program keeps of the session elsewhere. The lists
        of a project and of all prompts are the program's own to bring up to date."""
        path = Path(session.path)
        if session.kind is SessionKind.SUBAGENT:
            beside = [_meta(session.path)]
        else:
            beside = [path.with_suffix(""), *(Path(session.key.root).parent / name / path.stem for name in _BESIDE)]
        return Belongings((path, *(each for each in beside if each.exists())))

    def live(self, session: Session) -> bool | None:
        """Whether a running process says in ``sessions/<pid>.json`` that it has the session open; old programs leave
        no word."""
        folder = Path(session.key.root).parent / "sessions"
        if not folder.is_dir():
            return None
        id = Path(session.path).stem
        return any(
            told.get("sessionId") == id and _is_running(integer(told.get("pid")) or int(entry.name.partition(".")[0]))
            for entry in files.entries(folder)
            if entry.name.endswith(".json") and entry.name.partition(".")[0].isdecimal()
            if (told := self._objects.get(Path(entry.path)))
        )

    def spilled(self, session: Session, block: Attachment) -> str:
        """The whole of an output that the program keeps in a file of its own.

        Raises:
            StoreError: it stands for no such file, or the file cannot be read.
        """
        path = content.spilled_path(block, Path(session.path).with_suffix(""))
        if path is None:
            raise StoreDamaged("not an output of this session", where=block.url or block.name)
        return files.read(path, limit=_OUTPUT_LIMIT).decode("utf-8", "replace")

    def check(self, root: Root) -> Iterator[Problem]:
        """Lists of projects that cannot be read."""
        for folder in files.entries(root.path):
            path = Path(folder.path, INDEX)
            if path.is_file() and self._objects.get(path) is None:
                hint = "Claude Code writes it anew from the session files, which are not affected"
                yield Problem(str(path), "not a list of sessions", hint)


def _project_folder(path: Path) -> str:
    """The name of the project folder that a session's file lies in, of a sub-agent's too."""
    return _session_folder(path).parent.name if _session_folder(path) != path else path.parent.name


def _session_folder(path: Path) -> Path:
    """The directory of the session whose sub-agent's file ``path`` is; ``path`` where it stands among sessions."""
    return next((each.parent for each in path.parents if each.name == "subagents"), path)


def _owner(path: Path) -> str | None:
    """The session whose directory a sub-agent's file lies in."""
    folder = _session_folder(path)
    return folder.name if folder != path else None


def _meta(path: str) -> Path:
    """What is known of a sub-agent beside its talk."""
    return Path(path.removesuffix(LINES) + META)


def _window(name: str, fill: int | None) -> int | None:
    """The context window of a model; one that holds more than usual must be the longer one."""
    known = tokens.window(name)
    return _LONG_WINDOW if known and (name.endswith("[1m]") or (fill or 0) > known) else known


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return process > 0
