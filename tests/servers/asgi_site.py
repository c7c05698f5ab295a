"""What the ASGI servers serve: applications, each bare and wrapped.

`bare` plays what a script says, some of it against ASGI; `starlette` is the site of the table that
holds in every framework.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from escape_mw.asgi import EscapeMiddleware

from ..support.examples import SECRET, TRACK
from ..support.sites import RULES, starlette_site

MEASURED = {
    "version": 1,
    "secret": SECRET,
    "events": {"log": True},
    "rules": [{"path": "/presave/**", "to": "page"}, {"path": "/**", "to": "redirect"}],
}
TEXT = (b"content-type", b"text/plain")
EMPTY = (b"content-length", b"0")
TO_SPOTIFY = [(b"location", TRACK.encode()), (b"set-cookie", b"seen=1"), EMPTY]
ELSEWHERE = [(b"location", b"https://news.example/"), EMPTY]


def start(status=200, *headers):
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(data=b"", more=False):
    return {"type": "http.response.body", "body": data, "more_body": more}


PARTS = [body(b"0\n", more=True), 0.02, body(b"1\n", more=True), 0.02, body()]
PASSED = [start(307, *ELSEWHERE), body()]
# What an application sends, waits for (in seconds) or raises; by the path.
SCRIPTS = {
    "leave": PASSED,
    "stream": [start(200, TEXT), *PARTS],
    "empty": [start(204), body()],
    "late": [0.05, *PASSED],
    "never": [],
    "body-first": [body(b"x"), *PASSED],
    "start-twice": [start(307, *ELSEWHERE), start(200, TEXT), body(b"x")],
    "start-alone": [start(307, *ELSEWHERE)],
    "more-after-the-end": [*PASSED, body(b"more")],
    "raise-before": [RuntimeError("before the start")],
    "raise-after": [start(307, *ELSEWHERE[:1]), RuntimeError("after the start")],
    "raise-within": [start(200, TEXT), body(b"x", more=True), RuntimeError("within the body")],
    "raise-at-the-end": [*PASSED, RuntimeError("after the end")],
    "cancelled": [asyncio.CancelledError()],
    "text-in-headers": [start(302, ("location", TRACK)), body()],
    "no-status": [{"type": "http.response.start", "headers": []}, body()],
    "no-headers": [{"type": "http.response.start", "status": 302}, body()],
    "no-message": [{"type": "http.response.nothing"}, *PASSED],
}
REPLACED = {
    "listen": [start(302, *TO_SPOTIFY), body()],
    "listen-in-parts": [start(302, *TO_SPOTIFY[:2]), *PARTS],
    "listen-and-raise": [start(302, *TO_SPOTIFY), body(), RuntimeError("after the end")],
}


async def play(script, send):
    for item in script:
        if isinstance(item, BaseException):
            raise item
        if isinstance(item, float):
            await asyncio.sleep(item)
        else:
            await send(dict(item))


async def said(scope, send):
    """What the application is told of the request."""
    lines = [f"{scope['method']} {scope['path']} {scope['query_string'].decode('latin-1')}"]
    lines += sorted(f"{n.decode()}: {v.decode('latin-1')}" for n, v in scope["headers"])
    text = "\n".join(lines).encode()
    await play([start(200, TEXT, (b"content-length", b"%d" % len(text)))], send)
    await send(body(b"" if scope["method"] == "HEAD" else text))


async def echo(receive, send):
    data, has_more = b"", True
    while has_more:
        message = await receive()
        data += message.get("body", b"")
        has_more = message.get("more_body", False)
    await play([start(200, TEXT, (b"content-length", b"%d" % len(data))), body(data)], send)


async def extended(scope, send):
    """What only some servers offer: early hints, a file that the server sends, trailers."""
    offered = scope.get("extensions") or {}
    if "http.response.early_hint" in offered:
        await send({"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]})
    path = Path(__file__).with_name("frameworks.py")
    begun = start(200, TEXT, (b"content-length", b"%d" % path.stat().st_size))
    if "http.response.pathsend" in offered:
        await play([begun, {"type": "http.response.pathsend", "path": str(path)}], send)
    elif "http.response.trailers" in offered:
        sum_ = {"headers": [(b"x-sum", b"1")], "more_trailers": False}
        end = {"type": "http.response.trailers", **sum_}
        await play([begun | {"trailers": True}, body(path.read_bytes()), end], send)
    else:
        await play([begun, body(path.read_bytes())], send)


async def lifespan(receive, send):
    kind = ""
    while kind != "lifespan.shutdown":
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})


async def bare(scope, receive, send):
    page = scope["path"].removeprefix("/") if scope["type"] == "http" else ""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif page in SCRIPTS | REPLACED:
        await play((SCRIPTS | REPLACED)[page], send)
    elif page == "echo":
        await echo(receive, send)
    elif page == "extended":
        await extended(scope, send)
    else:
        await said(scope, send)


wrapped = EscapeMiddleware(bare, MEASURED)
broken = starlette_site()
broken.add_middleware(EscapeMiddleware, rules={"version": 1, "rulez": []})
starlette = starlette_site()
starlette.add_middleware(EscapeMiddleware, rules=RULES)
