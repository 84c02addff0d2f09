"""Markdown as lines for the terminal: markdown-it's tokens, written out with prefixes for lists and quotes.

What a person or a model wrote may hold anything: HTML stays text, character references are cleaned after they
were decoded, addresses are shown and never made into terminal links.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from textual.content import Content, Span

from session_tui.text import clip, drawable, one_line
from session_tui.tui.viewer import code, looks, tables
from session_tui.tui.viewer.parts import EMPTY, Line

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_INLINE: Final = {"strong": "bold", "em": "italic", "s": "strike", "link": looks.LINK}
_BULLETS: Final = "•◦▪"
_TASKS: Final = {"[ ] ": Content("[ ] "), "[x] ": Content.styled("[x] ", looks.SUMMARY)}
_MAX_ADDRESS: Final = 80
_MIN_WIDTH: Final = 16


def lines(text: str, width: int) -> list[Line]:
    """The lines of a Markdown text; ``width`` in cells is what tables and rules are fitted to."""
    writer = _Writer(width)
    for token in _parser().parse(drawable(text)):
        writer.write(token)
    # Text nested too deeply, and text that only defines links, gives no tokens: it is shown as it is.
    return writer.lines or [Line(row) for row in looks.lines(text.strip("\n"))]


def warm_up() -> None:
    """Import what the first text needs, which takes about 100 ms; any thread may do it."""
    lines("```python\npass\n```", _MIN_WIDTH)


@lru_cache(1)
def _parser() -> MarkdownIt:
    """CommonMark with tables and strikethrough, HTML taken as text."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def inline(token: Token) -> Content:
    """The text of an inline token with its styles; line breaks stay where the writer put them."""
    pieces: list[str] = []
    spans: list[Span] = []
    starts: list[tuple[int, str]] = []
    length = 0
    for child in token.children or ():
        piece, style = "", ""
        if child.nesting == 1:
            starts.append((length, str(child.attrs.get("href", ""))))
        elif child.nesting == -1 and starts:
            start, address = starts.pop()
            spans.append(Span(start, length, _INLINE.get(child.type.removesuffix("_close"), "")))
            piece, style = _address(address, "".join(pieces)[start:]), looks.MUTED
        elif child.type in {"softbreak", "hardbreak"}:
            piece = "\n"
        elif child.type == "image":
            piece, style = f"▣ {one_line(child.content)}", looks.LINK
        else:
            piece, style = drawable(child.content), looks.CODE if child.type == "code_inline" else ""
        if piece and style:
            spans.append(Span(length, length + len(piece), style))
        pieces.append(piece)
        length += len(piece)
    return Content("".join(pieces), [span for span in spans if span.style and span.end > span.start])


def _address(address: str, shown: str) -> str:
    """A link's address in brackets, unless it is what the link shows."""
    address = one_line(address)
    if not address or shown.strip("/") in {address.strip("/"), address.removeprefix("mailto:")}:
        return ""
    return f" ({clip(address, _MAX_ADDRESS)})"


@dataclass(slots=True)
class _Box:
    """What stands at the left of a list item or a quote: ``rest`` on every row, ``first`` on its first one."""

    rest: Content
    first: Content | None = None
    shift: int = 0

    def take(self) -> Content:
        """The prefix of the next line."""
        prefix, self.first = self.first or self.rest, None
        return prefix


@dataclass(slots=True)
class _List:
    """A list being written: its next number (``None`` for bullets) and whether its items stand close together."""

    number: int | None
    tight: bool = True


