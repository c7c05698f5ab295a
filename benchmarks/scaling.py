"""What grows with what: longer agents and URLs, more rules and destinations.

`python -m benchmarks.scaling [ROUNDS]` prints Markdown.

Medians of one interleaved run on one core. The last column is the worst ratio between two
neighbours, for ten times as much: 1 stays where it is, 10 is linear, more would be worse. Nothing
is remembered from request to request.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.requests import Run, environ_of, measure, memos, site, start
from escape_mw import EscapeMiddleware, load
from escape_mw.web.paths import compile_path
from tests.support import agents

ROUNDS = 15
BYTES = (64, 640, 6_400, 64_000)
COUNTS = (10, 100, 1_000, 10_000)
FOLDERS: list[Any] = []  # gone when the process is
TOKEN = " Mobile/15E148 musical_ly_41.9.0"


class Case(NamedTuple):
    """A row: its name, from a size to what is measured, and how many microseconds its unit has."""

    name: str
    make: Callable[[int], Run]
    unit: int = 1


def asked(app: EscapeMiddleware, environ: dict[str, Any]) -> Run:
    """A request, as the first of its kind."""
    forget = memos(app)

    def run() -> None:
        for clear in forget:
            clear()
        for _ in app(dict(environ), start):
            pass

    return run


def filled(head: str, piece: str, tail: str) -> Callable[[int], str]:
    """From a size to a text of that many characters."""
    return lambda size: head + (piece * size)[: max(0, size - len(head) - len(tail))] + tail


def lengths() -> Iterator[Case]:
    """Rows that grow with the length of what a request holds."""
    app = EscapeMiddleware(
        site,
        {
            "version": 1,
            "rules": [{"path": "/out", "to": {"query": "url"}}, {"path": "/**", "to": "redirect"}],
        },
    )
    agent_of = {
        "agent, a browser's": filled("Mozilla/5.0 (Windows NT 10.0; ", "x", ") Gecko/1 Firefox/1"),
        "agent, TikTok's, its token at the end": filled("Mozilla/5.0 (iPhone", "; x", ")" + TOKEN),
        "agent, nothing but brackets": filled("Mozilla/5.0 ", "(", ""),
        "agent, nothing but near misses": filled(
            "Mozilla/5.0 (Linux; Android 1) ", "musical_l Version/1. Chrome/1. bo ", ""
        ),
        "agent, nothing but digits": filled("Mozilla/5.0 (X11) AppleWebKit/", "1", ""),
        "agent, nothing but crawlers' letters": filled("Mozilla/5.0 (iPhone) ", "cubot ", "bot"),
    }
    for name, agent in agent_of.items():
        yield Case(name, lambda size, agent=agent: asked(app, environ_of(agent(size))))  # type: ignore[misc]
    yield Case(
        "path", lambda size: asked(app, environ_of(agents.TIKTOK_IOS, filled("/", "x/", "")(size)))
    )
    yield Case(
        "query",
        lambda size: asked(
            app, environ_of(agents.TIKTOK_IOS) | {"QUERY_STRING": filled("", "a=b&", "")(size)}
        ),
    )
    target = filled("url=https://open.spotify.com/", "a/", "")
    yield Case(
        "a target in the query",
        lambda size: asked(
            app, environ_of(agents.TIKTOK_IOS, "/out") | {"QUERY_STRING": target(size)}
        ),
    )
    yield Case(
        "the site's Location",
        lambda size: asked(
            redirecting(filled("https://open.spotify.com/", "a/", "")(size)),
            environ_of(agents.TIKTOK_IOS),
        ),
    )


def counts() -> Iterator[Case]:
    """Rows that grow with the number of rules and destinations."""
    yield Case(
        "rules, TikTok on the last one's path",
        lambda size: asked(with_rules(size), environ_of(agents.TIKTOK_IOS, f"/r{size - 1}/x")),
    )
    yield Case(
        "rules, TikTok on no rule's path",
        lambda size: asked(with_rules(size), environ_of(agents.TIKTOK_IOS, "/none")),
    )
    yield Case(
        "rules, a browser",
        lambda size: asked(with_rules(size), environ_of(agents.SAFARI, f"/r{size - 1}/x")),
    )
    yield Case(
        "destinations, a redirect to the last one",
        lambda size: asked(with_destinations(size), environ_of(agents.TIKTOK_IOS)),
    )
    yield Case(
        "destinations, a browser",
        lambda size: asked(with_destinations(size), environ_of(agents.SAFARI)),
    )
    yield Case("loading rules from a mapping, ms", lambda size: loads(rules(size)), 1000)
    yield Case("loading rules from a file, ms", lambda size: reads(rules(size)), 1000)
    yield Case(
        "loading destinations from a mapping, ms", lambda size: loads(destinations(size)), 1000
    )
    yield Case("loading destinations from a file, ms", lambda size: reads(destinations(size)), 1000)
    yield Case(
        "loading destinations named one by one, ms",
        lambda size: loads(destinations(size, only=True)),
        1000,
    )


def rules(size: int) -> dict[str, Any]:
    return {
        "version": 1,
        "rules": [{"path": f"/r{number}/{{slug}}", "to": "page"} for number in range(size)],
    }


def destinations(size: int, only: bool = False) -> dict[str, Any]:
    added = [
        {"id": f"ours-{number}", "name": "Ours", "hosts": [f"go{number}.label.example"]}
        for number in range(size)
    ]
    return {
        "version": 1,
        "destinations": {"add": added}
        | ({"only": [entry["id"] for entry in added]} if only else {}),
    }


def with_rules(size: int) -> EscapeMiddleware:
    return EscapeMiddleware(site, rules(size))


def with_destinations(size: int) -> EscapeMiddleware:
    return redirecting(f"https://go{size - 1}.label.example/x", destinations(size))


def redirecting(target: str, source: Any = None) -> EscapeMiddleware:
    def app(_: Any, start_response: Any) -> list[bytes]:
        start_response("302 Found", [("Location", target)])
        return [b""]

    return EscapeMiddleware(app, source)


def loads(source: Any) -> Run:
    """Loading these rules for the first time."""

    def run() -> None:
        compile_path.cache_clear()
        re.purge()
        load(source)

    return run


def reads(source: dict[str, Any]) -> Run:
    """Reading a file of these rules; JSON is YAML."""
    folder = tempfile.TemporaryDirectory()
    FOLDERS.append(folder)
    file = Path(folder.name, "escape.yaml")
    file.write_text(json.dumps(source))
    return loads(file)


def measured(runs: dict[Any, Run], rounds: int) -> dict[Any, float]:
    """Medians in microseconds: one of each in a round.

    Some ten milliseconds of it, or one run where that takes longer.
    """
    numbers = {key: max(1, int(10_000 / measure(run, 2))) for key, run in runs.items()}
    times: dict[Any, list[float]] = {key: [] for key in runs}
    for _ in range(rounds):
        for key, run in runs.items():
            times[key].append(measure(run, numbers[key]))
    return {key: statistics.median(values) for key, values in times.items()}


def table(title: str, cases: list[Case], sizes: tuple[int, ...], rounds: int) -> Iterator[str]:
    """The lines to print."""
    times = measured(
        {(case.name, size): case.make(size) for case in cases for size in sizes}, rounds
    )
    yield (
        f"| {title} | "
        + " | ".join(f"{size:,}" for size in sizes)
        + " | worst × for ten times as much |"
    )
    yield "|---" * (2 + len(sizes)) + "|"
    for case in cases:
        values = [times[case.name, size] for size in sizes]
        worst = max(later / earlier for earlier, later in itertools.pairwise(values))
        yield (
            f"| {case.name} | "
            + " | ".join(f"{value / case.unit:.1f}" for value in values)
            + f" | {worst:.2f} |"
        )


def main() -> None:
    """Measure and print."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    print(*table("µs, by characters", list(lengths()), BYTES, rounds), sep="\n", end="\n\n")
    print(*table("µs, by number", list(counts()), COUNTS, rounds), sep="\n")


if __name__ == "__main__":
    main()
