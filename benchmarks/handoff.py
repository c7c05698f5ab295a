"""How soon a visitor is handed over, in two real engines.

From the repository's root: `python -m benchmarks.handoff [RUNS]`.

From the navigation's start to the attempted hand-off, and to the first paint of the button; beside
a bare 302, the smallest page that hands over by itself (one script, one line) and the smallest that
shows a link, all in the same run, interleaved, on this machine alone. Needs what the tests of the
engines need.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

from werkzeug.wrappers import Request, Response

from tests.engines import chromium, webkit
from tests.engines.site import running, served
from tests.engines.table import AGENTS

RUNS = 25
WARM = 2  # runs that do not count
INTENT = (
    "intent://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC#Intent;scheme=https;"
    "package=com.spotify.music;end"
)
PAINT = "performance.getEntriesByName('first-contentful-paint').length"
HTML = {"mimetype": "text/html", "headers": {"Cache-Control": "no-store"}}
Engine = Any


class Case(NamedTuple):
    """What is measured: its name, the page, the visitor, how, and the case it stands beside."""

    name: str
    url: str
    agent: str
    measure: Callable[[Engine], float]
    beside: str


def handoff(engine: Engine) -> float:
    """Milliseconds to the attempted hand-off."""
    return float(engine.handoff_ms())


def paint(engine: Engine) -> float:
    """Milliseconds to the first paint of what the page shows, which is the button."""
    engine.until(PAINT)
    return float(
        engine.script("return performance.getEntriesByName('first-contentful-paint')[0].startTime")
    )


@Request.application
def least(request: Request) -> Response:
    """The least that a server can do, each way."""
    if request.path == "/302":
        return Response(
            status=302,
            headers={
                "Location": "https://site.example/smart?openExternalBrowser=1",
                "Cache-Control": "no-store",
            },
        )
    if request.path == "/script":
        return Response(f'<script>location.href="{INTENT}"</script>', **HTML)  # type: ignore[arg-type]
    return Response(f'<a href="{INTENT}">Open</a>', **HTML)  # type: ignore[arg-type]


def cases(bare: str, wrapped: str) -> Iterator[Case]:
    """What is measured, each after what it stands beside."""
    anybody = AGENTS["tiktok", "android"]
    yield Case("bare 302", f"{bare}/302", anybody, handoff, "bare 302")
    yield Case(
        "escape_mw, redirect", f"{wrapped}/smart", AGENTS["line", "android"], handoff, "bare 302"
    )
    yield Case(
        "smallest page, one script", f"{bare}/script", anybody, handoff, "smallest page, one script"
    )
    yield Case(
        "escape_mw, auto",
        f"{wrapped}/smart",
        AGENTS["instagram", "android"],
        handoff,
        "smallest page, one script",
    )
    yield Case(
        "smallest page, one link: first paint",
        f"{bare}/link",
        anybody,
        paint,
        "smallest page, one link: first paint",
    )
    yield Case(
        "escape_mw, tap: first paint",
        f"{wrapped}/track",
        anybody,
        paint,
        "smallest page, one link: first paint",
    )


def measured(
    engines: list[Engine], every: list[Case], runs: int
) -> dict[tuple[str, str], list[float]]:
    """The times of every case in every engine.

    One of each in a round, each round begun at another.
    """
    times: dict[tuple[str, str], list[float]] = {
        (case.name, engine.name): [] for case in every for engine in engines
    }
    for turn in range(WARM + runs):
        for at in range(len(every)):
            case = every[(turn + at) % len(every)]
            for engine in engines:
                engine.open(case.url, case.agent)
                took = case.measure(engine)
                if turn >= WARM:
                    times[case.name, engine.name].append(took)
    return times


def table(
    engines: list[Engine], every: list[Case], times: dict[tuple[str, str], list[float]]
) -> Iterator[str]:
    """The lines to print: medians, nine in ten, and ratios to the least and to the bare 302."""
    yield (
        "| median ms (90 %) | "
        + " | ".join(f"{engine.name} {engine.version} | × beside | × 302" for engine in engines)
        + " |"
    )
    yield "|---" * (1 + 3 * len(engines)) + "|"
    for case in every:
        cells = []
        for engine in engines:
            own = times[case.name, engine.name]
            middle, beside, least_of_all = (
                statistics.median(times[name, engine.name])
                for name in (case.name, case.beside, every[0].name)
            )
            cells.append(
                f"{middle:.1f} ({statistics.quantiles(own, n=10)[-1]:.1f}) | "
                f"{middle / beside:.2f} | {middle / least_of_all:.2f}"
            )
        yield f"| {case.name} | " + " | ".join(cells) + " |"


def main() -> None:
    """Measure and print."""
    if absent := chromium.missing() or webkit.missing():
        sys.exit(absent)
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with ExitStack() as stack:
        every = list(cases(stack.enter_context(running(least)), stack.enter_context(served()).url))
        engines: list[Engine] = [
            stack.enter_context(chromium.Chromium()),
            stack.enter_context(webkit.WebKit()),
        ]
        for engine in engines:
            engine.watch = ""  # the clock as it is
        times = measured(engines, every, runs)
    print(f"{runs} interleaved runs")
    print(*table(engines, every, times), sep="\n")


if __name__ == "__main__":
    main()
