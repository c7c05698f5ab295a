"""Real servers, raw sockets.

What passes is byte for byte what the bare application answers there.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import pytest

from ..support.agents import (
    CHROME_DESKTOP,
    LINE_IOS,
    SAFARI,
    TIKTOK_ANDROID,
    TIKTOK_IOS,
    UNNAMED_ANDROID,
)
from ..support.needs import need
from ..support.real_http import Served
from . import serving
from .wire import ask, ask_first, ask_twice, is_escape, joined, parted, raw

SERVERS = [
    "wsgiref",
    "werkzeug",
    "waitress",
    "gunicorn sync",
    "gunicorn gthread",
    "gunicorn gevent",
    "cheroot",
    "uwsgi",
    "mod_wsgi",
]
SITES = {
    "plain": ["site:bare", "site:wrapped"],
    "Flask": ["frameworks:flask_bare", "frameworks:flask_wrapped"],
    "Django": [
        "frameworks:django_bare",
        "frameworks:django_middleware",
        "frameworks:django_wrapped",
    ],
}
ASKS_FOR_BODIES = {*SERVERS} - {"wsgiref", "uwsgi"}  # it says "100 Continue"
READS_CHUNKS = {
    "plain": ASKS_FOR_BODIES,
    "Flask": ASKS_FOR_BODIES,
    "Django": {"waitress"},
}  # Django wants to be told a length
JOINS_CHUNKS = {"mod_wsgi"}  # as they happen to come from its daemon
KEEPS_CONNECTIONS = {*SERVERS} - {"wsgiref", "werkzeug", "gunicorn sync", "uwsgi"}
KEEPS_THEM_WITHOUT_A_LENGTH = KEEPS_CONNECTIONS - {"waitress"}


class Site(NamedTuple):
    server: str
    framework: str
    bare: str
    wrapped: dict[str, str]


@pytest.fixture(
    scope="module",
    params=[(server, framework) for server in SERVERS for framework in SITES],
    ids=", ".join,
)
def site(request, tmp_path_factory):
    """One site on one server: bare, and with the middleware in every way."""
    server, framework = request.param
    need(serving.missing(server))
    if unfit := serving.unfit(server):
        pytest.skip(unfit)
    names = SITES[framework]
    folders = [tmp_path_factory.mktemp("server") for _ in names]
    with ThreadPoolExecutor() as pool:
        served = list(pool.map(partial(serving.start, server), names, folders))
        bare, *wrapped = [one.url for one in served]
        yield Site(server, framework, bare, dict(zip(names[1:], wrapped, strict=True)))
        list(pool.map(Served.stop, served))


# --- what passes ----------------------------------------------------------------------------------

CHUNKS = "3\r\nhel\r\n8\r\nlo, you.\r\n0\r\n\r\n"
POST = "POST /echo HTTP/1.1"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
PASSED = [
    pytest.param(raw("GET /page?a=1 HTTP/1.1", CHROME_DESKTOP), id="a browser's page"),
    pytest.param(raw("GET /listen HTTP/1.1", CHROME_DESKTOP), id="a browser's redirect"),
    pytest.param(raw("HEAD /listen HTTP/1.1", CHROME_DESKTOP), id="a browser's HEAD"),
    pytest.param(raw("GET /page HTTP/1.1", None), id="no agent at all"),
    pytest.param(raw("GET /page HTTP/1.1"), id="TikTok where nothing redirects"),
    pytest.param(raw("HEAD /page HTTP/1.1"), id="HEAD from TikTok where nothing redirects"),
    pytest.param(raw("GET /stream HTTP/1.1"), id="TikTok, streamed"),
    pytest.param(raw("GET /write HTTP/1.1"), id="TikTok, by write()"),
    pytest.param(raw("GET /memory HTTP/1.1"), id="TikTok, something like a file"),
    pytest.param(raw("GET /file HTTP/1.1"), id="TikTok, a file"),
    pytest.param(raw("GET /empty HTTP/1.1"), id="TikTok, no content"),
    pytest.param(raw("GET /not-modified HTTP/1.1"), id="TikTok, not modified"),
    pytest.param(raw(POST, TIKTOK_IOS, "Content-Length: 5", body="hello"), id="a form from TikTok"),
    pytest.param(
        raw(POST, TIKTOK_IOS, "Expect: 100-continue", "Content-Length: 5", body="hello"),
        id="a form that is sent without waiting to be asked",
    ),
    pytest.param(
        raw(POST, TIKTOK_IOS, "Transfer-Encoding: chunked", body=CHUNKS), id="a form in chunks"
    ),
    pytest.param(raw("HEAD /listen HTTP/1.1", UNNAMED_ANDROID), id="HEAD from an unnamed webview"),
    pytest.param(
        raw("GET /page HTTP/1.0", TIKTOK_IOS, "X-Foo: 1", connection="X-Foo"),
        id="a header of this hop only",
    ),
    pytest.param(
        raw("GET /listen HTTP/1.0", SAFARI, "X-Foo: 1", connection="X-Foo"),
        id="a browser's header of this hop only",
    ),
    pytest.param(
        raw("GET /page HTTP/1.0", TIKTOK_IOS, host=None, connection=None),
        id="HTTP/1.0 from TikTok, without a host",
    ),
    pytest.param(
        raw("GET /listen HTTP/1.0", SAFARI, host=None, connection=None),
        id="HTTP/1.0 from a browser, without a host",
    ),
    pytest.param(
        raw("GET http://site.example/page HTTP/1.1"), id="a whole URL in the request line"
    ),
    pytest.param(
        raw("GET http://site.example/listen HTTP/1.1", SAFARI),
        id="a browser's whole URL in the request line",
    ),
    pytest.param(raw("GET /page/%0d%0aX-Injected:%201 HTTP/1.1"), id="a line's end in the path"),
    pytest.param(raw("GET /page/%C3%A9%ff;x?%C3%A9=%ff HTTP/1.1"), id="a path that is not text"),
]


@pytest.mark.parametrize("request_", PASSED)
def test_passed_byte_for_byte(site, request_):
    answer = ask(site.bare, request_)
    assert answer.startswith(b"HTTP/1.")
    for url in site.wrapped.values():
        ours = ask(url, request_)
        assert (joined(ours) == joined(answer)) if site.server in JOINS_CHUNKS else (ours == answer)


def test_a_body_is_asked_for_and_sent(site):
    request = raw(POST, TIKTOK_IOS, "Expect: 100-continue", "Content-Length: 5", body="hello")
    waits = site.server in ASKS_FOR_BODIES
    answer = ask_first(site.bare, request, waits)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n") == waits
    assert joined(answer.replace(CONTINUE, b"")).endswith(b"hello")
    for url in site.wrapped.values():
        assert ask_first(url, request, waits) == answer


def test_chunks_arrive(site):
    request = raw(POST, TIKTOK_IOS, "Transfer-Encoding: chunked", body=CHUNKS)
    for url in [site.bare, *site.wrapped.values()]:
        assert joined(ask(url, request)).endswith(b"hello, you.") == (
            site.server in READS_CHUNKS[site.framework]
        )


# --- escapes --------------------------------------------------------------------------------------


def test_escape(site):
    for url in site.wrapped.values():
        answer = ask(url, raw("GET /listen HTTP/1.1"))
        head, body, more = parted(answer, b"GET")
        assert re.match(rb"HTTP/1\.[01] 200 OK\r\n", head)
        assert re.search(rb"(?im)^cache-control: no-store\r$", head)
        assert b"seen=1" in head, "the site's cookie is kept"
        assert b"spotify:track:4uLU6hMCjMI75M1A2tKUQC" in body
        assert more == b""


FIRST = [
    pytest.param(raw("GET /listen HTTP/1.1", connection=None), True, id="an escape"),
    pytest.param(raw("HEAD /listen HTTP/1.1", connection=None), True, id="the head of an escape"),
    pytest.param(
        raw("GET /presave/x HTTP/1.1", TIKTOK_ANDROID, connection=None),
        True,
        id="an escape in place of a page",
    ),
    pytest.param(
        raw("HEAD /presave/x HTTP/1.1", TIKTOK_ANDROID, connection=None),
        True,
        id="the head of an escape in place of a page",
    ),
    pytest.param(
        raw("GET /presave/x HTTP/1.1", LINE_IOS, connection=None),
        True,
        id="an escape that redirects",
    ),
    pytest.param(raw("GET /empty HTTP/1.1", connection=None), False, id="no content for TikTok"),
    pytest.param(
        raw("GET /not-modified HTTP/1.1", connection=None), False, id="nothing new for TikTok"
    ),
]
SECOND = raw("GET /page?second HTTP/1.1", CHROME_DESKTOP)


@pytest.mark.parametrize(("first", "escapes"), FIRST)
def test_a_connection_goes_on_after(site, first, escapes):
    """Once the answer is read, and with both requests sent at once.

    Where the server closes, nothing but the answer came.
    """
    keeps = site.server in (KEEPS_CONNECTIONS if escapes else KEEPS_THEM_WITHOUT_A_LENGTH)
    second, expected = (SECOND, ask(site.bare, SECOND)) if keeps else (b"", b"")
    for url in site.wrapped.values():
        head, _, more = ask_twice(url, first, second)
        assert is_escape(head + b"\r\n") == escapes
        assert more == expected
        assert parted(ask(url, first + second), first)[2] == expected


ODD = [
    pytest.param(
        raw("GET http://site.example/listen HTTP/1.1"), id="a whole URL in the request line"
    ),
    pytest.param(raw("GET /listen HTTP/1.0", connection=None), id="HTTP/1.0"),
    pytest.param(
        raw("GET /listen HTTP/1.0", TIKTOK_IOS, "X-Foo: 1", connection="X-Foo"),
        id="a header of this hop only",
    ),
    pytest.param(
        raw("GET /listen HTTP/1.1", TIKTOK_IOS, "Content-Length: 5", body="hello"),
        id="a body that nobody wants",
    ),
]


@pytest.mark.parametrize("request_", ODD)
def test_an_escape_where_the_site_redirects_and_else_byte_for_byte(site, request_):
    """Not every server understands a whole URL."""
    answer = ask(site.bare, request_)
    for url in site.wrapped.values():
        ours = ask(url, request_)
        if b"https://open.spotify.com/" in answer.partition(b"\r\n\r\n")[0]:
            assert is_escape(ours)
            assert parted(ours, request_)[2] == b""
        else:
            assert ours == answer


def test_without_a_host_it_passes(site):
    """But for Django, which takes the server's own name then, and so may its middleware."""
    request = raw("GET /listen HTTP/1.0", host=None, connection=None)
    answer = ask(site.bare, request)
    for name, url in site.wrapped.items():
        ours = ask(url, request)
        assert ours == answer or (name == "frameworks:django_middleware" and is_escape(ours))


INJECTIONS = [
    pytest.param(raw(f"GET {path} HTTP/1.1", agent), id=f"{name}, {where}")
    for name, agent in (
        ("TikTok on iOS", TIKTOK_IOS),
        ("TikTok on Android", TIKTOK_ANDROID),
        ("LINE, which is redirected", LINE_IOS),
    )
    for where, path in (
        ("in the path", "/presave/%0d%0aX-Injected:%201"),
        ("in the query", "/presave/x?%0d%0aX-Injected:%201"),
    )
]


@pytest.mark.parametrize("request_", INJECTIONS)
def test_no_header_is_injected(site, request_):
    for url in site.wrapped.values():
        answer = ask(url, request_)
        assert is_escape(answer)
        assert re.search(rb"(?i)%0d%0ax-injected", answer), "it was handed over"
        assert not re.search(rb"(?im)^[ \t]*x-injected", answer)
