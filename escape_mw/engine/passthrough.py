"""A request that goes on to the site, as data: what a shell changes in it, and in its response.

A shell carries this out by its own protocol, and adds no rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urljoin

from ..decision.model import Visit
from ..decision.policy import Policy
from ..decision.referrers import FOLLOWED_BY_GET
from ..links.insertion import Insertion
from ..links.tagging import PolicyError, for_one_visitor, is_page, place_in, with_tag
from ..web.answers import Answer, Header
from ..web.logs import logger
from ..web.urls import host_of, normalise_location
from .notices import warn_of_policy

WORDS = "escape_mw.page"  # the environ key of what the application says of the release
EXEMPTION = "x-escape"  # by which the site's own code lets a redirect of its through
PAGES = ("200", "304")
REDIRECTS = ("301", "302", "303", "307", "308")
# What RFC 3986 and browsers resolve alike: a host after two slashes or no scheme; no blank, control
# character or backslash.
REFERENCE = re.compile(
    r"(?:(?:https?:)?//(?![/?#])|(?!//|[a-z][a-z0-9+.-]*:))[!-\[\]-~\x80-\xff]+",
    re.ASCII | re.IGNORECASE,
)


class Passthrough(NamedTuple):
    """What a shell changes in a request and in the site's response to it.

    `changes` are variables of the request to set, by CGI's names: the query without its marker, the
    visit's token. `visit` is None where no redirect is looked at. `cookie` is a Set-Cookie to add,
    "" for none. `ask` tells what to answer instead of the site's redirect to a location, in the
    application's own words; None where no redirect of the site's decides anything. `tag` gives the
    script's tag for a page that the site answers with, from the nonce that it needs, b"" for none;
    `removals` are variables to take out of the request, so that such a page comes whole.
    """

    policy: Policy
    changes: Mapping[str, str]
    visit: Visit | None = None
    cookie: str = ""
    ask: Callable[[str, object], Answer | None] | None = None
    tag: Callable[[str], bytes] | None = None
    removals: tuple[str, ...] = ()

    def changed(self, environ: dict[str, Any]) -> dict[str, Any]:
        """A request's variables for the site: the same mapping, unless something is taken out."""
        if not self.removals:
            environ.update(self.changes)
            return environ
        kept = {name: value for name, value in environ.items() if name not in self.removals}
        return {**kept, **self.changes}

    def concerns(self, status: object) -> bool:
        """Whether a response with this status may be changed: all others are not looked at."""
        if self.cookie or (self.tag and str(status).startswith(PAGES)):
            return True
        return self.visit is not None and isinstance(status, str) and status.startswith(REDIRECTS)

    def instead(
        self, status: str, headers: list[Header], words: object = None
    ) -> Answer | list[Header]:
        """What to answer instead of the site's response, or the headers to send with it.

        `status` begins with its three digits, `words` are the application's own for the page
        (WORDS). A redirect with `X-Escape: pass` is let through, without that header. The site's
        own Set-Cookie headers belong to the answer too. The headers are the same, but for a marked
        visit that the site leads to another page of its own (a slash, a host name, https): it stays
        marked, or it would begin anew and never end.
        """
        if self.visit is None or not status.startswith(REDIRECTS):
            return headers
        location = _value(headers, "location")
        if not location:
            return headers
        if _value(headers, EXEMPTION) == "pass":
            return [(name, value) for name, value in headers if name.lower() != EXEMPTION]
        try:
            is_followed = self.visit.method != "POST" or status.startswith(FOLLOWED_BY_GET)
            if self.ask and is_followed and (answer := self.ask(location, words)):
                return answer
            marked = _still_marked(location, self.visit, self.policy)
        except Exception:
            logger.exception("internal error; the site's response was sent unchanged")
            return headers
        if marked == location:
            return headers
        return [(name, marked if name.lower() == "location" else value) for name, value in headers]

    def tagged(
        self, status: str, headers: list[Header], nonce_of: Callable[[], str] = str
    ) -> tuple[list[Header], Insertion] | None:
        """The headers of a page that gets the script's tag, and what puts it in; None for others.

        `nonce_of` gives the nonce that the site is about to allow in its Content-Security-Policy;
        it is asked for pages alone.
        """
        try:
            if self.tag is None or not is_page(status, headers):
                return None
            place = place_in(headers, nonce_of(), self._own_sources)
            tag = self.tag(place.nonce if place else "")
        except PolicyError:
            warn_of_policy()
            return None
        except Exception:
            logger.exception("internal error; the site's response was sent unchanged")
            return None
        if not place or not tag:
            return None
        return _with_vary(with_tag(headers)), Insertion(tag, is_xml=place.is_xml)

    @property
    def _own_sources(self) -> frozenset[str]:
        """What a Content-Security-Policy may call the site by (W3C CSP3, 6.7.2.7)."""
        url = (self.visit.url if self.visit else "") or ""
        scheme, host = url.partition(":")[0], host_of(url)
        return frozenset((f"{scheme}:", host, f"{scheme}://{host}"))

    def with_cookie(self, headers: list[Header]) -> list[Header]:
        """The headers with the cookie that is ours, if there is one; no shared cache keeps it."""
        if not self.cookie:
            return headers
        return [*for_one_visitor(headers), ("Set-Cookie", self.cookie)]


def _value(headers: list[Header], name: str) -> str | None:
    return next((value for known, value in headers if known.lower() == name), None)


def _with_vary(headers: list[Header]) -> list[Header]:
    """The headers with one more that tells caches: another visitor gets the page without it."""
    vary = [value for name, value in headers if name.lower() == "vary"]
    names = {name.strip().lower() for value in vary for name in value.split(",")}
    if names & {"*", "user-agent"}:
        return headers
    others = [item for item in headers if item[0].lower() != "vary"]
    return [*others, ("Vary", ", ".join([*vary, "User-Agent"]))]


def _still_marked(location: str, visit: Visit, policy: Policy) -> str:
    """A redirect's location, with the visit's marker if it stays on the site.

    It is a URL, or a reference relative to the requested one (RFC 9110, 10.2.2). What browsers read
    otherwise than RFC 3986 does is left alone.
    """
    if visit.marker is None or visit.url is None or not REFERENCE.fullmatch(location):
        return location
    whole = urljoin(visit.url, normalise_location(location))
    if not policy.owns(whole, visit):
        return location
    return policy.markers.carry_over(location, whole, visit.marker)
