"""How the viewer's parts look: a component class for each, coloured by theme variables alone.

The names double as span styles (``Content.styled("ls", TOOL)``), so that a style sheet may restyle every part.
"""

from __future__ import annotations

from typing import Final

from textual.content import Content

from session_tui.text import drawable, one_line

PREFIX: Final = "message-viewer--"
PARTS: Final = (
    "bar",
    "prompt",
    "you",
    "assistant",
    "system",
    "muted",
    "faint",
    "tool",
    "error",
    "summary",
    "heading",
    "code",
    "block",
    "quote",
    "link",
    "rule",
    "term",
    "match",
    "match-current",
    "archived",
    "comment",
    "keyword",
    "string",
    "number",
    "name",
    "inserted",
    "deleted",
)
CLASSES: Final = frozenset(PREFIX + part for part in PARTS)


def look(part: str) -> str:
    """The span style that stands for a part."""
    return f".{PREFIX}{part}"


BAR, PROMPT, YOU, ASSISTANT, SYSTEM = map(look, PARTS[:5])
MUTED, FAINT, TOOL, ERROR, SUMMARY = map(look, PARTS[5:10])
HEADING, CODE, BLOCK, QUOTE, LINK, RULE = map(look, PARTS[10:16])
TERM, MATCH, MATCH_CURRENT, ARCHIVED = map(look, PARTS[16:20])
COMMENT, KEYWORD, STRING, NUMBER, NAME, INSERTED, DELETED = map(look, PARTS[20:])

CSS: Final = """
MessageViewer {
    overflow: hidden scroll;
    scrollbar-size-vertical: 1;
    background: $background;
    color: $foreground;
    & > .message-viewer--bar { color: $row-muted; }
    &:focus > .message-viewer--bar { color: $row-cursor-bar; }
    & > .message-viewer--prompt, & > .message-viewer--block { background: $surface; }
    & > .message-viewer--you { color: $role-user; text-style: bold; }
    & > .message-viewer--assistant { color: $role-assistant; text-style: bold; }
    & > .message-viewer--system { color: $role-system; }
    & > .message-viewer--muted, & > .message-viewer--faint { color: $row-muted; }
    & > .message-viewer--tool { color: $role-tool; }
    & > .message-viewer--error { color: $row-damaged; }
    & > .message-viewer--summary { color: $role-summary; }
    & > .message-viewer--heading { color: $role-assistant; text-style: bold; }
    & > .message-viewer--code { color: $role-tool; }
    & > .message-viewer--quote { color: $row-muted; text-style: italic; }
    & > .message-viewer--link { color: $role-assistant; text-style: underline; }
    & > .message-viewer--rule { color: $gauge-track; }
    & > .message-viewer--term { background: $match-background; color: $match-foreground; }
    & > .message-viewer--match { background: $match-background; color: $match-foreground; text-style: bold; }
    & > .message-viewer--match-current {
        background: $match-current-background; color: $match-current-foreground; text-style: bold;
    }
    & > .message-viewer--archived { color: $row-muted; }
    & > .message-viewer--comment { color: $row-muted; text-style: italic; }
    & > .message-viewer--keyword { color: $role-tool; }
    & > .message-viewer--string { color: $role-summary; }
    & > .message-viewer--number { color: $gauge-soft; }
    & > .message-viewer--name { color: $role-assistant; }
    & > .message-viewer--inserted { color: $role-summary; }
    & > .message-viewer--deleted { color: $row-damaged; }
}
"""
"""Made of the theme's own variables and of this app's (see `session_tui.tui.theme_variables`)."""


def line(text: str, style: str = "") -> Content:
    """Foreign text as one safe line."""
    return Content.styled(one_line(text), style)


def lines(text: str, style: str = "") -> list[Content]:
    """Foreign text as safe lines, spaces and blank lines kept; never empty."""
    return [Content.styled(row, style) for row in drawable(text).split("\n")]
