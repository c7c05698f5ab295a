"""What a request's headers and query say: a navigation, a returning sign-in, a wish for privacy."""

from __future__ import annotations

from collections.abc import Mapping

from .model import Visit

# Paths that nobody navigates to, for requests whose headers do not tell.
ASSETS = (
    *(".css", ".js", ".mjs", ".map", ".json", ".xml", ".txt", ".wasm", ".woff", ".woff2", ".ttf"),
    *(".otf", ".pdf", ".zip", ".ico", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".svg"),
    *(".mp3", ".m4a", ".ogg", ".wav", ".flac", ".mp4", ".webm", ".mov"),
)
# What an authorization server sends back: OAuth 2.0 (RFC 6749, 4.1.2), OAuth 1.0 (RFC 5849, 2.2).
SIGN_IN_RETURNS = ({"code", "state"}, {"error", "state"}, {"oauth_token", "oauth_verifier"})


def is_navigation(visit: Visit) -> bool:
    """Whether the request is a person's navigation to a page, as far as the headers tell.

    Fetch metadata decides where it is sent (W3C Fetch Metadata); without it, Accept: browsers name
    text/html for a page, and curl's bare */* is believed unless the path is an asset's.
    """
    get = visit.headers.get
    if "prefetch" in get("purpose", "") + get("sec-purpose", "") + get("x-moz", ""):
        return False
    if get("x-purpose") == "preview":
        return False
    if get("x-requested-with") == "XMLHttpRequest":
        return False
    if (destination := get("sec-fetch-dest")) is not None:
        return destination == "document" and get("sec-fetch-mode", "navigate") == "navigate"
    accept = get("accept", "*/*")
    if "text/html" in accept:
        return True
    return accept.strip() == "*/*" and not visit.path.lower().endswith(ASSETS)


def is_sign_in_return(query: str) -> bool:
    """Whether a query string is what an authorization server sends a browser back with."""
    if "state=" not in query and "oauth_" not in query:
        return False
    names = {part.partition("=")[0] for part in query.split("&")}
    return any(needed <= names for needed in SIGN_IN_RETURNS)


def asks_for_privacy(headers: Mapping[str, str]) -> bool:
    """Whether the browser asks not to be followed.

    Global Privacy Control, and W3C, Tracking Preference Expression.
    """
    return headers.get("sec-gpc") == "1" or headers.get("dnt") == "1"
