"""The CSS variables this app adds to Textual's, and a legible value for each under any theme."""

from __future__ import annotations

from collections.abc import Mapping

from textual.color import Color, ColorParseError
from textual.theme import Theme

LEGIBLE = 4.5
"""The contrast WCAG 2 asks of text at level AA."""

OWN_VARIABLES: Mapping[str, str] = {
    "role-user": "what a person said",
    "role-assistant": "what a model said",
    "role-tool": "tool calls and their results",
    "role-system": "instructions and injected context",
    "role-thinking": "a model's reasoning",
    "role-summary": "text that stands for earlier messages",
    "gauge-calm": "a context below the soft threshold",
    "gauge-soft": "a context above the soft threshold",
    "gauge-hard": "a context above the hard threshold",
    "gauge-track": "the part of a gauge that is not filled",
    "row-cursor": "ground of the selected row while the list has the focus",
    "row-cursor-blurred": "ground of the selected row while something else has the focus",
    "row-cursor-bar": "bar before the selected row",
    "row-cursor-text-style": "text style of the selected row",
    "row-mark": "sign of a marked row",
    "row-pin": "sign of a pinned session",
    "row-live": "sign of a session that is in use",
    "row-damaged": "sign of a session that could not be read whole",
    "row-muted": "what stands back: projects, counts, headings",
    "age-now": "ages under an hour",
    "age-day": "ages under a day",
    "age-week": "ages under a week",
    "age-old": "older ages",
    "match-background": "ground of text that was searched for",
    "match-foreground": "text that was searched for",
    "match-current-background": "ground of the match one stands on",
    "match-current-foreground": "the match one stands on",
}
"""The variables this app adds to Textual's own, and what each colours. A theme may set any of them."""


def contrast(one: Color, other: Color) -> float:
    """The contrast of two opaque colours, 1 to 21, as WCAG 2 defines it."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Color) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def variable_defaults(theme: Theme) -> dict[str, str]:
    """A value for each of `OWN_VARIABLES`, derived from the colours of ``theme``, text always legible."""
    return dict(_ANSI) if theme.ansi else _derived(theme.to_color_system().generate())


def _derived(colors: Mapping[str, str]) -> dict[str, str]:
    ground, ink = _solid(colors["background"]), _solid(colors["foreground"])
    cursor = ground.blend(_solid(colors["primary"]), 0.22)
    grounds = (ground, _solid(colors["surface"]), _solid(colors["panel"]), cursor)

    def legible(name: str, share: float = 1.0) -> str:
        """The named colour laid over the ground, moved towards the ink until it can be read everywhere."""
        color = ground.blend(_solid(colors[name]), share)
        steps = (color.blend(ink, step / 10) for step in range(11))
        return next((each for each in steps if min(contrast(each, on) for on in grounds) >= LEGIBLE), ink).hex6

    def tint(name: str, share: float) -> str:
        return ground.blend(_solid(colors[name]), share).hex6

    calm, soft, hard, accent = (legible(name) for name in ("success", "warning", "error", "accent"))
    muted = legible("foreground-muted", _alpha(colors["foreground-muted"]))
    values = {
        **dict.fromkeys(("gauge-calm", "row-live", "age-now"), calm),
        **dict.fromkeys(("gauge-soft", "row-pin"), soft),
        **dict.fromkeys(("gauge-hard", "row-damaged"), hard),
        **dict.fromkeys(("row-cursor-bar", "row-mark", "match-current-background"), accent),
        **dict.fromkeys(("row-muted", "role-system", "age-old"), muted),
        **dict.fromkeys(("age-day", "match-foreground"), ink.hex6),
        "age-week": legible("foreground", 0.8),
        "role-user": legible("text-accent"),
        "role-assistant": legible("text-primary"),
        "role-tool": legible("text-secondary"),
        "role-thinking": legible("text-secondary", 0.8),
        "role-summary": legible("text-success"),
    }
    tints = {
        "gauge-track": tint("foreground", 0.16),
        "row-cursor": cursor.hex6,
        "row-cursor-blurred": tint("primary", 0.14),
        "match-background": tint("accent", 0.3),
        "match-current-foreground": ground.hex6,
    }
    return {**values, **tints, "row-cursor-text-style": "bold"}


def _alpha(value: str) -> float:
    """How opaque a colour is; what cannot be told counts as the usual 60 % of muted text."""
    try:
        return Color.parse(value).a
    except ColorParseError:
        return 0.6


def _solid(value: str) -> Color:
    """``value`` as an opaque colour; grey for what only a terminal or its place can tell."""
    try:
        color = Color.parse(value)
    except ColorParseError:
        color = Color.parse("gray")
    return Color.parse("gray") if color.ansi is not None else color.with_alpha(1.0)


_PLAIN = "ansi_default"
_ANSI: Mapping[str, str] = {
    **dict.fromkeys(OWN_VARIABLES, _PLAIN),
    "role-user": "ansi_yellow",
    "role-assistant": "ansi_cyan",
    "role-tool": "ansi_magenta",
    "role-thinking": "ansi_blue",
    "role-summary": "ansi_green",
    "gauge-calm": "ansi_green",
    "gauge-soft": "ansi_yellow",
    "gauge-hard": "ansi_red",
    "gauge-track": "ansi_bright_black",
    "row-cursor-bar": "ansi_magenta",
    "row-cursor-text-style": "bold reverse",
    "row-mark": "ansi_magenta",
    "row-pin": "ansi_yellow",
    "row-live": "ansi_green",
    "row-damaged": "ansi_red",
    "age-now": "ansi_green",
    "match-background": "ansi_yellow",
    "match-foreground": "ansi_black",
    "match-current-background": "ansi_magenta",
    "match-current-foreground": "ansi_black",
}
