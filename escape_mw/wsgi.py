"""The middleware for WSGI: choose an application, call it once (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, TypeVar

from .decision.journeys import VISIT
from .engine.engine import APPLIED, Engine, Observer, Passthrough
from .events.sinks import Sink
from .rules import RulesLike
from .web.answers import Answer
from .web.pep3333 import Closing, ExcInfo, Header, are_headers, close, discard, drain, started
from .web.request import Environ

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

Returned = TypeVar("Returned")
REDIRECTS = ("301", "302", "303", "307", "308")
ASGI = (
    "this is an ASGI application, and EscapeMiddleware wraps WSGI applications; Django has"
    " escape_mw.django.EscapeMiddleware for its MIDDLEWARE, under ASGI as well"
)


class EscapeMiddleware:
    """Hands visitors in a host app's webview over to the music app or to their real browser.

        app.wsgi_app = EscapeMiddleware(app.wsgi_app, rules="escape.yaml")

    `app` is the WSGI application to wrap. `rules` is a YAML file's path, a mapping of the same
    form, `Rules`, or None: every redirect of the site to a known music destination. `observers` are
    called with every visit and decision, `sinks` with lists of events, from a thread of their own.
    Raises RulesError, with every problem, where the rules cannot be used, and TypeError for an ASGI
    application.
    """

    def __init__(
        self,
        app: WSGIApplication,
        rules: RulesLike = None,
        *,
        observers: Iterable[Observer] = (),
        sinks: Iterable[Sink] = (),
    ) -> None:
        if iscoroutinefunction(app) or iscoroutinefunction(type(app).__call__):
            raise TypeError(ASGI)
        self.app = app
        self.engine = Engine(rules, observers, sinks)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, or let the application answer it."""
        engine = self.engine
        answer = engine.answer(environ)
        if isinstance(answer, Answer):
            return send(answer, environ, start_response)
        if engine.state.rules.policy.vary:
            varies = partial(engine.varies, *_path_of(environ))
            start_response = _with_vary(start_response, varies)
        if answer is None:
            return self.app(environ, start_response)
        if answer.visit.is_marked:
            environ["QUERY_STRING"] = answer.visit.query
        if answer.token is not None:
            environ[VISIT] = answer.token
        if answer.cookie:
            start_response = _with_cookie(start_response, answer.cookie)
        return RedirectInterceptor(engine, answer, environ, start_response).call(self.app)


def send(
    answer: Answer, environ: Environ, start_response: StartResponse, extra: Iterable[Header] = ()
) -> Iterable[bytes]:
    """Send an answer; `extra` headers are the site's own, kept."""
    start_response(answer.status, [*answer.headers, *extra])
    return [b""] if environ.get("REQUEST_METHOD") == "HEAD" else [answer.body]


class RedirectInterceptor:
    """Calls the application once and forwards its response, or replaces it.

    It is replaced if it is a redirect to a configured destination. A forwarded response's bytes,
    headers, laziness, `write()` and `close()` stay the application's own. Another middleware of
    this package that stands further in lets the request pass.
    """

    def __init__(
        self,
        engine: Engine,
        passed: Passthrough,
        environ: Environ,
        start_response: StartResponse,
    ) -> None:
        self._engine = engine
        self._passed = passed
        self._environ = environ
        self._start_response = start_response
        self._has_started = False
        self._replacement: Answer | None = None
        self._cookies: list[Header] = []
        self._unsent: Iterable[bytes] = ()
        self._is_over = False

    def call(self, app: WSGIApplication) -> Iterable[bytes]:
        """The response to send: the application's own, a replacement, or what its start decides."""
        body = _applied(app, self._environ, self._start)
        if self._has_started:
            return body
        if self._replacement is not None:
            self._unsent = body
            return Closing(self._send(self._replacement), partial(self._close, body))
        return Closing(self._late(body), partial(self._close, body))

    def _late(self, body: Iterable[bytes]) -> Iterator[bytes]:
        """The response of an application that starts only when its body is asked for."""
        items = iter(body)
        first = _applied(next, items, None)
        if self._replacement is not None:
            self._unsent = items
            yield from self._send(self._replacement)
            return
        if first is not None:
            yield first
        yield from items

    def _close(self, body: Iterable[bytes]) -> None:
        """The end of a response: the rest of one that was replaced is read, so that it ends too."""
        self._is_over = True
        try:
            drain(self._unsent)
        finally:
            close(body)

    def _start(
        self, status: str, headers: list[Header], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], object]:
        if self._is_over:
            return discard
        self._replacement = None
        is_redirect = isinstance(status, str) and status.startswith(REDIRECTS)
        if is_redirect and self._may_replace and are_headers(headers):
            headers = self._intercepted(status[:3], headers)
        if self._replacement is not None:
            return discard
        self._has_started = True
        return started(self._start_response, status, headers, exc_info)

    @property
    def _may_replace(self) -> bool:
        return self._passed.is_watched and not self._has_started

    def _intercepted(self, status: str, headers: list[Header]) -> list[Header]:
        """The headers to send with a redirect, if it is not replaced."""
        location = next((value for name, value in headers if name.lower() == "location"), None)
        if location is None:
            return headers
        instead = self._engine.answer_redirect(self._passed, status, location)
        if isinstance(instead, Answer):
            self._replacement = instead
            self._cookies = [item for item in headers if item[0].lower() == "set-cookie"]
        elif instead != location:
            return [
                (name, instead if name.lower() == "location" else value) for name, value in headers
            ]
        return headers

    def _send(self, answer: Answer) -> Iterator[bytes]:
        return iter(send(answer, self._environ, self._start_response, self._cookies))


def _applied(function: Callable[..., Returned], *arguments: object) -> Returned:
    """What a function of the application's returns; nothing of this package acts inside it."""
    applied = APPLIED.set(True)
    try:
        return function(*arguments)
    finally:
        APPLIED.reset(applied)


def _path_of(environ: Environ) -> tuple[str, str]:
    return environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", "")


def _with_cookie(start_response: StartResponse, cookie: str) -> Any:
    """Keep the visitor's choice to continue here, on the response to that tap."""

    def start(status: str, headers: list[Header], exc_info: ExcInfo | None = None) -> Any:
        if are_headers(headers):
            headers = [*headers, ("Set-Cookie", cookie)]
        return started(start_response, status, headers, exc_info)

    return start


def _with_vary(start_response: StartResponse, varies: Callable[[str], bool]) -> Any:
    """Tell caches which answers depend on the user agent (rules: `vary: true`)."""

    def start(status: str, headers: list[Header], exc_info: ExcInfo | None = None) -> Any:
        if are_headers(headers) and varies(status):
            vary = [value for name, value in headers if name.lower() == "vary"]
            names = {name.strip().lower() for value in vary for name in value.split(",")}
            if not names & {"*", "user-agent"}:
                others = [item for item in headers if item[0].lower() != "vary"]
                headers = [*others, ("Vary", ", ".join([*vary, "User-Agent"]))]
        return started(start_response, status, headers, exc_info)

    return start
