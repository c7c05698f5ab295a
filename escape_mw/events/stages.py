"""From a decision to the stages of its visit: what has happened by deciding so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..decision.decisions import Act, AskSite, Decision, Page, Redirect
from ..decision.handoffs import TECHNIQUES
from ..decision.model import Goal, Journey, Visit, Visitor
from ..decision.policy import Policy, Rule
from ..decision.signals import asks_for_privacy, is_navigation
from ..web.urls import first_values
from .event import Event, storable


def stages(
    visit: Visit,
    decision: Decision,
    policy: Policy,
    *,
    is_carried_out: bool,
    by: Sequence[str] = (),
) -> Iterator[Event]:
    """The events of a decision; none where nothing is measured.

    Nothing was shown or attempted where it is not carried out. `by` is as in `EventOptions`.
    """
    journey, moment = decision.journey, visit.moment
    if journey is None or isinstance(decision, AskSite) or visit.method == "HEAD":
        return
    if decision.reason in ("arrived", "arrived-elsewhere"):
        yield from _arrival(visit, journey, policy, decision.reason)
    if decision.reason not in ("escape", "holdout", "links"):
        return
    act = decision if is_carried_out and isinstance(decision, Page | Redirect) else None
    if journey.is_first:
        yield _eligible(visit, journey, act, policy, by)
    if act is None:
        return
    first = act.steps[0]
    fired = "tapped" if first.trigger == "tap" else "attempt"
    name = fired if isinstance(act, Redirect) else "shown"
    yield event(journey, name, policy, moment, first.technique, first.trigger)


def _eligible(
    visit: Visit, journey: Journey, act: Act | None, policy: Policy, by: Sequence[str]
) -> Event:
    """The visit's first event, with what only its first request knows."""
    rule = policy.by_key.get(journey.rule)
    experiment = rule.experiment if rule and journey.arm else None
    return event(journey, "eligible", policy, visit.moment)._replace(
        first=act.steps[0].technique if act else "",
        handover=act.handover if act else "",
        planned=experiment.planned if experiment else 0,
        by=_own_word(visit, rule, by) if rule and by else "",
        hints=("yes" if "sec-ch-ua" in visit.headers else "no")
        if journey.platform == "android"
        else "",
    )


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
        outcome=outcome and storable(outcome),
        experiment=journey.experiment,
        arm=journey.arm,
        rule_version=policy.versions.get(journey.rule, ""),
        day=policy.tokens.day_of(journey.id),
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


def _own_word(visit: Visit, rule: Rule, by: Sequence[str]) -> str:
    """The first of these names that the rule's path captures, or that the query has a value for."""
    captures = rule.path.captures(*visit.paths) or {}
    query = first_values(visit.query)
    words = (captures.get(name) or query.get(name, "") for name in by)
    return storable(next(filter(None, words), ""))


def _arrival(visit: Visit, journey: Journey, policy: Policy, name: str) -> Iterator[Event]:
    """An arrival by the technique that its marker names, in force or not."""
    is_followed = is_navigation(visit) and not asks_for_privacy(visit.headers)
    if is_followed and visit.marker is not None and visit.marker.technique in TECHNIQUES:
        technique = visit.marker.technique
        trigger = trigger_of(journey, technique, policy)
        yield event(journey, name, policy, visit.moment, technique, trigger)
