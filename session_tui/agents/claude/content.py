"""A record as a message: its blocks, and who said it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from session_tui.adapters import times
from session_tui.adapters.parts import picture
from session_tui.adapters.rows import integer, mapping, text
from session_tui.agents.claude.lines import CONTINUED, SYNTHETIC, Record, is_injected
from session_tui.model import (
    Attachment,
    Block,
    Image,
    Message,
    RedactedThinking,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

NO_TOOLS: Final[Mapping[str, str]] = {}
_NAMED: Final = frozenset(
    ("type", "uuid", "timestamp", "message", "isMeta", "isCompactSummary", "isApiErrorMessage", "attachment", "content")
)
_BODY: Final = frozenset(("id", "type", "role", "model", "content"))
_PART: Final = ("type", "text", "thinking", "signature", "data", "id", "name", "input", "tool_use_id", "content")
_SPILLED: Final = "tool-results"


def message_of(
    record: Record, id: str = "", *, folder: Path | None = None, tools: Mapping[str, str] = NO_TOOLS
) -> Message:
    """The message in a record. ``tools`` names the tool of each call, which a result leaves out; outputs that stand
    in a file of their own are looked for in ``folder``, the session's directory."""
    body, attached = mapping(record.get("message")), mapping(record.get("attachment"))
    said = {"user": body, "assistant": body, "attachment": {"content": attached.get("prompt")}}
    content = said.get(text(record.get("type")), record).get("content")
    blocks = [*_blocks(content, tools), *_spilled(record, folder)]
    role, injected = _role(record, blocks), False
    if role in (Role.USER, Role.TOOL):
        words = [block.text for block in blocks if isinstance(block, Text)]
        injected = bool(words) and all(map(is_injected, words))
    summary = is_summary(record, blocks)
    model = text(body.get("model"))
    return Message(
        id=id or text(record.get("uuid")),
        role=role,
        blocks=tuple(blocks),
        created_at=times.parse(record.get("timestamp")),
        model=model if model and model != SYNTHETIC else None,
        is_summary=summary,
        is_meta=not summary and (injected or role is Role.SYSTEM or _is_marked(record, attached)),
        extra=_extra(record, body),
    )


def is_summary(record: Record, blocks: Iterable[Block]) -> bool:
    """Whether a record stands for what was said before it; old programs tell by its first words alone."""
    if record.get("isCompactSummary") is True:
        return True
    first = next(iter(blocks), None)
    return record.get("type") == "user" and isinstance(first, Text) and first.text.startswith(CONTINUED)


def first_prompt(messages: Iterable[Message]) -> str:
    """The first thing a person said: what the program put beside it is passed over."""
    for message in messages:
        if message.role is not Role.USER or message.is_meta or message.is_summary:
            continue
        for block in message.blocks:
            if isinstance(block, Text) and block.text.strip() and not is_injected(block.text):
                return block.text
    return ""


def _is_marked(record: Record, attached: Record) -> bool:
    """Whether the program itself says that nobody said it."""
    if record.get("type") == "attachment":
        return attached.get("commandMode", "prompt") != "prompt" or attached.get("isMeta") is True
    return any(record.get(name) is True for name in ("isMeta", "isApiErrorMessage", "isVisibleInTranscriptOnly"))


def _role(record: Record, blocks: list[Block]) -> Role:
    """Who speaks: what tools gave back is stored under the user's name."""
    match record.get("type"):
        case "assistant":
            return Role.ASSISTANT
        case "system":
            return Role.SYSTEM
    is_result = any(isinstance(block, ToolResult) for block in blocks)
    own = any(not is_injected(block.text) for block in blocks if isinstance(block, Text))
    return Role.TOOL if is_result and not own else Role.USER


def _extra(record: Record, body: Record) -> Record:
    """What the model has no name for, the message's own fields among it where no field of the record has theirs."""
    unknown = {name: record[name] for name in record if name not in _NAMED}
    unknown |= {name: body[name] for name in body if name not in _BODY and name not in unknown}
    if "id" in body:
        unknown["message_id"] = body["id"]
    if record.get("type") == "attachment":
        unknown["attachment"] = record.get("attachment")
    return unknown


# ── blocks ────────────────────────────────────────────────────────────────────────────────────────────


def _blocks(content: object, tools: Mapping[str, str]) -> Iterator[Block]:
    if isinstance(content, str):
        yield Text(content)
    for item in content if isinstance(content, list) else ():
        yield Text(item) if isinstance(item, str) else _block(mapping(item), tools)


def _block(part: Record, tools: Mapping[str, str]) -> Block:
    extra = {name: part[name] for name in part if name not in _PART}
    match part.get("type"):
        case "text":
            return Text(text(part.get("text")), extra)
        case "thinking":
            return Thinking(text(part.get("thinking")), text(part.get("signature")), extra)
        case "redacted_thinking":
            return RedactedThinking(text(part.get("data")), extra)
        case "tool_use":
            return ToolCall(text(part.get("id")), text(part.get("name")), part.get("input"), extra)
        case "tool_result":
            return _result(part, tools)
        case "image":
            return _image(part)
        case "document":
            source = mapping(part.get("source"))
            size = len(text(source.get("data"))) * 3 // 4
            return Attachment(
                text(part.get("title")) or "document", text(source.get("media_type")), text(source.get("url")), size
            )
        case kind:
            return Attachment(text(kind), extra=dict(part))


def _image(part: Record) -> Image:
    source = mapping(part.get("source"))
    extra = {name: source[name] for name in source if name not in ("type", "media_type", "data")}
    return picture(text(source.get("media_type")), text(source.get("data")), extra)


def _result(part: Record, tools: Mapping[str, str]) -> ToolResult:
    """What a tool gave back: a text, or a list of texts, images and references."""
    call, content = text(part.get("tool_use_id")), part.get("content")
    items = [mapping(item) for item in content] if isinstance(content, list) else []
    said = [text(item.get("text")) for item in items if item.get("type") == "text"]
    extra = {name: part[name] for name in part if name not in (*_PART, "is_error")}
    if others := [item for item in items if item.get("type") not in ("text", "image")]:
        extra["content"] = others
    return ToolResult(
        call,
        tools.get(call, ""),
        content if isinstance(content, str) else "\n\n".join(said),
        part.get("is_error") is True,
        tuple(_image(item) for item in items if item.get("type") == "image"),
        extra,
    )


def _spilled(record: Record, folder: Path | None) -> Iterator[Attachment]:
    """The file that holds the whole of an output of which the record has the beginning. It is looked for beside the
    session's own file, which may have been moved since."""
    told = mapping(record.get("toolUseResult"))
    path = text(told.get("persistedOutputPath"))
    if path:
        name = path.replace("\\", "/").rpartition("/")[2]
        place = str(folder / _SPILLED / name) if folder else path
        yield Attachment(name, "text/plain", place, integer(told.get("persistedOutputSize")))


def spilled_path(block: Attachment, folder: Path) -> Path | None:
    """Where the output is that ``block`` stands for, ``None`` where it stands for something else."""
    path = folder / _SPILLED / block.name
    return path if block.name and path.parent == folder / _SPILLED and block.url == str(path) else None
