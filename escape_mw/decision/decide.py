"""What is done about a request: `decide(visit, policy)`, a chain of guards, the cheapest first.

 1. off             the rules are switched off
 2. method          not GET or HEAD, nor a form that may lead to a sign-in
 3. browser, bot    nobody to help (arrived: a marked one got out, and is led on where the rules
                    know where to, else to the address without its marker if nothing measures it;
                    arrived-elsewhere: on a system that the visit's phone does not have;
                    marked: its marker does not hold)
 4. platform        a host app on a desktop
 5. app             a host app that the rules leave out
 6. not-navigation  an asset, a script's request, a prefetch, a frame
 7. sign-in-return  a sign-in on its way back: it must end where it began
 8. excluded        a path that the rules leave alone
 9. no-rule         no rule for this path and visitor (webview: only for want of a host app's name)
10. stay            the visitor chose to continue here
11. address         the requested URL cannot be trusted, so no way back could be built
12. no-redirect     the site answers, and sends nobody away
13. no-destination  the visit does not lead to a configured destination
14. own-host        it leads to the site itself
15. words-only      nothing is left but the menu in words, and the rule lets the site answer then
16. flow            it continues a visit that its experiment let through on another page
17. share           the rule acts on a share of visits, and this is not one of them
18. holdout         the visit is eligible, and its experiment lets it through to compare with
"""

from __future__ import annotations

from dataclasses import replace

from ..web.urls import path_of
from .decisions import AskSite, Decision, Page, Pass, Reason, Redirect, Tag
from .handover import HandOver
from .journeys import carried_journey, journey_of
from .model import PHONES, Destination, Journey, Visit, Visitor
from .policy import Case, Policy, Rule
from .referrers import referring_page
from .signals import is_navigation, is_sign_in_return
from .taps import Tap, tag_of, tapped
from .targets import Lookup, SiteRedirect
from .visitors import platform

PAGE = ""  # the location of a page
OUTSIDE: dict[str, Reason] = {"browser": "browser", "bot": "bot"}  # who is in no webview, by kind


def decide(visit: Visit, policy: Policy, location: str | None = None) -> Decision:
    """Judge one request.

    `location` is where the wrapped site's own redirect leads, once it has answered, PAGE where it
    has answered with a page. Returns `AskSite` where only that answer can tell. Never raises for
    what a request holds.
    """
    if policy.mode == "off":
        return Pass("off")
    if visit.method not in ("GET", "HEAD", "POST"):
        return Pass("method")
    visitor = policy.detector.visitor(visit.user_agent, visit.headers)
    if visitor.kind in OUTSIDE:
        return Pass("method") if visit.method == "POST" else _arrival(visit, visitor, policy)
    return decide_for(visitor, visit, policy, location)


def decide_tap(visit: Visit, tap: Tap, policy: Policy) -> Decision:
    """Judge a tap on a plain link; `visit` is that to the page that it stands on."""
    visitor = policy.detector.visitor(visit.user_agent, visit.headers)
    reason = "off" if policy.mode == "off" else OUTSIDE.get(visitor.kind)
    if reason is not None:
        return Pass(reason, visitor)
    return decide_for(visitor, visit, policy, tap=tap)


def decide_for(
    visitor: Visitor,
    visit: Visit,
    policy: Policy,
    location: str | None = None,
    tap: Tap | None = None,
) -> Decision:
    """Judge a request whose visitor is known to be in a webview: the guards from 4 on."""
    if visitor.platform not in PHONES:
        return Pass("platform", visitor)
    if visitor.app and visitor.app not in policy.apps:
        return Pass("app", visitor)
    if not is_navigation(visit):
        return Pass("not-navigation", visitor)
    if is_sign_in_return(visit.query):
        return Pass("sign-in-return", visitor)
    if policy.exclude and policy.excludes(*visit.paths):
        return Pass("excluded", visitor)
    rule = next((rule for rule in policy.rules if rule.matches(visit, visitor)), None)
    if rule is None:
        return Pass("no-rule" if visitor.kind == "in-app" else "webview", visitor)
    case = Case(visit, visitor, rule, policy)
    if tap is not None:
        return _guarded(tapped(case, tap), None) if rule.links else Pass("no-rule", visitor)
    if visit.method == "POST":
        return _posted(case, location)
    return _guarded(case, location)


def _posted(case: Case, location: str | None) -> Decision:
    """A form is judged as the page that it stands on, and only by a redirect to a sign-in.

    So it is under a rule that does not ask the site too, for its own words are about the page. Of a
    page that is shown to some visitors only, those who see the form were left to the site.
    """
    visitor, rule, policy = case.visitor, case.rule, case.policy
    page = referring_page(case.visit, policy)
    is_split = bool(rule.experiment) or rule.share < 100
    is_left = location == PAGE or (is_split and not rule.to.asks_site)
    if page is None or is_left or policy.excludes(*page.paths):
        return Pass("method", visitor, rule=rule.name)
    redirected = replace(rule, to=SiteRedirect())
    decision = _guarded(case._replace(visit=page, rule=redirected), location)
    if isinstance(decision, AskSite):
        return replace(decision, links=False)
    if isinstance(decision, Page | Redirect):
        destination = decision.destination
        if destination is None or destination.kind != "oauth":
            return Pass("method", visitor, rule=rule.name)
    return decision


