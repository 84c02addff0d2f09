"""Sessions of a manager leave as documents and come back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from session_tui.adapters.base import Source
from session_tui.errors import CheckpointError, StoreError, UnknownSession, UsageError
from session_tui.manager import SessionManager
from session_tui.model import ContextItem, Role, SessionKey, Summary, Transcript
from session_tui.trash import Trash
from tests.unit.managing import NOON, STORES, Clock, Store, talk, texts, world


@pytest.fixture(params=STORES, ids=lambda kind: kind.name)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made: Store = request.param(world(tmp_path / "home"))
    return made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def manager(store: Store, clock: Clock) -> Iterator[SessionManager]:
    with SessionManager(store, clock=clock) as managing:
        yield managing


def told(store: Store, key: SessionKey) -> Transcript:
    source: Source = store.source(key)
    return store.read(source)


def harvest(manager: SessionManager, project: Path) -> SessionKey:
    """A session with something of everything that an agent writes."""
    key = talk(manager, "Are the pears ripe?", "And the plums?", name="harvest", project=project, model="root-7")
    manager.add_message(key, Role.TOOL, "soft")
    ids = tuple(message.id for message in manager.messages(key)[:1])
    manager.store_summary(key, Summary(id="s", content="Pears.", original_ids=ids))
    manager.archive_messages(key, ids)
    manager.add_context(key, "query", "fruit", "pear")
    manager.track_read_file(key, project / "plan.txt")
    manager.tag(key, "fruit")
    return key


@pytest.mark.parametrize("extension", ["json", "yaml"])
def test_a_session_comes_back_whole_under_a_new_id(
    manager: SessionManager, store: Store, clock: Clock, tmp_path: Path, extension: str
) -> None:
    key = harvest(manager, tmp_path)
    file = tmp_path / "out" / f"harvest.{extension}"
    manager.export(key, file)
    before = told(store, key)
    clock.forward(days=3)

    session = manager.import_checkpoint(file, name="harvest again")

    assert session is not None
    after = told(store, session.key)
    assert session.key != key
    assert ("harvest again", str(tmp_path), ("fruit",)) == (session.title, session.project, session.tags)
    assert (NOON, clock.now, clock.now) == (session.created_at, session.updated_at, session.last_active_at)
    assert list(before.messages) == list(after.messages)
    assert (before.summaries, before.context, before.files_read) == (after.summaries, after.context, after.files_read)


def test_a_document_is_returned_when_no_file_is_named(manager: SessionManager) -> None:
    key = talk(manager, "Are the pears ripe?", name="harvest")

    found = json.loads(manager.export(key))

    assert ("1.0", "harvest") == (found["version"], found["session"]["name"])
    assert "name: harvest\n" in manager.export(key, format="yaml")
    assert manager.export(key, format="md").startswith("# harvest\n")


def test_context_and_metadata_may_stay_behind(manager: SessionManager, tmp_path: Path) -> None:
    key = harvest(manager, tmp_path)
    manager.update(key, lambda session: replace(session, metadata={"plot": 4}))
    slim, full = tmp_path / "slim.json", tmp_path / "full.json"
    manager.export(key, slim, include_context=False, include_metadata=False)
    manager.export(key, full)

    first = manager.import_checkpoint(slim, name="first")
    second = manager.import_checkpoint(full, name="second", include_context=False)
    third = manager.import_checkpoint(full, name="third")

    assert first
    assert second
    assert third
    assert ({}, ()) == (first.metadata, manager.context(first.key))
    assert ({"plot": 4}, ()) == (second.metadata, manager.context(second.key))
    assert (ContextItem("query", "fruit", "pear"),) == manager.context(third.key)


def test_a_session_is_exported_by_its_name(manager: SessionManager, tmp_path: Path) -> None:
    talk(manager, "Pears?", name="harvest", project=tmp_path)

    text = manager.export_by_name(tmp_path, "harvest", tmp_path / "by-name.json")

    assert (tmp_path / "by-name.json").read_text() == text
    with pytest.raises(UnknownSession, match="no session named sowing"):
        manager.export_by_name(tmp_path, "sowing")


def test_an_export_never_overwrites_unless_asked(manager: SessionManager, tmp_path: Path) -> None:
    key = talk(manager, "Pears?")
    file = tmp_path / "notes.json"
    file.write_text("mine")

    with pytest.raises(StoreError, match="there is a file already"):
        manager.export(key, file)
    kept = file.read_text()
    manager.export(key, file, overwrite=True)

    assert kept == "mine"
    assert json.loads(file.read_text())["version"] == "1.0"


def test_an_unknown_format_is_refused(manager: SessionManager, tmp_path: Path) -> None:
    key = talk(manager, "Pears?")

    with pytest.raises(UsageError, match="unsupported export format: toml"):
        manager.export(key, tmp_path / "a.json", format="toml")

    assert not (tmp_path / "a.json").exists()


def test_a_name_that_is_taken_is_refused(manager: SessionManager, store: Store, tmp_path: Path) -> None:
    key = talk(manager, "Pears?", name="harvest", project=tmp_path)
    file = tmp_path / "harvest.json"
    manager.export(key, file)

    with pytest.raises(StoreError) as raised:
        manager.import_checkpoint(file)

    expected = f"AI session already exists: session 'harvest' already exists in project '{tmp_path}'"
    assert raised.value.what == expected
    assert [key] == [session.key for session in manager.list_sessions()]


def test_the_same_name_in_another_project_is_another_session(manager: SessionManager, tmp_path: Path) -> None:
    key = talk(manager, "Pears?", name="harvest", project=tmp_path)
    manager.export(key, tmp_path / "harvest.json")

    session = manager.import_checkpoint(tmp_path / "harvest.json", project=tmp_path / "elsewhere")

    assert session
    assert (str(tmp_path / "elsewhere"), "harvest") == (session.project, session.title)
    assert len(manager.list_sessions()) == 2


def test_an_overwritten_session_makes_way(manager: SessionManager, store: Store, tmp_path: Path) -> None:
    key = talk(manager, "Pears?", name="harvest", project=tmp_path)
    manager.export(key, tmp_path / "harvest.json")
    manager.add_message(key, Role.USER, "Plums!")

    session = manager.import_checkpoint(tmp_path / "harvest.json", overwrite=True)

    assert session
    assert [session.key] == [each.key for each in manager.list_sessions()]
    assert ["Pears?"] == texts(manager.messages(session.key))
    kept = Trash(store.world.data_dir / "trash").items()
    assert ([key.ref] if store.is_stored else []) == [item.ref for item in kept]


def test_what_was_to_be_overwritten_stays_when_the_import_fails(
    manager: SessionManager, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = talk(manager, "Pears?", name="harvest", project=tmp_path)
    manager.export(key, tmp_path / "harvest.json")

    def full(transcript: Transcript) -> SessionKey:
        raise StoreError("no space left on device")

    monkeypatch.setattr(store, "create", full)
    with pytest.raises(StoreError, match="no space left"):
        manager.import_checkpoint(tmp_path / "harvest.json", overwrite=True)

    assert [key] == [session.key for session in manager.list_sessions()]
    assert ["Pears?"] == texts(manager.messages(key))


def test_the_import_is_taken_back_when_the_old_session_cannot_go(
    manager: SessionManager, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = talk(manager, "Pears?", name="harvest", project=tmp_path)
    manager.export(key, tmp_path / "harvest.json")
    delete = store.delete_session

    def held(wanted: SessionKey, **more: object) -> None:
        if wanted == key:
            raise StoreError("held by another program")
        delete(wanted)

    monkeypatch.setattr(store, "delete_session", held)
    with pytest.raises(StoreError, match="held by another program"):
        manager.import_checkpoint(tmp_path / "harvest.json", overwrite=True)

    assert [key] == [session.key for session in manager.list_sessions()]


def test_a_checkpoint_of_another_program_becomes_a_session(
    manager: SessionManager, clock: Clock, tmp_path: Path
) -> None:
    file = tmp_path / "kettle.yaml"
    file.write_text(
        "version: '1.0'\nsession: {name: kettle, provider: tin, model: copper, created_at: 2026-03-01T10:00:00Z}\n"
        "messages:\n- {role: user, content: Why does it hum?}\nstatistics: {message_count: 1}\n"
    )

    manager.validate(file)
    session = manager.import_checkpoint(file)

    assert session
    assert ("kettle", "tin", "copper", 1) == (session.title, session.provider, session.model, session.message_count)
    assert clock.now == session.updated_at
    assert ["Why does it hum?"] == texts(manager.messages(session.key))


def test_what_is_not_sound_leaves_the_store_as_it_was(manager: SessionManager, tmp_path: Path) -> None:
    file = tmp_path / "kettle.json"
    file.write_text('{"version": "1.0"}')

    with pytest.raises(CheckpointError, match="session name is required"):
        manager.validate(file)
    with pytest.raises(CheckpointError, match="session name is required"):
        manager.import_checkpoint(file)

    assert () == manager.list_sessions()


def test_failures_are_logged_where_an_agent_must_go_on(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with SessionManager(store, on_error="log") as manager:
        found = manager.import_checkpoint(tmp_path / "none.json")
        text = manager.export(store.key("none"))
        named = manager.export_by_name(None, "none")
        with pytest.raises(StoreError):
            manager.validate(tmp_path / "none.json")

    assert (found, text, named) == (None, "", "")
    assert len(caplog.records) == 3
