"""What PicoClaw goes on from once its sessions were compacted, appended to and taken away.

`history` is the program's own rule, made anew from what is known of its format.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from session_tui.adapters import locks, times
from session_tui.adapters.base import Compactable, Deletable, Lockable
from session_tui.adapters.revising import Revising
from session_tui.agents.picoclaw import Picoclaw
from session_tui.compaction.plan import plan
from session_tui.compaction.settings import CompactionSettings
from session_tui.errors import StoreError, StoreLocked
from session_tui.model import (
    CompactPlan,
    Message,
    Refusal,
    Role,
    Session,
    SessionKey,
    Summary,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Transcript,
)
from session_tui.trash import Trash
from tests.unit.appendable_formats import CLAIMS, begin, user
from tests.unit.killing import append_side_by_side
from tests.unit.tables import copied, digest, everything, world

STEM, KEY = "agent_main_cli_direct_ana", "agent:main:cli:direct:ana"
Record = dict[str, Any]


# ── the program's rules ───────────────────────────────────────────────────────────────────────────────────


def history(path: Path) -> tuple[str, list[Record]]:
    """The summary, and the messages that the program sends next."""
    meta = json.loads(path.with_suffix(".meta.json").read_text())
    sent: list[Record] = []
    number = 0
    for raw in path.read_bytes().split(b"\n"):
        line = raw.rstrip(b"\r")
        assert len(line) <= 10 * 1024 * 1024
        if not line:
            continue
        number += 1
        if number > meta["skip"] and (record := parsed(line)) and not is_thought(record):
            sent.append(record)
    return meta["summary"], sent


def parsed(line: bytes) -> Record:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def is_thought(record: Record) -> bool:
    rest = [record.get(name) for name in ("tool_calls", "media", "attachments", "tool_call_id")]
    blank = not record.get("content", "").strip() and not any(rest)
    return record["role"] == "assistant" and blank and bool(record.get("reasoning_content", "").strip())


def contents(path: Path) -> list[str]:
    return [record["content"] for record in history(path)[1]]


# ── stores ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def sessions(home: Path) -> Path:
    folder = home / ".picoclaw" / "workspace" / "sessions"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def picoclaw(home: Path) -> Picoclaw:
    return Picoclaw(world(home))


@pytest.fixture
def trash(tmp_path: Path) -> Trash:
    return Trash(tmp_path / "trash")


def said(role: str, content: str, **more: object) -> Record:
    return {"role": role, "content": content, **more}


def talk(count: int) -> list[Record]:
    return [said("user" if n % 2 == 0 else "assistant", f"net {n}") for n in range(count)]


def store(sessions: Path, *lines: Record | bytes, **meta: object) -> Path:
    encoded = [each if isinstance(each, bytes) else json.dumps(each).encode() + b"\n" for each in lines]
    path = sessions / f"{STEM}.jsonl"
    path.write_bytes(b"".join(encoded))
    told = {"key": KEY, "summary": "", "skip": 0, "count": len(lines), "created_at": "2026-07-10T12:00:00+02:00"}
    told |= {"updated_at": "2026-07-10T12:30:00+02:00", "scope": {"version": 1}, "aliases": ["agent:main:main"]}
    path.with_suffix(".meta.json").write_text(json.dumps({**told, "later": {"x": [1]}, **meta}, indent=2))
    return path


def transcript(picoclaw: Picoclaw, key: str = KEY) -> Transcript:
    return everything(picoclaw)[key]


def planned(picoclaw: Picoclaw, read: Transcript) -> CompactPlan:
    return plan(read.messages, CompactionSettings.of(picoclaw.compaction), manual=True)


def summary(wanted: CompactPlan, content: str = "They mended nets. <&>\u2028") -> Summary:
    return Summary(id="s", content=content, original_ids=wanted.compact, compacted_at=datetime(2026, 7, 11, tzinfo=UTC))


def compact(picoclaw: Picoclaw, trash: Trash, key: str = KEY) -> CompactPlan:
    read = transcript(picoclaw, key)
    wanted, session = planned(picoclaw, read), read.session
    with picoclaw.holding(session):
        assert picoclaw.refuses_compaction(session) is None
        with trash.around(
            session.key, session.key.ref, "", picoclaw.touched(session, wanted), "compact", expires=False
        ):
            applied = picoclaw.apply(session, wanted, summary(wanted))
    assert "trash" in applied.note
    return wanted


# ── compaction ────────────────────────────────────────────────────────────────────────────────────────────


def test_it_can_do_all_that_its_files_allow(picoclaw: Picoclaw) -> None:
    for protocol in (Compactable, Lockable, Deletable):
        assert isinstance(picoclaw, protocol)


def test_the_program_goes_on_from_the_summary_and_what_was_kept(
    sessions: Path, picoclaw: Picoclaw, trash: Trash
) -> None:
    path = store(sessions, *talk(11))
    lines = path.read_bytes()

    compact(picoclaw, trash)

    assert ("They mended nets. <&>\u2028", [f"net {n}" for n in range(6, 11)]) == (history(path)[0], contents(path))
    assert lines == path.read_bytes()
    read = transcript(picoclaw)
    assert ["They mended nets. <&>\u2028", *contents(path)] == [m.text for m in read.messages if not m.archived]
    assert (11, 6, 1) == (read.session.message_count, read.session.archived_count, len(read.summaries))


def test_the_meta_file_is_as_the_program_writes_it_and_keeps_what_is_not_ours(
    sessions: Path, picoclaw: Picoclaw, trash: Trash
) -> None:
    path = store(sessions, *talk(11), count=3)

    compact(picoclaw, trash)

    raw = path.with_suffix(".meta.json").read_text()
    told = json.loads(raw)
    keys = ["key", "summary", "skip", "count", "created_at", "updated_at", "scope", "aliases", "later"]
    assert keys == list(told)
    assert (6, 11, {"x": [1]}) == (told["skip"], told["count"], told["later"])
    assert raw.startswith('{\n  "key": "')
    assert "\\u003c\\u0026\\u003e\\u2028" in raw
    now = times.parse(told["updated_at"])
    assert now is not None
    assert now > datetime(2026, 7, 10, 11, tzinfo=UTC)
    assert "2026-07-10T12:00:00+02:00" == told["created_at"]
    assert {path.name, path.with_suffix(".meta.json").name} == {each.name for each in sessions.iterdir()}


def test_bad_lines_count_and_thoughts_do_not_stand_in_the_way(sessions: Path, picoclaw: Picoclaw, trash: Trash) -> None:
    thought = said("assistant", "", reasoning_content="hm")
    path = store(sessions, *talk(3)[:2], b"no json\n", b"\n", *talk(9)[2:8], thought, said("user", "last"))
    read = transcript(picoclaw)
    wanted = planned(picoclaw, read)

    compact(picoclaw, trash)

    kept = {message.id: message.text for message in read.messages}
    assert [kept[id] for id in wanted.keep] == contents(path)
    assert 11 == json.loads(path.with_suffix(".meta.json").read_text())["count"]


def test_a_second_compaction_takes_in_the_first_summary(sessions: Path, picoclaw: Picoclaw, trash: Trash) -> None:
    path = store(sessions, *talk(11))
    compact(picoclaw, trash)
    with path.open("ab") as file:
        file.writelines(
            json.dumps(said("user" if n % 2 else "assistant", f"ebb {n}")).encode() + b"\n" for n in range(6)
        )

    wanted = compact(picoclaw, trash)

    assert ("summary",) == wanted.carried
    assert ["ebb 1", "ebb 2", "ebb 3", "ebb 4", "ebb 5"] == contents(path)


def test_a_summary_that_is_not_taken_in_stays_in_front(sessions: Path, picoclaw: Picoclaw) -> None:
    path = store(sessions, *talk(4), summary="Earlier.")
    read = transcript(picoclaw)
    wanted = CompactPlan(compact=("0", "1"), keep=("2", "3"))

    picoclaw.apply(read.session, wanted, summary(wanted, "Later."))

    assert ("Earlier.\n\nLater.", ["net 2", "net 3"]) == (history(path)[0], contents(path))


def test_an_earlier_message_cannot_stay(sessions: Path, picoclaw: Picoclaw) -> None:
    store(sessions, *talk(4))
    before, session = digest(sessions), transcript(picoclaw).session
    wanted = CompactPlan(compact=("1", "2"), keep=("0", "3"))

    with pytest.raises(StoreError, match="oldest messages alone"):
        picoclaw.apply(session, wanted, summary(wanted))

    assert before == digest(sessions)


def test_without_a_meta_file_one_is_made(sessions: Path, picoclaw: Picoclaw, trash: Trash) -> None:
    path = store(sessions, *talk(11))
    path.with_suffix(".meta.json").unlink()

    compact(picoclaw, trash, STEM)
    made = history(path)
    trash.restore(trash.items()[0].trash_id)

    assert 5 == len(made[1])
    assert not path.with_suffix(".meta.json").exists()


def test_an_undone_compaction_leaves_the_very_bytes(sessions: Path, picoclaw: Picoclaw, trash: Trash) -> None:
    store(sessions, *talk(11))
    before = digest(sessions)

    compact(picoclaw, trash)
    changed = digest(sessions)
    trash.restore(trash.items()[0].trash_id)

    assert before != changed
    assert before == digest(sessions)


def test_messages_written_after_a_compaction_survive_its_undoing(
    sessions: Path, picoclaw: Picoclaw, trash: Trash
) -> None:
    path = store(sessions, *talk(11))
    compact(picoclaw, trash)
    with path.open("ab") as file:
        file.write(b'{"role":"user","content":"and now?"}\n')

    assert not isinstance(trash.restore(trash.items()[0].trash_id), Refusal)

    assert [*(f"net {n}" for n in range(11)), "and now?"] == contents(path)


def test_a_session_that_changed_since_is_left_as_it_is(sessions: Path, picoclaw: Picoclaw) -> None:
    path = store(sessions, *talk(11))
    read = transcript(picoclaw)
    wanted = planned(picoclaw, read)
    with path.open("ab") as file:
        file.write(b'{"role":"user","content":"more"}\n')
    before = digest(sessions)

    for session in (read.session, transcript(picoclaw).session):
        with pytest.raises(StoreError, match="has changed"):
            picoclaw.apply(session, wanted, summary(wanted))

    assert before == digest(sessions)


def test_a_write_that_fails_leaves_the_store_as_it_was(
    sessions: Path, picoclaw: Picoclaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(sessions, *talk(11))
    before, read = digest(sessions), transcript(picoclaw)
    wanted = planned(picoclaw, read)

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("session_tui.adapters.files.os.fsync", fail)
        with pytest.raises(StoreError):
            picoclaw.apply(read.session, wanted, summary(wanted))
        with pytest.raises(StoreError):
            picoclaw.add_message(read.session.key, user("never"))
    with monkeypatch.context() as patched:
        patched.setattr("tempfile.mkstemp", lambda **_: fail(0))
        with pytest.raises(StoreError):
            picoclaw.add_message(read.session.key, user("never"))

    assert before == digest(sessions)


def test_what_the_program_could_not_read_is_refused(sessions: Path, picoclaw: Picoclaw) -> None:
    path = store(sessions, *talk(4))
    session = transcript(picoclaw).session
    path.with_suffix(".meta.json").write_text("{broken")
    (sessions / "cli_default.json").write_text(json.dumps({"key": "cli:default", "messages": talk(2)}))
    before = digest(sessions)

    for refused in (session, transcript(picoclaw, "cli:default").session):
        assert isinstance(picoclaw.refuses_compaction(refused), Refusal)
    with pytest.raises(StoreError, match="meta file cannot be read"):
        picoclaw.add_message(SessionKey("picoclaw", KEY, str(sessions)), user("x"))

    assert before == digest(sessions)


def test_a_line_the_program_cannot_read_is_no_place_to_write(sessions: Path, picoclaw: Picoclaw) -> None:
    store(sessions, said("user", "x" * (10 * 1024 * 1024 + 1)), *talk(4))
    read = transcript(picoclaw)
    wanted = CompactPlan(compact=("0", "1"), keep=("2", "3", "4"))

    with pytest.raises(StoreError, match="longer than"):
        picoclaw.apply(read.session, wanted, summary(wanted))


# ── processes ─────────────────────────────────────────────────────────────────────────────────────────────


def test_writers_of_ours_take_turns(sessions: Path, picoclaw: Picoclaw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("session_tui.agents.picoclaw.changing.PATIENCE", 0.05)
    store(sessions, *talk(4))
    session = transcript(picoclaw).session
    before = digest(sessions)

    with locks.holding(sessions), pytest.raises(StoreLocked):
        picoclaw.add_message(session.key, user("x"))
    with picoclaw.holding(session), pytest.raises(StoreLocked):
        Picoclaw(picoclaw.world).add_message(session.key, user("x"))

    assert before == digest(sessions)


def test_two_processes_lose_no_message(home: Path, sessions: Path, picoclaw: Picoclaw) -> None:
    key = begin(picoclaw)

    append_side_by_side(home, "picoclaw", key.id)

    found = [message.text for message in transcript(picoclaw, key.id).messages]
    assert 400 == len(found)
    for name in "ab":
        assert [f"{name}{n}" for n in range(200)] == [text for text in found if text.startswith(name)]
    [meta] = sessions.glob("*.meta.json")
    assert 400 == json.loads(meta.read_text())["count"]
    assert 2 == len(list(sessions.iterdir()))


# ── appending ─────────────────────────────────────────────────────────────────────────────────────────────


def test_records_are_written_as_the_program_writes_them(sessions: Path, picoclaw: Picoclaw) -> None:
    key = begin(picoclaw)
    at = datetime(2026, 7, 10, 12, 0, 0, 500000, tzinfo=UTC)
    call = ToolCall("c1", "exec", {"command": "ls <a>"})
    blocks = (Thinking("hm"), Text("a <b> & \u2028 日本"), call)
    picoclaw.add_message(key, Message(id="", role=Role.ASSISTANT, blocks=blocks, created_at=at, model="glm"))
    results = (ToolResult("c1", "exec", "out"), ToolResult("c2", "exec", "more"))
    added = picoclaw.add_messages(key, [Message(id="", role=Role.USER, blocks=results)])

    path = Path(picoclaw.source(key).path)
    first, *rest = path.read_bytes().splitlines()
    told = json.loads(first)
    assert ["role", "content", "model_name", "created_at", "reasoning_content", "tool_calls"] == list(told)
    assert b'"content":"a \\u003cb\\u003e \\u0026 \\u2028 \xe6\x97\xa5\xe6\x9c\xac"' in first
    assert {"command": "ls <a>"} == json.loads(told["tool_calls"][0]["function"]["arguments"])
    assert at == times.parse(told["created_at"])
    assert [("tool", "out", "c1"), ("tool", "more", "c2")] == [
        (each["role"], each["content"], each["tool_call_id"]) for each in map(json.loads, rest)
    ]
    assert (["1", "2"], 3) == ([message.id for message in added], len(history(path)[1]))
    assert blocks == picoclaw.read(picoclaw.source(key)).messages[0].blocks
    assert key.id.startswith("sk_v1_")


def test_a_line_that_was_cut_off_takes_no_other_with_it(sessions: Path, picoclaw: Picoclaw) -> None:
    path = store(sessions, *talk(2), b'{"role":"user","cont')

    (added,) = picoclaw.add_messages(SessionKey("picoclaw", KEY, str(sessions)), [user("whole")])

    assert ["net 0", "net 1", "whole"] == contents(path)
    assert b'cont\n{"role"' in path.read_bytes()
    assert ("3", 4) == (added.id, json.loads(path.with_suffix(".meta.json").read_text())["count"])


def test_the_program_sends_what_is_active_in_our_own_sessions(picoclaw: Picoclaw) -> None:
    key = begin(picoclaw)
    ids = [message.id for message in picoclaw.add_messages(key, [user(str(n)) for n in range(6)])]
    path = Path(picoclaw.source(key).path)

    with pytest.raises(StoreError, match="oldest messages alone"):
        picoclaw.archive_messages(key, ids[2:3])
    picoclaw.compact(key, Summary(id="", content="Some.", original_ids=tuple(ids[:3])))

    assert ("Some.", ["3", "4", "5"]) == (history(path)[0], contents(path))
    picoclaw.delete_messages(key, ids[3:4])
    assert ("Some.", ["4", "5"]) == (history(path)[0], contents(path))


def test_no_file_stands_there_that_the_program_would_take_in(sessions: Path, picoclaw: Picoclaw) -> None:
    key = begin(picoclaw, "telegram:1/2")
    picoclaw.add_message(key, user("a"))
    picoclaw.change_session(key, lambda session: session)

    assert ["telegram_1_2.jsonl", "telegram_1_2.meta.json"] == sorted(each.name for each in sessions.iterdir())
    with pytest.raises(StoreError, match="is there already"):
        picoclaw.create_session(Session(key=SessionKey("", "telegram:1_2")))


def test_a_deleted_session_comes_back(sessions: Path, picoclaw: Picoclaw, trash: Trash) -> None:
    path = store(sessions, *talk(2))
    path.with_suffix(".json").write_text(json.dumps({"key": KEY, "messages": []}))
    before, session = digest(sessions), transcript(picoclaw).session

    item = trash.delete(session.key, session.key.ref, "", picoclaw.belongings(session))
    left = list(sessions.iterdir())
    trash.restore(item.trash_id)

    assert [] == left
    assert before == digest(sessions)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)
def test_a_store_in_the_programs_files(claim: Callable[[Revising], None], tmp_path: Path) -> None:
    claim(Picoclaw(world(tmp_path)))


# ── the real store ────────────────────────────────────────────────────────────────────────────────────────


def test_every_real_session_goes_on_from_its_compacted_history(tmp_path: Path, trash: Trash) -> None:
    real = copied("picoclaw", tmp_path / "real")
    picoclaw = Picoclaw(world(tmp_path, given={"picoclaw": (real,)}))
    compacted = 0
    sources = [source for root in picoclaw.roots() for source in picoclaw.scan(root)]
    for source in sources:
        read = picoclaw.read(source)
        wanted, path = planned(picoclaw, read), Path(source.path)
        if not wanted or picoclaw.refuses_compaction(read.session):
            continue
        compacted += 1
        before, texts = digest(real), {message.id: message for message in read.messages}
        session = read.session
        with trash.around(session.key, session.key.ref, "", picoclaw.touched(session, wanted), "compact"):
            picoclaw.apply(session, wanted, summary(wanted))

        after = picoclaw.read(source)
        content, sent = history(path)
        shown = [(str(texts[id].role), raw_text(texts[id])) for id in wanted.keep]
        assert (summary(wanted).content, shown) == (content, [(each["role"], each["content"]) for each in sent])
        assert list(wanted.keep) == [m.id for m in after.messages if not (m.archived or m.is_summary)]
        assert session.message_count == after.session.message_count
        meta = json.loads(path.with_suffix(".meta.json").read_text())
        assert times.parse(meta["updated_at"])
        assert meta["count"] == sum(bool(line.strip()) for line in path.read_bytes().split(b"\n"))

        trash.restore(trash.items()[0].trash_id)
        assert before == digest(real)
    assert compacted > 5


def raw_text(message: Message) -> str:
    results = [block.text for block in message.blocks if isinstance(block, ToolResult)]
    return results[0] if results else message.text