def _guarded(case: Case, location: str | None) -> Decision:
    """The guards from 10 on."""
    visit, visitor, rule, policy = case
    if visit.stay is not None:
        return _lead_on("stay", case, carried_journey(visit, policy))
    if visit.url is None:
        return Pass("address", visitor, rule=rule.name)
    if rule.to.asks_site and location is None:
        return _asked("no-redirect", case)
    if rule.to.asks_site and rule.links and location == PAGE:
        return tag_of(case)
    destination = rule.to.destination(lookup(visit, rule, policy, location))
    if destination is None:
        return Pass("no-destination", visitor, rule=rule.name)
    return _escape_or_compare(case, destination, location)


def _asked(reason: Reason, case: Case) -> AskSite:
    """The site answers; what it answers with, a redirect or a page, is looked at."""
    rule = case.rule
    has_tag = rule.links and isinstance(tag_of(case), Tag)
    journey = journey_of(case, None)
    links = has_tag and case.policy.mode == "act"
    return AskSite(case.visitor, reason, journey, rule.name, links)


def _escape_or_compare(case: Case, destination: Destination, location: str | None) -> Decision:
    """The guards from 14 on, for a visit that leads to a destination."""
    visit, visitor, rule, policy = case
    if not rule.to.is_page and policy.owns(destination.url, visit):
        return Pass("own-host", visitor, destination, rule.name)
    if rule.words_pass and not visit.is_tap and HandOver(case, destination).is_in_words:
        if rule.links and location != PAGE:
            return _asked("words-only", case)
        return tag_of(case) if rule.links else Pass("words-only", visitor, destination, rule.name)
    if _goes_on(case):
        return Pass("flow", visitor, destination, rule.name)
    if visit.marker is None and not rule.draws(visit):
        return Pass("share", visitor, destination, rule.name)
    journey = journey_of(case, destination)
    if journey is not None and journey.arm == "holdout":
        return Pass("holdout", visitor, destination, rule.name, journey)
    return HandOver(case, destination, journey).decision()


def _goes_on(case: Case) -> bool:
    """Whether a visitor goes on within an experiment that has let the last page through.

    Whoever was shown an escape brings a marker or a choice to continue here.
    """
    visit, visitor, rule, policy = case
    if rule.experiment is None or visit.marker or visit.is_tap or not visit.id:
        return False
    page = referring_page(visit, policy)
    if page is None or page.marker or policy.excludes(*page.paths) or policy.mode != "act":
        return False
    before = next((one for one in policy.rules if one.matches(page, visitor)), None)
    return before is not None and before.experiment == rule.experiment


def _arrival(visit: Visit, visitor: Visitor, policy: Policy) -> Decision:
    """A marked request of a real browser: it got out, which is believed if its marker holds."""
    if not visit.is_marked or visitor.kind == "bot":
        return Pass(OUTSIDE[visitor.kind], visitor)
    is_verified = visit.marker is not None and visit.marker.is_verified
    journey = carried_journey(replace(visit, stay=None), policy)
    reason = _how_it_came(visit) if is_verified else "marked"
    rule = None if policy.excludes(*visit.paths) else _rule_of_arrival(visit, policy)
    if rule is None:
        return Pass(reason, visitor, journey=journey)
    decision = _lead_on(reason, Case(visit, visitor, rule, policy), journey)
    is_measured = journey is not None
    if isinstance(decision, Redirect) or is_measured or visit.url is None:
        return decision
    if not is_navigation(visit):
        return decision
    return Redirect(reason, path_of(visit.url), visitor, None, rule.name)


def _how_it_came(visit: Visit) -> Reason:
    """Whether a browser can be on the visit's own phone: "arrived", or "arrived-elsewhere".

    Whoever opens a shared address on another system is somebody else. Safari on an iPad calls
    itself a Macintosh by default (Apple, since iPadOS 13).
    """
    phone = visit.marker.subject.platform if visit.marker else ""
    if phone not in PHONES or platform(visit.user_agent) == phone:
        return "arrived"
    is_ipad = phone == "ios" and "Macintosh" in visit.user_agent
    return "arrived" if is_ipad else "arrived-elsewhere"


def _rule_of_arrival(visit: Visit, policy: Policy) -> Rule | None:
    """The rule by which an arrival was handed over: its marker names it.

    A real browser does not say which host app it was opened from, so `when` cannot be checked. The
    page of a form may have another path than the one that it was posted to.
    """
    marker = visit.marker
    named = policy.named(marker.subject.rule, visit) if marker else None
    if marker and named and (marker.is_verified or named.covers(visit)):
        return named
    return next((rule for rule in policy.rules if rule.covers(visit)), None)


def _lead_on(reason: Reason, case: Case, journey: Journey | None) -> Pass | Redirect:
    """Let the site answer as it always does; lead on where the rules know where to."""
    visit, visitor, rule, policy = case
    destination = rule.to.destination(lookup(visit, rule, policy)) if rule.to.is_of_rules else None
    if destination and not policy.owns(destination.url, visit):
        url = destination.url
        return Redirect(reason, url, visitor, destination, rule.name, journey=journey)
    return Pass(reason, visitor, rule=rule.name, journey=journey)


def lookup(visit: Visit, rule: Rule, policy: Policy, location: str | None = None) -> Lookup:
    """What a rule's destination is found by."""
    captures = rule.path.captures(*visit.paths) or {}
    return Lookup(visit, captures, policy.destinations, location)
