"""The site as a WSGI application: each request goes to one fixed server, and comes back as it is.

urllib3 keeps the connections. werkzeug's ProxyMiddleware was measured beside it: it sends `%2F` as
`/`, encodes UTF-8 twice, never ends a chunked body, and opens a connection for each request.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from functools import partial
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from urllib3 import HTTPConnectionPool, Retry, Timeout, connection_from_url
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.response import BaseHTTPResponse
from urllib3.util import SKIP_HEADER
from werkzeug.exceptions import BadGateway, ClientDisconnected
from werkzeug.http import is_hop_by_hop_header
from werkzeug.wsgi import LimitedStream

from ..decision.journeys import VISIT
from ..web.answers import Header
from ..web.pep3333 import Closing
from ..web.request import Environ
from ..web.urls import SAFE_PATH, SAFE_QUERY

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

CONNECTIONS = 64  # kept open; more are made where more are needed
CONNECT = 0.3  # seconds; how long the site takes to answer is the site's own affair
BLOCK = 65_536  # bytes
OWN = "x-escape-"  # what edge, gate and site tell each other, and nobody else may
TELLS_VISIT = "X-Escape-Visit"
TARGET = ":path"  # HTTP/2's name for it (RFC 9113, 8.3.1)
UNIX = "unix:"
# If the site closes a kept connection, a request that changes nothing is sent once more.
RETRIES = Retry(
    total=1, connect=0, redirect=False, status=0, allowed_methods=("GET", "HEAD", "OPTIONS")
)


class Site:
    """A site at `http://HOST:PORT`, `https://HOST` or `unix:PATH`; no request names another.

    Raises ValueError for any other address.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._pool = _pool(address)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Ask the site, and pass on what it answers, as it comes."""
        try:
            response = self._asked(environ)
        except (HTTPError, OSError, ValueError):
            return BadGateway("The site does not answer.")(environ, start_response)
        except ClientDisconnected as gone:
            return gone(environ, start_response)
        start_response(f"{response.status} {response.reason or ''}", _passed_on(response))
        return Closing(_blocks(response), partial(_close, response))

    def _asked(self, environ: Environ) -> BaseHTTPResponse:
        headers, body, is_chunked = headers_for_site(environ), None, False
        if length := environ.get("CONTENT_LENGTH"):
            # It raises where the visitor leaves early; gunicorn's own stream ends like a whole one.
            body = LimitedStream(environ["wsgi.input"], int(length))
            headers["Content-Length"] = length
        elif environ.get("wsgi.input_terminated") and "HTTP_TRANSFER_ENCODING" in environ:
            body, is_chunked = environ["wsgi.input"], True
        return self._pool.urlopen(
            environ["REQUEST_METHOD"],
            "/",
            body,
            {**headers, TARGET: target_of(environ)},
            chunked=is_chunked,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )


def target_of(environ: Environ) -> str:
    """The path as it was sent, and the query as it is now; quoted only where it cannot be sent."""
    sent = environ.get("REQUEST_URI") or environ.get("RAW_URI")
    path = sent.partition("?")[0] if sent else quote(environ["PATH_INFO"], encoding="latin-1")
    if not path.startswith("/"):  # a whole URL (RFC 9112, 3.2.2), or "*"
        path = urlsplit(path).path or "/"
    target = quote(path, safe=f'{SAFE_PATH}%[]{{}}|^\\`"<>', encoding="latin-1")
    if query := environ.get("QUERY_STRING", ""):
        target += "?" + quote(query, safe=f'{SAFE_QUERY}{{}}|^\\`"<>#', encoding="latin-1")
    return target


def headers_for_site(environ: Environ) -> dict[str, str]:
    """The visitor's headers, but for those of one connection, and what only the gate may tell."""
    named = _named(environ.get("HTTP_CONNECTION", ""))
    headers = {"User-Agent": SKIP_HEADER, "Accept-Encoding": SKIP_HEADER}
    for key, value in environ.items():
        if not key.startswith("HTTP_"):
            continue
        name = key[5:].replace("_", "-").title()
        low = name.lower()
        if not (is_hop_by_hop_header(low) or low.startswith(OWN) or low in named):
            headers[name] = value
    if environ.get("CONTENT_TYPE"):
        headers["Content-Type"] = environ["CONTENT_TYPE"]
    if VISIT in environ:
        headers[TELLS_VISIT] = environ[VISIT]
    return headers


def _passed_on(response: BaseHTTPResponse) -> list[Header]:
    """The site's headers, each as often as it was sent, but for those of one connection."""
    named = _named(response.headers.get("Connection", ""))
    return [
        (name, value)
        for name, value in response.headers.iteritems()
        if not (is_hop_by_hop_header(name) or name.lower().startswith(OWN) or name.lower() in named)
    ]


def _named(connection: str) -> list[str]:
    """The headers that a Connection header names for one connection only (RFC 9110, 7.6.1)."""
    return connection.lower().replace(" ", "").split(",")


def _blocks(response: BaseHTTPResponse) -> Iterator[bytes]:
    """The body as it comes: a part that is there never waits for the next one."""
    while block := response.read1(BLOCK, decode_content=False):
        yield block


def _close(response: BaseHTTPResponse) -> None:
    """Give the connection back; one whose response was not read to its end is closed."""
    if not response.closed:
        response.close()
    response.release_conn()


def _pool(address: str) -> HTTPConnectionPool:
    unix, parts = address.startswith(UNIX), urlsplit(address)
    if not unix and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError(f"{address!r}: write http://HOST:PORT, https://HOST or unix:PATH")
    if not unix and (parts.path.strip("/") or parts.query or parts.username):
        raise ValueError(f"{address!r}: write the server alone, without a path or a user")
    pool = connection_from_url(
        "http://localhost" if unix else address,
        maxsize=CONNECTIONS,
        timeout=Timeout(connect=CONNECT, read=None),
        retries=RETRIES,
    )
    bases = (_AsItCame, _Unix) if unix else (_AsItCame, pool.ConnectionCls)
    path = {"path": address.removeprefix(UNIX)}
    pool.ConnectionCls = type("SiteConnection", bases, path)
    return pool


class _Final(HTTPResponse):
    """A response to the end: Early Hints and the like before it are left out (RFC 9110, 15.2).

    The standard library leaves out 100 alone, and the answer would be the next visitor's.
    """

    def begin(self) -> None:
        super().begin()
        while self.status < 200:
            self.headers = None  # type: ignore[assignment] # or nothing more would be read
            super().begin()


class _AsItCame:
    """A connection that sends a target byte for byte; urllib3 would write it in another way."""

    response_class = _Final

    def request(self, method: str, _: str, body: Any, headers: dict[str, str], **more: Any) -> None:
        sent = {name: value for name, value in headers.items() if name != TARGET}
        super().request(method, headers[TARGET], body, sent, **more)  # type: ignore[misc]


class _Unix(HTTPConnection):
    """A connection to a unix socket."""

    path = ""

    def _new_conn(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(CONNECT)
        try:
            connection.connect(self.path)
        except OSError as error:
            connection.close()
            raise NewConnectionError(self, f"{self.path}: {error}") from error
        return connection
