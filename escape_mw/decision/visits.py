"""From a `Request` to a `Visit`: the facts that a decision is made from.

Among them is the requested URL as the visitor's browser shows it.
"""

from __future__ import annotations

from urllib.parse import quote

from ..web.request import Request, readable
from ..web.urls import (
    DEFAULT_PORTS,
    HOST_AND_PORT,
    MAX_URL,
    SAFE_PATH,
    SAFE_QUERY,
    is_local_path,
)
from .model import Marker, Stay, Visit
from .policy import Policy
from .signals import asks_for_privacy
from .tokens import Tokens


def visit_of(
    request: Request, policy: Policy, moment: int, *, measured: bool = False, is_tap: bool = False
) -> Visit:
    """The facts of a request, its marker taken out; with an id if it is `measured` and may be.

    `moment` is the time, in seconds since 1970: nothing behind this asks a clock.
    """
    value, query = policy.markers.extract(request.query)
    mount, raw_path = request.mount, request.mount + request.path
    url = _address(request, raw_path, query, policy)
    marker = policy.markers.read(value, url, moment) if value else None
    stay = _stay(value, request.cookie, url, policy, moment) if value or request.cookie else None
    may_follow = measured and not asks_for_privacy(request.headers)
    return Visit(
        method=request.method,
        path=readable(raw_path),
        query=query,
        url=url,
        host=request.host.lower(),
        user_agent=request.user_agent,
        headers=request.headers,
        marker=marker,
        stay=stay,
        root=quote(mount, safe=SAFE_PATH, encoding="latin-1") if mount else "",
        id=visit_id(marker, moment) if may_follow else "",
        below=readable(request.path) if mount else "",
        is_marked=bool(value),
        seed="" if may_follow else Tokens.new_visit(moment),
        is_tap=is_tap,
        moment=moment,
    )


def visit_id(marker: Marker | None, moment: int) -> str:
    """The id of a measured visit: the one that a verified marker brings, or a new one.

    An expired marker stands in a link that was shared, and a new visit begins. One that does not
    hold for another reason begins none: it may be this visit's second request.
    """
    if marker is None or marker.is_expired:
        return Tokens.new_visit(moment)
    return marker.subject.visit


def _stay(value: str, cookie: str, url: str | None, policy: Policy, moment: int) -> Stay | None:
    """The choice to continue here, by the tap that has just been made or by its cookie."""
    if value and (token := policy.stays.read_marker(value, url, moment)) is not None:
        return Stay(token, is_new=True)
    kept = policy.stays.read_cookie(cookie, url, moment)
    return None if kept is None else Stay(kept)


def _address(request: Request, path: str, query: str, policy: Policy) -> str | None:
    """The requested URL as the visitor's browser shows it; None if it cannot be trusted."""
    origin = policy.base_url_of(request.host.lower()) or _origin(request, policy)
    if origin is None or not is_local_path(path):
        return None
    url = origin + quote(path, safe=SAFE_PATH, encoding="latin-1")
    if query:
        url += "?" + quote(query, safe=SAFE_QUERY, encoding="latin-1")
    return url if len(url) <= MAX_URL else None


def _origin(request: Request, policy: Policy) -> str | None:
    match = HOST_AND_PORT.fullmatch(request.host.lower())
    if request.scheme not in DEFAULT_PORTS or not match:
        return None
    host, port = match.groups()
    if policy.allowed_hosts and host not in policy.allowed_hosts:
        return None
    is_default = port is None or port == DEFAULT_PORTS[request.scheme]
    return f"{request.scheme}://{host if is_default else match[0]}"
