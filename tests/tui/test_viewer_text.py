"""Foreign text does no harm, and what is selected is copied as it was written."""

from __future__ import annotations

import random
import re

import pytest
from textual.geometry import Offset
from textual.selection import SELECT_ALL, Selection

from session_tui.model import Attachment, Block, Image, Message, RedactedThinking, Text, Thinking, ToolCall, ToolResult
from session_tui.tui.viewer import MessageViewer, Modes, Tools
from tests.tui import talks
from tests.tui.talks import Reading, call, result, rows, say, settled, transcript

UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\U000e0041]")
HOSTILE = (
    "\x1b]52;c;ZXZpbA==\x07\x1b[2J\x1b[31mred\x1b[0m",
    "[bold]markup[/bold] [/] [@click=app.quit]x[/]",
    "right \u202eto left\u202c and \u2066isolated\u2069",
    "\ud800 lone \x00 null \x9b31m c1 \u2028 separator \U000e0041",
    "a\rb\nc\td\x0be",
    "&#27;]0;title&#7; [link](\x1b]8;;x\x07http://e)",
    "z\u0300\u0301\u0302 数据🚀👩‍👩‍👧 e\u0301",
    "x" * 5000,
    "| a | b |\n|---|---|\n| \x1b[1m | \u202e |",
    "```\x1b[31m\n\x1b[5mcode\n```",
)


def everywhere(text: str) -> list[Message]:
    """Messages that carry ``text`` in every field that is drawn."""
    blocks: tuple[Block, ...] = (
        Text(text),
        Thinking(text),
        ToolCall(text, text, {text: text, "path": [text, {text: 1}]}),
        ToolCall("1", text, text),
        Image(text, 1),
        Attachment(text, text, text),
        RedactedThinking(text),
        ToolResult(text, text, f"{text}\nmore\n{text}", is_error=True),
    )
    return [
        say("user", *blocks),
        say("assistant", *blocks),
        say("system", text),
        say("user", text, is_meta=True),
        say("tool", *blocks[-1:], archived=True),
        say("user", text, is_summary=True),
    ]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("width", [9, 47])
async def test_no_control_reaches_the_terminal(text: str, width: int) -> None:
    async with Reading().run_test(size=(width, 30)) as pilot:
        app = pilot.app
        assert isinstance(app, Reading)
        viewer = app.viewer
        viewer.show(transcript(everywhere(text)))
        for modes in (Modes(), Modes(tools=Tools.FULL, thinking=True)):
            viewer.modes = modes
            await settled(pilot)
            viewer.action_top()
            document = viewer.document
            assert document is not None
            for message in range(len(document)):
                for row in document.page(message).rows:
                    drawn = "".join(segment.text for segment in row.segments)
                    assert not UNSAFE.search(drawn)
            for y in range(viewer.size.height):
                strip = viewer.render_line(y)
                assert viewer.scrollable_content_region.width == strip.cell_length


async def test_a_note_is_cleaned_too() -> None:
    async with Reading().run_test(size=(40, 9)) as pilot:
        app = pilot.app
        assert isinstance(app, Reading)

        app.viewer.clear("\x1b[31mgone[/bold]\u202e")
        await settled(pilot)

        assert "gone[/bold]\ufffd" == "".join(rows(app)).strip()


TALK = (
    say("user", "Tell me of the sea and of the ships that sail on it, please", minute=1),
    say("assistant", "- one\n- two\n\n```python\ndef f():\n    pass\n```", minute=2),
)


async def selecting(app: Reading, start: str, end: str) -> str | None:
    """Select from the first character of one text on the screen to the last of another, as a mouse would."""
    screen = rows(app)
    first = next(y for y, row in enumerate(screen) if start in row)
    last = next(y for y, row in enumerate(screen) if end in row)
    begin = app.screen.get_widget_and_offset_at(screen[first].index(start), first)[1]
    finish = app.screen.get_widget_and_offset_at(screen[last].index(end) + len(end), last)[1]
    assert begin is not None
    assert finish is not None
    app.screen.selections = {app.viewer: Selection.from_offsets(begin, finish)}
    return app.screen.get_selected_text()


