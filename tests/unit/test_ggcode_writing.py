"""What ggcode goes on from once its sessions were compacted, renamed, appended to and taken away.

`context` is the program's own rule, for either generation, made anew from what is known of its format.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from session_tui.adapters import times
from session_tui.adapters.base import Compactable, Deletable, Lockable, Renamable
from session_tui.adapters.revising import Revising
from session_tui.agents.ggcode import Ggcode
from session_tui.compaction.plan import plan
from session_tui.compaction.settings import CompactionSettings
from session_tui.errors import StoreError, StoreLocked
from session_tui.model import (
    CompactPlan,
    Image,
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
from tests.unit.killing import append_side_by_side, held
from tests.unit.tables import copied, digest, everything, world

MARK = "[Previous conversation summary]\n"
ID = "20260710-120000-1111222233334444"
ZEROS = {"input_tokens": 0, "output_tokens": 0, "cache_read_tokens": 0, "cache_write_tokens": 0}
UNSET = "0001-01-01T00:00:00Z"
Record = dict[str, Any]


# ── the program's rules ───────────────────────────────────────────────────────────────────────────────────


def records(path: Path) -> list[Record]:
    found = []
    for line in path.read_bytes().split(b"\n"):
        if not line.strip() or len(line) > 10 * 1024 * 1024:
            continue
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and not isinstance((record.get("message") or {}).get("content"), str):
            found.append(record)
    return found


def messages(found: list[Record]) -> list[Record]:
    seen: set[str] = set()
    kept = []
    for record in found:
        id = (record.get("message") or {}).get("id", "")
        if record["type"] == "message" and id not in seen:
            kept.append(record["message"])
            seen |= {id} - {""}
    return kept


def context(path: Path, *, newest: bool = True) -> list[Record]:
    """The messages that the program sends next."""
    return newest_context(records(path)) if newest else oldest_context(records(path))


def oldest_context(found: list[Record]) -> list[Record]:
    said: list[Record] = []
    for record in found:
        if record["type"] == "checkpoint":
            said = list(record.get("checkpoint_messages") or [])
        elif record["type"] == "message":
            said.append(record["message"])
    return said


def newest_context(found: list[Record]) -> list[Record]:
    for record in reversed(found):
        id = record.get("checkpoint_summary_msg_id") if record["type"] == "checkpoint" else None
        own = [n for n, each in enumerate(found) if id and (each.get("message") or {}).get("id") == id]
        if not own:
            continue
        after = messages(found[own[0] + 1 :])
        last = record.get("checkpoint_last_msg_id")
        place = next((n for n, each in enumerate(after) if last and each.get("id") == last), -1)
        return [found[own[0]]["message"], *after[place + 1 :]]
    for number in range(len(found) - 1, -1, -1):
        if items := found[number].get("checkpoint_messages"):
            summary = [item for item in items if item["role"] == "system" and said(item).startswith(MARK)]
            return [*(summary[:1] or items), *messages(found[number + 1 :])]
    return messages(found)


def said(message: Mapping[str, Any]) -> str:
    parts = [part for part in message["content"] or () if part["type"] == "text"]
    return "\n\n".join(part["text"] for part in parts if part.get("text"))


# ── stores ────────────────────────────────────────────────────────────────────────────────────────────────


def text(role: str, said: str, id: str, **more: object) -> Record:
    told = {"id": id, "role": role, "content": [{"type": "text", "text": said}]}
    return {**newest_record("message", message=told), "timestamp": "2026-07-10T12:00:00.5+02:00", **more}


def newest_record(kind: str, **values: object) -> Record:
    usual = {"token_usage": ZEROS, "created_at": UNSET, "updated_at": UNSET, "timestamp": UNSET}
    return {"type": kind, "session_id": ID, **usual, **values}


def old_text(role: str, said: str) -> Record:
    told = {"role": role, "content": [{"type": "text", "text": said}]}
    return {"type": "message", "session_id": ID, "created_at": UNSET, "updated_at": UNSET, "message": told}


def line(record: Record) -> bytes:
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def sessions(home: Path) -> Path:
    folder = home / ".ggcode" / "sessions"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def ggcode(home: Path) -> Ggcode:
    return Ggcode(world(home))


@pytest.fixture
def trash(tmp_path: Path) -> Trash:
    return Trash(tmp_path / "trash")


def store(sessions: Path, *found: Record | bytes, newest: bool = True) -> Path:
    path = sessions / f"{ID}.jsonl"
    path.write_bytes(b"".join(each if isinstance(each, bytes) else line(each) for each in found))
    other = {"id": "other", "title": "a \\u003c b", "msg_count": 1e3, "odd": None}
    own = {
        "id": ID,
        "title": "Tide tables",
        "msg_count": 3,
        "updated_at": "2026-07-10T12:00:01+02:00",
        "later": {"x": 1},
    }
    (sessions / "index.json").write_text(json.dumps([other, own], indent=2))
    if newest:
        (sessions / "index.json.flock").touch()
        path.with_name(f"{ID}.jsonl.flock").touch()
    return path


def talk(count: int) -> list[Record]:
    return [text("user" if n % 2 == 0 else "assistant", f"tide {n}", f"msg_{n}") for n in range(count)]


def old_talk(count: int) -> list[Record]:
    return [old_text("user" if n % 2 == 0 else "assistant", f"tide {n}") for n in range(count)]


def transcript(ggcode: Ggcode, id: str = ID) -> Transcript:
    return everything(ggcode)[id]


def planned(ggcode: Ggcode, read: Transcript, keep: int = 3) -> CompactPlan:
    rules = CompactionSettings.of({"preserve_recent": keep, "compact_ratio": 1.0, **ggcode.compaction})
    return plan(read.messages, rules, manual=True)


def summary(wanted: CompactPlan, content: str = "They spoke of tides. <&>\u2028") -> Summary:
    return Summary(id="s", content=content, original_ids=wanted.compact, compacted_at=datetime(2026, 7, 11, tzinfo=UTC))


def compact(ggcode: Ggcode, trash: Trash, id: str = ID, keep: int = 3) -> CompactPlan:
    read = transcript(ggcode, id)
    wanted, session = planned(ggcode, read, keep), read.session
    with ggcode.holding(session):
        assert ggcode.refuses_compaction(session) is None
        with trash.around(session.key, session.key.ref, "", ggcode.touched(session, wanted), "compact"):
            ggcode.apply(session, wanted, summary(wanted))
    return wanted


# ── compaction ────────────────────────────────────────────────────────────────────────────────────────────


def test_it_can_do_all_that_its_locks_and_files_allow(ggcode: Ggcode) -> None:
    for protocol in (Compactable, Lockable, Deletable, Renamable):
        assert isinstance(ggcode, protocol)


@pytest.mark.parametrize("newest", [True, False])
def test_the_program_goes_on_from_the_summary_and_what_was_kept(
    sessions: Path, ggcode: Ggcode, trash: Trash, newest: bool
) -> None:
    path = store(sessions, *(talk(8) if newest else old_talk(8)), newest=newest)

    compact(ggcode, trash)

    sent = [(message["role"], said(message)) for message in context(path, newest=newest)]
    assert [("system", f"{MARK}They spoke of tides. <&>\u2028"), ("assistant", "tide 5")] == sent[:2]
    assert ["tide 5", "tide 6", "tide 7"] == [text for _, text in sent[1:]]
    read = transcript(ggcode)
    assert sent == [(str(m.role), m.text) for m in read.messages if not m.archived]
    assert (8, 5, 1) == (read.session.message_count, read.session.archived_count, len(read.summaries))
    assert [f"tide {n}" for n in range(5)] == [m.text for m in read.messages[:5]]
    assert read.messages[5].is_summary


def test_old_and_new_stores_get_their_own_kind_of_checkpoint(sessions: Path, ggcode: Ggcode, trash: Trash) -> None:
    path = store(sessions, *old_talk(8), newest=False)
    before = path.read_bytes()
    compact(ggcode, trash)
    added = path.read_bytes().removeprefix(before)
    keys = ["type", "session_id", "created_at", "updated_at", "checkpoint_tokens", "checkpoint_messages"]

    assert keys == list(json.loads(added))
    assert 1 == added.count(b"\n")
    assert b"<&>\\u2028" in added
    assert {"index.json", path.name} == {each.name for each in sessions.iterdir()}


def test_messages_stand_once_and_untouched_lines_are_the_same_bytes(
    sessions: Path, ggcode: Ggcode, trash: Trash
) -> None:
    odd = b'{"type":"message", "session_id":"x","message":{"id":"msg_odd","role":"user","content":[{"type":"text",'
    odd += b'"text":"\\u003cb\\u003e"}],"own":1.50},"timestamp":"2026-07-10T12:00:00Z","more":[1e2]}\n'
    usage = line(newest_record("usage", usage_entry={"turn_index": 1, "usage": {"input_tokens": 5}}))
    kept = [line(each) for each in talk(6)]
    path = store(sessions, *kept[:3], b"no json\n", usage, odd, b'{"type":"future","a":1}\n', *kept[3:])

    compact(ggcode, trash)

    data = path.read_bytes()
    for each in (*kept, b"no json\n", usage, odd, b'{"type":"future","a":1}\n'):
        assert 1 == data.count(each)
    ids = [message["id"] for message in messages(records(path))]
    assert len(set(ids)) == len(ids) == 8


def test_a_second_compaction_takes_in_the_first_summary(sessions: Path, ggcode: Ggcode, trash: Trash) -> None:
    path = store(sessions, *talk(8))
    compact(ggcode, trash)
    with path.open("ab") as file:
        file.writelines(line(text("user", f"ebb {n}", f"msg_ebb{n}")) for n in range(4))

    wanted = compact(ggcode, trash)

    assert 1 == len(wanted.carried)
    assert ["ebb 1", "ebb 2", "ebb 3"] == [said(message) for message in context(path)[1:]]
    assert 12 == transcript(ggcode).session.message_count
    assert 2 == transcript(ggcode).session.compaction_count


def test_a_checkpoint_written_late_does_not_win_over_the_new_one(sessions: Path, ggcode: Ggcode, trash: Trash) -> None:
    first = text("system", f"{MARK}First.", "msg_s")
    late = newest_record("checkpoint", checkpoint_summary_msg_id="msg_s", checkpoint_last_msg_id="msg_3")
    path = store(sessions, *talk(2), first, *talk(8)[2:6], late, *talk(8)[6:])
    assert ["tide 4", "tide 5", "tide 6", "tide 7"] == [said(message) for message in context(path)[1:]]

    compact(ggcode, trash)

    assert [f"{MARK}They spoke of tides. <&>\u2028", "tide 5", "tide 6", "tide 7"] == [said(m) for m in context(path)]
    read = transcript(ggcode)
    assert [said(m) for m in context(path)] == [m.text for m in read.messages if not m.archived]


def test_a_message_that_is_repeated_later_does_not_cut_off_the_rest(
    sessions: Path, ggcode: Ggcode, trash: Trash
) -> None:
    path = store(sessions, *talk(8), *talk(8)[3:7])

    compact(ggcode, trash)

    assert ["tide 5", "tide 6", "tide 7"] == [said(message) for message in context(path)[1:]]
    assert 2 == path.read_bytes().count(line(talk(8)[4]))


@pytest.mark.parametrize("newest", [True, False])
def test_a_system_prompt_that_is_to_stay_stands_behind_the_summary(
    sessions: Path, ggcode: Ggcode, trash: Trash, newest: bool
) -> None:
    prompt = text("system", "Mind the buoys.", "msg_p") if newest else old_text("system", "Mind the buoys.")
    path = store(sessions, prompt, *(talk(4) if newest else old_talk(4)), newest=newest)
    read = transcript(ggcode)
    ids = [message.id for message in read.messages]
    wanted = CompactPlan(compact=tuple(ids[1:3]), keep=(ids[0], *ids[3:]))

    with ggcode.holding(read.session):
        ggcode.apply(read.session, wanted, summary(wanted, "Short."))

    expected = [f"{MARK}Short.", "Mind the buoys.", "tide 2", "tide 3"]
    assert expected == [said(message) for message in context(path, newest=newest)]
    assert sorted(expected) == sorted(m.text for m in transcript(ggcode).messages if not m.archived)


@pytest.mark.parametrize("mark", [True, False])
def test_messages_inside_an_old_checkpoint_go_on_in_a_newer_store(
    sessions: Path, ggcode: Ggcode, trash: Trash, mark: bool
) -> None:
    first = old_text("system", f"{MARK}Old." if mark else "Just a prompt.")["message"]
    inside = [first, old_text("user", "inside 0")["message"], old_text("user", "inside 1")["message"]]
    legacy = {"type": "checkpoint", "session_id": ID, "checkpoint_messages": inside}
    path = store(sessions, *old_talk(2), legacy, *talk(4))
    before = [m.text for m in transcript(ggcode).messages if not m.archived]
    assert before == [said(message) for message in context(path)]

    compact(ggcode, trash, keep=3 if mark else 5)

    after = [m.text for m in transcript(ggcode).messages if not m.archived]
    assert after == [said(message) for message in context(path)]
    assert (["tide 1", "tide 2", "tide 3"] if mark else ["inside 1", *(f"tide {n}" for n in range(4))]) == after[1:]
    assert 1 == sum(message.text == "inside 1" for message in transcript(ggcode).messages)


def test_only_its_own_entry_in_the_list_changes(sessions: Path, ggcode: Ggcode, trash: Trash) -> None:
    store(sessions, *talk(8))
    before = (sessions / "index.json").read_text()

    compact(ggcode, trash)

    after = (sessions / "index.json").read_text()
    assert before[: before.index(ID)] == after[: after.index(ID)]
    entry = json.loads(after)[1]
    assert ({"x": 1}, "Tide tables", 3) == (entry["later"], entry["title"], entry["msg_count"])
    moment = times.parse(entry["updated_at"])
    assert moment is not None
    assert moment > datetime(2026, 7, 10, 12, tzinfo=UTC)


def test_an_undone_compaction_leaves_the_very_bytes(sessions: Path, ggcode: Ggcode, trash: Trash) -> None:
    store(sessions, *talk(8))
    before = digest(sessions)

    compact(ggcode, trash)
    changed = digest(sessions)
    (item,) = trash.items()
    trash.restore(item.trash_id)

    assert before != changed
    assert before == digest(sessions)


@pytest.mark.parametrize("newest", [True, False])
def test_messages_written_after_a_compaction_survive_its_undoing(
    sessions: Path, ggcode: Ggcode, trash: Trash, newest: bool
) -> None:
    path = store(sessions, *(talk(8) if newest else old_talk(8)), newest=newest)
    compact(ggcode, trash)
    ggcode.add_message(ggcode.key(ID), user("and now?"))

    assert ggcode.key(ID) == trash.restore(trash.items()[0].trash_id)

    expected = [*(f"tide {n}" for n in range(8)), "and now?"]
    assert expected == [said(message) for message in context(path, newest=newest)]
    assert expected == [message.text for message in transcript(ggcode).messages if not message.archived]


def test_a_session_that_changed_since_is_left_as_it_is(sessions: Path, ggcode: Ggcode) -> None:
    path = store(sessions, *talk(8))
    read = transcript(ggcode)
    with path.open("ab") as file:
        file.write(line(text("user", "one more", "msg_more")))
    before = digest(sessions)

    with pytest.raises(StoreError, match="has changed"):
        ggcode.apply(read.session, planned(ggcode, read), summary(planned(ggcode, read)))
    changed = transcript(ggcode)
    with pytest.raises(StoreError, match="has changed"):
        ggcode.apply(changed.session, planned(ggcode, read), summary(planned(ggcode, read)))

    assert before == digest(sessions)


@pytest.mark.parametrize("newest", [True, False])
def test_a_write_that_fails_leaves_the_store_as_it_was(
    sessions: Path, ggcode: Ggcode, trash: Trash, newest: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(sessions, *(talk(8) if newest else old_talk(8)), newest=newest)
    before = digest(sessions)

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    read = transcript(ggcode)
    wanted = planned(ggcode, read)
    with monkeypatch.context() as patched:
        patched.setattr("session_tui.adapters.files.os.fsync", fail)
        with pytest.raises(StoreError):
            ggcode.apply(read.session, wanted, summary(wanted))
        with pytest.raises(StoreError):
            ggcode.rename(read.session, "Never")
        with pytest.raises(StoreError):
            ggcode.add_message(ggcode.key(ID), user("never"))

    assert before == digest(sessions)


# ── locks ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_that_the_program_has_open_is_refused(sessions: Path, ggcode: Ggcode) -> None:
    path = store(sessions, *talk(8))
    session = transcript(ggcode).session
    before = path.read_bytes()

    with held(path.with_suffix(".lock")):
        refusal = ggcode.refuses_compaction(session)
        with pytest.raises(StoreLocked), ggcode.holding(session):
            raise AssertionError
        with pytest.raises(StoreLocked):
            ggcode.rename(session, "Mine")

    assert isinstance(refusal, Refusal)
    assert before == path.read_bytes()


def test_the_lock_says_who_holds_it_and_leaves_nothing_behind(sessions: Path, ggcode: Ggcode) -> None:
    path = store(sessions, *talk(2))
    session = transcript(ggcode).session
    path.with_suffix(".lock").write_text("4000000")

    with ggcode.holding(session):
        holder = path.with_suffix(".lock").read_text()
        other = Ggcode(ggcode.world)
        assert other.live(session) is True
        assert ggcode.live(session) is False
        with pytest.raises(StoreLocked), other.holding(session):
            raise AssertionError
        ggcode.rename(session, "Held twice")

    assert str(os.getpid()) == holder
    assert not path.with_suffix(".lock").exists()


def test_two_processes_lose_no_message(home: Path, sessions: Path, ggcode: Ggcode) -> None:
    key = begin(ggcode)

    append_side_by_side(home, "ggcode", key.id)

    found = [message.text for message in transcript(ggcode, key.id).messages]
    assert 400 == len(found)
    for name in "ab":
        assert [f"{name}{n}" for n in range(200)] == [text for text in found if text.startswith(name)]
    assert 400 == json.loads((sessions / "index.json").read_text())[0]["msg_count"]
    assert [] == list(sessions.glob("*.lock"))


# ── names, endings, appending ─────────────────────────────────────────────────────────────────────────────


def test_a_new_title_repeats_all_else_and_reaches_the_list(sessions: Path, ggcode: Ggcode) -> None:
    meta = newest_record(
        "meta", title="Old", preview="p", workspace="/w", model="m", permission_mode="auto", context_window=900
    )
    later = newest_record("meta", title="Older", vendor="v", model="m2", updated_at="2026-07-10T12:00:00+02:00")
    path = store(sessions, *talk(2), meta, later, b'{"type":"message","torn')
    before = path.read_bytes()

    ggcode.rename(transcript(ggcode).session, "A <new> & \u2028 title")

    added = path.read_bytes().removeprefix(before + b"\n")
    assert 1 == added.count(b"\n")
    assert b'"title":"A <new> & \\u2028 title"' in added
    told = json.loads(added)
    for name, value in {"workspace": "/w", "vendor": "v", "model": "m2", "permission_mode": "auto"}.items():
        assert value == told[name]
    assert (900, UNSET, "2026-07-10T12:00:00+02:00") == (told["context_window"], told["timestamp"], told["updated_at"])
    assert "A <new> & \u2028 title" == transcript(ggcode).session.title
    listed = (sessions / "index.json").read_text()
    assert "A \\u003cnew\\u003e \\u0026 \\u2028 title" in listed


def test_a_damaged_list_is_not_written_over(sessions: Path, ggcode: Ggcode) -> None:
    store(sessions, *talk(2))
    (sessions / "index.json").write_text("[{broken")

    ggcode.rename(transcript(ggcode).session, "New")

    assert "[{broken" == (sessions / "index.json").read_text()
    assert "New" == transcript(ggcode).session.title


def test_a_deleted_session_leaves_its_locks_and_comes_back(sessions: Path, ggcode: Ggcode, trash: Trash) -> None:
    path = store(sessions, *talk(4))
    before = digest(sessions)
    session = transcript(ggcode).session

    with ggcode.holding(session):
        item = trash.delete(session.key, session.key.ref, session.title, ggcode.belongings(session))
    left = sorted(each.name for each in sessions.iterdir())
    listed = json.loads((sessions / "index.json").read_text())
    trash.restore(item.trash_id)

    assert sorted(["index.json", "index.json.flock", f"{path.name}.flock"]) == left
    assert ["other"] == [entry["id"] for entry in listed]
    assert before == digest(sessions)


def test_records_are_written_as_the_program_writes_them(sessions: Path, ggcode: Ggcode) -> None:
    key = begin(ggcode)
    blocks = (
        Thinking("hm", "sig"),
        Text("a <b> & \u2028"),
        ToolCall("c1", "read_file", {"path": "x"}),
        ToolResult("c1", "read_file", "out", True),
        Image("image/png", 3, lambda: b"abc"),
    )
    made = ggcode.add_message(key, Message(id="", role=Role.ASSISTANT, blocks=blocks, created_at=moment()))
    ggcode.add_message(key, Message(id="", role=Role.TOOL, blocks=(ToolResult("c2", "ls", "ok"),)))

    *_, raw, last = (sessions / f"{key.id}.jsonl").read_bytes().splitlines()
    told = json.loads(raw)

    assert ["type", "session_id", "token_usage", "created_at", "updated_at", "message", "timestamp"] == list(told)
    assert ["id", "role", "content"] == list(told["message"])
    assert (ZEROS, UNSET, UNSET) == (told["token_usage"], told["created_at"], told["updated_at"])
    assert made.id.startswith("msg_")
    assert b'"text":"a <b> & \\u2028"' in raw
    assert b'{"type":"tool_use","tool_name":"read_file","tool_id":"c1","input":{"path":"x"}}' in raw
    assert b'"output":"out","is_error":true}' in raw
    assert b'{"type":"image","image_mime":"image/png","image_data":"YWJj"}' in raw
    assert moment() == times.parse(told["timestamp"])
    assert not told["timestamp"].split(".")[1][0:2].endswith("0")
    assert "user" == json.loads(last)["message"]["role"]
    assert blocks == ggcode.read(ggcode.source(key)).messages[0].blocks


def moment() -> datetime:
    return datetime(2026, 7, 10, 12, 0, 0, 500000, tzinfo=UTC)


def test_an_old_store_gets_no_newer_records_and_no_lock_files(sessions: Path, ggcode: Ggcode) -> None:
    path = store(sessions, *old_talk(3), b'{"torn', newest=False)

    (added,) = ggcode.add_messages(ggcode.key(ID), [user("next")])

    raw = path.read_bytes()
    assert raw.endswith(b"\n")
    assert b'{"torn\n{"type":"message"' in raw
    told = json.loads(raw.splitlines()[-1])
    assert ["type", "session_id", "created_at", "updated_at", "message"] == list(told)
    assert ["role", "content"] == list(told["message"])
    assert added == transcript(ggcode).messages[-1]
    assert {path.name, "index.json"} == {each.name for each in sessions.iterdir()}


def test_an_id_that_is_taken_is_refused(sessions: Path, ggcode: Ggcode) -> None:
    path = store(sessions, *talk(3))
    before = path.read_bytes()

    with pytest.raises(StoreError, match="msg_1 is there already"):
        ggcode.add_messages(ggcode.key(ID), [user("x", "fresh"), user("y", "msg_1")])

    assert before == path.read_bytes()


def test_what_is_archived_in_our_own_sessions_the_program_leaves_out(ggcode: Ggcode) -> None:
    key = begin(ggcode)
    ids = [message.id for message in ggcode.add_messages(key, [user(str(n)) for n in range(6)])]
    path = Path(ggcode.source(key).path)

    ggcode.archive_messages(key, ids[1:2])
    archived = [said(message) for message in context(path)]
    ggcode.compact(key, Summary(id="", content="Some.", original_ids=(ids[0], *ids[2:4])))
    compacted = [said(message) for message in context(path)]
    ggcode.add_message(key, user("6"))

    assert ["0", "2", "3", "4", "5"] == archived
    assert [f"{MARK}Some.", "4", "5"] == compacted
    assert [f"{MARK}Some.", "4", "5", "6"] == [said(message) for message in context(path)]


def test_an_id_the_program_would_not_accept_is_refused(sessions: Path, ggcode: Ggcode) -> None:
    with pytest.raises(StoreError, match="does not accept"):
        ggcode.create_session(Session(key=SessionKey("", "../up")))
    assert [] == list(sessions.iterdir())


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)
def test_a_store_in_the_programs_files(claim: Callable[[Revising], None], tmp_path: Path) -> None:
    claim(Ggcode(world(tmp_path)))


# ── the real store ────────────────────────────────────────────────────────────────────────────────────────


def test_every_real_session_goes_on_from_its_compacted_history(tmp_path: Path, trash: Trash) -> None:
    real = copied("ggcode", tmp_path / "real")
    ggcode = Ggcode(world(tmp_path, given={"ggcode": (real,)}))
    compacted = 0
    for id, read in everything(ggcode).items():
        wanted, path = planned(ggcode, read), Path(read.session.path)
        if not wanted or ggcode.refuses_compaction(read.session):
            continue
        compacted += 1
        before = digest(real)
        by_id = {message.id: message for message in read.messages}
        compact(ggcode, trash, id)

        sent = context(path)
        after = transcript(ggcode, id)
        active = [message for message in after.messages if not message.archived]
        assert [MARK + summary(wanted).content] == [said(message) for message in sent[:1]]
        assert [by_id[kept].text for kept in wanted.keep] == [said(message) for message in sent[1:]]
        assert [said(message) for message in sent] == [message.text for message in active]
        assert read.session.message_count == after.session.message_count
        assert (read.session.message_count or 0) - len(wanted.keep) == after.session.archived_count
        [at] = [each["timestamp"] for each in records(path) if each.get("message") == sent[0]]
        assert summary(wanted).compacted_at == times.parse(at)

        trash.restore(trash.items()[0].trash_id)
        # a lock that a killed program left goes, as with any start of the program
        left = {name: value for name, value in before.items() if not name.endswith(".lock")}
        assert left == {name: value for name, value in digest(real).items() if name in left}
    assert compacted > 15
