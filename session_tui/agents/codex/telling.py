"""What a line tells of the conversation: who speaks, what kind of message it is, the words in it that can be compared.

`told` looks at one line alone. Which of two lines that tell the same is the message, `Twins` finds out: a response
item is always one, an event only where no response item says what it says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from session_tui.adapters import conversation, jsonl, prompts
from session_tui.agents.codex.messages import ROLES, notice_of, prompt_of
from session_tui.agents.codex.records import EVENT, RESPONSE, Envelope, Item, Part, Payload
from session_tui.model import Role

# What the program puts before a session or between turns as if a person had said it.
_INJECTED = re.compile(
    r"\s*(?:# AGENTS\.md instructions|<(?:environment_context|user_instructions|INSTRUCTIONS|turn_aborted|"
    r"permissions instructions|permissions|skills?|skills_instructions|skill_instructions|user_shell_command|"
    r"collaboration_mode|personality_spec|apps_instructions|plugins_instructions|model_switch|"
    r"subagent_notification|user_action|hook_prompt)>)"
)
ABORTED: Final = "<turn_aborted>"
_FOLDED: Final = 80
_ENDINGS: Final = "_end"
SEALED: Final = ("compaction", "compaction_summary", "context_compaction")
"""Items that hold a summary only its provider can read."""


class Kind(StrEnum):
    """What a message is: words, a model's reasoning, a call of a tool, its result, or a notice of the program."""

    TEXT = "text"
    THINKING = "thinking"
    CALL = "tool_call"
    RESULT = "tool_result"
    NOTICE = "notice"


class Entry(conversation.Entry, gc=False):
    """A message that a line tells. ``texts`` are its words as far as they are told apart cheaply: all of messages
    and reasoning, none of tools; they are let go of when the message is placed, and ``key`` tells messages of the
    same words from then on. ``shown`` marks an event, ``dropped`` one that a response item stands for; ``meta`` what
    no person or model said, ``suspect`` what looks like it, ``person`` what a person is known to have said. ``call``
    is the id of a tool's call and ``tool`` its name. ``origin`` is the rollout that holds the line where that is not
    the session's own; ``inherited`` says so."""

    kind: Kind = Kind.TEXT
    texts: Sequence[str] = ()
    shown: bool = False
    meta: bool = False
    suspect: bool = False
    person: bool = False
    call: str = ""
    tool: str = ""
    failed: bool = False
    dropped: bool = False
    inherited: bool = False
    key: int = 0
    model: str | None = None
    origin: jsonl.Records | None = None


def told(envelope: Envelope, length: int) -> Entry | None:
    """The message that a line of ``length`` bytes tells, ``None`` where it tells none. Its id is empty where it has
    none, and its place in the file is for the caller to say."""
    payload = envelope.payload
    if payload is None:
        return None
    if envelope.type == RESPONSE:
        return _response(envelope, payload, length)
    return _event(payload) if envelope.type == EVENT else None


def _response(envelope: Envelope, payload: Payload, length: int) -> Entry | None:
    kind, id = payload.type, payload.id or ""
    if kind == "message":
        return _message(envelope, payload)
    if kind.endswith("_output"):
        return Entry(id, Role.TOOL, _FOLDED, length, kind=Kind.RESULT, call=payload.call_id or "")
    if kind.endswith("_call"):
        call, tool = payload.call_id or id, payload.name or kind.removesuffix("_call")
        return Entry(id, Role.ASSISTANT, _FOLDED, length, kind=Kind.CALL, call=call, tool=tool)
    if kind == "reasoning":
        texts = [*_texts(payload.summary), *_texts(payload.content)]
        weight = sum(map(len, texts))
        size = weight + len(payload.encrypted_content)
        return Entry(id, Role.ASSISTANT, weight or _FOLDED, size, kind=Kind.THINKING, texts=texts)
    if kind in SEALED:
        return Entry(id, Role.ASSISTANT, _FOLDED, length, kind=Kind.THINKING, meta=True)
    return None


def _message(envelope: Envelope, payload: Payload) -> Entry:
    role = ROLES.get(payload.role or "", Role.SYSTEM)
    texts = _texts(payload.content)
    weight = sum(map(len, texts))
    found = Entry(payload.id or "", role, weight or _FOLDED, weight, texts=texts)
    if role is Role.SYSTEM or (envelope.metadata and envelope.metadata.compaction_output):
        found.meta = True
    elif role is Role.USER:
        kinds = payload.passthrough.content_item_kinds if payload.passthrough else None
        if kinds:
            found.person = any(kind.startswith("user.") for kind in kinds)
            found.meta = not found.person
        elif texts:
            found.meta = all(is_injected(text) for text in texts)
            found.suspect = all(text[:1] == "<" and text.rstrip()[-1:] == ">" for text in texts)
    return found


def is_injected(text: str) -> bool:
    """Whether the program wrote ``text`` as if a person had."""
    return bool(_INJECTED.match(text)) or prompts.is_injected(text)


def _texts(parts: list[Part] | str | None) -> list[str]:
    if isinstance(parts, str):
        return [parts]
    return [part.text for part in parts or () if part.text]


