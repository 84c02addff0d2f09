"""The log file: what went wrong and where, never what was said in a conversation."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from session_tui.errors import StoreError

_BYTES = 1_000_000


def write_to(file: Path) -> None:
    """Write our log to ``file``, readable by its owner alone; where that cannot be, do without a log."""
    from session_tui.adapters.files import private_directory

    log = logging.getLogger("session_tui")
    log.propagate = False
    if log.handlers:
        return
    try:
        private_directory(file.parent)
        handler: logging.Handler = RotatingFileHandler(
            file, maxBytes=_BYTES, backupCount=1, delay=True, encoding="utf-8"
        )
        file.touch(mode=0o600)
    except (OSError, StoreError):
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log.addHandler(handler)
