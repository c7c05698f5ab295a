"""Chromium as a host app's webview.

A small WebDriver client, and what the browser tells of its navigations.

Strict, it refuses every scheme that is not the web's, silently, as a host app that opens nothing.
Permissive, it hands them to the desktop, whose `xdg-open` is a script of ours that writes down what
it was given.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from ..support.real_http import free_port
from .seen import CENTRE, WATCH, Attempt, ScriptError, TimedOutError, is_here, until

SCHEMES = (
    "intent",
    "instagram",
    "barcelona",
    "kakaotalk",
    "spotify",
    "music",
    "googlechromes",
    "x-safari-https",
)
FLAGS = (
    *(
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ),
    *(
        "--no-first-run",
        "--disable-dev-shm-usage",
        "--disable-auto-reload",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    ),
)
SIZE = {"width": 412, "height": 915}
DESKTOP = {"xdg-open": 'printf "%s\\n" "$1" >>"$0.log"', "xdg-mime": "echo fake.desktop"}
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def missing() -> str | None:
    """What is not installed here, if anything."""
    absent = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    return (
        f"{' and '.join(absent)} not on PATH (Debian: chromium, chromium-driver)"
        if absent
        else None
    )


class Chromium:
    """Chromium, started by chromedriver.

    Every method returns when what it asks for has happened, or raises.

    `permits` is the origin whose hand-offs go to the desktop; without one they are all refused.
    """

    name = "Chromium"

    def __init__(self, permits: str | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="escape-chromium-"))
        self._desktop(permits)
        self._port = free_port()
        environment = {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
        }
        quiet = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
        }
        self.process = subprocess.Popen(
            [shutil.which("chromedriver") or "", f"--port={self._port}"], env=environment, **quiet
        )
        self._session = ""
        self._wait_for_driver()
        session = self._call(
            "POST", "/session", {"capabilities": {"alwaysMatch": self._capabilities()}}
        )
        self._session = f"/session/{session['sessionId']}"
        self.version = session["capabilities"]["browserVersion"]
        self._browser = session["capabilities"]["goog:processID"]
        self._told: list[dict[str, Any]] = []
        self.watch = WATCH
        self._numbers = itertools.count()

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._call("DELETE", "")
        except (TimedOutError, DriverError):  # the driver would leave the browser behind
            os.kill(self._browser, signal.SIGKILL)
        finally:
            self.process.terminate()
            self.process.wait(10)
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- what a test does

    def open(self, url: str, agent: str, opens: str = "nothing", javascript: bool = True) -> None:  # noqa: ARG002
        """A fresh tab that has loaded `url`, unless the page went elsewhere.

        Whatever `opens`, nothing does, until `opened` says so.
        """
        old = self._call("GET", "/window")
        new = self._call("POST", "/window/new", {"type": "tab"})["handle"]
        self._call("DELETE", "/window")
        self._call("POST", "/window", {"handle": new})
        assert old != new
        self._call(
            "POST", "/window/rect", SIZE
        )  # in the foreground, wherever the one before it was left
        self.cdp("Emulation.setUserAgentOverride", userAgent=agent)
        self.cdp("Page.addScriptToEvaluateOnNewDocument", source=self.watch)
        self.cdp("Emulation.setScriptExecutionDisabled", value=not javascript)
        self._log("performance")
        self._log("browser")
        self._told.clear()
        self.load(url)

    def load(self, url: str) -> None:
        """The same tab loads another page, or is redirected out of reach."""
        self._navigate("/url", {"url": url})

    def back(self) -> None:
        """The page before."""
        self._navigate("/back", {})

    def tap(self, selector: str, times: int = 1) -> None:
        """A click of the browser's own input, so a visitor's gesture."""
        x, y = self.script(CENTRE.replace("SELECTOR", json.dumps(selector)))
        for kind in ("mousePressed", "mouseReleased") * times:
            self.cdp("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        """A key of the visitor's own keyboard: Tab or Enter."""
        code = {"Tab": 9, "Enter": 13}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind, more in (("keyDown", text), ("keyUp", {})):
            words = {"key": key, "code": key, "windowsVirtualKeyCode": code, **more}
            self.cdp("Input.dispatchKeyEvent", type=kind, **words)

    def script(self, body: str) -> Any:
        """What an asynchronous function of this body returns."""
        try:
            return self._call(
                "POST",
                "/execute/sync",
                {"script": f"return (async () => {{ {body} }})()", "args": []},
            )
        except DriverError as error:
            raise ScriptError(str(error)) from None

    def until(self, condition: str, seconds: float = 5) -> None:
        """Wait for a condition in the page."""
        if not self.script(until(condition, seconds)):
            raise TimedOutError(f"{condition} did not come true in {seconds} s")

    def opened(self) -> None:
        """What the page attempted has opened: it is hidden."""
        self.leave()

    def leave(self) -> None:
        """The host app goes to the background."""
        self._call("POST", "/window/minimize")
        self.until("document.hidden")

    def come_back(self) -> None:
        """The visitor comes back to the host app."""
        self._call("POST", "/window/rect", SIZE)
        self.until("!document.hidden")

    def attempts(self, count: int = 0) -> list[Attempt]:
        """Every navigation to another place than this machine so far.

        Waits until there are `count`.
        """
        end = time.monotonic() + 5
        while len(found := self._attempts()) < count:
            if time.monotonic() > end:
                raise TimedOutError(f"{count} attempts, but only {found}")
            time.sleep(0.01)  # the driver's log can only be asked
        return found

    def handoff_ms(self) -> float:
        """How long after the navigation's start the first hand-off was attempted.

        By the browser's own clock.
        """
        self.attempts(1)
        documents = [words for words in self._told if words.get("type") == "Document"]
        away = next(words for words in documents if not is_here(words["request"]["url"]))
        return float(away["timestamp"] - documents[0]["timestamp"]) * 1000

    def requests(self) -> list[str]:
        """Every URL of the web that was asked for since the tab was opened."""
        return [
            request["request"]["url"]
            for request in self._requests()
            if request["request"]["url"].startswith("http")
        ]

    def complaints(self) -> list[str]:
        """What stood in the console since it was asked last."""
        return [entry["message"] for entry in self._log("browser")]

    def handed_over(self, count: int = 0) -> list[str]:
        """What the desktop was given to open so far; waits until there are `count`."""
        log, end = self.folder / "bin" / "xdg-open.log", time.monotonic() + 5
        while True:
            lines = log.read_text("utf-8").splitlines() if log.exists() else []
            if len(lines) >= count:
                return lines
            if time.monotonic() > end:
                raise TimedOutError(f"{count} URIs for the desktop, but only {lines}")
            time.sleep(0.01)  # another process writes it

    def cdp(self, command: str, **words: Any) -> Any:
        """A command of the developer tools' protocol."""
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": words})

    # --- what it tells

    def _navigate(self, path: str, body: dict[str, Any]) -> None:
        """Wait for the next page by ourselves.

        Where one cannot be loaded, the driver would try again, unasked.
        """
        number = next(self._numbers)
        self.script(f"window.left = {number}")
        self._call("POST", path, body)
        end = time.monotonic() + 10
        while not self._has_loaded(number):
            if time.monotonic() > end:
                raise TimedOutError(f"{body.get('url', path)} does not load")
            time.sleep(0.01)  # the page that could tell is the one that goes

    def _has_loaded(self, number: int) -> bool:
        try:
            return bool(
                self.script(
                    f"return window.left !== {number} && document.readyState === 'complete'"
                )
            )
        except ScriptError:
            return False

    def _requests(self) -> list[dict[str, Any]]:
        here = self._call("GET", "/window")
        for entry in self._log("performance"):
            words = json.loads(entry["message"])
            if (
                words["webview"] == here
                and words["message"]["method"] == "Network.requestWillBeSent"
            ):
                self._told.append(words["message"]["params"])
        return self._told

    def _attempts(self) -> list[Attempt]:
        documents = [words for words in self._requests() if words.get("type") == "Document"]
        found = [
            Attempt(
                words["request"]["url"] + words["request"].get("urlFragment", ""),
                bool(words.get("hasUserGesture")),
            )
            for words in documents
        ]
        return [attempt for attempt in found if not is_here(attempt.uri)]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self._call("POST", "/se/log", {"type": kind})
        return entries

    # --- starting it

    def _desktop(self, permits: str | None) -> None:
        """Scripts of ours stand for the desktop.

        Strict, it says that the browser is every scheme's handler itself: nothing is started,
        nobody asked.
        """
        (self.folder / "bin").mkdir()
        for name, body in {**DESKTOP, "xdg-settings": "echo no" if permits else "echo yes"}.items():
            script = self.folder / "bin" / name
            script.write_text(f"#!/bin/sh\n{body}\n", "utf-8")
            script.chmod(0o755)
        preferences = (
            {
                "protocol_handler": {
                    "allowed_origin_protocol_pairs": {permits: dict.fromkeys(SCHEMES, True)}
                }
            }
            if permits
            else {}
        )
        (self.folder / "profile" / "Default").mkdir(parents=True)
        (self.folder / "profile" / "Default" / "Preferences").write_text(
            json.dumps(preferences), "utf-8"
        )

    def _capabilities(self) -> dict[str, Any]:
        options = {
            "binary": shutil.which("chromium"),
            "args": [*FLAGS, f"--user-data-dir={self.folder / 'profile'}"],
            "mobileEmulation": {
                "deviceMetrics": {"width": 412, "height": 915, "pixelRatio": 1, "touch": True}
            },
            "perfLoggingPrefs": {"enableNetwork": True, "enablePage": False},
        }
        return {
            "browserName": "chrome",
            "pageLoadStrategy": "none",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
        }

    def _wait_for_driver(self) -> None:
        for _ in range(600):
            try:
                if self._call("GET", "/status")["ready"]:
                    return
            except OSError:
                time.sleep(0.02)
        raise TimedOutError("chromedriver does not answer")

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}{self._session}{path}",
            data,
            {"Content-Type": "application/json"},
            method=method,
        )
        try:
            with OPENER.open(request, timeout=15) as response:
                return json.load(response)["value"]
        except TimeoutError:
            raise TimedOutError(f"{method} {path}: no answer") from None
        except urllib.error.HTTPError as error:
            with error:
                raise DriverError(json.load(error)["value"]["message"].partition("\n")[0]) from None


class DriverError(RuntimeError):
    """The driver refused a command; the message is its own."""
