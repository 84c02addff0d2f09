"""The tables of the README, made of the program itself: ``python -m tests.docs`` writes them, a test compares."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from session_tui.adapters.base import World, capabilities
from session_tui.config import Section, documented
from session_tui.registry import discover
from session_tui.tui.commands import Pane, offered, spelled

README = Path(__file__).resolve().parents[1] / "README.md"
_PLACES = {Pane.LIST: "list", Pane.VIEWER: "viewer", Pane.ANYWHERE: "anywhere"}


def table(rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; the first row is its head."""
    head, *rest = rows
    lines = [head, tuple("---" for _ in head), *rest]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def stores() -> str:
    """The agents and what can be done with their sessions."""
    nowhere = Path("/nowhere")
    world = World(home=nowhere, environ={}, cwd=nowhere, data_dir=nowhere)
    adapters = [kind(world) for name, kind in sorted(discover().adapters.items()) if kind.is_stored]
    rows = [
        (f"`{adapter.name}`", adapter.label, ", ".join(capability.value for capability in capabilities(adapter)))
        for adapter in adapters
    ]
    return table([("store", "program", "can"), *rows])


def keys() -> str:
    """The commands with their keys and ids."""
    rows = [
        (
            f"`{spelled(command.keys)}`" if command.keys else "palette",
            _PLACES[command.pane],
            command.help,
            f"`{command.id}`",
        )
        for command in offered()
    ]
    return table([("keys", "where", "what", "id"), *rows])


def config() -> str:
    """The keys of the configuration with their defaults."""
    rows = [
        (
            f"`{name}`",
            "" if isinstance(default, Section) else f"`{msgspec.json.encode(default).decode()}`",
            doc.replace("|", "\\|").replace("\n", " "),
        )
        for name, doc, default in documented()
    ]
    return table([("key", "default", "what"), *rows])


def written(text: str) -> str:
    """The README with its tables as they should be."""
    for name, make in (("stores", stores), ("keys", keys), ("config", config)):
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        content = make()
        text = marks.sub(lambda found, content=content: f"{found[1]}{content}\n{found[2]}", text)  # type: ignore[misc]
    return text


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
