"""What is refused when a middleware is made, and what all of them share."""

from __future__ import annotations

import pytest
from django.core.handlers.asgi import ASGIHandler
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from escape_mw import EscapeMiddleware, catalogue
from escape_mw.flask import Escape

from ..support.agents import TIKTOK_ANDROID
from ..support.sites import plain
from ..support.wsgi import Server, environ_of


async def function(scope, receive, send):
    """An ASGI application as a function."""


class Application:
    """An ASGI application as Starlette, FastAPI and Quart make them."""

    async def __call__(self, scope, receive, send):
        """One connection."""


ASGI = [
    pytest.param(function, id="a coroutine function"),
    pytest.param(Application(), id="an object that is called as one"),
    pytest.param(ASGIHandler.__call__, id="a method"),
    pytest.param(ASGIHandler.__new__(ASGIHandler), id="Django's own"),
]


@pytest.mark.parametrize("app", ASGI)
def test_an_asgi_application_is_refused(app):
    with pytest.raises(TypeError, match=r"escape_mw\.asgi\.EscapeMiddleware.* escape_mw\.django\."):
        EscapeMiddleware(app)


def test_what_cannot_be_called_is_refused():
    """A module in place of the application in it, say."""
    with pytest.raises(TypeError, match="is not a WSGI application: it cannot be called"):
        EscapeMiddleware(catalogue)


@pytest.mark.parametrize("app", [plain, Flask(__name__), Flask(__name__).wsgi_app, lambda *_: []])
def test_a_wsgi_application_is_not(app):
    assert EscapeMiddleware(app).app is app


def test_a_second_one_reads_the_catalogue_no_more(monkeypatch):
    EscapeMiddleware(plain)
    monkeypatch.setattr(catalogue, "entries_of", None, raising=False)
    monkeypatch.setattr("json.load", lambda *_: pytest.fail("read again"))
    monkeypatch.setattr("json.loads", lambda *_: pytest.fail("read again"))
    assert EscapeMiddleware(plain)


def proxied(app):
    """What is sent by a proxy, and what the first button then leads back to."""
    server = Server()
    environ = environ_of(
        TIKTOK_ANDROID,
        "/smart",
        HTTP_HOST="127.0.0.1:8000",
        HTTP_X_FORWARDED_HOST="label.example",
        HTTP_X_FORWARDED_PROTO="https",
        **{"wsgi.url_scheme": "http"},
    )
    return b"".join(app(environ, server.start_response)).decode()


def site():
    app = Flask(__name__)
    app.add_url_rule("/smart", "smart", lambda: ("", 302, {"Location": "https://a.lnk.to/x"}))
    return app


def behind_proxy_fix(app):
    app.wsgi_app = ProxyFix(app.wsgi_app, x_host=1)
    Escape(app)
    return app


def behind_two(app):
    app.wsgi_app = ProxyFix(ProxyFix(app.wsgi_app, x_host=1), x_proto=1)
    Escape(app)
    return app


def behind_another_middleware_around_it(app):
    app.wsgi_app = DispatcherMiddleware(ProxyFix(app.wsgi_app, x_host=1))
    Escape(app)
    return app


def with_proxy_fix_afterwards(app):
    Escape(app)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_host=1)
    return app


@pytest.mark.parametrize(
    "dressed",
    [
        behind_proxy_fix,
        behind_two,
        behind_another_middleware_around_it,
        with_proxy_fix_afterwards,
    ],
)
def test_the_extension_stands_inside_proxy_fix(dressed):
    page = proxied(dressed(site()).wsgi_app)
    assert "intent://label.example/smart?_esc=" in page
    assert "127.0.0.1" not in page


def test_without_proxy_fix_what_a_client_forwards_is_not_believed():
    app = site()
    Escape(app)
    assert "label.example" not in proxied(app.wsgi_app)
