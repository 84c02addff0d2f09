"""Writing compactions back to copies of stores, for the tests of adapters that can: carried out, failed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from session_tui.adapters import rows
from session_tui.adapters.base import Adapter, Applied, Compactable, Source
from session_tui.compaction.plan import plan as planned
from session_tui.compaction.settings import CompactionSettings
from session_tui.errors import StoreError
from session_tui.model import CompactPlan, Summary, Transcript
from session_tui.trash import Trash

ID = "0b8f7c1e-5f0a-4a57-9a55-00000000c0de"
AT = datetime(2026, 11, 2, 9, 30, 15, 250000, UTC)
TEXT = 'Goal: <tidy> the "attic" & cellar.\n\nДальше: 次の一歩\u2028— all but the lamp.'
Dump = dict[str, list[dict[str, tuple[object, object]]]]


@dataclass(frozen=True)
class Done:
    """A compaction that was written back."""

    before: Transcript
    plan: CompactPlan
    applied: Applied
    item: str

    def texts(self, ids: tuple[str, ...]) -> list[str]:
        """What the messages with these ids said before."""
        said = {message.id: shown(message) for message in self.before.messages}
        return [said[id] for id in ids]


def shown(message: object) -> str:
    """All that a message says, of a tool its result."""
    blocks = getattr(message, "blocks", ())
    return "\n\n".join(str(block.text) for block in blocks if hasattr(block, "text"))


def summary(plan: CompactPlan, text: str = TEXT) -> Summary:
    return Summary(id=ID, content=text, original_ids=plan.compact, provider="extractive", compacted_at=AT)


def source_of(adapter: Adapter, id: str) -> Source:
    return next(source for root in adapter.roots() for source in adapter.scan(root) if source.key.id == id)


def read(adapter: Adapter, id: str) -> Transcript:
    return adapter.read(source_of(adapter, id))


def plan_for(adapter: Adapter, transcript: Transcript) -> CompactPlan:
    assert isinstance(adapter, Compactable)
    return planned(transcript.messages, CompactionSettings.of(adapter.compaction), manual=True)


def compact(adapter: Adapter, id: str, trash: Trash, text: str = TEXT) -> Done:
    """Compact a session by its program's own rules, a copy of what is touched kept before."""
    assert isinstance(adapter, Compactable)
    before = read(adapter, id)
    plan = plan_for(adapter, before)
    assert plan, plan.reason
    item, applied = carry_out(adapter, before, plan, trash, text)
    return Done(before, plan, applied, item)


def carry_out(
    adapter: Adapter, before: Transcript, plan: CompactPlan, trash: Trash, text: str = TEXT
) -> tuple[str, Applied]:
    assert isinstance(adapter, Compactable)
    session = before.session
    with trash.around(session.key, session.key.ref, session.title, adapter.touched(session, plan), "compact") as item:
        applied = adapter.apply(session, plan, summary(plan, text))
    return item.trash_id, applied


def active(transcript: Transcript, *, summaries: bool = False) -> list[str]:
    """What the active messages say, or the active summaries."""
    return [shown(each) for each in transcript.messages if not each.archived and each.is_summary == summaries]


# ── databases ─────────────────────────────────────────────────────────────────────────────────────────────


def dump(path: Path) -> Dump:
    """All a database holds: every row of every table with the storage class of every value, and the schema."""
    with closing(sqlite3.connect(path)) as database:
        database.text_factory = bytes
        found: Dump = {"": [{"sql": ("text", row[0])} for row in database.execute("SELECT sql FROM sqlite_master")]}
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            name = table.decode()
            columns = [row[1].decode() for row in database.execute(f'PRAGMA table_info("{name}")')]
            wanted = ", ".join(f'typeof("{column}"), "{column}"' for column in columns)
            query = database.execute(f'SELECT {wanted} FROM "{name}" ORDER BY rowid')
            found[name] = [dict(zip(columns, zip(row[::2], row[1::2], strict=True), strict=True)) for row in query]
        return found


def ask(path: Path, query: str, *values: object) -> list[tuple[object, ...]]:
    """The program's own query on the database."""
    with closing(sqlite3.connect(path)) as database:
        database.text_factory = lambda raw: raw.decode("utf-8", "replace")
        return database.execute(query, values).fetchall()


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


@contextmanager
def held(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another connection holds the database, and nobody waits long for it."""
    monkeypatch.setattr(rows, "BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def refused(adapter: Adapter, before: Transcript, plan: CompactPlan, path: Path, trash: Trash) -> StoreError:
    """The error of a compaction that fails, and leaves the store as it was and nothing in the trash."""
    stood = dump(path)

    with pytest.raises(StoreError) as caught:
        carry_out(adapter, before, plan, trash)

    assert stood == dump(path)
    assert () == trash.items()
    return caught.value
