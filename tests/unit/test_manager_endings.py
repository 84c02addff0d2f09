from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from session_tui.agents.native import Native
from session_tui.config import HookSection
from session_tui.errors import StoreError, UnknownSession
from session_tui.hooks import Hooks
from session_tui.manager import SessionManager, configured_hooks
from session_tui.model import EndReason, Message, Refusal, Role, Session, SessionKey, SessionState, Summary
from session_tui.trash import Trash
from tests.unit.managing import STORES, Clock, Store, said, talk, texts, world


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made: Store = request.param(world(tmp_path))
    return made


class Ends:
    """An end hook that notes what it was told, and how many messages there still were."""

    def __init__(self) -> None:
        self.told: list[tuple[EndReason, int | None]] = []

    def __call__(self, session: Session, reason: EndReason) -> None:
        self.told.append((reason, session.message_count))


@pytest.fixture
def ends() -> Ends:
    return Ends()


@pytest.fixture
def manager(store: Store, ends: Ends) -> SessionManager:
    return SessionManager(store, hooks=[ends], clock=Clock())


# ── archive, reset, clear, delete, new ────────────────────────────────────────────────────────────────


def test_an_archived_session_is_put_aside_and_stays_readable(manager: SessionManager, ends: Ends) -> None:
    key = talk(manager, "one", "two")
    manager.archive(key)
    manager.archive(key)

    assert (SessionState.ARCHIVED, ["one", "two"]) == (manager.require(key).state, texts(manager.messages(key)))
    assert [(EndReason.ARCHIVE, 2)] == ends.told
    assert (1, 0, 1) == (
        manager.statistics().total,
        manager.statistics().active,
        manager.statistics().archived,
    )


def test_a_reset_keeps_the_system_prompt_alone(manager: SessionManager, ends: Ends) -> None:
    key = talk(manager, "one", "two", system_prompt="Be brief.", name="Bread", tags=["x"])
    manager.set_summary(key, "All so far.")
    manager.add_context(key, "setting", "lang", "en")
    manager.set_state(key, SessionState.SUSPENDED)

    manager.reset(key)

    session = manager.require(key)
    assert (["Be brief."], (), "") == (
        texts(manager.messages(key)),
        manager.summaries(key),
        manager.summary(key),
    )
    assert ("Bread", ("x",), "", SessionState.ACTIVE) == (
        session.title,
        session.tags,
        session.first_prompt,
        session.state,
    )
    assert (1, [(EndReason.RESET, 3)]) == (len(manager.context(key)), ends.told)
    manager.add_message(key, Role.USER, "three")
    assert "three" == manager.require(key).first_prompt


def test_clearing_takes_everything_said(manager: SessionManager, ends: Ends) -> None:
    key = talk(manager, "one", system_prompt="Be brief.", name="Bread")
    manager.clear(key)

    assert ((), "Bread", []) == (manager.messages(key), manager.require(key).title, ends.told)


def test_a_deleted_session_is_gone_with_all_that_belongs_to_it(
    manager: SessionManager, store: Store, ends: Ends
) -> None:
    key, other = talk(manager, "one", "two"), talk(manager, "other")
    manager.add_context(key, "setting", "lang", "en")

    manager.delete(key)

    assert (None, [other]) == (manager.get(key), [session.key for session in manager.list_sessions()])
    assert [(EndReason.DELETE, 2)] == ends.told
    with pytest.raises(UnknownSession):
        manager.delete(key)
    if isinstance(store, Native):
        (root,) = store.roots()
        assert [] == list(store.check(root))


def test_a_new_session_ends_the_old_one_and_takes_its_place(manager: SessionManager, ends: Ends) -> None:
    old = manager.get_or_create("main:cli:ana", project="/home/ana", system_prompt="Be brief.").key
    manager.add_message(old, Role.USER, "one")
    manager.set_model(old, provider="house", model="m-1")

    new = manager.new_session(old, "Fresh")

    assert ([(EndReason.NEW, 2)], SessionState.ARCHIVED) == (ends.told, manager.require(old).state)
    assert (["Be brief.", "one"], ["Be brief."]) == (texts(manager.messages(old)), texts(manager.messages(new.key)))
    assert ("Fresh", "/home/ana", "house", "m-1", old.id) == (
        new.title,
        new.project,
        new.provider,
        new.model,
        new.parent,
    )
    assert new.key == manager.get_or_create("main:cli:ana").key
    manager.add_message(new.key, Role.USER, "two")
    assert new.key == manager.get_or_create("main:cli:ana").key
    newest = manager.new_session(new.key)
    assert newest.key == manager.get_or_create("main:cli:ana").key


# ── hooks ─────────────────────────────────────────────────────────────────────────────────────────────


