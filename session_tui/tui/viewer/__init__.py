"""The message viewer, which draws a transcript of any length a screen at a time."""

from __future__ import annotations

from session_tui.tui.viewer.modes import Modes, Tools
from session_tui.tui.viewer.widget import MessageViewer, calm_gc

__all__ = ["MessageViewer", "Modes", "Tools", "calm_gc"]
