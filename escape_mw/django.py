"""The Django middleware, for WSGI and ASGI, sync and async.

    MIDDLEWARE = [
        "django.middleware.security.SecurityMiddleware",
        "escape_mw.django.EscapeMiddleware",
        ...
    ]
    ESCAPE_MW_RULES = BASE_DIR / "escape.yaml"      # or a mapping; without it, the default rules
    ESCAPE_MW_OBSERVERS = ["myapp.stats.observe"]   # optional: callables or their dotted paths
    ESCAPE_MW_SINKS = ["myapp.stats.keep"]          # the same, for events

It stands right behind SecurityMiddleware, which knows about https, and before everything that keeps
or caches responses: UpdateCacheMiddleware, SessionMiddleware, LocaleMiddleware, CommonMiddleware.
The system checks say so; "escape_mw.django" in INSTALLED_APPS runs them with every `manage.py`
command, not only once the site is served.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote_to_bytes

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.core import checks
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.encoding import repercent_broken_unicode
from django.utils.module_loading import import_string

from .engine.engine import APPLIED, Engine
from .engine.passthrough import WORDS, Passthrough
from .links.insertion import Insertion
from .rules import RulesError, load, require_secret
from .rules.environment import switches_off
from .rules.warnings import warnings_of
from .web.answers import Answer
from .web.request import Request, as_latin1, body_length, headers_of, readable

ENCODING = "HTTP_ACCEPT_ENCODING"
OURS = "escape_mw.django.EscapeMiddleware"
FOREIGN = (
    "escape_mw.EscapeMiddleware",
    "escape_mw.wsgi.EscapeMiddleware",
    "escape_mw.asgi.EscapeMiddleware",
    "escape_mw.flask.Escape",
)
SETTINGS = ("ESCAPE_MW_RULES", "ESCAPE_MW_OBSERVERS", "ESCAPE_MW_SINKS")
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
        answer = self._before(request)
        if isinstance(answer, Answer):
            return _response(answer, request)
        with _applied(answer), _changed(answer, request):
            response = self.get_response(request)
        return self._after(answer, request, response)

    async def _call_async(self, request: HttpRequest) -> HttpResponseBase:
        is_own = self.engine.is_own(request.path_info)  # that may read a body or a file
        before = sync_to_async(self._before, thread_sensitive=False) if is_own else None
        answer = await before(request) if before else self._before(request)
        if isinstance(answer, Answer):
            return _response(answer, request)
        with _applied(answer), _changed(answer, request):
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
        return self.engine.answer(lambda: _request_of(request))

    def _after(
        self, passed: Passthrough | None, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        status = str(response.status_code)
        if passed is None or not passed.concerns(status):
            return response
        headers = passed.instead(status, list(response.items()), request.META.get(WORDS))
        if isinstance(headers, Answer):
            return _response(headers, request, response)
        tagged = passed.tagged(status, headers, _nonce(request, response))
        headers = tagged[0] if tagged else headers
        gone = {name.lower() for name in response.headers} - {name.lower() for name, _ in headers}
        for name in gone:  # such as the site's word to us, and what a tag makes untrue
            del response[name]
        if tagged:
            _insert(tagged[1], request, response)
        for name, value in passed.with_cookie(headers):
            if name.lower() != "set-cookie" and response.get(name) != value:
                response[name] = value
        response.cookies.load(passed.cookie)
        return response


@contextmanager
def _changed(passed: Passthrough | None, request: HttpRequest) -> Iterator[None]:
    """Change what the site sees of a request; what it is served whole for, only meanwhile.

    Middleware further out compresses and compares by the browser's own headers.
    """
    if passed is None:
        yield
        return
    meta = request.META
    kept = {name: meta[name] for name in (*passed.removals, ENCODING) if name in meta}
    meta.update(passed.changes)
    for name in passed.removals:
        meta.pop(name, None)
    if passed.removals:
        request.__dict__.pop("headers", None)  # Django keeps what it has read once
    if "QUERY_STRING" in passed.changes:
        if not hasattr(request, "environ"):  # under ASGI, Django reads it as UTF-8
            meta["QUERY_STRING"] = readable(passed.changes["QUERY_STRING"])
        request.__dict__.pop("GET", None)
    try:
        yield
    finally:
        if passed.removals:
            meta.pop(ENCODING, None)
            meta.update(kept)
            request.__dict__.pop("headers", None)


def _nonce(request: HttpRequest, response: HttpResponseBase) -> str:
    """The nonce of a Content-Security-Policy that middleware further out is about to send.

    Django's own (6.0) and django-csp's, which enters the header once it has been read.
    """
    if response.has_header("Content-Security-Policy"):
        return ""
    return str(getattr(request, "_csp_nonce", None) or getattr(request, "csp_nonce", None) or "")


def _insert(insertion: Insertion, request: HttpRequest, response: Any) -> None:
    """Put the tag into a response, which stays a stream if it is one."""
    if request.method == "HEAD":
        return
    if not response.streaming:
        response.content = insertion.feed(response.content) + insertion.end()
        response["Content-Length"] = str(len(response.content))
    elif response.is_async:
        response.streaming_content = _inserted_async(insertion, response.streaming_content)
    else:
        response.streaming_content = _inserted(insertion, response.streaming_content)


def _inserted(insertion: Insertion, parts: Iterable[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield insertion.feed(part)
    yield insertion.end()


async def _inserted_async(
    insertion: Insertion, parts: AsyncIterable[bytes]
) -> AsyncIterator[bytes]:
    async for part in parts:
        yield insertion.feed(part)
    yield insertion.end()


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


def _request_of(request: HttpRequest) -> Request:
    """The neutral request; Django has decoded the path, and knows scheme and host better."""
    meta = request.META
    try:
        host = request.get_host()
    except (DisallowedHost, KeyError):  # KeyError: a server that names no host and no port
        host = ""
    mount = as_latin1(request.path.removesuffix(request.path_info))
    query = meta.get("QUERY_STRING", "")
    return Request(
        method=request.method or "",
        scheme=request.scheme or "",
        host=host,
        mount=mount,
        path=_whole_path(request).removeprefix(mount),
        # Under ASGI, Django has decoded the query string as UTF-8.
        query=query if hasattr(request, "environ") else as_latin1(query),
        user_agent=meta.get("HTTP_USER_AGENT", ""),
        headers=headers_of(meta),
        cookie=meta.get("HTTP_COOKIE", ""),
        read_body=lambda limit: _read_body(request, limit),
    )


def _whole_path(request: HttpRequest) -> str:
    """The whole path as PEP 3333 has it.

    Of bytes that are not UTF-8, Django makes percent signs, and ASGI's servers U+FFFD. Nobody can
    tell them from a path that was sent so, but by the request line, where it gives the same path.
    """
    if "%" in request.path or "\ufffd" in request.path:
        sent = request.META.get("REQUEST_URI") or request.META.get("RAW_URI") or ""
        raw = getattr(request, "scope", {}).get("raw_path") or sent.encode("latin-1", "replace")
        path = unquote_to_bytes(raw.partition(b"?")[0])
        django_path = repercent_broken_unicode(path).decode()
        if request.path in (django_path, path.decode("utf-8", "replace")):
            return path.decode("latin-1")
    return as_latin1(request.path)


def _read_body(request: HttpRequest, limit: int) -> bytes | None:
    length = body_length(request.META.get("CONTENT_LENGTH"))
    return None if length is None or length > limit else request.read(length)


def _response(
    answer: Answer, request: HttpRequest, original: HttpResponseBase | None = None
) -> HttpResponse:
    """An answer as Django's response, with the cookies of the response that it replaces.

    What that one holds open is closed with this one: to close it here would send
    `request_finished` twice.
    """
    body = b"" if request.method == "HEAD" else answer.body
    response = HttpResponse(body, status=int(answer.status[:3]))
    response.headers.pop("Content-Type")
    for name, value in answer.headers:  # a name that comes twice is one list (RFC 9110, 5.3)
        response[name] = f"{response[name]}, {value}" if name in response else value
    if original is not None:
        response.cookies = original.cookies
        response._resource_closers.extend(original._resource_closers)
    return response


def _named(setting: str) -> list[Any]:
    """The callables of a setting, which may name them by their dotted paths."""
    return [
        import_string(one) if isinstance(one, str) else one
        for one in getattr(settings, setting, ())
    ]


@checks.register("escape_mw")
def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """Report at the start what would fail or mislead later.

    escape_mw.E001 is about rules, E002 about observers and sinks, E003 about another framework's
    name; W001 and W002 are about the order, W003 is about what the rules may surprise with, W004
    about what is missing.
    """
    return [
        *_rules_problems(),
        *_callable_problems(),
        *_order_problems(),
        *_name_problems(),
    ]


def _rules_problems() -> Iterator[checks.CheckMessage]:
    try:
        rules = load(source := getattr(settings, "ESCAPE_MW_RULES", None))
        if getattr(settings, "ESCAPE_MW_SINKS", ()):
            require_secret(rules)
        for warning in warnings_of(rules, int(time.time())) if source else ():
            hint = "`escape-mw check` says the same; SILENCED_SYSTEM_CHECKS silences it."
            yield checks.Warning(warning, hint=hint, id="escape_mw.W003")
    except RulesError as error:
        kind = checks.Warning if switches_off() else checks.Error
        for problem in error.problems:
            yield kind(
                problem,
                hint="Fix ESCAPE_MW_RULES; `escape-mw check` reports the same problems.",
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


def _name_problems() -> Iterator[checks.CheckMessage]:
    """What stands under the name that belongs elsewhere, and is never read."""
    foreign = [one for one in settings.MIDDLEWARE if one in FOREIGN]
    for one in foreign:
        hint = f"Write {OURS!r}."
        yield checks.Error(
            f"{one} is another framework's, and Django cannot call it.",
            hint=hint,
            id="escape_mw.E003",
        )
    for name in dir(settings):
        if name.startswith("ESCAPE_MW") and name not in SETTINGS:
            hint = f"What is read: {', '.join(SETTINGS)}."
            yield checks.Error(f"{name} is not read.", hint=hint, id="escape_mw.E003")
    if not foreign and not any(map(_is_ours, settings.MIDDLEWARE)):
        hint = f"Put {OURS!r} into it."
        message = "MIDDLEWARE does not have escape_mw's: nobody is escaped."
        yield checks.Warning(message, hint=hint, id="escape_mw.W004")


def _is_ours(name: str) -> bool:
    """Whether a middleware of this name is this package's, or a subclass of it."""
    try:
        found = import_string(name)
    except ImportError:
        return False
    return isinstance(found, type) and issubclass(found, EscapeMiddleware)


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
                hint="Put it before, so that no escape is cached or changed.",
                id="escape_mw.W002",
            )
