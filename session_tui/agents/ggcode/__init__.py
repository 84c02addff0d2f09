"""ggcode: its sessions read, and written as it writes them."""

from __future__ import annotations

from session_tui.agents.ggcode.appending import Ggcode

__all__ = ["Ggcode"]
