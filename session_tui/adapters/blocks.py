"""Blocks of messages as JSON and back without loss, for stores and documents of our own.

Each block is an object with its ``type`` (`NAMES`) and the fields of its class in `session_tui.model`; fields
that hold their default are left out. The bytes of an image stand in ``data`` as base64.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from typing import Final

import msgspec

from session_tui.adapters import jsonl
from session_tui.errors import SessionTuiError, StoreDamaged
from session_tui.model import Attachment, Block, Image, RedactedThinking, Text, Thinking, ToolCall, ToolResult
from session_tui.text import scrub, stamp

NAMES: Final[Mapping[str, type[Block]]] = {
    "text": Text,
    "thinking": Thinking,
    "redacted_thinking": RedactedThinking,
    "tool_call": ToolCall,
    "tool_result": ToolResult,
    "image": Image,
    "attachment": Attachment,
}
_TYPES: Final = {kind: name for name, kind in NAMES.items()}


def dumps(value: object) -> str:
    """``value`` as compact JSON that can be encoded: dataclasses as objects, times by `stamp`, lone surrogates
    as U+FFFD, and what JSON has no word for as its text."""
    return scrub(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain))


def _plain(value: object) -> object:
    match value:
        case datetime():
            return stamp(value)
        case Mapping():
            return dict(value)
        case _ if is_dataclass(value):
            return {field.name: getattr(value, field.name) for field in fields(value)}
        case _:
            return str(value)


def loads(text: str) -> object:
    """The value of a JSON text.

    Raises:
        StoreDamaged: it is not JSON.
    """
    return jsonl.decode(text.encode("utf-8", "surrogateescape")).value


def encode(blocks: Iterable[Block]) -> str:
    """``blocks`` as a JSON array."""
    return dumps([to_plain(block) for block in blocks])


def to_plain(block: Block) -> dict[str, object]:
    """A block as the object that the module's text describes."""
    plain: dict[str, object] = {"type": _TYPES[type(block)]}
    for field in fields(block):
        value = getattr(block, field.name)
        if field.name == "load":
            plain |= _data(value)
        elif not _is_default(field, value):
            plain[field.name] = [to_plain(image) for image in value] if field.name == "images" else value
    return plain


def _is_default(field: Field[object], value: object) -> bool:
    if field.default_factory is not MISSING:
        return value == field.default_factory()
    return field.default is not MISSING and type(value) is type(field.default) and value == field.default


def _data(load: Callable[[], bytes] | None) -> dict[str, object]:
    """The bytes of an image, nothing when its source cannot give them any more."""
    if load is None:
        return {}
    try:
        return {"data": base64.b64encode(load()).decode("ascii")}
    except SessionTuiError as error:
        return {"missing": str(error)}


def decode(text: str) -> tuple[Block, ...]:
    """The blocks of a JSON array made by `encode`. An object of no known type is an attachment that keeps it.

    Raises:
        StoreDamaged: it is no JSON array of objects.
    """
    value = loads(text)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise StoreDamaged("not a list of blocks")
    return tuple(from_plain(item) for item in value)


def from_plain(plain: Mapping[str, object]) -> Block:
    """The block that an object of `to_plain` stands for.

    Raises:
        StoreDamaged: a field is missing or holds another type of value.
    """
    kind = NAMES.get(str(plain.get("type")))
    try:
        match kind:
            case None:
                return Attachment(str(plain.get("type", "")), extra={"block": plain})
            case _ if kind is Image:
                return _image(plain)
            case _ if kind is ToolResult:
                rest = {name: value for name, value in plain.items() if name != "images"}
                return msgspec.convert(rest | {"images": _images(plain.get("images"))}, ToolResult)
            case _:
                return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        raise StoreDamaged(f"not a readable block: {error}") from error


def _images(value: object) -> tuple[Image, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return ()
    return tuple(_image(item) for item in value if isinstance(item, Mapping))


def _image(plain: Mapping[str, object]) -> Image:
    media_type, size, extra = plain.get("media_type"), plain.get("size"), plain.get("extra")
    return Image(
        str(media_type or ""),
        size if isinstance(size, int) else 0,
        _loader(plain.get("data")),
        extra if isinstance(extra, Mapping) else {},
    )


def _loader(data: object) -> Callable[[], bytes] | None:
    if not isinstance(data, str):
        return None

    def load() -> bytes:
        try:
            return base64.b64decode(data, validate=True)
        except binascii.Error as error:
            raise StoreDamaged(f"not a readable image: {error}") from error

    return load
