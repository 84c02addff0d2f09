"""Codex: its sessions read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from session_tui.adapters.usual import Usual, lazily

if TYPE_CHECKING:
    from session_tui.agents.codex.sessions import Codex

__all__ = ["Codex"]

USUAL = Usual("sessions:Codex", homes=(".codex",), variables=("CODEX_HOME",))

__getattr__ = lazily(__name__, Codex="sessions")
