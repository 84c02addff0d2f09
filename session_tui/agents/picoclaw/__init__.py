"""PicoClaw: its sessions read, and written as it writes them."""

from __future__ import annotations

from session_tui.agents.picoclaw.appending import Picoclaw

__all__ = ["Picoclaw"]
