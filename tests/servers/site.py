"""What the servers serve: a plain WSGI application, `bare` and wrapped."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from wsgiref.util import FileWrapper

from escape_mw import EscapeMiddleware

from ..support.examples import TRACK

FILE = Path(__file__).with_name("cheroot_server.py")
RULES = {
    "version": 1,
    "rules": [{"path": "/presave/**", "to": "page"}, {"path": "/**", "to": "redirect"}],
}


def bare(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/listen":
        start_response(
            "302 Found", [("Location", TRACK), ("Set-Cookie", "seen=1"), ("Content-Length", "0")]
        )
        return [b""]
    if path == "/stream":
        return stream(start_response)
    if path == "/held":
        return held(environ, start_response)
    if path == "/write":
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])(b"abc")
        return [b"def"]
    if path == "/memory":
        start_response(
            "200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", "10000")]
        )
        return environ.get("wsgi.file_wrapper", FileWrapper)(BytesIO(b"0123456789" * 1000), 4096)
    if path == "/file":
        start_response(
            "200 OK",
            [
                ("Content-Type", "application/octet-stream"),
                ("Content-Length", str(FILE.stat().st_size)),
            ],
        )
        return environ.get("wsgi.file_wrapper", FileWrapper)(FILE.open("rb"))
    if path == "/empty":
        start_response("204 No Content", [])
        return []
    if path == "/not-modified":
        start_response("304 Not Modified", [("ETag", '"x"')])
        return []
    if path == "/echo":
        body = read(environ)
        start_response(
            "200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
        )
        return [body]
    body = "\n".join(f"{name}: {environ[name]}" for name in sorted(environ) if told(name)).encode(
        "latin-1"
    )
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]


def told(name):
    """Whether a key of environ is shown on a page: what the visitor sent."""
    return name.startswith("HTTP_") or name in (
        "REQUEST_METHOD",
        "SCRIPT_NAME",
        "PATH_INFO",
        "QUERY_STRING",
        "SERVER_PROTOCOL",
    )


def read(environ):
    """The request's body.

    A chunked one as far as the server says that it ends, or cheroot's reader does.
    """
    if environ.get("CONTENT_LENGTH"):
        return environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    ends = (
        environ.get("wsgi.input_terminated")
        or type(environ["wsgi.input"]).__name__ == "ChunkedRFile"
    )
    return environ["wsgi.input"].read() if ends else b""


def stream(start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "9")])
    yield from (b"abc", b"", b"def", b"ghi")


def held(environ, start_response):
    """Tells which process this is, and ends once the visitor has sent the body."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield f"{os.getpid()}\n".encode()
    yield read(environ)


def cached(_, start_response):
    """A page that says it may be kept."""
    start_response(
        "200 OK",
        [
            ("Content-Type", "text/plain"),
            ("Content-Length", "4"),
            ("Cache-Control", "public, max-age=600"),
        ],
    )
    return [b"site"]


wrapped = EscapeMiddleware(bare, RULES)
PAGES = {"version": 1, "rules": [{"path": "/presave/**", "to": "page"}]}
keeping = EscapeMiddleware(cached, PAGES)
