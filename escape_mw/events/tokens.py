"""Beacons and outcomes: what is recorded for a visit by its signed token.

A beacon is recorded with the beacon's token only, an outcome with the site token only. What nobody
signed is counted as forged, what comes too late as a repeat; neither changes anything else.
"""

from __future__ import annotations

from ..decision.handoffs import TECHNIQUES
from ..decision.journeys import journey_from, shown_journey
from ..decision.policy import Policy
from ..decision.tokens import Reading
from .event import Tally
from .recorder import Recorder
from .stages import event, trigger_of

WITH_TECHNIQUE = ("attempt", "tapped", "left", "returned")
WITHOUT_TECHNIQUE = ("copied", "continued")
FIRED = {"tapped": "tap", "attempt": "auto"}


def read_beacon(line: str, policy: Policy, recorder: Recorder, moment: int) -> Reading | None:
    """The visit of a page's report, a line such as "TOKEN tapped intent-app"; None if forged."""
    reading = policy.tokens.read_beacon(line.partition(" ")[0], moment)
    if reading is None:
        recorder.count(Tally("forged"))
    return reading


def read_outcome(token: str, policy: Policy, recorder: Recorder, moment: int) -> Reading | None:
    """The visit of a site token; None if it is forged."""
    reading = policy.tokens.read_site(token, moment)
    if reading is None:
        recorder.count(Tally("forged"))
    return reading


def record_beacon(
    reading: Reading, line: str, policy: Policy, recorder: Recorder, moment: int
) -> None:
    """Record what a page reports of its visit."""
    name, technique = ([*line.split(" "), "", ""])[1:3]
    subject, way = reading.subject, TECHNIQUES.get(technique)
    is_known = not technique
    if name in WITH_TECHNIQUE:
        is_known = way is not None and way.is_of(subject.app, subject.platform)
    if not reading.is_fresh:
        recorder.count(Tally("repeat"))
    elif name in (*WITH_TECHNIQUE, *WITHOUT_TECHNIQUE) and is_known:
        journey = shown_journey(subject, policy)
        trigger = trigger_of(journey, technique, policy)
        if trigger != "written":
            trigger = FIRED.get(name, trigger)
        recorder.record(event(journey, name, policy, moment, technique, trigger))
    else:
        recorder.count(Tally("forged"))


def record_outcome(
    reading: Reading, name: str, policy: Policy, recorder: Recorder, moment: int
) -> bool:
    """Record an outcome of a visit; returns whether it came in time."""
    if not reading.is_fresh:
        recorder.count(Tally("repeat"))
        return False
    journey = journey_from(reading, policy)
    recorder.record(event(journey, "outcome", policy, moment, outcome=name))
    return True
