"""A server's side of WSGI, and a site that redirects to a track."""

from __future__ import annotations

from wsgiref.util import setup_testing_defaults

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
