"""Beacons and outcomes: what is recorded for a visit by its signed token.

What nobody signed is counted as forged, what comes too late as a repeat; neither changes anything
else.
"""

from __future__ import annotations

from dataclasses import replace

from ..decision.model import Journey, StepSpec
from ..decision.policy import Policy
from .event import Event
from .recorder import Recorder
from .stages import event, ladder_of

WITH_TECHNIQUE = ("attempt", "tapped", "left")
WITHOUT_TECHNIQUE = ("copied", "continued")
PAGE_AGE = 3600  # seconds that a page is believed
OUTCOME_AGE = 24 * 3600  # seconds that an outcome may take


def record_beacon(line: str, policy: Policy, recorder: Recorder) -> None:
    """Record what a page reports, a line such as "TOKEN tapped intent-app"."""
    token, name, technique = ([*line.split(" "), "", ""])[:3]
    journey = _journey(token, PAGE_AGE, policy, recorder)
    if journey is None:
        return
    steps = ladder_of(journey, policy)
    step = next((step for step in steps if step.technique == technique), None)
    is_known = step is not None if name in WITH_TECHNIQUE else not technique
    if name in (*WITH_TECHNIQUE, *WITHOUT_TECHNIQUE) and is_known:
        now = int(recorder.clock())
        recorder.record(event(journey, name, policy, now, _fired(step, name)))
    else:
        _count("forged", recorder)


def record_outcome(name: str, token: str, policy: Policy, recorder: Recorder) -> bool:
    """Record an outcome of the visit that a token was made for; returns whether it was one."""
    journey = _journey(token, OUTCOME_AGE, policy, recorder)
    if journey is None:
        return False
    recorder.record(event(journey, "outcome", policy, int(recorder.clock()), outcome=name))
    return True


def _fired(step: StepSpec | None, name: str) -> StepSpec | None:
    """The step as it was fired: a tap is one, whatever the ladder would have done by itself."""
    if step is not None and name == "tapped" and step.trigger != "written":
        return replace(step, trigger="tap")
    return step


def _journey(token: str, max_age: int, policy: Policy, recorder: Recorder) -> Journey | None:
    signed = policy.markers.verify(token, max_age)
    journey = Journey.read(signed.text) if signed and signed.is_fresh else None
    if journey is None:
        _count("repeat" if signed and not signed.is_fresh else "forged", recorder)
    return journey


def _count(name: str, recorder: Recorder) -> None:
    recorder.count(Event(0, "", name))
