"""Writes a home with many sessions, or with one very long one, to measure on: ``python -m tests.bench.corpus DIR``."""

from __future__ import annotations

import argparse
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

_PROSE = """cache parser socket branch deploy token window config schema worker retry buffer index queue render
layout migrate rollback timeout header cookie session archive summary prompt viewer widget garden harbour kettle"""
WORDS = _PROSE.split()
START = datetime(2026, 1, 1, 8, tzinfo=UTC)


def sentence(dice: random.Random, words: int) -> str:
    """A sentence of invented prose."""
    return f"{' '.join(dice.choice(WORDS) for _ in range(words)).capitalize()}."


def record(dice: random.Random, number: int, role: str, moment: datetime, words: int) -> dict[str, object]:
    """One message record."""
    return {
        "type": "message",
        "session_id": "s",
        "created_at": "0001-01-01T00:00:00Z",
        "updated_at": "0001-01-01T00:00:00Z",
        "message": {
            "id": f"msg_{number}",
            "role": role,
            "content": [{"type": "text", "text": sentence(dice, words)}],
        },
        "timestamp": moment.isoformat(),
    }


def write_session(
    folder: Path, dice: random.Random, number: int, *, messages: int, words: int = 40
) -> dict[str, object]:
    """Write one session and return its entry for the store's own list."""
    created = START + timedelta(minutes=20 * number)
    id = f"{created:%Y%m%d-%H%M%S}-{number:016x}"
    title = sentence(dice, 6)
    with (folder / f"{id}.jsonl").open("w", encoding="utf-8") as file:
        for index in range(messages):
            role = "user" if index % 2 == 0 else "assistant"
            line = record(dice, index, role, created + timedelta(seconds=30 * index), words)
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    moment = created.isoformat()
    entry = {"id": id, "title": title, "created_at": moment, "updated_at": moment, "msg_count": messages}
    return {**entry, "workspace": f"/srv/projects/{dice.choice(WORDS)}", "model": "glm-5-turbo", "vendor": "zai"}


def build(home: Path, *, sessions: int, messages: int, long: int = 0) -> Path:
    """Write a home with ``sessions`` of ``messages`` each, and one of ``long`` messages of 1.1 kB."""
    folder = home / ".ggcode" / "sessions"
    folder.mkdir(parents=True, exist_ok=True)
    dice = random.Random(7)
    entries = [write_session(folder, dice, number, messages=messages) for number in range(sessions)]
    if long:
        entries.append(write_session(folder, dice, sessions + 1, messages=long, words=145))
    (folder / "index.json").write_text(json.dumps(entries, indent=2), encoding="utf-8")
    return home


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("home", type=Path)
    options.add_argument("--sessions", type=int, default=10_000)
    options.add_argument("--messages", type=int, default=8)
    options.add_argument("--long", type=int, default=50_000)
    chosen = options.parse_args()
    build(chosen.home, sessions=chosen.sessions, messages=chosen.messages, long=chosen.long)
