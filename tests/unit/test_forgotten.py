"""What a program drops after a compaction stays readable and searchable as the session's archived part."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from session_tui.adapters.base import World
from session_tui.compactions import CompactOptions
from session_tui.index.store import SessionCache
from session_tui.library import Library
from session_tui.model import SessionKey
from session_tui.progress import Progress

SAID = [f"{'question' if number % 2 == 0 else 'answer'} {number} walnut{number}" for number in range(40)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / ".picoclaw/workspace/sessions"
    folder.mkdir(parents=True)
    rows = [
        {
            "role": "user" if number % 2 == 0 else "assistant",
            "content": text,
            "created_at": f"2026-05-01T08:{number:02}:00Z",
        }
        for number, text in enumerate(SAID)
    ]
    (folder / "cli_default.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    meta = {"key": "cli:default", "summary": "", "skip": 0, "count": len(rows), "created_at": "2026-05-01T08:00:00Z"}
    (folder / "cli_default.meta.json").write_text(json.dumps(meta))
    return tmp_path


def library_of(home: Path) -> Library:
    world = World(home=home, environ={}, cwd=home, data_dir=home / ".data")
    library = Library(world, cache=SessionCache(home / ".cache/sessions.db"))
    library.refresh()
    return library


def compact(home: Path) -> SessionKey:
    library = library_of(home)
    (session,) = library.catalog.sessions
    prepared = library.prepare_compaction(session.key, CompactOptions())
    assert "store" == library.write_compaction(prepared, prepared.run(Progress())).written_to
    return session.key


def save_as_the_program_does(home: Path) -> int:
    """Drop the lines that are skipped, as the program's next save does; returns how many."""
    folder = home / ".picoclaw/workspace/sessions"
    meta_file, lines_file = folder / "cli_default.meta.json", folder / "cli_default.jsonl"
    meta = json.loads(meta_file.read_text())
    lines = lines_file.read_text().splitlines(keepends=True)[meta["skip"] :]
    lines_file.write_text("".join(lines))
    dropped, meta["skip"], meta["count"] = meta["skip"], 0, len(lines)
    meta_file.write_text(json.dumps(meta))
    return int(dropped)


def test_what_the_program_dropped_stands_archived_before_the_summary(home: Path) -> None:
    key = compact(home)
    before = list(library_of(home).open(key).messages)
    dropped = save_as_the_program_does(home)

    after = library_of(home).open(key)

    assert dropped > 0
    assert [message.text for message in before] == [message.text for message in after.messages]
    assert [message.archived for message in before] == [message.archived for message in after.messages]
    assert (len(SAID), dropped) == (after.session.message_count, after.session.archived_count)
    assert len({message.id for message in after.messages}) == len(after.messages)


def test_it_is_found_as_before(home: Path) -> None:
    compact(home)
    save_as_the_program_does(home)
    library = library_of(home)
    library.searches.refresh(library.catalog.found, Progress())

    hits = library.searches.hits(library.parsed("walnut3"), library.catalog.sessions, limit=50).hits

    assert SAID[3] in {hit.snippet for hit in hits}


def test_twice_compacted_and_dropped_all_of_it_is_there_once(home: Path) -> None:
    key = compact(home)
    save_as_the_program_does(home)
    lines_file = home / ".picoclaw/workspace/sessions/cli_default.jsonl"
    later = [f"later {number}" for number in range(30)]
    with lines_file.open("a") as file:
        for number, text in enumerate(later):
            row = {
                "role": "user" if number % 2 == 0 else "assistant",
                "content": text,
                "created_at": f"2026-05-02T08:{number:02}:00Z",
            }
            file.write(f"{json.dumps(row)}\n")
    compact(home)
    save_as_the_program_does(home)

    texts = [message.text for message in library_of(home).open(key).messages if not message.is_summary]

    assert [*SAID, *later] == texts


def test_an_undone_compaction_leaves_nothing_twice(home: Path) -> None:
    key = compact(home)
    library = library_of(home)
    (item,) = library.trash.of(key)
    library.restore(item.trash_id)

    assert SAID == [message.text for message in library_of(home).open(key).messages]
