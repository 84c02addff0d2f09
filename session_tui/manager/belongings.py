"""What belongs to sessions besides messages: context, files read, and what was measured."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from session_tui.manager.core import Core
from session_tui.model import (
    ContextItem,
    Cost,
    MetricRecord,
    ReadFile,
    SessionKey,
    TunnelEvent,
    Usage,
    UsageRecord,
)


class Belongings(Core):
    """Records that are appended to sessions and kept."""

    def add_context(self, key: SessionKey, type: str, name: str, value: str) -> None:
        """Append a piece of context."""
        with self._attempt("add context to", key), self._home(key) as store:
            store.add_context(key, ContextItem(type, name, value))

    def context(self, key: SessionKey, type: str | None = None) -> tuple[ContextItem, ...]:
        """The context in the order it was added, or that of one type."""
        with self._attempt("read", key):
            return tuple(item for item in self._read(key).context if type in (None, item.type))
        return ()

    def delete_context(self, key: SessionKey) -> None:
        """Remove all context."""
        with self._attempt("delete the context of", key), self._home(key) as store:
            store.delete_context(key)

    def track_read_file(self, key: SessionKey, path: str | Path, at: datetime | None = None) -> None:
        """Note that the agent read a file, now unless ``at`` says otherwise; each file is noted once, with the last
        time."""
        with self._attempt("track a file of", key), self._home(key) as store:
            store.track_read_file(key, ReadFile(str(path), at or self._clock()))

    def has_read_file(self, key: SessionKey, path: str | Path) -> bool:
        """Whether the file was noted under this path."""
        return any(file.path == str(path) for file in self.read_files(key))

    def read_files(self, key: SessionKey) -> tuple[ReadFile, ...]:
        """The files noted."""
        with self._attempt("read", key):
            return self._read(key).files_read
        return ()

    def append_tunnel_event(self, key: SessionKey, event: TunnelEvent) -> None:
        """Append an event of the session's live stream."""
        with self._attempt("add an event to", key), self._home(key) as store:
            store.append_tunnel_event(key, event)

    def tunnel_events(self, key: SessionKey) -> tuple[TunnelEvent, ...]:
        """The events of the live stream."""
        with self._attempt("read", key):
            return self._read(key).tunnel_events
        return ()

    def append_cost(self, key: SessionKey, cost: Cost) -> None:
        """Append a cost record."""
        with self._attempt("add a cost to", key), self._home(key) as store:
            store.append_cost(key, cost)

    def costs(self, key: SessionKey) -> tuple[Cost, ...]:
        """The cost records."""
        with self._attempt("read", key):
            return self._read(key).costs
        return ()

    def append_usage(self, key: SessionKey, usage: Usage | UsageRecord) -> None:
        """Append the token usage of one model call, made now unless the record says otherwise."""
        record = usage if isinstance(usage, UsageRecord) else UsageRecord(usage, self._clock())
        with self._attempt("add token usage to", key), self._home(key) as store:
            store.append_usage(key, record)

    def usage(self, key: SessionKey) -> tuple[UsageRecord, ...]:
        """The token usage of each model call."""
        with self._attempt("read", key):
            return self._read(key).usage
        return ()

    def append_metric(self, key: SessionKey, record: MetricRecord) -> None:
        """Append the measurements of one call."""
        with self._attempt("add measurements to", key), self._home(key) as store:
            store.append_metric(key, record)

    def metrics(self, key: SessionKey) -> tuple[MetricRecord, ...]:
        """The measurements of each call."""
        with self._attempt("read", key):
            return self._read(key).metrics
        return ()
