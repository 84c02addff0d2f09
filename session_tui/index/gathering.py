"""Reads sessions for the index: what was added to a file that grew, or all of a session, into text segments."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from session_tui.adapters import files
from session_tui.adapters.base import Adapter, Source
from session_tui.adapters.passages import Indexable, Passage, of_transcript
from session_tui.errors import SessionTuiError
from session_tui.index.documents import Document, Gathered, Place
from session_tui.index.pieces import Gathering, Piece
from session_tui.index.segments import TALK, WORK, SegmentWriter
from session_tui.query import Features

_PROOF: Final = 4096
_FAR: Final = 1 << 20


class Reading(msgspec.Struct, gc=False, array_like=True):
    """One session to be read: its source, and what the index has of it."""

    number: int
    document: Document
    earlier: Document | None = None


class Gatherer:
    """Reads sessions one after the other and appends their text to its own two segments."""

    def __init__(self, folder: Path, segments: Mapping[str, tuple[int, str]], adapters: Mapping[str, Adapter]) -> None:
        """Start writing.

        Args:
            segments: for each kind the segment's number and file name; nobody else may write to them.
            adapters: the stores' adapters by name.

        Raises:
            OSError: a segment cannot be opened.
        """
        self._adapters = adapters
        self._numbers = {kind: number for kind, (number, _) in segments.items()}
        self._writers = {kind: SegmentWriter(folder / name) for kind, (_, name) in segments.items()}

    def close(self) -> None:
        """Let go of the segments."""
        for writer in self._writers.values():
            writer.close()

    def gather(self, reading: Reading) -> Gathered:
        """Read one session and append its text; what cannot be read is told, not raised.

        Raises:
            OSError: the text cannot be written.
        """
        document = reading.document
        source = Source(document.key, document.path, document.stamp)
        adapter = self._adapters[document.store]
        try:
            if not isinstance(adapter, Indexable) or (appended := adapter.appended(source)) is None:
                passages = of_transcript(adapter.read(source))
                return self._gathered(document, passages, earlier=None)
            end, proof = _whole_lines(appended)
            start = _resumed(appended, reading.earlier, end, work=document.work)
            document = msgspec.structs.replace(document, read_to=end, proof=proof)
            return self._gathered(
                document, adapter.passages(source, start, end, work=document.work), reading.earlier if start else None
            )
        except SessionTuiError as error:
            return Gathered(document, [], failure=f"{error.what} ({error.where or document.path})")

    def _gathered(self, document: Document, passages: Iterator[Passage], earlier: Document | None) -> Gathered:
        gathering = Gathering(work=document.work)
        places = [self._placed(piece) for piece in gathering.pieces(passages)]
        features = _together(gathering.features(), earlier.occurring if earlier else None)
        return Gathered(document.with_features(features), places, added=earlier is not None)

    def _placed(self, piece: Piece) -> Place:
        start, checksum = self._writers[piece.kind].append(piece.text)
        return Place(self._numbers[piece.kind], start, len(piece.text), checksum, piece.marks)


def segments_of(number: int, segments: Mapping[int, tuple[str, str]]) -> dict[str, tuple[int, str]]:
    """The two segments of the writer ``number``, by kind."""
    return {TALK: (2 * number, segments[2 * number][1]), WORK: (2 * number + 1, segments[2 * number + 1][1])}


def _whole_lines(path: Path) -> tuple[int, bytes]:
    """Where the last whole line of a file ends, and a hash of its beginning and of what stands before that end.

    Raises:
        StoreError: it cannot be read.
    """
    with files.opened(path) as descriptor:
        position = os.fstat(descriptor).st_size
        length = _PROOF
        while position > 0:
            begin = max(0, position - length)
            newline = files.pread(descriptor, begin, position - begin).rfind(b"\n")
            if newline >= 0:
                end = begin + newline + 1
                return end, _proof(descriptor, end)
            position, length = begin, _FAR
    return 0, b""


def _proof(descriptor: int, end: int) -> bytes:
    digest = hashlib.blake2b(files.pread(descriptor, 0, min(_PROOF, end)), digest_size=16)
    digest.update(files.pread(descriptor, max(0, end - _PROOF), min(_PROOF, end)))
    return digest.digest()


def _resumed(path: Path, earlier: Document | None, end: int, *, work: bool) -> int:
    """Where to go on reading: where the last reading ended, as long as what stood before is still the same."""
    if earlier is None or not earlier.read_to or earlier.read_to > end or earlier.work != work:
        return 0
    with files.opened(path) as descriptor:
        return earlier.read_to if _proof(descriptor, earlier.read_to) == earlier.proof else 0


def _together(features: Features, earlier: Features | None) -> Features:
    if earlier is None:
        return features
    return Features(
        features.has | earlier.has,
        features.tools | earlier.tools,
        features.files | earlier.files,
        features.roles | earlier.roles,
    )
