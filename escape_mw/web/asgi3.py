"""What ASGI 3 asks of a middleware: types, a body that is received, an answer, work in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from .answers import Answer, Header
from .request import body_length

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
RawHeader = tuple[bytes, bytes]

MAX_BODY = 4096  # bytes; what is sent to this package's own addresses is shorter


async def in_thread(function: Callable[[], Any]) -> Any:
    """What a function returns, run in a thread; at once in a loop that is not asyncio's."""
    return await asyncio.to_thread(function) if is_in_loop() else function()


def is_in_loop() -> bool:
    """Whether this runs in an event loop of asyncio's."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def read_body(scope: Scope, receive: Receive) -> tuple[bytes | None, list[Message]]:
    """A short body of known length, None for any other; and the messages that were received."""
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    length = body_length(b",".join(lengths).decode("latin-1"))
    if length is None or length > MAX_BODY:
        return None, []
    messages: list[Message] = []
    body, has_more = b"", True
    while has_more:
        messages.append(message := await receive())
        body += message.get("body", b"")
        has_more = message.get("more_body", False) and len(body) <= MAX_BODY
    return body, messages


async def send_answer(
    answer: Answer, scope: Scope, send: Send, extra: Iterable[Header] = ()
) -> None:
    """Send an answer; `extra` headers are the site's own, kept."""
    headers = raw_headers([*answer.headers, *extra])
    status = int(answer.status[:3])
    await send({"type": "http.response.start", "status": status, "headers": headers})
    body = b"" if scope["method"] == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body})


def raw_headers(headers: Iterable[Header]) -> list[RawHeader]:
    """Headers as ASGI sends them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
