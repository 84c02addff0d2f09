"""The session layer for agents: `SessionManager` keeps, measures, compacts and ends their sessions.

It works over any store that can be written (`session_tui.adapters.writing.Appendable`): `native_store` on disk, or
`session_tui.agents.memory.Memory`.
"""

from __future__ import annotations

from session_tui.hooks import EndHook, Hooks
from session_tui.manager.core import Upkeep
from session_tui.manager.filter import SessionFilter
from session_tui.manager.manager import SessionManager
from session_tui.manager.migration import Migrated
from session_tui.manager.retention import Maintained
from session_tui.manager.statistics import SessionInfo, Statistics
from session_tui.manager.store import Keeper, SessionStore, TrashKeeper, configured_hooks, native_store

__all__ = [
    "EndHook",
    "Hooks",
    "Keeper",
    "Maintained",
    "Migrated",
    "SessionFilter",
    "SessionInfo",
    "SessionManager",
    "SessionStore",
    "Statistics",
    "TrashKeeper",
    "Upkeep",
    "configured_hooks",
    "native_store",
]