async def shown(app: Reading, width: int = 40) -> MessageViewer:
    app.viewer.show(transcript(TALK))
    return app.viewer


async def test_wrapped_lines_are_copied_as_one() -> None:
    async with Reading().run_test(size=(40, 24)) as pilot:
        app = pilot.app
        assert isinstance(app, Reading)
        await shown(app)
        await settled(pilot)

        assert "the sea and of the ships that sail on it, please" == await selecting(app, "the sea", "please")


async def test_code_is_copied_without_its_frame_and_lists_with_their_marks() -> None:
    async with Reading().run_test(size=(40, 24)) as pilot:
        app = pilot.app
        assert isinstance(app, Reading)
        await shown(app)
        await settled(pilot)

        assert "def f():\n    pass" == await selecting(app, "def f", "pass")
        assert "• one\n• two" == await selecting(app, "• one", "two")


async def test_a_drag_selects_and_does_not_unfold() -> None:
    async with Reading().run_test(size=(60, 24)) as pilot:
        app = pilot.app
        assert isinstance(app, Reading)
        app.viewer.show(transcript([say("assistant", call("grep", pattern="sail"), "Here it is.")]))
        await settled(pilot)
        row = next(y for y, line in enumerate(rows(app)) if "grep" in line)

        await pilot.mouse_down(app.viewer, offset=(5, row))
        await pilot.hover(app.viewer, offset=(13, row + 2))
        await pilot.mouse_up(app.viewer, offset=(13, row + 2))
        await settled(pilot)

        assert "grep  sail\n\nHere it is." == app.screen.get_selected_text()
        assert "▸ grep" in "".join(rows(app))


async def test_a_selection_is_seen_and_only_where_it_is_copied() -> None:
    async with Reading().run_test(size=(40, 24)) as pilot:
        app = pilot.app
        assert isinstance(app, Reading)
        viewer = await shown(app)
        await settled(pilot)
        before = [viewer.render_line(y) for y in range(24)]

        await selecting(app, "the sea", "please")
        await settled(pilot)
        changed = [y for y in range(24) if viewer.render_line(y) != before[y]]

        assert [y for y, row in enumerate(rows(app)) if "sea" in row or "ships" in row or "please" in row] == changed
        assert [strip.text for strip in before] == [viewer.render_line(y).text for y in range(24)]


async def test_everything_can_be_selected_without_drawing_it_all() -> None:
    talk = talks.long_talk(900)
    async with Reading().run_test() as pilot:
        app = pilot.app
        assert isinstance(app, Reading)
        app.viewer.show(transcript(talk))
        await settled(pilot)

        got = app.viewer.get_selection(SELECT_ALL)

        assert got is not None
        assert all(f"answer {n}" in got[0].lower() for n in range(1, 900, 3))


async def test_a_double_click_does_not_select_everything() -> None:
    async with Reading().run_test(size=(40, 24)) as pilot:
        app = pilot.app
        assert isinstance(app, Reading)
        viewer = await shown(app)
        await settled(pilot)

        await pilot.double_click(viewer, offset=Offset(6, 4))
        await settled(pilot)

        assert not app.screen.selections


async def test_random_words_never_break_the_layout() -> None:
    rnd = random.Random(5)
    words = ["sea", "**", "`", "- ", "\n", "\n\n", "> ", "```go\n", "| a | b |\n|--|--|\n", "数据", "🚀", "\t", "# "]
    messages = [say("assistant", "".join(rnd.choices(words, k=40)), result("x"), minute=n) for n in range(60)]
    async with Reading().run_test(size=(33, 24)) as pilot:
        app = pilot.app
        assert isinstance(app, Reading)
        app.viewer.show(transcript(messages))
        await settled(pilot)
        document = app.viewer.document
        assert document is not None

        widths = {
            app.viewer._paint(document, place).cell_length
            for place in (document.move(document.at(0), row) for row in range(0, 400, 7))
        }

    assert {32} == widths
