from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from session_tui.adapters.base import World
from session_tui.adapters.writing import Appendable
from session_tui.agents.memory import Memory
from session_tui.agents.native import Native
from session_tui.errors import StoreError, UnknownSession, UsageError
from session_tui.manager import SessionFilter, SessionManager, native_store
from session_tui.manager.workspace import normalized
from session_tui.model import Message, Role, Scope, SessionKey, SessionState, Text, TitleSource, ToolResult
from tests.unit.managing import NOON, STORES, Clock, Store, put, said, talk, texts, world


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made: Store = request.param(world(tmp_path))
    return made


@pytest.fixture
def manager(store: Store, clock: Clock) -> SessionManager:
    return SessionManager(store, clock=clock)


def written(store: Store) -> list[str]:
    return sorted(source.key.id for root in store.roots() for source in store.scan(root))


# ── beginning ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_without_a_name_is_called_by_its_time(manager: SessionManager) -> None:
    session = manager.create()

    assert re.fullmatch(r"session-\d{8}-\d{6}", session.title)
    assert f"session-{NOON.astimezone():%Y%m%d-%H%M%S}" == session.title
    assert (NOON, NOON, NOON) == (session.created_at, session.updated_at, session.last_active_at)
    assert SessionState.ACTIVE is session.state


def test_ids_are_made_up_and_names_may_repeat(manager: SessionManager) -> None:
    first, second = manager.create("debug"), manager.create("debug")

    assert first.key.id and second.key.id
    assert first.key != second.key


def test_an_id_can_be_used_once(manager: SessionManager) -> None:
    draft = manager.create(id="one").key
    with pytest.raises(StoreError, match="session one is there already"):
        manager.create(id="one")
    manager.add_message(draft, Role.USER, "hello")
    with pytest.raises(StoreError, match="session one is there already"):
        manager.create(id="one")


def test_all_that_is_said_of_a_session_comes_back(manager: SessionManager, tmp_path: Path) -> None:
    key = talk(
        manager,
        "hello",
        name="Bread",
        project=tmp_path,
        provider="house",
        model="m-1",
        skill="baking",
        scope=Scope("main", "cli", "ana"),
        tags=["a", "b"],
        metadata={"oven": 2},
    )

    session = manager.require(key)

    assert ("Bread", str(tmp_path), "house", "m-1") == (
        session.title,
        session.project,
        session.provider,
        session.model,
    )
    assert ("baking", Scope("main", "cli", "ana"), ("a", "b"), {"oven": 2}) == (
        session.skill,
        session.scope,
        session.tags,
        session.metadata,
    )


@pytest.mark.parametrize(("given", "kept"), [(0, 200_000), (8_000, 200_000), (-1, 200_000), (64_000, 64_000)])
def test_a_budget_that_means_nothing_is_the_usual_window(manager: SessionManager, given: int, kept: int) -> None:
    session = manager.create(max_tokens=given)

    assert (kept, kept) == (session.max_tokens, session.context_window)


# ── nothing is kept of a session in which nobody said anything ────────────────────────────────────────


def test_a_session_is_first_written_when_a_person_says_something(manager: SessionManager, store: Store) -> None:
    key = manager.create("quiet", system_prompt="Be brief.").key
    manager.add_message(key, "assistant", "How can I help?")
    manager.add_context(key, "setting", "lang", "en")
    manager.tag(key, "new")
    before = written(store)

    manager.add_message(key, Role.USER, "Why is my bread flat?")

    assert ([], [key.id]) == (before, written(store))
    kept = store.read(store.source(key))
    assert ["Be brief.", "How can I help?", "Why is my bread flat?"] == texts(kept.messages)
    assert (("new",), 1, "quiet") == (kept.session.tags, len(kept.context), kept.session.title)
    assert "Why is my bread flat?" == kept.session.first_prompt


def test_a_draft_leaves_nothing_on_disk(tmp_path: Path) -> None:
    with SessionManager(Native(world(tmp_path))) as manager:
        key = manager.create().key
        manager.add_message(key, Role.ASSISTANT, "Anyone there?")

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("message", "counts"),
    [
        (said("hello"), True),
        (said("  \n\t"), False),
        (said("hello", Role.ASSISTANT), False),
        (said("hello", Role.SYSTEM), False),
        (Message(id="", role=Role.USER, blocks=(ToolResult("c1", "ls", "a.py"),)), False),
        (Message(id="", role=Role.USER), False),
        (said("<environment_context>linux</environment_context>"), False),
        (said("reminder", is_meta=True), False),
        (Message(id="", role=Role.USER, blocks=(ToolResult("c1", "ls", ""), Text("go on"))), True),
    ],
)
def test_only_words_of_a_person_make_a_session(
    manager: SessionManager, store: Store, message: Message, counts: bool
) -> None:
    key = manager.create().key

    manager.add_full_message(key, message)

    assert (counts, counts) == (manager.has_user_text(key), bool(written(store)))


