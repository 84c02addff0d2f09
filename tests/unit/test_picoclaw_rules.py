"""What PicoClaw's own storage promises holds for its sessions here, through the manager and the adapter."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from session_tui.adapters import times
from session_tui.agents.memory import Memory
from session_tui.agents.native import Native
from session_tui.agents.picoclaw import Picoclaw
from session_tui.errors import StoreError, UnknownSession
from session_tui.manager import SessionManager
from session_tui.model import (
    Health,
    Launch,
    Message,
    Role,
    Session,
    SessionKey,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Transcript,
)
from session_tui.trash import Trash
from tests.unit.managing import said as message
from tests.unit.tables import digest, everything, listed, world

KEY, STEM = "agent:main:cli:direct:ana", "agent_main_cli_direct_ana"
DAWN = datetime(2026, 7, 10, 6, tzinfo=UTC)
MIB = 1024 * 1024
Record = Mapping[str, Any]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def folder(home: Path) -> Path:
    """Where the program keeps its sessions; not there yet."""
    return home / ".picoclaw" / "workspace" / "sessions"


@pytest.fixture
def picoclaw(home: Path) -> Picoclaw:
    return Picoclaw(world(home))


@pytest.fixture
def manager(picoclaw: Picoclaw) -> SessionManager:
    return SessionManager(picoclaw)


def said(role: str, content: str, **more: object) -> Record:
    return {"role": role, "content": content, **more}


def letters(text: str) -> list[Record]:
    return [said("user", letter) for letter in text]


def write(folder: Path, *lines: Record | bytes, stem: str = STEM, **meta: object) -> Path:
    """A session of these lines, with a meta file where anything is said of it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}.jsonl"
    path.write_bytes(b"".join(each if isinstance(each, bytes) else json.dumps(each).encode() + b"\n" for each in lines))
    if meta:
        told = {"key": KEY, "summary": "", "skip": 0, "count": len(lines), **meta}
        path.with_suffix(".meta.json").write_text(json.dumps(told, indent=2))
    return path


