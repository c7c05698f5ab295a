"""From environ to the facts of a visit: byte-exact, and believing nothing."""

from __future__ import annotations

import pytest

from escape_mw import Answer
from escape_mw.decision.visits import visit_of
from escape_mw.engine.engine import Engine
from escape_mw.web.request import from_environ

from ..support.agents import TIKTOK_IOS
from ..support.wsgi import environ_of


def visit(engine, *words, **environ):
    return visit_of(from_environ(environ_of(*words, **environ)), engine.state.rules.policy, 0)


ADDRESSES = [
    pytest.param({}, "https://site.example/", id="the root"),
    pytest.param(
        {"SCRIPT_NAME": "/shop", "PATH_INFO": "/a b/ü".encode().decode("latin-1")},
        "https://site.example/shop/a%20b/%C3%BC",
        id="a mounted app",
    ),
    pytest.param(
        {"PATH_INFO": "/50%/a;b=c,d'e"},
        "https://site.example/50%25/a;b=c,d'e",
        id="what stands for itself in a path",
    ),
    pytest.param(
        {"PATH_INFO": '/"<>\\^`{|}'},
        "https://site.example/%22%3C%3E%5C%5E%60%7B%7C%7D",
        id="what never stands raw",
    ),
    pytest.param(
        {"QUERY_STRING": "a=1&b=%2F+c&d"},
        "https://site.example/?a=1&b=%2F+c&d",
        id="the query stays as it came",
    ),
    pytest.param(
        {"QUERY_STRING": 'a="<b>|{c}'},
        "https://site.example/?a=%22%3Cb%3E%7C%7Bc%7D",
        id="but for what never stands raw",
    ),
    pytest.param(
        {"HTTP_HOST": "Site.Example:8443"}, "https://site.example:8443/", id="a port of its own"
    ),
    pytest.param(
        {"HTTP_HOST": "site.example:443"}, "https://site.example/", id="the scheme's own port"
    ),
    pytest.param(
        {"HTTP_HOST": "127.0.0.1:8000", "wsgi.url_scheme": "http"},
        "http://127.0.0.1:8000/",
        id="a site under test",
    ),
    pytest.param({"HTTP_HOST": 'site.example"><script>'}, None, id="markup for a host"),
    pytest.param({"HTTP_HOST": "site.example, evil.example"}, None, id="two hosts"),
    pytest.param({"HTTP_HOST": "user@site.example"}, None, id="a user"),
    pytest.param({"HTTP_HOST": ""}, None, id="no host"),
    pytest.param({"wsgi.url_scheme": "javascript"}, None, id="a scheme that a proxy header set"),
    pytest.param({"PATH_INFO": "//evil.example/x"}, None, id="a path that begins like a host"),
    pytest.param(
        {"PATH_INFO": "/\\evil.example"},
        None,
        id="a path that begins like a host, with a backslash",
    ),
    pytest.param({"PATH_INFO": "http://evil.example/x"}, None, id="the absolute form"),
    pytest.param({"PATH_INFO": "/" + "a" * 3000}, None, id="longer than any URL should be"),
]


@pytest.mark.parametrize(("environ", "expected"), ADDRESSES)
def test_own_address(environ, expected):
    assert visit(Engine(), **environ).url == expected


def test_base_url_makes_the_answer_independent_of_host_and_scheme():
    engine = Engine({"version": 1, "base_url": "https://label.example"})
    for host in ("label.example", "evil.example", '"><script>', ""):
        for scheme in ("http", "https", "javascript"):
            assert (
                visit(engine, path="/a", HTTP_HOST=host, **{"wsgi.url_scheme": scheme}).url
                == "https://label.example/a"
            )


def test_allowed_hosts_narrow_the_host():
    engine = Engine({"version": 1, "allowed_hosts": ["label.example"]})
    assert visit(engine, HTTP_HOST="label.example:8443").url == "https://label.example:8443/"
    assert visit(engine, HTTP_HOST="evil.example").url is None


def test_headers_of_the_visit_are_the_ones_that_matter():
    seen = visit(
        Engine(),
        TIKTOK_IOS,
        HTTP_ACCEPT="text/html",
        HTTP_COOKIE="session=1",
        HTTP_AUTHORIZATION="Basic x",
    )
    assert seen.headers == {"accept": "text/html"}
    assert seen.user_agent == TIKTOK_IOS


def test_broken_environ_passes():
    assert Engine().answer({}) is None
    assert not isinstance(Engine().answer({"HTTP_USER_AGENT": TIKTOK_IOS}), Answer)
