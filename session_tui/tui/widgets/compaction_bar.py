"""One line that tells how full a session's context is, and how far a compaction has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.timer import Timer
from textual.widget import Widget

from session_tui import text
from session_tui.model import Meter, Session, TokenSource
from session_tui.tui.widgets.gauge import Part, gauge, pulse
from session_tui.tui.widgets.session_columns import fit

_CANCEL = "Esc cancels"
_PULSE_SECONDS = 0.12
_MUTED = "$row-muted"
_CALM, _SOFT, _HARD = "$gauge-calm", "$gauge-soft", "$gauge-hard"
_STAGES = {
    "starting": ("◌", "starting", _MUTED),
    "summarizing": ("◐", "summarizing", "$row-cursor-bar"),
    "completed": ("✓", "compaction completed", _CALM),
    "failed": ("✗", "compaction failed", _HARD),
}
_WORKING = ("starting", "summarizing")
_BETWEEN = " · "


@dataclass(frozen=True, slots=True)
class _Work:
    """A compaction under way or just ended."""

    stage: str
    done: int
    total: int
    savings: int | None
    note: str

    @property
    def running(self) -> bool:
        """Whether there is something to cancel."""
        return self.stage in _WORKING


class CompactionBar(Widget):
    """A gauge with both thresholds on it and the same in words; a progress bar while a compaction runs."""

    DEFAULT_CSS = """
    CompactionBar { height: 1; background: $panel; color: $foreground; }
    """

    step: reactive[int] = reactive(0, init=False)
    """How far the moving bar of work without a known end has come, in cells."""

    class CancelAsked(Message):
        """The words that offer to cancel were clicked."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        """Show that there is no session yet."""
        super().__init__(id=id, classes=classes)
        self._meter: Meter | None = None
        self._session: Session | None = None
        self._summaries = 0
        self._work: _Work | None = None
        self._timer: Timer | None = None

    # ── what it shows ─────────────────────────────────────────────────────────────────────────────────

    def show(self, meter: Meter | None, session: Session | None, *, summaries: int = 0) -> None:
        """Measure another session. A compaction's progress stays in front of it until `idle`."""
        self._meter, self._session, self._summaries = meter, session, summaries
        self.refresh()

    def stage(self, stage: str, *, done: int = 0, total: int = 0, savings: int | None = None, note: str = "") -> None:
        """Show how far a compaction is: ``starting``, ``summarizing``, ``completed`` or ``failed``.

        ``done`` of ``total`` messages (``total`` 0 when unknown), the tokens it saves, and a short note.
        """
        self._work = _Work(stage, done, total, savings, text.one_line(note))
        self._keep_time()
        self.refresh()

    def idle(self) -> None:
        """Go back to the gauge."""
        self._work = None
        self._keep_time()
        self.refresh()

    # ── time and mouse ────────────────────────────────────────────────────────────────────────────────

    def on_mount(self) -> None:
        """Prepare the moving bar of work whose end is not known."""
        self._timer = self.set_interval(_PULSE_SECONDS, self._advance, pause=True)
        self._keep_time()

    def on_click(self, event: events.Click) -> None:
        """Ask for the work to be cancelled where the words offer it."""
        place = event.get_content_offset(self)
        offered = self._work is not None and self._work.running
        if offered and place is not None and place.x >= self.size.width - len(_CANCEL) - 1:
            event.stop()
            self.post_message(self.CancelAsked())

    def _advance(self) -> None:
        self.step += 1

    @property
    def moving(self) -> bool:
        """Whether the bar moves by itself: work goes on, its length is unknown, and animations are wanted."""
        endless = self._work is not None and self._work.running and not self._work.total
        return endless and self.app.animation_level != "none"

    def _keep_time(self) -> None:
        if self._timer is None:
            return
        if self.moving:
            self._timer.resume()
        else:
            self._timer.pause()

    # ── drawing ───────────────────────────────────────────────────────────────────────────────────────

    def render(self) -> Content:
        """The line for the width there is."""
        width = max(0, self.size.width - 2)
        if self._work is not None:
            parts = _progress(self._work, width, self.step)
        elif self._session is None:
            parts = [("no session selected", _MUTED)]
        else:
            parts = _measured(self._meter, self._session, self._summaries, width)
        return Content.assemble(" ", *parts)


# ── the gauge and its words ───────────────────────────────────────────────────────────────────────────