def legacy(folder: Path, key: str, *messages: Record, stem: str = "", **more: object) -> Path:
    """A session of a version before the lines came."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem or key.replace(':', '_')}.json"
    told = {"key": key, "messages": list(messages), "created": "2026-02-01T10:00:00+08:00", **more}
    path.write_text(json.dumps({name: value for name, value in told.items() if value != ""}, indent=2))
    return path


def about(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(path.with_suffix(".meta.json").read_text())
    return told


def contents(path: Path) -> list[str]:
    return [json.loads(line)["content"] for line in path.read_bytes().splitlines()]


def texts(found: Sequence[Message]) -> list[str]:
    return [each.text for each in found]


def talk(manager: SessionManager, *lines: str, id: str = KEY) -> SessionKey:
    key = manager.create(id=id).key
    for line in lines:
        manager.add_message(key, Role.USER, line)
    return key


# ── keeping ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_folders_above_a_session_are_made(folder: Path, home: Path, manager: SessionManager) -> None:
    there = home.exists()

    talk(manager, "Mend the net")

    assert there is False
    assert [f"{STEM}.jsonl", f"{STEM}.meta.json"] == sorted(path.name for path in folder.iterdir())


def test_two_messages_come_back_in_order_and_outlast_their_writer(home: Path, manager: SessionManager) -> None:
    key = talk(manager, "Mend the net")
    manager.add_message(key, Role.ASSISTANT, "It is mended.")
    manager.set_summary(key, "A net was mended.")
    manager.close()

    again = SessionManager(Picoclaw(world(home)))

    found = [(each.role, each.text) for each in again.messages(key)]
    assert [(Role.USER, "Mend the net"), (Role.ASSISTANT, "It is mended.")] == found
    assert "A net was mended." == again.summary(key)


def test_a_session_that_is_not_there_has_no_messages(picoclaw: Picoclaw, home: Path) -> None:
    manager = SessionManager(picoclaw, on_error="log")
    key = manager.key("agent:main:nobody")

    assert ((), (), 0, "") == (manager.messages(key), manager.compacted(key), manager.count(key), manager.summary(key))
    assert not home.exists()


def test_a_call_and_its_result_keep_their_ids_and_the_name(folder: Path, home: Path, manager: SessionManager) -> None:
    key = talk(manager, "Look at the net")
    call, result = ToolCall("call_1", "look", {"at": "net <1>"}), ToolResult("call_1", "look", "a hole")
    manager.add_full_message(key, Message(id="", role=Role.ASSISTANT, blocks=(call,)))
    manager.add_full_message(key, Message(id="", role=Role.TOOL, blocks=(result,)))

    _, asked, answered = SessionManager(Picoclaw(world(home))).messages(key)
    _, stored, given = (json.loads(line) for line in (folder / f"{STEM}.jsonl").read_bytes().splitlines())

    assert ((call,), (result,)) == (asked.blocks, answered.blocks)
    assert ("call_1", "look") == (stored["tool_calls"][0]["id"], stored["tool_calls"][0]["function"]["name"])
    assert ("tool", "call_1") == (given["role"], given["tool_call_id"])


def test_a_summary_is_empty_then_set_then_replaced(folder: Path, manager: SessionManager) -> None:
    key = talk(manager, "Mend the net")
    found = [manager.summary(key)]
    for text in ("A net.", "A mended net."):
        manager.set_summary(key, text)
        found.append(manager.summary(key))

    assert ["", "A net.", "A mended net."] == found
    assert "A mended net." == about(folder / f"{STEM}.jsonl")["summary"]
    assert ["A mended net.", "Mend the net"] == texts(manager.compacted(key))


@pytest.mark.parametrize(("last", "rest"), [(4, "ghij"), (0, ""), (10, "abcdefghij"), (100, "abcdefghij")])
def test_truncating_ten_messages_keeps_the_last(folder: Path, manager: SessionManager, last: int, rest: str) -> None:
    path = write(folder, *letters("abcdefghij"), skip=0)
    key = manager.key(KEY)

    manager.truncate(key, last=last)

    assert list(rest) == texts(manager.compacted(key))
    told = about(path)
    assert list(rest) == contents(path)[told["skip"] :]


def test_a_new_history_replaces_the_old_and_skips_nothing(folder: Path, manager: SessionManager) -> None:
    path = write(folder, *letters("abcdefghij"), skip=7)
    key = manager.key(KEY)

    manager.set_history(key, [message("x"), message("y")])

    assert ["x", "y"] == texts(manager.compacted(key)) == contents(path)
    assert (0, 2) == (about(path)["skip"], about(path)["count"])


def test_keys_that_make_one_file_name_share_a_session(folder: Path, manager: SessionManager) -> None:
    key = talk(manager, "Mend the net", id="telegram:123")

    manager.add_message(manager.key("telegram_123"), Role.USER, "And the sail")

    assert ["telegram_123.jsonl", "telegram_123.meta.json"] == sorted(path.name for path in folder.iterdir())
    assert ["Mend the net", "And the sail"] == texts(manager.messages(key))
    assert texts(manager.messages(key)) == texts(manager.messages(manager.key("telegram_123")))
    assert [key] == [session.key for session in manager.list_sessions()]
    assert (
        "telegram:123" == manager.require(manager.key("telegram_123")).key.id == about(folder / "telegram_123.x")["key"]
    )
    with pytest.raises(StoreError, match="is there already"):
        manager.create(id="telegram_123")


def test_reclaiming_leaves_three_lines_of_ten_and_the_same_history(folder: Path, manager: SessionManager) -> None:
    path = write(folder, *letters("abcdefghij"), skip=7, summary="a to g")
    key = manager.key(KEY)
    before = texts(manager.compacted(key))

    gone = manager.reclaim(key)

    assert (7, ["a to g", "h", "i", "j"], before) == (gone, before, texts(manager.compacted(key)))
    assert (["h", "i", "j"], 0, 3) == (contents(path), about(path)["skip"], about(path)["count"])
    lines = path.read_bytes()
    assert (0, lines) == (manager.reclaim(key), path.read_bytes())
    manager.add_message(key, Role.USER, "k")
    assert ["h", "i", "j", "k"] == texts(manager.messages(key))


def test_a_stale_count_is_healed_by_truncating(folder: Path, manager: SessionManager) -> None:
    path = write(folder, *letters("abcdefghijk"), count=10)

    manager.truncate(manager.key(KEY), last=4)

    assert list("hijk") == texts(manager.messages(manager.key(KEY)))
    told = about(path)
    assert (told["count"], 4) == (len(contents(path)), told["count"] - told["skip"])


def test_ten_writers_of_twenty_messages_lose_none(folder: Path, manager: SessionManager) -> None:
    key = talk(manager, "begin")

    def add(writer: int) -> None:
        for number in range(20):
            manager.add_message(key, Role.USER, f"{writer}/{number}")

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(add, range(10)))

    found = texts(manager.messages(key))
    assert (201, 201) == (len(found), about(folder / f"{STEM}.jsonl")["count"])
    assert {f"{writer}/{number}" for writer in range(10) for number in range(20)} == set(found[1:])


def test_what_is_done_to_one_session_is_not_done_to_another(manager: SessionManager) -> None:
    one, two = talk(manager, "one", id="agent:main:one"), talk(manager, "two", id="agent:main:two")

    manager.set_summary(one, "One.")
    manager.truncate(one, last=0)

    assert ([], ["two"]) == (texts(manager.messages(one)), texts(manager.messages(two)))
    assert ("One.", "") == (manager.summary(one), manager.summary(two))


def test_a_line_of_nine_mebibytes_is_read_like_any_other(folder: Path, manager: SessionManager) -> None:
    write(folder, said("user", "x" * 9 * MIB), said("assistant", "Long."), skip=0)

    transcript = manager.transcript(manager.key(KEY))

    assert [9 * MIB, 5] == [len(text) for text in texts(transcript.messages)]
    assert Health.CLEAN is transcript.session.health


# ── sessions of versions before ───────────────────────────────────────────────────────────────────────────


CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at":"net"}'}}


def test_sessions_of_before_are_brought_over_once_with_all_they_hold(
    folder: Path, home: Path, tmp_path: Path, picoclaw: Picoclaw
) -> None:
    asked, answered = said("assistant", "", tool_calls=[CALL]), said("tool", "a hole", tool_call_id="call_1")
    legacy(folder, "telegram:1", said("user", "Mend"), asked, answered, summary="Nets.")
    legacy(folder, "agent:main:main", said("user", "Sail"), stem="some_file")
    legacy(folder, "", said("user", "Row"), stem="no_key")
    (folder / "broken.json").write_text('{"key": "a", "messages": [')
    (folder / "old.meta.json").write_text("{")
    before = digest(folder)
    manager = SessionManager(Native(world(tmp_path)))

    first, second = manager.migrate(picoclaw), manager.migrate(picoclaw)

    assert {"telegram:1", "agent:main:main", "no_key"} == {key.id for key in first.keys}
    assert any("broken.json" in problem.path for problem in first.problems)
    assert () == second.keys
    moved = manager.transcript(manager.key("telegram:1"))
    assert [(ToolCall("call_1", "look", {"at": "net"}),), (ToolResult("call_1", "look", "a hole"),)] == [
        each.blocks for each in moved.messages if not each.is_summary and each.role is not Role.USER
    ]
    assert "Nets." == moved.session.summary
    assert 3 == len(manager.list_sessions())
    assert before == digest(folder)


def test_a_retried_migration_doubles_nothing(folder: Path, tmp_path: Path, picoclaw: Picoclaw) -> None:
    legacy(folder, "agent:main:one", said("user", "Mend"))
    manager = SessionManager(Native(world(tmp_path)))
    manager.migrate(picoclaw)
    legacy(folder, "agent:main:two", said("user", "Sail"))

    again = manager.migrate(picoclaw)

    assert ["agent:main:two"] == [key.id for key in again.keys]
    assert (["Mend"], 2) == (texts(manager.messages(manager.key("agent:main:one"))), len(manager.list_sessions()))


def test_a_session_that_the_program_took_in_is_shown_once(folder: Path, picoclaw: Picoclaw) -> None:
    renamed = legacy(folder, KEY, said("user", "Mend"))
    renamed.rename(folder / f"{renamed.name}.migrated")
    write(folder, said("user", "Mend"), said("user", "And the sail"), skip=0)

    assert {KEY: 2} == {id: len(transcript.messages) for id, transcript in everything(picoclaw).items()}


def test_nothing_is_brought_over_from_a_folder_that_is_not_there(tmp_path: Path, picoclaw: Picoclaw) -> None:
    migrated = SessionManager(Memory(world(tmp_path))).migrate(picoclaw)

    assert ((), ()) == (migrated.keys, migrated.problems)


def test_a_legacy_file_is_shown_where_there_are_no_lines_yet(folder: Path, home: Path, manager: SessionManager) -> None:
    older = legacy(folder, KEY, said("user", "Mend"), said("assistant", "Done."))
    path = write(folder, skip=0)

    shown = everything(Picoclaw(world(home)))[KEY]
    path.write_text(json.dumps(said("user", "Sail")) + "\n")
    then = everything(Picoclaw(world(home)))[KEY]

    assert (["Mend", "Done."], str(older)) == (texts(shown.messages), shown.session.path)
    assert ["Sail"] == texts(then.messages)


def test_an_empty_file_beside_a_legacy_one_is_no_place_to_write(folder: Path, manager: SessionManager) -> None:
    legacy(folder, KEY, said("user", "Mend"))
    write(folder, skip=0)
    before = digest(folder)

    with pytest.raises(UnknownSession):
        manager.add_message(manager.key(KEY), Role.USER, "Sail")

    assert before == digest(folder)


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_list_tells_title_first_prompt_and_count(folder: Path, picoclaw: Picoclaw) -> None:
    lines = (said("user", "  \n"), said("user", "Mend the net\nplease"), said("assistant", "Done."))
    write(folder, *lines, summary="A net was mended.", count=3)

    session = listed(picoclaw)[KEY]

    assert ("Mend the net", "Mend the net\nplease", 3) == (session.title, session.first_prompt, session.message_count)
    assert "A net was mended." == session.summary


def test_an_empty_session_says_that_it_is(folder: Path, picoclaw: Picoclaw) -> None:
    write(folder, skip=0)

    session = listed(picoclaw)[KEY]

    assert (0, "", None) == (session.message_count, session.title, session.summary)


@pytest.mark.parametrize("lines", [("Mend",), ()])
def test_a_deleted_session_takes_all_its_files_along(
    folder: Path, tmp_path: Path, picoclaw: Picoclaw, lines: tuple[str, ...]
) -> None:
    write(folder, *(said("user", line) for line in lines), skip=0)
    legacy(folder, KEY, said("user", "Long ago"))

    before, session = digest(folder), everything(picoclaw)[KEY].session
    trash = Trash(tmp_path / "trash")

    item = trash.delete(session.key, session.key.ref, session.title, picoclaw.belongings(session))
    left = list(folder.iterdir())
    trash.restore(item.trash_id)

    assert [] == left
    assert before == digest(folder)
    assert 3 == len(before)


def test_lines_without_a_meta_file_are_listed(folder: Path, picoclaw: Picoclaw) -> None:
    write(folder, said("user", "Mend"))

    assert ["Mend"] == [session.title for session in listed(picoclaw).values()]


# ── thoughts, times, models ───────────────────────────────────────────────────────────────────────────────


def thought() -> Message:
    return Message(id="", role=Role.ASSISTANT, blocks=(Thinking("Which knot?"), Text(" ")))


def test_a_thought_alone_is_never_sent_whether_added_set_or_read(folder: Path, manager: SessionManager) -> None:
    key = talk(manager, "Mend the net")
    manager.add_full_message(key, thought())
    added = texts(manager.compacted(key))
    manager.set_history(key, [message("Sail"), thought(), message("Row")])

    assert (["Mend the net"], ["Sail", "Row"]) == (added, texts(manager.compacted(key)))
    assert 3 == manager.count(key)


def test_a_thought_does_not_count_among_the_last(folder: Path, manager: SessionManager) -> None:
    alone = said("assistant", "", reasoning_content="Which knot?")
    path = write(folder, *letters("ab"), alone, *letters("c"), b"no json\n", alone, *letters("d"), skip=0)
    key = manager.key(KEY)

    manager.truncate(key, last=3)

    assert ["b", "c", "d"] == texts(manager.compacted(key))
    assert list("bcd") == [text for text in contents(path)[about(path)["skip"] :] if text]


def test_times_are_given_where_there_are_none_and_kept_where_there_are(folder: Path, manager: SessionManager) -> None:
    key = talk(manager, "Mend the net")
    before = datetime.now(UTC)
    manager.add_full_message(key, message("at dawn", Role.ASSISTANT, created_at=DAWN, model="glm-4.7"))
    manager.set_history(key, [*manager.messages(key), message("now")])

    stored = [json.loads(line) for line in (folder / f"{STEM}.jsonl").read_bytes().splitlines()]

    first, second, third = (times.parse(record["created_at"]) for record in stored)
    assert None not in (first, third)
    assert (DAWN, "glm-4.7") == (second, stored[1]["model_name"])
    assert third is not None and before - timedelta(seconds=1) <= third
    assert [None, "glm-4.7", None] == [each.model for each in manager.messages(key)]


def test_what_was_said_without_a_time_keeps_none_until_it_is_written_anew(
    folder: Path, manager: SessionManager
) -> None:
    path = write(folder, *letters("ab"), skip=0)

    manager.add_message(manager.key(KEY), Role.USER, "c")

    times_told = ["created_at" in json.loads(line) for line in path.read_bytes().splitlines()]
    assert [False, False, True] == times_told


# ── scopes and aliases ────────────────────────────────────────────────────────────────────────────────────


SCOPE = {"version": 1, "agent_id": "main", "channel": "cli", "dimensions": ["chat"], "values": {"chat": "direct:ana"}}


def test_scope_and_aliases_outlast_every_change(folder: Path, home: Path, manager: SessionManager) -> None:
    path = write(folder, *letters("ab"), scope=SCOPE, aliases=["agent:main:main"])
    key = manager.key(KEY)

    manager.add_message(key, Role.USER, "c")
    manager.set_summary(key, "Letters.")
    manager.truncate(key, last=1)
    manager.set_custom_data(key, mood="calm")

    told = about(path)
    assert (SCOPE, ["agent:main:main"]) == (told["scope"], told["aliases"])
    data = SessionManager(Picoclaw(world(home))).require(key).custom_data
    assert {"scope": SCOPE, "aliases": ["agent:main:main"], "mood": "calm"} == data


def test_aliases_are_kept_once_and_never_name_the_session_itself(folder: Path, manager: SessionManager) -> None:
    key = talk(manager, "Mend the net")

    manager.set_custom_data(key, scope=SCOPE, aliases=["agent:main:main", KEY, "old:1", "agent:main:main", ""])

    told = about(folder / f"{STEM}.jsonl")
    assert (SCOPE, ["agent:main:main", "old:1"]) == (told["scope"], told["aliases"])
    assert ["agent:main:main", "old:1"] == manager.require(key).custom_data["aliases"]


def test_aliases_that_the_program_wrote_since_are_those_that_count(folder: Path, manager: SessionManager) -> None:
    path = write(folder, *letters("a"), aliases=["old:1", "old:1", KEY])
    key = manager.key(KEY)
    manager.set_custom_data(key, mood="calm")
    path.with_suffix(".meta.json").write_text(json.dumps({**about(path), "aliases": ["old:2"]}))

    assert {"aliases": ["old:2"], "mood": "calm"} == manager.require(key).custom_data


def test_an_alias_comes_before_a_file_of_its_name_and_broken_meta_files_are_passed_over(
    folder: Path, picoclaw: Picoclaw
) -> None:
    write(folder, *letters("a"))
    (folder / "aa_broken.jsonl").write_text("")
    (folder / "aa_broken.meta.json").write_text("{broken")
    opaque = f"sk_v1_{'5d' * 32}"
    write(folder, *letters("b"), stem=opaque, key=opaque, aliases=[KEY])
    write(folder, *letters("c"), key=KEY)

    answer = picoclaw.resume(listed(picoclaw)[KEY])

    assert isinstance(answer, Launch)
    assert opaque in answer.warning


def test_topics_of_one_group_are_sessions_of_their_own(folder: Path, manager: SessionManager) -> None:
    one, two = (f"agent:main:telegram:group:-100/{topic}" for topic in (42, 43))
    for key, text in ((one, "Nets"), (two, "Sails")):
        talk(manager, text, id=key)

    found = {session.key.id: session for session in manager.list_sessions()}

    assert (["Nets"], ["Sails"]) == tuple(texts(manager.messages(found[key].key)) for key in (one, two))
    assert 2 == len(list(folder.glob("*.jsonl")))


def test_a_conversation_that_was_copied_to_another_key_is_brought_over_once_and_never_over_another(
    tmp_path: Path, folder: Path, manager: SessionManager
) -> None:
    other = Native(world(tmp_path))
    transcript = Transcript(session=Session(key=other.key(KEY)), messages=[message("from afar")])
    other.create(transcript)
    key = talk(manager, "Mend the net")

    (copy,) = manager.migrate(other).keys
    again = manager.migrate(other).keys

    assert ((), ["Mend the net"]) == (again, texts(manager.messages(key)))
    assert (["from afar"], True) == (texts(manager.messages(copy)), copy != key)
    assert 2 == len(manager.list_sessions())