def test_drafts_are_found_but_not_listed(manager: SessionManager) -> None:
    draft = manager.create("draft", project="/home/ana").key

    assert draft == manager.require(draft).key
    found = manager.get_by_name("/home/ana", "draft")
    assert found and draft == found.key
    assert ((), 0) == (manager.list_sessions(), manager.statistics().total)


def test_what_is_on_disk_is_not_removed_for_being_empty(manager: SessionManager, store: Store) -> None:
    key = talk(manager, "hello")

    manager.clear(key)
    manager.close()

    assert [key.id] == written(store)


def test_a_session_that_another_process_began_first_gets_the_messages(manager: SessionManager, store: Store) -> None:
    key = manager.get_or_create("main:cli:ana").key
    other = SessionManager(store)
    other.add_message(other.get_or_create("main:cli:ana").key, Role.USER, "first")

    manager.add_message(key, Role.USER, "second")

    assert ["first", "second"] == texts(manager.messages(key))


# ── finding ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_that_is_not_there_is_nothing_or_an_error(manager: SessionManager) -> None:
    key = manager.key("nobody")

    assert None is manager.get(key)
    with pytest.raises(UnknownSession, match="nobody"):
        manager.require(key)


def test_a_session_is_found_by_its_key_id_and_ref(manager: SessionManager, store: Store) -> None:
    key = talk(manager, "hello")

    assert key == manager.require(manager.key(key.id)).key
    assert key == manager.require(manager.key(key.ref)).key
    assert key == manager.require(SessionKey.parse(key.ref)).key
    assert None is manager.get(SessionKey("elsewhere", key.id))


def test_of_several_with_one_name_the_last_changed_is_found(manager: SessionManager, store: Store) -> None:
    for id, days in (("old", 1), ("new", 3), ("middle", 2)):
        put(store, id, at=NOON + timedelta(days=days), title="debug", project="/home/ana")
    put(store, "other", at=NOON + timedelta(days=9), title="debug", project="/home/bob")

    found = manager.get_by_name("/home/ana", "debug")

    assert found and "new" == found.key.id
    assert None is manager.get_by_name("/home/ana", "Debug")
    assert None is manager.get_by_name("/home", "debug")


def test_sessions_are_listed_by_what_is_asked(manager: SessionManager, store: Store) -> None:
    def later(days: int) -> object:
        return NOON + timedelta(days=days)

    put(store, "a", at=NOON, project="/p", scope=Scope("main", "cli", "ana"))
    put(store, "b", at=NOON + timedelta(days=1), project="/q", scope=Scope("main", "web", "bob"))
    put(store, "c", at=NOON + timedelta(days=2), project="/p", state=SessionState.IDLE)

    def ids(**conditions: object) -> list[str]:
        return [one.key.id for one in manager.list_sessions(SessionFilter(**conditions))]  # type: ignore[arg-type]

    assert ["c", "b", "a"] == ids()
    assert (["c", "a"], ["c", "a"]) == (ids(project="/p"), ids(project="/x/../p/"))
    assert (["b", "a"], ["b"], ["a"]) == (ids(agent="main"), ids(channel="web"), ids(agent="main", peer="ana"))
    assert (["c"], ["b", "a"]) == (ids(state=SessionState.IDLE), ids(state=SessionState.ACTIVE))
    assert (["c"], ["a"]) == (ids(created_after=later(1)), ids(created_before=later(1)))
    assert (["c", "b"], ["b"], []) == (ids(limit=2), ids(limit=1, offset=1), ids(offset=9))
    assert [] == ids(limit=0)


def test_a_negative_limit_is_a_mistake() -> None:
    with pytest.raises(UsageError):
        SessionFilter(limit=-1)
    with pytest.raises(UsageError):
        SessionFilter(offset=-1)


# ── composite ids ─────────────────────────────────────────────────────────────────────────────────────


def test_a_composite_id_names_one_session(manager: SessionManager) -> None:
    first = manager.get_or_create("main:telegram:42:topic:dropped")
    manager.add_message(first.key, Role.USER, "hello")

    again = manager.get_or_create(Scope("main", "telegram", "42", "topic"))

    assert ("main:telegram:42:topic", Scope("main", "telegram", "42", "topic")) == (first.key.id, first.scope)
    assert first.key == again.key
    assert first.key != manager.get_or_create("main:telegram:42").key


