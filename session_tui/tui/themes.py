"""Themes: YAML files that become Textual themes.

A theme file holds the keys of `ThemeFile`. Files that cannot be used are told as problems and never stop
the others; a theme can be tried on a copy of the app's styles before anything is switched.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from textual.app import App
from textual.color import Color, ColorParseError
from textual.css.errors import StylesheetError
from textual.css.stylesheet import Stylesheet
from textual.css.tokenizer import TokenError
from textual.theme import Theme

import session_tui
from session_tui import text
from session_tui.model import Problem
from session_tui.tui.theme_variables import OWN_VARIABLES, variable_defaults

__all__ = ["OWN_VARIABLES", "ThemeFile", "ThemeSource", "directories", "load", "shipped", "stamp", "variable_defaults"]

Stamp: TypeAlias = "tuple[tuple[str, int, int], ...]"

LIMIT = 65_536
"""The most bytes a theme file may have."""
_EXAMPLE = "'#RRGGBB'"


@dataclass(frozen=True, kw_only=True)
class ThemeFile:
    """What a theme file may hold. Colours are anything CSS knows; those that start with # must be quoted."""

    name: str
    """What the theme is called; without it the file's name is."""
    description: str | None = None
    """One sentence about the mood."""
    author: str | None = None
    """Who made it."""
    homepage: str | None = None
    """Where it comes from."""
    dark: bool = True
    """Whether light text stands on a dark ground."""
    primary: str
    """The colour of what is in focus: borders, links, headings. The only one that must be there."""
    secondary: str | None = None
    """A second voice beside the first."""
    accent: str | None = None
    """What should catch the eye: keys, the bar of the selected row."""
    warning: str | None = None
    """What asks for attention."""
    error: str | None = None
    """What went wrong."""
    success: str | None = None
    """What went well."""
    foreground: str | None = None
    """Text."""
    background: str | None = None
    """The ground everything stands on."""
    surface: str | None = None
    """The ground of panes and fields."""
    panel: str | None = None
    """The ground of bars and dialogs."""
    boost: str | None = None
    """A thin tint laid over a ground to lift it."""
    luminosity_spread: float = 0.15
    """How far the lighter and darker shades of a colour lie apart."""
    text_alpha: float = 0.95
    """How opaque text is."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Any of Textual's variables or of `OWN_VARIABLES`, by name."""

    def theme(self) -> Theme:
        """The same as Textual understands it."""
        known = {field.name for field in dataclasses.fields(Theme)}
        values = {name: value for name, value in vars(self).items() if name in known}
        return Theme(**{**values, "variables": dict(self.variables)})


_KEYS = tuple(field.name for field in dataclasses.fields(ThemeFile))
_WORDS = ("name", "description", "author", "homepage")
_NUMBERS = ("luminosity_spread", "text_alpha")
_COLORS = tuple(name for name in _KEYS if name not in (*_WORDS, *_NUMBERS, "dark", "variables"))


class _BrokenTheme(ValueError):
    """A theme file cannot be used; ``line`` counts from one."""

    def __init__(self, what: str, hint: str = "", line: int | None = None) -> None:
        super().__init__(what)
        self.hint = hint
        self.line = line

    def problem(self, path: str) -> Problem:
        return Problem(path, str(self), self.hint, self.line)


# ── places ────────────────────────────────────────────────────────────────────────────────────────────


def shipped() -> Path:
    """Where the themes that come with the program lie: in the installed package, else in the checkout."""
    package = Path(session_tui.__file__).parent
    inside = package / "themes"
    return inside if inside.is_dir() else package.parent / "themes"


def directories(own: Path) -> tuple[Path, ...]:
    """Where themes are looked for: those that come with the program, then a person's ``own``, which win."""
    return shipped(), own


def stamp(directories: Sequence[Path]) -> Stamp:
    """A value that differs whenever a theme file was added, changed or taken away."""
    found = []
    for path in _files(directories, []):
        try:
            status = path.stat()
        except OSError:
            found.append((str(path), 0, -1))
        else:
            found.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(found)


def _files(directories: Sequence[Path], problems: list[Problem]) -> Iterator[Path]:
    for directory in directories:
        try:
            entries = sorted(directory.iterdir())
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(Problem(str(directory), f"cannot be listed: {error.strerror}"))
            continue
        yield from (path for path in entries if path.suffix in (".yaml", ".yml"))


# ── loading ───────────────────────────────────────────────────────────────────────────────────────────


class ThemeSource:
    """The themes of some directories; a later directory's theme replaces an earlier one of the same name."""

    def __init__(self, directories: Sequence[Path]) -> None:
        self.directories = tuple(directories)
        self._stamp: Stamp | None = None
        self._paths: dict[str, Path] = {}

    def load(self) -> tuple[list[Theme], list[Problem]]:
        """Read every theme file: the themes that can be used, and what is wrong with the others."""
        self._stamp = stamp(self.directories)
        self._paths.clear()
        themes: dict[str, Theme] = {}
        problems: list[Problem] = []
        for path in _files(self.directories, problems):
            try:
                theme = _theme(path)
            except _BrokenTheme as broken:
                problems.append(broken.problem(str(path)))
                continue
            themes[theme.name] = theme
            self._paths[theme.name] = path
        return list(themes.values()), problems

    def changed(self) -> bool:
        """Whether a theme file was added, changed or taken away since the last `load`."""
        return stamp(self.directories) != self._stamp

    def is_shipped(self, theme: Theme) -> bool:
        """Whether the loaded ``theme`` came with the program."""
        path = self._paths.get(theme.name)
        return path is not None and path.parent == shipped()

    def verify(self, app: App[Any], theme: Theme) -> Problem | None:
        """What keeps ``app`` from being drawn with ``theme``, found on a copy of its styles; ``None`` is good."""
        styles = app.stylesheet.copy()
        try:
            styles.set_variables({**variable_defaults(theme), **theme.to_color_system().generate(), **theme.variables})
            styles.reparse()
        except (StylesheetError, TokenError, ColorParseError):
            path = str(self._paths.get(theme.name, ""))
            return Problem(path, f"theme {theme.name}: a variable has a value that does not fit where it is used")
        return None


