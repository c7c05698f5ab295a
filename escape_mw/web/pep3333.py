"""What PEP 3333 asks of a middleware: starting, headers, and a body that is read and closed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from inspect import iscoroutinefunction
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING

from .answers import Header
from .logs import logger

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]

# How much of a replaced body is read: a redirect's own is one item of some hundred bytes.
DRAIN_ITEMS = 16
DRAIN_BYTES = 65_536


class Closing:
    """An iterator over `items` with a `close()` of its own."""

    def __init__(self, items: Iterator[bytes], close: Callable[[], object]) -> None:
        self._items = items
        self._close = close

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._items)

    def close(self) -> None:
        """Close what the items came from."""
        self._close()


def drain(body: Iterable[bytes]) -> None:
    """Read a body that is not sent, within a bound, so that the code around its items runs.

    The clean-up of a generator that nobody began would never run (PEP 342: `close()` of such a
    generator runs none of its code). Whatever the body raises is logged.
    """
    left = DRAIN_BYTES
    try:
        for item in islice(body, DRAIN_ITEMS):
            left -= len(item)
            if left <= 0:
                return
    except Exception:
        logger.exception("the body of a replaced redirect raised an exception")


def close(body: Iterable[bytes]) -> None:
    """Call a body's `close()`, if it has one."""
    own = getattr(body, "close", None)
    if own is not None:
        own()


def started(
    start_response: StartResponse, status: str, headers: list[Header], exc_info: ExcInfo | None
) -> Callable[[bytes], object]:
    """Call start_response as the application called it, with or without `exc_info`."""
    if exc_info:
        return start_response(status, headers, exc_info)
    return start_response(status, headers)


def is_asgi(app: object) -> bool:
    """Whether this is an ASGI application (ASGI 3), which no WSGI server can call."""
    return iscoroutinefunction(app) or iscoroutinefunction(type(app).__call__)


def are_headers(headers: object) -> bool:
    """Whether these are headers as WSGI knows them; whatever else is the server's to report."""
    pairs = isinstance(headers, list) and all(
        isinstance(item, tuple) and len(item) == 2 for item in headers
    )
    return pairs and all(isinstance(text, str) for item in headers for text in item)  # type: ignore[attr-defined]


def discard(data: bytes) -> None:
    """The write() of a response that is not sent."""
