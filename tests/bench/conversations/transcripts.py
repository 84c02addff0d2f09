"""Writes invented sessions in the formats of two agents, with what is to be planted in them at its depth."""

from __future__ import annotations

import random
import re
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from tests.bench.conversations.needles import Plant
from tests.bench.conversations.prose import Language

Record = dict[str, object]
_encode = msgspec.json.Encoder().encode
_TOOLS: Final = ("Bash", "Read", "Grep", "Edit")
_IMAGE_FROM: Final = 2 << 20
"""Bytes from which a session holds images."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What a session is to be: its place in the plan, agent, id, directory, last activity, bytes and plants."""

    number: int
    agent: str
    id: str
    project: str
    ended: datetime
    size: int
    plants: tuple[Plant, ...] = ()


class Transcript(ABC):
    """One session being written; ``lines`` are what its file holds, ``name`` where it stands in the home."""

    def __init__(self, outline: Outline, language: Language, seed: int) -> None:
        """Prepare to write the session of ``outline``."""
        self.outline = outline
        self.language = language
        self.dice = random.Random(f"session {seed} {outline.number}")
        self.lines: list[bytes] = []
        self.size = 0
        self.messages = 0
        self._clock = outline.ended - timedelta(seconds=outline.size / 200)
        self._waiting = sorted(
            (plant for plant in outline.plants if plant.where != "title"), key=lambda one: -one.depth
        )
        self.title = " ".join(plant.text for plant in outline.plants if plant.where == "title")
        self._is_last = False
        self.foreign = self.dice.random() < 0.06

    @property
    @abstractmethod
    def name(self) -> str:
        """The file's path in the home."""

    @abstractmethod
    def begin(self) -> None:
        """What a file begins with."""

    @abstractmethod
    def say(self, role: str, text: str) -> None:
        """Something said by the user or the assistant."""

    @abstractmethod
    def think(self, text: str) -> None:
        """Something the assistant thought."""

    @abstractmethod
    def work(self, given: str, output: str) -> None:
        """A call of a tool and what it gave back."""

    @abstractmethod
    def show(self, size: int) -> None:
        """An image of ``size`` characters of base64."""

    # ── what subclasses use ───────────────────────────────────────────────────────────────────────────

    def put(self, record: Record) -> None:
        """Add one line."""
        line = _encode(record) + b"\n"
        self.lines.append(line)
        self.size += len(line)

    def now(self) -> str:
        """The next moment."""
        self._clock = min(self._clock + timedelta(seconds=self.dice.uniform(1, 30)), self.outline.ended)
        return f"{self._clock:%Y-%m-%dT%H:%M:%S}.{self._clock.microsecond // 1000:03}Z"

    def token(self) -> str:
        """An identifier as programs give them."""
        return f"{self.dice.getrandbits(96):024x}"

    # ── the conversation ──────────────────────────────────────────────────────────────────────────────

    def write(self) -> bytes:
        """The whole file, as long as its outline asks for or a little longer."""
        self.begin()
        turns = max(2, round((self.outline.size / 8000) ** 0.65))
        for turn in range(turns):
            self._turn(self.outline.size * (turn + 1) / turns)
        self._is_last = True
        if self._waiting:
            self._turn(self.size)
        return b"".join(self.lines)

    def _turn(self, until: float) -> None:
        """A question, some work, and an answer, until the file is ``until`` bytes long."""
        self.say("user", self._spoken("user"))
        while self.size < until - 900 or self._is_due("thinking", "call", "output"):
            if self.dice.random() < 0.45 or self._is_due("thinking"):
                self.think(self._with(self.language.prose(self.dice, self.dice.randint(1, 5)), "thinking"))
            if self.outline.size > _IMAGE_FROM and self.dice.random() < 0.01:
                self.show(self.dice.randint(100_000, 600_000))
            size = min(int(self.dice.lognormvariate(7.5, 1.1)), 40_000, max(200, int(until - self.size)))
            given = self._with(f"rg -n {self.language.identifier(self.dice)} src", "call")
            self.work(given, self._with(self.language.output(self.dice, size), "output"))
        self.say("assistant", self._spoken("assistant", "code"))

    def _spoken(self, *wheres: str) -> str:
        dice, language = self.dice, self.language
        parts = [language.prose(dice, dice.randint(1, 6)) for _ in range(dice.randint(1, 2))]
        if self.foreign and dice.random() < 0.6:
            parts.insert(0, language.foreign(dice, dice.randint(10, 60)))
        parts[0] = self._with(parts[0], wheres[0])
        if dice.random() < 0.25 or self._is_due("code"):
            block = language.code(dice, dice.randint(2, 12))
            for text in self._due("code") if "code" in wheres else ():
                block = block.removesuffix("\n```") + f"\n    {text}\n```"
            parts.append(block)
        self.messages += 1
        return "\n\n".join(parts)

    def _is_due(self, *wheres: str) -> bool:
        return any(True for plant in self._reached() if plant.where in wheres)

    def _reached(self) -> Iterator[Plant]:
        for plant in reversed(self._waiting):
            if plant.depth * self.outline.size > self.size and not self._is_last:
                return
            yield plant

    def _due(self, where: str) -> list[str]:
        due = [plant for plant in self._reached() if plant.where == where]
        self._waiting = [plant for plant in self._waiting if plant not in due]
        return [plant.text for plant in due]

    def _with(self, text: str, where: str) -> str:
        """``text`` with what is due in it, each between two words."""
        for planted in self._due(where):
            gap = text.find(" ", self.dice.randrange(len(text) or 1))
            text = f"{text[:gap]} {planted} {text[gap + 1 :]}" if gap >= 0 else f"{text} {planted}"
        return text


