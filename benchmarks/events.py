"""What events cost: an escape answer with and without them, and a browser's request.

    python -m pip install -e '.[database]'
    python -m benchmarks.events

Prints a table in Markdown, of one interleaved run on one core, in bursts. Events are written
between the bursts, as the writer thread does it between requests. How fast they are written is in
`benchmarks.report`.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from escape_mw import EscapeMiddleware
from escape_mw.events import recorder
from tests.support import agents

from .requests import copied, environ_of, redirecting, site

BURSTS, BURST = 150, 200
SECRET = "a secret for benchmarks"
PAGE = {"version": 1, "secret": SECRET, "rules": [{"path": "/**", "to": "page"}]}
REDIRECT = {"version": 1, "secret": SECRET}
TRIAL = {
    **PAGE,
    "rules": [{"path": "/**", "to": "page", "experiment": {"name": "autumn", "holdout": 1e-9}}],
}
Run = Callable[[], Any]


def cases(folder: Path) -> dict[str, tuple[Run, Run, list[EscapeMiddleware]]]:
    """Name -> the request without events, the same with events, the middlewares that record."""
    fan, line, browser = (
        environ_of(agents.TIKTOK_ANDROID),
        environ_of(agents.LINE_IOS),
        environ_of(agents.SAFARI),
    )
    found = {}
    for name, app, rules, environ in (
        ("escape answer: a page (rule: page)", site, PAGE, fan),
        ("escape answer: a page (the site's redirect)", redirecting, REDIRECT, fan),
        ("escape answer: a redirect", site, PAGE, line),
        ("escape answer: a page in an experiment", site, TRIAL, fan),
        ("a browser's request", site, PAGE, browser),
        ("a browser's request for the redirect", redirecting, REDIRECT, browser),
    ):
        database = {"events": {"database": f"sqlite:///{folder / str(len(found))}.sqlite3"}}
        plain = EscapeMiddleware(app, PAGE if rules is TRIAL else rules)
        measured = EscapeMiddleware(app, {**rules, **database})
        found[name] = copied(plain, environ), copied(measured, environ), [measured]
    return found


def burst(run: Run) -> float:
    """Microseconds per request, over many in a row."""
    started = time.perf_counter()
    for _ in range(BURST):
        run()
    return (time.perf_counter() - started) / BURST * 1e6


def flush(middlewares: list[EscapeMiddleware]) -> None:
    for middleware in middlewares:
        middleware.engine.state.measurement.recorder.flush()  # type: ignore[union-attr]


def costs(folder: Path) -> None:
    recorder.INTERVAL = 3600  # so that the writer's time is not measured
    measured = cases(folder)
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in measured}
    for _ in range(BURSTS):
        for name, (without, with_events, middlewares) in measured.items():
            times[name][0].append(burst(without))
            times[name][1].append(burst(with_events))
            flush(middlewares)
    print(
        "| per request | without events, µs | with events, µs | they add, µs |\n|---|---|---|---|"
    )
    for name, (without, with_events) in times.items():
        added = statistics.median(
            after - before for before, after in zip(without, with_events, strict=True)
        )
        print(
            f"| {name} | {statistics.median(without):.1f} | {statistics.median(with_events):.1f} "
            f"| {added:.2f} |"
        )


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as name:
        costs(Path(name))


if __name__ == "__main__":
    main()
