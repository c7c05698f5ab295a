"""What a request's headers and query say: a navigation, a returning sign-in, a wish for privacy."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..web.urls import host_of, without_port
from .model import Visit

# Paths that nobody navigates to, for requests whose headers do not tell.
ASSETS = (
    *(".css", ".js", ".mjs", ".map", ".json", ".xml", ".txt", ".wasm", ".woff", ".woff2", ".ttf"),
    *(".otf", ".pdf", ".zip", ".ico", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".svg"),
    *(".mp3", ".m4a", ".ogg", ".wav", ".flac", ".mp4", ".webm", ".mov"),
)
# What an authorization server sends back: OAuth 2.0 (RFC 6749, 4.1.2), OAuth 1.0 (RFC 5849, 2.2).
# An error comes without a state if none was sent (RFC 6749, 4.1.2.1).
SIGN_IN_RETURNS = ({"code", "state"}, {"error"}, {"oauth_token", "oauth_verifier"})
SIGNS_OF_RETURN = ("state=", "error=", "oauth_")
ONE_TIME = re.compile(r"&(?:code|otp|oobcode|token[^=&]*|[^=&]*token)(?=[=&]|\Z)", re.IGNORECASE)


# What scripts that put pages into the page say of themselves: htmx, Turbo and Turbolinks, Inertia,
# pjax (their public code, seen 2026-11). Turbo before 8 is known by its Accept alone; a browser's
# has more types, and no blank.
SCRIPTS = frozenset(
    [
        "hx-request",
        "turbo-frame",
        "turbolinks-referrer",
        "x-inertia",
        "x-pjax",
        "x-turbo-request-id",
    ]
)
TURBO_ACCEPT = "text/html, application/xhtml+xml"


def is_navigation(visit: Visit) -> bool:
    """Whether the request is a person's navigation to a page, as far as the headers tell.

    A handshake (RFC 9110, 7.8), a part of a file (RFC 9110, 14.2) and a script's GET with an Origin
    are none. Fetch metadata decides where it is sent (W3C Fetch Metadata); without it, Accept:
    browsers name text/html for a page. A bare */* is curl's, and believed unless the path is an
    asset's or the request comes from a page of this site, as a script's or a stylesheet's does.
    """
    get = visit.headers.get
    if "upgrade" in visit.headers or "range" in visit.headers:
        return False
    if "origin" in visit.headers and visit.method != "POST":
        return False
    if "prefetch" in get("purpose", "") + get("sec-purpose", "") + get("x-moz", ""):
        return False
    if get("x-purpose") == "preview":
        return False
    if get("x-requested-with") == "XMLHttpRequest" or not SCRIPTS.isdisjoint(visit.headers):
        return False
    if (destination := get("sec-fetch-dest")) is not None:
        return destination == "document" and get("sec-fetch-mode", "navigate") == "navigate"
    accept = get("accept", "*/*")
    if "text/html" in accept:
        return not accept.endswith(TURBO_ACCEPT)
    if accept.strip() != "*/*" or is_asset(visit.path):
        return False
    return not is_own_url(get("referer", ""), visit)


def is_asset(path: str) -> bool:
    """Whether nobody navigates to this path, by its ending."""
    return path.lower().endswith(ASSETS)


def is_own_url(url: str, visit: Visit) -> bool:
    """Whether a URL's host is the one that was asked, or that of this site's own address."""
    host = without_port(host_of(url))
    return bool(host) and host in (without_port(visit.host), without_port(host_of(visit.url or "")))


def is_sign_in_return(query: str) -> bool:
    """Whether a query string is what an authorization server sends a browser back with."""
    if not any(sign in query for sign in SIGNS_OF_RETURN):
        return False
    names = {part.partition("=")[0] for part in query.split("&")}
    return any(needed <= names for needed in SIGN_IN_RETURNS)


def is_one_time(query: str) -> bool:
    """Whether a query string holds a token that its first use consumes.

    So it is with links that sign a visitor in or confirm an address: `token`, `code`, `otp`,
    Firebase's `oobCode`, and every name that begins or ends with "token" (public code, seen
    2026-11).
    """
    return bool(query) and ONE_TIME.search(f"&{query}") is not None


def asks_for_privacy(headers: Mapping[str, str]) -> bool:
    """Whether the browser asks not to be followed.

    Global Privacy Control, and W3C, Tracking Preference Expression.
    """
    return headers.get("sec-gpc") == "1" or headers.get("dnt") == "1"
