"""From a decision to the stages of its visit: what carrying it out means for the visit."""

from __future__ import annotations

from collections.abc import Iterator

from ..decide import is_navigation
from ..environ import asks_for_privacy
from ..model import AskSite, Decision, Journey, Pass, Redirect, Rung, Visit, Visitor
from ..policy import Rules
from .event import Event


def stages(visit: Visit, decision: Decision, rules: Rules, now: int) -> Iterator[Event]:
    """The events of a decision that is carried out at `now` (seconds since 1970).

    Empty for a decision without a journey, which is not measured.
    """
    journey = decision.journey
    if journey is None or isinstance(decision, AskSite) or visit.method != "GET":
        return
    if decision.reason == "arrived":
        if (
            is_navigation(visit)
            and visit.marker is not None
            and not asks_for_privacy(visit.headers)
        ):
            rung = step_of(journey, visit.marker.step or 0, rules)
            yield event(journey, "arrived", rules, now, rung)
        return
    if decision.reason not in ("escape", "holdout"):
        return
    if visit.marker is None or not visit.marker.trusted:
        yield event(journey, "eligible", rules, now)
    if rules.mode == "observe" or isinstance(decision, Pass):
        return
    first = decision.steps[0]
    yield event(
        journey,
        "attempt" if isinstance(decision, Redirect) else "shown",
        rules,
        now,
        Rung(first.technique, first.trigger),
    )


def event(
    journey: Journey, name: str, rules: Rules, now: int, rung: Rung | None = None, outcome: str = ""
) -> Event:
    """An event of a journey's visit: its fields from the journey, `now` in seconds since 1970."""
    technique, trigger = (rung.technique, rung.trigger) if rung else ("", "")
    rule = rules.rules[journey.rule].name if journey.rule < len(rules.rules) else ""
    about = (
        journey.app,
        journey.app_version,
        journey.platform,
        journey.service,
        journey.kind,
        journey.goal,
    )
    return Event(
        now,
        journey.id,
        name,
        rule,
        *about,
        technique,
        trigger,
        outcome,
        journey.experiment,
        journey.arm,
        rules.version,
    )


def step_of(journey: Journey, step: int, rules: Rules) -> Rung | None:
    """The step of a visit's ladder by its number from 0; a number past the end is the menu."""
    rungs = ladder_of(journey, rules)
    return rungs[min(step, len(rungs) - 1)] if rungs else None


def ladder_of(journey: Journey, rules: Rules) -> tuple[Rung, ...]:
    """The ladder of a visit; empty if the rules no longer know its host app."""
    visitor = Visitor(
        "in-app" if journey.app else "webview",
        journey.app or None,
        journey.platform,  # type: ignore[arg-type]  # a journey's fields are text
    )
    try:
        return rules.ladders.rungs(visitor, journey.goal)  # type: ignore[arg-type]
    except KeyError:
        return ()
