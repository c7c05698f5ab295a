"""One site in four frameworks, to stand behind the middleware."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import django
import httpx
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, HttpResponseRedirect
from django.test import override_settings
from django.urls import path
from flask import Flask
from flask import redirect as flask_redirect
from flask import request as flask_request
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import HTMLResponse
from starlette.responses import RedirectResponse as StarletteRedirect
from starlette.responses import Response as StarletteResponse
from starlette.routing import Route
from webtest import TestApp
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from escape_mw import EscapeMiddleware, load
from escape_mw.asgi import EscapeMiddleware as AsgiMiddleware
from escape_mw.flask import Escape
from escape_mw.web.request import from_environ

from .examples import SECRET

TARGETS = {
    "/listen": "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=x",
    "/smart": "https://paperlanterns.lnk.to/harbour?utm_source=bio",
    "/follow": "https://accounts.spotify.com/authorize?client_id=c0ffee&response_type=code&state=xyz",
    "/news": "https://news.example/story",
    "/exempt": "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC",
}
PAGE = "<p>Pre-save</p>"
ORIGIN = "https://site.example"
# Of the table that holds in every framework, and on every ASGI server.
RULES = load(
    {
        "version": 1,
        "secret": SECRET,
        "rules": [
            {"name": "bio", "path": "/bio/{id}", "to": "https://open.spotify.com/album/{id}"},
            {"name": "page", "path": "/presave/**", "to": "page"},
            {"name": "redirects", "path": "/**", "to": "redirect"},
        ],
    }
)

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="for tests only",
        MIDDLEWARE=[],
        USE_TZ=True,
    )
    django.setup()


def answer_to(engine, environ):
    """What an engine says to a request, as the WSGI shell asks it."""
    get = environ.get
    quick = (*map(get, ("SCRIPT_NAME", "PATH_INFO", "HTTP_USER_AGENT", "QUERY_STRING"), [""] * 4),)
    more = (get("HTTP_X_REQUESTED_WITH"), get("HTTP_SEC_CH_UA", ""))
    return None if engine.is_plain(*quick, *more) else engine.answer(partial(from_environ, environ))


def more_headers(path):
    """What the site says of a redirect that the middleware shall let through."""
    return {"X-Escape": "pass"} if path == "/exempt" else {}


# --- plain WSGI -----------------------------------------------------------------------------------


@Request.application
def plain(request: Request) -> Response:
    if request.path in TARGETS:
        response = redirect(TARGETS[request.path])
        response.set_cookie("seen", "1")
        response.headers.update(more_headers(request.path))
        return response
    return Response(
        f"{PAGE}{request.query_string.decode()}", content_type="text/html; charset=utf-8"
    )


# --- Flask ----------------------------------------------------------------------------------------


def flask_site() -> Flask:
    app = Flask(__name__)

    def target(name: str) -> Any:
        response = flask_redirect(TARGETS[f"/{name}"])
        response.set_cookie("seen", "1")
        response.headers.update(more_headers(f"/{name}"))
        return response

    def page(**_: str) -> str:
        return f"{PAGE}{flask_request.query_string.decode()}"

    for name in TARGETS:
        app.add_url_rule(name, name, target, defaults={"name": name[1:]})
    app.add_url_rule("/<path:rest>", "page", page)
    return app


# --- Django ---------------------------------------------------------------------------------------


def django_target(request: Any) -> HttpResponse:
    response = HttpResponseRedirect(TARGETS[request.path], headers=more_headers(request.path))
    response.set_cookie("seen", "1")
    return response


def django_page(request: Any, **_: str) -> HttpResponse:
    return HttpResponse(f"{PAGE}{request.META['QUERY_STRING']}")


async def django_page_async(request: Any, **_: str) -> HttpResponse:
    where = "" if threading.current_thread() is threading.main_thread() else " in a thread"
    return HttpResponse(f"{PAGE}{request.META['QUERY_STRING']}{where}")


urlpatterns = [
    *(path(name[1:], django_target) for name in TARGETS),
    path("async/<path:rest>", django_page_async),
    path("<path:rest>", django_page),
]


# --- Starlette ------------------------------------------------------------------------------------


async def starlette_target(request: StarletteRequest) -> StarletteResponse:
    path = request.url.path
    response = StarletteRedirect(TARGETS[path], 302, more_headers(path))
    response.set_cookie("seen", "1", samesite=None)
    return response


async def starlette_page(request: StarletteRequest) -> StarletteResponse:
    return HTMLResponse(f"{PAGE}{request.scope['query_string'].decode('latin-1')}")


def starlette_site() -> Starlette:
    targets = [Route(name, starlette_target) for name in TARGETS]
    return Starlette(routes=[*targets, Route("/{rest:path}", starlette_page)])


# --- asking them ----------------------------------------------------------------------------------

Got = tuple[int, list[tuple[str, str]], bytes]


def ask_wsgi(
    app: Any,
    path: str,
    agent: str,
    method: str = "GET",
    origin: str = ORIGIN,
    **headers: str,
) -> Got:
    """Status, headers (names in lower case) and body of a WSGI application's response, linted."""
    response = TestApp(app, lint=True).request(
        f"{origin}{path}",
        method=method,
        headers={"User-Agent": agent, **headers},
        expect_errors=True,
    )
    return (
        response.status_int,
        [(name.lower(), value) for name, value in response.headerlist],
        response.body,
    )


