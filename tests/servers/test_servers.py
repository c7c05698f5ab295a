"""Real servers, raw sockets: what passes is byte for byte what the bare application answers there."""

from __future__ import annotations

import importlib.util
import re
import shutil
import socket
from pathlib import Path

import pytest

from ..agents import CHROME_DESKTOP, TIKTOK_IOS, UNNAMED_ANDROID
from ..real_http import Served

ROOT = Path(__file__).parent.parent.parent
SITE = "from tests.servers import site"
GUNICORN = ["-m", "gunicorn", "--bind", "127.0.0.1:PORT", "--log-level", "critical"]
SERVERS = {
    "wsgiref": [
        "-c",
        "import sys; from wsgiref.simple_server import make_server; from tests.servers import site; make_server('127.0.0.1', PORT, site.NAME).serve_forever()",
    ],
    "werkzeug": ["-c", "from werkzeug.serving import run_simple; from tests.servers import site; run_simple('127.0.0.1', PORT, site.NAME, threaded=True)"],
    "waitress": ["-m", "waitress", "--listen", "127.0.0.1:PORT", "tests.servers.site:NAME"],
    "gunicorn sync": [*GUNICORN, "tests.servers.site:NAME"],
    "gunicorn gthread": [*GUNICORN, "--worker-class", "gthread", "--threads", "4", "tests.servers.site:NAME"],
    "gunicorn gevent": [*GUNICORN, "--worker-class", "gevent", "tests.servers.site:NAME"],
    "cheroot": ["-m", "tests.servers.cheroot_server", "PORT", "NAME"],
    "uwsgi": ["uwsgi", "--http-socket", "127.0.0.1:PORT", "--module", "tests.servers.site:NAME", "--master", "--die-on-term", "--disable-logging"],
}
NEEDS = {"gunicorn sync": "gunicorn", "gunicorn gthread": "gunicorn", "gunicorn gevent": "gevent", "waitress": "waitress", "cheroot": "cheroot"}

REQUESTS = {
    "a browser's page": f"GET /page?a=1 HTTP/1.1\r\nHost: site.example\r\nUser-Agent: {CHROME_DESKTOP}\r\nConnection: close\r\n\r\n",
    "a browser's redirect": f"GET /listen HTTP/1.1\r\nHost: site.example\r\nUser-Agent: {CHROME_DESKTOP}\r\nConnection: close\r\n\r\n",
    "no agent at all": "GET /page HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n\r\n",
    "TikTok where nothing redirects": f"GET /page HTTP/1.1\r\nHost: site.example\r\nUser-Agent: {TIKTOK_IOS}\r\nConnection: close\r\n\r\n",
    "TikTok, streamed": f"GET /stream HTTP/1.1\r\nHost: site.example\r\nUser-Agent: {TIKTOK_IOS}\r\nConnection: close\r\n\r\n",
    "TikTok, by write()": f"GET /write HTTP/1.1\r\nHost: site.example\r\nUser-Agent: {TIKTOK_IOS}\r\nConnection: close\r\n\r\n",
    "TikTok, a file": f"GET /file HTTP/1.1\r\nHost: site.example\r\nUser-Agent: {TIKTOK_IOS}\r\nConnection: close\r\n\r\n",
    "TikTok, no content": f"GET /empty HTTP/1.1\r\nHost: site.example\r\nUser-Agent: {TIKTOK_IOS}\r\nConnection: close\r\n\r\n",
    "TikTok, not modified": f"GET /not-modified HTTP/1.1\r\nHost: site.example\r\nUser-Agent: {TIKTOK_IOS}\r\nConnection: close\r\n\r\n",
    "a form from TikTok": f"POST /echo HTTP/1.1\r\nHost: site.example\r\nUser-Agent: {TIKTOK_IOS}\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    "a form that waits to be asked": f"POST /echo HTTP/1.1\r\nHost: site.example\r\nUser-Agent: {TIKTOK_IOS}\r\n"
    "Expect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    "HEAD from an unnamed webview": f"HEAD /listen HTTP/1.1\r\nHost: site.example\r\nUser-Agent: {UNNAMED_ANDROID}\r\nConnection: close\r\n\r\n",
}
ESCAPE = f"GET /listen HTTP/1.1\r\nHost: site.example\r\nUser-Agent: {TIKTOK_IOS}\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module", params=SERVERS, ids=str)
def pair(request):
    """The same server twice: with the bare application, and with the wrapped one."""
    needed = NEEDS.get(request.param)
    if needed and importlib.util.find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed")
    if request.param == "uwsgi" and shutil.which("uwsgi") is None:
        pytest.skip("uwsgi is not installed")
    served = [Served(*(word.replace("NAME", name) for word in SERVERS[request.param]), folder=ROOT) for name in ("bare", "wrapped")]
    yield served
    for one in served:
        one.stop()


def ask(url: str, request: str) -> bytes:
    """The raw response, but for what differs from moment to moment."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request.encode())
        received = b""
        while data := connection.recv(65536):
            received += data
    return re.sub(rb"(?im)^date: .*?\r\n", b"", received)


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_passed_byte_for_byte(pair, request_):
    bare, wrapped = pair
    answer = ask(bare.url, request_)
    assert answer.startswith(b"HTTP/1.")
    assert ask(wrapped.url, request_) == answer


def test_escape(pair):
    answer = ask(pair[1].url, ESCAPE)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert re.match(rb"HTTP/1\.[01] 200 OK\r\n", head)
    assert b"\r\nCache-Control: no-store" in head.replace(b"cache-control", b"Cache-Control")
    assert b"seen=1" in head, "the site's cookie is kept"
    assert int(re.search(rb"(?i)content-length: (\d+)", head)[1]) == len(body)
    assert b"spotify:track:4uLU6hMCjMI75M1A2tKUQC" in body
