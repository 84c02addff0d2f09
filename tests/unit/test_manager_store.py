"""What a store must do in one step, asked of each store directly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from session_tui.adapters.writing import new_id
from session_tui.errors import StoreError, UnknownSession
from session_tui.model import Message, Session, SessionKey, SessionState, Summary, Transcript
from tests.unit.managing import NOON, STORES, Store, put, said, texts, world


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made: Store = request.param(world(tmp_path))
    return made


def read(store: Store, key: SessionKey) -> Transcript:
    return store.read(store.source(key))


def filled(store: Store, *ids: str) -> SessionKey:
    key = store.create_session(Session(key=store.key())).key
    store.add_messages(key, [said(f"text of {id}", id=id) for id in ids])
    return key


class Stop(Exception):
    pass


def stop(_: object) -> Session:
    raise Stop


def test_a_key_is_known_before_its_session(store: Store) -> None:
    key = store.key("one")

    assert key == put(store, "one")
    assert store.key().id != store.key().id


def test_a_session_is_changed_by_what_it_is(store: Store) -> None:
    key = put(store, "one", title="")
    shown = store.head(store.source(key))

    changed = store.change_session(key, lambda old: replace(old, tags=(*old.tags, old.title), key=store.key("x")))

    assert (key, ("prompt of one",)) == (changed.key, changed.tags)
    after = read(store, key).session
    assert replace(shown, tags=("prompt of one",)) == after
    store.replace_messages(key, [said("else")])
    store.change_session(key, lambda old: replace(old, first_prompt="else"))
    assert "else" == read(store, key).session.title


def test_a_change_that_raises_changes_nothing(store: Store) -> None:
    key = filled(store, "1")
    before = read(store, key)

    for act in (
        lambda: store.change_session(key, stop),
        lambda: store.revise(key, stop),  # type: ignore[arg-type]
        lambda: store.delete_session(key, before=stop),  # type: ignore[arg-type]
    ):
        with pytest.raises(Stop):
            act()
    assert before == read(store, key)


def test_what_is_deleted_is_told_before(store: Store) -> None:
    key = filled(store, "1", "2")
    told: list[Transcript] = []

    store.delete_session(key, before=told.append)

    assert [["text of 1", "text of 2"]] == [texts(transcript.messages) for transcript in told]
    with pytest.raises(UnknownSession):
        store.source(key)


def test_a_conversation_is_revised_as_a_whole(store: Store) -> None:
    key = filled(store, "1", "2", "3", "4")
    store.store_summary(key, Summary(id="s", content="One.", original_ids=("1",)))
    store.store_summary(key, Summary(id="t", content="Two.", original_ids=("2",)))

    def revised(old: Transcript) -> Transcript:
        by_id = {message.id: message for message in old.messages}
        messages = [by_id["4"], by_id["t"], replace(by_id["2"], archived=True), said("new"), by_id["1"]]
        return replace(old, messages=messages, session=replace(old.session, title="Bread", first_prompt=""))

    after = store.revise(key, revised)

    got = read(store, key)
    assert ["text of 4", "Two.", "text of 2", "new", "text of 1"] == texts(got.messages)
    assert tuple(after.messages) == tuple(got.messages)
    assert (["t"], "Bread", 4, 1) == (
        [summary.id for summary in got.summaries],
        got.session.title,
        got.session.message_count,
        got.session.archived_count,
    )


def test_summaries_are_revised_too(store: Store) -> None:
    key = filled(store, "1")
    summary = Summary(id="s", content="One.", compacted_at=NOON)
    message = Message(id="s", role=said("").role, blocks=said("One.").blocks, is_summary=True)

    store.revise(key, lambda old: replace(old, messages=(message, *old.messages), summaries=(summary,)))

    assert ((summary,), ["One.", "text of 1"]) == (read(store, key).summaries, texts(read(store, key).messages))


def test_a_revision_notes_the_time_and_wakes_an_idle_session(store: Store) -> None:
    key = put(store, "one", state=SessionState.IDLE)

    store.revise(key, lambda old: old)

    session = read(store, key).session
    assert session.updated_at and session.updated_at > NOON
    assert SessionState.ACTIVE is session.state


@pytest.mark.parametrize("covered", [("1", "2"), ("2", "9")])
def test_a_summary_of_what_is_no_longer_active_is_refused(store: Store, covered: tuple[str, ...]) -> None:
    key = filled(store, "1", "2", "3")
    store.archive_messages(key, ["1"])
    before = read(store, key)

    with pytest.raises(StoreError, match="has changed since"):
        store.compact(key, Summary(id=new_id(), content="x", original_ids=covered))
    assert before == read(store, key)
