"""Conversations as checkpoints in JSON and YAML, and as Markdown to read."""

from __future__ import annotations

import getpass
import os
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from session_tui.adapters import files, go_json
from session_tui.checkpoint import markdown, whole, yaml_text
from session_tui.checkpoint.projection import project
from session_tui.checkpoint.schema import WHOLE, check_depth
from session_tui.errors import CheckpointError, StoreError, UsageError
from session_tui.model import Transcript


class Format(StrEnum):
    """What a document is written in."""

    JSON = "json"
    YAML = "yaml"
    MARKDOWN = "markdown"


_NAMES: Final = {
    "json": Format.JSON,
    "yaml": Format.YAML,
    "yml": Format.YAML,
    "markdown": Format.MARKDOWN,
    "md": Format.MARKDOWN,
}


def format_of(name: str = "", path: str | Path | None = None) -> Format:
    """The format of that name, without one that of the file's extension, else JSON.

    Raises:
        UsageError: no format has that name.
    """
    if name:
        found = _NAMES.get(name)
        if found is None:
            raise UsageError(f"unsupported export format: {name} (supported: {', '.join(Format)})")
        return found
    return _NAMES.get(Path(path or "").suffix.removeprefix("."), Format.JSON)


def document(
    transcript: Transcript,
    *,
    at: datetime,
    by: str | None = None,
    include_context: bool = True,
    include_metadata: bool = True,
) -> dict[str, object]:
    """The checkpoint of a conversation, with the whole of it in its extension field.

    Args:
        at: the time of the export.
        by: who exports it, by default the user of this system.
        include_context: also what the session was about: context and files read.
        include_metadata: also the session's metadata.

    Raises:
        CheckpointError: something in it nests too deeply to be imported again.
    """
    chosen = transcript if include_context else replace(transcript, context=(), files_read=())
    if not include_metadata:
        chosen = replace(chosen, session=replace(chosen.session, metadata={}))
    who = user() if by is None else by
    fields = project(chosen, at=at, by=who, context=include_context, metadata=include_metadata)
    try:
        value = whole.plain(fields | {WHOLE: whole.encode(chosen)})
    except RecursionError as error:
        raise CheckpointError("nested too deeply to be exported", where=transcript.session.key.ref) from error
    check_depth(value)
    assert isinstance(value, dict)
    return value


def user() -> str:
    """The name of this system's user, empty where there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


def text_of(
    transcript: Transcript,
    format: Format,
    *,
    at: datetime,
    by: str | None = None,
    include_context: bool = True,
    include_metadata: bool = True,
) -> str:
    """The conversation as a document in ``format``; see `document` for what goes into it, and what it raises."""
    if format is Format.MARKDOWN:
        return "\n".join([*markdown.render(transcript, transcript.messages), ""])
    value = document(transcript, at=at, by=by, include_context=include_context, include_metadata=include_metadata)
    return yaml_text.dumps(value) if format is Format.YAML else f"{go_json.dumps(value, indent=2)}\n"


def unimportable(transcript: Transcript, format: Format) -> str:
    """Why the document of a conversation will not be re-importable, empty where it will; Markdown is only for
    reading, and nobody expects it to be."""
    if format is Format.MARKDOWN or len(transcript.messages):
        return ""
    return "a checkpoint without messages will not be re-importable"


def write(path: str | Path, text: str, *, overwrite: bool = False) -> Path:
    """Write a document that only its owner may read, as a whole or not at all, and return where; folders on the way
    are made.

    Raises:
        StoreError: there is a file already and it is not to be overwritten, or it could not be written.
    """
    target = Path(path).expanduser()
    if os.path.lexists(target) and not overwrite:
        raise StoreError("there is a file already", where=str(target), hint="choose another name, or overwrite it")
    files.private_directory(target.parent)
    files.write_atomic(target, text.encode("utf-8", "replace"))
    return target
