"""The gate: the middleware around the site, for the few requests that an edge server sends to it.

`gunicorn escape_mw.edge.gate:application` reads ESCAPE_MW_RULES, a rules file, and ESCAPE_MW_SITE,
the site's address; `escape-mw gate` serves the same. It keeps nothing: any number of gates share
the rules, the secret and the events database.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.middleware.proxy_fix import ProxyFix

from ..decision.policy import Policy
from ..rules import RulesLike
from ..web.addresses import HEALTH
from ..web.answers import Answer
from ..web.logs import logger, show
from ..web.request import Environ
from ..wsgi import EscapeMiddleware, send
from .prefilter import prefilter_of
from .site import Site

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

RULES, SITE = "ESCAPE_MW_RULES", "ESCAPE_MW_SITE"
STAMP = "HTTP_X_ESCAPE_STAMP"
HEALTHY = Answer("200 OK", (("Content-Type", "text/plain"), ("Cache-Control", "no-store")), b"ok\n")


class Gate:
    """The WSGI application; `site` is an address as `Site` takes it.

    Scheme and host are believed as the edge server tells them (X-Forwarded-Proto and -Host), so
    nobody else may reach this. Raises RulesError and ValueError.
    """

    def __init__(self, rules: RulesLike, site: str) -> None:
        self._compared: Policy | None = None
        self.middleware = EscapeMiddleware(Site(site), rules)
        self._app: WSGIApplication = ProxyFix(self.middleware, x_for=0, x_proto=1, x_host=1)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, or let the site answer it."""
        if stamp := environ.get(STAMP):
            self._compare(stamp)
        if environ.get("PATH_INFO") == HEALTH:
            return send(HEALTHY, environ, start_response)
        return self._app(environ, start_response)

    def _compare(self, stamp: str) -> None:
        """Warn, once for each edition of the rules, of an edge server that was told others."""
        policy = self.middleware.engine.state.rules.policy
        if policy is self._compared:
            return
        self._compared = policy
        if stamp != (ours := prefilter_of(policy).stamp):
            logger.warning(
                "the edge server's configuration is stale (stamp %r, now %r): write it again with"
                " escape-mw edge",
                stamp[:16],
                ours,
            )


def from_environment() -> Gate:
    """The gate that the environment describes. Raises RuntimeError where it does not."""
    if SITE not in os.environ:
        raise RuntimeError(f"set {SITE} to the site's address, such as http://127.0.0.1:8080")
    show()
    return Gate(os.environ.get(RULES), os.environ[SITE])


def __getattr__(name: str) -> Any:
    """Make `application` for the server that asks for it (PEP 562)."""
    if name != "application":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = made = from_environment()
    return made
