"""Django's request: the neutral one that is made of it, and what the site sees changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote_to_bytes

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.utils.encoding import repercent_broken_unicode

from ..engine.passthrough import Passthrough
from ..web.request import Request, as_latin1, body_length, headers_of, readable

ENCODING = "HTTP_ACCEPT_ENCODING"


def request_of(request: HttpRequest) -> Request:
    """The neutral request; Django has decoded the path, and knows scheme and host better."""
    meta = request.META
    try:
        host = request.get_host()
    except (DisallowedHost, KeyError):  # KeyError: a server that names no host and no port
        host = ""
    mount = as_latin1(request.path.removesuffix(request.path_info))
    query = meta.get("QUERY_STRING", "")
    return Request(
        method=request.method or "",
        scheme=request.scheme or "",
        host=host,
        mount=mount,
        path=_whole_path(request).removeprefix(mount),
        # Under ASGI, Django has decoded the query string as UTF-8.
        query=query if hasattr(request, "environ") else as_latin1(query),
        user_agent=meta.get("HTTP_USER_AGENT", ""),
        headers=headers_of(meta),
        cookie=meta.get("HTTP_COOKIE", ""),
        read_body=lambda limit: _read_body(request, limit),
    )


def _whole_path(request: HttpRequest) -> str:
    """The whole path as PEP 3333 has it.

    Of bytes that are not UTF-8, Django makes percent signs, and ASGI's servers U+FFFD. Nobody can
    tell them from a path that was sent so, but by the request line, where it gives the same path.
    """
    if "%" in request.path or "\ufffd" in request.path:
        sent = request.META.get("REQUEST_URI") or request.META.get("RAW_URI") or ""
        raw = getattr(request, "scope", {}).get("raw_path") or sent.encode("latin-1", "replace")
        path = unquote_to_bytes(raw.partition(b"?")[0])
        django_path = repercent_broken_unicode(path).decode()
        if request.path in (django_path, path.decode("utf-8", "replace")):
            return path.decode("latin-1")
    return as_latin1(request.path)


def _read_body(request: HttpRequest, limit: int) -> bytes | None:
    length = body_length(request.META.get("CONTENT_LENGTH"))
    return None if length is None or length > limit else request.read(length)


@contextmanager
def changed(passed: Passthrough | None, request: HttpRequest) -> Iterator[None]:
    """Change what the site sees of a request; what it is served whole for, only meanwhile.

    Middleware further out compresses and compares by the browser's own headers.
    """
    if passed is None:
        yield
        return
    meta = request.META
    kept = {name: meta[name] for name in (*passed.removals, ENCODING) if name in meta}
    meta.update(passed.changes)
    for name in passed.removals:
        meta.pop(name, None)
    if passed.removals:
        request.__dict__.pop("headers", None)  # Django keeps what it has read once
    if "QUERY_STRING" in passed.changes:
        if not hasattr(request, "environ"):  # under ASGI, Django reads it as UTF-8
            meta["QUERY_STRING"] = readable(passed.changes["QUERY_STRING"])
        request.__dict__.pop("GET", None)
    try:
        yield
    finally:
        if passed.removals:
            meta.pop(ENCODING, None)
            meta.update(kept)
            request.__dict__.pop("headers", None)
