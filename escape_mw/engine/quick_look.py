"""The quick look: the few strings by which an ordinary browser's request is let through at once.

They are read from the server's own mapping (WSGI's environ, Django's META), before anything is made
of the request; this is all that an ordinary visitor costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..decision.policy import Policy
from ..decision.visitors import MAX_AGENT


def is_plain(environ: Mapping[str, Any], policy: Policy) -> bool:
    """Whether this is a browser known as one, on a URL without a marker; or the rules are off."""
    get = environ.get
    agent = get("HTTP_USER_AGENT", "")
    return policy.mode == "off" or (
        policy.visitors.is_browser(agent if len(agent) <= MAX_AGENT else agent[:MAX_AGENT])
        and policy.markers.name not in get("QUERY_STRING", "")
        and "HTTP_X_REQUESTED_WITH" not in environ
        and "WebView" not in get("HTTP_SEC_CH_UA", "")
    )
