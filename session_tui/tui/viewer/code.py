"""Code blocks: coloured by pygments where the language is known, in the viewer's own few colours."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from textual.content import Content, Span

from session_tui.text import clip, drawable, one_line
from session_tui.tui.viewer import looks
from session_tui.tui.viewer.parts import Line

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

MAX_COLOURED: Final = 12_000
"""Characters; a longer block stays plain, since a lexer takes about 1 ms for each thousand."""
_MARGIN: Final = Content("  ")


def lines(code: str, language: str) -> list[Line]:
    """A code block: a row for the language where it is given, then the code on a band."""
    label = clip(one_line(language), 24)
    code = drawable(code).rstrip("\n")
    rows = coloured(code, label).split("\n", allow_blank=True) if label else [Content(row) for row in code.split("\n")]
    block = [Line(row, first=_MARGIN, band=looks.BLOCK, bare=True) for row in rows]
    if label:
        block.insert(0, Line(Content.styled(label, looks.MUTED), first=_MARGIN, band=looks.BLOCK, clipped=True))
    return block


def coloured(code: str, language: str) -> Content:
    """Safe text with the colours of its language; plain when that is unknown or the text is long."""
    lexer = _lexer(language.lower()) if len(code) <= MAX_COLOURED else None
    if lexer is None:
        return Content(code)
    spans, start = [], 0
    for kind, token in lexer.get_tokens(code):
        end = min(start + len(token), len(code))
        style = _style(kind)
        if style and end > start and not token.isspace():
            spans.append(Span(start, end, style))
        start = end
    return Content(code, spans)


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
