"""Asking over HTTP, byte for byte: what a test sends is what goes over the wire."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
from contextlib import closing
from typing import NamedTuple

from ..support.agents import TIKTOK_IOS

HOST = "label.example"


class Reply(NamedTuple):
    """What came back; `body` is None where only the head was read."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name):
        return [value for known, value in self.headers if known.lower() == name]

    @property
    def told(self):
        """What the site says it was asked."""
        return json.loads(self.body)

    @property
    def line(self):
        return self.told["line"]

    @property
    def sent(self):
        """The headers that reached the site, by lower-case name."""
        return {name.lower(): value for name, value in self.told["headers"]}

    @property
    def is_page(self):
        return self.status == 200 and b"data-marker=" in self.body

    @property
    def is_site(self):
        return self.status == 200 and self.body.startswith(b'{"line"')


class OverUnix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def connection_to(address):
    if address.startswith("unix:"):
        return OverUnix(address.removeprefix("unix:"))
    return http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)


def begin(connection, target, agent, method, headers, body=None):
    """Send a request; headers may come twice, as a list of pairs."""
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers)
    names = {name.lower() for name, _ in pairs}
    own = [("Host", HOST), ("User-Agent", agent), ("Accept", "text/html")]
    if isinstance(body, bytes):
        own.append(("Content-Length", str(len(body))))
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in [*(pair for pair in own if pair[0].lower() not in names), *pairs]:
        connection.putheader(name, value)
    connection.endheaders(body)


def ask(address, target, agent=TIKTOK_IOS, method="GET", headers=(), body=None):
    with closing(connection_to(address)) as connection:
        begin(connection, target, agent, method, headers, body)
        with connection.getresponse() as response:
            body = response.read()
    if body and response.getheader("Content-Encoding") == "gzip":  # workerd asks for it
        body = gzip.decompress(body)
    return Reply(response.status, response.getheaders(), body)
