"""Finding text: all of it, wherever it is folded away, and landing on it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.pilot import Pilot

from session_tui.model import Message, Thinking
from session_tui.tui.viewer import MessageViewer, Modes, Tools, looks
from session_tui.tui.viewer.document import Hit
from session_tui.tui.viewer.find import Batch, Matches, pattern
from tests.tui import talks
from tests.tui.talks import Reading, call, result, rows, said, say, settled, transcript

TALK = (
    say("user", "Where is the anchor?", minute=1),
    say("assistant", Thinking("the Anchor may be below"), "I look.", call("grep", pattern="anchor"), minute=2),
    say("tool", result("deck.md\n" * 50 + "anchor found here\n" + "hold.md\n" * 30), minute=3),
    say("assistant", "The **anc**hor is in the hold. One anchor only.", minute=4),
)


async def finding(
    pilot: Pilot[None], messages: Sequence[Message], needle: str, *, at: int | None = None, regex: bool = False
) -> tuple[Reading, MessageViewer]:
    app = pilot.app
    assert isinstance(app, Reading)
    app.viewer.focus()
    app.viewer.show(transcript(messages), at=at)
    await settled(pilot)
    app.viewer.find(needle, regex=regex)
    await settled(pilot)
    return app, app.viewer


def last_found(app: Reading) -> tuple[int, int, bool]:
    found = [event for event in app.heard if isinstance(event, MessageViewer.Found)][-1]
    return found.current, found.total, found.done


def lit(viewer: MessageViewer, part: str) -> list[tuple[int, str]]:
    """The words that carry a part's background, by row of the screen."""
    ground = viewer.get_component_styles(part.removeprefix(".")).background.rich_color
    return [
        (y, segment.text)
        for y in range(viewer.size.height)
        for segment in viewer.render_line(y)
        if segment.style and segment.style.bgcolor == ground and segment.text.strip()
    ]


async def test_the_first_match_from_here_on_is_gone_to() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await finding(pilot, TALK, "ANCHOR", at=1)

        assert 1 == viewer.current
        assert (2, 5, True) == last_found(app)
        assert ["Anchor"] == [word for _, word in lit(viewer, looks.MATCH_CURRENT)]


async def test_next_and_previous_go_round() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await finding(pilot, TALK, "anchor", at=0)
        seen = [last_found(app)[0]]
        for action in ["next_match"] * 5 + ["previous_match"] * 2:
            await viewer.run_action(action)
            await settled(pilot)
            seen.append(last_found(app)[0])
            assert "anchor" == "".join(word for _, word in lit(viewer, looks.MATCH_CURRENT)).lower()

        assert [1, 2, 3, 4, 5, 1, 5, 4] == seen


