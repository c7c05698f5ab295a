"""The script that catches taps on plain links: the same bytes for everybody, made from the rules.

By its hash it is kept for a year, by its plain name for an hour: that is what a tag names which a
site puts in by hand.
"""

from __future__ import annotations

import gzip
import hashlib
import json

from ..decision.policy import Policy
from ..web.accept import takes_gzip
from ..web.addresses import LINKS
from ..web.answers import Answer, minified
from ..web.request import Request
from ..web.routes import READ, Route

YEAR, HOUR = 365 * 24 * 3600, 3600  # seconds
HAND_NAME = f"{LINKS}.js"


class Script:
    """The script of one set of rules, with what it is called."""

    def __init__(self, policy: Policy) -> None:
        text = script_of(policy) if policy.mode != "off" else ""
        self._plain = text.encode("utf-8")
        self._gzipped = gzip.compress(self._plain, 9, mtime=0)
        self.path = f"{LINKS}-{hashlib.sha256(self._plain).hexdigest()[:16]}.js"

    def routes(self) -> tuple[Route, ...]:
        """Its addresses. One of another hash is in a page that was made by other rules."""
        names = (HAND_NAME, self.path)
        return tuple(Route(READ, name, self._answer) for name in names)

    def _answer(self, request: Request, _: int) -> Answer:
        age = f"{YEAR}, immutable" if request.path == self.path else str(HOUR)
        is_gzipped = takes_gzip(request.headers.get("accept-encoding", ""))
        body = self._gzipped if is_gzipped else self._plain
        headers = [
            ("Content-Type", "text/javascript; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", f"public, max-age={age}"),
            ("Vary", "Accept-Encoding"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        if is_gzipped:
            headers.append(("Content-Encoding", "gzip"))
        return Answer("200 OK", tuple(headers), body)


def _shortest(tokens: list[str]) -> list[str]:
    """The tokens without those that another one stands in."""
    return [one for one in tokens if not any(other in one for other in tokens if other != one)]


def script_of(policy: Policy) -> str:
    """The script with the tokens of the host apps and the hosts of the destinations in force."""
    text = minified(__package__, "links.js")
    tokens = json.dumps(_shortest(policy.detector.tokens(policy.apps)), separators=(",", ":"))
    hosts = json.dumps(f" {' '.join(policy.destinations.hosts())} ")
    return text.replace("(TOKENS, HOSTS)", f"({tokens}, {hosts})")
