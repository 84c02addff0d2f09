"""What a session's records say beside its messages: tokens used, measurements, costs, events of a shared stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from session_tui.adapters import times
from session_tui.adapters.rows import integer, mapping, text
from session_tui.model import Cost, MetricRecord, TunnelEvent, Usage, UsageRecord

Record = Mapping[str, object]
KINDS: Final = ("usage", "metric", "cost", "tunnel_event")
"""The types of record that `Ledger.note` takes."""
_MAIN: Final = ("", "agent")


class Ledger:
    """The records in the order they were written. ``fill`` is the size in tokens of the prompt that the main
    conversation's model was last sent, as far as it was recorded."""

    def __init__(self) -> None:
        self.usage: list[UsageRecord] = []
        self.metrics: list[MetricRecord] = []
        self.costs: list[Cost] = []
        self.tunnel_events: list[TunnelEvent] = []
        self.fill: int | None = None

    def note(self, kind: str, record: Record) -> None:
        """Take a record of one of `KINDS`."""
        match kind:
            case "usage":
                self.usage.append(_usage_record(record))
                self.fill = _fill(self.usage[-1]) or self.fill
            case "metric":
                self.metrics.append(_metric(record))
            case "cost":
                self.costs.append(_cost(record))
            case "tunnel_event":
                self.tunnel_events.append(_tunnel_event(record))


def usage(value: object) -> Usage:
    """Counts of tokens; one that is missing or no number is 0."""
    told = mapping(value)
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    sent, answered, cached, written = (integer(told.get(name)) or 0 for name in names)
    return Usage(sent, answered, cached, written, integer(told.get("prompt_tokens_total")))


def _usage_record(record: Record) -> UsageRecord:
    entry = mapping(record.get("usage_entry"))
    at, turn = times.parse(entry.get("timestamp")), integer(entry.get("turn_index")) or 0
    told = (text(entry.get(name)) for name in ("model", "vendor", "endpoint", "source"))
    return UsageRecord(usage(entry.get("usage")), at, turn, *told)


def _fill(record: UsageRecord) -> int | None:
    used = record.usage if record.source in _MAIN else Usage()
    return used.prompt_tokens_total or used.input_tokens + used.cache_read_tokens + used.cache_write_tokens or None


def _metric(record: Record) -> MetricRecord:
    event = mapping(record.get("metric_event"))
    at, turn = times.parse(event.get("timestamp")), integer(event.get("turn_index")) or 0
    values = {name: event[name] for name in event if name not in ("timestamp", "turn_index", "type")}
    return MetricRecord(text(event.get("type")), at, turn, values)


def _tunnel_event(record: Record) -> TunnelEvent:
    event = mapping(record.get("tunnel_event"))
    id, kind, stream = (text(event.get(name)) for name in ("event_id", "type", "stream_id"))
    return TunnelEvent(id, kind, stream, event.get("data"))


def _cost(record: Record) -> Cost:
    """The recorded dollars: the figure of the whole and those of the sessions listed in it, added up."""
    cost = record.get("cost")
    parts = mapping(cost).get("sessions")
    figures = [mapping(item).get("total_cost_usd") for item in (cost, *(parts if isinstance(parts, list) else ()))]
    known = [figure for figure in figures if isinstance(figure, int | float)]
    return Cost(cost, sum(known) if known else None)
