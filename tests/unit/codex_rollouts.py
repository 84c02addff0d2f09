"""Invented rollouts of Codex for the tests of its adapter."""

from __future__ import annotations

import json
from pathlib import Path

from session_tui.adapters.base import Source
from session_tui.agents.codex import Codex
from session_tui.model import Session, Transcript

NEW = "0197aaaa-9999-7000-8000-0000000000ff"
OLDER = "0197aaaa-1111-7000-8000-0000000000aa"
FOLDER = Path(".codex", "sessions", "2026", "07", "10")


def line(kind: str, *, at: object = "2026-07-10T08:00:00Z", ordinal: object = None, **payload: object) -> bytes:
    record: dict[str, object] = {"timestamp": at} | ({} if ordinal is None else {"ordinal": ordinal})
    return json.dumps(record | {"type": kind, "payload": payload}, separators=(",", ":")).encode() + b"\n"


def header(id: str = NEW, *, at: object = "2026-07-10T08:00:00Z", **more: object) -> bytes:
    told: dict[str, object] = {
        "id": id,
        "timestamp": at,
        "cwd": "/srv/mill",
        "source": "cli",
        "model_provider": "openai",
    }
    return line("session_meta", at=at, **(told | more))


def item(kind: str, **payload: object) -> bytes:
    return line("response_item", type=kind, **payload)


def event(kind: str, **payload: object) -> bytes:
    return line("event_msg", type=kind, **payload)


def said(role: str, *texts: str, **more: object) -> bytes:
    part = "output_text" if role == "assistant" else "input_text"
    return item("message", role=role, content=[{"type": part, "text": text} for text in texts], **more)


def asked(text: str) -> bytes:
    """What a person typed: the event, then the response item."""
    return event("user_message", message=text) + said("user", text)


def answered(text: str) -> bytes:
    return event("agent_message", message=text) + said("assistant", text)


def completed(kind: str, **told: object) -> bytes:
    return event("item_completed", item={"type": kind, **told})


def counted(total: int, last: int, *, cached: int = 0, window: int = 258_400) -> bytes:
    def counts(amount: int) -> dict[str, int]:
        return {"input_tokens": amount, "cached_input_tokens": cached, "output_tokens": 10, "total_tokens": amount + 10}

    info = {"total_token_usage": counts(total), "last_token_usage": counts(last), "model_context_window": window}
    return event("token_count", info=info)


def compacted(message: str, *items: object) -> bytes:
    return line("compacted", message=message, **_listing(items))


def _listing(items: tuple[object, ...]) -> dict[str, object]:
    return {"replacement_history": list(items)} if items else {}


def listed(role: str, text: str, **more: object) -> dict[str, object]:
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}], **more}


def write(home: Path, *lines: bytes, id: str = NEW, folder: Path = FOLDER, ending: str = ".jsonl") -> Path:
    path = home / folder / f"rollout-2026-07-10T10-00-00-{id}{ending}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(lines))
    return path


def sources(codex: Codex) -> dict[str, Source]:
    return {source.key.id: source for root in codex.roots() for source in codex.scan(root)}


def read(codex: Codex, id: str = NEW) -> Transcript:
    return codex.read(sources(codex)[id])


def head(codex: Codex, id: str = NEW) -> Session:
    return codex.head(sources(codex)[id])


def shown(transcript: Transcript) -> list[tuple[str, str]]:
    return [(message.role.value, message.text) for message in transcript.messages]


def active(transcript: Transcript) -> list[str]:
    return [message.text for message in transcript.messages if not message.archived]
