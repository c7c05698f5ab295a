"""From a decision to act to the `Answer` that carries it out."""

from __future__ import annotations

from ..decision.model import Page, Redirect, Visit
from ..web.answers import BARE_POLICY, HTML, NO_STORE, Answer
from .interstitial import Interstitial


def render(visit: Visit, decision: Redirect | Page, page: Interstitial) -> Answer:
    """The response for a decision: a bare redirect, or the page in the visitor's language."""
    if isinstance(decision, Redirect):
        return redirect_to(decision.location)
    headers = visit.headers
    language, encoding = headers.get("accept-language", ""), headers.get("accept-encoding", "")
    return page.answer(decision, language, encoding)


def redirect_to(location: str) -> Answer:
    """A bare redirect. 302, because the next visit may be answered otherwise."""
    own = (("Location", location), HTML, ("Content-Length", "0"))
    headers = (*own, *NO_STORE, ("Content-Security-Policy", BARE_POLICY))
    return Answer("302 Found", headers, b"")
