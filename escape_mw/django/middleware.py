"""The middleware itself: one request of Django's, sync or async."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from ..engine.engine import APPLIED, Engine
from ..engine.passthrough import WORDS, Passthrough
from ..web.answers import Answer
from ..web.request import as_latin1
from .requests import changed, request_of
from .responses import insert, nonce_of, response_of


class EscapeMiddleware:
    """Hands visitors in a host app's webview over, before Django's other middleware and views.

    Raises RulesError where ESCAPE_MW_RULES cannot be used.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.engine = Engine(
            getattr(settings, "ESCAPE_MW_RULES", None),
            named("ESCAPE_MW_OBSERVERS"),
            named("ESCAPE_MW_SINKS"),
        )
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Answer one request, or let Django answer it."""
        if self._is_async:
            return self._call_async(request)
        answer = self._before(request)
        if isinstance(answer, Answer):
            return response_of(answer, request)
        with _applied(answer), changed(answer, request):
            response = self.get_response(request)
        return self._after(answer, request, response)

    async def _call_async(self, request: HttpRequest) -> HttpResponseBase:
        is_own = self.engine.is_own(request.path_info)  # that may read a body or a file
        before = sync_to_async(self._before, thread_sensitive=False) if is_own else None
        answer = await before(request) if before else self._before(request)
        if isinstance(answer, Answer):
            return response_of(answer, request)
        with _applied(answer), changed(answer, request):
            response = await self.get_response(request)
        return self._after(answer, request, response)

    def _before(self, request: HttpRequest) -> Answer | Passthrough | None:
        get = request.META.get
        if self.engine.is_plain(
            get("SCRIPT_NAME", ""),
            as_latin1(request.path_info),
            get("HTTP_USER_AGENT", ""),
            get("QUERY_STRING", ""),
            get("HTTP_X_REQUESTED_WITH"),
            get("HTTP_SEC_CH_UA", ""),
        ):
            return None
        return self.engine.answer(lambda: request_of(request))

    def _after(
        self, passed: Passthrough | None, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        status = str(response.status_code)
        if passed is None or not passed.concerns(status):
            return response
        headers = passed.instead(status, list(response.items()), request.META.get(WORDS))
        if isinstance(headers, Answer):
            return response_of(headers, request, response)
        tagged = passed.tagged(status, headers, partial(nonce_of, request, response))
        headers = tagged[0] if tagged else headers
        gone = {name.lower() for name in response.headers} - {name.lower() for name, _ in headers}
        for name in gone:  # such as the site's word to us, and what a tag makes untrue
            del response[name]
        if tagged:
            insert(tagged[1], request, response)
        for name, value in passed.with_cookie(headers):
            if name.lower() != "set-cookie" and response.get(name) != value:
                response[name] = value
        response.cookies.load(passed.cookie)
        return response


@contextmanager
def _applied(passed: Passthrough | None) -> Iterator[None]:
    """Let another of these further in pass what this one has looked at."""
    if passed is None:
        yield
        return
    token = APPLIED.set(True)
    try:
        yield
    finally:
        APPLIED.reset(token)


def named(setting: str) -> list[Any]:
    """The callables of a setting, which may name them by their dotted paths."""
    return [
        import_string(one) if isinstance(one, str) else one
        for one in getattr(settings, setting, ())
    ]
