"""The journey of a visit: what its events share, begun once and then carried by its markers."""

from __future__ import annotations

from .model import AskSite, Decision, Destination, Journey, Visit, Visitor
from .policy import Policy, Rule

VISIT = "escape_mw.visit"  # the environ key of a visit's token for the site
TO_SITE = ("arrived", "stay", "holdout")


def carried_journey(visit: Visit) -> Journey | None:
    """The journey that a marked request goes on with."""
    trusted = visit.marker is not None and visit.marker.trusted
    return visit.marker.journey if visit.marker is not None and trusted else None


def journey_of(
    visit: Visit, visitor: Visitor, destination: Destination | None, rule: Rule, policy: Policy
) -> Journey | None:
    """The visit's journey, None where it is not measured. A marked visit keeps the one it has."""
    if not visit.id:
        return None
    if carried := carried_journey(visit):
        return carried
    trial = rule.experiment if policy.mode == "act" else None
    return Journey(
        id=visit.id,
        rule=rule.number,
        app=visitor.app or "",
        app_version=(visitor.app_version or "").partition(".")[0][:6],
        platform=visitor.platform,
        service=destination.service if destination else "",
        kind=destination.kind if destination else "",
        goal=destination.goal if destination else "",
        experiment=trial.name if trial else "",
        arm=trial.arm(visit) if trial else "",
    )


def site_token(decision: Decision, policy: Policy) -> str | None:
    """The visit's token for the site's own flow.

    It is for arrivals, for visitors who stay, and for those whom an experiment lets through.
    """
    journey = decision.journey
    if journey is None:
        return None
    is_asked = isinstance(decision, AskSite) and journey.experiment
    if decision.reason in TO_SITE or is_asked:
        return policy.markers.token(journey.payload)
    return None
