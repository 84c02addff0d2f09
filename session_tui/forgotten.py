"""What programs have forgotten of compacted sessions, out of the copies in the trash."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from session_tui.adapters.base import Adapter, Source
from session_tui.errors import SessionTuiError
from session_tui.model import Message

if TYPE_CHECKING:
    from session_tui.trash import Trash

log = logging.getLogger(__name__)


def copies(source: Source, *, trash: Callable[[], Trash], adapter: Adapter) -> Iterator[Sequence[Message]]:
    """The messages of a session as they were before each of its compactions, those of the newest one first.

    Args:
        adapter: reads the copies as it reads the store's own files, and must not ask for copies itself.
    """
    from tempfile import TemporaryDirectory

    key, name = source.key, Path(source.path).name
    for item in trash().of(key):
        if item.kind != "compact":
            continue
        try:
            with TemporaryDirectory() as folder:
                for path, copy in trash().kept_files(item).items():
                    Path(folder, path.name).symlink_to(copy)
                yield list(adapter.read(Source(key, str(Path(folder, name)), "")).messages)
        except (SessionTuiError, OSError) as error:
            log.warning("the copy %s of %s cannot be read: %s", item.trash_id, key.ref, error)
