"""Measuring by one set of event options: from decisions to the recorder and its sinks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from ..decision.model import Decision, Page, Redirect, Visit
from ..decision.policy import Policy
from ..decision.signals import asks_for_privacy
from ..web.logs import logger
from .event import Event
from .options import EventOptions
from .recorder import Recorder
from .sinks import Sink, open_sinks
from .stages import stages

Clock = Callable[[], float]


class Measurement:
    """What visits are measured with, for as long as the event options stay the same.

    `sinks` are the site's own, besides those that the options name; `clock` gives seconds since
    1970.
    """

    def __init__(self, options: EventOptions, sinks: Iterable[Sink], clock: Clock) -> None:
        self.options = options
        every = [*open_sinks(options), *sinks]
        self.recorder = Recorder(every, _inline_sinks(options), clock=clock)

    def observe(self, visit: Visit, decision: Decision, policy: Policy) -> None:
        """Record what a decision means for its visit; a failure is logged, and fails nothing."""
        try:
            self._observe(visit, decision, policy)
        except Exception:
            logger.exception("internal error; the visit was not recorded")

    def _observe(self, visit: Visit, decision: Decision, policy: Policy) -> None:
        for event in stages(visit, decision, policy):
            self.recorder.record(event)
        if visit.method != "GET" or visit.marker is not None:
            return
        if not asks_for_privacy(visit.headers) or not isinstance(decision, Page | Redirect):
            return
        if decision.reason == "escape":  # only counted: the visitor asked not to be followed
            app, platform = decision.visitor.app or "", decision.visitor.platform
            self.recorder.count(Event(0, "", "eligible", decision.rule, app, platform=platform))


class MeasurementSource:
    """The measurement for the options in force.

    `sinks` are the site's own; they switch measuring on where the rules do not.
    """

    def __init__(self, sinks: Iterable[Sink], clock: Clock) -> None:
        self._sinks = tuple(sinks)
        self._clock = clock
        self._default = EventOptions() if self._sinks else None
        self._lock = threading.Lock()
        self._seen: EventOptions | None = None
        self._measurement: Measurement | None = None

    @property
    def is_on(self) -> bool:
        """Whether visits are measured even where the rules say nothing of it."""
        return self._default is not None

    def current(self, options: EventOptions | None) -> Measurement | None:
        """The measurement for these options, None where nothing is measured.

        Where an edit has changed them, it replaces the previous one and closes that.
        """
        options = options or self._default
        if options is not self._seen:
            with self._lock:
                previous, self._seen = self._measurement, options
                if options != (previous and previous.options):
                    self._measurement = None
                    if options:
                        self._measurement = Measurement(options, self._sinks, self._clock)
                    if previous:
                        previous.recorder.close()
        return self._measurement


def _inline_sinks(options: EventOptions) -> Iterable[Callable[[Event], object]]:
    if options.opentelemetry:
        from .opentelemetry import annotate_span  # noqa: PLC0415 - an extra

        yield annotate_span
