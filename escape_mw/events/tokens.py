"""Beacons and outcomes: what is recorded for a visit by its signed token.

A beacon is recorded with the beacon's token only, an outcome with the site token only. What nobody
signed is counted as forged, what comes too late as a repeat; neither changes anything else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from ..decision.model import Journey, StepSpec, Trigger
from ..decision.policy import Policy
from .event import Event
from .recorder import Recorder
from .stages import event, step_of

WITH_TECHNIQUE = ("attempt", "tapped", "left")
WITHOUT_TECHNIQUE = ("copied", "continued")
FIRED: dict[str, Trigger] = {"tapped": "tap", "attempt": "auto"}


class Report(NamedTuple):
    """A report that a token was signed for: the visit, and whether it comes in time."""

    journey: Journey
    is_fresh: bool


def read_beacon(line: str, policy: Policy, recorder: Recorder) -> Report | None:
    """The visit of a page's report, a line such as "TOKEN tapped intent-app"; None if forged."""
    read = policy.tokens.read_beacon(line.partition(" ")[0])
    if read is None:
        _count("forged", recorder)
        return None
    visit, rule, app, platform = read[0]
    return Report(Journey(visit, rule, app, platform=platform), read[1])


def read_outcome(token: str, policy: Policy, recorder: Recorder) -> Report | None:
    """The visit of a site token; None if it is forged."""
    read = policy.tokens.read_site(token)
    if read is None:
        _count("forged", recorder)
        return None
    return Report(Journey(read[0]), read[1])


def record_beacon(report: Report, line: str, policy: Policy, recorder: Recorder) -> None:
    """Record what a page reports of its visit."""
    name, technique = ([*line.split(" "), "", ""])[1:3]
    step = step_of(report.journey, technique, policy)
    is_known = step is not None if name in WITH_TECHNIQUE else not technique
    if not report.is_fresh:
        _count("repeat", recorder)
    elif name in (*WITH_TECHNIQUE, *WITHOUT_TECHNIQUE) and is_known:
        now = int(recorder.clock())
        recorder.record(event(report.journey, name, policy, now, _fired(step, name)))
    else:
        _count("forged", recorder)


def record_outcome(report: Report, name: str, policy: Policy, recorder: Recorder) -> bool:
    """Record an outcome of a visit; returns whether it came in time."""
    if not report.is_fresh:
        _count("repeat", recorder)
        return False
    now = int(recorder.clock())
    recorder.record(event(report.journey, "outcome", policy, now, outcome=name))
    return True


def _fired(step: StepSpec | None, name: str) -> StepSpec | None:
    """The step as it was fired, which its row in the other goal's ladder may not say."""
    if step is None or step.trigger == "written" or name not in FIRED:
        return step
    return replace(step, trigger=FIRED[name])


def _count(name: str, recorder: Recorder) -> None:
    recorder.count(Event(0, "", name))
