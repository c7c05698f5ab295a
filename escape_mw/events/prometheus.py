"""The Prometheus sink: one counter, labelled with words of the catalogue and the rules.

No label comes from a request, or a visitor could add series without limit.
"""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import Counter

from .event import Record, Tally
from .options import EventOptions
from .sinks import Sink

FIELDS = (
    "rule",
    "app",
    "platform",
    "service",
    "goal",
    "technique",
    "outcome",
    "experiment",
    "arm",
)
# Registered when this module is first imported, in the process that writes; the client's
# multiprocess mode adds the processes up.
EVENTS = Counter(
    "escape_mw_events", "Events of escape_mw's visits, each once in a visit", ("event", *FIELDS)
)


def sink(_: EventOptions) -> Sink:
    """Counts events."""
    return count


def count(events: Sequence[Record]) -> None:
    """Add events and tallies to the counter."""
    for event in events:
        labels = (getattr(event, field, "") for field in FIELDS)
        EVENTS.labels(event.name, *labels).inc(event.number if isinstance(event, Tally) else 1)
