"""What a request costs under ASGI, beside the same request under WSGI.

Medians of one interleaved run on one core, in microseconds of CPU; no event loop, no server.

    python -m benchmarks.asgi
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Coroutine
from typing import Any

from escape_mw import EscapeMiddleware as Wsgi
from escape_mw.asgi import EscapeMiddleware as Asgi
from tests.support import agents

from .requests import calls, environ_of
from .requests import redirecting as wsgi_redirecting
from .requests import site as wsgi_site

ROUNDS = 15
CALLS = {"page": 200}
USUAL = 2000
RULES = {
    "version": 1,
    "rules": [{"path": "/presave/**", "to": "page"}, {"path": "/**", "to": "redirect"}],
}
HEADERS = {
    "accept": "text/html,*/*;q=0.8",
    "accept-language": "en-US,en;q=0.9",
    "sec-fetch-dest": "document",
    "sec-fetch-mode": "navigate",
    "sec-fetch-site": "none",
    "sec-fetch-user": "?1",
    "cookie": "a=b; c=d",
    "connection": "keep-alive",
}
START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain")],
}
BODY = {"type": "http.response.body", "body": b""}
Run = Callable[[], Any]


class Nothing:
    """The least that an ASGI middleware can do."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


async def site(_scope: Any, _receive: Any, send: Any) -> None:
    await send(START)
    await send(BODY)


async def send(_message: Any) -> None:
    """A server's send."""


def scope_of(agent: str, path: str = "/listen") -> dict[str, Any]:
    """What uvicorn hands over of a browser's request."""
    headers = {"host": "site.example", "user-agent": agent, **HEADERS}
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }


def asgi(app: Any, scope: dict[str, Any]) -> Run:
    """The whole of a request that waits for nothing."""

    def run() -> None:
        asked: Coroutine[Any, Any, None] = app(scope, None, send)
        try:
            asked.send(None)
        except StopIteration:
            return
        raise RuntimeError("the application waits for something")

    return run


def wsgi(app: Any, agent: str, path: str = "/listen") -> Run:
    more = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in HEADERS.items()}
    return calls(app, environ_of(agent, path, **more))


def cases() -> dict[str, Run]:
    wrapped = Asgi(site, RULES)
    browser, tiktok = agents.SAFARI, agents.TIKTOK_ANDROID
    return {
        "ASGI, bare": asgi(site, scope_of(browser)),
        "ASGI, no-op middleware": asgi(Nothing(site), scope_of(browser)),
        "ASGI, a browser": asgi(wrapped, scope_of(browser)),
        "ASGI, watched and passed": asgi(wrapped, scope_of(tiktok)),
        "ASGI, page": asgi(wrapped, scope_of(tiktok, "/presave/x")),
        "WSGI, bare": wsgi(wsgi_site, browser),
        "WSGI, a browser": wsgi(Wsgi(wsgi_site, RULES), browser),
        "WSGI, watched and passed": wsgi(Wsgi(wsgi_site, RULES), tiktok),
        "WSGI, page": wsgi(Wsgi(wsgi_redirecting, RULES), tiktok, "/presave/x"),
    }


def cost(run: Run, times: int) -> float:
    """Microseconds of CPU for each call."""
    begun = time.process_time_ns()
    for _ in range(times):
        run()
    return (time.process_time_ns() - begun) / times / 1000


def main() -> None:
    runs = cases()
    timed: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            timed[name].append(cost(run, CALLS.get(name.rpartition(" ")[2], USUAL)))
    median = {name: statistics.median(times) for name, times in timed.items()}
    print("| per request | µs |\n|---|---|")
    for name, figure in median.items():
        print(f"| {name} | {figure:.2f} |")
    beyond = median["ASGI, a browser"] - median["ASGI, no-op middleware"]
    watched = median["ASGI, watched and passed"] - median["ASGI, bare"]
    watched /= median["WSGI, watched and passed"] - median["WSGI, bare"]
    page = median["ASGI, page"] - median["WSGI, page"]
    print(f"\na browser beyond the no-op middleware: {beyond:.2f} µs")
    print(f"watched and passed beside WSGI: {watched:.2f} ×")
    print(f"page beyond WSGI: {page:.2f} µs")


if __name__ == "__main__":
    main()
