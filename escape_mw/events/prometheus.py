"""The Prometheus sink: one counter, whose labels are words of the catalogue and the rules, never of a request."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import Counter

from .event import Event

LABELS = (
    "event",
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
# Registered when this is first imported, in the writer's process; the client's multiprocess mode does the rest.
EVENTS = Counter("escape_mw_events", "Events of escape_mw's visits, each once in a visit", LABELS)


def count(events: Sequence[Event]) -> None:
    """Count events."""
    for event in events:
        EVENTS.labels(event.name, *(getattr(event, label) for label in LABELS[1:])).inc(
            event.number
        )
