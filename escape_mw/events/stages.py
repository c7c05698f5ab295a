"""From a decision to the stages of its visit: what has happened by deciding so."""

from __future__ import annotations

from collections.abc import Iterator

from ..decision.model import (
    AskSite,
    Decision,
    Goal,
    Journey,
    Pass,
    Redirect,
    StepSpec,
    Visit,
    Visitor,
)
from ..decision.policy import Policy
from ..decision.signals import asks_for_privacy, is_navigation
from .event import Event


def stages(visit: Visit, decision: Decision, policy: Policy, now: int) -> Iterator[Event]:
    """The events of a decision that is carried out; none where nothing is measured.

    `now` is in seconds since 1970.
    """
    journey = decision.journey
    if journey is None or isinstance(decision, AskSite) or visit.method == "HEAD":
        return
    if decision.reason == "arrived":
        yield from _arrival(visit, journey, policy, now)
    if decision.reason not in ("escape", "holdout"):
        return
    if journey.is_first:
        yield event(journey, "eligible", policy, now)
    if policy.mode == "observe" or isinstance(decision, Pass):
        return
    first = decision.steps[0]
    name = "attempt" if isinstance(decision, Redirect) else "shown"
    yield event(journey, name, policy, now, StepSpec(first.technique, first.trigger))


def event(
    journey: Journey,
    name: str,
    policy: Policy,
    now: int,
    step: StepSpec | None = None,
    outcome: str = "",
) -> Event:
    """An event of a visit: one of its stages, with the step that it concerns, if any."""
    rule = policy.rule_of(journey.rule)
    return Event(
        time=now,
        visit=policy.tokens.hash_of(journey.id),
        name=name,
        rule=rule.name if rule else "",
        app=journey.app,
        app_version=journey.app_version,
        platform=journey.platform,
        service=journey.service,
        kind=journey.kind,
        goal=journey.goal,
        technique=step.technique if step else "",
        trigger=step.trigger if step else "",
        outcome=outcome,
        experiment=journey.experiment,
        arm=journey.arm,
        rules=policy.version,
    )


def step_of(journey: Journey, technique: str, policy: Policy) -> StepSpec | None:
    """The step of a visit's ladder by its technique.

    A token does not say which goal the visit had, so both ladders are searched; only the browser's
    brings arrivals. None where the rules no longer know the technique for this host app.
    """
    visitor = Visitor("in-app", journey.app or None, journey.platform)  # type: ignore[arg-type]  # a token's word
    goals: tuple[Goal, ...] = ("browser", "app")
    for goal in goals:
        try:
            specs = policy.ladders.steps_for(visitor, goal)
        except KeyError:
            return None
        if found := next((spec for spec in specs if spec.technique == technique), None):
            return found
    return None


def _arrival(visit: Visit, journey: Journey, policy: Policy, now: int) -> Iterator[Event]:
    is_followed = is_navigation(visit) and not asks_for_privacy(visit.headers)
    if is_followed and visit.marker is not None:
        step = step_of(journey, visit.marker.technique, policy)
        yield event(journey, "arrived", policy, now, step)
