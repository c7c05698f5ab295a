"""The site of the tests, wrapped, and served on this machine.

A few redirects to music and a page.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from escape_mw import EscapeMiddleware

from .seen import unwrap

ORIGIN = "https://site.example"
TARGETS = {
    "/track": "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC",
    "/smart": "https://paperlanterns.lnk.to/harbour?utm_source=bio",
}
# On iOS Telegram leaves no mark; here it has one, so that its rows are met too.
TELEGRAM = {"id": "telegram", "name": "Telegram", "tokens": ["Telegram-Android/", "Telegram-iOS/"]}
RULES = {
    "version": 1,
    "base_url": ORIGIN,
    "secret": "a secret for tests only",
    "apps": {"add": [TELEGRAM], "also": ["gsa", "naver"]},
}


@Request.application
def pages(request: Request) -> Response:
    """The site itself, which knows nothing of any escape."""
    if request.path in TARGETS:
        return redirect(TARGETS[request.path])
    return Response(
        "<!doctype html><title>Home</title><p id=home>Home</p>",
        content_type="text/html; charset=utf-8",
    )


@dataclass
class Site:
    """A served site: its address on this machine, and the paths that were asked for."""

    url: str = ""
    asked: list[str] = field(default_factory=list)

    def here(self, url: str) -> str:
        """Where a URL of the site's own is served."""
        assert url.startswith(ORIGIN)
        return self.url + url.removeprefix(ORIGIN)


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running(app: Any) -> Iterator[str]:
    """An application on this machine, for as long as it is wanted; its address."""
    server = make_server("127.0.0.1", 0, app, Server, Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def served(
    rules: Any = None,
    app: Any = pages,
    keep: bool = False,
    sinks: Any = (),
    around: Callable[[Any], Any] = lambda app: app,
) -> Iterator[Site]:
    """The wrapped site, running.

    `keep` takes the ban on caching off its answers, `around` puts something before it.
    """
    site = Site()
    wrapped = around(EscapeMiddleware(app, {**RULES, **(rules or {})}, sinks=sinks))

    def asked(environ: dict[str, Any], start_response: Any) -> Any:
        site.asked.append(
            environ["PATH_INFO"]
            + ("?" if environ["QUERY_STRING"] else "")
            + environ["QUERY_STRING"]
        )
        environ["HTTP_USER_AGENT"] = unwrap(environ.get("HTTP_USER_AGENT", ""))

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(
                status, [item for item in headers if not keep or item[0] != "Cache-Control"], *more
            )

        return wrapped(environ, start)

    with running(asked) as site.url:
        yield site