class _Claude(Transcript):
    _parent: str | None = None

    @property
    def name(self) -> str:
        folder = re.sub(r"[^A-Za-z0-9]", "-", self.outline.project)
        return f".claude/projects/{folder}/{self.outline.id}.jsonl"

    def _put(self, kind: str, message: Record, **more: object) -> None:
        id = str(uuid.UUID(int=self.dice.getrandbits(128), version=4))
        head: Record = {"parentUuid": self._parent, "isSidechain": False, "userType": "external"}
        head |= {"cwd": self.outline.project, "sessionId": self.outline.id, "version": "2.0.14", "gitBranch": "main"}
        self.put({**head, "type": kind, "message": message, "uuid": id, "timestamp": self.now(), **more})
        self._parent = id

    def _answer(self, block: Record) -> None:
        used = {"input_tokens": self.dice.randint(1, 20), "output_tokens": self.dice.randint(20, 900)}
        used |= {"cache_read_input_tokens": self.dice.randint(4_000, 150_000)}
        head: Record = {"id": f"msg_{self.token()}", "type": "message", "role": "assistant", "model": "claude-opus-4-5"}
        self._put("assistant", {**head, "content": [block], "stop_reason": None, "usage": used})

    def begin(self) -> None:
        if self.title:
            self.put({"type": "ai-title", "sessionId": self.outline.id, "aiTitle": f"Notes on {self.title}"})

    def say(self, role: str, text: str) -> None:
        if role == "user":
            self._put("user", {"role": "user", "content": text})
        else:
            self._answer({"type": "text", "text": text})

    def think(self, text: str) -> None:
        signature = self.language.binary(self.dice, self.dice.randint(300, 900))
        self._answer({"type": "thinking", "thinking": text, "signature": signature})

    def work(self, given: str, output: str) -> None:
        call = f"toolu_{self.token()}"
        tool = self.dice.choice(_TOOLS)
        inputs: Record = {"command": given} if tool == "Bash" else {"pattern": given, "file_path": "/srv/a.py"}
        self._answer({"type": "tool_use", "id": call, "name": tool, "input": inputs})
        result: Record = {"type": "tool_result", "tool_use_id": call, "content": output, "is_error": False}
        told = {"stdout": output, "stderr": "", "interrupted": False} if self.dice.random() < 0.5 else "done"
        self._put("user", {"role": "user", "content": [result]}, toolUseResult=told)

    def show(self, size: int) -> None:
        data = {"type": "base64", "media_type": "image/png", "data": self.language.binary(self.dice, size)}
        self._put("user", {"role": "user", "content": [{"type": "image", "source": data}]})


