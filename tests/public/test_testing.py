"""`escape_mw.testing`: the visitors, each kind of client, what the assertions say, the fixture."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from types import SimpleNamespace

import httpx
import pytest
from django.core.asgi import get_asgi_application
from django.test import AsyncClient, Client, override_settings
from starlette.testclient import TestClient
from webtest import TestApp
from werkzeug.test import Client as WerkzeugClient

from escape_mw import EscapeMiddleware, load
from escape_mw.asgi import EscapeMiddleware as AsgiMiddleware
from escape_mw.flask import Escape
from escape_mw.testing import as_visitor, assert_escapes, assert_passes, visitor

from ..catalogue import agents
from ..support.sites import flask_site, plain, starlette_site

DETECTOR = load({"version": 1}).policy.detector
KINDS = {"safari": "browser", "chrome": "browser", "webview": "webview", "googlebot": "bot"}
VISITORS = [(app, where) for app, found in agents.visitors().items() for where in found]


@pytest.mark.parametrize(("app", "platform"), VISITORS)
def test_each_visitor_is_taken_for_what_it_is_called(app, platform):
    headers = {name.lower(): value for name, value in visitor(app, platform).items()}
    found = DETECTOR.visitor(headers["user-agent"], headers)
    wanted = (KINDS[app], None) if app in KINDS else ("in-app", app)
    assert (found.kind, found.app) == wanted
    assert found.platform == platform or app in KINDS


@pytest.mark.parametrize("app", sorted(DETECTOR.apps))
def test_every_host_app_has_a_visitor(app):
    assert visitor(app)["User-Agent"]


REFUSED = [
    pytest.param("tictok", None, "did you mean 'tiktok'?", id="a misspelling"),
    pytest.param("?", None, "known are: tiktok, douyin, ", id="nothing near it"),
    pytest.param("discord", "ios", "'discord' is not known on 'ios', but on android", id="no iOS"),
    pytest.param("safari", "windows", "not known on 'windows', but on ios and desktop", id="none"),
]


@pytest.mark.parametrize(("app", "platform", "message"), REFUSED)
def test_an_unknown_visitor_is_an_error_that_helps(app, platform, message):
    with pytest.raises(ValueError, match="known") as caught:
        visitor(app, platform)
    assert message in str(caught.value)


def test_a_visitors_headers_are_the_callers_own():
    visitor("tiktok")["User-Agent"] = ""
    assert visitor("tiktok") == visitor("tiktok", "ios")


def flask_app():
    app = flask_site()
    Escape(app)
    return app


def wrapped():
    return EscapeMiddleware(plain)


def httpx_client():
    return httpx.Client(transport=httpx.WSGITransport(wrapped()), base_url="http://localhost")


def starlette_app():
    app = starlette_site()
    app.add_middleware(AsgiMiddleware)
    return app


TARGETS = [
    pytest.param(wrapped, id="a WSGI application"),
    pytest.param(lambda: WerkzeugClient(wrapped()), id="Werkzeug's client"),
    pytest.param(flask_app, id="a Flask application"),
    pytest.param(lambda: flask_app().test_client(), id="Flask's client"),
    pytest.param(lambda: TestApp(wrapped()), id="WebTest's"),
    pytest.param(httpx_client, id="httpx's"),
    pytest.param(Client, id="Django's client"),
    pytest.param(starlette_app, id="an ASGI application"),
    pytest.param(lambda: TestClient(starlette_app(), follow_redirects=False), id="Starlette's"),
]
DJANGO = override_settings(
    MIDDLEWARE=["escape_mw.django.EscapeMiddleware"],
    ROOT_URLCONF="tests.support.sites",
    ESCAPE_MW_RULES=None,
)


@pytest.mark.parametrize("target", TARGETS)
def test_each_client_asks_as_the_visitor_and_stays_as_it_was(target):
    given = target()
    with DJANGO:
        tiktok, safari = as_visitor(given, "tiktok", "android"), as_visitor(given, "safari")
        assert_escapes(tiktok.get("/listen"), to="spotify", by="intent-app")
        assert_passes(safari.get("/listen"))
        assert_passes(tiktok.get("/news"))
        assert_escapes(as_visitor(tiktok, "line").get("/listen"), to="spotify")
        if not callable(given):
            assert_passes(given.get("/listen"))


@pytest.mark.parametrize("target", TARGETS)
def test_a_visitors_client_becomes_another_visitors(target):
    """Discord is known by a header that no other visitor has."""
    with DJANGO:
        discord = as_visitor(target(), "discord")
        assert_escapes(discord.get("/listen"), to="spotify")
        assert_passes(as_visitor(discord, "safari").get("/listen"))


def test_djangos_asynchronous_client():
    async def ask():
        tiktok = as_visitor(as_visitor(AsyncClient(), "discord"), "tiktok", "android")
        safari = as_visitor(tiktok, "safari")
        return await tiktok.get("/listen"), await safari.get("/listen")

    with DJANGO:
        get_asgi_application()
        escaped, passed = asyncio.run(ask())
    assert_escapes(escaped, to="spotify", by="intent-app")
    assert_passes(passed)


def test_a_copy_shares_the_clients_cookies():
    client = flask_app().test_client()
    client.set_cookie("login", "1")
    tiktok = as_visitor(client, "tiktok")
    assert tiktok.get_cookie("login").value == "1"


@pytest.mark.parametrize("target", [None, "https://label.example", object()])
def test_what_is_neither_site_nor_client_is_refused(target):
    with pytest.raises(TypeError, match="neither an application nor a known test client"):
        as_visitor(target, "tiktok")


def response(summary=None, status=200, **headers):
    said = {"X-Escape": summary} if summary else {}
    return SimpleNamespace(status_code=status, headers=said | headers)


ESCAPE = "escape; to=spotify; by=intent-app"
FAILURES = [
    pytest.param(
        response(status=302, Location="https://open.spotify.com/"),
        {},
        "expected an escape, but the response is 302 to https://open.spotify.com/ (the site's own)",
        id="a redirect that passed",
    ),
    pytest.param(
        response(),
        {"to": "spotify", "by": "menu"},
        "expected an escape; to=spotify; by=menu, but the response is 200 (the site's own)",
        id="a page that passed",
    ),
    pytest.param(
        response("arrived; to=spotify", 302, Location="/x"),
        {},
        "expected an escape, but the response is 302 to /x (X-Escape: arrived; to=spotify)",
        id="an arrival",
    ),
    pytest.param(
        response(ESCAPE),
        {"to": "apple-music"},
        f"expected an escape to=apple-music, but it is {ESCAPE!r}",
        id="another service",
    ),
    pytest.param(
        response(ESCAPE),
        {"to": "spotify", "by": "intent"},
        f"expected an escape by=intent, but it is {ESCAPE!r}",
        id="another technique",
    ),
]


@pytest.mark.parametrize(("given", "wanted", "message"), FAILURES)
def test_assert_escapes_says_what_came_instead(given, wanted, message):
    with pytest.raises(AssertionError) as caught:
        assert_escapes(given, **wanted)
    assert str(caught.value) == message


@pytest.mark.parametrize("summary", [ESCAPE, "arrived; to=spotify"])
def test_assert_passes_says_what_came_instead(summary):
    with pytest.raises(AssertionError) as caught:
        assert_passes(response(summary))
    expected = f"expected the site's own response, but the response is 200 (X-Escape: {summary})"
    assert str(caught.value) == expected


def test_a_redirect_that_the_site_exempts_is_its_own():
    assert_passes(response("pass"))


@pytest.mark.parametrize("check", [assert_escapes, assert_passes])
def test_what_is_no_response_is_refused(check):
    with pytest.raises(TypeError, match="'200 OK' is not a response: it has no headers"):
        check("200 OK")


SUITE = """
import pytest

