"""OpenTelemetry: an event becomes attributes of the request's span, if there is one."""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry import trace

from .event import Event
from .options import EventOptions

FIELDS = (
    "rule",
    "app",
    "app_version",
    "platform",
    "service",
    "kind",
    "goal",
    "technique",
    "trigger",
    "outcome",
    "experiment",
    "arm",
)


def inline_sink(_: EventOptions) -> Callable[[Event], None]:
    """Annotates the span of the request that an event happens in."""
    return annotate_span


def annotate_span(event: Event) -> None:
    """Set the current span's attributes from an event; the last event of a request wins."""
    span = trace.get_current_span()
    if span.is_recording():
        span.set_attribute("escape_mw.event", event.name)
        for name in FIELDS:
            if value := getattr(event, name):
                span.set_attribute(f"escape_mw.{name}", value)
