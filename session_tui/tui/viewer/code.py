"""Code blocks: coloured by pygments where the language is known, in the viewer's own few colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final

from textual.content import Content, Span

from session_tui.text import clip, drawable, one_line
from session_tui.tui.viewer import looks
from session_tui.tui.viewer.parts import Line

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

MAX_COLOURED: Final = 8_000
"""Characters; a longer block stays plain, since a lexer takes about 1 ms for each thousand."""
_MARGIN: Final = Content("  ")


def lines(code: str, language: str) -> list[Line]:
    """A code block: a row for the language where it is given, then the code on a band."""
    label = clip(one_line(language), 24)
    code = drawable(code).rstrip("\n")
    lexer = _lexer(label.lower()) if label and len(code) <= MAX_COLOURED else None
    colours = Colours(code, lexer) if lexer else None
    block = [
        Line(
            Content(row),
            first=_MARGIN,
            band=looks.BLOCK,
            bare=True,
            tint=partial(colours.of, number) if colours else None,
        )
        for number, row in enumerate(code.split("\n"))
    ]
    if label:
        block.insert(0, Line(Content.styled(label, looks.MUTED), first=_MARGIN, band=looks.BLOCK, clipped=True))
    return block


class Colours:
    """The colours of safe text in a language, found as far down as they were asked for."""

    def __init__(self, code: str, lexer: Lexer) -> None:
        self._lines: list[list[Span]] = [[]]
        self._tokens: Iterator[tuple[_TokenType, str]] | None = iter(lexer.get_tokens(code))
        self._column = 0

    def of(self, line: int) -> Sequence[Span]:
        """The styles of a line; lexers read from the beginning, so that those of all lines above are found as well."""
        while len(self._lines) <= line + 1 and self._tokens is not None:
            token = next(self._tokens, None)
            if token is None:
                self._tokens = None
            else:
                self._take(*token)
        return self._lines[line] if line < len(self._lines) else ()

    def _take(self, kind: _TokenType, token: str) -> None:
        style = _style(kind)
        for number, piece in enumerate(token.split("\n")):
            if number:
                self._lines.append([])
                self._column = 0
            end = self._column + len(piece)
            if style and piece and not piece.isspace():
                self._lines[-1].append(Span(self._column, end, style))
            self._column = end


@lru_cache(64)
def _lexer(language: str) -> Lexer | None:
    """The lexer of a language, ``None`` when pygments itself has none of that name (plug-ins are not asked)."""
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name(language, stripnl=False, ensurenl=True) if language in _languages() else None


@lru_cache(1)
def _languages() -> frozenset[str]:
    """The names pygments knows; asking it for another would search all installed packages for plug-ins."""
    from pygments.lexers import get_all_lexers

    return frozenset(alias for _, aliases, _, _ in get_all_lexers(plugins=False) for alias in aliases)


@lru_cache(512)
def _style(kind: _TokenType) -> str:
    """The look of a kind of token: that of the nearest kind above it that has one."""
    from pygments.token import Comment, Generic, Keyword, Literal, Name, Number, Operator

    styles = {
        Comment: looks.COMMENT,
        Keyword: looks.KEYWORD,
        Operator.Word: looks.KEYWORD,
        Literal.String: looks.STRING,
        Number: looks.NUMBER,
        Name.Function: looks.NAME,
        Name.Class: looks.NAME,
        Name.Tag: looks.NAME,
        Name.Attribute: looks.NUMBER,
        Name.Builtin: looks.KEYWORD,
        Name.Decorator: looks.NUMBER,
        Generic.Inserted: looks.INSERTED,
        Generic.Deleted: looks.DELETED,
        Generic.Heading: looks.HEADING,
        Generic.Subheading: looks.NAME,
    }
    found: _TokenType | None = kind
    while found is not None:
        if found in styles:
            return styles[found]
        found = found.parent
    return ""
