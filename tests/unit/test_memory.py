from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from session_tui.adapters.base import Importing, Renamable, Root, World
from session_tui.adapters.writing import Appendable
from session_tui.agents.memory import Memory
from session_tui.agents.native import Native
from session_tui.errors import StoreError, StoreMissing, UnknownSession
from session_tui.model import (
    ContextItem,
    Cost,
    Message,
    MetricRecord,
    ReadFile,
    Refusal,
    Role,
    Session,
    SessionKey,
    SessionState,
    Summary,
    Text,
    TitleSource,
    TokenSource,
    Transcript,
    TunnelEvent,
    Usage,
    UsageRecord,
)

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
Store = Memory | Native


def world(place: Path) -> World:
    return World(home=place, environ={}, cwd=place, data_dir=place / "data")


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(world(tmp_path))


@pytest.fixture(params=[Memory, Native])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Every store that sessions can live in: what is said of one must hold for the other."""
    made: Store = request.param(world(tmp_path))
    return made


def user(text: str, id: str = "") -> Message:
    return Message(id=id, role=Role.USER, blocks=(Text(text),))


def begin(store: Store, id: str = "") -> SessionKey:
    return store.create_session(Session(key=SessionKey(store.name, id))).key


def filled(store: Store, *ids: str) -> SessionKey:
    key = begin(store)
    store.add_messages(key, [user(f"text of {id}", id) for id in ids])
    return key


def read(store: Store, key: SessionKey) -> Transcript:
    return store.read(store.source(key))


def ids(messages: Sequence[Message], *, archived: bool | None = None) -> list[str]:
    return [message.id for message in messages if archived in (None, message.archived)]


# ── both stores ───────────────────────────────────────────────────────────────────────────────────────


def test_a_store_has_places_only_once_there_are_sessions(store: Store) -> None:
    assert [] == list(store.roots())
    begin(store, "one")
    begin(store, "two")
    (root,) = store.roots()
    assert ["one", "two"] == sorted(source.key.id for source in store.scan(root))
    assert str(root.path) == next(store.scan(root)).key.root


def test_a_session_is_begun_with_all_that_is_known_of_it(store: Store) -> None:
    given = Session(key=SessionKey("", ""), title="Bread", project="/home/ana", tags=("a",), created_at=NOON)
    made = store.create_session(given)
    assert (store.name, True) == (made.key.store, bool(made.key.id))
    kept = read(store, made.key).session
    assert replace(made, path=kept.path, message_count=0, archived_count=0, size_bytes=0) == replace(
        kept, token_count=None, token_source=TokenSource.NONE
    )


def test_a_session_cannot_be_begun_twice(store: Store) -> None:
    begin(store, "one")
    with pytest.raises(StoreError, match="session one is there already"):
        begin(store, "one")


def test_messages_come_back_in_their_order_with_ids(store: Store) -> None:
    key = begin(store)
    first = store.add_message(key, user("a"))
    rest = store.add_messages(key, [user("b", "own"), user("c")])
    assert (first, *rest) == tuple(read(store, key).messages)
    assert ("own", 3) == (rest[0].id, len({message.id for message in (first, *rest)}))


def test_a_message_cannot_be_added_twice(store: Store) -> None:
    key = filled(store, "1")
    with pytest.raises(StoreError, match="message 1 is there already"):
        store.add_messages(key, [user("x", "2"), user("y", "1")])
    assert ["1"] == ids(read(store, key).messages)


def test_the_first_prompt_and_the_counts_follow_the_messages(store: Store) -> None:
    key = begin(store)
    store.add_message(key, user("<environment_context>linux</environment_context>"))
    store.add_messages(key, [user("Bake a bread"), user("Another")])
    session = store.head(store.source(key))
    assert ("Bake a bread", "Bake a bread", TitleSource.FIRST_PROMPT) == (
        session.first_prompt,
        session.title,
        session.title_source,
    )
    assert (3, 0, TokenSource.ESTIMATED) == (session.message_count, session.archived_count, session.token_source)


def test_a_changed_conversation_drops_the_recorded_tokens_and_notes_the_time(store: Store) -> None:
    given = Session(key=SessionKey("", ""), updated_at=NOON, token_count=900, token_source=TokenSource.RECORDED)
    key = store.create_session(given).key
    assert 900 == store.head(store.source(key)).token_count
    before = datetime.now(UTC)
    store.add_message(key, user("word"))
    session = store.head(store.source(key))
    assert (1, TokenSource.ESTIMATED) == (session.token_count, session.token_source)
    assert session.updated_at is not None
    assert before <= session.updated_at


def test_what_is_known_of_a_session_is_replaced_but_not_what_follows_from_its_messages(store: Store) -> None:
    key = filled(store, "1", "2")
    session = store.head(store.source(key))
    store.update_session(
        replace(session, state=SessionState.IDLE, tags=("x",), custom_data={"a": 1}, first_prompt="", message_count=9)
    )
    got = store.head(store.source(key))
    assert (SessionState.IDLE, ("x",), {"a": 1}) == (got.state, got.tags, got.custom_data)
    assert ("text of 1", 2) == (got.first_prompt, got.message_count)
    assert (session.token_count, TokenSource.ESTIMATED) == (got.token_count, got.token_source)


def test_archived_messages_stay(store: Store) -> None:
    key = filled(store, "1", "2", "3")
    assert 2 == store.archive_messages(key, ["1", "2", "nobody"])
    assert 0 == store.archive_messages(key, ["1"])
    got = read(store, key)
    assert (["1", "2"], ["3"]) == (ids(got.messages, archived=True), ids(got.messages, archived=False))
    assert (3, 2) == (got.session.message_count, got.session.archived_count)


def test_a_compaction_keeps_everything_and_puts_the_summary_behind_what_it_covers(store: Store) -> None:
    key = filled(store, "1", "2", "3", "4")
    kept = store.compact(key, Summary(id="", content="One and two.", original_ids=("1", "2"), compacted_at=NOON))
    got = read(store, key)
    assert ["1", "2", kept.id, "3", "4"] == ids(got.messages)
    assert [kept.id, "3", "4"] == ids(got.messages, archived=False)
    assert ("One and two.", True, NOON) == (
        got.messages[2].text,
        got.messages[2].is_summary,
        got.messages[2].created_at,
    )
    assert (kept,) == got.summaries
    session = got.session
    assert (4, 2, 1) == (session.message_count, session.archived_count, session.compaction_count)
    assert ("One and two.", kept.id, NOON) == (session.summary, session.summary_message_id, session.compacted_at)


def test_a_second_compaction_takes_in_the_first_summary(store: Store) -> None:
    key = filled(store, "1", "2", "3", "4")
    store.compact(key, Summary(id="s1", content="One.", original_ids=("1",)))
    store.compact(key, Summary(id="s2", content="One to three.", original_ids=("2", "3")), archive=["s1"])
    got = read(store, key)
    assert ["1", "s1", "2", "3", "s2", "4"] == ids(got.messages)
    assert ["s2", "4"] == ids(got.messages, archived=False)
    assert (["s1", "s2"], 2, 3) == (
        [summary.id for summary in got.summaries],
        got.session.compaction_count,
        got.session.archived_count,
    )


def test_a_compaction_that_fails_changes_nothing(store: Store) -> None:
    key = filled(store, "1", "2")
    with pytest.raises(StoreError, match="message 2 is there already"):
        store.compact(key, Summary(id="2", content="clash", original_ids=("1",)))
    got = read(store, key)
    assert ([], (), None) == (ids(got.messages, archived=True), got.summaries, got.session.compaction_count)


def test_a_summary_can_be_kept_without_archiving_and_be_replaced(store: Store) -> None:
    key = filled(store, "1", "2")
    store.store_summary(key, Summary(id="s", content="Draft.", original_ids=("1",)))
    store.store_summary(key, Summary(id="s", content="Better."))
    got = read(store, key)
    assert (["1", "2", "s"], "Better.") == (ids(got.messages), got.messages[2].text)
    assert (["Better."], 0) == ([summary.content for summary in got.summaries], got.session.archived_count)


def test_messages_are_replaced_and_summaries_go_with_theirs(store: Store) -> None:
    key = filled(store, "1", "2")
    store.store_summary(key, Summary(id="s", content="One.", original_ids=("1",)))
    store.store_summary(key, Summary(id="t", content="Two.", original_ids=("2",)))
    kept = next(message for message in read(store, key).messages if message.id == "t")
    new = store.replace_messages(key, [kept, user("new")])
    got = read(store, key)
    assert (new, ["t"]) == (tuple(got.messages), [summary.id for summary in got.summaries])


def test_messages_are_removed_by_id_or_all(store: Store) -> None:
    key = filled(store, "1", "2", "3")
    store.store_summary(key, Summary(id="s", content="One.", original_ids=("1",)))
    assert 1 == store.delete_messages(key, ["2", "nobody"])
    assert ["1", "s", "3"] == ids(read(store, key).messages)
    assert 3 == store.delete_messages(key)
    got = read(store, key)
    assert ((), 0) == ((*got.messages, *got.summaries), got.session.message_count)


def test_everything_else_is_appended_in_order(store: Store) -> None:
    key = begin(store)
    items = [ContextItem("setting", "a", "1"), ContextItem("own", "b", "2")]
    events, costs = [TunnelEvent("1", "t", "s", {"a": [1]}), TunnelEvent("2", "t")], [Cost({"usd": 1}, 1.0), Cost("x")]
    usage, metrics = [UsageRecord(Usage(1, 2), NOON, 3)], [MetricRecord("llm", NOON, 1, {"ttft": 5})]
    for item in items:
        store.add_context(key, item)
    for event in events:
        store.append_tunnel_event(key, event)
    for cost in costs:
        store.append_cost(key, cost)
    store.append_usage(key, usage[0])
    store.append_metric(key, metrics[0])
    got = read(store, key)
    assert (items, events, costs) == (list(got.context), list(got.tunnel_events), list(got.costs))
    assert (usage, metrics) == (list(got.usage), list(got.metrics))
    store.delete_context(key)
    assert () == read(store, key).context


def test_a_file_read_again_gets_the_new_time(store: Store) -> None:
    key = begin(store)
    for file in (ReadFile("a.py"), ReadFile("b.py"), ReadFile("a.py", NOON)):
        store.track_read_file(key, file)
    assert (ReadFile("a.py", NOON), ReadFile("b.py")) == read(store, key).files_read


def test_a_title_given_by_a_person_leaves_the_time_of_the_last_change(store: Store) -> None:
    key = store.create_session(Session(key=SessionKey("", ""), updated_at=NOON)).key
    store.rename(Session(key=key), "Sourdough")
    got = store.head(store.source(key))
    assert ("Sourdough", TitleSource.CUSTOM, NOON) == (got.title, got.title_source, got.updated_at)


def test_a_deleted_session_is_gone(store: Store) -> None:
    key = filled(store, "1")
    source = store.source(key)
    store.delete_session(key)
    with pytest.raises(StoreMissing):
        store.read(source)
    with pytest.raises(UnknownSession):
        store.source(key)


def test_every_change_needs_its_session(store: Store) -> None:
    begin(store)
    key = SessionKey(store.name, "nobody")
    acts: list[Callable[[], object]] = [
        lambda: store.update_session(Session(key=key)),
        lambda: store.rename(Session(key=key), "x"),
        lambda: store.delete_session(key),
        lambda: store.add_message(key, user("a")),
        lambda: store.replace_messages(key, []),
        lambda: store.archive_messages(key, []),
        lambda: store.delete_messages(key),
        lambda: store.store_summary(key, Summary(id="s", content="")),
        lambda: store.compact(key, Summary(id="s", content="")),
        lambda: store.add_context(key, ContextItem("a", "b", "c")),
        lambda: store.delete_context(key),
        lambda: store.track_read_file(key, ReadFile("a")),
        lambda: store.append_tunnel_event(key, TunnelEvent("1", "t")),
        lambda: store.append_cost(key, Cost(1)),
        lambda: store.append_usage(key, UsageRecord(Usage())),
        lambda: store.append_metric(key, MetricRecord("llm")),
    ]
    for act in acts:
        with pytest.raises(UnknownSession, match="nobody"):
            act()


def test_every_change_gives_another_stamp(store: Store) -> None:
    key = begin(store)
    stamps = {store.source(key).stamp}
    for text in "abc":
        store.add_message(key, user(text))
        stamps.add(store.source(key).stamp)
    assert 4 == len(stamps)


# ── memory alone ──────────────────────────────────────────────────────────────────────────────────────


def test_memory_is_a_store_like_any_other(memory: Memory) -> None:
    for protocol in (Appendable, Importing, Renamable):
        assert isinstance(memory, protocol)
    assert isinstance(memory.resume(Session(key=begin(memory))), Refusal)
    assert memory.program is None


def test_memory_writes_no_file(memory: Memory, tmp_path: Path) -> None:
    key = filled(memory, "1", "2")
    memory.compact(key, Summary(id="", content="x", original_ids=("1",)))
    assert [] == list(tmp_path.iterdir())


def test_what_was_read_does_not_change_afterwards(memory: Memory) -> None:
    key = filled(memory, "1")
    got = read(memory, key)
    memory.add_message(key, user("later", "2"))
    memory.archive_messages(key, ["1"])
    assert ([("1", False)], 1) == (
        [(message.id, message.archived) for message in got.messages],
        got.session.message_count,
    )


def test_two_memories_do_not_know_each_other(memory: Memory, tmp_path: Path) -> None:
    begin(memory)
    other = Memory(world(tmp_path))
    assert ([], [Root(Path("/memory"))]) == (list(other.roots()), list(memory.roots()))


def test_threads_lose_no_message_in_memory(memory: Memory) -> None:
    key = begin(memory)

    def write(name: str) -> None:
        for number in range(100):
            memory.add_message(key, user(name, f"{name}{number}"))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = ids(read(memory, key).messages)
    assert (400, 400) == (len(found), len(set(found)))
    assert [f"a{number}" for number in range(100)] == [id for id in found if id.startswith("a")]