def test_hooks_run_in_order_and_a_failing_one_stops_nothing(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []

    def broken(session: Session, reason: EndReason) -> None:
        raise RuntimeError("no such oven")

    manager = SessionManager(store, hooks=[lambda *_: told.append("first"), broken])
    manager.add_end_hook(lambda *_: told.append("last"))
    key = talk(manager, "one")
    with caplog.at_level(logging.WARNING, "session_tui"):
        manager.reset(key)

    assert (["first", "last"], ()) == (told, manager.messages(key))
    assert "an end hook failed" in caplog.text
    assert "no such oven" in caplog.text


def test_configured_commands_are_told_as_well(store: Store, tmp_path: Path) -> None:
    hooks = Hooks([HookSection(command=("sh", "-c", f"cat > {tmp_path}/told"))])
    manager = SessionManager(store, hooks=hooks)
    key = talk(manager, "one")

    manager.archive(key)

    told = json.loads((tmp_path / "told").read_text())
    assert ("archive", key.id, "active") == (told["reason"], told["session"]["id"], told["session"]["state"])


def test_a_draft_ends_without_a_word(manager: SessionManager, ends: Ends) -> None:
    key = manager.create().key
    manager.reset(key)
    manager.archive(key)
    manager.delete(key)

    assert ([], None) == (ends.told, manager.get(key))


# ── copies ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def native(tmp_path: Path) -> Native:
    return Native(world(tmp_path))


@pytest.fixture
def trash(tmp_path: Path) -> Trash:
    return Trash(tmp_path / "data" / "trash")


def rich(manager: SessionManager) -> SessionKey:
    key = talk(manager, *"abcd", system_prompt="Be brief.", name="Bread")
    manager.store_summary(key, Summary(id="s", content="A.", original_ids=(manager.messages(key)[1].id,)))
    manager.archive_messages(key, [manager.messages(key)[1].id])
    return key


CHANGES = {
    "delete": lambda manager, key, **more: manager.delete(key, **more),
    "reset": lambda manager, key, **more: manager.reset(key, **more),
    "clear": lambda manager, key, **more: manager.clear(key, **more),
    "overwrite": lambda manager, key, **more: manager.set_history(key, [said("new")], **more),
    "truncate": lambda manager, key, **more: manager.truncate(key, last=1, **more),
    "delete messages": lambda manager, key, **more: manager.delete_messages(key, [manager.messages(key)[2].id], **more),
    "reclaim": lambda manager, key, **more: manager.reclaim(key, **more),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_copy_is_kept_before_anything_goes_and_can_be_restored(native: Native, trash: Trash, kind: str) -> None:
    manager = SessionManager(native)
    key = rich(manager)
    before = manager.transcript(key)

    CHANGES[kind](manager, key)

    (item,) = trash.items()
    assert (kind, key, "Bread", True) == (item.kind, item.key, item.title, item.finished)
    assert manager.get(key) is None or before.messages != manager.transcript(key).messages
    assert key == trash.restore(item.trash_id)
    after = manager.transcript(key)
    assert (before.messages, before.summaries, before.session) == (after.messages, after.summaries, after.session)
    assert () == trash.items()


@pytest.mark.parametrize("kind", CHANGES)
def test_no_copy_is_kept_where_none_is_wanted(native: Native, trash: Trash, kind: str) -> None:
    manager = SessionManager(native)
    key = rich(manager)

    CHANGES[kind](manager, key, keep=False)

    assert () == trash.items()


def test_what_takes_nothing_away_keeps_no_copy(native: Native, trash: Trash) -> None:
    manager = SessionManager(native)
    key = talk(manager, "one", "two")
    manager.truncate(key, last=5)
    manager.delete_messages(key, ["nobody"])
    manager.set_history(key, [*manager.messages(key), said("three")])
    manager.rename(key, "Bread")
    manager.delete(manager.create().key)

    assert () == trash.items()


def test_a_copy_does_not_come_back_over_what_was_said_since(native: Native, trash: Trash) -> None:
    manager = SessionManager(native)
    key = rich(manager)
    manager.reset(key)
    manager.add_message(key, Role.USER, "after")
    (item,) = trash.items()

    refused = trash.restore(item.trash_id)
    said_since = texts(manager.messages(key))
    forced = trash.restore(item.trash_id, replace=True)

    assert isinstance(refused, Refusal)
    assert (["Be brief.", "after"], key) == (said_since, forced)
    assert {"Be brief.", *"abcd"} <= set(texts(manager.messages(key)))


class Unable:
    """A keeper whose disk is full."""

    def around(self, session: Session, kind: str) -> None:
        raise StoreError("no space left on device")


@pytest.mark.parametrize("kind", CHANGES)
def test_without_a_copy_nothing_changes(store: Store, kind: str) -> None:
    manager = SessionManager(store, keeper=Unable())  # type: ignore[arg-type]
    key = rich(manager)
    before = manager.transcript(key).messages

    with pytest.raises(StoreError, match="no space left"):
        CHANGES[kind](manager, key)

    assert tuple(before) == tuple(manager.transcript(key).messages)


class Interfering:
    """A keeper during whose first copies somebody else writes to the session."""

    def __init__(self, store: Store, times: int) -> None:
        self.store = store
        self.left = times
        self.kept: list[int | None] = []

    def around(self, session: Session, kind: str) -> Interfering:
        self.kept.append(session.message_count)
        if self.left:
            self.left -= 1
            self.store.add_message(session.key, Message(id="", role=Role.USER))
        return self

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def test_what_somebody_writes_meanwhile_is_in_the_copy(store: Store) -> None:
    keeper = Interfering(store, 3)
    manager = SessionManager(store, keeper=keeper)
    key = talk(manager, "one")

    manager.clear(key)

    assert ([1, 2, 3, 4], ()) == (keeper.kept, manager.messages(key))


def test_a_session_that_somebody_keeps_writing_to_is_left(store: Store) -> None:
    manager = SessionManager(store, keeper=Interfering(store, 1000))
    key = talk(manager, "one")

    with pytest.raises(StoreError, match="keeps writing"):
        manager.delete(key)

    assert manager.count(key) > 1


def test_the_configured_commands_are_told(tmp_path: Path) -> None:
    told = tmp_path / "told"
    config = tmp_path / "config.yaml"
    config.write_text(f"hooks:\n  - command: [sh, -c, 'cat > {told}']\n")

    with SessionManager(Native(world(tmp_path)), hooks=configured_hooks(config)) as manager:
        key = manager.create("sourdough").key
        manager.add_message(key, Role.USER, "Why is my bread flat?")
        manager.archive(key)

    assert "archive" == json.loads(told.read_text())["reason"]
