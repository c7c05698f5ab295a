"""The page that a form or a tapped link stands on: only the referrer tells.

A POST always reaches the site. Only its redirect to a sign-in is replaced, and the sign-in begins
anew in the real browser, with this site's own form: what is handed over is the form's page. A tap
on a link is judged as a visit to the link's page, too.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote, urlsplit

from ..web.urls import MAX_URL, URL_OF_ASCII, is_local_path
from .model import Visit
from .policy import Policy
from .visits import visit_id

# A browser follows these with GET (RFC 9110, 15.4.3 and 15.4.4); 307 and 308 post once more.
FOLLOWED_BY_GET = ("302", "303")


def referring_page(visit: Visit, policy: Policy) -> Visit | None:
    """The visit of the page that this one comes from; None where the referrer does not tell.

    The referrer must be a URL of this site. A strict referrer policy leaves the front page of any
    page (W3C Referrer Policy, 3): then the visitor begins there, in the real browser.
    """
    referrer = visit.headers.get("referer", "").partition("#")[0]
    if len(referrer) > MAX_URL or not URL_OF_ASCII.fullmatch(referrer):
        return None
    base, mark, query = referrer.partition("?")
    parts = urlsplit(base)
    if not is_local_path(parts.path) or not policy.owns(base, visit):
        return None
    value, query = policy.markers.extract(query)
    url = base + (mark and query and f"?{query}")
    marker = policy.markers.read(value, url, visit.moment) if value else None
    path = unquote(parts.path, errors="surrogateescape")
    is_below = bool(visit.root) and parts.path.startswith(f"{visit.root}/")
    return replace(
        visit,
        method="GET",
        path=path,
        below=unquote(parts.path.removeprefix(visit.root), errors="surrogateescape")
        if is_below
        else "",
        query=query,
        url=url,
        marker=marker,
        id=visit_id(marker, visit.moment) if visit.id else "",
    )
