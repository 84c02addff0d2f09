"""Records as messages: one message a record.

A response item is what the model was sent or answered; an event, what the terminal showed. Of two that tell the
same only one is a message, and `session_tui.agents.codex.reading` says which.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from session_tui.adapters import jsonl, times
from session_tui.adapters.parts import picture
from session_tui.adapters.rows import integer, mapping, text
from session_tui.agents.codex.records import COMPACTED, EVENT, Record
from session_tui.errors import StoreDamaged
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

REQUEST_MARK: Final = "## My request for Codex:"
"""The line that ends what an editor puts before a person's words."""
ROLES: Final = {"user": Role.USER, "assistant": Role.ASSISTANT, "developer": Role.SYSTEM, "system": Role.SYSTEM}
_ANSWERS: Final = ("agent_message", "agent_reasoning", "agent_reasoning_raw_content")
_TEXT_PARTS: Final = ("input_text", "output_text", "text", "Text")
_TOLD: Final = frozenset(("type", "id", "role", "content", "name", "call_id", "summary", "message", "text"))
_TOOL_TOLD: Final = _TOLD | {"arguments", "input", "action", "output", "tools"}
_EXIT = re.compile(r"\A(?:.*\n){0,6}?(?:Process exited with code|Exit code:) (-?\d+)$", re.MULTILINE)
_PICTURE_TAG = re.compile(r"\s*</?image\b[^>]*>\s*")
_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^,]*)?;base64,", re.ASCII)


def payload_of(record: Record) -> Record:
    """The payload of a record; of one without an envelope, the record."""
    inner = record.get("payload")
    return mapping(inner) if isinstance(inner, dict) else record


def message_of(record: Record, *, id: str, role: Role, tool: str = "", failed: bool = False) -> Message:
    """The message in ``record``. ``tool`` is the name of the call that it answers, ``failed`` what an event tells of
    how that ended; marks that follow from other records are the caller's to set."""
    payload = payload_of(record)
    blocks = tuple(_blocks(record, payload, tool, failed))
    known = _TOOL_TOLD if any(isinstance(block, ToolCall | ToolResult) for block in blocks) else _TOLD
    extra = {name: payload[name] for name in payload if name not in known}
    if payload is not record:
        extra |= {name: record[name] for name in record if name not in ("timestamp", "type", "payload")}
    return Message(id=id, role=role, blocks=blocks, created_at=times.parse(record.get("timestamp")), extra=extra)


def prompt_of(texts: Iterable[str]) -> str:
    """What a person asked in a message of these ``texts``, without the tags around a picture and without what an
    editor put before it."""
    said = next((text for text in texts if text.strip() and not _PICTURE_TAG.fullmatch(text)), "")
    asked = f"\n{said}".rpartition(f"\n{REQUEST_MARK}")[2].lstrip("\n")
    return asked if REQUEST_MARK in said and asked.strip() else said


def _blocks(record: Record, payload: Record, tool: str, failed: bool) -> Iterator[Block]:
    kind = text(payload.get("type"))
    if record.get("type") == EVENT:
        yield from _shown(kind, payload)
    elif record.get("type") == COMPACTED:
        yield Text(text(payload.get("message")))
    elif kind == "message":
        yield from _said(payload.get("content"))
    elif kind == "reasoning":
        yield from _thought(payload)
    elif kind.endswith("_output"):
        yield _result(payload, tool, failed)
    elif kind in {"compaction", "compaction_summary", "context_compaction"}:
        yield RedactedThinking(text(payload.get("encrypted_content")))
    else:
        yield _call(kind, payload)


# ── what the model was sent and answered ──────────────────────────────────────────────────────────────────


def _said(content: object) -> Iterator[Block]:
    if isinstance(content, str):
        yield Text(content)
    parts = [mapping(part) for part in (content if isinstance(content, list) else ())]
    for number, part in enumerate(parts):
        around = [parts[at] if 0 <= at < len(parts) else {} for at in (number - 1, number + 1)]
        if part.get("type") in _TEXT_PARTS:
            if not (_is_tag(part) and any("image_url" in other for other in around)):
                yield Text(text(part.get("text")), {name: part[name] for name in part if name not in ("type", "text")})
        elif "image_url" in part:
            tags = [text(other.get("text")) for other in around if _is_tag(other)]
            extra = {name: part[name] for name in part if name != "image_url"}
            yield _image(text(part["image_url"]), {**extra, "tags": tags} if tags else extra)
        elif part:
            yield Attachment(text(part.get("path") or part.get("type")), extra=dict(part))


def _is_tag(part: Record) -> bool:
    """Whether a part is but the tag that the program puts before or after a picture."""
    return isinstance(part.get("text"), str) and _PICTURE_TAG.fullmatch(text(part["text"])) is not None


