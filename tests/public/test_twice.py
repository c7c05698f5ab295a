"""Two of this package's middlewares, one inside the other: only the outer acts."""

from __future__ import annotations

import pytest
from webtest import TestApp

from escape_mw import EscapeMiddleware, load

from ..support.agents import CHROME_DESKTOP, TIKTOK_IOS
from ..support.examples import TRACK
from ..support.marked import stay
from ..support.wsgi import environ_of, redirecting, send

RULES = load({"version": 1, "rules": [{"path": "/**", "to": "page"}]})


def eager(app):
    """A middleware that calls the application at once."""

    def wrapped(environ, start_response):
        return app(environ, start_response)

    return wrapped


def lazy(app):
    """One that calls it only as its body is asked for, as a generator does."""

    def wrapped(environ, start_response):
        yield from app(environ, start_response)

    return wrapped


def lazier(app):
    """The same, one step deeper."""
    return lazy(lazy(app))


BETWEEN = [
    pytest.param(eager, id="called at once"),
    pytest.param(lazy, id="called as the body is asked for"),
    pytest.param(lazier, id="two generators deep"),
]


@pytest.mark.parametrize("between", BETWEEN)
def test_who_continues_here_is_not_shown_the_inner_page(between):
    seen = []

    def site(environ, start_response):
        seen.append(environ["QUERY_STRING"])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"the site"]

    inner = EscapeMiddleware(site, {"version": 1, "rules": [{"path": "/**", "to": "page"}]})
    app = TestApp(EscapeMiddleware(between(inner), RULES), lint=True)
    environ = {"wsgi.url_scheme": "https", "HTTP_HOST": "site.example"}
    for path in (stay(RULES.policy, "/a"), stay(RULES.policy, "/a?b=1")):
        response = app.get(path, headers={"User-Agent": TIKTOK_IOS}, extra_environ=environ)
        assert response.body == b"the site"
    assert seen == ["", "b=1"]


@pytest.mark.parametrize("between", BETWEEN)
def test_the_inner_one_notifies_nobody(between):
    told = []
    inner = EscapeMiddleware(redirecting(), observers=[lambda *_: told.append("inner")])
    app = EscapeMiddleware(between(inner), observers=[lambda *_: told.append("outer")])
    assert b"Play on Spotify" in send(app, environ_of(TIKTOK_IOS, "/listen")).body
    assert set(told) == {"outer"}


@pytest.mark.parametrize("between", BETWEEN)
def test_what_comes_after_is_looked_at_again(between):
    """Nothing of one request is left for the next one of the same thread."""
    app = EscapeMiddleware(between(EscapeMiddleware(redirecting())))
    alone = EscapeMiddleware(redirecting())
    for one in (app, alone, app):
        assert b"Play on Spotify" in send(one, environ_of(TIKTOK_IOS, "/listen")).body
    got = send(app, environ_of(CHROME_DESKTOP, "/listen"))
    assert dict(got.headers)["Location"] == TRACK
