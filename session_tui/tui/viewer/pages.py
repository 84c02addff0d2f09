"""A message laid out: the day and the archive border above it, its header, and its parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from textual.content import Content
from textual.style import Style

from session_tui.model import Message
from session_tui.text import one_line, plural
from session_tui.tui.viewer import blocks, looks
from session_tui.tui.viewer.blocks import Kind, View
from session_tui.tui.viewer.flow import GUTTER, Flow, Marks, Page
from session_tui.tui.viewer.parts import CARD, Line, Part
from session_tui.tui.viewer.source import Unreadable

_NAMES: Final = {Kind.PROMPT: ("❯ You", looks.YOU), Kind.ANSWER: ("✦ Assistant", looks.ASSISTANT)}
_OTHER_NAME: Final = ("◇ System", looks.SYSTEM)


@dataclass(frozen=True, slots=True)
class Ink:
    """How style names become styles, and the style below everything; both change with the theme."""

    resolve: Callable[[str | Style], Style]
    base: Style


@dataclass(frozen=True, slots=True)
class Border:
    """The end of a run of archived messages (``archived`` is how many, ``None`` when not counted yet), with the
    summary that stands for them where no message does."""

    archived: int | None = None
    is_run: bool = True
    card: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """What surrounds a message: the message drawn above it, a border between the two, and one below the last."""

    above: Message | None = None
    is_first: bool = False
    border: Border | None = None
    after: Border | None = None


def lay_out(message: Message | Unreadable, setting: Setting, view: View, ink: Ink, marks: Marks) -> Page:
    """The rows of a message; none when the modes hide it and no border stands at it."""
    flow = Flow(Page(), view.width, ink.resolve, ink.base, marks)
    if isinstance(message, Unreadable):
        _unreadable(flow, message, setting)
        return flow.page
    if not blocks.is_hidden(message, view.modes):
        _message(flow, message, setting, view)
    if setting.after is not None:
        _space(flow, setting)
        _border(flow, setting.after, view, is_summary=False)
    return flow.page


def _message(flow: Flow, message: Message, setting: Setting, view: View) -> None:
    what = blocks.kind(message)
    day = _day(message)
    is_new_day = day is not None and day != (setting.above and _day(setting.above))
    if day is not None and is_new_day:
        _space(flow, setting)
        flow.outdented(_rule(f"{day:%a} {day.day} {day:%B %Y}", flow.width, looks.MUTED, lead=0))
    flow.page.top = len(flow.page.rows)
    border = setting.border if view.modes.markers or not view.modes.archived else None
    if border is not None or what is Kind.SUMMARY:
        _space(flow, setting)
        _border(flow, border or Border(is_run=False), view, is_summary=what is Kind.SUMMARY)
    if what is not Kind.SUMMARY:
        flow.page.top = len(flow.page.rows)
    flow.overlay = looks.ARCHIVED if message.archived else ""
    if (is_new_day or _opens_turn(message, setting)) and what in {Kind.PROMPT, Kind.ANSWER}:
        _space(flow, setting)
        flow.outdented(_header(message, what))
    elif what is not Kind.SUMMARY and (is_new_day or not _is_close(setting.above, message, view)):
        _space(flow, setting)
    if not message.blocks:
        flow.add(Part(lines=[Line(Content.styled("nothing was said", looks.FAINT))]))
    was_slim = True
    for number, part in enumerate(blocks.parts(message, view)):
        if number and not (was_slim and part.slim):
            flow.blank(looks.PROMPT if what is Kind.PROMPT else "")
        flow.add(part)
        was_slim = part.slim
    flow.overlay = ""


def _space(flow: Flow, setting: Setting) -> None:
    """An empty row, except above the very first."""
    if flow.page.rows or not setting.is_first:
        flow.blank()
        flow.page.top += flow.page.top == len(flow.page.rows) - 1


def _header(message: Message, what: Kind) -> Line:
    """Who speaks, with which model, and when."""
    name, style = _NAMES.get(what, _OTHER_NAME)
    head = Content.styled(name, style)
    if message.model:
        head += Content.styled("  " + one_line(message.model), looks.FAINT)
    if message.lossy:
        head += Content.styled("  ✗ some bytes are no text", looks.ERROR)
    moment = _local(message)
    right = Content.styled(f"{moment:%H:%M}" if moment else "", looks.FAINT)
    return Line(head, right=right, clipped=True, band=looks.PROMPT if what is Kind.PROMPT else "")


def _border(flow: Flow, border: Border, view: View, *, is_summary: bool) -> None:
    """The rule between archived messages and those still in use, and the summary that has no message."""
    words = []
    if border.is_run:
        words.append("archived messages" if border.archived is None else plural(border.archived, "archived message"))
        if not view.modes.archived:
            words[0] += " hidden"
    if is_summary or border.card:
        words.append("summary" if border.is_run else "summary of earlier messages")
    flow.outdented(_rule(" · ".join(words), flow.width, looks.SUMMARY))
    if border.card and view.modes.markers:
        flow.add(blocks.summary(CARD, border.card, view))


def _rule(label: str, width: int, style: str, *, lead: int = 2) -> Line:
    """A label in a rule that runs over the width."""
    width += GUTTER - 1
    before = Content.styled("─" * lead + " " * bool(lead), looks.RULE)
    after = max(0, width - len(label) - before.cell_length - 1)
    return Line(before + Content.styled(label, style) + Content.styled(" " + "─" * after, looks.RULE), clipped=True)


def _unreadable(flow: Flow, message: Unreadable, setting: Setting) -> None:
    _space(flow, setting)
    told = looks.line(f"✗ This message cannot be read: {message.what}", looks.ERROR)
    flow.add(Part(lines=[Line(told)]))
    if message.hint:
        flow.add(Part(lines=[Line(looks.line(message.hint, looks.MUTED))]))


def _opens_turn(message: Message, setting: Setting) -> bool:
    """Whether somebody else spoke before, so that the message needs a header."""
    above = setting.above
    if above is None or setting.border is not None or above.archived != message.archived:
        return True
    if message.model and above.model and message.model != above.model:
        return True
    return _voice(above) is not _voice(message)


def _voice(message: Message) -> Kind:
    """Who speaks, where tools speak for the model that runs them."""
    what = blocks.kind(message)
    return Kind.ANSWER if what is Kind.TOOL else what


def _is_close(above: Message | None, message: Message, view: View) -> bool:
    """Whether nothing stands between two messages, since one ends and the other begins with a single line."""
    return above is not None and _is_slim(above, view, -1) and _is_slim(message, view, 0)


def _is_slim(message: Message, view: View, end: int) -> bool:
    """Whether the first (0) or last (-1) thing shown of a message is a single line as long as it is folded."""
    what = blocks.kind(message)
    if what in {Kind.SYSTEM, Kind.INJECTED}:
        return True
    shown = blocks.shown(message, view.modes)
    return bool(shown) and what is not Kind.SUMMARY and blocks.is_slim(shown[end][1])


def _local(message: Message) -> datetime | None:
    return message.created_at.astimezone() if message.created_at else None


def _day(message: Message) -> date | None:
    moment = _local(message)
    return moment.date() if moment else None
