"""The rules a store's sessions are compacted by: ours as configured, with what its own program does instead."""

from __future__ import annotations

import msgspec

from session_tui.adapters.base import Adapter, Compactable
from session_tui.compaction.settings import CompactionSettings
from session_tui.config import Config


def settings_of(config: Config, adapter: Adapter) -> CompactionSettings:
    """The rules for sessions of the adapter's store.

    Raises:
        ConfigError: a value makes no sense.
    """
    values = msgspec.structs.asdict(config.compaction)
    ours = CompactionSettings(**values, default_window=config.context_window)
    return CompactionSettings.of(adapter.compaction if isinstance(adapter, Compactable) else {}, ours)
