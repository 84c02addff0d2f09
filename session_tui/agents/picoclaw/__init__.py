"""PicoClaw: its sessions read, and written as it writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from session_tui.adapters.usual import Usual, lazily

if TYPE_CHECKING:
    from session_tui.agents.picoclaw.appending import Picoclaw

__all__ = ["Picoclaw"]

USUAL = Usual("appending:Picoclaw", homes=(".picoclaw",), variables=("PICOCLAW_HOME", "PICOCLAW_CONFIG"))

__getattr__ = lazily(__name__, Picoclaw="appending")