def load(directories: Sequence[Path], app: App[Any] | None = None) -> tuple[list[Theme], list[Problem]]:
    """The themes in ``directories`` that can be used, and what is wrong with the others.

    With ``app``, themes that did not come with the program are tried on a copy of its styles as well.
    """
    source = ThemeSource(directories)
    themes, problems = source.load()
    if app is None:
        return themes, problems
    tried = {theme.name: source.verify(app, theme) for theme in themes if not source.is_shipped(theme)}
    problems += [problem for problem in tried.values() if problem]
    return [theme for theme in themes if not tried.get(theme.name)], problems


def _theme(path: Path) -> Theme:
    raw = _mapping(path)
    values: dict[str, object] = {}
    for key, value in raw.items():
        name = str(key).replace("-", "_")
        if name not in _KEYS:
            raise _BrokenTheme(f"unknown key {str(key)!r}", _nearest(name, _KEYS))
        values[name] = value
    values.setdefault("name", path.stem)
    if "primary" not in values:
        raise _BrokenTheme("the colour primary is missing", f"add a line such as primary: {_EXAMPLE}")
    variables = values.pop("variables", None)
    checked: dict[str, Any] = {name: _value(name, value) for name, value in values.items()}
    theme = ThemeFile(**checked, variables=_variables(variables)).theme()
    _check_variables(theme)
    return theme


def _mapping(path: Path) -> dict[object, object]:
    import yaml

    try:
        with path.open("rb") as file:
            raw = file.read(LIMIT + 1)
        if len(raw) > LIMIT:
            raise _BrokenTheme(f"is larger than {text.size(LIMIT)}", "a theme is a short list of colours")
        data = yaml.load(raw.decode("utf-8-sig"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as error:
        raise _BrokenTheme(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _BrokenTheme("is not UTF-8 text", "save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise _BrokenTheme(f"is not YAML: {error.problem or error.context}", line=line) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise _BrokenTheme("is not YAML") from error
    if not isinstance(data, dict):
        raise _BrokenTheme("holds no keys", f"write one 'key: value' a line, such as primary: {_EXAMPLE}")
    return data


def _value(name: str, value: object) -> object:
    if name in _COLORS:
        return _color(name, value)
    if name == "dark":
        if not isinstance(value, bool):
            raise _BrokenTheme("dark must be true or false")
        return value
    if name in _NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise _BrokenTheme(f"{name.replace('_', '-')} must be a number from 0 to 1")
        return float(value)
    words = text.one_line(value) if isinstance(value, str) else ""
    if not words and name == "name":
        raise _BrokenTheme("name must be a text", "put it in quotes")
    return words


def _color(name: str, value: object) -> str:
    words = _written(name, value)
    if not _is_color(words):
        raise _BrokenTheme(f"{name}: {text.one_line(words)!r} is not a colour", f"write it like {_EXAMPLE} or teal")
    return words


def _written(name: str, value: object) -> str:
    """``value`` as it was written, where YAML left it as it was."""
    match value:
        case str() if value.strip():
            return value.strip()
        case None | "":
            hint = f"YAML takes an unquoted # for a comment: write {name}: {_EXAMPLE}, in quotes"
            raise _BrokenTheme(f"{name} has no value", hint)
        case int() | float():
            raise _BrokenTheme(f"{name} is a number", f"write the colour with # and in quotes, like {_EXAMPLE}")
        case _:
            raise _BrokenTheme(f"{name} must be a text", f"write it like {_EXAMPLE}")


def _variables(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _BrokenTheme("variables must be a list of 'name: value' lines")
    return {str(name): _written(f"variables: {name}", entry) for name, entry in value.items()}


def _check_variables(theme: Theme) -> None:
    """Try each variable where its name says it is used, so that a wrong one can be named."""
    for name, value in theme.variables.items():
        if name not in _variable_names():
            raise _BrokenTheme(f"unknown variable {name!r}", _nearest(name, sorted(_variable_names())))
        kind = "text-style" if "-style" in name else "background" if "background" in name else "color"
        if not _fits(kind, value):
            what = "text style" if kind == "text-style" else "colour"
            raise _BrokenTheme(f"variables: {name}: {text.one_line(value)!r} is not a {what}")


@cache
def _variable_names() -> frozenset[str]:
    return frozenset({*Theme(name="plain", primary="teal").to_color_system().generate(), *OWN_VARIABLES})


def _fits(kind: str, value: str) -> bool:
    """Whether ``value`` alone is something the CSS property ``kind`` takes."""
    if kind != "text-style" and _is_color(value):
        return True
    if any(sign in value for sign in "{};$\n"):
        return False
    trial = Stylesheet(variables={"trial": value})
    trial.add_source(f"Widget {{ {kind}: $trial; }}")
    try:
        trial.parse()
    except (StylesheetError, TokenError):
        return False
    return True


def _is_color(value: str) -> bool:
    try:
        Color.parse(value)
    except ColorParseError:
        return False
    return True


def _nearest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0].replace('_', '-')}?" if near else ""
