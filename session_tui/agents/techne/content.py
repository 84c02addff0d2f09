"""The content of a message, a JSON list of blocks: what it says and what it costs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from session_tui.adapters import go_json, jsonl, prompts, rows
from session_tui.adapters.message_rows import decoded
from session_tui.adapters.parts import picture
from session_tui.errors import StoreDamaged
from session_tui.model import Attachment, Block, Image, Message, Role, Text, Thinking, ToolCall, ToolResult

DEFAULT_WINDOW: Final = 128_000
"""The context window, in tokens, that the program assumes for a model it does not know."""
FOLDED: Final = 80
"""Characters that a folded tool call or picture is drawn with."""
_FRAME: Final = ("[Conversation Summary]\n", "\n[End of Summary — recent messages follow]")
"""What the program puts around a summary when it sends one to a model as what a person says."""
_FRAMED: Final = tuple(go_json.dumps(text)[1:-1].encode() for text in _FRAME)
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("text",),
    "thinking": ("text", "signature"),
    "tool_call": ("id", "name", "input"),
    "tool_result": ("tool_call_id", "name", "content", "is_error"),
    "image": ("media_type", "data"),
}


def blocks_of(content: object) -> tuple[tuple[Block, ...], bool]:
    """The blocks of a stored content, and whether invalid text was replaced; what is no list of blocks is text."""
    try:
        value = jsonl.decode(rows.raw(content))
    except StoreDamaged:
        text, lossy = decoded(content)
        return ((Text(text),) if text else ()), lossy
    if value.value is None:
        return (), False
    if not isinstance(value.value, list) or not all(isinstance(item, dict) for item in value.value):
        text, lossy = decoded(content)
        return (Text(text),), lossy
    return tuple(_block(item) for item in value.value), value.lossy


def _block(item: dict[str, object]) -> Block:
    kind = str(item.get("type"))
    inner = item if kind == "text" else rows.mapping(item.get(kind))
    known = ("type", kind, *_FIELDS.get(kind, ()))
    extra = {name: value for name, value in (item | dict(inner)).items() if name not in known}
    first, second, third, *_ = (*(_text(inner.get(field)) for field in _FIELDS.get(kind, ())), "", "", "")
    match kind:
        case "text":
            return Text(first, extra=extra)
        case "thinking":
            return Thinking(first, second, extra=extra)
        case "tool_call":
            return ToolCall(first, second, inner.get("input"), extra=extra)
        case "tool_result":
            return ToolResult(first, second, third, is_error=inner.get("is_error") is True, extra=extra)
        case "image":
            return picture(first, second, extra)
        case _:
            return Attachment(kind, extra={"block": item})


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


# ── summaries that a person seems to say ──────────────────────────────────────────────────────────────


def framed(text: str) -> str:
    """A summary as the program sends it."""
    return f"{_FRAME[0]}{text}{_FRAME[1]}"


def unframed(text: str) -> str:
    """What `framed` made ``text`` of, else ``text``."""
    is_framed = text.startswith(_FRAME[0]) and text.endswith(_FRAME[1])
    return text.removeprefix(_FRAME[0]).removesuffix(_FRAME[1]) if is_framed else text


def is_framed(content: object) -> bool:
    """Whether a stored content is one text that `framed` made."""
    stored = rows.raw(content)
    return stored.startswith(b'[{"type":"text","text":"' + _FRAMED[0]) and stored.endswith(_FRAMED[1] + b'"}]')


def prompt_in(content: object) -> str:
    """What a person said in a stored content, empty where it holds no text of theirs."""
    if is_framed(content):
        return ""
    return prompts.first_prompt([Message(id="", role=Role.USER, blocks=blocks_of(content)[0])])


# ── costs ─────────────────────────────────────────────────────────────────────────────────────────────


def estimate(blocks: Sequence[Block]) -> int:
    """What a message of ``blocks`` costs by the program's rule: a token for every four bytes begun, and four more."""
    return sum(-(-_length(block) // 4) for block in blocks) + 4


def _length(block: Block) -> int:
    match block:
        case Text(text=text) | Thinking(text=text) | ToolResult(text=text):
            return len(text.encode("utf-8", "replace"))
        case ToolCall(name=name, input=value):
            return len(name.encode()) + len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
        case Image(size=size):
            return -(-size // 3) * 4
        case _:
            return 0
