"""What a request costs, beside other middlewares and other libraries.

Medians of one interleaved run on one core.

    python -m pip install whitenoise user-agents device_detector
    python -m benchmarks.requests

Prints a table in Markdown. Every figure is beyond the bare application's own time.
"""

from __future__ import annotations

import itertools
import os
import statistics
import timeit
from collections.abc import Callable
from typing import Any
from wsgiref.util import setup_testing_defaults

from werkzeug.middleware.proxy_fix import ProxyFix

from escape_mw import EscapeMiddleware
from escape_mw.page import languages
from tests.support import agents

ROUNDS = 15
TRACK = "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC"
Run = Callable[[], Any]


def environ_of(agent: str, path: str = "/listen", **more: str) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "PATH_INFO": path,
        "HTTP_USER_AGENT": agent,
        "HTTP_HOST": "site.example",
        "wsgi.url_scheme": "https",
        **more,
    }
    environ |= {
        "HTTP_ACCEPT": "text/html,*/*;q=0.8",
        "HTTP_ACCEPT_LANGUAGE": "en-US,en;q=0.9",
        "QUERY_STRING": "",
    }
    setup_testing_defaults(environ)
    return environ


def start(*_: Any) -> None:
    """A server's start_response."""


def site(_: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b""]


def redirecting(_: Any, start_response: Any) -> list[bytes]:
    start_response("302 Found", [("Location", TRACK)])
    return [b""]


class Nothing:
    """The least that a middleware can do."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.app(environ, start_response)


def calls(app: Any, environ: dict[str, Any]) -> Run:
    """The whole of a request, body and all."""

    def run() -> None:
        for _ in app(environ, start):
            pass

    return run


def new_agents(app: Any, agent: str) -> Run:
    """A request whose agent was never seen before."""
    numbers = itertools.count()
    environ = environ_of(agent)

    def run() -> None:
        environ["HTTP_USER_AGENT"] = agent.replace("18_6", f"18_{next(numbers)}")
        app(environ, start)

    return run


def memos(app: EscapeMiddleware) -> list[Callable[[], None]]:
    """What makes an application forget every visitor, language and page that it has seen."""
    held = [
        *vars(app.engine.state.rules.policy.detector).values(),
        *vars(app.engine.state.rules.page).values(),
        *vars(languages).values(),
    ]
    kept = (
        languages.words,
        languages.available,
        languages._tags,
    )  # read once in the life of a process
    return [memo.cache_clear for memo in held if hasattr(memo, "cache_clear") and memo not in kept]


def first_of_its_kind(app: EscapeMiddleware, environ: dict[str, Any]) -> tuple[Run, Run]:
    """A request whose agent, language and page are all new; and what the forgetting takes."""
    forget = memos(app)

    def again() -> None:
        for clear in forget:
            clear()

    def run() -> None:
        again()
        app(environ, start)

    return run, again


def copied(app: Any, environ: dict[str, Any]) -> Run:
    """For applications that write into environ."""
    return lambda: app(dict(environ), start)


def others() -> dict[str, Run]:
    """Other libraries on one TikTok agent, each as its documentation says."""
    found: dict[str, Run] = {}
    import ua_parser

    found["ua_parser alone (parse)"] = lambda: ua_parser.parse(agents.TIKTOK_ANDROID)
    try:
        from user_agents import parse

        found["user-agents alone"] = lambda: parse(agents.TIKTOK_ANDROID)
    except ImportError:
        pass
    try:
        from device_detector import DeviceDetector

        found["device_detector alone"] = lambda: DeviceDetector(
            agents.TIKTOK_ANDROID, skip_bot_detection=False
        ).parse()
    except ImportError:
        pass
    return found


def cases() -> dict[str, tuple[Run, Run]]:
    """Name -> what is measured, and what is taken off it."""
    browser, fan = environ_of(agents.SAFARI), environ_of(agents.TIKTOK_ANDROID)
    forwarded = environ_of(
        agents.SAFARI, HTTP_X_FORWARDED_FOR="192.0.2.1", HTTP_X_FORWARDED_PROTO="https"
    )
    many = [{"path": f"/r{number}/{{slug}}", "to": "page"} for number in range(1000)]
    bare, bare_copied = calls(site, browser), copied(site, browser)
    ours = EscapeMiddleware(site)
    nothing = lambda: None  # noqa: E731
    found = {
        "nothing at all": (calls(Nothing(site), browser), bare),
        "ProxyFix": (copied(ProxyFix(site), forwarded), bare_copied),
        "escape_mw, a browser seen before": (calls(ours, browser), bare),
        "escape_mw, a browser never seen": (
            new_agents(ours, agents.SAFARI),
            new_agents(site, agents.SAFARI),
        ),
        "the same with 1,000 rules": (
            calls(EscapeMiddleware(site, {"version": 1, "rules": many}), browser),
            bare,
        ),
        "escape_mw, watched and passed": (copied(ours, fan), bare_copied),
        "escape_mw, page (rule: page)": (
            calls(
                EscapeMiddleware(site, {"version": 1, "rules": [{"path": "/**", "to": "page"}]}),
                fan,
            ),
            nothing,
        ),
        "escape_mw, page (the site's redirect)": (
            calls(EscapeMiddleware(redirecting), fan),
            calls(redirecting, fan),
        ),
        "the same, the first of its kind": first_of_its_kind(EscapeMiddleware(redirecting), fan),
        "the same, the first of its kind, gzip": first_of_its_kind(
            EscapeMiddleware(redirecting), fan | {"HTTP_ACCEPT_ENCODING": "gzip, deflate, br"}
        ),
    }
    try:
        from whitenoise import WhiteNoise

        found["whitenoise (not its path)"] = (calls(WhiteNoise(site), browser), bare)
    except ImportError:
        pass
    return found | {name: (run, nothing) for name, run in others().items()}


def measure(run: Run, number: int) -> float:
    return timeit.timeit(run, number=number) / number * 1e6


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    measured = cases()
    for run, _ in measured.values():  # what the first of its kind imports is not this figure's
        run()
    numbers = {
        name: max(3, int(20_000 / max(measure(run, 3), 0.1))) for name, (run, _) in measured.items()
    }
    times: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(ROUNDS):
        for name, (run, base) in measured.items():
            times[name].append(measure(run, numbers[name]) - measure(base, numbers[name]))
    medians = {name: statistics.median(values) for name, values in times.items()}
    print("| per request | median, µs | beside ProxyFix |\n|---|---|---|")
    for name, value in medians.items():
        print(f"| {name} | {value:.2f} | {value / medians['ProxyFix']:.2f} × |")


if __name__ == "__main__":
    main()
