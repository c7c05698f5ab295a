"""The journey of a visit: begun with its first request, taken up again by its markers."""

from __future__ import annotations

from .model import AskSite, Decision, Destination, Journey, Marker, Visit, Visitor
from .policy import Policy, Rule

VISIT = "escape_mw.visit"  # the environ key of a visit's token for the site
TO_SITE = ("arrived", "stay", "holdout")


def carried_journey(marker: Marker | None) -> Journey | None:
    """What a verified marker says of the visit that it belongs to; None if it is not measured."""
    if marker is None or not marker.is_verified or not marker.subject.visit:
        return None
    visit, rule, app, platform = marker.subject
    return Journey(visit, rule, app, platform=platform)


def journey_of(
    visit: Visit, visitor: Visitor, destination: Destination | None, rule: Rule, policy: Policy
) -> Journey | None:
    """The journey of a visitor in a webview, None where the visit is not measured.

    Its arm is drawn with its first request.
    """
    if not visit.id:
        return None
    is_first = visit.marker is None or not visit.marker.is_verified
    trial = rule.experiment if policy.mode == "act" and is_first else None
    return Journey(
        id=visit.id,
        rule=rule.key,
        app=visitor.app or "",
        app_version=(visitor.app_version or "").partition(".")[0][:6],
        platform=visitor.platform,
        service=destination.service if destination else "",
        kind=destination.kind if destination else "",
        goal=destination.goal if destination else "",
        experiment=trial.name if trial else "",
        arm=trial.arm(visit) if trial else "",
        is_first=is_first,
    )


def site_token(decision: Decision, policy: Policy) -> str | None:
    """The visit's token for the site's own flow.

    It is for arrivals, for visitors who stay, and for those whom an experiment lets through.
    """
    journey = decision.journey
    if journey is None:
        return None
    is_asked = isinstance(decision, AskSite) and journey.experiment
    return policy.tokens.site(journey.id) if decision.reason in TO_SITE or is_asked else None
