"""atmos: one SQLite database per project, ``<base path>/.atmos/sessions/sessions.db`` unless ``atmos.yaml`` says
otherwise. Messages are plain text; a compaction flags the old rows and adds a summary row.
"""

from __future__ import annotations

from session_tui.agents.atmos.adapter import Atmos

__all__ = ["Atmos"]
