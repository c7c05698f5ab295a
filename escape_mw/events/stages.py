"""From a decision to the stages of its visit: what has happened by deciding so."""

from __future__ import annotations

from collections.abc import Iterator

from ..decision.model import AskSite, Decision, Journey, Pass, Redirect, StepSpec, Visit, Visitor
from ..decision.policy import Policy
from ..decision.signals import asks_for_privacy, is_navigation
from .event import Event


def stages(visit: Visit, decision: Decision, policy: Policy, now: int) -> Iterator[Event]:
    """The events of a decision that is carried out; none where nothing is measured.

    `now` is in seconds since 1970.
    """
    journey = decision.journey
    if journey is None or isinstance(decision, AskSite) or visit.method != "GET":
        return
    if decision.reason == "arrived":
        yield from _arrival(visit, journey, policy, now)
    if decision.reason not in ("escape", "holdout"):
        return
    if visit.marker is None or not visit.marker.trusted:
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
    rule = policy.rules[journey.rule].name if journey.rule < len(policy.rules) else ""
    return Event(
        time=now,
        visit=journey.id,
        name=name,
        rule=rule,
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


def step_of(journey: Journey, number: int, policy: Policy) -> StepSpec | None:
    """The step of a visit's ladder by its number from 0; beyond the last is the menu, by hand."""
    steps = ladder_of(journey, policy)
    return steps[min(number, len(steps) - 1)] if steps else None


def ladder_of(journey: Journey, policy: Policy) -> tuple[StepSpec, ...]:
    """The ladder that a visit stands on; none where the rules no longer know its host app."""
    kind, app = ("in-app", journey.app) if journey.app else ("webview", None)
    visitor = Visitor(kind, app, journey.platform)  # type: ignore[arg-type]  # words of a token
    try:
        return policy.ladders.steps_for(visitor, journey.goal)  # type: ignore[arg-type]
    except KeyError:
        return ()


def _arrival(visit: Visit, journey: Journey, policy: Policy, now: int) -> Iterator[Event]:
    is_followed = is_navigation(visit) and not asks_for_privacy(visit.headers)
    if is_followed and visit.marker is not None:
        step = step_of(journey, visit.marker.step or 0, policy)
        yield event(journey, "arrived", policy, now, step)
