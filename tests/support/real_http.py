"""Real HTTP: start a command that serves, and ask it as a visitor, without following redirects."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


LOCK = threading.Lock()
GIVEN: set[int] = set()  # by `free_port`: of servers that start at once, none listens yet
OPENER = urllib.request.build_opener(NoRedirect, urllib.request.ProxyHandler({}))


class Reply(NamedTuple):
    status: int
    location: str | None
    text: str

    @property
    def lead(self) -> tuple[int, str | None]:
        """The status, and where it leads."""
        return self.status, self.location


def get(url: str, agent: str) -> Reply:
    request = urllib.request.Request(url, headers={"User-Agent": agent})
    try:
        with OPENER.open(request, timeout=60) as got:
            return Reply(got.status, got.headers.get("Location"), got.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, error.headers.get("Location"), error.read().decode())


def free_port() -> int:
    """A port that nobody listens on, and that was not given before in this process."""
    with LOCK:
        while True:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            if port not in GIVEN:
                GIVEN.add(port)
                return port


class Served:
    """A program, or words for Python, that serves on a free port.

    The port stands where the words say PORT; or a function makes the words for it. `errors` is
    where its standard error goes.
    """

    def __init__(
        self,
        *words: str | Callable[[int], list[str]],
        folder: Path,
        errors: int = subprocess.DEVNULL,
    ) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        first, *rest = words
        made = (
            first(port)
            if callable(first)
            else [word.replace("PORT", str(port)) for word in (first, *rest)]
        )
        command = made if shutil.which(made[0]) else [sys.executable, *made]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "PYTHONPATH": ""},
        )
        for _ in range(400):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    self.stop()
                    raise RuntimeError(f"{command} ended with {self.process.returncode}") from None
                time.sleep(0.05)
        raise RuntimeError(f"{command} does not answer")

    def stop(self) -> str:
        """End it; what it printed."""
        self.process.terminate()
        return self.process.communicate(timeout=10)[0]
