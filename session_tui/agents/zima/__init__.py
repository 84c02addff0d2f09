"""ZimaOS: one database of the server, ``~/.zimaos-blue/data/blue.db``, with a row per agent, channel, peer and thread.

A row holds all messages as one JSON text, without times or ids. A compaction throws messages away: its summary
stands in the metadata, and in place of the system prompt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from session_tui.adapters.usual import Usual, lazily

if TYPE_CHECKING:
    from session_tui.agents.zima.adapter import Zima
    from session_tui.agents.zima.conversation import estimate

__all__ = ["Zima", "estimate"]

USUAL = Usual("adapter:Zima", homes=(".zimaos-blue",))

__getattr__ = lazily(__name__, Zima="adapter", estimate="conversation")
