"""What every store that keeps sessions in a program's own files must do; the tests of each run these claims."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from session_tui.adapters.revising import Revising
from session_tui.adapters.writing import Appendable
from session_tui.errors import StoreError, StoreMissing, UnknownSession
from session_tui.model import (
    ContextItem,
    Cost,
    Message,
    MetricRecord,
    ReadFile,
    Role,
    Session,
    SessionKey,
    SessionState,
    Summary,
    Text,
    Transcript,
    TunnelEvent,
    Usage,
    UsageRecord,
)
from session_tui.trash import Trash

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def user(text: str, id: str = "") -> Message:
    return Message(id=id, role=Role.USER, blocks=(Text(text),))


def begin(store: Appendable, id: str = "") -> SessionKey:
    return store.create_session(Session(key=SessionKey("", id))).key


def filled(store: Appendable, *texts: str) -> tuple[SessionKey, list[str]]:
    key = begin(store)
    return key, [message.id for message in store.add_messages(key, [user(text) for text in texts])]


def read(store: Revising, key: SessionKey) -> Transcript:
    return store.read(store.source(key))


def texts(messages: Iterable[Message], *, archived: bool | None = None) -> list[str]:
    return [message.text for message in messages if archived in (None, message.archived)]


def is_appendable(store: Revising) -> None:
    assert isinstance(store, Appendable)


def has_places_only_once_there_are_sessions(store: Revising) -> None:
    assert [] == list(store.roots())
    key = begin(store)
    (root,) = store.roots()
    assert [key.id] == [source.key.id for source in store.scan(root)]
    assert store.source(key).stamp == next(store.scan(root)).stamp
    assert str(root.path) == key.root


def begins_a_session_with_all_that_is_known_of_it(store: Revising) -> None:
    given = Session(
        key=SessionKey("", ""),
        title="Bread <&>",
        project="/home/ana",
        model="m",
        tags=("a",),
        custom_data={"n": [1]},
        state=SessionState.IDLE,
        created_at=NOON,
    )
    kept = read_session(store, store.create_session(given).key)
    for name in ("title", "project", "model", "tags", "custom_data", "state", "created_at"):
        assert getattr(given, name) == getattr(kept, name)


def read_session(store: Revising, key: SessionKey) -> Session:
    return read(store, key).session


def does_not_begin_a_session_twice(store: Revising) -> None:
    key = begin(store)
    with pytest.raises(StoreError, match="is there already"):
        begin(store, key.id)


def gives_messages_back_in_their_order(store: Revising) -> None:
    key = begin(store)
    first = store.add_message(key, user("a <b> & \u2028 naïve 日本\n"))
    rest = store.add_messages(key, [user("b"), user("c")])
    assert (first, *rest) == tuple(read(store, key).messages)
    assert 3 == len({message.id for message in (first, *rest)})


def counts_messages_and_knows_the_first_prompt(store: Revising) -> None:
    key, _ = filled(store, "<environment_context>linux</environment_context>", "Bake a bread", "Another")
    session = read_session(store, key)
    assert ("Bake a bread", "Bake a bread", 3, 0) == (
        session.first_prompt,
        session.title,
        session.message_count,
        session.archived_count,
    )


def notes_the_time_of_a_change(store: Revising) -> None:
    key = store.create_session(Session(key=SessionKey("", ""), created_at=NOON, updated_at=NOON)).key
    before = datetime.now(UTC)
    store.add_message(key, user("word"))
    updated = read_session(store, key).updated_at
    assert updated is not None
    assert before - timedelta(seconds=1) <= updated <= datetime.now(UTC) + timedelta(seconds=1)


def replaces_what_is_known_of_a_session(store: Revising) -> None:
    key, _ = filled(store, "1", "2")
    session = read_session(store, key)
    store.update_session(replace(session, state=SessionState.IDLE, tags=("x",), custom_data={"a": 1}, message_count=9))
    got = read_session(store, key)
    assert (SessionState.IDLE, ("x",), {"a": 1}) == (got.state, got.tags, got.custom_data)
    assert ("1", 2) == (got.first_prompt, got.message_count)
    assert (SessionState.IDLE, ("x",)) == (store.head(store.source(key)).state, store.head(store.source(key)).tags)


def makes_an_idle_session_active_by_a_message(store: Revising) -> None:
    key, _ = filled(store, "1")
    store.change_session(key, lambda session: replace(session, state=SessionState.IDLE, tags=("kept",)))
    store.add_message(key, user("2"))
    got = read_session(store, key)
    assert (SessionState.ACTIVE, ("kept",)) == (got.state, got.tags)


def keeps_archived_messages(store: Revising) -> None:
    key, ids = filled(store, "1", "2", "3")
    assert 2 == store.archive_messages(key, [*ids[:2], "nobody"])
    assert 0 == store.archive_messages(key, ids[:1])
    store.add_message(key, user("4"))
    got = read(store, key)
    assert (["1", "2"], ["3", "4"]) == (texts(got.messages, archived=True), texts(got.messages, archived=False))
    assert (4, 2) == (got.session.message_count, got.session.archived_count)


def puts_a_summary_behind_what_it_covers(store: Revising) -> None:
    key, ids = filled(store, "1", "2", "3", "4")
    summary = Summary(id="", content="One and two.", original_ids=tuple(ids[:2]), provider="p", compacted_at=NOON)
    kept = store.compact(key, summary)
    got = read(store, key)
    assert ["1", "2", "One and two.", "3", "4"] == plain(got.messages)
    assert ["One and two.", "3", "4"] == plain(message for message in got.messages if not message.archived)
    assert (kept,) == got.summaries
    session = got.session
    assert (4, 2, 1) == (session.message_count, session.archived_count, session.compaction_count)
    assert ("One and two.", kept.id, NOON) == (session.summary, session.summary_message_id, session.compacted_at)


def plain(messages: Iterable[Message]) -> list[str]:
    """Texts without what a format puts in front of its summaries."""
    return [message.text.removeprefix("[Previous conversation summary]\n") for message in messages]


def goes_on_from_a_second_summary(store: Revising) -> None:
    key, ids = filled(store, "1", "2", "3", "4")
    first = store.compact(key, Summary(id="", content="One.", original_ids=tuple(ids[:1])))
    store.compact(key, Summary(id="", content="One to three.", original_ids=tuple(ids[1:3])), archive=[first.id])
    store.add_message(key, user("5"))
    got = read(store, key)
    assert ["One to three.", "4", "5"] == plain(message for message in got.messages if not message.archived)
    assert ["1", "2", "3"] == [text for text in texts(got.messages, archived=True) if len(text) == 1]
    assert (2, 3, 5) == (got.session.compaction_count, got.session.archived_count, got.session.message_count)


def refuses_a_compaction_of_what_is_archived(store: Revising) -> None:
    key, ids = filled(store, "1", "2", "3")
    store.compact(key, Summary(id="", content="One.", original_ids=tuple(ids[:1])))
    before = [message.text for message in read(store, key).messages]
    with pytest.raises(StoreError, match="has changed"):
        store.compact(key, Summary(id="", content="Again.", original_ids=tuple(ids[:1])))
    assert before == [message.text for message in read(store, key).messages]


def replaces_messages(store: Revising) -> None:
    key, _ = filled(store, "1", "2")
    two = read(store, key).messages[1]
    store.replace_messages(key, [two, user("new")])
    assert ["2", "new"] == texts(read(store, key).messages)


def removes_messages_by_id_or_all(store: Revising) -> None:
    key, ids = filled(store, "1", "2", "3")
    assert 1 == store.delete_messages(key, [ids[1], "nobody"])
    assert ["1", "3"] == texts(read(store, key).messages)
    assert 2 == store.delete_messages(key)
    got = read(store, key)
    assert ((), 0) == ((*got.messages, *got.summaries), got.session.message_count)


def keeps_all_that_stands_beside_messages(store: Revising) -> None:
    key, _ = filled(store, "1")
    items = [ContextItem("setting", "a", "1"), ContextItem("own", "b", "2")]
    events, costs = [TunnelEvent("1", "t", "s", {"a": [1]}), TunnelEvent("2", "t")], [Cost({"total_cost_usd": 1}, 1)]
    usage, metrics = [UsageRecord(Usage(1, 2), NOON, 3)], [MetricRecord("llm", NOON, 1, {"ttft": 5})]
    for item in items:
        store.add_context(key, item)
    for event in events:
        store.append_tunnel_event(key, event)
    store.append_cost(key, costs[0])
    store.append_usage(key, usage[0])
    store.append_metric(key, metrics[0])
    for file in (ReadFile("a.py"), ReadFile("b.py"), ReadFile("a.py", NOON)):
        store.track_read_file(key, file)
    got = read(store, key)
    assert (items, events, costs) == (list(got.context), list(got.tunnel_events), list(got.costs))
    assert (usage, metrics) == (list(got.usage), list(got.metrics))
    assert (ReadFile("a.py", NOON), ReadFile("b.py")) == got.files_read
    store.delete_context(key)
    assert () == read(store, key).context
    assert {} == got.unknown_records


def trashing(store: Revising) -> Trash:
    """The trash as the store's remover."""
    trash = Trash(store.world.data_dir / "trash")
    store.remover = lambda session, held: trash.delete(session.key, session.key.ref, session.title, held)
    return trash


