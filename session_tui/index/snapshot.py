"""What a search knows of the index: which sessions are in it and where their text lies, as last committed."""

from __future__ import annotations

import sqlite3
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from session_tui.index.documents import Identity
from session_tui.index.marks import Marks
from session_tui.index.segments import Segment

_MARKS_KEPT: Final = 512


class Lane:
    """The pieces of one segment in the order they lie: where each starts and ends, its own number and its
    document's place in the snapshot."""

    __slots__ = ("_of", "documents", "ends", "kind", "pieces", "segment", "starts")

    def __init__(self, kind: str, segment: Segment) -> None:
        self.kind = kind
        self.segment = segment
        self.starts = array("Q")
        self.ends = array("Q")
        self.pieces = array("Q")
        self.documents = array("L")
        self._of: dict[int, list[int]] = {}

    def text(self, piece: int) -> bytes:
        """The text of a piece.

        Raises:
            OSError: it cannot be read.
        """
        return self.segment.read(self.starts[piece], self.ends[piece] - self.starts[piece])

    def of(self, document: int) -> list[int]:
        """The pieces of a document."""
        if not self._of:
            for piece, place in enumerate(self.documents):
                self._of.setdefault(place, []).append(piece)
        return self._of.get(document, [])


class Snapshot:
    """The committed state of an index, read once; `load` a new one when `is_stale`."""

    def __init__(self, database: sqlite3.Connection, version: int, folder: Path) -> None:
        self._database = database
        self._version = version
        self._marks: OrderedDict[int, Marks] = OrderedDict()
        self.identities: list[Identity] = []
        self.places: dict[Identity, int] = {}
        self.lanes: list[Lane] = []
        self._load(folder)

    @classmethod
    def load(cls, database: sqlite3.Connection, folder: Path) -> Snapshot:
        """What is committed now; ``database`` may be used from any one thread at a time.

        Raises:
            sqlite3.Error: the tables cannot be read.
            OSError: a segment is missing or shorter than it was.
        """
        return cls(database, _version(database), folder)

    @property
    def is_stale(self) -> bool:
        """Whether something was committed since."""
        return _version(self._database) != self._version

    def _load(self, folder: Path) -> None:
        numbers: dict[int, int] = {}
        for number, *identity in self._database.execute("SELECT id, store, root, session FROM documents"):
            numbers[number] = len(self.identities)
            self.identities.append((identity[0], identity[1], identity[2]))
        self.places = {identity: place for place, identity in enumerate(self.identities)}
        lanes: dict[int, Lane] = {}
        query = "SELECT id, document, segment, start, length FROM pieces ORDER BY segment, start"
        names = dict(self._database.execute("SELECT id, kind || '/' || name FROM segments").fetchall())
        for piece, document, segment, start, length in self._database.execute(query):
            lane = lanes.get(segment)
            if lane is None:
                kind, _, name = names[segment].partition("/")
                lane = lanes[segment] = Lane(kind, Segment(folder / name))
            place = numbers.get(document)
            if place is not None:
                lane.starts.append(start)
                lane.ends.append(start + length)
                lane.pieces.append(piece)
                lane.documents.append(place)
        self.lanes = list(lanes.values())
        for lane in self.lanes:
            if lane.ends and lane.segment.size() < lane.ends[-1]:
                raise OSError(f"{lane.segment.path.name} was cut off")

    def of_kind(self, kinds: Sequence[str]) -> list[Lane]:
        """The lanes of some kinds, in the order of ``kinds``."""
        return [lane for kind in kinds for lane in self.lanes if lane.kind == kind]

    def marks(self, piece: int) -> Marks:
        """The marks of a piece.

        Raises:
            sqlite3.Error: they cannot be read, or it is gone.
        """
        marks = self._marks.get(piece)
        if marks is None:
            row = self._database.execute("SELECT marks FROM pieces WHERE id = ?", (piece,)).fetchone()
            if row is None:
                raise sqlite3.DatabaseError("the piece is gone")
            marks = self._marks[piece] = Marks.unpacked(row[0])
            if len(self._marks) > _MARKS_KEPT:
                self._marks.popitem(last=False)
        else:
            self._marks.move_to_end(piece)
        return marks


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA data_version").fetchone()[0])
