"""What the README says holds."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests import docs

CHECKOUT = docs.README.parent
TEXT = docs.README.read_text(encoding="utf-8")


def test_the_tables_are_as_the_program_is() -> None:
    assert docs.written(TEXT) == TEXT


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", TEXT)

    assert pictures
    assert [] == [picture for picture in pictures if not (CHECKOUT / picture).is_file()]


def test_the_commands_it_names_exist() -> None:
    done = subprocess.run([sys.executable, "-m", "session_tui", "--help"], capture_output=True, text=True, check=True)
    named = set(re.findall(r"^session-tui ([a-z]+)[^\n]*  #", TEXT, re.MULTILINE))

    assert named
    assert [] == [name for name in named if f"  {name} " not in done.stdout]


def test_every_dependency_is_used() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    imported = {"pyyaml": "yaml", "markdown-it-py": "markdown_it", "sqlite-utils": "sqlite_utils"}
    source = "\n".join(file.read_text(encoding="utf-8") for file in (CHECKOUT / "session_tui").rglob("*.py"))

    names = [re.split(r"[<>=]", text)[0] for text in project["dependencies"]]
    unused = [name for name in names if not re.search(rf"\b(?:import|from) {imported.get(name, name)}\b", source)]

    assert [] == unused


def test_the_top_level_holds_what_it_should() -> None:
    done = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    tops = {Path(name).parts[0] for name in done.stdout.splitlines()}

    allowed = {"pyproject.toml", "README.md", "LICENSE", "session_tui", "tests", "screenshots", "themes"}
    assert set() == {top for top in tops if not top.startswith(".")} - allowed


def test_the_example_for_authors_of_agents_runs(hermetic_home: Path) -> None:
    code = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert code is not None

    first = subprocess.run(
        [sys.executable, "-c", code[1]], cwd=hermetic_home, capture_output=True, text=True, check=False
    )
    again = subprocess.run(
        [sys.executable, "-c", code[1]], cwd=hermetic_home, capture_output=True, text=True, check=False
    )

    assert ("", "") == (first.stderr, again.stderr)
    assert len(again.stdout.splitlines()) > len(first.stdout.splitlines()) > 0
