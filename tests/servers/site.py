"""What the servers serve: `bare`, and the same wrapped."""

from __future__ import annotations

from io import BytesIO
from wsgiref.util import FileWrapper

from escape_mw import EscapeMiddleware

TRACK = "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC"


def bare(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/listen":
        start_response("302 Found", [("Location", TRACK), ("Set-Cookie", "seen=1"), ("Content-Length", "0")])
        return [b""]
    if path == "/stream":
        return stream(start_response)
    if path == "/write":
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])(b"abc")
        return [b"def"]
    if path == "/file":
        start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", "10000")])
        return environ.get("wsgi.file_wrapper", FileWrapper)(BytesIO(b"0123456789" * 1000), 4096)
    if path == "/empty":
        start_response("204 No Content", [])
        return []
    if path == "/not-modified":
        start_response("304 Not Modified", [("ETag", '"x"')])
        return []
    if path == "/echo":
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]
    body = f"{environ['REQUEST_METHOD']} {path} {environ.get('QUERY_STRING', '')}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def stream(start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "9")])
    yield from (b"abc", b"", b"def", b"ghi")


def cached(_, start_response):
    """A page that says it may be kept."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4"), ("Cache-Control", "public, max-age=600")])
    return [b"site"]


wrapped = EscapeMiddleware(bare)
PAGES = {"version": 1, "rules": [{"path": "/presave/**", "to": "page"}]}
keeping = EscapeMiddleware(cached, PAGES)
varying = EscapeMiddleware(cached, {**PAGES, "vary": True})
