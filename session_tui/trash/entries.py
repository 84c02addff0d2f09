"""A session's entries in files that many sessions share: cut out to the byte, and put back.

Such a file is a JSON array of objects, or JSON Lines where its name ends in ``.jsonl``. Nothing else in it is
touched: other entries keep their spelling, and a file that nobody wrote meanwhile gets its very bytes back.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import dropwhile, islice, pairwise
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from session_tui.adapters import files, locks
from session_tui.adapters.base import Entries
from session_tui.errors import StoreMissing
from session_tui.trash import staging
from session_tui.trash.manifest import Cut, KeptEntries

log = logging.getLogger(__name__)

_LIMIT: Final = 256 * 1024 * 1024
_ANCHORS: Final = 100


class Span(NamedTuple):
    """Where one object stands in a file, and whether it is the session's."""

    start: int
    end: int
    ours: bool


def keep(wanted: Entries, *, removing: bool = False) -> KeptEntries:
    """The session's entries as they are now; when they are to be taken away, also what is to be cut.

    Raises:
        StoreError: the file cannot be read.
    """
    path = wanted.path.parent.resolve() / wanted.path.name
    lock = str(wanted.lock) if wanted.lock else None
    kept = KeptEntries(path=str(path), field=wanted.field, value=wanted.value, lock=lock)
    return _cut(kept, _read(path), removing=removing)[0]


def _cut(kept: KeptEntries, data: bytes, *, removing: bool = True) -> tuple[KeptEntries, bytes]:
    """``kept`` as ``data`` tells it, and ``data`` without the session's entries."""
    path, before, cuts = Path(kept.path), data, list[Cut]()
    while removing and (span := _next_cut(data, path, kept)) is not None:
        start, end = span
        cuts.append(Cut(offset=start, text=_text(data[start:end])))
        data = data[:start] + data[end:]
    told = msgspec.structs.replace(
        kept,
        before=_ours(before, kept),
        cuts=tuple(cuts),
        digest_after=_digest(data) if removing else "",
        lead=_text(_lead(before, kept)),
        following=tuple(_following(before, kept)),
    )
    return told, data


def _lead(data: bytes, kept: KeptEntries) -> bytes:
    """The space between the bracket of a list and its first entry."""
    spans = [] if _is_lines(Path(kept.path)) else _spans(data, kept)
    return data[data.find(b"[") + 1 : spans[0].start] if spans else b""


def _following(data: bytes, kept: KeptEntries) -> Iterator[str]:
    """Whose the entries of a list are that come after the session's."""
    spans = [] if _is_lines(Path(kept.path)) else _spans(data, kept)
    behind = list(dropwhile(lambda span: not span.ours, spans))
    for span in islice(behind, 1, _ANCHORS):
        if (value := _value(data[span.start : span.end], kept.field)) is not None:
            yield value


def take(kept: KeptEntries, folder: Path) -> KeptEntries:
    """Cut the entries out of their file and say what was cut; ``folder`` is the item's.

    Raises:
        StoreLocked: its writers do not let go of their lock.
        StoreError: it cannot be written; it is as it was.
    """
    with _locked(kept):
        taken, data = _cut(kept, _read(Path(kept.path)))
        if taken.cuts:
            _write(Path(kept.path), data, folder)
    return msgspec.structs.replace(taken, after=())


def _next_cut(data: bytes, path: Path, kept: KeptEntries) -> tuple[int, int] | None:
    """The bytes to cut so that the last of the session's entries goes and the file stays well formed."""
    spans = _spans(data, kept)
    at = next((at for at in reversed(range(len(spans))) if spans[at].ours), None)
    if at is None:
        return None
    if _is_lines(path) or len(spans) == 1:
        return spans[at].start, spans[at].end
    if at + 1 < len(spans):
        return spans[at].start, spans[at + 1].start
    return spans[at - 1].end, spans[at].end


def noted(kept: KeptEntries) -> KeptEntries:
    """``kept`` with what a change made of the entries."""
    return msgspec.structs.replace(kept, after=told(kept, _read(Path(kept.path))))


def told(kept: KeptEntries, data: bytes) -> tuple[str, ...]:
    """The session's entries in ``data``, which their file holds."""
    return _ours(data, kept)