async def test_a_match_in_folded_text_is_unfolded_and_lands_on_the_screen() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await finding(pilot, TALK, "found here")

        assert "anchor found here" in said(app)
        assert [(viewer.size.height // 3, "found here")] == lit(viewer, looks.MATCH_CURRENT)


async def test_a_match_far_down_a_cut_text_is_reached() -> None:
    messages = [say("user", "\n".join(f"line {n}" for n in range(3000)) + "\nthe needle")]
    async with Reading().run_test() as pilot:
        app, viewer = await finding(pilot, messages, "needle")

        assert "the needle" in said(app)
        assert ["needle"] == [word for _, word in lit(viewer, looks.MATCH_CURRENT)]


async def test_the_viewers_own_words_are_not_taken_for_matches() -> None:
    messages = [say("assistant", Thinking("first\nthinking aloud\nlast"), result("one\nresult\nmore"), minute=1)]
    async with Reading().run_test() as pilot:
        _, viewer = await finding(pilot, messages, "thinking")
        thought = lit(viewer, looks.MATCH_CURRENT) + lit(viewer, looks.MATCH)
        viewer.find("result")
        await settled(pilot)

        assert ["thinking"] == [word for _, word in thought]
        assert ["result"] == [word for _, word in lit(viewer, looks.MATCH_CURRENT) + lit(viewer, looks.MATCH)]


async def test_a_match_at_the_end_of_one_endless_line_is_reached() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await finding(pilot, [say("user", "sea " * 9000 + "needle")], "needle")

        assert "needle" in said(app)
        assert ["needle"] == [word for _, word in lit(viewer, looks.MATCH_CURRENT)]


async def test_a_match_across_a_line_break_is_lit_on_both_rows() -> None:
    async with Reading().run_test(size=(40, 20)) as pilot:
        _, viewer = await finding(pilot, [say("user", "far out on the wide and windy sea today")], "windy sea today")

        assert "windy sea today" == " ".join(word.strip() for _, word in lit(viewer, looks.MATCH_CURRENT))
        assert 2 == len(lit(viewer, looks.MATCH_CURRENT))


async def test_what_the_modes_hide_is_not_found() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await finding(pilot, TALK, "anchor")
        viewer.modes = Modes(tools=Tools.HIDDEN)
        await settled(pilot)

        assert 3 == last_found(app)[1]


async def test_regular_expressions_are_understood_and_refused_in_words() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await finding(pilot, TALK, r"anch\w+ (found|only)", regex=True)
        found = last_found(app)
        viewer.find("(", regex=True)
        await settled(pilot)
        problem = [event for event in app.heard if isinstance(event, MessageViewer.Found)][-1].problem

        assert 2 == found[1]
        assert problem.startswith("not a regular expression: ")


async def test_a_plain_needle_is_taken_word_for_word() -> None:
    async with Reading().run_test() as pilot:
        app, _ = await finding(pilot, [say("user", "a.b(c) axb")], "a.b(c)")

        assert (1, 1, True) == last_found(app)


async def test_nothing_found_is_told_and_moves_nothing() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await finding(pilot, talks.long_talk(300), "no such words", at=100)

        assert (0, 0, True) == last_found(app)
        assert 100 == viewer.current
        assert "prompt 100" not in said(app) or "answer 100" in said(app).lower()


async def test_ending_a_search_takes_its_marks_away() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await finding(pilot, TALK, "anchor")

        viewer.find("")
        await settled(pilot)

        assert [] == lit(viewer, looks.MATCH) + lit(viewer, looks.MATCH_CURRENT)
        assert (0, 0, True) == last_found(app)


async def test_every_match_of_a_long_talk_is_counted() -> None:
    async with Reading().run_test() as pilot:
        app, _ = await finding(pilot, talks.long_talk(3000), "def knot_", at=1500)

        assert (501, 1000, True) == last_found(app)


async def test_the_words_of_the_list_are_marked_without_moving() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await finding(pilot, TALK, "")
        before = rows(app)

        viewer.highlight(["anchor", "hold"])
        await settled(pilot)

        assert before == rows(app)
        assert {"anchor", "hold"} <= {word for _, word in lit(viewer, looks.TERM)}


async def test_a_slash_asks_for_the_needle() -> None:
    async with Reading().run_test() as pilot:
        app, viewer = await finding(pilot, TALK, "")

        viewer.action_find_prompt()
        await settled(pilot)

        assert any(isinstance(event, MessageViewer.FindRequested) for event in app.heard)


def test_hits_before_the_beginning_come_in_front() -> None:
    matches = Matches(pattern("x"), 5)
    matches.add(Batch([Hit(6, 0, 0), Hit(8, 0, 0)], False))
    assert Hit(6, 0, 0) == matches.step(1, 5)

    matches.add(Batch([Hit(1, 0, 0), Hit(2, 0, 0)], True))

    assert 2 == matches.position
    assert Hit(8, 0, 0) == matches.step(1, 6)
    assert Hit(1, 0, 0) == matches.step(1, 8)
    assert Hit(2, 0, 0) == matches.step(-1, 5)