def test_a_text_of_two_parts_is_no_composite_id(manager: SessionManager) -> None:
    with pytest.raises(ValueError, match="invalid session ID format: main:telegram"):
        manager.get_or_create("main:telegram")


def test_sessions_are_isolated(manager: SessionManager) -> None:
    topics = [manager.get_or_create(f"main:forum:group/{number}").key for number in range(3)]
    for number, key in enumerate(topics):
        manager.add_message(key, Role.USER, f"topic {number}")

    assert [["topic 0"], ["topic 1"], ["topic 2"]] == [texts(manager.messages(key)) for key in topics]


# ── describing ────────────────────────────────────────────────────────────────────────────────────────


def test_a_title_does_not_change_the_time(manager: SessionManager) -> None:
    key = talk(manager, "hello")
    before = manager.require(key).updated_at

    manager.rename(key, "Sourdough")

    session = manager.require(key)
    assert ("Sourdough", TitleSource.CUSTOM, before) == (session.title, session.title_source, session.updated_at)


def test_tags_data_state_and_model_are_set(manager: SessionManager) -> None:
    key = talk(manager, "hello", provider="zai", model="glm")
    manager.tag(key, "a", "b")
    manager.tag(key, "b", "c")
    manager.untag(key, "a", "nobody")
    manager.set_custom_data(key, mood="good", mode=1)
    manager.set_custom_data(key, mode=None, turn=[1])
    manager.set_state(key, SessionState.SUSPENDED)
    manager.set_model(key, model="glm-5")

    session = manager.require(key)

    assert (("b", "c"), {"mood": "good", "turn": [1]}) == (session.tags, session.custom_data)
    assert (SessionState.SUSPENDED, "zai", "glm-5") == (session.state, session.provider, session.model)


def test_an_update_is_one_step(manager: SessionManager) -> None:
    key = talk(manager, "hello")

    session = manager.update(key, lambda old: replace(old, skill="baking", metadata={"a": 1}, message_count=99))

    assert session and "baking" == session.skill
    kept = manager.require(key)
    assert ("baking", {"a": 1}, 1) == (kept.skill, kept.metadata, kept.message_count)


def test_what_follows_from_others_is_not_stored_by_an_update(store: Store) -> None:
    manager = SessionManager(store)
    key = put(store, "one", title="")
    assert "prompt of one" == manager.require(key).title

    manager.tag(key, "x")
    manager.set_history(key, [said("another prompt")])

    assert "another prompt" == manager.require(key).title


def test_the_system_prompt_is_set_replaced_and_removed(manager: SessionManager) -> None:
    key = talk(manager, "hello", system_prompt="Be brief.")
    manager.set_system_prompt(key, "Be kind.")

    assert ("Be kind.", ["Be kind.", "hello"]) == (manager.system_prompt(key), texts(manager.messages(key)))
    manager.set_system_prompt(key, "")
    assert ("", ["hello"]) == (manager.system_prompt(key), texts(manager.messages(key)))
    manager.set_system_prompt(key, "Once more.")
    assert ["Once more.", "hello"] == texts(manager.messages(key))


# ── project directories ───────────────────────────────────────────────────────────────────────────────


def test_a_project_has_one_spelling(manager: SessionManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "work")
    monkeypatch.chdir(tmp_path)
    work = str((tmp_path / "work").resolve())

    assert ["", "", ""] == [normalized(""), normalized("  "), normalized(None)]
    assert [work] * 4 == [normalized(way) for way in ("work", " work ", tmp_path / "link", "link/../work/.")]
    assert str(tmp_path / "gone") == normalized("work/../gone/")
    key = talk(manager, "hello", name="one", project="link")
    assert work == manager.require(key).project
    assert manager.get_by_name("work", "one")


# ── opening and closing ───────────────────────────────────────────────────────────────────────────────


def test_a_store_is_made_with_its_folder_and_survives_closing(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "down"
    with SessionManager(native_store(place)) as manager:
        key = talk(manager, "hello", name="one")

    assert (place / "sessions.db").is_file()
    again = SessionManager(native_store(place))
    assert ["hello"] == texts(again.messages(key))


def test_a_closed_manager_does_no_more(manager: SessionManager) -> None:
    key = talk(manager, "hello")
    manager.close()
    manager.close()

    acts: list[Callable[[], object]] = [manager.create, manager.list_sessions, lambda: manager.messages(key)]
    for act in acts:
        with pytest.raises(UsageError, match="closed"):
            act()


def test_both_stores_are_appendable(tmp_path: Path) -> None:
    place: World = world(tmp_path)

    assert isinstance(Native(place), Appendable)
    assert isinstance(Memory(place), Appendable)
