"""The Django middleware, for WSGI and ASGI, sync and async.

    MIDDLEWARE = [
        "django.middleware.security.SecurityMiddleware",
        "escape_mw.django.EscapeMiddleware",
        ...
    ]
    ESCAPE_MW_RULES = BASE_DIR / "escape.yaml"      # or a mapping; without it, the default rules
    ESCAPE_MW_OBSERVERS = ["myapp.stats.observe"]   # optional: callables or their dotted paths
    ESCAPE_MW_SINKS = ["myapp.stats.keep"]          # the same, for events

It stands right behind SecurityMiddleware, which knows about https, and before everything that keeps or caches
responses: UpdateCacheMiddleware, SessionMiddleware, LocaleMiddleware, CommonMiddleware. The system checks say so;
"escape_mw.django" in INSTALLED_APPS runs them with every `manage.py` command, not only once the site is served.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core import checks
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.module_loading import import_string

from .engine import INSIDE, Engine, Passed
from .environ import Environ
from .events.measurement import VISIT
from .middleware import REDIRECTS
from .model import Answer
from .problems import RulesError
from .rules import load

OURS = "escape_mw.django.EscapeMiddleware"
OUTSIDE = ("django.middleware.security.SecurityMiddleware",)
INWARD = (
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
)


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
            _named("ESCAPE_MW_OBSERVERS"),
            _named("ESCAPE_MW_SINKS"),
        )
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Answer one request, or let Django answer it."""
        if self._is_async:
            return self._call_async(request)
        environ = _environ(request)
        answer = self._before(request, environ)
        if isinstance(answer, Answer):
            return _response(answer, request)
        with _inside(answer):
            response = self.get_response(request)
        return self._after(answer, request, environ, response)

    async def _call_async(self, request: HttpRequest) -> HttpResponseBase:
        environ = _environ(request)
        answer = self._before(request, environ)
        if isinstance(answer, Answer):
            return _response(answer, request)
        with _inside(answer):
            response = await self.get_response(request)
        return self._after(answer, request, environ, response)

    def _before(self, request: HttpRequest, environ: Environ) -> Answer | Passed | None:
        query = environ["QUERY_STRING"]
        answer = self.engine.answer(environ)
        if environ["QUERY_STRING"] != query:
            request.META["QUERY_STRING"] = environ["QUERY_STRING"]
            request.__dict__.pop("GET", None)  # somebody may have looked at it already
        if VISIT in environ:
            request.META[VISIT] = environ[VISIT]
        return answer

    def _after(
        self,
        passed: Passed | None,
        request: HttpRequest,
        environ: Environ,
        response: HttpResponseBase,
    ) -> HttpResponseBase:
        if (
            passed
            and passed.watched
            and str(response.status_code) in REDIRECTS
            and "Location" in response
        ):
            instead = self.engine.answer_redirect(passed, response["Location"])
            if isinstance(instead, Answer):
                response.close()
                return _response(instead, request, response)
            response["Location"] = instead
        if self.engine.varies(environ):
            patch_vary_headers(response, ["User-Agent"])
        return response


@contextmanager
def _inside(passed: Passed | None) -> Iterator[None]:
    """Let another of ours further in pass what this one has looked at."""
    if passed is None:
        yield
        return
    token = INSIDE.set(True)
    try:
        yield
    finally:
        INSIDE.reset(token)


def _environ(request: HttpRequest) -> Environ:
    """The request as a WSGI server would hand it over; Django has decoded the path, and knows scheme and host better."""
    environ = dict(request.META)
    try:
        environ["HTTP_HOST"] = request.get_host()
    except DisallowedHost:
        environ["HTTP_HOST"] = ""
    mount = request.path.removesuffix(request.path_info)
    environ["SCRIPT_NAME"] = _as_wsgi(mount)
    environ["PATH_INFO"] = _as_wsgi(request.path.removeprefix(mount))
    environ["wsgi.input"] = request  # it reads like a file, under ASGI too; only the lab asks
    environ["wsgi.url_scheme"] = request.scheme
    if not hasattr(request, "environ"):  # ASGI: the query string has been decoded as UTF-8
        environ["QUERY_STRING"] = _as_wsgi(request.META["QUERY_STRING"])
    return environ


def _as_wsgi(text: str) -> str:
    """UTF-8 as PEP 3333 has it: bytes in the guise of latin-1."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _response(
    answer: Answer, request: HttpRequest, original: HttpResponseBase | None = None
) -> HttpResponse:
    """Our answer as Django's response, with the cookies of the response that it replaces."""
    body = b"" if request.method == "HEAD" else answer.body
    response = HttpResponse(body, status=int(answer.status[:3]), headers=dict(answer.headers))
    if original is not None:
        response.cookies = original.cookies
    return response


def _named(setting: str) -> list[Any]:
    """The callables of a setting, some of which stand there by their dotted paths."""
    return [
        import_string(one) if isinstance(one, str) else one
        for one in getattr(settings, setting, ())
    ]


@checks.register("escape_mw")
def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """Tell at the start what would fail or mislead later: escape_mw.E001 rules, E002 observers and sinks, W001 and W002 order."""
    return [*_rules_problems(), *_callable_problems(), *_order_problems()]


def _rules_problems() -> Iterator[checks.CheckMessage]:
    try:
        load(getattr(settings, "ESCAPE_MW_RULES", None))
    except RulesError as error:
        for problem in error.problems:
            yield checks.Error(
                problem,
                hint="Mend ESCAPE_MW_RULES; `escape-mw check` tells the same.",
                id="escape_mw.E001",
            )


def _callable_problems() -> Iterator[checks.CheckMessage]:
    for setting in ("ESCAPE_MW_OBSERVERS", "ESCAPE_MW_SINKS"):
        hint = f"{setting} holds callables or their dotted paths."
        try:
            broken = [one for one in _named(setting) if not callable(one)]
        except ImportError as error:
            yield checks.Error(str(error), hint=hint, id="escape_mw.E002")
            continue
        for one in broken:
            yield checks.Error(f"{one!r} cannot be called.", hint=hint, id="escape_mw.E002")


def _order_problems() -> Iterator[checks.CheckMessage]:
    order = list(settings.MIDDLEWARE)
    if OURS not in order:
        return
    ours = order.index(OURS)
    for outside in OUTSIDE:
        if outside in order[ours:]:
            yield checks.Warning(
                f"{OURS} stands before {outside}.",
                hint="Put it right behind, so that visitors come over https.",
                id="escape_mw.W001",
            )
    for inward in INWARD:
        if inward in order[:ours]:
            yield checks.Warning(
                f"{OURS} stands behind {inward}.",
                hint="Put it before, so that no answer of ours is kept or changed.",
                id="escape_mw.W002",
            )
