"""The WSGI shell: choose an application, call it once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .engine import INSIDE, Engine, Observer, Passed
from .environ import Environ
from .events.sinks import Sink
from .model import Answer
from .rules import Source

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

REDIRECTS = ("301", "302", "303", "307", "308")
ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
Header = tuple[str, str]


class EscapeMiddleware:
    """Hands visitors in a host app's webview over to the music app or to their real browser.

    `app` is the WSGI application to stand before. `rules` is a YAML file's path, a mapping of the same form, `Rules`,
    or None: every redirect of the site to a known music destination. `observers` are called with every visit and
    decision, `sinks` with lists of events, from a thread of their own. Raises RulesError, with every problem, where the
    rules cannot be used.

        app.wsgi_app = EscapeMiddleware(app.wsgi_app, rules="escape.yaml")
    """

    def __init__(
        self,
        app: WSGIApplication,
        rules: Source = None,
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
        if engine.source.rules.vary and engine.varies(environ):
            start_response = _varying(start_response)
        if answer is None:
            return self.app(environ, start_response)
        inside = INSIDE.set(True)
        try:
            if answer.watched:
                return Watch(self.engine, answer, environ, start_response).call(self.app)
            return self.app(environ, start_response)
        finally:
            INSIDE.reset(inside)


def send(
    answer: Answer, environ: Environ, start_response: StartResponse, extra: Iterable[Header] = ()
) -> Iterable[bytes]:
    """Send an answer; `extra` headers are the site's own, kept."""
    start_response(answer.status, [*answer.headers, *extra])
    return [b""] if environ.get("REQUEST_METHOD") == "HEAD" else [answer.body]


class Watch:
    """Calls the application once and lets its response through, unless it is a redirect that we answer instead.

    The response's bytes, headers, laziness, `write()` and `close()` stay the application's own. Where it calls
    start_response only when its body is asked for, this object stands for the body and answers then.
    """

    def __init__(
        self, engine: Engine, passed: Passed, environ: Environ, start_response: StartResponse
    ) -> None:
        self._engine = engine
        self._passed = passed
        self._environ = environ
        self._start_response = start_response
        self._started = False
        self._answer: Answer | None = None
        self._cookies: list[Header] = []
        self._body: Iterable[bytes] = ()
        self._items: Iterator[bytes] | None = None

    def call(self, app: WSGIApplication) -> Iterable[bytes]:
        """The response to send."""
        self._body = app(self._environ, self._start)
        if self._answer is not None:
            self._items = self._sent(self._answer)
        return self._body if self._started else self

    def _start(
        self, status: str, headers: list[Header], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], object]:
        self._answer = None
        if not self._started and str(status).startswith(REDIRECTS) and _are_headers(headers):
            headers = self._judged(headers)
        if self._answer is not None:
            return _swallow
        self._started = True
        return (
            self._start_response(status, headers, exc_info)
            if exc_info
            else self._start_response(status, headers)
        )

    def _judged(self, headers: list[Header]) -> list[Header]:
        """The headers to send with a redirect, if it is not answered instead."""
        location = next((value for name, value in headers if name.lower() == "location"), None)
        if location is None:
            return headers
        instead = self._engine.answer_redirect(self._passed, location)
        if isinstance(instead, Answer):
            self._answer = instead
            self._cookies = [item for item in headers if item[0].lower() == "set-cookie"]
        elif instead != location:
            return [
                (name, instead if name.lower() == "location" else value) for name, value in headers
            ]
        return headers

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._items is None:  # the application has not started yet: its first item tells
            self._items = iter(self._body)
            first = next(self._items, None)
            if self._answer is not None:
                self._items = self._sent(self._answer)
            elif first is not None:
                return first
        return next(self._items)

    def _sent(self, answer: Answer) -> Iterator[bytes]:
        return iter(send(answer, self._environ, self._start_response, self._cookies))

    def close(self) -> None:
        """Close the application's own body, whether it was sent or not."""
        close = getattr(self._body, "close", None)
        if close is not None:
            close()


def _varying(start_response: StartResponse) -> Any:
    """Tell caches that the answers of this path depend on the user agent (rules: `vary: true`)."""

    def start(status: str, headers: list[Header], exc_info: ExcInfo | None = None) -> Any:
        if not _are_headers(headers):  # the server's to tell
            return (
                start_response(status, headers, exc_info)
                if exc_info
                else start_response(status, headers)
            )
        told = [value for name, value in headers if name.lower() == "vary"]
        names = {name.strip().lower() for value in told for name in value.split(",")}
        if not names & {"*", "user-agent"}:
            others = [item for item in headers if item[0].lower() != "vary"]
            headers = [*others, ("Vary", ", ".join([*told, "User-Agent"]))]
        return (
            start_response(status, headers, exc_info)
            if exc_info
            else start_response(status, headers)
        )

    return start


def _are_headers(headers: object) -> bool:
    """Whether these are headers as WSGI knows them (PEP 3333); whatever else they are is the server's to tell."""
    pairs = isinstance(headers, list) and all(
        isinstance(item, tuple) and len(item) == 2 for item in headers
    )
    return pairs and all(isinstance(text, str) for item in headers for text in item)  # type: ignore[attr-defined]


def _swallow(data: bytes) -> None:
    """The write() of a response that is not sent."""
