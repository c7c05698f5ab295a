"""Real ASGI servers: each answers as WSGI does, and passes what the bare application answers.

So it does where the application does what ASGI forbids.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection
from typing import NamedTuple
from urllib.parse import quote

import pytest

from escape_mw import EscapeMiddleware

from ..support import agents
from ..support.marked import short
from ..support.needs import need
from ..support.real_http import Served, get
from ..support.sites import RULES, ask_wsgi, plain
from .asgi_site import REPLACED, SCRIPTS
from .serving import ROOT
from .wire import ask, is_escape, raw

SERVERS = {
    "uvicorn h11": ("-m", "uvicorn", "--port", "PORT", "--log-level", "critical", "--http", "h11"),
    "uvicorn httptools": ("-m", "uvicorn", "--port", "PORT", "--log-level", "critical"),
    "hypercorn": ("-m", "hypercorn", "--bind", "127.0.0.1:PORT"),
    "granian": ("-m", "granian", "--interface", "asgi", "--port", "PORT", "--no-ws"),
}
NEEDED = {"uvicorn h11": ["uvicorn", "h11"], "uvicorn httptools": ["uvicorn", "httptools"]}
# What a server does not survive each time.
STOPS = {"granian": ["no-message"]}
ORIGIN = "http://site.example"
# What a server says of itself, and of the connection.
OF_THE_SERVER = ("date", "server", "connection", "transfer-encoding", "keep-alive")


def need_all(server):
    for name in NEEDED.get(server, [server]):
        need(None if importlib.util.find_spec(name) else f"{name} not installed")


class Urls(NamedTuple):
    server: str
    bare: str
    wrapped: str
    starlette: str


@pytest.fixture(scope="module", params=SERVERS)
def urls(request):
    """The applications of `asgi_site`, on one server."""
    need_all(request.param)
    names = [f"tests.servers.asgi_site:{name}" for name in Urls._fields[1:]]
    served = [Served(*SERVERS[request.param], name, folder=ROOT) for name in names]
    for one in served:
        get(one.url, "")  # some listen before they have loaded it
    yield Urls(request.param, *(one.url for one in served))
    for one in served:
        one.stop()


@pytest.mark.parametrize("server", SERVERS)
def test_rules_that_cannot_be_used_end_the_start(server):
    """Though Starlette makes the middleware only then. Hypercorn ends with 0 all the same."""
    need_all(server)
    command = [sys.executable, *SERVERS[server], "tests.servers.asgi_site:broken"]
    command = [word.replace("PORT", "0") for word in command]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0 or server == "hypercorn"
    assert "rulez: unknown key" in done.stdout + done.stderr


def asked(url, method, path, agent):
    """Status, headers and body of an answer, without what the server says of itself.

    Headers are sorted: granian writes Content-Length last.
    """
    headers = {"Host": "site.example", "User-Agent": agent, "Accept-Encoding": "identity"}
    with closing(HTTPConnection(url.removeprefix("http://"), timeout=10)) as connection:
        connection.request(method, quote(path, safe="/?&=%+_.-~"), headers=headers)
        with connection.getresponse() as response:
            body = short(response.read().decode())
    told = [(name.lower(), short(value)) for name, value in response.getheaders()]
    return response.status, sorted(one for one in told if one[0] not in OF_THE_SERVER), body


def by_wsgi(method, path, agent):
    """The same of the WSGI middleware, without a server."""
    app = EscapeMiddleware(plain, RULES)
    status, headers, body = ask_wsgi(
        app, quote(path, safe="/?&=%+_.-~"), agent, method, origin=ORIGIN
    )
    return status, sorted((name, short(value)) for name, value in headers), short(body.decode())


VISITORS = {
    "TikTok on iOS": agents.TIKTOK_IOS,
    "TikTok on Android": agents.TIKTOK_ANDROID,
    "Instagram on iOS": agents.INSTAGRAM_IOS,
    "LINE on iOS": agents.LINE_IOS,
    "KakaoTalk on Android": agents.KAKAOTALK_ANDROID,
    "WeChat on Android": agents.WECHAT_ANDROID,
}
ESCAPED = [
    "/listen",
    "/smart",
    "/follow",
    "/bio/1DFixLWuPkv3KT3TnV35m3",
    "/presave/x?a=1&b=%2F",
    "/presave/söng ü?q=%C3%BC%20x",
    "/presave/%FF",
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ESCAPED)
@pytest.mark.parametrize("agent", VISITORS.values(), ids=VISITORS)
def test_an_escape_is_wsgis_byte_for_byte(urls, agent, path, method):
    answer = asked(urls.starlette, method, path, agent)
    assert answer == by_wsgi(method, path, agent)
    assert ("cache-control", "no-store") in answer[1]


PAGES = [*SCRIPTS, "extended", "x?a=%20&b"]


@pytest.mark.parametrize("agent", [agents.SAFARI, agents.TIKTOK_IOS], ids=["Safari", "TikTok"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("page", PAGES)
def test_what_passes_is_the_bare_applications(urls, page, method, agent):
    if page in STOPS.get(urls.server, ()):
        pytest.skip(f"{urls.server} may answer nobody any more, bare or wrapped")
    request = raw(f"{method} /{page} HTTP/1.1", agent)
    bare, wrapped = (ask(url, request) for url in (urls.bare, urls.wrapped))
    assert wrapped == bare


@pytest.mark.parametrize("page", REPLACED)
def test_a_redirect_that_is_replaced_leaves_its_cookie_and_no_more(urls, page):
    request = raw(f"GET /{page} HTTP/1.1", agents.TIKTOK_IOS)
    answer = ask(urls.wrapped, request)
    assert is_escape(answer)
    assert answer.lower().count(b"\r\nset-cookie: seen=1\r\n") == 1
    assert b"open.spotify.com" not in answer.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize("agent", [agents.SAFARI, agents.TIKTOK_IOS], ids=["Safari", "TikTok"])
@pytest.mark.parametrize("path", ["echo", "_escape/nothing", "_escape/e"])
def test_a_body_reaches_the_application_whole(urls, path, agent):
    """Also one that was sent to an address of ours, and is none of ours."""
    for body in ("a=1", "a" * 100_000):
        length = f"Content-Length: {len(body)}"
        request = raw(f"PUT /{path} HTTP/1.1", agent, length, body=body)
        bare, wrapped = (ask(url, request) for url in (urls.bare, urls.wrapped))
        assert wrapped == bare


def test_a_beacon_is_answered_by_its_length(urls):
    for body, status in (("no token", b"204"), ("x" * 600, b"413"), ("x" * 9000, b"413")):
        length = f"Content-Length: {len(body)}"
        request = raw("POST /_escape/e HTTP/1.1", agents.TIKTOK_IOS, length, body=body)
        assert ask(urls.wrapped, request).split()[1] == status
