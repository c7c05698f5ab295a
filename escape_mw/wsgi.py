"""The middleware for WSGI: choose an application, call it once (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .decision.journeys import VISIT
from .engine.engine import APPLIED, Engine, Observer, Passthrough
from .events.sinks import Sink
from .rules import RulesLike
from .web.answers import Answer
from .web.request import Environ, readable

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

REDIRECTS = ("301", "302", "303", "307", "308")
ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
Header = tuple[str, str]


class EscapeMiddleware:
    """Hands visitors in a host app's webview over to the music app or to their real browser.

        app.wsgi_app = EscapeMiddleware(app.wsgi_app, rules="escape.yaml")

    `app` is the WSGI application to wrap. `rules` is a YAML file's path, a mapping of the same
    form, `Rules`, or None: every redirect of the site to a known music destination. `observers` are
    called with every visit and decision, `sinks` with lists of events, from a thread of their own.
    Raises RulesError, with every problem, where the rules cannot be used.
    """

    def __init__(
        self,
        app: WSGIApplication,
        rules: RulesLike = None,
        *,
        observers: Iterable[Observer] = (),
        sinks: Iterable[Sink] = (),
    ) -> None:
        self.app = app
        self.engine = Engine(rules, observers, sinks)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, or let the application answer it."""
        engine = self.engine
        answer = engine.answer(environ)
        if isinstance(answer, Answer):
            return send(answer, environ, start_response)
        if engine.source.rules.policy.vary and engine.varies(_path_of(environ)):
            start_response = _with_vary(start_response)
        if answer is None:
            return self.app(environ, start_response)
        if answer.visit.marker is not None:
            environ["QUERY_STRING"] = answer.visit.query
        if answer.token is not None:
            environ[VISIT] = answer.token
        applied = APPLIED.set(True)
        try:
            if answer.is_watched:
                return RedirectInterceptor(engine, answer, environ, start_response).call(self.app)
            return self.app(environ, start_response)
        finally:
            APPLIED.reset(applied)


def send(
    answer: Answer, environ: Environ, start_response: StartResponse, extra: Iterable[Header] = ()
) -> Iterable[bytes]:
    """Send an answer; `extra` headers are the site's own, kept."""
    start_response(answer.status, [*answer.headers, *extra])
    return [b""] if environ.get("REQUEST_METHOD") == "HEAD" else [answer.body]


class RedirectInterceptor:
    """Calls the application once and forwards its response, or replaces it.

    It is replaced if it is a redirect to a configured destination. A forwarded response's bytes,
    headers, laziness, `write()` and `close()` stay the application's own.
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

    def call(self, app: WSGIApplication) -> Iterable[bytes]:
        """The response to send: the application's own, a replacement, or what its start decides."""
        body = app(self._environ, self._start)
        if self._has_started:
            return body
        if self._replacement is not None:
            return Closing(self._send(self._replacement), body)
        return Closing(self._late(body), body)

    def _late(self, body: Iterable[bytes]) -> Iterator[bytes]:
        """The response of an application that starts only when its body is asked for."""
        items = iter(body)
        first = next(items, None)
        if self._replacement is not None:
            yield from self._send(self._replacement)
            return
        if first is not None:
            yield first
        yield from items

    def _start(
        self, status: str, headers: list[Header], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], object]:
        self._replacement = None
        is_redirect = str(status).startswith(REDIRECTS)
        if not self._has_started and is_redirect and _are_headers(headers):
            headers = self._intercepted(headers)
        if self._replacement is not None:
            return _discard
        self._has_started = True
        return _started(self._start_response, status, headers, exc_info)

    def _intercepted(self, headers: list[Header]) -> list[Header]:
        """The headers to send with a redirect, if it is not replaced."""
        location = next((value for name, value in headers if name.lower() == "location"), None)
        if location is None:
            return headers
        instead = self._engine.answer_redirect(self._passed, location)
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


class Closing:
    """An iterator over `items` whose `close()` is the application's own body's."""

    def __init__(self, items: Iterator[bytes], body: Iterable[bytes]) -> None:
        self._items = items
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._items)

    def close(self) -> None:
        """Close the application's body, whether it was sent or not."""
        close = getattr(self._body, "close", None)
        if close is not None:
            close()


def _path_of(environ: Environ) -> str:
    return readable(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""))


def _with_vary(start_response: StartResponse) -> Any:
    """Tell caches that the answers of this path depend on the user agent (rules: `vary: true`)."""

    def start(status: str, headers: list[Header], exc_info: ExcInfo | None = None) -> Any:
        if _are_headers(headers):
            vary = [value for name, value in headers if name.lower() == "vary"]
            names = {name.strip().lower() for value in vary for name in value.split(",")}
            if not names & {"*", "user-agent"}:
                others = [item for item in headers if item[0].lower() != "vary"]
                headers = [*others, ("Vary", ", ".join([*vary, "User-Agent"]))]
        return _started(start_response, status, headers, exc_info)

    return start


def _started(
    start_response: StartResponse, status: str, headers: list[Header], exc_info: ExcInfo | None
) -> Callable[[bytes], object]:
    """Call start_response as the application called it, with or without `exc_info`."""
    if exc_info:
        return start_response(status, headers, exc_info)
    return start_response(status, headers)


def _are_headers(headers: object) -> bool:
    """Whether these are headers as WSGI knows them (PEP 3333).

    Whatever else they are is the server's to report.
    """
    pairs = isinstance(headers, list) and all(
        isinstance(item, tuple) and len(item) == 2 for item in headers
    )
    return pairs and all(isinstance(text, str) for item in headers for text in item)  # type: ignore[attr-defined]


def _discard(data: bytes) -> None:
    """The write() of a response that is not sent."""
