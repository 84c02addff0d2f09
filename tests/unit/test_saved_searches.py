"""Saved searches stay: over restarts, older files, and names that are taken."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from session_tui.adapters.schemas import BACKUPS
from session_tui.errors import UsageError
from session_tui.model import SessionKey
from session_tui.userdata import SavedSearches, UserData


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "overlay.db"


def kept(file: Path) -> dict[str, str]:
    return {saved.name: saved.query for saved in SavedSearches(file).all()}


def test_nothing_is_saved_and_nothing_made_by_looking(file: Path) -> None:
    assert () == SavedSearches(file).all()
    SavedSearches(file).remove("any")

    assert not file.exists()


def test_searches_are_kept_by_name(file: Path) -> None:
    SavedSearches(file).save(" Mill\nwheel ", " wheel -axle ")
    SavedSearches(file).save("dam", 'has:error "two words"')

    assert {"dam": 'has:error "two words"', "Mill wheel": "wheel -axle"} == kept(file)
    assert ["dam", "Mill wheel"] == list(kept(file))


def test_a_name_that_is_taken_is_replaced_only_when_asked(file: Path) -> None:
    searches = SavedSearches(file)
    searches.save("dam", "water")

    with pytest.raises(UsageError):
        searches.save("dam", "stone")
    before = kept(file)
    searches.save("dam", "water")
    searches.save("dam", "stone", replace=True)

    assert {"dam": "water"} == before
    assert {"dam": "stone"} == kept(file)


@pytest.mark.parametrize(("name", "query"), [("", "water"), (" \n", "water"), ("dam", "  ")])
def test_what_has_no_name_or_no_words_is_refused(file: Path, name: str, query: str) -> None:
    with pytest.raises(UsageError):
        SavedSearches(file).save(name, query)

    assert not file.exists() or not kept(file)


def test_renaming_never_loses_another_search(file: Path) -> None:
    searches = SavedSearches(file)
    searches.save("dam", "water")
    searches.save("wheel", "axle")

    with pytest.raises(UsageError):
        searches.rename("dam", "wheel")
    searches.rename("dam", "weir")
    searches.rename("weir", "weir")

    assert {"weir": "water", "wheel": "axle"} == kept(file)


def test_a_removed_search_is_gone_and_the_others_stay(file: Path) -> None:
    searches = SavedSearches(file)
    searches.save("dam", "water")
    searches.save("wheel", "axle")
    searches.remove("dam")

    assert {"wheel": "axle"} == kept(file)


def test_an_older_file_is_copied_before_it_takes_searches(file: Path) -> None:
    userdata = UserData(file)
    userdata.rename(SessionKey("chats", "a"), "Mill")
    with closing(sqlite3.connect(file)) as database:
        database.execute("DROP TABLE searches")
        database.execute("DELETE FROM _sqlite_migrations WHERE name = 'searches'")
        database.execute("PRAGMA user_version = 1")
        database.commit()
    before = userdata.searches.all()

    userdata.searches.save("dam", "water")

    assert () == before
    assert {"dam": "water"} == kept(file)
    assert "Mill" == UserData(file).marks(SessionKey("chats", "a")).title
    copies = [entry for entry in (file.parent / BACKUPS).iterdir() if entry.is_file()]
    assert copies
    with closing(sqlite3.connect(copies[0])) as database:
        assert [("Mill",)] == database.execute("SELECT title FROM sessions").fetchall()


def test_forgetting_a_session_forgets_no_search(file: Path) -> None:
    userdata = UserData(file)
    userdata.rename(SessionKey("chats", "a"), "Mill")
    userdata.searches.save("dam", "water")
    userdata.forget(SessionKey("chats", "a"))

    assert {"dam": "water"} == kept(file)
