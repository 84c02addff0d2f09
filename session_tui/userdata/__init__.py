"""What people add to sessions that no store holds: titles, tags, pins, notes, bookmarks, and compactions.

It lies in ``overlay.db`` of the data directory, by the session's store, root and id, and stays when a session is
gone, so that one which comes back is known again. The file is made by the first change, never by looking.
"""

from __future__ import annotations

from session_tui.userdata.marks import Bookmark, Compaction, Marks
from session_tui.userdata.overlay import FILE_NAME, UserData

__all__ = ["FILE_NAME", "Bookmark", "Compaction", "Marks", "UserData"]
