"""A message as parts: a header that says who, text as Markdown, everything else as one line that unfolds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from textual.content import Content

from session_tui.model import (
    Attachment,
    Block,
    Image,
    Message,
    RedactedThinking,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from session_tui.text import plural, size
from session_tui.tui.viewer import gist, looks, markdown
from session_tui.tui.viewer.modes import Modes, Tools
from session_tui.tui.viewer.parts import EMPTY, WHOLE, Line, Part, Touch

CUT_ROWS: Final = 400
"""Rows shown of one item at first; about 30 ms to lay out."""
CUT_CHARACTERS: Final = 24_000
UNCUT_ROWS: Final = 10_000
UNCUT_CHARACTERS: Final = 1_000_000
PROSE_CHARACTERS: Final = 100_000
"""A longer text is shown as it is instead of as Markdown, which would take too long."""
SHORT_SUMMARY_ROWS: Final = 5
_CLOSED, _OPEN, _RESULT, _PLAIN = "▸ ", "▾ ", "↳ ", "· "
_INDENT: Final = Content("  ")
_BAR: Final = Content.styled("│ ", looks.SUMMARY)


class Kind(Enum):
    """What a message is to a reader."""

    PROMPT = auto()
    ANSWER = auto()
    TOOL = auto()
    SYSTEM = auto()
    INJECTED = auto()
    SUMMARY = auto()


@dataclass(frozen=True, slots=True)
class View:
    """What the parts of a message depend on besides the message: modes, folds, the width, and its project."""

    modes: Modes
    width: int
    is_open: Callable[[int, bool], bool]
    is_uncut: Callable[[int], bool]
    project: str | None = None


def kind(message: Message) -> Kind:
    """What a message is to a reader: a user record that only carries tool results is the tools'."""
    if message.is_summary:
        return Kind.SUMMARY
    if message.is_meta:
        return Kind.INJECTED
    if message.role is Role.TOOL or (message.blocks and all(isinstance(block, ToolResult) for block in message.blocks)):
        return Kind.TOOL
    return {Role.USER: Kind.PROMPT, Role.ASSISTANT: Kind.ANSWER}.get(message.role, Kind.SYSTEM)


def is_prompt(message: Message) -> bool:
    """Whether a person wrote the message."""
    return kind(message) is Kind.PROMPT and any(_has_words(block) for block in message.blocks)


def is_hidden(message: Message, modes: Modes) -> bool:
    """Whether the modes hide a message altogether; one that holds no blocks is shown as being empty."""
    return _is_barred(message, modes) or bool(message.blocks and not shown(message, modes))


def _is_barred(message: Message, modes: Modes) -> bool:
    return (message.archived and not modes.archived) or (message.is_summary and not modes.markers)


def shown(message: Message, modes: Modes) -> list[tuple[int, Block]]:
    """The blocks of a message that the modes let through, with their numbers."""
    if _is_barred(message, modes):
        return []
    return [(number, block) for number, block in enumerate(message.blocks) if _is_shown(block, modes)]


def _is_shown(block: Block, modes: Modes) -> bool:
    match block:
        case ToolCall() | ToolResult():
            return modes.tools is not Tools.HIDDEN
        case Text(text=text) | Thinking(text=text):
            return bool(text.strip())
        case _:
            return True


def _has_words(block: Block) -> bool:
    return not isinstance(block, ToolResult) and (not isinstance(block, Text) or bool(block.text.strip()))


def is_slim(block: Block) -> bool:
    """Whether a block takes one line as long as it is folded."""
    return not isinstance(block, Text)


def searched(message: Message, modes: Modes) -> Iterator[tuple[int, str]]:
    """The texts of a message that can be shown, each with the item that shows it."""
    as_whole = kind(message) in {Kind.SYSTEM, Kind.INJECTED, Kind.SUMMARY}
    if as_whole and shown(message, modes):
        yield WHOLE, message.text
    for number, block in shown(message, modes):
        if not (as_whole and isinstance(block, Text)):
            yield number, gist.searched(block)


