"""A site in front of which edge servers and gates are put: it tells what it was asked, raw."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import UnixStreamServer
from urllib.parse import parse_qs, urlsplit

TRACK = "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC"
SIGN_IN = "https://accounts.spotify.com/authorize?client_id=1&response_type=code&state=2"
COOKIES = ["sid=abc; Path=/", "two=x; Expires=Wed, 25 Nov 2026 10:00:00 GMT"]
REDIRECTS = {
    "/go/song": (302, TRACK),
    "/go/single": (302, TRACK),
    "/go/elsewhere": (301, "https://example.com/x"),
    "/go/slash": (301, "/go/slash/"),
    "/sign-in": (302, SIGN_IN),
}
MEGABYTE = bytes(range(256)) * 4096
BIG = 100  # megabytes


class Handler(BaseHTTPRequestHandler):
    """Answers everything, and keeps what it was asked in the server's `asked`."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return ""

    def do_GET(self):
        size, digest = self.read()
        self.server.asked.append((self.requestline, self.headers.items()))
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        time.sleep(float(query.get("wait", ["0"])[0]))
        if path in REDIRECTS:
            return self.redirect(*REDIRECTS[path])
        if path == "/big":
            return self.big()
        if path == "/stream":
            return self.stream()
        if path == "/long-header":
            return self.say(b"{}", ("X-Long", "x" * 6000))
        if path == "/empty":
            self.send_response(204)
            return self.end_headers()
        if path == "/hints":
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
            time.sleep(0.1)
        if path == "/hop":
            return self.say(b'{"line"', ("Connection", "X-Hop"), ("X-Hop", "1"))
        if path == "/broken":
            self.close_connection = True
            return None
        told = {
            "line": self.requestline,
            "headers": self.headers.items(),
            "size": size,
            "digest": digest,
        }
        return self.say(json.dumps(told).encode())

    do_POST = do_HEAD = do_PUT = do_OPTIONS = do_GET  # noqa: N815

    def say(self, body, *headers):
        self.send_response(200)
        for name, value in (
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "public, max-age=600"),
            ("X-Escape-Visit", "the site's own"),
            *headers,
        ):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def redirect(self, status, location):
        self.send_response(status)
        self.send_header("Location", location)
        for cookie in COOKIES:
            self.send_header("Set-Cookie", cookie)
        self.send_header("Cache-Control", "public, max-age=600")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def big(self):
        self.send_response(200)
        self.send_header("Content-Length", str(BIG * len(MEGABYTE)))
        self.end_headers()
        for _ in range(BIG):
            self.wfile.write(MEGABYTE)

    def stream(self):
        """Two parts, the second only once the server's `go_on` is set."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\nfirst\r\n")
        self.server.go_on.wait(30)
        self.wfile.write(b"6\r\nsecond\r\n0\r\n\r\n")

    def read(self):
        """How long the request's body is, and its digest."""
        size, whole = 0, hashlib.sha256()
        for part in self.parts():
            size += len(part)
            whole.update(part)
        return size, whole.hexdigest()

    def parts(self):
        left = int(self.headers.get("Content-Length", "0"))
        while left:
            part = self.rfile.read(min(left, 65536))
            left -= len(part)
            if not part:
                return
            yield part
        if self.headers.get("Transfer-Encoding") == "chunked":
            while length := int(self.rfile.readline(), 16):
                yield self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()


class Origin(ThreadingHTTPServer):
    """The site, on a port of its own or on a unix socket, in threads of this process."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path=None):
        self.asked, self.go_on, self.connections = [], threading.Event(), 0
        if path:
            self.address_family = UnixStreamServer.address_family
        super().__init__(str(path) if path else ("127.0.0.1", 0), Handler)
        self.url = f"unix:{path}" if path else f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def server_bind(self):
        self.socket.bind(self.server_address)
        if isinstance(self.server_address, str):
            os.chmod(self.server_address, 0o666)  # noqa: PTH101 - a socket's
        else:
            self.server_address = self.socket.getsockname()

    def get_request(self):
        self.connections += 1
        connection, address = super().get_request()
        return connection, address or ("", 0)

    def handle_error(self, *_):
        """A visitor who goes away early is no error of the site's."""

    def stop(self):
        self.shutdown()
        self.server_close()
