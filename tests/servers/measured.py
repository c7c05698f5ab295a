"""What the servers serve where events are counted.

A site whose pages are escaped, and tell which process they are from and the visit's token.
"""

from __future__ import annotations

import os

from escape_mw import EscapeMiddleware

RULES = {
    "version": 1,
    "secret": "a secret for tests only",
    "events": {"database": "${EVENTS_DATABASE}", "outcomes": ["presave"]},
    "rules": [{"name": "pre-saves", "path": "/presave/**", "to": "page"}],
}


def bare(environ, start_response):
    body = f"{os.getpid()} {environ.get('escape_mw.visit', '')}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


if "EVENTS_DATABASE" in os.environ:
    wrapped = EscapeMiddleware(bare, RULES)