def parts(message: Message, view: View) -> Iterator[Part]:
    """The parts of a message that the modes let through, without its header."""
    what = kind(message)
    blocks = shown(message, view.modes)
    if what is Kind.SUMMARY and blocks:
        yield summary(WHOLE, message.text, view)
    elif what in {Kind.SYSTEM, Kind.INJECTED} and blocks:
        yield _note(message, what, view)
    as_whole = what in {Kind.SYSTEM, Kind.INJECTED, Kind.SUMMARY}
    for number, block in blocks:
        if not (as_whole and isinstance(block, Text)):
            yield _part(number, block, view, is_prompt=what is Kind.PROMPT)


def summary(item: int, text: str, view: View) -> Part:
    """The text of a summary: its first rows, or all of it."""
    is_open = view.is_open(item, False)
    part = prose(item, text, replace(view, width=view.width - _BAR.cell_length))
    part.folded = not is_open
    for line in part.lines:
        line.touch = Touch.FOLD
        line.first, line.rest = _BAR + line.first, _BAR + (line.first if line.rest is None else line.rest)
    if not is_open:
        part.limit, part.more = SHORT_SUMMARY_ROWS, Touch.FOLD
    return part


def prose(item: int, text: str, view: View) -> Part:
    """Markdown text, cut where it is very long."""
    text, part = _cut(item, text.strip("\n"), view)
    part.slim = False
    if len(text) > PROSE_CHARACTERS:
        part.lines = [Line(row) for row in looks.lines(text)]
    else:
        part.lines = markdown.lines(text, view.width)
    return part


def _cut(item: int, text: str, view: View) -> tuple[str, Part]:
    """The beginning of ``text`` that is shown, and an empty part for it that knows what was left out."""
    is_uncut = view.is_uncut(item)
    rows, characters = (UNCUT_ROWS, UNCUT_CHARACTERS) if is_uncut else (CUT_ROWS, CUT_CHARACTERS)
    part = Part(item, limit=rows, more=Touch.NONE if is_uncut else Touch.UNCUT)
    kept = text[:characters]
    kept = "\n".join(kept.split("\n", rows)[:rows])
    if len(kept) < len(text):
        part.unseen = text.count("\n", len(kept)) or 1
    return kept, part


def _note(message: Message, what: Kind, view: View) -> Part:
    """A text that nobody said, as one line."""
    label = "injected" if what is Kind.INJECTED else message.role.value
    return _folding(WHOLE, label, looks.MUTED, message.text, view, is_open=view.is_open(WHOLE, False), tone=looks.MUTED)


def _part(number: int, block: Block, view: View, *, is_prompt: bool) -> Part:
    full = view.modes.tools is Tools.FULL
    match block:
        case Text(text=text):
            part = prose(number, text, view)
            for line in part.lines:
                line.band = line.band or (looks.PROMPT if is_prompt else "")
            return part
        case Thinking(text=text):
            is_open = view.is_open(number, view.modes.thinking)
            return _folding(number, "thinking", looks.MUTED, text, view, is_open=is_open, tone=looks.QUOTE)
        case ToolCall():
            return _call(number, block, view, is_open=view.is_open(number, full))
        case ToolResult():
            return _result(number, block, view, is_open=view.is_open(number, full))
        case _:
            return Part(number, [_mention(block, looks.PROMPT if is_prompt else "")])


def _folding(item: int, label: str, style: str, text: str, view: View, *, is_open: bool, tone: str) -> Part:
    """A text behind one line: its label, its beginning while it is folded, and how much it is."""
    head = Content.styled((_OPEN if is_open else _CLOSED) + label, style)
    if not is_open:
        head += Content.styled("  " + gist.first_line(text), looks.FAINT)
    right = Content.styled(gist.extent(text), looks.FAINT)
    line = Line(head, right=right, clipped=True, touch=Touch.FOLD, silent=is_open)
    if not is_open:
        return Part(item, [line], folded=True)
    kept, part = _cut(item, text.strip("\n"), view)
    part.folded = False
    part.lines = [line, *(Line(row, first=_INDENT) for row in looks.lines(kept, tone))]
    return part


