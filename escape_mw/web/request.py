"""One neutral `Request`, made from WSGI's environ (PEP 3333), ASGI's scope, or a framework's own.

Only what decisions are made from is read, and nothing is changed: the body is not touched unless it
is asked for. Paths and queries are bytes in the guise of latin-1 text, as PEP 3333 has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

Environ = dict[str, Any]

HEADERS = (
    "accept",
    "accept-encoding",
    "accept-language",
    "dnt",
    "hx-request",
    "origin",
    "purpose",
    "range",
    "referer",
    "sec-ch-ua",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-gpc",
    "sec-purpose",
    "turbo-frame",
    "turbolinks-referrer",
    "upgrade",
    "x-inertia",
    "x-moz",
    "x-pjax",
    "x-purpose",
    "x-requested-with",
    "x-turbo-request-id",
)
VARIABLES = {f"HTTP_{name.upper().replace('-', '_')}": name for name in HEADERS}


class Request(NamedTuple):
    """The facts of one request.

    `scheme` and `host` are those of the request itself, `mount` is the path that the application
    stands at (SCRIPT_NAME), `path` the rest, `query` the raw query string. `headers` holds those of
    `HEADERS` that were sent, by lower-case name. `cookie` is the whole Cookie header: only this
    package's own is looked for in it, and it goes no further. `read_body` takes a number of bytes
    and returns the body, or None where it is longer or does not say how long it is.
    """

    method: str
    scheme: str
    host: str
    mount: str
    path: str
    query: str
    user_agent: str
    headers: Mapping[str, str]
    cookie: str
    read_body: Callable[[int], bytes | None]

    @property
    def paths(self) -> tuple[str, ...]:
        """The whole path as people write it, and the part below a mount."""
        return paths_of(self.mount, self.path)


def from_environ(environ: Environ) -> Request:
    """The request of a WSGI environ."""
    get = environ.get
    return Request(
        get("REQUEST_METHOD", ""),
        get("wsgi.url_scheme", ""),
        get("HTTP_HOST", ""),
        get("SCRIPT_NAME", ""),
        get("PATH_INFO", ""),
        get("QUERY_STRING", ""),
        get("HTTP_USER_AGENT", ""),
        headers_of(environ),
        get("HTTP_COOKIE", ""),
        partial(_read_input, environ),
    )


def from_scope(scope: Mapping[str, Any], body: bytes | None = None) -> Request:
    """The request of an ASGI HTTP scope (ASGI, "HTTP connection scope").

    `body` is what the server's messages held, None where it was not read.
    """
    sent: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        sent[name] = f"{sent[name]},{value}" if name in sent else value
    return Request(
        scope["method"],
        scope.get("scheme", "http"),
        sent.get("host", ""),
        as_latin1(scope.get("root_path", "").rstrip("/")),
        path_below(scope),
        scope.get("query_string", b"").decode("latin-1"),
        sent.get("user-agent", ""),
        {name: sent[name] for name in HEADERS if name in sent},
        sent.get("cookie", ""),
        lambda limit: body if body is not None and len(body) <= limit else None,
    )


def path_below(scope: Mapping[str, Any]) -> str:
    """The path below the mount, as PEP 3333 has it.

    A `path` that begins with `root_path` (ASGI 3, 2023) and one that does not give the same; a
    slash at the end of `root_path` does not count, as for FastAPI and Starlette. Of bytes that are
    not UTF-8, servers make U+FFFD: the path as it was sent knows them.
    """
    path: str = scope["path"]
    mount: str = scope.get("root_path", "").rstrip("/")
    if not mount and path.isascii():
        return path
    if "\ufffd" in path and (raw := scope.get("raw_path")):
        sent = unquote_to_bytes(raw)
        if sent.decode("utf-8", "replace") == path:
            return _without(as_latin1(mount), sent.decode("latin-1"))
    return as_latin1(_without(mount, path))


def _without(mount: str, path: str) -> str:
    rest = path.removeprefix(mount)
    return rest if rest.startswith("/") or not rest else path


def headers_of(environ: Mapping[str, Any]) -> dict[str, str]:
    """The headers of a mapping with CGI's names (RFC 3875, 4.1.18), such as WSGI's environ."""
    return {name: environ[key] for key, name in VARIABLES.items() if key in environ}


def paths_of(mount: str, path: str) -> tuple[str, ...]:
    """The whole path as people write it, and the part below a mount."""
    whole = readable(mount + path)
    return (whole, readable(path)) if mount else (whole,)


def readable(latin1: str) -> str:
    """Bytes in the guise of latin-1 as the UTF-8 text that they are, with surrogate escapes."""
    return latin1.encode("latin-1", "replace").decode("utf-8", "surrogateescape")


def as_latin1(text: str) -> str:
    """Text as PEP 3333 has it: the bytes of its UTF-8 in the guise of latin-1."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def body_length(content_length: str | None) -> int | None:
    """A Content-Length that is a plain number of at most seven digits; None for any other."""
    text = content_length or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else None


def _read_input(environ: Environ, limit: int) -> bytes | None:
    length = body_length(environ.get("CONTENT_LENGTH"))
    if length is None or length > limit:
        return None
    body: bytes = environ["wsgi.input"].read(length)
    return body
