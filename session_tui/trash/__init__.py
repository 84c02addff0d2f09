"""What any change of a session touches, kept until it expires; the only code that removes sessions."""

from __future__ import annotations

from session_tui.trash.bin import Trash
from session_tui.trash.manifest import TrashItem

__all__ = ["Trash", "TrashItem"]
