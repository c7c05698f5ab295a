"""Drives the WebKit host app, from any Python.

A display, the process, commands and what was seen.
"""

from __future__ import annotations

import itertools
import json
import os
import queue
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from .seen import CENTRE, WATCH, Attempt, ScriptError, TimedOutError, is_here, until, wrap

PYTHON = "/usr/bin/python3"
TRY = (
    "import gi; gi.require_version('Gtk', '3.0'); gi.require_version('WebKit2', '4.1'); "
    "from gi.repository import Gtk, WebKit2"
)
# Software drawing, and no sandbox of its own: it cannot start in a container.
ENVIRONMENT = {
    "GDK_BACKEND": "x11",
    "LIBGL_ALWAYS_SOFTWARE": "1",
    "NO_AT_BRIDGE": "1",
    "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
    "WEBKIT_DISABLE_DMABUF_RENDERER": "1",
    "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",
}


def missing() -> str | None:
    """What is not installed here, if anything."""
    try:
        subprocess.run(["Xvfb", "-help"], capture_output=True, check=False)
        subprocess.run([PYTHON, "-c", TRY], capture_output=True, check=True)
    except FileNotFoundError as error:
        return f"{error.filename} is not installed"
    except subprocess.CalledProcessError:
        return f"{PYTHON} lacks gi with WebKit2 4.1 (Debian: python3-gi, gir1.2-webkit2-4.1)"
    return None


class Display:
    """An X server without a screen, on a display that it chooses itself."""

    def __init__(self) -> None:
        reading, writing = os.pipe()
        command = [
            "Xvfb",
            "-displayfd",
            str(writing),
            "-screen",
            "0",
            "800x1000x24",
            "-nolisten",
            "tcp",
        ]
        self.process = subprocess.Popen(
            command,
            pass_fds=(writing,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        with os.fdopen(reading) as told:
            self.name = ":" + told.readline().strip()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)


class WebKit:
    """The host app, started.

    Every method returns when what it asks for has happened, or raises TimedOutError.
    """

    name = "WebKit"

    def __init__(self) -> None:
        self.display = Display()
        self.process = subprocess.Popen(
            [PYTHON, str(Path(__file__).with_name("webkit_host.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
                **ENVIRONMENT,
                "DISPLAY": self.display.name,
            },
        )
        self._numbers = itertools.count()
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.seen: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.watch = WATCH
        self.version = self.wait(30, event=["ready"])["version"]

    def __enter__(self) -> WebKit:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(10)
        self._reader.join(10)
        self.process.stdout.close()
        self.display.close()

    # --- what a test does

    def open(self, url: str, agent: str, opens: str = "nothing", javascript: bool = True) -> None:
        """A fresh webview that has loaded `url`, unless the page went elsewhere.

        `opens`: everything, nothing, or one scheme.

        The agent travels wrapped up, for WebKitGTK sends none with brackets, which some host apps
        have.
        """
        self.seen.clear()
        self.do(
            "open", url=url, agent=wrap(agent), watch=self.watch, opens=opens, javascript=javascript
        )
        self._loaded()

    def load(self, url: str) -> None:
        """The same webview loads another page."""
        self.do("load", url=url)
        self._loaded()

    def back(self) -> None:
        """The page before."""
        self.do("back")
        self._loaded()

    def tap(self, selector: str, times: int = 1) -> None:
        """A click of the toolkit's own input, so a visitor's gesture."""
        x, y = self.script(CENTRE.replace("SELECTOR", json.dumps(selector)))
        for _ in range(times):
            self.do("tap", x=x, y=y)

    def script(self, body: str, seconds: float = 10) -> Any:
        """What an asynchronous function of this body returns."""
        return returned(self.do("script", seconds, body=body))

    def opened(self) -> None:
        """Wait until the page is hidden, because what it attempted has opened."""
        self.until("document.hidden")

    def leave(self) -> None:
        """The host app goes to the background."""
        self.do("show", shown=False)
        self.until("document.hidden")

    def come_back(self) -> None:
        """The visitor comes back to the host app."""
        self.do("show", shown=True)
        self.until("!document.hidden")

    def until(self, condition: str, seconds: float = 5) -> None:
        """Wait for a condition in the page."""
        if not self.script(until(condition, seconds), seconds + 5):
            raise TimedOutError(f"{condition} did not come true in {seconds} s")

    def attempts(self, count: int = 0) -> list[Attempt]:
        """Every navigation to another place than this machine so far.

        Waits until there are `count`.
        """
        end = time.monotonic() + 5
        while len(self._attempts()) < count:
            self._next(end)
        self.script("")  # a round trip, so that whatever was said before it is here
        return self._attempts()

    def handoff_ms(self) -> float:
        """How long after the navigation's start the first hand-off was attempted.

        By the host's clock.
        """
        self.attempts(1)
        away = next(line for line in self.navigations() if not is_here(line["uri"]))
        return float(away["at"] - self.navigations()[0]["at"])

    def navigations(self) -> list[dict[str, Any]]:
        """Every decision that the delegate was asked for since the webview was opened."""
        return [line for line in self.seen if line.get("event") == "navigation"]

    # --- the wire

    def do(self, name: str, seconds: float = 10, **words: Any) -> Any:
        """Give a command; its reply."""
        number = next(self._numbers)
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"id": number, "do": name, **words}) + "\n")
        self.process.stdin.flush()
        return self.wait(seconds, reply=[number])["value"]

    def wait(self, seconds: float = 10, **wanted: list[Any]) -> dict[str, Any]:
        """The next line of which each of these words is one of those."""
        end = time.monotonic() + seconds
        while True:
            line = self._next(end)
            if all(line.get(word) in values for word, values in wanted.items()):
                return line

    def _next(self, end: float) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            raise TimedOutError(f"nothing more after {self.seen[-5:]}") from None
        if line is None:
            raise RuntimeError("the WebKit host ended")
        self.seen.append(line)
        return line

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(json.loads(line))
        self._lines.put(None)

    def _loaded(self) -> None:
        self.wait(event=["loaded", "failed"])

    def _attempts(self) -> list[Attempt]:
        return [
            Attempt(line["uri"], line["gesture"])
            for line in self.navigations()
            if not is_here(line["uri"])
        ]


def returned(answer: dict[str, Any]) -> Any:
    """What a script returned."""
    if "raised" in answer:
        raise ScriptError(answer["raised"])
    return answer["returned"]
