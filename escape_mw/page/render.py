"""From a decision to act to the `Answer` that carries it out."""

from __future__ import annotations

from ..decision.decisions import Act, Page, Redirect
from ..decision.model import Visit
from ..web.answers import BARE_POLICY, HTML, NO_STORE, Answer
from .interstitial import Interstitial

SUMMARY = "X-Escape"  # what was decided, for logs, tests and curl: names of the catalogue only


def render(visit: Visit, decision: Redirect | Page, page: Interstitial) -> Answer:
    """The response for a decision: a bare redirect, or the page in the visitor's language."""
    summary = (SUMMARY, summary_of(decision))
    if isinstance(decision, Redirect):
        return redirect_to(decision.location, summary)
    headers = visit.headers
    language, encoding = headers.get("accept-language", ""), headers.get("accept-encoding", "")
    return page.answer(decision, language, encoding, summary)


def summary_of(decision: Act) -> str:
    """The reason, the destination's service, and the technique that is offered first."""
    said: str = decision.reason
    if decision.destination:
        said += f"; to={decision.destination.service}"
    return f"{said}; by={decision.steps[0].technique}" if decision.steps else said


def redirect_to(location: str, *more: tuple[str, str]) -> Answer:
    """A bare redirect, with further headers. 302: the next visit may be answered otherwise."""
    own = (("Location", location), HTML, ("Content-Length", "0"))
    headers = (*own, *NO_STORE, *more, ("Content-Security-Policy", BARE_POLICY))
    return Answer("302 Found", headers, b"")
