"""Checkpoints in JSON and YAML as conversations. Files of any origin are read: their size, nesting and references
are bounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from session_tui.adapters import files, jsonl
from session_tui.checkpoint import whole, yaml_text
from session_tui.checkpoint.exporting import Format, format_of
from session_tui.checkpoint.projection import restore
from session_tui.checkpoint.schema import WHOLE, Checkpoint, check_depth, fields_of, validate
from session_tui.errors import CheckpointError, StoreDamaged
from session_tui.model import Transcript

LARGEST: Final = 256 << 20
"""Bytes that a checkpoint may have."""
_TEXTS: Final = ("version", "name", "provider", "model", "skill", "project_path", "role", "content")


def read(path: str | Path, *, include_context: bool = True) -> Transcript:
    """The conversation in a sound checkpoint: the whole of it where the file has that, else what its fields say.

    Args:
        include_context: also what the session was about: context and files read.

    Raises:
        CheckpointError: it is no checkpoint, or not a sound one.
        StoreError: it cannot be read.
    """
    try:
        return transcript_of(load(path), include_context=include_context)
    except CheckpointError as error:
        raise _located(error, path) from error


def check(path: str | Path) -> Checkpoint:
    """The fields of a sound checkpoint, which `read` can read.

    Raises:
        CheckpointError: it is no checkpoint, or not a sound one.
        StoreError: it cannot be read.
    """
    try:
        document = load(path)
        transcript_of(document)
        return fields_of(document)
    except CheckpointError as error:
        raise _located(error, path) from error


def _located(error: CheckpointError, path: str | Path) -> CheckpointError:
    return CheckpointError(error.what, where=str(path), hint=error.hint)


def transcript_of(document: object, *, include_context: bool = True) -> Transcript:
    """The conversation in a decoded checkpoint; see `read`.

    Raises:
        CheckpointError: it is no checkpoint, or not a sound one.
    """
    checkpoint = fields_of(document)
    validate(checkpoint)
    value = document.get(WHOLE) if isinstance(document, Mapping) else None
    transcript = restore(checkpoint) if value is None else _whole(value)
    return transcript if include_context else replace(transcript, context=(), files_read=())


def _whole(value: object) -> Transcript:
    try:
        return whole.decode(value)
    except CheckpointError as error:
        hint = f"without {WHOLE}, what the other fields say is imported"
        raise CheckpointError(f"{WHOLE} cannot be read: {error.what}", hint=hint) from error


def load(path: str | Path) -> object:
    """The decoded document in a file; what has no extension of YAML is JSON.

    Raises:
        CheckpointError: it cannot be decoded, or its extension is that of a document to read.
        StoreError: it cannot be read.
    """
    format = format_of(path=path)
    if format is Format.MARKDOWN:
        raise CheckpointError(f"unsupported checkpoint format: {format} (supported: json, yaml)")
    data = files.read(Path(path).expanduser(), limit=LARGEST).removeprefix(b"\xef\xbb\xbf")
    value = _yaml(data) if format is Format.YAML else _json(data)
    check_depth(value)
    return {} if value is None else value


def _json(data: bytes) -> object:
    if not data.strip():
        raise CheckpointError("not JSON: the file is empty")
    try:
        return jsonl.decode(data).value
    except StoreDamaged as error:
        raise CheckpointError(error.what) from error


def _yaml(data: bytes) -> object:
    try:
        document = yaml_text.loads(data.decode())
    except UnicodeDecodeError as error:
        raise CheckpointError("not UTF-8 text") from error
    return _worded(document)


def _worded(document: object) -> object:
    """The document with text where YAML took an unquoted one for a number or a truth value."""
    if not isinstance(document, dict):
        return document
    session, messages = document.get("session"), document.get("messages")
    told: dict[str, object] = {**_texts(document)}
    if isinstance(session, dict):
        told["session"] = _texts(session)
    if isinstance(messages, list):
        told["messages"] = [_texts(message) if isinstance(message, dict) else message for message in messages]
    return told


def _texts(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: yaml_text.word(value) if name in _TEXTS else value for name, value in fields.items()}
