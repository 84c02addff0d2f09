"""What another program writes while a change goes on is no part of it: undoing the change leaves it alone."""

from __future__ import annotations

import json
from contextlib import ExitStack, nullcontext
from pathlib import Path
from threading import Thread

import pytest

from session_tui.adapters.base import Adapter, Compactable, Lockable
from session_tui.agents.native import Native
from session_tui.model import CompactPlan, Message, Role, Session, Text
from session_tui.trash import Trash
from tests.unit.compactions import plan_for, read, shown, summary
from tests.unit.power_cuts import STORES, Store, said
from tests.unit.tables import change

APPENDED = ("native", "atmos", "techne", "ggcode", "picoclaw")
"""Stores that a program adds a message to without writing the others again."""


class Garden:
    """A store that a session is compacted in while its own program goes on."""

    def __init__(self, store: Store, home: Path) -> None:
        store.build(home)
        self.store, self.home = store, home
        self.trash = Trash(home / "data" / "trash")

    @property
    def adapter(self) -> Adapter:
        return self.store.adapter(self.home)

    def texts(self) -> list[str]:
        return [shown(each) for each in read(self.adapter, self.store.id).messages if not each.archived]

    def program_says(self, text: str) -> None:
        """The store's own program adds a message, which runs beside ours."""
        program = Thread(target=self._say, args=(text,))
        program.start()
        program.join()

    def _say(self, text: str) -> None:
        database, id, at = self.home / self.store.database, self.store.id, "2026-03-06 08:00:00"
        match self.store.name:
            case "native":
                native = Native(self.store.world(self.home))
                native.add_message(native.key(id), Message(id=text, role=Role.USER, blocks=(Text(text),)))
            case "atmos":
                values = (id, "user", text, f"{at}.5 -0500 EST")
                change(
                    database, "INSERT INTO messages (session_id, role, content, created_at) VALUES (?,?,?,?)", values
                )
            case "techne":
                content = json.dumps([{"type": "text", "text": text}])
                added = (text, id, "user", content, f"{at}+02:00")
                change(database, "INSERT INTO messages VALUES (?, ?, ?, ?, '', ?)", added)
                change(database, "UPDATE sessions SET updated_at = ? WHERE id = ?", (f"{at}+02:00", id))
            case _:
                path = Path(read(self.adapter, id).session.path)
                last = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
                with path.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(_line(last, text)) + "\n")

    def plan(self) -> tuple[Session, CompactPlan]:
        transcript = read(self.adapter, self.store.id)
        return transcript.session, plan_for(self.adapter, transcript)


def _line(last: dict[str, object], text: str) -> dict[str, object]:
    """A line as the one before, which says ``text``."""
    if "message" not in last:
        return {"role": "user", "content": text}
    message = {"id": f"msg_{text}", "role": "user", "content": [{"type": "text", "text": text}]}
    return {**last, "message": message}


@pytest.fixture
def garden(request: pytest.FixtureRequest, tmp_path: Path) -> Garden:
    return Garden(STORES[request.param], tmp_path / "home")


@pytest.mark.parametrize("garden", APPENDED, indirect=True)
def test_a_message_that_comes_right_behind_a_compaction_survives_its_undoing(garden: Garden) -> None:
    before, adapter = garden.texts(), garden.adapter
    assert isinstance(adapter, Compactable)
    session, plan = garden.plan()

    with garden.trash.around(session.key, "", "", adapter.touched(session, plan), "compact") as item:
        adapter.apply(session, plan, summary(plan))
        garden.program_says("and now?")
    compacted = garden.texts()
    assert session.key == garden.trash.restore(item.trash_id)

    assert [*before, "and now?"] == garden.texts()
    assert before != compacted and "and now?" in compacted


@pytest.mark.parametrize("garden", ["native", "atmos"], indirect=True)
def test_a_message_that_comes_right_before_a_compaction_survives_its_undoing(garden: Garden) -> None:
    before, adapter = garden.texts(), garden.adapter
    assert isinstance(adapter, Compactable)
    session, plan = garden.plan()

    with garden.trash.around(session.key, "", "", adapter.touched(session, plan), "compact") as item:
        garden.program_says("wait!")
        adapter.apply(session, plan, summary(plan))
    assert session.key == garden.trash.restore(item.trash_id)

    assert [*before, "wait!"] == garden.texts()


@pytest.mark.parametrize("garden", APPENDED, indirect=True)
def test_a_compaction_cut_off_before_it_was_noted_is_undone_though_the_session_went_on(garden: Garden) -> None:
    before, adapter = garden.texts(), garden.adapter
    assert isinstance(adapter, Compactable)
    session, plan = garden.plan()
    cut_off = ExitStack()  # never left: what stands behind the change does not come to be

    item = cut_off.enter_context(garden.trash.around(session.key, "", "", adapter.touched(session, plan), "compact"))
    adapter.apply(session, plan, summary(plan))
    cut_off.pop_all()
    garden.program_says("and now?")
    with adapter.holding(session) if isinstance(adapter, Lockable) else nullcontext():
        assert session.key == garden.trash.restore(item.trash_id)

    assert [*before, "and now?"] == garden.texts()
    assert () == garden.trash.items()


@pytest.mark.parametrize("garden", [*APPENDED, "zima"], indirect=True)
def test_a_compaction_that_failed_leaves_nothing_though_the_session_went_on(garden: Garden) -> None:
    before, adapter = garden.texts(), garden.adapter
    assert isinstance(adapter, Compactable)
    session, plan = garden.plan()
    other = CompactPlan(compact=("nobody",), keep=plan.keep)

    with (
        pytest.raises(Exception, match="changed since"),
        garden.trash.around(session.key, "", "", adapter.touched(session, plan), "compact"),
    ):
        if garden.store.name != "zima":
            garden.program_says("wait!")
        adapter.apply(session, other, summary(other))

    assert () == garden.trash.items()
    assert before == garden.texts()[: len(before)]


def test_rows_that_follow_the_belongings_are_no_part_of_a_change_nobody_watched(tmp_path: Path) -> None:
    garden = Garden(STORES["techne"], tmp_path / "home")
    adapter = garden.adapter
    assert isinstance(adapter, Compactable)
    session, plan = garden.plan()
    database = garden.home / garden.store.database

    item = garden.trash.keep(session.key, "", "", adapter.touched(session, plan), "compact")
    change(database, "UPDATE sessions SET title = 'Shorter' WHERE id = ?", (garden.store.id,))
    garden.program_says("and now?")
    garden.trash.changed(item)
    assert session.key == garden.trash.restore(item.trash_id)

    assert [*map(said, range(24)), "and now?"] == garden.texts()
    assert "Shorter" != read(garden.adapter, garden.store.id).session.title