def deletes_a_session_through_the_trash_alone(store: Revising) -> None:
    key, _ = filled(store, "1")
    with pytest.raises(StoreError, match="only the trash"):
        store.delete_session(key)
    trash = trashing(store)
    source = store.source(key)
    seen: list[str] = []
    store.delete_session(key, before=lambda transcript: seen.extend(texts(transcript.messages)))
    assert ["1"] == seen
    with pytest.raises(StoreMissing):
        store.read(source)
    with pytest.raises(UnknownSession):
        store.source(key)
    trash.restore(trash.items()[0].trash_id)
    assert ["1"] == texts(read(store, key).messages)


def keeps_a_session_that_is_not_to_go(store: Revising) -> None:
    key, _ = filled(store, "1")

    def refuse(transcript: Transcript) -> None:
        raise StoreError("not now")

    with pytest.raises(StoreError, match="not now"):
        store.delete_session(key, before=refuse)
    assert ["1"] == texts(read(store, key).messages)


def needs_the_session_for_every_change(store: Revising) -> None:
    begin(store)
    key = SessionKey(store.name, "nobody")
    acts: Sequence[Callable[[], object]] = [
        lambda: store.update_session(Session(key=key)),
        lambda: store.delete_session(key),
        lambda: store.add_message(key, user("a")),
        lambda: store.replace_messages(key, []),
        lambda: store.archive_messages(key, []),
        lambda: store.delete_messages(key),
        lambda: store.store_summary(key, Summary(id="s", content="")),
        lambda: store.compact(key, Summary(id="s", content="")),
        lambda: store.add_context(key, ContextItem("a", "b", "c")),
        lambda: store.append_usage(key, UsageRecord(Usage())),
    ]
    for act in acts:
        with pytest.raises(UnknownSession, match="nobody"):
            act()


def gives_another_stamp_by_every_change(store: Revising) -> None:
    key = begin(store)
    stamps = {store.source(key).stamp}
    for text in "abc":
        store.add_message(key, user(text))
        stamps.add(store.source(key).stamp)
    assert 4 == len(stamps)


CLAIMS: Sequence[Callable[[Revising], None]] = (
    is_appendable,
    has_places_only_once_there_are_sessions,
    begins_a_session_with_all_that_is_known_of_it,
    does_not_begin_a_session_twice,
    gives_messages_back_in_their_order,
    counts_messages_and_knows_the_first_prompt,
    notes_the_time_of_a_change,
    replaces_what_is_known_of_a_session,
    makes_an_idle_session_active_by_a_message,
    keeps_archived_messages,
    puts_a_summary_behind_what_it_covers,
    goes_on_from_a_second_summary,
    refuses_a_compaction_of_what_is_archived,
    replaces_messages,
    removes_messages_by_id_or_all,
    keeps_all_that_stands_beside_messages,
    deletes_a_session_through_the_trash_alone,
    keeps_a_session_that_is_not_to_go,
    needs_the_session_for_every_change,
    gives_another_stamp_by_every_change,
)
