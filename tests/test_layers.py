"""Imports point down, siblings do not see each other, and an agent's name stays in its own file."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from session_tui.registry import discover

PACKAGE = Path(__file__).resolve().parents[1] / "session_tui"
MODULES = sorted(PACKAGE.rglob("*.py"))

# The layers from the bottom up. A module may import its own part and every part of a lower layer; within a
# layer only what stands left of it in the same tuple's `SEES` row.
LAYERS: tuple[tuple[str, ...], ...] = (
    (
        "errors",
        "model",
        "text",
        "tokens",
        "durations",
        "query",
        "progress",
        "ordering",
        "activity",
        "facets",
        "references",
        "documents",
        "first_screen",
    ),
    ("paths", "config", "logs", "adapters"),
    ("agents",),
    ("trash", "userdata", "hooks", "redact"),
    ("index", "compaction", "checkpoint", "resume", "liveness", "forgotten", "handoff", "retention"),
    ("catalog", "registry", "surroundings", "glancing"),
    ("scanning", "profiles"),
    ("manager", "library", "compactions", "searches", "watching", "diagnosis", "statistics"),
    ("demo",),
    ("cli", "tui"),
)
# Within a layer: who may see whom. Level 0 is ordered by hand, front ends meet in one place only.
SEES = {
    "model": {"errors"},
    "text": set(),
    "tokens": {"model"},
    "durations": {"errors"},
    "query": {"model", "durations", "errors"},
    "progress": {"errors"},
    "ordering": {"model"},
    "activity": {"model"},
    "facets": {"model"},
    "references": {"model"},
    "documents": {"model", "text", "query"},
    "config": {"paths"},
    "logs": {"adapters"},
    "adapters": set(),
    "registry": set(),
    "library": {"compactions", "searches"},
    "diagnosis": {"library"},
    "statistics": {"library"},
    "cli": {"tui"},
}
STANDARD_ONLY = LAYERS[0]
EXEMPT_NAMES = {"native", "memory"}


def part_of(module: Path) -> str:
    relative = module.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def layer_of(part: str) -> int:
    return next(level for level, parts in enumerate(LAYERS) if part in parts)


def imports_of(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(name), names=names, level=0):
                yield name
                if name == "session_tui":
                    yield from (f"session_tui.{alias.name}" for alias in names)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(module: Path) -> None:
    part = part_of(module)
    if part in {"__init__", "__main__"}:
        return
    own = layer_of(part)

    upward = []
    for name in imports_of(module):
        target = name.removeprefix("session_tui.").split(".")[0]
        if not name.startswith("session_tui.") or target in {part, "__version__"}:
            continue
        level = layer_of(target)
        if level > own or (level == own and target not in SEES.get(part, set())):
            upward.append(name)

    assert [] == upward


@pytest.mark.parametrize("part", STANDARD_ONLY)
def test_values_and_rules_import_the_standard_library_alone(part: str) -> None:
    folder = PACKAGE / part
    modules = [*folder.rglob("*.py")] if folder.is_dir() else [PACKAGE / f"{part}.py"]
    foreign = [
        name
        for module in modules
        for name in imports_of(module)
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("session_tui")
    ]

    assert [] == foreign


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\nbefore = set(sys.modules)\n{statement}\nprint(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}


def test_the_model_loads_nothing_but_the_standard_library() -> None:
    loaded = loaded_by("import session_tui.model")

    assert {"session_tui"} == {name for name in loaded if name not in sys.stdlib_module_names}


def test_listing_as_json_never_loads_the_ui() -> None:
    run = "from session_tui.cli.main import main\nsys.argv = ['session-tui', 'list', '--json']\nmain()"

    loaded = loaded_by(run)

    assert "session_tui" in loaded
    assert set() == loaded & {"textual", "sqlite_utils", "markdown_it", "pygments", "yaml"}


def test_a_kept_screen_is_shown_before_anything_else_is_loaded() -> None:
    loaded = loaded_by("import session_tui.__main__")

    assert {"__future__", "session_tui", "gc", "termios"} >= loaded


def test_the_first_rows_load_neither_the_ui_nor_what_no_row_needs() -> None:
    run = "from session_tui.cli.first_look import paint\npaint()"

    loaded = loaded_by(run)

    assert "session_tui" in loaded
    assert set() == loaded & {"textual", "click", "yaml", "logging", "asyncio", "pygments", "pkgutil"}


def words_of(module: Path) -> Iterator[str]:
    """String constants, identifiers and imports: all that can name an agent; comments and docstrings cannot act."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in documentation:
                yield text
            case ast.Name(id=text) | ast.Attribute(attr=text) | ast.arg(arg=text) | ast.keyword(arg=str(text)):
                yield text
            case ast.FunctionDef(name=text) | ast.ClassDef(name=text):
                yield text
    yield from imports_of(module)


@pytest.mark.parametrize("agent", sorted(set(discover().adapters) - EXEMPT_NAMES))
def test_an_agents_name_stays_in_its_own_file(agent: str) -> None:
    elsewhere = [
        str(module.relative_to(PACKAGE))
        for module in MODULES
        if module != PACKAGE / "agents" / f"{agent}.py"
        and module.parent != PACKAGE / "agents" / agent
        and any(agent in word.lower() for word in words_of(module))
    ]

    assert [] == elsewhere


def test_only_the_trash_removes() -> None:
    removing = {"unlink", "rmtree", "rmdir", "remove", "removedirs"}
    # Our own temporary files, cache and locks may be removed where they are made.
    index = {f"index/{name}.py" for name in ("documents", "store", "vocabulary")}
    allowed = {"adapters/files.py", "adapters/locks.py", "trash/removing.py"} | index
    found = {
        str(module.relative_to(PACKAGE))
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in removing
        and not (node.func.attr == "remove" and "tui" in module.relative_to(PACKAGE).parts)
    }

    assert set() == found - allowed


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_parts_stay_small(module: Path) -> None:
    text = module.read_text(encoding="utf-8")

    long_functions = [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno + 1 > 60
    ]

    assert [] == long_functions
    assert text.count("\n") <= 420