def _image(url: str, extra: Record) -> Block:
    inline = _DATA_URL.match(url)
    if not inline:
        return Attachment("image", url=url, extra=extra)
    return picture(inline[1], url[inline.end() :], extra)


def _thought(payload: Record) -> Iterator[Block]:
    sealed = text(payload.get("encrypted_content"))
    told = [*_pieces(payload.get("summary")), *_pieces(payload.get("content"))]
    for number, piece in enumerate(told):
        yield Thinking(piece, extra={"encrypted_content": sealed} if sealed and not number else {})
    if sealed and not told:
        yield RedactedThinking(sealed)


def _pieces(parts: object) -> Iterator[str]:
    if isinstance(parts, str):
        yield parts
    for part in parts if isinstance(parts, list) else ():
        said = part if isinstance(part, str) else text(mapping(part).get("text"))
        if said:
            yield said


def _call(kind: str, payload: Record) -> ToolCall:
    """A call of any kind; those without a name of their own are called by their kind."""
    name = text(payload.get("name")) or kind.removesuffix("_call")
    given = next((payload[field] for field in ("arguments", "input", "action") if payload.get(field) is not None), None)
    is_arguments = given is not None and "arguments" in payload and isinstance(given, str)
    return ToolCall(
        text(payload.get("call_id") or payload.get("id")), name, _decoded(text(given)) if is_arguments else given
    )


def _decoded(arguments: str) -> object:
    try:
        return jsonl.decode(arguments.encode("utf-8", "surrogateescape")).value
    except StoreDamaged:
        return arguments


def _result(payload: Record, tool: str, failed: bool) -> ToolResult:
    call, output = text(payload.get("call_id")), payload.get("output")
    extra: dict[str, object] = {}
    if isinstance(output, dict):
        failed = failed or output.get("success") is False
        output = output.get("content") or output.get("content_items") or ""
    if isinstance(output, str):
        output, extra = _unwrapped(output)
    blocks = tuple(_said(output))
    said = "\n".join(block.text for block in blocks if isinstance(block, Text))
    images = tuple(block for block in blocks if isinstance(block, Image))
    code = integer(mapping(extra.get("metadata")).get("exit_code"))
    if code is None and (told := _EXIT.match(said[:600])):
        code = int(told[1])
    return ToolResult(call, tool, said, failed or bool(code), images, extra)


def _unwrapped(output: str) -> tuple[str, dict[str, object]]:
    """What a tool printed, out of the JSON that older versions wrapped it in, and what else that says."""
    if not output.startswith('{"output":'):
        return output, {}
    value = _decoded(output)
    if not isinstance(value, dict) or not isinstance(value["output"], str):
        return output, {}
    return value["output"], {name: value[name] for name in value if name != "output"}


# ── what the terminal showed ──────────────────────────────────────────────────────────────────────────────


def _shown(kind: str, payload: Record) -> Iterator[Block]:
    if kind == "item_completed":
        yield from _item(mapping(payload.get("item")))
    elif kind in _ANSWERS[1:]:
        yield Thinking(text(payload.get("text")))
    elif "call_id" in payload:
        yield from _run(payload)
    else:
        yield Text(notice_of(payload))
        pictures = payload.get("images")
        for url in pictures if isinstance(pictures, list) else ():
            yield _image(text(url), {})


def notice_of(payload: Record) -> str:
    """The words of an event: what was said, or why a turn ended."""
    error = payload.get("error")
    told = payload.get("message"), mapping(error).get("message"), error, payload.get("reason")
    return next((text(one) for one in told if one), "")


def _item(item: Record) -> Iterator[Block]:
    match item.get("type"):
        case "Reasoning":
            for piece in (*_pieces(item.get("summary_text")), *_pieces(item.get("raw_content"))):
                yield Thinking(piece)
        case "UserMessage" | "AgentMessage" | "Plan":
            yield from _said(item.get("content") or text(item.get("text")))
        case _:
            yield from _run({**item, "call_id": item.get("id")})


def _run(payload: Record) -> Iterator[Block]:
    """A tool that only an event tells of: what was run and what came of it."""
    call, kind = text(payload.get("call_id")), text(payload.get("type")).removesuffix("_end")
    invocation = mapping(payload.get("invocation"))
    given = next((payload[name] for name in ("command", "changes", "query") if name in payload), None)
    name = text(invocation.get("tool") or payload.get("tool")) or kind
    yield ToolCall(call, name, invocation.get("arguments") if invocation else given)
    printed = (payload.get(name) for name in ("aggregated_output", "formatted_output", "stdout", "result"))
    output = next((one for one in printed if one), "")
    said = output if isinstance(output, str) else msgspec.json.encode(output).decode()
    is_error = bool(integer(payload.get("exit_code"))) or payload.get("success") is False
    yield ToolResult(call, name, said, is_error)
