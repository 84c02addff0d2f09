"""How commands speak: one JSON document, lines of a table, one line for an error."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import click
import msgspec

from session_tui.errors import AmbiguousRef, SessionTuiError
from session_tui.text import one_line, scrub

if TYPE_CHECKING:
    from session_tui.progress import Step

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def print_json(document: Mapping[str, object]) -> None:
    """Print one JSON document, indented, in UTF-8 whatever the terminal's encoding."""
    data = msgspec.json.format(msgspec.json.encode(_encodable(document)), indent=2)
    sys.stdout.flush()
    sys.stdout.buffer.write(data + b"\n")
    sys.stdout.buffer.flush()


def _encodable(value: object) -> object:
    """``value`` without lone surrogates, which file names that are no UTF-8 bring in."""
    match value:
        case str():
            return scrub(value)
        case Mapping():
            return {scrub(str(key)): _encodable(item) for key, item in value.items()}
        case list() | tuple():
            return [_encodable(item) for item in value]
        case bytes():
            return value.decode("utf-8", "replace")
        case _:
            return value


def say(text: str = "") -> None:
    """Print one line of data."""
    click.echo(scrub(text))


def narrate(text: str) -> None:
    """Say something that is no data, on standard error."""
    click.echo(scrub(text), err=True)


def report(error: SessionTuiError) -> None:
    """Tell of an error in one line, with a hint in a second one."""
    narrate(f"error: {one_line(str(error))}")
    if isinstance(error, AmbiguousRef):
        for candidate in error.candidates:
            narrate(f"  {one_line(candidate)}")
    if error.hint:
        narrate(f"hint: {one_line(error.hint)}")


def table(rows: Iterable[Sequence[str]], *, right: frozenset[int] = frozenset()) -> list[str]:
    """``rows`` as aligned lines by the cells their text takes; ``right`` names the columns to align right."""
    from rich.cells import cell_len

    lines = [[one_line(cell) for cell in row] for row in rows]
    if not lines:
        return []
    widths = [max(cell_len(row[column]) for row in lines) for column in range(len(lines[0]))]

    def padded(row: list[str]) -> str:
        cells = []
        for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - cell_len(cell))
            cells.append(f"{space}{cell}" if column in right else f"{cell}{space}")
        return "  ".join(cells).rstrip()

    return [padded(row) for row in lines]


class Steps:
    """Prints the steps of a job over each other, and wipes them at the end."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def __call__(self, step: Step) -> None:
        """Show one step."""
        if self._shown:
            figure = f" {step.done:,} of {step.total:,}" if step.total else ""
            click.echo(f"\r\x1b[2K{one_line(step.note)}{figure}", err=True, nl=False)

    def done(self) -> None:
        """Wipe the line."""
        if self._shown:
            click.echo("\r\x1b[2K", err=True, nl=False)
