"""A worker that is killed under load takes its own request with it, and nothing else."""

from __future__ import annotations

import os
import signal
import socket
from typing import NamedTuple

import pytest

from ..support.agents import CHROME_DESKTOP, SAFARI, TIKTOK_ANDROID, TIKTOK_IOS
from ..support.needs import need
from . import serving
from .wire import ask, connect, is_escape, raw, received, settled

BROWSERS = [
    raw("GET /page HTTP/1.1", CHROME_DESKTOP),
    raw("GET /listen HTTP/1.1", SAFARI),
    raw("GET /file HTTP/1.1", SAFARI),
]
LISTENERS = [raw("GET /listen HTTP/1.1"), raw("GET /presave/x HTTP/1.1", TIKTOK_ANDROID)]


class Held(NamedTuple):
    """A request that a worker is busy with: it waits for the body."""

    connection: socket.socket
    worker: int

    def finish(self) -> bytes:
        self.connection.sendall(b"hello")
        return answer(self.connection)


def hold(url: str, agent: str) -> Held:
    connection = sent(url, raw("POST /held HTTP/1.0", agent, "Content-Length: 5"))
    with connection.makefile("rb", buffering=0) as lines:
        while lines.readline().strip():
            pass
        return Held(connection, int(lines.readline()))


def sent(url: str, request: bytes) -> socket.socket:
    connection = connect(url)
    connection.sendall(request)
    return connection


def answer(connection: socket.socket) -> bytes:
    """What comes, or still comes; nothing if the worker is gone."""
    with connection:
        try:
            return settled(received(connection))
        except ConnectionResetError:
            return b""


def answers_around_a_kill(url: str, agent: str) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """What browsers got, what listeners in TikTok got, and what browsers got afterwards."""
    doomed, spared = hold(url, agent), hold(url, agent)
    assert doomed.worker != spared.worker
    browsers = [sent(url, request) for request in BROWSERS * 5]
    listeners = [sent(url, request) for request in LISTENERS * 5]
    os.kill(doomed.worker, signal.SIGKILL)
    assert answer(doomed.connection) == b""
    assert spared.finish() == b"hello"
    during = [[answer(one) for one in waiting] for waiting in (browsers, listeners)]
    again = [hold(url, agent), hold(url, agent)]
    assert doomed.worker not in [one.worker for one in again]
    assert again[0].worker != again[1].worker, "it was replaced"
    assert [one.finish() for one in again] == [b"hello", b"hello"]
    return *during, [ask(url, request) for request in BROWSERS]


@pytest.mark.parametrize(
    "agent",
    [
        pytest.param(SAFARI, id="while it served a browser"),
        pytest.param(TIKTOK_IOS, id="while it served TikTok"),
    ],
)
def test_a_killed_worker(agent, tmp_path):
    need(serving.missing("gunicorn with two workers"))
    served = [
        serving.start("gunicorn with two workers", f"site:{name}", tmp_path)
        for name in ("bare", "wrapped")
    ]
    try:
        bare, wrapped = (answers_around_a_kill(one.url, agent) for one in served)
    finally:
        for one in served:
            one.stop()
    assert bare[0] == bare[2] * 5
    assert wrapped[0] == bare[0]
    assert all(is_escape(one) for one in wrapped[1])
    assert wrapped[2] == bare[2]
