"""atmos: one SQLite database per project, ``<base path>/.atmos/sessions/sessions.db`` unless ``atmos.yaml`` says
otherwise. Messages are plain text; a compaction flags the old rows and adds a summary row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from session_tui.adapters.usual import Usual, lazily

if TYPE_CHECKING:
    from session_tui.agents.atmos.adapter import Atmos

__all__ = ["Atmos"]

USUAL = Usual("adapter:Atmos", projects=(".atmos/sessions",), variables=("ATMOS_BASE_PATH",))

__getattr__ = lazily(__name__, Atmos="adapter")