def put_back(kept: KeptEntries, folder: Path, *, replace: bool = False) -> None:
    """Bring the entries back to what they were. Those that were written since stay, unless ``replace``.

    Raises:
        StoreLocked: its writers do not let go of their lock.
        StoreError: the file cannot be written; it is as it was.
    """
    path = Path(kept.path)
    if path.parent.resolve() != path.parent or not path.parent.is_dir():
        log.warning("entries of %s were not put back: its directory is gone", path)
        return
    with _locked(kept):
        data = _read(path)
        restored = _restored(data, path, kept, replace=replace)
        if restored != data:
            _write(path, restored, folder)


def _write(path: Path, data: bytes, folder: Path) -> None:
    staging.replace(path, [data], folder, mode=staging.mode_of(path))


def _restored(data: bytes, path: Path, kept: KeptEntries, *, replace: bool) -> bytes:
    if kept.cuts and _digest(data) == kept.digest_after:
        for cut in reversed(kept.cuts):
            data = data[: cut.offset] + _bytes(cut.text) + data[cut.offset :]
        return data
    now = _ours(data, kept)
    if now == kept.before or (_is_lines(path) and set(kept.before) <= set(now)):
        return data
    if now and not replace and now != kept.after:
        log.info("entries in %s were written again since and stay", path)
        return data
    while (span := _next_cut(data, path, kept)) is not None:
        data = data[: span[0]] + data[span[1] :]
    for text in kept.before:
        data = _with_entry(data, path, kept, _bytes(text))
    return data


def _with_entry(data: bytes, path: Path, kept: KeptEntries, entry: bytes) -> bytes:
    if _is_lines(path):
        return data + (b"\n" if data and not data.endswith(b"\n") else b"") + entry
    spans, opening, lead = _spans(data, kept), data.find(b"[") + 1, _bytes(kept.lead)
    if not spans:
        at = opening + len(lead) if data.startswith(lead, opening) else opening
        return data[:at] + entry + data[at:] if opening else b"[" + entry + b"]"
    between = next((data[one.end : other.start] for one, other in pairwise(spans)), b"," + _lead(data, kept))
    for span in spans:
        if _value(data[span.start : span.end], kept.field) in kept.following:
            return data[: span.start] + entry + between + data[span.start :]
    return data[: spans[-1].end] + between + entry + data[spans[-1].end :]


# ── looking ───────────────────────────────────────────────────────────────────────────────────────────


def _ours(data: bytes, kept: KeptEntries) -> tuple[str, ...]:
    return tuple(_text(data[span.start : span.end]) for span in _spans(data, kept) if span.ours)


def _spans(data: bytes, kept: KeptEntries) -> list[Span]:
    path = Path(kept.path)
    found = _lines(data) if _is_lines(path) else _elements(data, path)
    return [Span(start, end, _value(data[start:end], kept.field) == kept.value) for start, end in found]


def _lines(data: bytes) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        yield start, end
        start = end


def _elements(data: bytes, path: Path) -> list[tuple[int, int]]:
    """Where the elements of the array stand; none where the file is no array."""
    text = data.decode("latin-1")  # one character a byte, so that places in the text are places in the file
    at = _after_space(text, 3 if data.startswith(b"\xef\xbb\xbf") else 0)
    found: list[tuple[int, int]] = []
    decoder = json.JSONDecoder(strict=False)
    try:
        if text[at] != "[":
            raise ValueError("no array")
        at = _after_space(text, at + 1)
        while text[at] != "]":
            _, end = decoder.raw_decode(text, at)
            found.append((at, end))
            at = _after_space(text, end)
            if text[at] == ",":
                at = _after_space(text, at + 1)
    except (ValueError, IndexError, RecursionError) as error:
        if data.strip():
            log.warning("%s is left alone: not a list of objects (%s)", path, type(error).__name__)
        return []
    return found


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _value(entry: bytes, field: str) -> str | None:
    """The text in the field of an entry, ``None`` where there is none."""
    try:
        found = json.loads(entry.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    value = found.get(field) if isinstance(found, dict) else None
    return value if isinstance(value, str) else None


def _is_lines(path: Path) -> bool:
    return path.suffix == ".jsonl"


def _read(path: Path) -> bytes:
    try:
        return files.read(path, limit=_LIMIT)
    except StoreMissing:
        return b""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@contextmanager
def _locked(kept: KeptEntries) -> Iterator[None]:
    if kept.lock and os.path.lexists(kept.lock):
        with locks.holding(Path(kept.lock), create=False):
            yield
    else:
        yield
