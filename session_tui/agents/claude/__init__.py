"""Claude Code: its sessions read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from session_tui.adapters.usual import Usual, lazily

if TYPE_CHECKING:
    from session_tui.agents.claude.sessions import Claude

__all__ = ["Claude"]

USUAL = Usual("sessions:Claude", homes=(".claude/projects", ".config/claude"), variables=("CLAUDE_CONFIG_DIR",))

__getattr__ = lazily(__name__, Claude="sessions")