def _call(number: int, block: ToolCall, view: View, *, is_open: bool) -> Part:
    """A tool call: name and telling argument, or the name and all arguments below."""
    arguments = gist.arguments(block)
    is_open = is_open and bool(arguments)
    glyph = (_OPEN if is_open else _CLOSED) if arguments else _PLAIN
    head = Content.styled(glyph, looks.MUTED) + looks.line(block.name or "tool", looks.TOOL)
    if not is_open:
        told = gist.call(block, view.project)
        touch = Touch.FOLD if arguments else Touch.NONE
        line = Line(head + Content.styled("  " + told, looks.MUTED), clipped=True, touch=touch)
        return Part(number, [line], folded=True if arguments else None)
    part = Part(number, [Line(head, clipped=True, touch=Touch.FOLD)], folded=False, limit=CUT_ROWS)
    for name, value in arguments:
        kept, cut = _cut(number, value, view)
        part.limit, part.more, part.unseen = cut.limit, cut.more, part.unseen + cut.unseen
        part.lines += _argument(name, kept)
    return part


def _argument(name: str, value: str) -> list[Line]:
    """One argument: beside its name where it is short, below it where it has several lines."""
    rows = looks.lines(value)
    label = looks.line(name, looks.MUTED)
    if not name:
        return [Line(row, first=_INDENT) for row in rows]
    if len(rows) == 1:
        return [Line(rows[0], first=_INDENT + label + "  ", rest=Content("    "))]
    return [Line(label, first=_INDENT, clipped=True), *(Line(row, first=Content("    ")) for row in rows)]


def _result(number: int, block: ToolResult, view: View, *, is_open: bool) -> Part:
    """What a tool gave back: its first line and extent, or all of it."""
    text = block.text.rstrip()
    told = gist.first_line(text)
    is_short = "\n" not in text.strip() and len(told) <= view.width - 24
    is_open = is_open and not is_short
    failed = Content.styled("✗ failed  ", looks.ERROR) if block.is_error else EMPTY
    glyph = Content.styled(_OPEN if is_open else _RESULT, looks.MUTED)
    right = EMPTY if is_short else Content.styled(gist.extent(text), looks.FAINT)
    words = Content.styled(told or ("" if block.images else "no output"), looks.FAINT)
    images = [_mention(image) for image in block.images]
    for line in images:
        line.first = _INDENT
    touch = Touch.NONE if is_short else Touch.FOLD
    if not is_open:
        head = Line(glyph + failed + words, right=right, clipped=True, touch=touch)
        return Part(number, [head, *images], folded=None if is_short else True)
    label = failed or Content.styled("result", looks.MUTED)
    kept, part = _cut(number, text, view)
    part.folded = False
    head = Line(glyph + label, right=right, clipped=True, touch=touch, silent=True)
    part.lines = [head, *(Line(row, first=_INDENT) for row in looks.lines(kept, looks.FAINT)), *images]
    return part


def _mention(block: Block, band: str = "") -> Line:
    """A block that is only told of: a picture, a file, sealed reasoning."""
    match block:
        case Image(media_type=media_type, size=count):
            label, words = "▣ image", f"{media_type or 'unknown type'} · {size(count)}"
        case Attachment(name=name, url=url, media_type=media_type, size=count):
            told = [name or url, media_type, "" if count is None else size(count)]
            label, words = "▣ file", " · ".join(part for part in told if part)
        case RedactedThinking(data=data):
            label, words = "· thinking", f"sealed by the provider · {size(len(data))}"
        case _:
            label, words = "· block", type(block).__name__
    return Line(Content.styled(label + "  ", looks.MUTED) + looks.line(words, looks.FAINT), clipped=True, band=band)


def more(count: int, *, is_end: bool) -> Content:
    """The row that stands for rows that are not shown."""
    if is_end:
        return Content.styled(f"… {plural(count, 'more line')}; an export holds them all", looks.MUTED)
    return Content.styled(f"▸ {plural(count, 'more line')}", looks.MUTED)
