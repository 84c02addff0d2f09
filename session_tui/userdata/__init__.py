"""What people add to sessions that no store holds: titles, tags, pins, notes, bookmarks, and compactions,
and the searches they keep.

It lies in ``overlay.db`` of the data directory, by the session's store, root and id, and stays when a session is
gone, so that one which comes back is known again. The file is made by the first change, never by looking.
"""

from __future__ import annotations

from session_tui.userdata.marks import Bookmark, Compaction, Marks
from session_tui.userdata.overlay import FILE_NAME, UserData
from session_tui.userdata.saved import SavedSearch, SavedSearches

__all__ = ["FILE_NAME", "Bookmark", "Compaction", "Marks", "SavedSearch", "SavedSearches", "UserData"]
