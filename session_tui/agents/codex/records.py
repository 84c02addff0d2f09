"""The lines of a rollout, decoded as far as telling messages from other records takes.

A line is ``{timestamp, type, payload}``, newer ones with an ``ordinal``; before that the payload stood alone. What is
large and not needed to tell (outputs, arguments, pictures, instructions) is passed over or left as it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from session_tui.adapters import jsonl
from session_tui.adapters.rows import integer, mapping, text
from session_tui.errors import StoreDamaged

Record = Mapping[str, object]

RESPONSE: Final = "response_item"
EVENT: Final = "event_msg"
META: Final = "session_meta"
TURN: Final = "turn_context"
COMPACTED: Final = "compacted"


class Part(msgspec.Struct, gc=False):
    """A piece of content: text of some ``type``, or a picture, which is passed over."""

    type: str = ""
    text: str | None = None


class Counts(msgspec.Struct, gc=False):
    """Tokens as the program counts them: cached and written ones are part of the input."""

    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0


class Info(msgspec.Struct, gc=False):
    """Tokens of the session so far, of its last model call, and the window of its model."""

    total_token_usage: Counts | None = None
    last_token_usage: Counts | None = None
    model_context_window: int | None = None


class Item(msgspec.Struct, gc=False):
    """What a newer ``item_completed`` event tells of: ``UserMessage``, ``AgentMessage``, ``CommandExecution``…"""

    type: str = ""
    id: str | None = None
    content: list[Part] | None = None
    summary_text: list[str] | None = None
    exit_code: int | None = None


class Passthrough(msgspec.Struct, gc=False):
    """Where the parts of a message come from, such as ``user.text`` or ``environments.environment_context``."""

    content_item_kinds: list[str] | None = None


class Marks(msgspec.Struct, gc=False):
    """What the program notes beside a response item."""

    compaction_output: bool | None = None


class Payload(msgspec.Struct, gc=False):
    """The fields of all kinds of payload that tell what it is."""

    type: str = ""
    id: str | None = None
    role: str | None = None
    name: str | None = None
    call_id: str | None = None
    content: list[Part] | str | None = None
    summary: list[Part] | str | None = None
    message: str | None = None
    text: str | None = None
    reason: str | None = None
    model: str | None = None
    cwd: str | None = None
    thread_name: str | None = None
    num_turns: int | None = None
    exit_code: int | None = None
    success: bool | None = None
    item: Item | None = None
    info: Info | None = None
    model_context_window: int | None = None
    error: msgspec.Raw = msgspec.Raw()
    encrypted_content: msgspec.Raw = msgspec.Raw()
    passthrough: Passthrough | None = msgspec.field(default=None, name="internal_chat_message_metadata_passthrough")


class Envelope(msgspec.Struct, gc=False):
    """A line; ``payload`` is missing in files of the time before there were envelopes."""

    type: str = ""
    timestamp: str | None = None
    ordinal: int | None = None
    payload: Payload | None = None
    metadata: Marks | None = None
    record_type: str | None = None
    id: str | None = None


ENVELOPE: Final = msgspec.json.Decoder(Envelope)
_envelope: Final[Callable[[bytes | memoryview], Envelope]] = ENVELOPE.decode
_payload: Final[Callable[[bytes | memoryview], Payload]] = msgspec.json.Decoder(Payload).decode
_TEXTS: Final = ("type", "id", "role", "name", "call_id", "message", "text", "reason", "model", "cwd", "thread_name")
_NUMBERS: Final = ("num_turns", "exit_code", "model_context_window")


def opened(raw: bytes | memoryview) -> Envelope:
    """The envelope of a line; a payload that stands alone is given the one it would have today.

    Raises:
        StoreDamaged: it is no record.
    """
    try:
        envelope = _envelope(raw)
        if envelope.payload is None:
            _wrap(envelope, _payload(raw))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return told(jsonl.decode(bytes(raw)).value)
    return envelope


def told(value: object) -> Envelope:
    """The envelope of a record whose values may be of other types than the program writes.

    Raises:
        StoreDamaged: it is no record.
    """
    if not isinstance(value, Mapping):
        raise StoreDamaged("not a record")
    marks = mapping(value.get("metadata"))
    envelope = Envelope(
        type=text(value.get("type")),
        timestamp=value["timestamp"] if isinstance(value.get("timestamp"), str) else None,
        ordinal=integer(value.get("ordinal")),
        payload=_told_payload(mapping(value["payload"])) if isinstance(value.get("payload"), Mapping) else None,
        metadata=Marks(compaction_output=marks.get("compaction_output") is True),
        record_type=text(value.get("record_type")) or None,
        id=text(value.get("id")) or None,
    )
    if envelope.payload is None:
        _wrap(envelope, _told_payload(value))
    return envelope


def _wrap(envelope: Envelope, payload: Payload) -> None:
    """Make ``payload`` the response item, or without a type the header, that it was before there were envelopes."""
    if envelope.type in {RESPONSE, EVENT, META, TURN, COMPACTED} or (envelope.record_type and not envelope.type):
        return
    envelope.payload = payload
    if envelope.type:
        envelope.type = RESPONSE
    elif envelope.id:
        envelope.type = META


def _told_payload(record: Record) -> Payload:
    payload = Payload()
    for name in _TEXTS:
        if isinstance(record.get(name), str):
            setattr(payload, name, record[name])
    for name in _NUMBERS:
        setattr(payload, name, integer(record.get(name)))
    payload.content, payload.summary = _parts(record.get("content")), _parts(record.get("summary"))
    payload.success = record.get("success") is not False if "success" in record else None
    if isinstance(record.get("item"), Mapping):
        payload.item = _told_item(mapping(record["item"]))
    if isinstance(record.get("info"), Mapping):
        payload.info = _told_info(mapping(record["info"]))
    if record.get("error") is not None:
        payload.error = msgspec.Raw(msgspec.json.encode(record["error"]))
    return payload


def _parts(value: object) -> list[Part] | str | None:
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return None
    return [Part(text(part.get("type")), _string(part.get("text"))) for part in map(mapping, value)]


def _told_item(record: Record) -> Item:
    parts, summary = _parts(record.get("content")), record.get("summary_text")
    return Item(
        type=text(record.get("type")),
        id=_string(record.get("id")),
        content=parts if isinstance(parts, list) else None,
        summary_text=[text(one) for one in summary] if isinstance(summary, list) else None,
        exit_code=integer(record.get("exit_code")),
    )


def _told_info(record: Record) -> Info:
    def counts(name: str) -> Counts | None:
        told_counts = record.get(name)
        if not isinstance(told_counts, Mapping):
            return None
        return Counts(*(integer(told_counts.get(field)) or 0 for field in Counts.__struct_fields__))

    window = integer(record.get("model_context_window"))
    return Info(counts("total_token_usage"), counts("last_token_usage"), window)


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None
