"""A conversation that goes on elsewhere grows on the screen of a real terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.terminal import Terminal
from tests.e2e.test_terminal import open_ui

pytestmark = pytest.mark.e2e


def say(file: Path, text: str) -> None:
    moment = datetime.now(UTC).isoformat()
    message = {"id": f"msg_{text}", "role": "assistant", "content": [{"type": "text", "text": text}]}
    record = {"type": "message", "session_id": file.stem, "timestamp": moment, "message": message}
    with file.open("a") as stream:
        stream.write(json.dumps(record) + "\n")


def test_a_message_written_by_an_agent_appears_without_a_key(terminal: Callable[..., Terminal], home: Path) -> None:
    one = terminal(width=160, height=45)
    open_ui(one)
    one.type("agent:ggcode")
    one.wait(r"▎ ◆")
    files = sorted((home / ".ggcode" / "sessions").glob("*.jsonl"))

    for file in files:
        say(file, "Low tide at seven")

    screen = one.wait("Low tide at seven")
    assert "agent:ggcode" in screen
