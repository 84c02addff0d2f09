"""The rules a store's sessions are compacted by: ours as configured, with what its own program does instead."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from session_tui.adapters.base import Adapter, Compactable
from session_tui.compaction.meter import measure
from session_tui.compaction.plan import due_reason
from session_tui.compaction.settings import CompactionSettings
from session_tui.config import Config
from session_tui.model import Session


def settings_of(config: Config, adapter: Adapter) -> CompactionSettings:
    """The rules for sessions of the adapter's store.

    Raises:
        ConfigError: a value makes no sense.
    """
    values = msgspec.structs.asdict(config.compaction)
    ours = CompactionSettings(**values, default_window=config.context_window)
    return CompactionSettings.of(adapter.compaction if isinstance(adapter, Compactable) else {}, ours)


class Dues:
    """Tells which sessions are due for compaction, by their tokens or their number of messages as a list knows them;
    the rules of each store are asked once."""

    def __init__(self, config: Config, adapter_of: Callable[[str], Adapter]) -> None:
        self._config = config
        self._adapter_of = adapter_of
        self._rules: dict[str, CompactionSettings] = {}

    def __call__(self, session: Session) -> bool:
        """Whether the session is due.

        Raises:
            ConfigError: a value of its store's rules makes no sense.
        """
        store = session.key.store
        rules = self._rules.get(store)
        if rules is None:
            rules = self._rules[store] = settings_of(self._config, self._adapter_of(store))
        if session.message_count is None:
            active = max(1, rules.min_messages)
        else:
            active = session.message_count - (session.archived_count or 0)
        return rules.enabled and due_reason(active, rules, measure(session, rules)) is not None
