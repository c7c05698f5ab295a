"""The journey of a visit: begun with its first request, taken up again by its tokens."""

from __future__ import annotations

from .decisions import AskSite, Decision
from .model import Destination, Journey, Subject, Visit
from .policy import Case, Policy
from .tokens import Reading

VISIT = "escape_mw.visit"  # the environ key of a visit's token for the site
MAJOR = 6  # digits kept of a major version; a longer number in a user agent is not a version
TO_SITE = ("arrived", "stay", "holdout")


def carried_journey(visit: Visit, policy: Policy) -> Journey | None:
    """What a verified marker or a kept choice says of the visit; None if it is not measured."""
    if visit.stay is not None:
        reading = policy.tokens.read_site(visit.stay.token, visit.moment)
        return journey_from(reading, policy) if reading and reading.is_fresh else None
    marker = visit.marker
    if marker is None or not marker.is_verified or not marker.subject.visit:
        return None
    return shown_journey(marker.subject, policy)


def shown_journey(subject: Subject, policy: Policy) -> Journey:
    """The journey that a marker or a beacon's token continues: its visitor was shown a page."""
    return journey_from(Reading(subject, "escape", is_fresh=True), policy)


def journey_from(reading: Reading, policy: Policy) -> Journey:
    """The journey that a token tells; the rule's key names the experiment."""
    subject, rule = reading.subject, policy.by_key.get(reading.subject.rule)
    experiment = rule.experiment if rule and reading.arm else None
    return Journey(
        id=subject.visit,
        rule=subject.rule,
        app=subject.app,
        platform=subject.platform,
        experiment=experiment.name if experiment else "",
        arm=reading.arm if experiment else "",
    )


def journey_of(case: Case, destination: Destination | None) -> Journey | None:
    """The journey of a visitor in a webview, None where the visit is not measured.

    The arm is drawn at the first request; a visitor who returns was shown a page.
    """
    visit, visitor, rule, policy = case
    if not visit.id:
        return None
    is_first = visit.marker is None or not visit.marker.is_verified
    is_by_hand = visit.is_tap and is_first  # a tag of the site's own: no page was drawn for
    experiment = rule.experiment if policy.mode == "act" and not is_by_hand else None
    return Journey(
        id=visit.id,
        rule=rule.key,
        app=visitor.app or "",
        app_version=(visitor.app_version or "").partition(".")[0][:MAJOR],
        platform=visitor.platform,
        service=destination.service if destination else "",
        kind=destination.kind if destination else "",
        goal=destination.goal if destination else "",
        experiment=experiment.name if experiment else "",
        arm=(experiment.arm(visit.id) if is_first else "escape") if experiment else "",
        is_first=is_first,
    )


def stay_cookie(visit: Visit, decision: Decision, policy: Policy) -> str:
    """The Set-Cookie that keeps a choice which has just been made, "" for none."""
    if decision.reason != "stay" or visit.stay is None or not visit.stay.is_new:
        return ""
    url, token = visit.url or "", visit.stay.token
    return policy.stays.cookie(url, visit.root, token, visit.moment)


def site_token(decision: Decision, policy: Policy, moment: int) -> str | None:
    """The visit's token for the site's own flow.

    It is for arrivals, for visitors who stay, and for those whom an experiment lets through.
    """
    journey = decision.journey
    if journey is None:
        return None
    is_asked = isinstance(decision, AskSite) and journey.experiment
    if decision.reason in TO_SITE or is_asked:
        return policy.tokens.site(journey.subject, journey.arm, moment)
    return None
