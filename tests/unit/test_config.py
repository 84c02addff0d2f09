"""The configuration says what is wrong with it, and documents itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from session_tui.config import Config, documented, load, template
from session_tui.errors import ConfigError


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert Config() == load(tmp_path / "none.yaml")


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    assert Config() == load(write(tmp_path, "# nothing\n"))


def test_values_are_taken(tmp_path: Path) -> None:
    config = load(
        write(tmp_path, "theme: mine\ncompaction: {trigger_threshold: 0.9}\nstores: {native: {roots: [~/x]}}\n")
    )

    assert ("mine", 0.9, ("~/x",)) == (config.theme, config.compaction.trigger_threshold, config.stores["native"].roots)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("them: x\n", "unknown field `them`"),
        ("theme: 3\n", "Expected `str`"),
        ("compaction: {preserve_recent: many}\n", "$.compaction.preserve_recent"),
        ("theme: [\n", "not YAML"),
        ("- a list\n", "Expected `object`"),
        ("scope: elsewhere\n", "scope"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = write(tmp_path, text)

    with pytest.raises(ConfigError) as caught:
        load(file)

    assert said in caught.value.what
    assert str(file) == caught.value.where
    assert caught.value.hint


def test_the_nearest_key_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, "them: x\n"))

    assert "`theme`" in caught.value.hint


def test_the_template_holds_every_key_with_its_default(tmp_path: Path) -> None:
    uncommented = "\n".join(line[2:] for line in template().splitlines() if not line.startswith("##"))

    assert Config() == load(write(tmp_path, uncommented))
    assert yaml.safe_load(template()) is None


def test_every_key_is_documented() -> None:
    assert [] == [name for name, doc, _ in documented() if not doc]
