"""From WSGI's environ to a `Visit`: the facts of a request, nothing else read, nothing changed (PEP 3333)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from .destinations import MAX_URL
from .model import Visit
from .policy import Rules
from .visitors import MAX_AGENT

Environ = dict[str, Any]

HEADERS = {
    f"HTTP_{name.upper().replace('-', '_')}": name
    for name in (
        "accept",
        "accept-encoding",
        "accept-language",
        "dnt",
        "purpose",
        "referer",
        "sec-ch-ua",
        "sec-fetch-dest",
        "sec-fetch-mode",
        "sec-gpc",
        "sec-purpose",
        "x-moz",
        "x-purpose",
        "x-requested-with",
    )
}
SITE = re.compile(
    r"((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(:\d{1,5})?", re.ASCII
)
SAFE_PATH = "/:@!$&'()*+,;=-._~"
SAFE_QUERY = "!$&'()*+,-./:;=?@[]_~%"
DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def is_plain(environ: Environ, rules: Rules) -> bool:
    """The quick look: a browser that everybody knows, on an unmarked URL; or the rules are off."""
    get = environ.get
    agent = get("HTTP_USER_AGENT", "")
    return rules.mode == "off" or (
        rules.visitors.is_browser(agent if len(agent) <= MAX_AGENT else agent[:MAX_AGENT])
        and rules.markers.name not in get("QUERY_STRING", "")
        and "HTTP_X_REQUESTED_WITH" not in environ
        and "WebView" not in get("HTTP_SEC_CH_UA", "")
    )


def visit_of(environ: Environ, rules: Rules, *, measured: bool = False) -> Visit:
    """The facts of a request, from its environ alone; with an id where it is `measured`, and may be."""
    marker, query = rules.markers.take(environ.get("QUERY_STRING", ""))
    headers = {name: environ[key] for key, name in HEADERS.items() if key in environ}
    return Visit(
        method=environ.get("REQUEST_METHOD", ""),
        path=path_of(environ),
        query=query,
        host=environ.get("HTTP_HOST", "").lower(),
        url=_address(environ, query, rules),
        root=quote(environ.get("SCRIPT_NAME", ""), safe=SAFE_PATH, encoding="latin-1"),
        user_agent=environ.get("HTTP_USER_AGENT", ""),
        headers=headers,
        marker=marker,
        id=rules.markers.new_visit(marker) if measured and not asks_for_privacy(headers) else "",
        address=environ.get("REMOTE_ADDR") or "",
    )


def asks_for_privacy(headers: Mapping[str, str]) -> bool:
    """Whether the browser asks that nobody be followed (Global Privacy Control; W3C, Tracking Preference Expression)."""
    return headers.get("sec-gpc") == "1" or headers.get("dnt") == "1"


def path_of(environ: Environ) -> str:
    """The path as people write it: WSGI's latin-1 text is the bytes of UTF-8 (PEP 3333)."""
    raw: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return raw.encode("latin-1", "replace").decode("utf-8", "surrogateescape")


def short_body(environ: Environ, limit: int) -> bytes | None:
    """The request's body, None where it is longer than `limit` bytes, or does not say how long it is."""
    length = environ.get("CONTENT_LENGTH") or ""
    if not (length.isascii() and length.isdigit() and len(length) < 8 and int(length) <= limit):
        return None
    body: bytes = environ["wsgi.input"].read(int(length))
    return body


def _address(environ: Environ, query: str, rules: Rules) -> str | None:
    """Our own page's address as the visitor's browser has it, or None where that cannot be told safely."""
    raw = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    if not raw.startswith("/") or raw.startswith(("//", "/\\")):
        return None
    origin = rules.base_url or _origin(environ, rules)
    if origin is None:
        return None
    url = origin + quote(raw, safe=SAFE_PATH, encoding="latin-1")
    if query:
        url += "?" + quote(query, safe=SAFE_QUERY, encoding="latin-1")
    return url if len(url) <= MAX_URL else None


def _origin(environ: Environ, rules: Rules) -> str | None:
    scheme = environ.get("wsgi.url_scheme")
    match = SITE.fullmatch(environ.get("HTTP_HOST", "").lower())
    if (
        scheme not in DEFAULT_PORTS
        or not match
        or (rules.allowed_hosts and match[1] not in rules.allowed_hosts)
    ):
        return None
    return (
        f"{scheme}://{match[1]}" if match[2] == DEFAULT_PORTS[scheme] else f"{scheme}://{match[0]}"
    )