def _measured(meter: Meter | None, session: Session, summaries: int, width: int) -> list[Part]:
    color, due = _judge(meter)
    cells = _cells(width)
    ratio = meter.ratio if meter else None
    marks = ((meter.soft, _SOFT), (meter.hard, _HARD)) if meter else ()
    fullness, short = _fullness(meter)
    facts = [*_counted(session), *_replaced(session, summaries)]
    wordings = [
        *(([fullness, *facts[:count]], due) for count in range(len(facts), -1, -1)),
        ([short], due),
        ([short], due.removeprefix("memory ")),
        ([short], ""),
    ]
    room = width - cells - 1
    said, ending = next((each for each in wordings if _length(*each) <= room), wordings[-1])
    parts = [*gauge(ratio, cells, color, marks), (" ", ""), (said[0], "bold" if ratio is not None else _MUTED)]
    parts += [(f"{_BETWEEN}{fact}", _MUTED) for fact in said[1:]]
    return [*parts, *_at_end([(ending, f"bold {color}")], parts, width)]


def _cells(width: int) -> int:
    """How long a gauge is in a bar of that width: a fifth of it, 6 to 40 cells."""
    return max(6, min(40, width // 5))


def _length(said: Sequence[str], ending: str) -> int:
    return cell_len(_BETWEEN.join(said)) + (cell_len(ending) + 2 if ending else 0)


def _at_end(ending: Sequence[Part], parts: Sequence[Part], width: int) -> list[Part]:
    """``ending`` moved to the right edge of a line that starts with ``parts``."""
    taken = sum(cell_len(words) for words, _ in (*parts, *ending))
    return [(" " * max(0, width - taken), ""), *ending]


def _judge(meter: Meter | None) -> Part:
    """What is due in words, nothing while there is room, and the colour that goes with it."""
    ratio = meter.ratio if meter else None
    if meter is None or ratio is None or ratio <= meter.soft:
        return _CALM, ""
    return (_HARD, "▲ compaction due") if ratio > meter.hard else (_SOFT, "memory refresh due")


def _fullness(meter: Meter | None) -> tuple[str, str]:
    """How full the context is in words, and the same shorter."""
    if meter is None or (meter.tokens is None and not meter.window):
        return "tokens and window unknown", "unknown"
    if meter.tokens is None:
        return f"tokens unknown, window {text.count(meter.window)}", "tokens unknown"
    about = "≈" if meter.source is TokenSource.ESTIMATED else ""
    if meter.ratio is None:
        tokens = f"{about}{text.count(meter.tokens)}"
        return f"{tokens} tokens, window unknown", f"{tokens} of unknown"
    share = f"{about}{meter.ratio:.0%}"
    return f"{share} of {text.count(meter.window)}", share


def _counted(session: Session) -> list[str]:
    return [] if session.message_count is None else [text.plural(session.message_count, "message")]


def _replaced(session: Session, summaries: int) -> list[str]:
    archived = [f"{session.archived_count:,} archived"] if session.archived_count else []
    summarized = [text.plural(summaries, "summary", "summaries")] if summaries else []
    return [", ".join([*summarized, *archived])] if summarized or archived else []


# ── work under way ────────────────────────────────────────────────────────────────────────────────────


def _progress(work: _Work, width: int, step: int) -> list[Part]:
    sign, label, color = _STAGES.get(work.stage, ("·", text.one_line(work.stage), _MUTED))
    parts: list[Part] = [(f"{sign} ", f"bold {color}"), (label, "bold")]
    ending: list[Part] = [(_CANCEL, _MUTED)] if work.running else []
    room = width - sum(cell_len(words) for words, _ in (*parts, *ending)) - 2 * len(ending)
    if work.running and room > 7:
        cells = min(_cells(width), room - 1)
        share = work.done / work.total if work.total else 0.0
        moving = gauge(share, cells, color) if work.total else pulse(step, cells, color)
        parts += [(" ", ""), *moving]
        room -= cells + 1
    between = "  " if len(parts) > 2 else _BETWEEN
    for fact in _told(work):
        left = room - len(between)
        if cell_len(fact) > left and (fact != work.note or left < 2):
            break
        words = between + fit(fact, min(left, cell_len(fact)))
        parts.append((words, _MUTED))
        room -= cell_len(words)
        between = _BETWEEN
    return [*parts, *_at_end(ending, parts, width)]


def _told(work: _Work) -> list[str]:
    """What there is to say about ``work``, the most telling first."""
    counted = f"{work.done:,} of {text.plural(work.total, 'message')}" if work.total and work.running else ""
    verb = "saves ≈" if work.running else "saved "
    saved = f"{verb}{text.count(work.savings)} tokens" if work.savings and work.stage != "failed" else ""
    return [fact for fact in (counted, saved, work.note) if fact]
