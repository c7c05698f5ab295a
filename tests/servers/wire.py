"""Raw requests and raw answers."""

from __future__ import annotations

import re
import socket

import pytest

from ..support.agents import TIKTOK_IOS


def raw(
    line: str,
    agent: str | None = TIKTOK_IOS,
    *headers: str,
    body: str = "",
    connection: str | None = "close",
    host: str | None = "site.example",
) -> bytes:
    """A request as it goes over the wire."""
    named = {"Host": host, "User-Agent": agent, "Connection": connection}
    lines = [
        line,
        *(f"{name}: {value}" for name, value in named.items() if value is not None),
        *headers,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def connect(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def received(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def settled(answer: bytes) -> bytes:
    """An answer, but for what differs from moment to moment."""
    return re.sub(rb"(?im)^date: .*?\r\n", b"", answer)


def ask(url: str, request: bytes) -> bytes:
    """The raw answer."""
    with connect(url) as connection:
        connection.sendall(request)
        return settled(received(connection))


def ask_first(url: str, request: bytes, waits: bool) -> bytes:
    """The same, where the body is sent only once the server has asked for it."""
    head, _, body = request.partition(b"\r\n\r\n")
    with connect(url) as connection:
        connection.sendall(head + b"\r\n\r\n")
        asked = connection.recv(65536) if waits else b""
        connection.sendall(body)
        return settled(asked + received(connection))


def parted(answers: bytes, request: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Head and body of the first answer, and what follows it; None while it is not whole."""
    head, end, rest = answers.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length: (\d+)", head)
    bodiless = request.startswith(b"HEAD") or head[9:12] in (b"204", b"304")
    size = 0 if bodiless or not length else int(length[1])
    return (head, rest[:size], rest[size:]) if end and len(rest) >= size else None


def ask_twice(url: str, first: bytes, second: bytes) -> tuple[bytes, bytes, bytes]:
    """The first answer's head and body, and all that follows it, on one connection.

    The second is sent after the first answer.
    """
    with connect(url) as connection:
        connection.sendall(first)
        answer = b""
        while not parted(answer, first):
            answer += connection.recv(65536) or pytest.fail(f"closed after {answer!r}")
        connection.sendall(second)
        head, body, more = parted(answer + received(connection), first)
        return head, body, settled(more)


def is_escape(answer: bytes) -> bool:
    return (
        re.search(rb"(?im)^cdn-cache-control: no-store\r$", answer.partition(b"\r\n\r\n")[0])
        is not None
    )


def joined(answer: bytes) -> bytes:
    """An answer in chunks, with the chunks joined."""
    head, end, rest = answer.partition(b"\r\n\r\n")
    body = b""
    if re.search(rb"(?im)^transfer-encoding: chunked\r?$", head):
        while size := int(rest.partition(b"\r\n")[0], 16):
            chunk = rest.partition(b"\r\n")[2]
            body, rest = body + chunk[:size], chunk[size + 2 :]
        rest = rest.removeprefix(b"0\r\n\r\n")
    return head + end + body + rest
