"""techne: one SQLite database per working directory, ``<cwd>/.techne/techne.db`` unless its settings say otherwise.

Messages are JSON lists of blocks. A compaction appends a ``system`` message with the summary, notes its id in the
session and keeps everything else: it stands for all but the six messages before it. A shrunk session begins with
its summary, framed as the program sends one to a model, and holds what stayed alone.
"""

from __future__ import annotations

from session_tui.agents.techne.adapter import Techne
from session_tui.agents.techne.content import estimate

__all__ = ["Techne", "estimate"]
