"""Where extracted memories are kept: in this process, or as one Markdown file per session."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Protocol

from session_tui.adapters import files
from session_tui.compaction.hygiene import NO_MEMORY, normalize
from session_tui.errors import StoreMissing
from session_tui.model import SessionKey
from session_tui.text import slug

_LARGEST = 4_000_000


class MemoryStore(Protocol):
    """Keeps what was extracted from sessions; what is known already is not kept twice."""

    def add(self, key: SessionKey, extracted: str) -> str:
        """Add normalized lines to what is kept for the session, and return all of it.

        Raises:
            StoreError: it could not be written; what was kept before still is.
        """

    def get(self, key: SessionKey) -> str:
        """What is kept for the session, empty where nothing is.

        Raises:
            StoreError: it could not be read.
        """


class InMemory:
    """Keeps memories as long as the process runs; safe for several threads."""

    def __init__(self) -> None:
        self._kept: dict[SessionKey, str] = {}
        self._lock = threading.Lock()

    def add(self, key: SessionKey, extracted: str) -> str:
        """Add lines for the session, and return all of them."""
        with self._lock:
            self._kept[key] = joined(self._kept.get(key, ""), extracted)
            return self._kept[key]

    def get(self, key: SessionKey) -> str:
        """What is kept for the session, empty where nothing is."""
        return self._kept.get(key, "")


class InFiles:
    """Keeps memories as ``<folder>/<store>-<session>-<tag>.md``, readable by its owner alone.

    The tag tells sessions apart whose ids look alike as file names. Two processes that add to one session at the
    same moment leave a whole file, with the lines of at least one of them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()

    def add(self, key: SessionKey, extracted: str) -> str:
        """Add lines for the session in one atomic step, and return all of them.

        Raises:
            StoreError: it could not be written; the file is as it was.
        """
        with self._lock:
            text = joined(self.get(key), extracted)
            files.private_directory(self.folder)
            files.write_atomic(self.path(key), f"{text}\n".encode())
            return text

    def get(self, key: SessionKey) -> str:
        """What is kept for the session, empty where there is no file.

        Raises:
            StoreError: it could not be read.
        """
        try:
            return files.read(self.path(key), limit=_LARGEST).decode("utf-8", "replace").strip()
        except StoreMissing:
            return ""

    def path(self, key: SessionKey) -> Path:
        """The file for the session."""
        tag = SessionKey(key.store, key.id, f"{key.root}\0{key.ref}").tag
        return self.folder / f"{slug(key.store)}-{slug(key.id)}-{tag}.md"


def joined(kept: str, extracted: str) -> str:
    """``kept`` and ``extracted`` lines as one normalized list, empty where neither holds anything."""
    text = normalize(f"{kept}\n{extracted}")
    return "" if text == NO_MEMORY else text
