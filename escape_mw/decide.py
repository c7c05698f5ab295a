"""What is done about a request: `decide(visit, rules)`, a chain of guards, the cheapest first.

1. off             the rules are switched off
2. method          neither GET nor HEAD
3. browser, bot    nobody to help (arrived: a marked one got out, and is led on where the rules know where to)
4. platform        a host app on a desktop
5. app             a host app that the rules leave out
6. not-navigation  an asset, a script's request, a prefetch, a frame
7. sign-in-return  a sign-in on its way back: it must end where it began
8. excluded        a path that the rules leave alone
9. no-rule         no rule for this path and visitor (webview: only for want of a host app's name)
10. stay            the visitor chose to continue here
11. address         our own address cannot be told safely, so no way back could be built
12. no-redirect     the site answers, and sends nobody away
13. no-destination  where the visit leads is none of the configured destinations
14. own-host        it leads to the site itself
15. share           the rule acts on a share of visits, and this is none of them
16. holdout         the visit is eligible, and its experiment lets it through to compare with
"""

from __future__ import annotations

import random
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

from .destinations import mend
from .handoffs import Cargo
from .ladder import climb
from .markers import BY_HAND, value
from .model import AskSite, Decision, Destination, Journey, Page, Pass, Redirect, Visit, Visitor
from .paths import fill
from .policy import Rule, Rules

BEACON = "/_escape/e"  # where the page reports to
# Paths that nobody navigates to, for requests whose headers do not tell.
ASSETS = (
    *(
        ".css",
        ".js",
        ".mjs",
        ".map",
        ".json",
        ".xml",
        ".txt",
        ".wasm",
        ".woff",
        ".woff2",
        ".ttf",
        ".otf",
        ".pdf",
        ".zip",
    ),
    *(
        ".ico",
        ".png",
        ".jpg",
        ".jpeg",
        ".gif",
        ".webp",
        ".avif",
        ".svg",
        ".mp3",
        ".m4a",
        ".ogg",
        ".wav",
        ".flac",
        ".mp4",
        ".webm",
        ".mov",
    ),
)
# What an authorization server sends back: OAuth 2.0 (RFC 6749, 4.1.2), OAuth 1.0 (RFC 5849, 2.2).
SIGN_IN_RETURNS = ({"code", "state"}, {"error", "state"}, {"oauth_token", "oauth_verifier"})


def decide(visit: Visit, rules: Rules, location: str | None = None) -> Decision:
    """Judge one request. `location` is where the wrapped site's own redirect leads, once it has answered.

    Returns `AskSite` where only that answer can tell. Never raises for what a request holds.
    """
    if rules.mode == "off":
        return Pass("off")
    if visit.method not in ("GET", "HEAD"):
        return Pass("method")
    visitor = rules.visitors.visitor(visit.user_agent, visit.headers)
    if visitor.kind in ("browser", "bot"):
        return _arrival(visit, visitor, rules)
    if visitor.platform not in ("ios", "android"):
        return Pass("platform", visitor)
    if visitor.app and visitor.app not in rules.apps:
        return Pass("app", visitor)
    if not is_navigation(visit):
        return Pass("not-navigation", visitor)
    if _is_sign_in_return(visit.query):
        return Pass("sign-in-return", visitor)
    if rules.excluded(visit.path):
        return Pass("excluded", visitor)
    rule = next(
        (
            rule
            for rule in rules.rules
            if rule.path.fullmatch(visit.path) and rule.fits(visit, visitor)
        ),
        None,
    )
    if rule is None:
        return Pass("no-rule" if visitor.kind == "in-app" else "webview", visitor)
    if _stays(visit, rules):
        return replace(_onward("stay", visit, visitor, rule, rules), journey=_known(visit))
    if visit.url is None:
        return Pass("address", visitor, rule=rule.name)
    if rule.form == "redirect" and location is None:
        return AskSite(visitor, journey=_journey(visit, visitor, None, rule, rules))
    destination = _destination(visit, rule, rules, location)
    if destination is None:
        return Pass("no-destination", visitor, rule=rule.name)
    if rule.form != "page" and _is_own_host(destination, visit, rules):
        return Pass("own-host", visitor, destination, rule.name)
    if rule.share < 100 and visit.marker is None and random.random() * 100 >= rule.share:  # noqa: S311 - a fair draw, no secret
        return Pass("share", visitor, destination, rule.name)
    journey = _journey(visit, visitor, destination, rule, rules)
    if journey is not None and journey.arm == "holdout":
        return Pass("holdout", visitor, destination, rule.name, journey)
    return _escape(visit, visitor, destination, rule, rules, journey)


def is_navigation(visit: Visit) -> bool:
    """Whether the request is a person's navigation to a page, as far as the headers tell.

    Fetch metadata decides where it is sent (W3C Fetch Metadata); without it, Accept: browsers name text/html for a
    page, and curl's bare */* is believed unless the path is an asset's.
    """
    headers = visit.headers
    if "prefetch" in headers.get("purpose", "") + headers.get("sec-purpose", "") + headers.get(
        "x-moz", ""
    ):
        return False
    if headers.get("x-purpose") == "preview" or headers.get("x-requested-with") == "XMLHttpRequest":
        return False
    if (destination := headers.get("sec-fetch-dest")) is not None:
        return destination == "document" and headers.get("sec-fetch-mode", "navigate") == "navigate"
    accept = headers.get("accept", "*/*")
    if "text/html" in accept:
        return True
    return accept.strip() == "*/*" and not visit.path.lower().endswith(ASSETS)


