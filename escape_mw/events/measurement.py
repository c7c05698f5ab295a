"""Measuring by one set of event options: from decisions to the recorder and its sinks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..decision.decisions import Decision, Page, Redirect, Tag
from ..decision.model import Visit
from ..decision.policy import Policy
from ..decision.signals import asks_for_privacy
from ..web.logs import logger
from .event import Tally
from .limiter import RateLimiter
from .options import EventOptions
from .recorder import Recorder
from .sinks import Sink, open_inline_sinks, open_sinks
from .stages import stages

Clock = Callable[[], float]


class Measurement:
    """What visits are measured with, for as long as the event options stay the same.

    `sinks` are the site's own, besides those that the options name; `clock` gives seconds since
    1970.
    """

    def __init__(self, options: EventOptions, sinks: Iterable[Sink], clock: Clock) -> None:
        self.options = options
        self.limiter = RateLimiter()  # of what browsers report
        every = [*open_sinks(options), *sinks]
        self.recorder = Recorder(every, open_inline_sinks(options), clock=clock)

    def observe(
        self, visit: Visit, decision: Decision, policy: Policy, *, is_carried_out: bool
    ) -> None:
        """Record what a decision means for its visit; a failure is logged, and fails nothing."""
        try:
            by = self.options.by
            for event in stages(visit, decision, policy, is_carried_out=is_carried_out, by=by):
                self.recorder.record(event)
            self._count_unfollowed(visit, decision)
        except Exception:
            logger.exception("internal error; the visit was not recorded")

    def _count_unfollowed(self, visit: Visit, decision: Decision) -> None:
        """Count a visitor who asked not to be followed, and nothing else of the visit."""
        if visit.method != "GET" or visit.marker is not None:
            return
        if not asks_for_privacy(visit.headers) or not isinstance(decision, Page | Redirect | Tag):
            return
        if decision.reason in ("escape", "links"):
            app, platform = decision.visitor.app or "", decision.visitor.platform
            self.recorder.count(Tally("eligible", decision.rule, app, platform))