pytest_plugins = ["escape_mw.pytest_plugin"]
from escape_mw import EscapeMiddleware
from escape_mw.testing import assert_escapes, assert_passes
from werkzeug.utils import redirect
from werkzeug.wrappers import Request

@Request.application
def site(request):
    return redirect("https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC")

FIXTURE

def test_tiktok(escape_visitor):
    assert_escapes(escape_visitor("tiktok", "ios").get("/"), to="spotify", by="app-scheme")

def test_safari(escape_visitor):
    assert_passes(escape_visitor("safari").get("/"))
"""
FIXTURES = {
    "app": "@pytest.fixture\ndef app():\n    return EscapeMiddleware(site)",
    "client": (
        "from werkzeug.test import Client\n"
        "@pytest.fixture\ndef client():\n    return Client(EscapeMiddleware(site))"
    ),
    "neither": "",
    "broken": "@pytest.fixture\ndef client(elsewhere):\n    pass",
}


def test_the_fixture_in_suites_of_their_own(tmp_path):
    """A new process, in which each suite names the plugin."""
    for name, fixture in FIXTURES.items():
        (tmp_path / f"test_{name}.py").write_text(SUITE.replace("FIXTURE", fixture))
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    results = dict(
        re.findall(r"^test_(\w+)\.py::test_tiktok (PASSED|FAILED|ERROR)", done.stdout, re.M)
    )
    assert results == {"app": "PASSED", "client": "PASSED", "neither": "FAILED", "broken": "FAILED"}
    assert "fixture 'elsewhere' not found" in done.stdout
    assert "4 passed" in done.stdout
    assert "escape_visitor needs a fixture of yours: client" in done.stdout
