"""From a decision to the stages of its visit: what has happened by deciding so."""

from __future__ import annotations

from collections.abc import Iterator

from ..decision.handoffs import TECHNIQUES
from ..decision.model import (
    AskSite,
    Decision,
    Goal,
    Journey,
    Pass,
    Redirect,
    Tag,
    Visit,
    Visitor,
)
from ..decision.policy import Policy
from ..decision.signals import asks_for_privacy, is_navigation
from .event import Event, storable


def stages(
    visit: Visit, decision: Decision, policy: Policy, *, is_carried_out: bool
) -> Iterator[Event]:
    """The events of a decision; none where nothing is measured.

    Nothing was shown or attempted where it is not carried out.
    """
    journey, moment = decision.journey, visit.moment
    if journey is None or isinstance(decision, AskSite) or visit.method == "HEAD":
        return
    if decision.reason == "arrived":
        yield from _arrival(visit, journey, policy)
    if decision.reason not in ("escape", "holdout", "links"):
        return
    if journey.is_first:
        yield event(journey, "eligible", policy, moment)
    if not is_carried_out or isinstance(decision, Pass | Tag):
        return
    first = decision.steps[0]
    fired = "tapped" if first.trigger == "tap" else "attempt"
    name = fired if isinstance(decision, Redirect) else "shown"
    yield event(journey, name, policy, moment, first.technique, first.trigger)


def event(
    journey: Journey,
    name: str,
    policy: Policy,
    moment: int,
    technique: str = "",
    trigger: str = "",
    outcome: str = "",
) -> Event:
    """An event of a visit: one of its stages, with the step that it concerns, if any."""
    rule = policy.by_key.get(journey.rule)
    return Event(
        time=moment,
        visit=policy.tokens.hash_of(journey.id),
        name=name,
        rule=rule.name if rule else "",
        app=journey.app,
        app_version=journey.app_version,
        platform=journey.platform,
        service=journey.service,
        kind=journey.kind,
        goal=journey.goal,
        technique=technique,
        trigger=trigger,
        outcome=storable(outcome),
        experiment=journey.experiment,
        arm=journey.arm,
        rules=policy.version,
    )


def trigger_of(journey: Journey, technique: str, policy: Policy) -> str:
    """How a visit's ladder fires a technique, "" where it is in none of them any more.

    A token does not say which goal the visit had, so both ladders are searched; only the browser's
    brings arrivals.
    """
    visitor = Visitor("in-app", journey.app or None, journey.platform)  # type: ignore[arg-type]  # a token's word
    goals: tuple[Goal, ...] = ("browser", "app")
    for goal in goals:
        try:
            specs = policy.ladders.steps_for(visitor, goal)
        except KeyError:
            return ""
        if found := next((spec for spec in specs if spec.technique == technique), None):
            return found.trigger
    return ""


def _arrival(visit: Visit, journey: Journey, policy: Policy) -> Iterator[Event]:
    """An arrival by the technique that its marker names, in force or not."""
    is_followed = is_navigation(visit) and not asks_for_privacy(visit.headers)
    if is_followed and visit.marker is not None and visit.marker.technique in TECHNIQUES:
        technique = visit.marker.technique
        trigger = trigger_of(journey, technique, policy)
        yield event(journey, "arrived", policy, visit.moment, technique, trigger)