def ask_django_wsgi(path: str, agent: str, **more: Any) -> Got:
    return ask_wsgi(get_wsgi_application(), path, agent, **more)


def ask_django_asgi(path: str, agent: str, **more: Any) -> Got:
    return ask_asgi(get_asgi_application(), path, agent, **more)


def ask_asgi(
    app: Any,
    path: str,
    agent: str,
    method: str = "GET",
    raw_path: bytes | None = None,
    **headers: str,
) -> Got:
    """The same of an ASGI application; `path` is decoded, as servers hand it over."""
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode() if raw_path is None else raw_path,
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (name.lower().encode(), value.encode("latin-1"))
            for name, value in {"Host": "site.example", "User-Agent": agent, **headers}.items()
        ],
        "client": ("127.0.0.1", 1),
        "server": ("site.example", 443),
    }
    sent = []

    async def run() -> None:
        received = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> dict[str, Any]:
            for message in received:
                return message
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await app(scope, receive, send)

    asyncio.run(run())
    start = next(message for message in sent if message["type"] == "http.response.start")
    body = b"".join(
        message.get("body", b"") for message in sent if message["type"] == "http.response.body"
    )
    return (
        start["status"],
        [(name.decode().lower(), value.decode("latin-1")) for name, value in start["headers"]],
        body,
    )


def ask_httpx(app: Any, path: str, agent: str, method: str = "GET", **headers: str) -> Got:
    """The same by httpx's transport, which sends what a browser does not."""

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            client.headers = {"User-Agent": agent, "Accept-Encoding": "identity", **headers}
            return await client.request(method, path)

    response = asyncio.run(run())
    sent = [
        (name.decode().lower(), value.decode("latin-1")) for name, value in response.headers.raw
    ]
    return response.status_code, sent, response.content


# --- all of them, wrapped -------------------------------------------------------------------------


@contextmanager
def wrapped_shells(rules: Any) -> Iterator[dict[str, Callable[..., Got]]]:
    """Name -> ask(path, agent): the site in each framework, wrapped; None stands for bare."""
    flask_app, app, starlette_app = flask_site(), plain, starlette_site()
    if rules is not None:
        Escape(flask_app, rules)
        app = EscapeMiddleware(plain, rules)
        starlette_app.add_middleware(AsgiMiddleware, rules=rules)
    ours = [] if rules is None else ["escape_mw.django.EscapeMiddleware"]
    with override_settings(MIDDLEWARE=ours, ESCAPE_MW_RULES=rules):
        yield {
            "plain": partial(ask_wsgi, app),
            "flask": partial(ask_wsgi, flask_app),
            "django": ask_django_wsgi,
            "django async": ask_django_asgi,
            "starlette": partial(ask_asgi, starlette_app),
            "starlette, by httpx": partial(ask_httpx, starlette_app),
        }
