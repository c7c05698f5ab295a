"""The middleware for ASGI: Starlette, FastAPI, Litestar, Quart, or no framework at all.

    app.add_middleware(EscapeMiddleware, rules="escape.yaml")     # Starlette, FastAPI
    app = EscapeMiddleware(app, rules="escape.yaml")              # any ASGI application

For a Django project, `escape_mw.django` is the middleware, under ASGI too.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from .engine.engine import APPLIED, Engine, Observer
from .engine.passthrough import WORDS, Passthrough
from .events.sinks import Sink
from .links.insertion import Insertion
from .rules import RulesError, RulesLike
from .web.answers import Answer
from .web.asgi3 import (
    App,
    Message,
    Receive,
    Scope,
    Send,
    in_thread,
    is_in_loop,
    raw_headers,
    read_body,
    send_answer,
)
from .web.logs import logger
from .web.request import from_scope, path_below

# How a server sends a file by itself: a page that gets a tag must come as bytes.
UNREADABLE = ("http.response.pathsend", "http.response.zerocopysend")


class EscapeMiddleware:
    """Hands visitors in a host app's webview over to the music app or to their real browser.

    `app` is the ASGI application to wrap (ASGI 3). `rules`, `observers` and `sinks` are as for the
    WSGI middleware. Websockets and the lifespan go to the application as they are. Raises
    RulesError, with every problem, where the rules cannot be used, and TypeError for what is no
    application. Within an event loop, where Starlette makes its middlewares, RulesError would be
    every request's: there the problems are logged, the server's start fails by the lifespan, and
    requests pass.
    """

    def __init__(
        self,
        app: App,
        rules: RulesLike = None,
        *,
        observers: Iterable[Observer] = (),
        sinks: Iterable[Sink] = (),
    ) -> None:
        if not callable(app):
            raise TypeError(f"{app!r} is not an ASGI application: it cannot be called")
        self.app = app
        self._error: RulesError | None = None
        try:
            self.engine = Engine(rules, observers, sinks)
        except RulesError as error:
            if not is_in_loop():
                raise
            self._error = error
            for problem in error.problems:
                logger.error("switched off; the rules cannot be used: %s", problem)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let the application answer it."""
        if scope["type"] == "lifespan" and self._error:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": str(self._error)})
            return
        if scope["type"] != "http" or self._error or self._is_plain(scope):
            await self.app(scope, receive, send)
            return
        answer: Answer | Passthrough | None
        if self.engine.is_own(path_below(scope)):
            answer, receive = await self._own_answer(scope, receive)
        else:
            answer = self.engine.answer(partial(from_scope, scope))
        if isinstance(answer, Answer):
            await send_answer(answer, scope, send)
        elif answer is None:
            await self.app(scope, receive, send)
        else:
            await self._passed(answer, changed(scope, answer), receive, send)

    async def _passed(
        self, passed: Passthrough, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Let the application answer; nothing of this package acts inside it."""
        applied = APPLIED.set(True)
        try:
            await self.app(scope, receive, Response(passed, scope, send))
        finally:
            APPLIED.reset(applied)

    def _is_plain(self, scope: Scope) -> bool:
        """The quick look, at the raw headers: no request is made of a plain browser's."""
        agent, brands, requested_with = b"", b"", None
        for name, value in scope["headers"]:  # faster than a mapping made of them
            if name == b"user-agent":
                agent = value
            elif name == b"sec-ch-ua":
                brands = value
            elif name == b"x-requested-with":
                requested_with = "sent"
        return self.engine.is_plain(
            scope.get("root_path", "").rstrip("/"),
            path_below(scope),
            agent.decode("latin-1"),
            scope.get("query_string", b"").decode("latin-1"),
            requested_with,
            brands.decode("latin-1"),
        )

    async def _own_answer(
        self, scope: Scope, receive: Receive
    ) -> tuple[Answer | Passthrough | None, Receive]:
        """What is answered at this package's own addresses, in a thread: it may read a database.

        With it, the way to receive the request anew, if the site answers.
        """
        body, messages = (
            await read_body(scope, receive) if scope["method"] == "POST" else (None, [])
        )

        async def again() -> Message:
            return messages.pop(0) if messages else await receive()

        answer = partial(self.engine.answer, partial(from_scope, scope, body))
        return await in_thread(answer), again


def changed(scope: Scope, passed: Passthrough) -> Scope:
    """A request's scope for the site: a copy, if anything is changed or taken out."""
    if not passed.changes and not passed.removals:
        return scope
    copy: Scope = {**scope}
    headers: dict[bytes, bytes | None] = {_header_name(name): None for name in passed.removals}
    for name, value in passed.changes.items():
        if name == "QUERY_STRING":
            copy["query_string"] = value.encode("latin-1")
        elif name.startswith("HTTP_"):
            headers[_header_name(name)] = value.encode("latin-1")
        else:
            copy[name] = value
    if headers:
        kept = [item for item in scope["headers"] if item[0] not in headers]
        copy["headers"] = [*kept, *((name, value) for name, value in headers.items() if value)]
    if passed.removals:
        extensions = scope.get("extensions") or {}
        copy["extensions"] = {k: v for k, v in extensions.items() if k not in UNREADABLE}
    return copy


def _header_name(variable: str) -> bytes:
    return variable.removeprefix("HTTP_").replace("_", "-").lower().encode("ascii")


class Response:
    """The response to a request that passed, as the application's `send`.

    A message goes to the server as it is, but for the start of a response that `passed` changes or
    replaces. Of a replaced one, nothing more is sent, but the application runs to its end.
    """

    def __init__(self, passed: Passthrough, scope: Scope, send: Send) -> None:
        self._passed = passed
        self._scope = scope
        self._send = send
        self._is_replaced = False
        self._insertion: Insertion | None = None

    async def __call__(self, message: Message) -> None:
        """Send one message of the application's."""
        if self._is_replaced:
            return
        kind = message.get("type")
        if kind == "http.response.start" and self._passed.concerns(str(message.get("status"))):
            await self._start(message)
        elif kind == "http.response.body" and self._insertion is not None:
            await self._send(self._inserted(message, self._insertion))
        else:
            await self._send(message)

    async def _start(self, message: Message) -> None:
        try:
            raw = list(message.get("headers", ()))
            headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw]
        except (
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
        ):  # the server says what is wrong with it
            await self._send(message)
            return
        if "headers" in message:  # not every server takes a message without them
            message = {**message, "headers": raw}
        status = str(message["status"])
        instead = self._passed.instead(status, headers, self._scope.get(WORDS))
        if isinstance(instead, Answer):
            self._is_replaced = True
            cookies = [item for item in headers if item[0].lower() == "set-cookie"]
            await send_answer(instead, self._scope, self._send, cookies)
            return
        if tagged := self._passed.tagged(status, instead):
            instead, insertion = tagged
            self._insertion = None if self._scope["method"] == "HEAD" else insertion
        instead = self._passed.with_cookie(instead)
        await self._send(
            message if instead is headers else {**message, "headers": raw_headers(instead)}
        )

    def _inserted(self, message: Message, insertion: Insertion) -> Message:
        """A part of the site's page with the script's tag in it, as it comes."""
        body = insertion.feed(message.get("body", b""))
        if not message.get("more_body", False):
            body += insertion.end()
        return {**message, "body": body}
