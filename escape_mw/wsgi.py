"""The middleware for WSGI: choose an application, call it once (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from .engine.engine import APPLIED, Engine, Observer
from .engine.passthrough import WORDS, Passthrough
from .events.sinks import Sink
from .links.insertion import Insertion
from .rules import RulesLike
from .web.answers import Answer, Header
from .web.pep3333 import (
    Closing,
    ExcInfo,
    are_headers,
    close,
    discard,
    drain,
    is_asgi,
    started,
)
from .web.request import Environ, from_environ

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

Returned = TypeVar("Returned")
ASGI = (
    "this is an ASGI application, and this EscapeMiddleware wraps WSGI applications; take"
    " escape_mw.asgi.EscapeMiddleware, or in Django's MIDDLEWARE escape_mw.django.EscapeMiddleware"
)


class EscapeMiddleware:
    """Hands visitors in a host app's webview over to the music app or to their real browser.

        app.wsgi_app = EscapeMiddleware(app.wsgi_app, rules="escape.yaml")

    `app` is the WSGI application to wrap. `rules` is a YAML file's path, a mapping of the same
    form, `Rules`, or None: every redirect of the site to a known music destination. `observers` are
    called with every visit and decision, `sinks` with lists of events, from a thread of their own.
    Raises RulesError, with every problem, where the rules cannot be used, and TypeError for what is
    no WSGI application.
    """

    def __init__(
        self,
        app: WSGIApplication,
        rules: RulesLike = None,
        *,
        observers: Iterable[Observer] = (),
        sinks: Iterable[Sink] = (),
    ) -> None:
        if is_asgi(app):
            raise TypeError(ASGI)
        if not callable(app):
            raise TypeError(f"{app!r} is not a WSGI application: it cannot be called")
        self.app = app
        self.engine = Engine(rules, observers, sinks)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, or let the application answer it."""
        get = environ.get
        if self.engine.is_plain(
            get("SCRIPT_NAME", ""),
            get("PATH_INFO", ""),
            get("HTTP_USER_AGENT", ""),
            get("QUERY_STRING", ""),
            get("HTTP_X_REQUESTED_WITH"),
            get("HTTP_SEC_CH_UA", ""),
        ):
            return self.app(environ, start_response)
        answer = self.engine.answer(partial(from_environ, environ))
        if isinstance(answer, Answer):
            return send(answer, environ, start_response)
        if answer is None:
            return self.app(environ, start_response)
        return Response(answer, answer.changed(environ), start_response).of(self.app)


def send(
    answer: Answer, environ: Environ, start_response: StartResponse, extra: Iterable[Header] = ()
) -> Iterable[bytes]:
    """Send an answer; `extra` headers are the site's own, kept."""
    start_response(answer.status, [*answer.headers, *extra])
    return [b""] if environ.get("REQUEST_METHOD") == "HEAD" else [answer.body]


class Response:
    """The response to a request that passed: the application's own, or what replaces it.

    The application is called once. A forwarded response's bytes, laziness, `write()` and `close()`
    stay its own, and its headers but for what `passed` says. Another middleware of this package
    that stands further in lets the request pass.
    """

    def __init__(
        self, passed: Passthrough, environ: Environ, start_response: StartResponse
    ) -> None:
        self._passed = passed
        self._environ = environ
        self._start_response = start_response
        self._has_started = False
        self._replacement: Answer | None = None
        self._cookies: list[Header] = []
        self._unsent: Iterable[bytes] = ()
        self._is_over = False
        self._insertion: Insertion | None = None

    def of(self, app: WSGIApplication) -> Iterable[bytes]:
        """The body to send: the application's own, a replacement's, or what its start decides."""
        body = self._applied(app, self._environ, self._start)
        if self._has_started and self._insertion is None:
            return body
        if self._has_started:
            return Closing(self._inserted(iter(body)), partial(self._close, body))
        if self._replacement is not None:
            self._unsent = body
            return Closing(self._send(self._replacement), partial(self._close, body))
        if not isinstance(body, Iterable):  # a server's word, such as gunicorn's ALREADY_HANDLED
            return body
        return Closing(self._late(body), partial(self._close, body))

    def _late(self, body: Iterable[bytes]) -> Iterator[bytes]:
        """The response of an application that starts only when its body is asked for."""
        items = iter(body)
        first = self._applied(next, items, None)
        if self._replacement is not None:
            self._unsent = items
            yield from self._send(self._replacement)
            return
        rest = items if first is None else chain([first], items)
        yield from rest if self._insertion is None else self._inserted(rest)

    def _inserted(self, items: Iterator[bytes]) -> Iterator[bytes]:
        """The site's page with the script's tag in it, as it comes."""
        for item in items:
            yield item if self._insertion is None else self._insertion.feed(item)
        if self._insertion is not None:
            yield self._insertion.end()

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
        self._replacement = self._insertion = None
        if self._passed.concerns(status) and are_headers(headers):
            headers = self._edited(status, headers)
        if self._replacement is not None:
            return discard
        self._has_started = True
        write = started(self._start_response, status, headers, exc_info)
        insertion = self._insertion
        return write if insertion is None else lambda data: write(insertion.feed(data))

    def _edited(self, status: str, headers: list[Header]) -> list[Header]:
        """The headers to send, if the response is not replaced."""
        instead: Answer | list[Header] = headers
        if isinstance(status, str) and not self._has_started:
            instead = self._passed.instead(status, headers, self._environ.get(WORDS))
        if isinstance(instead, Answer):
            self._replacement = instead
            self._cookies = [item for item in headers if item[0].lower() == "set-cookie"]
            return headers
        if tagged := self._passed.tagged(str(status), instead):
            instead, insertion = tagged
            is_sent = self._environ.get("REQUEST_METHOD") != "HEAD"
            self._insertion = insertion if is_sent else None
        return self._passed.with_cookie(instead)

    def _applied(self, function: Callable[..., Returned], *arguments: object) -> Returned:
        """What a function of the application's returns; nothing of this package acts inside it."""
        applied = APPLIED.set(True)
        try:
            return function(*arguments)
        finally:
            APPLIED.reset(applied)

    def _send(self, answer: Answer) -> Iterator[bytes]:
        return iter(send(answer, self._environ, self._start_response, self._cookies))
