"""What is in force: one value, made once from the rules and swapped as a whole."""

from __future__ import annotations

from typing import NamedTuple

from ..events.beacons import Owner
from ..events.beacons import routes as report_routes
from ..events.measurement import Clock, Measurement
from ..events.options import EventOptions
from ..events.sinks import Sink
from ..links.script import Script
from ..rules import Rules
from ..web.routes import Route


class State(NamedTuple):
    """The rules, what visits are measured with (None where nothing is), and our own addresses.

    `script` is that of plain links, None where no rule catches them. A request keeps the state that
    it began with, whatever is edited meanwhile.
    """

    rules: Rules
    measurement: Measurement | None
    routes: tuple[Route, ...]
    script: Script | None = None

    def retire(self, successor: State) -> None:
        """Retire the recorder, unless the successor goes on with it. Returns at once."""
        if self.measurement and self.measurement is not successor.measurement:
            self.measurement.recorder.retire()


def state_for(
    rules: Rules,
    sinks: tuple[Sink, ...],
    clock: Clock,
    owner_of: Owner,
    before: State | None = None,
) -> State:
    """The state that these rules make; the measurement is kept where its options are the same.

    `sinks` are the site's own, which switch measuring on where the rules do not; `clock` gives
    seconds since 1970, `owner_of` tells whose a site token is.
    """
    options = rules.events or (EventOptions() if sinks else None)
    measurement = before.measurement if before else None
    if options != (measurement and measurement.options):
        measurement = Measurement(options, sinks, clock) if options else None
    routes = () if rules.policy.mode == "off" else rules.routes
    if measurement and rules.policy.mode != "off":
        routes = (*report_routes(rules.policy, measurement, owner_of), *routes)
    script = Script(rules.policy) if rules.policy.has_links else None
    return State(rules, measurement, (*routes, *(script.routes() if script else ())), script)
