"""What the viewer shows of a conversation, and how it is gone through, folded and copied."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from textual.pilot import Pilot

from session_tui.errors import StoreDamaged
from session_tui.model import Attachment, Block, Image, Message, Messages, RedactedThinking, Summary, Thinking
from session_tui.tui.viewer import MessageViewer, Modes, Tools
from tests.tui import talks
from tests.tui.talks import Reading, call, result, rows, said, say, settled, transcript


async def reading(
    pilot: Pilot[None], messages: Sequence[Message], *, archived: int | None = None, summaries: Sequence[Summary] = ()
) -> tuple[Reading, MessageViewer]:
    app = pilot.app
    assert isinstance(app, Reading)
    app.viewer.focus()
    app.viewer.show(transcript(messages, archived=archived, summaries=summaries))
    await settled(pilot)
    return app, app.viewer


def row_of(app: Reading, words: str) -> int:
    return next(y for y, row in enumerate(rows(app)) if words in row)


WORK = (
    say("user", "Please **mend** the sail", minute=1),
    say("assistant", Thinking("a needle first\nthen thread"), "I look for it.", call("grep", pattern="sail"), minute=2),
    say("tool", result("sail.md:1\nsail.md:7"), minute=3),
    say("assistant", "Mended.", minute=4),
)
ARCHIVE = (
    say("user", "old question", minute=1, archived=True),
    say("assistant", "old answer", minute=2, archived=True),
    say("user", "What was said before.\n\n1\n\n2\n\n3\n\n4", minute=3, is_summary=True, id="sum"),
    say("user", "new question", minute=4),
)


# ── what a message looks like ─────────────────────────────────────────────────────────────────────────


async def test_a_turn_has_one_header_and_its_details_take_a_line_each() -> None:
    async with Reading().run_test(size=(60, 24)) as pilot:
        app, _ = await reading(pilot, WORK)

        shown = [row[1:].rstrip() for row in rows(app) if row.strip()]

    assert [
        "Tue 3 March 2026 " + "─" * 40,
        "❯ You" + shown[1][5:],
        "  Please mend the sail",
        "✦ Assistant  harbour-2" + shown[3][22:],
        "  ▸ thinking  a needle first" + shown[4][28:],
        "  I look for it.",
        "  ▸ grep  sail",
        "  ↳ sail.md:1" + shown[7][13:],
        "  Mended.",
    ] == shown
    assert shown[4].endswith("2 lines · 26 B")
    assert shown[7].endswith("2 lines · 19 B")


async def test_a_failed_call_says_so_in_words() -> None:
    async with Reading().run_test() as pilot:
        app, _ = await reading(pilot, [say("tool", result("no such file\nat all", is_error=True))])

        assert "↳ ✗ failed  no such file" in said(app)


async def test_injected_text_and_instructions_are_one_line_each() -> None:
    messages = [say("system", "You mend sails.\nCarefully."), say("user", "<note>tide is low</note>\nx", is_meta=True)]
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, messages)

        assert "▸ system  You mend sails." in said(app)
        assert "▸ injected  <note>tide is low</note>" in said(app)
        assert "Carefully." not in said(app)
        viewer.action_previous_message()
        viewer.action_fold()
        assert "Carefully." in said(app)


async def test_things_that_are_no_text_are_told_of() -> None:
    blocks: list[Block] = [
        Image("image/png", 51_000),
        Attachment("chart.pdf", "application/pdf", size=900),
        RedactedThinking("x" * 40),
    ]
    async with Reading().run_test() as pilot:
        app, _ = await reading(pilot, [say("user", *blocks)])

        assert "▣ image  image/png · 51 kB" in said(app)
        assert "▣ file  chart.pdf · application/pdf · 900 B" in said(app)
        assert "thinking  sealed by the provider" in said(app)


async def test_a_new_day_is_named() -> None:
    async with Reading().run_test() as pilot:
        app, _ = await reading(pilot, [say("user", "one"), say("user", "two"), say("user", "three", day=1)])

        assert ["Tue 3 March 2026", "Wed 4 March 2026"] == [
            row.split(" ─")[0].strip() for row in rows(app) if "─" in row
        ]


async def test_a_message_that_cannot_be_read_costs_only_itself() -> None:
    def build(index: int) -> Message:
        if index == 1:
            raise StoreDamaged("the record is gone", hint="Refresh the list.")
        if index == 2:
            raise KeyError("role")
        return say("user", f"message {index}", minute=index)

    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, Messages([9] * 4, build))
        viewer.find("message")
        await settled(pilot)

        assert "✗ This message cannot be read: the record is gone" in said(app)
        assert "Refresh the list." in said(app)
        assert "the adapter failed on this message: KeyError: 'role'" in " ".join(said(app).split())
        assert "message 0" in said(app)
        assert "message 3" in said(app)


async def test_a_very_long_text_is_cut_until_asked_for() -> None:
    async with Reading().run_test() as pilot:
        _, viewer = await reading(pilot, [say("user", "\n".join(f"line {n}" for n in range(1000)))])
        document = viewer.document
        assert document is not None
        short = document.heights.total

        viewer.action_fold()

        assert 404 == short
        assert 1003 == document.heights.total


# ── archives and summaries ────────────────────────────────────────────────────────────────────────────


async def test_a_rule_with_the_summary_ends_the_archived_messages() -> None:
    async with Reading().run_test() as pilot:
        app, _ = await reading(pilot, ARCHIVE, archived=2)

        assert row_of(app, "old answer") < row_of(app, "── 2 archived messages · summary ──")
        assert "What was said before." in said(app)
        assert "▸ 4 more lines" in said(app)


async def test_archived_messages_fold_into_their_rule() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, ARCHIVE, archived=2)

        viewer.action_toggle_archived()
        await settled(pilot)

        assert "old" not in said(app)
        assert "2 archived messages hidden · summary" in said(app)
        assert "new question" in said(app)


async def test_the_rule_stays_below_when_everything_is_archived() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, ARCHIVE[:2], archived=2)

        viewer.action_toggle_archived()
        await settled(pilot)

        assert ["── 2 archived messages hidden"] == [
            row.strip(" ─▎").join(["── ", ""]) for row in rows(app) if row.strip(" ▎")
        ]


async def test_a_summary_no_message_holds_stands_after_what_it_covers() -> None:
    messages = [say("user", "one", id="a"), say("user", "two", id="b"), say("user", "three", id="c")]
    summary = Summary(id="s", content="One and two in short.", original_ids=("a", "b"))
    async with Reading().run_test() as pilot:
        app, _ = await reading(pilot, messages, summaries=[summary])

        assert row_of(app, "two") < row_of(app, "summary of earlier messages")
        assert row_of(app, "One and two in short.") < row_of(app, "three")


async def test_a_summary_that_a_message_holds_is_shown_once() -> None:
    summary = Summary(id="other", content=ARCHIVE[2].text)
    async with Reading().run_test() as pilot:
        app, _ = await reading(pilot, ARCHIVE, archived=2, summaries=[summary])

        assert 1 == said(app).count("What was said before.")


async def test_markers_can_be_left_out() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, ARCHIVE, archived=2)

        viewer.action_toggle_markers()
        await settled(pilot)

        assert "archived messages" not in said(app)
        assert "What was said before." not in said(app)
        assert "old answer" in said(app)


async def test_enter_opens_a_summary_and_closes_it_again() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, ARCHIVE, archived=2)
        viewer.current = 2
        before = rows(app)

        viewer.action_fold()
        opened = said(app)
        viewer.action_fold()

        assert "more lines" not in opened
        assert before == rows(app)


# ── modes and folds ───────────────────────────────────────────────────────────────────────────────────


async def test_tools_are_short_then_full_then_hidden() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, WORK)
        viewer.action_cycle_tools()
        full = said(app)
        viewer.action_cycle_tools()
        hidden = said(app)
        viewer.action_cycle_tools()

        assert "pattern  sail" in full
        assert "sail.md:7" in full
        assert "grep" not in hidden
        assert "sail.md" not in hidden
        assert Tools.SHORT is viewer.modes.tools


async def test_a_turn_keeps_its_header_when_its_tools_are_hidden() -> None:
    messages = [say("user", "go"), say("assistant", call("x", a=1)), say("tool", result("y")), say("assistant", "done")]
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, messages)

        viewer.modes = Modes(tools=Tools.HIDDEN)
        await settled(pilot)

        assert row_of(app, "✦ Assistant") == row_of(app, "done") - 1


async def test_thinking_unfolds_everywhere() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, WORK)

        viewer.action_toggle_thinking()
        await settled(pilot)

        assert "then thread" in said(app)


async def test_a_click_unfolds_just_what_was_clicked() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, WORK)

        await pilot.click(viewer, offset=(8, row_of(app, "▸ thinking")))
        await settled(pilot)

        assert "then thread" in said(app)
        assert "▸ grep" in said(app)
        assert 1 == viewer.current


async def test_folding_by_keys_opens_all_of_a_message_and_closes_it() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, WORK)
        viewer.current = 1
        before = rows(app)

        viewer.action_fold()
        opened = said(app)
        viewer.action_fold()

        assert "then thread" in opened
        assert "pattern  sail" in opened
        assert before == rows(app)


async def test_lines_use_the_whole_width_when_asked() -> None:
    async with Reading().run_test(size=(160, 20)) as pilot:
        app, viewer = await reading(pilot, [say("user", "sea " * 60)])
        narrow = max(map(len, rows(app)))

        viewer.action_toggle_width()
        await settled(pilot)

        assert 103 >= narrow
        assert 140 < max(map(len, rows(app)))


# ── going through ─────────────────────────────────────────────────────────────────────────────────────


async def test_it_opens_at_the_newest_message() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, talks.long_talk(300))

        assert viewer.is_at_end
        assert 299 == viewer.current
        assert "result 299" in rows(app)[-1]


async def test_it_opens_at_a_given_message() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, [])
        viewer.show(transcript(talks.long_talk(300), id="two"), at=150)
        await settled(pilot)

        assert "prompt 150" in "".join(rows(app)[:4])
        assert 150 == viewer.current


async def test_messages_and_prompts_can_be_stepped_through() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, talks.long_talk(300))
        seen = []
        for step in ("previous_prompt", "previous_prompt", "next_message", "next_message", "next_prompt"):
            await viewer.run_action(step)
            seen.append(viewer.current)
        viewer.action_top()
        first = viewer.current
        viewer.action_end()

        assert [297, 294, 295, 296, 297] == seen
        assert 0 == first
        assert 299 == viewer.current
        assert "result 299" in rows(app)[-1]


async def test_a_prompt_far_away_is_found() -> None:
    messages = [say("user", "the only prompt"), *(say("assistant", f"step {n}", minute=n) for n in range(900))]
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, messages)

        viewer.action_previous_prompt()
        await settled(pilot)

        assert 0 == viewer.current
        assert "the only prompt" in said(app)


async def test_the_marker_moves_along_and_stays_on_the_screen() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, talks.long_talk(60))
        viewer.action_top()
        for _ in range(30):
            viewer.action_scroll_rows(2)
            assert any(row.startswith("▎") for row in rows(app))

        assert 0 < viewer.current < 59


async def test_at_the_end_the_marker_still_goes_on() -> None:
    async with Reading().run_test() as pilot:
        _, viewer = await reading(pilot, WORK)
        viewer.current = 0

        for _ in range(5):
            viewer.action_scroll_rows(1)

        assert 3 == viewer.current


async def test_copying_hands_out_what_was_stored() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, WORK)
        for message in (0, 2):
            viewer.current = message
            viewer.action_copy_message()
        await settled(pilot)
        copied = [(event.text, event.what) for event in app.heard if isinstance(event, MessageViewer.CopyRequested)]

        assert [("Please **mend** the sail", "prompt"), ("sail.md:1\nsail.md:7", "tool text")] == copied


# ── changing sessions, sizes and themes ───────────────────────────────────────────────────────────────


async def test_a_grown_session_keeps_its_place() -> None:
    talk = talks.long_talk(120)
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, talk[:90])
        viewer.action_top()
        viewer.action_scroll_rows(40)
        before = rows(app)

        viewer.show(transcript(talk))
        await settled(pilot)

        assert before == rows(app)


async def test_a_grown_session_is_followed_at_its_end() -> None:
    talk = talks.long_talk(120)
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, talk[:90])

        viewer.show(transcript(talk))
        await settled(pilot)

        assert "result 119" in rows(app)[-1]
        assert 119 == viewer.current


async def test_folds_outlive_a_refresh() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, WORK)
        viewer.current = 1
        viewer.action_fold()

        viewer.show(transcript(WORK))
        await settled(pilot)

        assert "pattern  sail" in said(app)


async def test_a_new_width_keeps_the_message_at_the_top() -> None:
    async with Reading().run_test(size=(100, 20)) as pilot:
        app, viewer = await reading(pilot, talks.long_talk(200))
        viewer.show(transcript(talks.long_talk(200), id="two"), at=100)
        await settled(pilot)
        top = viewer.place

        await pilot.resize_terminal(60, 20)
        await settled(pilot)

        assert top == viewer.place
        assert "answer 100" in said(app).lower()


async def test_a_new_size_keeps_the_end_at_the_end() -> None:
    async with Reading().run_test(size=(100, 20)) as pilot:
        app, _ = await reading(pilot, talks.long_talk(90))

        for size in ((60, 12), (110, 35)):
            await pilot.resize_terminal(*size)
            await settled(pilot)
            assert "result 89" in rows(app)[-1]


async def test_another_theme_colours_every_row_anew() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, WORK)
        dark = [viewer.render_line(y) for y in range(24)]

        app.theme = "textual-light"
        await settled(pilot)
        light = [viewer.render_line(y) for y in range(24)]

        assert [strip.text for strip in dark] == [strip.text for strip in light]
        assert all(old != new for old, new in zip(dark, light, strict=True))


@pytest.mark.parametrize("note", ["Nothing selected", "Loading…"])
async def test_a_note_stands_in_the_middle(note: str) -> None:
    async with Reading().run_test(size=(40, 11)) as pilot:
        app, viewer = await reading(pilot, WORK)

        viewer.clear(note)
        await settled(pilot)

        assert note == rows(app)[5].strip()
        assert [] == [row for y, row in enumerate(rows(app)) if row and y != 5]
        assert viewer.transcript is None


async def test_a_session_without_messages_says_so() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await reading(pilot, [])
        for action in ("fold", "next_message", "previous_prompt", "end", "top", "copy_message", "next_match"):
            await viewer.run_action(action)

        assert "No messages" == said(app).strip()


async def test_a_transcript_shown_before_there_is_room_appears_with_it() -> None:
    async with Reading().run_test() as pilot:
        app = pilot.app
        assert isinstance(app, Reading)
        app.viewer.display = False
        await settled(pilot)
        app.viewer.show(transcript(WORK))
        app.viewer.display = True
        await settled(pilot)

        assert "Mended." in said(app)