def _event(payload: Payload) -> Entry | None:
    match payload.type:
        case "user_message":
            return _shown(Kind.TEXT, Role.USER, payload.id, [payload.message or ""])
        case "agent_message":
            return _shown(Kind.TEXT, Role.ASSISTANT, payload.id, [payload.message or ""])
        case "agent_reasoning" | "agent_reasoning_raw_content":
            return _shown(Kind.THINKING, Role.ASSISTANT, payload.id, [payload.text or ""])
        case "item_completed" if payload.item:
            return _completed(payload.item)
        case "task_complete" | "turn_complete" if not len(payload.error) or payload.error == b"null":
            return None
        case "task_complete" | "turn_complete" | "turn_aborted" | "error" | "stream_error" | "warning":
            return _notice(payload)
        case kind if kind.endswith(_ENDINGS) and payload.call_id:
            failed = bool(payload.exit_code) or payload.success is False
            tool = kind.removesuffix(_ENDINGS)
            return Entry(
                Kind.RESULT, Role.TOOL, call=payload.call_id, shown=True, tool=tool, failed=failed, weight=_FOLDED
            )
    return None


def _shown(kind: Kind, role: Role, id: str | None, texts: list[str]) -> Entry:
    texts = [text for text in texts if text]
    weight = sum(map(len, texts))
    is_person = role is Role.USER
    return Entry(id or "", role, weight or _FOLDED, weight, kind=kind, texts=texts, shown=True, person=is_person)


def _completed(item: Item) -> Entry | None:
    match item.type:
        case "UserMessage":
            return _shown(Kind.TEXT, Role.USER, item.id, _texts(item.content))
        case "AgentMessage":
            return _shown(Kind.TEXT, Role.ASSISTANT, item.id, _texts(item.content))
        case "Reasoning":
            return _shown(Kind.THINKING, Role.ASSISTANT, item.id, item.summary_text or [])
        case "ContextCompaction":
            return None
    if not item.id:
        return None
    return _ran(item.id, item.type, bool(item.exit_code))


def _ran(call: str, tool: str, failed: bool) -> Entry:
    return Entry("", Role.TOOL, _FOLDED, _FOLDED, kind=Kind.RESULT, shown=True, call=call, tool=tool, failed=failed)


def _notice(payload: Payload) -> Entry:
    error = msgspec.json.decode(payload.error) if len(payload.error) else None
    said = notice_of({"message": payload.message, "error": error, "reason": payload.reason})
    return Entry(payload.id or "", Role.SYSTEM, len(said), kind=Kind.NOTICE, meta=True)


def first_prompt(told: Iterable[Entry]) -> str:
    """The first thing a person said: the first user text that is not injected, as an event confirms where there are
    events; what comes after the first that is confirmed is not asked for."""
    found: list[Entry] = []
    people = False
    for one in told:
        if one.role is not Role.USER or one.kind is not Kind.TEXT or not prompt_of(one.texts).strip():
            continue
        people = people or one.shown
        words = {text.strip() for text in one.texts}
        said = next((known for known in found if one.shown and words & {text.strip() for text in known.texts}), one)
        said.person = said.person or one.person
        if said is one:
            found.append(one)
        if said.person:
            break
    asked = (one for one in found if one.person or not (one.meta or (people and one.suspect)))
    return next((prompt_of(one.texts) for one in asked), "")


class Twins:
    """Finds events and response items that say the same, in whichever order they come."""

    def __init__(self) -> None:
        self._responses: dict[int, list[Entry]] = {}
        self._events: dict[int, list[Entry]] = {}
        self._runs: dict[str, Entry] = {}
        self._calls: set[str] = set()

    def of_response(self, entry: Entry, keys: Sequence[int]) -> Sequence[Entry]:
        """The events that came before and said what this response item says in texts of these ``keys``."""
        if entry.call:
            self._calls.add(entry.call)
            return (self._runs.pop(entry.call),) if entry.call in self._runs else ()
        found: list[Entry] = []
        for key in keys:
            events = self._events.get(key)
            if events:
                found.append(events.pop(0))
            elif key in self._responses:
                self._responses[key].append(entry)
            else:
                self._responses[key] = [entry]
        return found

    def of_event(self, entry: Entry, keys: list[int]) -> Entry | None:
        """The response item that said before what this event says; ``None`` where there is none so far. For a call
        that a response item tells of, that is the event itself."""
        if entry.call:
            if entry.call in self._calls:
                return entry
            self._runs[entry.call] = entry
            return None
        found: Entry | None = None
        for key in keys:
            responses = self._responses.get(key)
            if responses:
                found = responses.pop(0)
        if found is None and keys:
            self._events.setdefault(keys[0], []).append(entry)
        return found


def keys_of(entry: Entry) -> list[int]:
    """What tells the texts of ``entry`` from others."""
    # Members of enumerations are hashed in Python, ten times slower than their addresses.
    kind, role = id(entry.kind), id(entry.role)
    return [hash((kind, role, text.strip())) for text in entry.texts]


def key_of(keys: list[int]) -> int:
    """What tells a message of texts with these ``keys`` from others; 0 for one without."""
    return keys[0] if len(keys) == 1 else hash(tuple(keys)) if keys else 0
