"""ggcode: its sessions read, and written as it writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from session_tui.adapters.usual import Usual, lazily

if TYPE_CHECKING:
    from session_tui.agents.ggcode.appending import Ggcode

__all__ = ["Ggcode"]

USUAL = Usual("sessions:Sessions", homes=(".ggcode/sessions",))

__getattr__ = lazily(__name__, Ggcode="appending")
