"""Colours that come from outside, as styles."""

from __future__ import annotations

from rich.style import Style
from textual.color import Color, ColorParseError


def colored(color: str) -> Style:
    """A style of that colour, or none where it is not one."""
    try:
        return Style(color=Color.parse(color).rich_color)
    except ColorParseError:
        return Style.null()
