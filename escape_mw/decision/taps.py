"""Plain links of the site's own pages: which page gets the script's tag, and what a tap means.

The script sends a tap to `GO` of the same site. The address that it names is believed only for a
visitor in a webview, from a page of this site, and for a destination in force. What is handed over
is the destination itself, whatever its goal; a sign-in is never handed over, so its tap is judged
as a visit to the page that it stands on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple
from urllib.parse import unquote

from ..web.request import as_latin1
from ..web.urls import first_values, normalise_location, strict_split
from .decisions import Pass, Tag
from .journeys import journey_of
from .model import NO_SUBJECT, Marker, Subject, Visit
from .policy import Case, Policy
from .referrers import referring_page
from .targets import SitePage, TappedLink
from .tokens import TAG_AGE

MAX_AFTER = 32


class Tap(NamedTuple):
    """What the script says: the link's URL, what was tried before, and the visit's token.

    `after` is a technique's name, "first" for the first step, or "" for nothing. `token` is "" on a
    page that is not measured, and None where the tag was put in by hand.
    """

    url: str
    after: str = ""
    token: str | None = None


def read_tap(query: str) -> Tap:
    """The tap that a raw query string tells."""
    values = first_values(query, keep_blank=True)
    url = normalise_location(as_latin1(values.get("u", "")))
    return Tap(url, values.get("after", "")[:MAX_AFTER], values.get("visit"))


def page_of_tap(visit: Visit, policy: Policy) -> Visit | None:
    """The visit to the page that a tapped link stands on; None where that is not this site's.

    Browsers say by fetch metadata (W3C Fetch Metadata) or by the referrer where a request comes
    from. Neither can be set by another site's page. Without a referrer, the page is the front page.
    """
    origin, referrer = visit.headers.get("sec-fetch-site"), visit.headers.get("referer")
    if origin not in (None, "same-origin") or (origin is None and not referrer):
        return None
    return referring_page(visit, policy) if referrer else _front_page(visit)


def _front_page(visit: Visit) -> Visit | None:
    if visit.url is None:
        return None
    origin = "/".join(visit.url.split("/", 3)[:3])
    path = unquote(visit.root) + "/"
    url = f"{origin}{visit.root}/"
    below = "/" if visit.root else ""
    return replace(visit, path=path, below=below, query="", url=url)


def tapped(case: Case, tap: Tap) -> Case:
    """The case of a page as that of a tap on one of its links."""
    visit, _, rule, policy = case
    found = policy.destinations.find(tap.url)
    to = SitePage() if found and found.kind == "oauth" else TappedLink(tap.url)
    subject = _subject(tap.token, policy, visit.moment) if visit.id else NO_SUBJECT
    marker = visit.marker  # of the page's address, where it is a fallback
    if tap.token is not None or tap.after:  # the page was drawn for already
        is_verified = bool(subject.visit)
        marker = Marker("", tap.after, subject._replace(rule=rule.key), is_verified=is_verified)
    is_new = marker is visit.marker and rule.experiment is None
    visit = replace(visit, marker=marker, id=visit.id if is_new else subject.visit)
    return case._replace(visit=visit, rule=replace(rule, to=to))


def _subject(token: str | None, policy: Policy, moment: int) -> Subject:
    """The subject that an inserted tag's token brings, an empty one for any other."""
    reading = policy.tokens.read_beacon(token, moment, TAG_AGE) if token else None
    return reading.subject if reading and reading.is_fresh else NO_SUBJECT


def is_known(tap: Tap, policy: Policy) -> bool:
    """Whether a link leads to a listed host: what the script catches must go on somewhere."""
    parts = strict_split(tap.url)
    return bool(parts and parts.hostname and policy.destinations.knows(parts.hostname))


def tag_of(case: Case) -> Tag | Pass:
    """Whether a page gets the script's tag: it is drawn for as a redirect is."""
    visit, visitor, rule, policy = case
    if visit.marker is None and not rule.draws(visit):
        return Pass("share", visitor, rule=rule.name)
    journey = journey_of(case, None)
    if journey is not None and journey.arm == "holdout":
        return Pass("holdout", visitor, rule=rule.name, journey=journey)
    token = policy.tokens.beacon(journey.subject, visit.moment) if journey else ""
    marker, first = visit.marker, policy.ladders.steps_for(visitor, "app")[0]
    is_own = marker is not None and marker.subject.rule == rule.key
    after = marker.technique if marker and is_own else ""
    return Tag(visitor, rule.name, token, after, first.wait, journey=journey)