class _Codex(Transcript):
    @property
    def name(self) -> str:
        day = self._clock_at_start
        return f".codex/sessions/{day:%Y/%m/%d}/rollout-{day:%Y-%m-%dT%H-%M-%S}-{self.outline.id}.jsonl"

    @property
    def _clock_at_start(self) -> datetime:
        return self.outline.ended - timedelta(seconds=self.outline.size / 200)

    def _put(self, kind: str, payload: Record) -> None:
        self.put({"timestamp": self.now(), "type": kind, "payload": payload})

    def _item(self, kind: str, **payload: object) -> None:
        self._put("response_item", {"type": kind, **payload})

    def _event(self, kind: str, **payload: object) -> None:
        self._put("event_msg", {"type": kind, **payload})

    def begin(self) -> None:
        git = {"branch": "main", "commit_hash": self.token()}
        about: Record = {"id": self.outline.id, "timestamp": self.now(), "cwd": self.outline.project, "git": git}
        about |= {"originator": "codex_cli_rs", "cli_version": "0.58.0", "source": "cli"}
        self._put("session_meta", {**about, "instructions": self.language.prose(self.dice, 8)})

    def say(self, role: str, text: str) -> None:
        if role == "user":
            self._put("turn_context", {"cwd": self.outline.project, "model": "gpt-5-codex", "effort": "medium"})
            self._event("user_message", message=text, images=[])
            self._item("message", role="user", content=[{"type": "input_text", "text": text}])
        else:
            self._event("agent_message", message=text)
            self._item("message", role="assistant", content=[{"type": "output_text", "text": text}])

    def think(self, text: str) -> None:
        hidden = self.language.binary(self.dice, self.dice.randint(500, 2000))
        self._event("agent_reasoning", text=text)
        self._item("reasoning", summary=[{"type": "summary_text", "text": text}], encrypted_content=hidden)

    def work(self, given: str, output: str) -> None:
        call = f"call_{self.token()}"
        arguments = _encode({"command": ["bash", "-lc", given], "workdir": self.outline.project}).decode()
        printed = _encode({"output": output, "metadata": {"exit_code": 0, "duration_seconds": 0.2}}).decode()
        self._item("function_call", name="shell", arguments=arguments, call_id=call)
        self._item("function_call_output", call_id=call, output=printed)
        used = {"input_tokens": self.dice.randint(1, 10**6), "output_tokens": self.dice.randint(1, 10**5)}
        self._event("token_count", info={"total_token_usage": used, "model_context_window": 272_000})

    def show(self, size: int) -> None:
        url = f"data:image/png;base64,{self.language.binary(self.dice, size)}"
        self._item("message", role="user", content=[{"type": "input_image", "image_url": url}])


_FORMATS: Final[dict[str, type[Transcript]]] = {"claude": _Claude, "codex": _Codex}
AGENTS: Final = tuple(_FORMATS)


def transcript(outline: Outline, language: Language, seed: int) -> Transcript:
    """A session to be written in its agent's format."""
    return _FORMATS[outline.agent](outline, language, seed)


def said_to(agent: str, id: str, text: str) -> bytes:
    """A line in which a user says ``text`` now, as the agent writes it at the end of a session."""
    moment = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000Z"
    if agent == "claude":
        record: Record = {"parentUuid": None, "isSidechain": False, "type": "user", "sessionId": id}
        record |= {"uuid": str(uuid.uuid4()), "message": {"role": "user", "content": text}}
    else:
        content = [{"type": "input_text", "text": text}]
        record = {"type": "response_item", "payload": {"type": "message", "role": "user", "content": content}}
    return _encode({**record, "timestamp": moment}) + b"\n"


def names_file(home: Path) -> Path:
    """Where one of the agents keeps the names of its sessions."""
    return home / ".codex/session_index.jsonl"
