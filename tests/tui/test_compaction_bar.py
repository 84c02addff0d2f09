"""The compaction bar: what it says at which width, and that words always go with colours."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.theme import BUILTIN_THEMES

from session_tui.model import Meter, Session, SessionKey, TokenSource
from session_tui.tui.themes import variable_defaults
from session_tui.tui.widgets.compaction_bar import CompactionBar
from session_tui.tui.widgets.gauge import gauge

SESSION = Session(key=SessionKey("amber", "s1"), message_count=31, archived_count=40)


def meter(tokens: int | None, window: int | None = 200_000, source: TokenSource = TokenSource.RECORDED) -> Meter:
    return Meter(tokens, window, source, 0.6, 0.75)


class BarApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.cancelled = 0

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return variable_defaults(self.current_theme)

    def compose(self) -> ComposeResult:
        yield CompactionBar()

    @property
    def bar(self) -> CompactionBar:
        return self.query_one(CompactionBar)

    @property
    def line(self) -> str:
        return self.bar.render_line(0).text

    def on_compaction_bar_cancel_asked(self) -> None:
        self.cancelled += 1


@pytest.mark.parametrize(
    ("width", "said", "unsaid"),
    [
        (200, ["86% of 200k · 31 messages · 2 summaries, 40 archived", "▲ compaction due"], []),
        (120, ["86% of 200k · 31 messages · 2 summaries, 40 archived", "▲ compaction due"], []),
        (80, ["86% of 200k · 31 messages", "▲ compaction due"], ["archived"]),
        (50, ["86% of 200k", "▲ compaction due"], ["messages"]),
        (30, ["86%", "▲ compaction due"], ["messages", "200k"]),
    ],
)
async def test_the_weightiest_facts_stay_as_the_bar_narrows(width: int, said: list[str], unsaid: list[str]) -> None:
    app = BarApp()
    async with app.run_test(size=(width, 3)) as pilot:
        app.bar.show(meter(171_000), SESSION, summaries=2)
        await pilot.pause()

        assert all(words in app.line for words in said)
        assert not any(words in app.line for words in unsaid)


@pytest.mark.parametrize("width", range(30, 201, 7))
@pytest.mark.parametrize("tokens", [None, 0, 9_000, 130_000, 400_000])
async def test_the_bar_never_runs_over_its_edge(width: int, tokens: int | None) -> None:
    app = BarApp()
    async with app.run_test(size=(width, 3)) as pilot:
        app.bar.show(meter(tokens), SESSION, summaries=12)
        await pilot.pause()
        assert cell_len(app.line.rstrip()) < width

        for stage in ("starting", "summarizing", "completed", "failed", "strange"):
            app.bar.stage(stage, done=3, total=31, savings=8123, note="part 2 of 4, 日本語の注記を付けて")
            await pilot.pause()
            assert cell_len(app.line.rstrip()) <= width - 1


@pytest.mark.parametrize(
    ("tokens", "words"), [(60_000, ""), (121_000, "memory refresh due"), (151_000, "compaction due")]
)
async def test_what_is_due_is_said_in_words(tokens: int, words: str) -> None:
    app = BarApp()
    async with app.run_test(size=(100, 3)) as pilot:
        app.bar.show(meter(tokens), SESSION)
        await pilot.pause()

        assert app.line.rstrip().endswith(words)
        assert ("due" in app.line) is bool(words)


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (None, "tokens and window unknown · 31 messages"),
        (meter(None, None), "tokens and window unknown"),
        (meter(None), "tokens unknown, window 200k"),
        (meter(8_100, None), "8.1k tokens, window unknown"),
        (meter(8_100, 0), "8.1k tokens, window unknown"),
        (meter(124_000, source=TokenSource.ESTIMATED), "≈62% of 200k"),
        (meter(300_000), "150% of 200k"),
    ],
)
async def test_what_is_estimated_or_unknown_is_said(measured: Meter | None, words: str) -> None:
    app = BarApp()
    async with app.run_test(size=(120, 3)) as pilot:
        app.bar.show(measured, SESSION)
        await pilot.pause()

        assert words in app.line


async def test_without_a_session_there_is_nothing_to_measure() -> None:
    app = BarApp()
    async with app.run_test(size=(80, 3)) as pilot:
        app.bar.show(None, None)
        await pilot.pause()

        assert "no session selected" == app.line.strip()


async def test_facts_nobody_counted_are_left_out() -> None:
    app = BarApp()
    async with app.run_test(size=(120, 3)) as pilot:
        app.bar.show(meter(20_000), Session(key=SESSION.key, archived_count=1))
        await pilot.pause()
        assert app.line.rstrip().endswith("10% of 200k · 1 archived")

        app.bar.show(meter(20_000), Session(key=SESSION.key, message_count=1), summaries=1)
        await pilot.pause()
        assert app.line.rstrip().endswith("10% of 200k · 1 message · 1 summary")


# ── the gauge ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("ratio", "drawn"),
    [(0, "        "), (0.001, "▏       "), (0.5, "████    "), (0.53125, "████▎   "), (1, "████████"), (7, "████████")],
)
def test_a_gauge_fills_by_eighths_of_a_cell(ratio: float, drawn: str) -> None:
    assert drawn == "".join(cell for cell, _ in gauge(ratio, 8, "$a"))


def test_thresholds_show_on_the_filled_and_on_the_empty_part() -> None:
    cells = gauge(0.7, 20, "$fill", ((0.6, "$soft"), (0.75, "$hard")))

    assert ("│", "$background on $fill") == cells[12]
    assert ("│", "$hard on $gauge-track") == cells[15]
    assert 2 == sum(cell == "│" for cell, _ in cells)


def test_an_unknown_ratio_is_a_dotted_line() -> None:
    assert [("┄┄┄┄┄┄", "$row-muted")] == gauge(None, 6, "$a", ((0.6, "$soft"),))


# ── work under way ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("stage", "said", "cancels"),
    [
        ("starting", ["◌ starting"], True),
        ("summarizing", ["◐ summarizing", "12 of 31 messages", "saves ≈8.1k tokens", "part 2"], True),
        ("completed", ["✓ compaction completed", "saved 8.1k tokens", "part 2"], False),
        ("failed", ["✗ compaction failed", "part 2"], False),
    ],
)
async def test_each_stage_has_a_sign_and_words(stage: str, said: list[str], cancels: bool) -> None:
    app = BarApp()
    async with app.run_test(size=(120, 3)) as pilot:
        app.bar.stage(stage, done=12, total=31, savings=8123, note="part 2")
        await pilot.pause()

        assert all(words in app.line for words in said)
        assert app.line.rstrip().endswith("Esc cancels") is cancels


async def test_a_failure_says_why_even_where_it_must_be_cut() -> None:
    app = BarApp()
    async with app.run_test(size=(50, 3)) as pilot:
        app.bar.stage("failed", note="the summarizer answered 503\n[/bold]: overloaded")
        await pilot.pause()

        assert "✗ compaction failed · the summarizer answered 5…" == app.line.strip()


async def test_notes_are_drawn_as_they_are() -> None:
    app = BarApp()
    async with app.run_test(size=(100, 3)) as pilot:
        app.bar.stage("failed", note="\x1b[31m[bold]odd[/] $note")
        await pilot.pause()

        assert "[bold]odd[/] $note" in app.line
        assert "\x1b" not in app.line


async def test_the_gauge_comes_back_when_work_is_over() -> None:
    app = BarApp()
    async with app.run_test(size=(80, 3)) as pilot:
        app.bar.stage("summarizing", done=1, total=2)
        app.bar.show(meter(20_000), SESSION)
        await pilot.pause()
        assert "summarizing" in app.line

        app.bar.idle()
        await pilot.pause()
        assert "10% of 200k" in app.line


async def test_a_click_on_the_offer_asks_to_cancel_and_nowhere_else() -> None:
    app = BarApp()
    async with app.run_test(size=(80, 3)) as pilot:
        await pilot.click(CompactionBar, offset=(75, 0))
        app.bar.stage("summarizing", done=1, total=2)
        await pilot.click(CompactionBar, offset=(20, 0))
        await pilot.click(CompactionBar, offset=(75, 0))
        await pilot.pause()

        assert 1 == app.cancelled


async def test_endless_work_stands_still_where_animations_are_off() -> None:
    app = BarApp()
    app.animation_level = "none"
    async with app.run_test(size=(80, 3)) as pilot:
        app.bar.stage("starting")
        await pilot.pause()

        assert not app.bar.moving


async def test_work_moves_by_itself_until_its_length_is_known() -> None:
    app = BarApp()
    app.animation_level = "full"
    async with app.run_test(size=(80, 3)) as pilot:
        app.bar.stage("starting")
        assert app.bar.moving
        before = app.line
        app.bar.step = 6
        await pilot.pause()
        assert before != app.line

        app.bar.stage("summarizing", done=1, total=2)
        assert not app.bar.moving


@pytest.mark.parametrize("theme", BUILTIN_THEMES)
async def test_every_built_in_theme_can_draw_it(theme: str) -> None:
    app = BarApp()
    async with app.run_test(size=(80, 3)) as pilot:
        app.theme = theme
        app.bar.show(meter(171_000), SESSION)
        await pilot.pause()

        assert "86% of 200k" in app.line