@dataclass(slots=True)
class _Writer:
    """Writes tokens out one after the other."""

    width: int
    lines: list[Line] = field(default_factory=list)
    _boxes: list[_Box] = field(default_factory=list)
    _lists: list[_List] = field(default_factory=list)
    _rows: list[list[Content]] | None = None
    _sides: list[str] = field(default_factory=list)
    _style: str = ""
    _gap: bool = False

    def write(self, token: Token) -> None:
        """Take the next token."""
        match token.type:
            case "bullet_list_open" | "ordered_list_open" | "blockquote_open" | "list_item_open":
                self._open(token)
            case "bullet_list_close" | "ordered_list_close" | "blockquote_close" | "list_item_close":
                self._close(token)
            case "heading_open":
                self._style = looks.HEADING
            case "paragraph_open" if self._lists and not token.hidden:
                self._lists[-1].tight = False
            case "table_open" | "tr_open" | "th_open" | "table_close":
                self._write_table(token)
            case "inline" if self._rows is not None:
                self._rows[-1].append(Content(" ").join(inline(token).split("\n")))
            case "inline":
                self._add_text(inline(token))
            case "fence" | "code_block":
                self._add(code.lines(token.content, (token.info.split() or [""])[0]))
            case "hr":
                self._add([Line(Content.styled("─" * min(24, self._room), looks.RULE), clipped=True)])
            case _:
                return

    def _write_table(self, token: Token) -> None:
        if self._rows is None or token.type == "table_open":
            self._rows, self._sides = [], []
        elif token.type == "tr_open":
            self._rows.append([])
        elif token.type == "th_open":
            self._sides.append(str(token.attrs.get("style", "")).removeprefix("text-align:"))
        else:
            self._add(tables.lines(self._rows, self._sides, self._room))
            self._rows = None

    @property
    def _prefix(self) -> int:
        """The cells that the open lists and quotes take."""
        return sum(box.rest.cell_length for box in self._boxes)

    @property
    def _room(self) -> int:
        """The cells left for text."""
        return max(_MIN_WIDTH, self.width - self._prefix)

    def _open(self, token: Token) -> None:
        if token.type == "blockquote_open":
            self._separate()
            self._boxes.append(_Box(Content.styled("│ ", looks.MUTED)))
        elif token.type == "list_item_open":
            self._open_item()
        else:
            self._separate()
            start = token.attrs.get("start", 1)
            self._lists.append(_List(int(start) if token.type == "ordered_list_open" else None))

    def _open_item(self) -> None:
        current = self._lists[-1]
        marker = _BULLETS[(len(self._lists) - 1) % len(_BULLETS)] + " "
        if current.number is not None:
            marker = f"{current.number}. "
            current.number += 1
        self._separate()
        self._boxes.append(_Box(Content(" " * len(marker)), Content.styled(marker, looks.MUTED)))

    def _close(self, token: Token) -> None:
        if token.type in {"blockquote_close", "list_item_close"}:
            box = self._boxes.pop()
            if box.first is not None:
                self._boxes.append(box)
                self._put(Line(EMPTY))
                self._boxes.pop()
        if token.type in {"bullet_list_close", "ordered_list_close"}:
            self._lists.pop()
        self._gap = not (self._lists and self._lists[-1].tight)

    def _separate(self) -> None:
        """A blank row where one is due, with the bars of the quotes it stands in."""
        if self._gap and self.lines and not (self._boxes and self._boxes[-1].first is not None):
            self._put(Line(EMPTY))
        self._gap = False

    def _add(self, block: Sequence[Line]) -> None:
        """A block of lines with a blank row around it, unless it stands in a close list."""
        self._separate()
        for line in block:
            self._put(line)
        self._gap = not (self._lists and self._lists[-1].tight)

    def _add_text(self, text: Content) -> None:
        for start, mark in _TASKS.items():
            if self._boxes and self._boxes[-1].first is not None and text.plain.lower().startswith(start):
                text = mark + text[len(start) :]
        style = looks.QUOTE if any("│" in box.rest.plain for box in self._boxes) else self._style
        if style:
            text = text.stylize_before(style)
        self._style = ""
        self._add([Line(row) for row in text.split("\n", allow_blank=True)])

    def _put(self, line: Line) -> None:
        """Add a line behind the prefixes of all that is open; deep nesting keeps only its innermost part."""
        boxes = self._boxes
        while boxes and sum(box.rest.cell_length for box in boxes) > self.width - _MIN_WIDTH:
            boxes = boxes[1:]
        first = EMPTY.join([box.take() for box in boxes])
        rest = EMPTY.join([box.rest for box in boxes])
        own = line.first
        line.first, line.rest = first + own, rest + (line.rest or own)
        self.lines.append(line)
