"""Themes: what ships can be read by everybody, what is broken is told and stops nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from session_tui.catalog import Look
from session_tui.tui.theme_variables import OWN_VARIABLES, contrast, variable_defaults
from session_tui.tui.themes import ThemeSource, directories, load, shipped, stamp
from session_tui.tui.widgets.compaction_bar import CompactionBar
from session_tui.tui.widgets.session_list import SessionList

SHIPPED = [
    "dusk",
    "ember",
    "harbour-dark",
    "harbour-light",
    "lighthouse-dark",
    "lighthouse-light",
    "linen",
    "moss",
]
GROUNDS = ("background", "surface", "panel")
ROW_GROUNDS = ("row-cursor", "row-cursor-blurred")
TEXTS = (
    *("foreground", "text-muted", "foreground-muted", "row-muted", "primary", "secondary", "accent"),
    *("warning", "error", "success", "footer-key-foreground", "age-now", "age-day", "age-week", "age-old"),
    *(f"role-{role}" for role in ("user", "assistant", "tool", "system", "thinking", "summary")),
    *("gauge-calm", "gauge-soft", "gauge-hard", "row-mark", "row-pin", "row-live", "row-damaged", "row-cursor-bar"),
)
PAIRS = (
    ("match-foreground", "match-background"),
    ("match-current-foreground", "match-current-background"),
    ("block-cursor-foreground", "block-cursor-background"),
)


class ThemedApp(App[None]):
    def get_theme_variable_defaults(self) -> dict[str, str]:
        return variable_defaults(self.current_theme)

    def compose(self) -> ComposeResult:
        yield SessionList({"amber": Look("amber", "Amber", "◆", "orange")})
        yield CompactionBar()


def theme_named(name: str) -> Theme:
    return next(theme for theme in load([shipped()])[0] if theme.name == name)


def colors(theme: Theme) -> dict[str, Color]:
    generated = {**variable_defaults(theme), **theme.to_color_system().generate(), **theme.variables}
    named = (*GROUNDS, *ROW_GROUNDS, *TEXTS, *(name for pair in PAIRS for name in pair))
    return {name: Color.parse(generated[name]) for name in named}


def write(directory: Path, name: str, content: str | bytes) -> Path:
    path = directory / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# ── what ships ────────────────────────────────────────────────────────────────────────────────────────


def test_the_shipped_themes_all_load() -> None:
    themes, problems = load([shipped()])

    assert [] == problems
    assert SHIPPED == [theme.name for theme in themes]


@pytest.mark.parametrize("name", SHIPPED)
async def test_a_shipped_theme_can_draw_the_app(name: str) -> None:
    source = ThemeSource([shipped()])
    theme = next(theme for theme in source.load()[0] if theme.name == name)
    app = ThemedApp()
    async with app.run_test() as pilot:
        assert source.verify(app, theme) is None
        app.register_theme(theme)
        app.theme = name
        await pilot.pause()

        assert theme.variables.items() <= app.theme_variables.items()
        assert theme.primary == app.current_theme.primary


@pytest.mark.parametrize("name", SHIPPED)
def test_every_text_can_be_read_on_every_ground(name: str) -> None:
    color = colors(theme_named(name))

    poor = {
        (text, ground): round(contrast(color[text], color[ground]), 2)
        for text in TEXTS
        for ground in (*GROUNDS, *ROW_GROUNDS)
        if contrast(color[text], color[ground]) < 4.5
    }
    poor |= {pair: 0 for pair in PAIRS if contrast(color[pair[0]], color[pair[1]]) < 4.5}
    assert {} == poor


@pytest.mark.parametrize("name", ["lighthouse-dark", "lighthouse-light"])
def test_high_contrast_means_seven_to_one_everywhere(name: str) -> None:
    color = colors(theme_named(name))

    poor = {
        (text, ground): round(contrast(color[text], color[ground]), 2)
        for text in TEXTS
        for ground in (*GROUNDS, *ROW_GROUNDS)
        if contrast(color[text], color[ground]) < 7
    }
    poor |= {pair: 0 for pair in PAIRS if contrast(color[pair[0]], color[pair[1]]) < 7}
    assert {} == poor


def test_contrast_is_that_of_wcag() -> None:
    black, white, grey = Color(0, 0, 0), Color(255, 255, 255), Color(119, 119, 119)

    assert 21.0 == pytest.approx(contrast(black, white))
    assert 1.0 == pytest.approx(contrast(white, white))
    assert 4.48 == pytest.approx(contrast(grey, white), abs=0.01)


def test_shipped_themes_set_only_variables_that_exist() -> None:
    known = {*Theme(name="x", primary="teal").to_color_system().generate(), *OWN_VARIABLES}

    assert set() == {name for theme in load([shipped()])[0] for name in theme.variables} - known


# ── any other theme ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", BUILTIN_THEMES)
async def test_the_apps_variables_have_a_value_under_every_built_in_theme(name: str) -> None:
    assert set(OWN_VARIABLES) == set(variable_defaults(BUILTIN_THEMES[name]))

    app = ThemedApp()
    async with app.run_test() as pilot:
        app.theme = name
        await pilot.pause()
        assert name == app.current_theme.name


def test_derived_text_can_be_read_wherever_the_themes_own_text_can() -> None:
    theme = BUILTIN_THEMES["solarized-light"]
    ground = Color.parse(theme.background or "")
    ink = contrast(Color.parse(theme.foreground or ""), ground)

    for name in ("role-user", "row-muted", "gauge-soft", "age-old"):
        assert contrast(Color.parse(variable_defaults(theme)[name]), ground) >= min(4.5, ink) - 0.05


def test_a_theme_that_only_knows_its_primary_colour_is_enough(tmp_path: Path) -> None:
    write(tmp_path, "mint.yaml", "primary: mediumaquamarine")

    (theme,), problems = load([tmp_path])

    assert [] == problems
    assert ("mint", "mediumaquamarine") == (theme.name, theme.primary)


# ── files that are broken ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "what", "hint"),
    [
        ("primary: #336699\n", "primary has no value", "in quotes"),
        ("primary: '#336699'\nvariables:\n  border: #abc\n", "variables: border has no value", "in quotes"),
        ("primary: 336699\n", "primary is a number", "in quotes"),
        ("primary: notacolour\n", "'notacolour' is not a colour", "teal"),
        ("primary: [1, 2]\n", "primary must be a text", "#"),
        ("name: bare\n", "primary is missing", "primary:"),
        ("primary: teal\nprimry: x\n", "unknown key 'primry'", "did you mean primary?"),
        ("primary: teal\nluminosity-spred: 0.2\n", "unknown key 'luminosity-spred'", "luminosity-spread"),
        ("primary: teal\nvariables: {role-usr: red}\n", "unknown variable 'role-usr'", "role-user"),
        ("primary: teal\nvariables: {border: zzz}\n", "border: 'zzz' is not a colour", ""),
        ("primary: teal\nvariables: {border: 'red; } App { display: none'}\n", "is not a colour", ""),
        ("primary: teal\nvariables: {border: $nothing}\n", "is not a colour", ""),
        ("primary: teal\nvariables: {row-cursor-text-style: loud}\n", "is not a text style", ""),
        ("primary: teal\nvariables: [a]\n", "variables must be a list", ""),
        ("primary: teal\ndark: perhaps\n", "dark must be true or false", ""),
        ("primary: teal\ntext-alpha: 3\n", "text-alpha must be a number", ""),
        ("primary: teal\nname: 2026-01-01\n", "name must be a text", "quotes"),
        ("primary: [\n", "is not YAML", ""),
        ("- teal\n", "holds no keys", "primary"),
        ("", "holds no keys", "primary"),
        (b"primary: \xff\xfe\n", "is not UTF-8", ""),
        ("a: " + "[" * 5000, "is not YAML", ""),
        ("primary: teal\n" + "#" * 70_000, "is larger than", ""),
    ],
)
def test_a_broken_file_is_told_and_stops_no_other(tmp_path: Path, content: str | bytes, what: str, hint: str) -> None:
    path = write(tmp_path, "broken.yaml", content)
    write(tmp_path, "sound.yml", "primary: teal")

    themes, (problem,) = load([tmp_path])

    assert ["sound"] == [theme.name for theme in themes]
    assert str(path) == problem.path
    assert what in problem.what
    assert hint in problem.hint


def test_a_mistake_in_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, "broken.yaml", "primary: teal\nname: ok\n  dark: true\n")

    _, (problem,) = load([tmp_path])

    assert 3 == problem.line


def test_a_byte_order_mark_and_dashes_do_no_harm(tmp_path: Path) -> None:
    write(tmp_path, "fine.yaml", b"\xef\xbb\xbfprimary: teal\ntext-alpha: 1\nluminosity_spread: 0.2\n")

    (theme,), problems = load([tmp_path])

    assert [] == problems
    assert (1.0, 0.2) == (theme.text_alpha, theme.luminosity_spread)


def test_a_directory_that_is_not_there_holds_no_themes(tmp_path: Path) -> None:
    assert ([], []) == load([tmp_path / "nothing"])


def test_what_is_no_directory_or_no_file_is_told(tmp_path: Path) -> None:
    file = write(tmp_path, "file", "x")
    (tmp_path / "folder.yaml").mkdir()

    themes, problems = load([tmp_path, file])

    assert [] == themes
    assert [str(tmp_path / "folder.yaml"), str(file)] == [problem.path for problem in problems]


# ── a person's own ────────────────────────────────────────────────────────────────────────────────────


def test_a_persons_theme_replaces_a_shipped_one_of_its_name(tmp_path: Path) -> None:
    write(tmp_path, "mine.yaml", "name: moss\nprimary: '#010203'")

    themes, problems = load(directories(tmp_path))

    assert [] == problems
    assert ["#010203"] == [theme.primary for theme in themes if theme.name == "moss"]
    assert len(SHIPPED) == len(themes)


async def test_a_theme_the_apps_styles_cannot_take_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, "odd.yaml", "primary: teal\nvariables: {background: auto 40%}")
    write(tmp_path, "sound.yaml", "primary: teal")
    app = ThemedApp()
    async with app.run_test() as pilot:
        themes, problems = load(directories(tmp_path), app)
        await pilot.pause()

        assert [*SHIPPED, "sound"] == [theme.name for theme in themes]
        assert [str(path)] == [problem.path for problem in problems]
        assert "textual-dark" == app.theme


def test_changes_are_noticed(tmp_path: Path) -> None:
    source = ThemeSource([tmp_path])
    source.load()
    assert not source.changed()

    path = write(tmp_path, "new.yaml", "primary: teal")
    assert source.changed()
    source.load()
    assert not source.changed()

    os.utime(path, ns=(1, 1))
    assert source.changed()
    source.load()
    path.unlink()
    assert source.changed()


def test_a_stamp_ignores_files_that_are_no_themes(tmp_path: Path) -> None:
    before = stamp([tmp_path])
    write(tmp_path, "notes.txt", "x")

    assert before == stamp([tmp_path])
