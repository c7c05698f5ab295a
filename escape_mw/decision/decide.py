"""What is done about a request: `decide(visit, policy)`, a chain of guards, the cheapest first.

 1. off             the rules are switched off
 2. method          neither GET nor HEAD
 3. browser, bot    nobody to help (arrived: a marked one got out, and is led on where the rules
                    know where to)
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
15. share           the rule acts on a share of visits, and this is not one of them
16. holdout         the visit is eligible, and its experiment lets it through to compare with
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from ..web.addresses import BEACON
from ..web.urls import host_of, without_port
from .handoffs import Handoff
from .journeys import carried_journey, journey_of
from .ladder import make_steps
from .markers import MENU_STEP, value
from .model import (
    AskSite,
    Decision,
    Destination,
    Journey,
    Marker,
    Page,
    Pass,
    Redirect,
    Visit,
    Visitor,
)
from .policy import Policy, Rule
from .signals import is_navigation, is_sign_in_return
from .targets import Lookup


def decide(visit: Visit, policy: Policy, location: str | None = None) -> Decision:
    """Judge one request.

    `location` is where the wrapped site's own redirect leads, once it has answered. Returns
    `AskSite` where only that answer can tell. Never raises for what a request holds.
    """
    if policy.mode == "off":
        return Pass("off")
    if visit.method not in ("GET", "HEAD"):
        return Pass("method")
    visitor = policy.visitors.visitor(visit.user_agent, visit.headers)
    if visitor.kind in ("browser", "bot"):
        return _arrival(visit, visitor, policy)
    return decide_for(visitor, visit, policy, location)


def decide_for(
    visitor: Visitor, visit: Visit, policy: Policy, location: str | None = None
) -> Decision:
    """Judge a request whose visitor is known to be in a webview: the guards from 4 on."""
    if visitor.platform not in ("ios", "android"):
        return Pass("platform", visitor)
    if visitor.app and visitor.app not in policy.apps:
        return Pass("app", visitor)
    if not is_navigation(visit):
        return Pass("not-navigation", visitor)
    if is_sign_in_return(visit.query):
        return Pass("sign-in-return", visitor)
    if policy.excludes(visit.path):
        return Pass("excluded", visitor)
    rule = next((rule for rule in policy.rules if rule.matches(visit, visitor)), None)
    if rule is None:
        return Pass("no-rule" if visitor.kind == "in-app" else "webview", visitor)
    if _chose_to_stay(visit, policy):
        return _lead_on("stay", visit, visitor, rule, policy)
    if visit.url is None:
        return Pass("address", visitor, rule=rule.name)
    if rule.to.asks_site and location is None:
        return AskSite(visitor, journey=journey_of(visit, visitor, None, rule, policy))
    lookup = Lookup(visit, rule.path, policy.destinations, location)
    destinations = rule.to.destinations(lookup)
    if not destinations:
        return Pass("no-destination", visitor, rule=rule.name)
    return _escape_or_compare(visit, visitor, destinations[0], rule, policy)


def _escape_or_compare(
    visit: Visit, visitor: Visitor, destination: Destination, rule: Rule, policy: Policy
) -> Decision:
    """The guards from 14 on, for a visit that leads to a destination."""
    if not rule.to.is_page and _is_own_host(destination, visit, policy):
        return Pass("own-host", visitor, destination, rule.name)
    if visit.marker is None and not _is_drawn(rule.share):
        return Pass("share", visitor, destination, rule.name)
    journey = journey_of(visit, visitor, destination, rule, policy)
    if journey is not None and journey.arm == "holdout":
        return Pass("holdout", visitor, destination, rule.name, journey)
    return HandOver(visit, visitor, destination, rule, policy, journey).decision()


def _is_drawn(share: float) -> bool:
    return share >= 100 or random.random() * 100 < share  # noqa: S311 - a fair draw, not a secret


def _chose_to_stay(visit: Visit, policy: Policy) -> bool:
    """Whether the visitor chose to continue here: on this page, or on the one that linked to it."""
    if visit.marker is not None:
        return visit.marker.step is None
    referrer = visit.headers.get("referer", "")
    return policy.markers.is_stay_url(referrer) and host_of(referrer) == visit.host


def _is_own_host(destination: Destination, visit: Visit, policy: Policy) -> bool:
    host = without_port(host_of(destination.url))
    own = (without_port(visit.host), without_port(host_of(visit.url or "")))
    return host in own or host in policy.allowed_hosts


def _arrival(visit: Visit, visitor: Visitor, policy: Policy) -> Decision:
    """A marked request of a real browser: it got out, which is believed if its signature holds.

    The marker names the rule, for its visitor was another.
    """
    marker = visit.marker
    if marker is None or visitor.kind == "bot":
        return Pass(visitor.kind, visitor)
    reason = "arrived" if marker.trusted else "marked"
    if not policy.excludes(visit.path):
        named = policy.rules[marker.rule : marker.rule + 1]
        for rule in (*named, *policy.rules):
            if rule.path.fullmatch(visit.path):
                return _lead_on(reason, visit, visitor, rule, policy)
    return Pass(reason, visitor, journey=carried_journey(visit))


def _lead_on(
    reason: str, visit: Visit, visitor: Visitor, rule: Rule, policy: Policy
) -> Pass | Redirect:
    """Let the site answer as it always does; lead on where the rules know where to."""
    journey = carried_journey(visit)
    for destination in rule.to.onward(Lookup(visit, rule.path, policy.destinations)):
        if not _is_own_host(destination, visit, policy):
            url = destination.url
            return Redirect(reason, url, visitor, destination, rule.name, journey=journey)
    return Pass(reason, visitor, rule=rule.name, journey=journey)


@dataclass(frozen=True, slots=True)
class HandOver:
    """One visit handed over to one destination.

    The music app gets the destination. The browser gets this site's own page with a marker, or,
    where the rule is direct, the destination too.
    """

    visit: Visit
    visitor: Visitor
    destination: Destination
    rule: Rule
    policy: Policy
    journey: Journey | None

    def decision(self) -> Redirect | Page:
        """The ladder made ready, as a bare redirect where its first step needs no page."""
        marker, name, goal = self.visit.marker, self.rule.name, self.destination.goal
        token = self._token(marker)
        start, automatic = _next_step(marker)
        specs = self.policy.ladders.steps_for(self.visitor, goal)
        steps = make_steps(
            specs,
            self.visitor,
            lambda step: self._handoff(step, token),
            start,
            automatic=automatic,
        )
        if steps[0].trigger == "redirect" and steps[0].uri:
            location = steps[0].uri
            return Redirect(
                "escape", location, self.visitor, self.destination, name, steps, self.journey
            )
        return Page(
            reason="escape",
            visitor=self.visitor,
            destination=self.destination,
            rule=name,
            steps=steps,
            stay=self._stay(token),
            link=self._link(),
            token=token,
            retry=start > 0,
            journey=self.journey,
            beacon=f"{self.visit.root}{BEACON}" if self.journey else "",
            menu_marker=self._menu_marker(token),
        )

    @property
    def is_direct(self) -> bool:
        """Whether the destination itself is handed over; a sign-in never is, nor is a page."""
        if self.destination.goal == "app":
            return True
        return self.rule.direct and self.destination.kind != "oauth" and not self.rule.to.is_page

    @property
    def own_url(self) -> str:
        """This site's own address of the visit."""
        return self.visit.url or ""

    def _token(self, marker: Marker | None) -> str:
        """The visit's signed id; a marked visit keeps what it was marked with."""
        if self.journey:
            return self.policy.markers.token(self.journey.payload)
        return self.policy.markers.token(marker.payload if marker else "")

    def _handoff(self, step: int, token: str) -> Handoff:
        page = self.policy.markers.add_to(self.own_url, step, self.rule.number, token)
        to = self.destination
        url = to.url if self.is_direct else page
        return Handoff(url, page, self.visitor.app, to.android_package, to.app_uri)

    def _stay(self, token: str) -> str:
        if self.destination.goal == "app":
            return self.destination.url
        return self.policy.markers.stay_url(self.own_url, token if self.journey else "")

    def _link(self) -> str:
        return self.destination.url if self.is_direct or self.rule.to.shows_url else self.own_url

    def _menu_marker(self, token: str) -> str:
        if self.journey is None or self.is_direct:
            return ""
        return value(MENU_STEP, self.rule.number, token)


def _next_step(marker: Marker | None) -> tuple[int, bool]:
    """The number of the step to begin with, and whether it may fire by itself."""
    if marker is None or marker.step is None:
        return 0, True
    if marker.step == MENU_STEP:
        return 0, False
    return marker.step + 1, False
