"""Django's response: an answer as one, and the script's tag in one of the site's."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from ..links.insertion import Insertion
from ..web.answers import Answer


def response_of(
    answer: Answer, request: HttpRequest, original: HttpResponseBase | None = None
) -> HttpResponse:
    """An answer as Django's response, with the cookies of the response that it replaces.

    What that one holds open is closed with this one: to close it here would send
    `request_finished` twice.
    """
    body = b"" if request.method == "HEAD" else answer.body
    response = HttpResponse(body, status=int(answer.status[:3]))
    response.headers.pop("Content-Type")
    for name, value in answer.headers:  # a name that comes twice is one list (RFC 9110, 5.3)
        response[name] = f"{response[name]}, {value}" if name in response else value
    if original is not None:
        response.cookies = original.cookies
        response._resource_closers.extend(original._resource_closers)
    return response


def nonce_of(request: HttpRequest, response: HttpResponseBase) -> str:
    """The nonce of a Content-Security-Policy that middleware further out is about to send.

    Django's own (6.0) and django-csp's, which enters the header once it has been read.
    """
    if response.has_header("Content-Security-Policy"):
        return ""
    return str(getattr(request, "_csp_nonce", None) or getattr(request, "csp_nonce", None) or "")


def insert(insertion: Insertion, request: HttpRequest, response: Any) -> None:
    """Put the tag into a response, which stays a stream if it is one."""
    if request.method == "HEAD":
        return
    if not response.streaming:
        response.content = insertion.feed(response.content) + insertion.end()
        response["Content-Length"] = str(len(response.content))
    elif response.is_async:
        response.streaming_content = _inserted_async(insertion, response.streaming_content)
    else:
        response.streaming_content = _inserted(insertion, response.streaming_content)


def _inserted(insertion: Insertion, parts: Iterable[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield insertion.feed(part)
    yield insertion.end()


async def _inserted_async(
    insertion: Insertion, parts: AsyncIterable[bytes]
) -> AsyncIterator[bytes]:
    async for part in parts:
        yield insertion.feed(part)
    yield insertion.end()