def _is_sign_in_return(query: str) -> bool:
    if "state=" not in query and "oauth_" not in query:
        return False
    names = {part.partition("=")[0] for part in query.split("&")}
    return any(needed <= names for needed in SIGN_IN_RETURNS)


def _stays(visit: Visit, rules: Rules) -> bool:
    """Whether the visitor chose to continue here: on this page, or on the one of ours that linked to it."""
    if visit.marker is not None:
        return visit.marker.step is None
    referrer = visit.headers.get("referer", "")
    return (
        rules.markers.stayed(referrer)
        and referrer.partition("://")[2].partition("/")[0] == visit.host
    )


def _is_own_host(destination: Destination, visit: Visit, rules: Rules) -> bool:
    host = urlsplit(destination.url).hostname
    return (
        host in (visit.host.partition(":")[0], urlsplit(visit.url or "").hostname)
        or host in rules.allowed_hosts
    )


def _arrival(visit: Visit, visitor: Visitor, rules: Rules) -> Decision:
    """A marked request of a real browser: it got out, which is believed if its signature holds.

    The marker names the rule, for its visitor was another.
    """
    if visit.marker is None or visitor.kind == "bot":
        return Pass(visitor.kind, visitor)
    reason = "arrived" if visit.marker.trusted else "marked"
    journey = _known(visit)
    if rules.excluded(visit.path):
        return Pass(reason, visitor, journey=journey)
    named = rules.rules[visit.marker.rule : visit.marker.rule + 1]
    rule = next((rule for rule in (*named, *rules.rules) if rule.path.fullmatch(visit.path)), None)
    return replace(
        _onward(reason, visit, visitor, rule, rules) if rule else Pass(reason, visitor),
        journey=journey,
    )


def _onward(
    reason: str, visit: Visit, visitor: Visitor, rule: Rule, rules: Rules
) -> Pass | Redirect:
    """Let the site answer as it always does; where the rules know where to, lead on to the destination.

    A query parameter is believed only with a trusted marker: whatever check the site makes of it is not ours to skip.
    """
    believed = rule.form == "url" or (
        rule.form == "query" and visit.marker is not None and visit.marker.trusted
    )
    destination = _destination(visit, rule, rules, None) if believed else None
    if destination is None or _is_own_host(destination, visit, rules):
        return Pass(reason, visitor, rule=rule.name)
    return Redirect(reason, destination.url, visitor, destination, rule.name)


def _destination(
    visit: Visit, rule: Rule, rules: Rules, location: str | None
) -> Destination | None:
    match rule.form:
        case "page":
            return Destination("site", visit.url or "", "other", None, visit.url or "", "browser")
        case "redirect":
            return rules.destinations.find(mend(location or ""))
        case "query":
            return rules.destinations.find(
                dict(reversed(parse_qsl(visit.query, keep_blank_values=True))).get(rule.target, "")
            )
        case "url":
            match = rule.path.fullmatch(visit.path)
            return rules.destinations.find(fill(rule.target, match.groupdict() if match else {}))


def _known(visit: Visit) -> Journey | None:
    """The journey that a marked request goes on with."""
    return (
        Journey.read(visit.marker.visit)
        if visit.marker is not None and visit.marker.trusted
        else None
    )


def _journey(
    visit: Visit, visitor: Visitor, destination: Destination | None, rule: Rule, rules: Rules
) -> Journey | None:
    """What the visit's events share, None where it is not measured. A marked visit is the one that it was."""
    if not visit.id:
        return None
    if known := _known(visit):
        return known
    trial = rule.experiment if rules.mode == "act" else None
    version = (visitor.app_version or "").partition(".")[0]
    about = (
        (destination.service, destination.kind, destination.goal) if destination else ("", "", "")
    )
    drawn = (trial.name, trial.arm(visit)) if trial else ("", "")
    return Journey(
        visit.id, rule.number, visitor.app or "", version[:6], visitor.platform, *about, *drawn
    )


def _escape(
    visit: Visit,
    visitor: Visitor,
    destination: Destination,
    rule: Rule,
    rules: Rules,
    journey: Journey | None,
) -> Decision:
    """Build the ladder. The music app gets the destination, the browser our own marked page (or, if direct, the same)."""
    own = visit.url or ""
    markers = rules.markers
    token = markers.token(
        journey.payload if journey else visit.marker.visit if visit.marker else ""
    )
    directly = destination.goal == "app" or (
        rule.direct and destination.kind != "oauth" and rule.form != "page"
    )

    def cargo(step: int) -> Cargo:
        page = markers.mark(own, step, rule.number, token)
        return Cargo(
            destination.url if directly else page,
            page,
            visitor.app,
            destination.android_package,
            destination.app_uri,
        )

    tried = visit.marker.step if visit.marker else None
    start = 0 if tried in (None, BY_HAND) else tried + 1
    steps = climb(
        rules.ladders.rungs(visitor, destination.goal),
        visitor,
        cargo,
        start,
        automatic=tried is None,
    )
    if steps[0].trigger == "redirect" and steps[0].uri:
        return Redirect("escape", steps[0].uri, visitor, destination, rule.name, steps, journey)
    stay = (
        destination.url
        if destination.goal == "app"
        else markers.stay(own, token if journey else "")
    )
    link = destination.url if directly or rule.form in ("url", "query") else own
    beacon = f"{visit.root}{BEACON}" if journey else ""
    by_hand = value(BY_HAND, rule.number, token) if journey and not directly else ""
    return Page(
        "escape",
        visitor,
        destination,
        rule.name,
        steps,
        stay,
        link,
        token,
        start > 0,
        journey,
        beacon,
        by_hand,
    )
