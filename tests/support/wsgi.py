"""A server's side of WSGI, and a site that redirects to a track."""

from __future__ import annotations

from typing import Any, NamedTuple
from wsgiref.util import setup_testing_defaults

from escape_mw import EscapeMiddleware

from .agents import CHROME_DESKTOP
from .examples import TRACK


def environ_of(agent=CHROME_DESKTOP, path="/", query="", **more):
    environ = {
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "HTTP_USER_AGENT": agent,
        "HTTP_HOST": "site.example",
        "wsgi.url_scheme": "https",
        **more,
    }
    setup_testing_defaults(environ)
    return environ


class Server:
    """A server's side: what start_response was told."""

    def __init__(self):
        self.started = []
        self.write = [].append

    def start_response(self, status, headers, exc_info=None):
        self.started.append((status, headers, exc_info))
        return self.write


def redirecting(location=TRACK, status="302 Found", headers=()):
    def app(_, start_response):
        start_response(status, [("Location", location), *headers])
        return [b"moved"]

    return app


class Got(NamedTuple):
    """A response; of `Site`, with the environ that it was asked with, None where it was not."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes
    environ: dict[str, Any] | None = None

    @property
    def is_ours(self):
        """Whether it is not the site's own: of `Site`, whose every body says so."""
        return self.body not in (b"the site's page", b"moved")


def send(app, environ):
    """What an application answers, as a server asks it: its start, its body, `close()`."""
    server = Server()
    body = app(environ, server.start_response)
    try:
        sent = b"".join(body)
    finally:
        getattr(body, "close", lambda: None)()
    status, headers, _ = server.started[-1]
    return Got(status, headers, sent)


class Site:
    """A site behind the middleware: it redirects to a location, or answers with a page."""

    def __init__(self, rules=None, **options):
        self.middleware = EscapeMiddleware(self._answer, rules, **options)
        self._location = self._environ = None

    def _answer(self, environ, start_response):
        self._environ = environ
        if self._location is not None:
            return redirecting(self._location)(environ, start_response)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"the site's page"]

    def ask(self, environ, location=None):
        self._environ, self._location = None, location
        return send(self.middleware, environ)._replace(environ=self._environ)
