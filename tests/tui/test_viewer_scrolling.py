"""Scrolling never moves what is on the screen by anything but the rows asked for, and decodes only what is near."""

from __future__ import annotations

import random

import pytest
from textual import events
from textual.pilot import Pilot

from session_tui.model import Message, Messages
from session_tui.tui.viewer import MessageViewer, Modes, Tools
from tests.tui import talks
from tests.tui.talks import Reading, rows, say, settled, transcript


class Counted:
    """Builds messages and remembers which."""

    def __init__(self, count: int) -> None:
        self.talk = talks.long_talk(600)
        self.decoded: list[int] = []
        self.messages = Messages([200 + index % 400 for index in range(count)], self._build)

    def _build(self, index: int) -> Message:
        self.decoded.append(index)
        return self.talk[index % len(self.talk)]


def shifted(before: list[str], after: list[str], change: int) -> bool:
    """Whether ``after`` shows ``before`` moved up by ``change`` rows, the marker bar aside."""
    old, new = ([row[1:] for row in screen] for screen in (before, after))
    return new[:-change] == old[change:] if change > 0 else new[-change:] == old[:change]


async def prepared(pilot: Pilot[None], viewer: MessageViewer) -> None:
    """Let the viewer lay out what lies ahead, without waiting for its clock."""
    for _ in range(40):
        viewer._prepare()
    await pilot.pause()


def wheel_up(viewer: MessageViewer) -> events.MouseScrollUp:
    return events.MouseScrollUp(viewer, 5, 5, 0, 0, 0, False, False, False, 5, 5)


@pytest.mark.parametrize("is_prepared", [True, False])
@pytest.mark.parametrize("tools", list(Tools))
async def test_the_screen_moves_by_exactly_the_rows_asked_for(
    is_prepared: bool, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    rnd = random.Random(11)
    if not is_prepared:
        monkeypatch.setattr(MessageViewer, "_prepare", lambda _: None)
    async with Reading().run_test(size=(90, 30)) as pilot:
        app = pilot.app
        assert isinstance(app, Reading)
        viewer = app.viewer
        viewer.modes = Modes(tools=tools)
        viewer.show(transcript(talks.long_talk(3000)))
        viewer.scroll_to(y=rnd.randrange(6000, 9000))
        await pilot.pause()
        for _ in range(90):
            change = rnd.choice([-25, -9, -3, -1, 1, 3, 9, 25])
            before = rows(app)
            if rnd.random() < 0.6:
                viewer.scroll_relative(y=change)
            else:
                viewer.action_scroll_rows(change)
            await pilot.pause()
            for _ in range(rnd.choice([0, 0, 2])):
                viewer._prepare()
            assert shifted(before, rows(app), change)
        document = viewer.document
        assert document is not None

    assert document.heights.total == document.heights.before(len(document))


async def test_the_wheel_moves_by_its_rows_wherever_heights_were_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MessageViewer, "_prepare", lambda _: None)
    async with Reading().run_test(size=(90, 30)) as pilot:
        app = pilot.app
        assert isinstance(app, Reading)
        app.viewer.show(transcript(talks.long_talk(900)))
        await settled(pilot)
        step = round(app.scroll_sensitivity_y)
        for _ in range(40):
            before = rows(app)
            app.viewer.post_message(wheel_up(app.viewer))
            await pilot.pause()
            assert shifted(before, rows(app), -step)


async def test_laying_out_ahead_moves_nothing() -> None:
    async with Reading().run_test(size=(90, 30)) as pilot:
        app = pilot.app
        assert isinstance(app, Reading)
        app.viewer.show(transcript(talks.long_talk(900)))
        app.viewer.scroll_to(y=2000)
        await pilot.pause()
        before = rows(app)

        await prepared(pilot, app.viewer)

        assert before == rows(app)


async def test_fifty_thousand_messages_are_opened_by_decoding_a_screenful() -> None:
    counted = Counted(50_000)
    async with Reading().run_test(size=(120, 40)) as pilot:
        app = pilot.app
        assert isinstance(app, Reading)
        app.viewer.show(transcript(counted.messages, archived=0))
        await settled(pilot)
        opened = set(counted.decoded)
        await prepared(pilot, app.viewer)
        ahead = set(counted.decoded)
        app.viewer.scroll_to(y=90_000)
        await pilot.pause()

        assert 49_999 in opened
        assert len(opened) < 40
        assert len(ahead) < 80
        assert len(set(counted.decoded)) < 160


async def test_hidden_messages_by_the_thousand_do_not_hold_up_the_screen() -> None:
    messages = [say("user", "start"), *(say("tool", talks.result("x"), minute=n) for n in range(5000))]
    counted = Messages([50] * len(messages), messages.__getitem__)
    async with Reading().run_test(size=(80, 24)) as pilot:
        app = pilot.app
        assert isinstance(app, Reading)
        app.viewer.modes = Modes(tools=Tools.HIDDEN)
        app.viewer.show(transcript(counted))
        app.viewer.action_top()
        await settled(pilot)

        assert "start" in "".join(rows(app))


async def test_dragging_the_bar_shows_what_is_there() -> None:
    async with Reading().run_test(size=(90, 30)) as pilot:
        app = pilot.app
        assert isinstance(app, Reading)
        viewer: MessageViewer = app.viewer
        viewer.show(transcript(talks.long_talk(3000)))
        await settled(pilot)

        for share in (0.0, 0.5, 0.25, 1.0):
            viewer.scroll_to(y=share * viewer.max_scroll_y)
            await settled(pilot)
            assert sum(bool(row.strip()) for row in rows(app)) > 10

        assert viewer.is_at_end
