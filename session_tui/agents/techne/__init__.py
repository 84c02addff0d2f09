"""techne: one SQLite database per working directory, ``<cwd>/.techne/techne.db`` unless its settings say otherwise.

Messages are JSON lists of blocks. A compaction appends a ``system`` message with the summary, notes its id in the
session and keeps everything else: it stands for all but the six messages before it. A shrunk session begins with
its summary, framed as the program sends one to a model, and holds what stayed alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from session_tui.adapters.usual import Usual, lazily

if TYPE_CHECKING:
    from session_tui.agents.techne.adapter import Techne
    from session_tui.agents.techne.content import estimate

__all__ = ["Techne", "estimate"]

USUAL = Usual("adapter:Techne", projects=(".techne",))

__getattr__ = lazily(__name__, Techne="adapter", estimate="content")
