"""The quick look: the few strings by which an ordinary browser's request is let through at once.

A shell reads them from its server's own mapping, before anything is made of the request; this is
all that an ordinary visitor costs.
"""

from __future__ import annotations

from ..decision.policy import Policy
from ..decision.visitors import MAX_AGENT


def is_plain(
    policy: Policy, agent: str, query: str, requested_with: str | None, brands: str
) -> bool:
    """Whether this is a browser known as one, on a URL without a marker.

    `requested_with` is X-Requested-With, None where it was not sent; `brands` is Sec-CH-UA.
    """
    return (
        policy.detector.is_browser(agent if len(agent) <= MAX_AGENT else agent[:MAX_AGENT])
        and policy.markers.name not in query
        and requested_with is None
        and "WebView" not in brands
    )
