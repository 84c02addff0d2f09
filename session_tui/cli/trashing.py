"""``trash``: what was kept before a change, and the way back."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from session_tui import documents
from session_tui.cli.context import global_options
from session_tui.cli.output import json_option, narrate, print_json, say, table
from session_tui.cli.sessions import opened
from session_tui.errors import SessionTuiError, UnknownSession
from session_tui.model import Refusal
from session_tui.text import age, size, stamp

if TYPE_CHECKING:
    from session_tui.trash import TrashItem


@click.group()
def trash() -> None:
    """What was kept before something was changed or removed."""


def _document(item: TrashItem) -> documents.Document:
    return {
        "trash_id": item.trash_id,
        "ref": item.ref,
        "title": item.title,
        "kind": item.kind,
        "trashed_at": stamp(item.trashed_at),
        "expires_at": stamp(item.expires_at),
        "size_bytes": item.size_bytes,
    }


@trash.command("list")
@json_option
@global_options
def list_items(as_json: bool) -> None:
    """Everything in the trash, the newest first."""
    items = opened().trash.items()
    if as_json:
        print_json(documents.versioned({"items": [_document(item) for item in items]}))
        return
    now = datetime.now(UTC)
    rows = [
        (item.trash_id, item.kind, age(item.trashed_at, now), size(item.size_bytes), item.ref, item.title)
        for item in items
    ]
    for line in table(rows):
        say(line)
    if not items:
        narrate("the trash is empty")


@trash.command("restore")
@click.argument("trash_ids", nargs=-1, required=True, metavar="ID…")
@click.option(
    "--replace", "replace_present", is_flag=True, help="Although something else stands there now; it is kept."
)
@json_option
@global_options
def restore(trash_ids: tuple[str, ...], replace_present: bool, as_json: bool) -> None:
    """Bring back what the items hold."""
    library = opened()
    items = [library.trash.get(id) for id in trash_ids]
    done: list[documents.Document] = []
    refused: list[documents.Document] = []
    for item in items:
        try:
            answer = library.restore(item.trash_id, replace_present=replace_present)
        except UnknownSession:
            raise
        except SessionTuiError as error:
            answer = Refusal(str(error), error.hint)
        entry: documents.Document = {"ref": item.ref, "trash_id": item.trash_id}
        if isinstance(answer, Refusal):
            refused.append({**entry, "reason": answer.reason})
        else:
            done.append(entry)
    if as_json:
        print_json(documents.versioned({"done": done, "refused": refused}))
    for each in refused:
        narrate(f"error: {each['reason']} ({each['ref']})")
    for each in [] if as_json else done:
        say(f"restored {each['ref']}")
    sys.exit(1 if refused else 0)
